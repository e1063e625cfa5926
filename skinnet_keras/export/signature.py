"""What goes in and what comes out: the names, shapes and value ranges artefacts promise."""

from __future__ import annotations

import importlib.metadata
import platform
from dataclasses import asdict, dataclass
from typing import Any

import keras

import skinnet_keras
from skinnet_keras.config import CleaningConfig
from skinnet_keras.data.metadata import MetadataEncoder
from skinnet_keras.inference.calling import model_outputs
from skinnet_keras.inference.run_calibration import RunCalibration

CLASSIFIER = "classifier"
"""Kind of artefact: image, mask and metadata in, diagnosis out."""

END_TO_END = "end_to_end"
"""Kind of artefact: image and metadata in, diagnosis and mask out."""

PREPROCESSING = (
    "Decode, apply the EXIF orientation, convert to 8-bit RGB, resize once from the original "
    "straight to image_size x image_size (aspect ratio squashed) with the antialiased bilinear "
    "filter (Pillow BILINEAR), and feed the raw values 0..255 as float32; the model normalises "
    "them itself."
)

CLEANING_FIRST = (
    "This model was trained on cleaned images: before they are resized, clean them as the entry "
    "'cleaning' says, with skinnet_keras.data.cleaning.clean or to the same effect. "
)

INTENDED_USE = (
    "Research on the classification of dermoscopic images. Not a medical device, not medical "
    "advice; not for diagnosis or for decisions about anybody's treatment."
)

# name -> (lowest value, highest value, meaning)
_MEANINGS: dict[str, tuple[float | None, float | None, str]] = {
    "image": (0.0, 255.0, "RGB pixels, not normalised; see preprocessing"),
    "metadata": (0.0, 1.0, "patient metadata; see metadata_layout"),
    "diagnosis": (0.0, 1.0, "probability of each class, in the order of classes; they sum to 1"),
    "abstain": (0.0, 1.0, "1: too uncertain, leave it to a human; 0: the decision stands"),
    "mask_logits": (None, None, "lesion logit of each pixel; positive is lesion"),
}
_MASK_INPUT = (0.0, 1.0, "1 where a pixel belongs to the lesion, 0 elsewhere")
_MASK_OUTPUT = (0.0, 1.0, "lesion probability of each pixel; lesion from mask_threshold up")


@dataclass(frozen=True)
class TensorInfo:
    """One named input or output.

    Attributes:
        name: The tensor's name in every artefact.
        shape: Shape, the batch first; None where any size goes.
        dtype: "float32".
        minimum: Lowest value, None when unbounded.
        maximum: Highest value, None when unbounded.
        meaning: What the values say.
    """

    name: str
    shape: tuple[int | None, ...]
    dtype: str
    minimum: float | None
    maximum: float | None
    meaning: str


def describe_model(model: keras.Model) -> dict[str, list[dict[str, Any]]]:
    """Describe the inputs and outputs of a model.

    Args:
        model: A Functional model with the input and output names of this package.

    Returns:
        `{"inputs": [...], "outputs": [...]}`, each entry the fields of a `TensorInfo`.
    """
    inputs = [_tensor_info(tensor.name, tensor, _MASK_INPUT) for tensor in model.inputs]
    outputs = [
        _tensor_info(name, tensor, _MASK_OUTPUT) for name, tensor in model_outputs(model).items()
    ]
    return {
        "inputs": [asdict(info) for info in inputs],
        "outputs": [asdict(info) for info in outputs],
    }


def build_metadata(
    *,
    name: str,
    classes: tuple[str, ...],
    image_size: int,
    cleaning: CleaningConfig,
    mask_threshold: float,
    models: dict[str, keras.Model],
    run: dict[str, Any],
    calibration: RunCalibration | None = None,
) -> dict[str, Any]:
    """Write down what a developer has to know to feed an exported model.

    Args:
        name: Name of the exported model.
        classes: Class of each probability, in order.
        image_size: Side S of the square image in pixels.
        cleaning: What training cleaned, and what every client has to clean.
        mask_threshold: Lesion probability from which a pixel belongs to the mask.
        models: Kind (`CLASSIFIER`, `END_TO_END`) -> the Keras model that was exported.
        run: Where the model comes from.
        calibration: What is inside the models' probabilities.

    Returns:
        The content of `metadata.json`.
    """
    return {
        "name": name,
        "version": skinnet_keras.__version__,
        "intended_use": INTENDED_USE,
        "package": {"name": "skinnet_keras", "version": skinnet_keras.__version__},
        "versions": {
            "python": platform.python_version(),
            "keras": keras.__version__,
            "tensorflow": importlib.metadata.version("tensorflow"),
        },
        "classes": list(classes),
        "image_size": image_size,
        "preprocessing": (CLEANING_FIRST if cleaning.steps else "") + PREPROCESSING,
        "cleaning": cleaning.model_dump() if cleaning.steps else None,
        "mask_threshold": mask_threshold,
        **(calibration.to_json() if calibration else {}),
        "metadata_layout": MetadataEncoder().layout(),
        "models": {kind: describe_model(model) for kind, model in models.items()},
        "run": run,
    }


def _tensor_info(
    name: str, tensor: Any, mask: tuple[float | None, float | None, str]
) -> TensorInfo:
    minimum, maximum, meaning = mask if name == "mask" else _MEANINGS.get(name, (None, None, ""))
    dtype = keras.backend.standardize_dtype(tensor.dtype)
    return TensorInfo(name, tuple(tensor.shape), dtype, minimum, maximum, meaning)
