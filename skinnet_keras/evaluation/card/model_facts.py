"""What a card says about the model, from the config and the run's files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from skinnet_keras.config import Config, ModelConfig
from skinnet_keras.evaluation.card.sections import with_arguments
from skinnet_keras.runs.files import file_sha256
from skinnet_keras.runs.masks import read_mask_table
from skinnet_keras.runs.view_record import read_tta
from skinnet_keras.taxonomy import LABELS

_FILES = ("best.keras", "segmenter.keras", "classifier.skops")


def describe_model(config: Config, directory: Path) -> dict[str, Any]:
    """Describe a run's model.

    Args:
        config: The run's config.
        directory: The run.

    Returns:
        `technology`, `architecture`, `inputs` and `preprocessing` (sentences), `output`,
        `classes`, `image_size`, `initialisation` (None for a classical model), `uses_metadata`,
        `cleaning` (steps), `mask_origin` and `masks_in_sample` (training masks the segmentation
        network was itself trained on; None without masks), `files` (name -> bytes and SHA-256).
    """
    classes = list(LABELS[: config.num_classes])
    classical = config.classical
    takes_metadata = classical or config.model
    uses_metadata = takes_metadata is not None and takes_metadata.metadata
    origin, in_sample = _masks(directory)
    inputs = [
        f"image: decoded, turned upright by its EXIF orientation, RGB, resized once to "
        f"{config.image_size} x {config.image_size} pixels (aspect squashed, antialiased bilinear)"
    ]
    if uses_metadata:
        inputs.append("age, sex and anatomical site, each with an indicator where it is missing")
    if config.uses_mask:
        inputs.append(f"binary lesion mask predicted by a segmentation network ({origin})")
    averaged = read_tta(directory)
    views = "" if averaged is None else f". {averaged.sentence}"
    return {
        "technology": "classical machine learning" if classical else "deep learning",
        "architecture": _architecture(config),
        "inputs": inputs,
        "output": f"a probability for each of the classes {', '.join(classes)}; the class named is "
        f"the most probable one, no threshold is tuned{views}",
        "classes": classes,
        "image_size": config.image_size,
        "initialisation": None if config.model is None else _initialisation(config.model),
        "uses_metadata": uses_metadata,
        "cleaning": list(config.cleaning.steps),
        "mask_origin": origin,
        "masks_in_sample": in_sample,
        "files": {
            name: {"bytes": path.stat().st_size, "sha256": file_sha256(path)}
            for name in _FILES
            if (path := directory / name).is_file()
        },
    }


def _architecture(config: Config) -> list[str]:
    if config.classical is not None:
        features = config.classical.features
        named = {"HOG": features.hog, "LBP": features.lbp, "colour histograms": features.colour}
        used = [name for name, section in named.items() if section is not None]
        return [f"{with_arguments(config.classical.classifier)} on {', '.join(used)}"]
    sentences = []
    model = config.model
    if model is not None:
        image = {
            "v1": f"{model.backbone} on the image",
            "v2": f"{model.backbone} on the image and its lesion mask as a fourth channel",
            "v3": f"{model.backbone} on the image, and a small convolutional network on the lesion "
            "cut out by the mask",
            "v4": f"{model.backbone} on the image and its mask, and {model.lesion_backbone} on the "
            "lesion cut out by the mask",
        }[model.variant]
        sentences.append(f"SkinNet-{model.variant}: {image}")
        if model.mask_branch:
            sentences.append("a series of MBConv blocks on the mask")
        if model.metadata:
            units = ", ".join(map(str, model.metadata_units))
            sentences.append(f"a metadata network of {units} units")
        units = ", ".join(map(str, model.head_units or ()))
        hidden = f"layers of {units} units and " if units else ""
        sentences.append(f"{hidden}a linear layer with softmax over the joined features")
    if config.segmenter is not None:
        how = "taken from another run" if config.segmenter.run else "trained in this run"
        how += " and tuned with the classifier" * config.tunes_segmenter
        sentences.append(f"segmentation network {config.segmenter.name}, {how}")
    return sentences


def _initialisation(model: ModelConfig) -> str:
    if model.weights == "none":
        return "random"
    return f"backbones from the weights '{Path(model.weights).name}', the rest random"


def _masks(directory: Path) -> tuple[str | None, int | None]:
    """Origin of the masks a run's classifier saw, and how many were of images it was trained on."""
    rows = read_mask_table(directory)
    if not rows:
        return None, None
    origins = dict.fromkeys(row["mask_origin"] for row in rows)
    return ", ".join(origins), sum(row["in_sample"] == "1" for row in rows)
