"""Predicting photographs with any runner: canonical preprocessing in, named probabilities out.

Images are cleaned as the model's training cleaned them (`Runner.cleaning`), before the resize.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
from skinnet_keras.inference.photographs import FailedImage, check_photograph
from skinnet_keras.inference.runner import Runner
from skinnet_keras.inference.view_averaging import NotFiniteError, predict_views


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
    for file in (image,) if mask is None else (image, mask):
        check_photograph(file)
    masked = read_masked(image, mask)
    return clean(masked.rgb, masked.mask, cleaning)


class ImagesFailedError(UserError):
    """Some images have no answer.

    Attributes:
        predictions: What the model says about the others, in their order.
        failed: Those images and why.
    """

    def __init__(self, predictions: list[ImagePrediction], failed: list[FailedImage]) -> None:
        more = f" ({len(failed) - 1} more images failed.)" if len(failed) > 1 else ""
        super().__init__(f"{failed[0].reason}{more}")
        self.predictions = predictions
        self.failed = failed


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

    Returns:
        A prediction for each image, in their order.

    Raises:
        ImagesFailedError: Images cannot be read, or the model's outputs for them are not finite; it
            carries the predictions of the others.
        UserError: An unknown word, a mask that is missing, not needed or given for several
            images, or a model whose inputs are not those of this package.
    """
    answers = list(
        predict_each(runner, images, age=age, sex=sex, site=site, mask=mask, views=views)
    )
    predictions = [answer for answer in answers if isinstance(answer, ImagePrediction)]
    failed = [answer for answer in answers if isinstance(answer, FailedImage)]
    if failed:
        raise ImagesFailedError(predictions, failed)
    return predictions


def predict_each(
    runner: Runner,
    images: Sequence[Path],
    *,
    age: float | None = None,
    sex: str | None = None,
    site: str | None = None,
    mask: Path | None = None,
    views: Sequence[View] = (View(),),
) -> Iterator[ImagePrediction | FailedImage]:
    """Predict photographs of one patient's lesion one after the other, also where some fail.

    Args:
        runner: The model.
        images: Image files; a batch of them is in memory at a time.
        age: As for `predict_images`, and so are the others.
        sex: "female" or "male"; None when unknown.
        site: Site of the lesion.
        mask: Mask file of the one image.
        views: Views to average over.

    Returns:
        For each image, in their order, what the model says, or why it says nothing.

    Raises:
        UserError: As `predict_images`, at once, for what concerns all images.
    """
    _check_inputs(runner, images, mask)
    metadata = MetadataEncoder().encode(age, sex, site)
    batches = (
        images[start : start + runner.batch_size]
        for start in range(0, len(images), runner.batch_size)
    )
    return (
        answer for batch in batches for answer in _answers(runner, batch, metadata, mask, views)
    )


def _answers(
    runner: Runner,
    images: Sequence[Path],
    metadata: np.ndarray,
    mask: Path | None,
    views: Sequence[View],
) -> list[ImagePrediction | FailedImage]:
    """Answer for the images of one batch."""
    read: list[dict[str, np.ndarray]] = []
    failed: dict[int, FailedImage] = {}
    for place, image in enumerate(images):
        try:
            read.append(_read_inputs(runner, image, mask) | {"metadata": metadata})
        except UserError as error:
            failed[place] = FailedImage(str(image), str(error))
    intact = [image for place, image in enumerate(images) if place not in failed]
    answers = iter(_predict_batch(runner, intact, read, views) if read else ())
    return [failed[place] if place in failed else next(answers) for place in range(len(images))]


def _read_inputs(runner: Runner, image: Path, mask: Path | None) -> dict[str, np.ndarray]:
    size = runner.image_size
    rgb, lesion = read_cleaned(image, runner.cleaning, mask)
    inputs = {"image": resize_image(rgb, size)}
    if lesion is not None:
        inputs["mask"] = resize_mask(lesion, size)[..., np.newaxis]
    return inputs


def _predict_batch(
    runner: Runner,
    images: Sequence[Path],
    read: Sequence[dict[str, np.ndarray]],
    views: Sequence[View],
) -> list[ImagePrediction | FailedImage]:
    inputs = {name: np.stack([own[name] for own in read]) for name in read[0]}
    try:
        outputs = predict_views(runner, inputs, views)
    except NotFiniteError as error:
        if len(images) == 1:
            return [FailedImage(str(images[0]), f"{images[0]}: {error}")]
        # Which of them was it?
        alone = (
            _predict_batch(runner, [i], [own], views) for i, own in zip(images, read, strict=True)
        )
        return [answer for (answer,) in alone]
    return [_prediction(runner, image, row, inputs, outputs) for row, image in enumerate(images)]


def _prediction(
    runner: Runner,
    image: Path,
    row: int,
    inputs: dict[str, np.ndarray],
    outputs: dict[str, np.ndarray],
) -> ImagePrediction:
    mask = None
    if "mask" in outputs:
        mask = outputs["mask"][row]
    elif "mask" in inputs:
        mask = inputs["mask"][row, ..., 0].astype(np.float32)
    probabilities = decision = None
    if "diagnosis" in outputs:
        values = [float(value) for value in outputs["diagnosis"][row]]
        probabilities = dict(zip(runner.classes, values, strict=True))
        decision = None if runner.thresholds is None else runner.thresholds.choose(probabilities)
    return ImagePrediction(
        image=image,
        probabilities=probabilities,
        mask=mask,
        decision=decision,
        abstain=bool(outputs["abstain"][row, 0] >= 0.5) if "abstain" in outputs else None,
    )


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
