"""Predicting photographs with any runner: canonical preprocessing in, named probabilities out.

Images are cleaned as the model's training cleaned them (`Runner.cleaning`), before the resize.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from skinnet_keras.config import CleaningConfig
from skinnet_keras.data.cleaning import clean
from skinnet_keras.data.image_io import resize_image, resize_mask
from skinnet_keras.data.image_masks import read_masked
from skinnet_keras.data.metadata import METADATA_DIM, MetadataEncoder
from skinnet_keras.data.views import View
from skinnet_keras.errors import UserError
from skinnet_keras.inference.runner import Runner
from skinnet_keras.inference.view_averaging import predict_views


@dataclass(frozen=True)
class ImagePrediction:
    """What a model says about one image.

    Attributes:
        image: The image file.
        probabilities: Class -> probability; None for a segmentation network.
        mask: float32 array (S, S): lesion probability of each pixel, or the mask that was given;
            None where the model neither makes nor takes a mask. It lies on the cleaned image,
            see `read_cleaned`.
        decision: What the thresholds of a calibrated model decide for; None without any.
        abstain: Whether the model is too uncertain to decide, in half of the views at least; None
            where it does not say.
    """

    image: Path
    probabilities: dict[str, float] | None
    mask: np.ndarray | None
    decision: str | None = None
    abstain: bool | None = None

    def top(self, count: int) -> list[tuple[str, float]]:
        """Return the `count` most probable classes, the most probable first."""
        ranked = sorted((self.probabilities or {}).items(), key=lambda item: -item[1])
        return ranked[:count]


def read_cleaned(
    image: Path, cleaning: CleaningConfig, mask: Path | None = None
) -> tuple[np.ndarray, np.ndarray | None]:
    """Read an image as the model sees it, but for the resize.

    Args:
        image: Image file.
        cleaning: What the model's training cleaned.
        mask: Mask file of the image.

    Returns:
        RGB uint8 array of shape (H, W, 3), and the mask, uint8 (H', W') in {0, 1}, or None.

    Raises:
        UserError: An unreadable file, or a mask that is not of the image's aspect ratio.
    """
    masked = read_masked(image, mask)
    return clean(masked.rgb, masked.mask, cleaning)


def predict_images(
    runner: Runner,
    images: Sequence[Path],
    *,
    age: float | None = None,
    sex: str | None = None,
    site: str | None = None,
    mask: Path | None = None,
    views: Sequence[View] = (View(),),
) -> list[ImagePrediction]:
    """Predict photographs of one patient's lesion.

    Args:
        runner: The model.
        images: Image files.
        age: Age in years; None when unknown.
        sex: "female" or "male"; None when unknown.
        site: One of `skinnet_keras.data.metadata.SITES`; None when unknown.
        mask: Mask file of the one image, for a classifier that takes a mask.
        views: Views to average over, from `skinnet_keras.data.views.view_set`.

    Raises:
        UserError: An unreadable file, an unknown word, a mask that is missing, not needed or
            given for several images, or a model whose inputs are not those of this package or
            whose outputs are not finite.
    """
    _check_inputs(runner, images, mask)
    size, count = runner.image_size, len(images)
    metadata = MetadataEncoder().encode(age, sex, site)
    pixels = np.empty((count, size, size, 3), np.uint8)
    inputs = {"image": pixels, "metadata": np.tile(metadata, (count, 1))}
    for i, image in enumerate(images):
        rgb, lesion = read_cleaned(image, runner.cleaning, mask)
        pixels[i] = resize_image(rgb, size)
        if lesion is not None:
            inputs["mask"] = resize_mask(lesion, size)[None, :, :, None]
    outputs = predict_views(runner, inputs, views)
    masks = outputs.get("mask")
    if masks is None and "mask" in inputs:
        masks = inputs["mask"][..., 0].astype(np.float32)
    predictions = []
    for i, image in enumerate(images):
        probabilities = decision = None
        if "diagnosis" in outputs:
            values = [float(value) for value in outputs["diagnosis"][i]]
            probabilities = dict(zip(runner.classes, values, strict=True))
            decision = (
                None if runner.thresholds is None else runner.thresholds.choose(probabilities)
            )
        predictions.append(
            ImagePrediction(
                image=image,
                probabilities=probabilities,
                mask=None if masks is None else masks[i],
                decision=decision,
                abstain=bool(outputs["abstain"][i, 0] >= 0.5) if "abstain" in outputs else None,
            )
        )
    return predictions


def _check_inputs(runner: Runner, images: Sequence[Path], mask: Path | None) -> None:
    unknown = sorted(set(runner.input_names) - {"image", "mask", "metadata"})
    if unknown or not {"diagnosis", "mask_logits"} & set(runner.output_names):
        raise UserError(
            f"This is not a SkinNet or segmentation model: its inputs are "
            f"{', '.join(runner.input_names)} and its outputs {', '.join(runner.output_names)}."
        )
    if runner.input_shapes.get("metadata", (METADATA_DIM,)) != (METADATA_DIM,):
        raise UserError(
            f"The model takes a metadata vector of {runner.input_shapes['metadata'][0]} floats, "
            f"but this package makes one of {METADATA_DIM}."
        )
    takes_mask = "mask" in runner.input_names
    if takes_mask and mask is None:
        raise UserError(
            "The model is a bare classifier that takes the lesion's mask: give --mask FILE, or "
            "predict with the whole run or an end-to-end export."
        )
    if mask is not None and not takes_mask:
        raise UserError("The model takes no mask: leave out --mask.")
    if mask is not None and len(images) != 1:
        raise UserError("One --mask goes with one image: predict the images one by one.")
