"""The parity gate: an artefact is only kept when it computes what the Keras model computes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from skinnet_keras.errors import UserError
from skinnet_keras.export.image_bytes.check import ImageBytesParity
from skinnet_keras.export.runners import Runner
from skinnet_keras.export.signature import END_TO_END

TOLERANCES = {"float32": 1e-5, "float16": 5e-3}
"""Largest accepted difference of a probability, by precision of the artefact's weights."""

MAX_MASK_DISAGREEMENT = 1e-3
"""Largest accepted fraction of pixels on which two thresholded masks differ."""

MIN_VARIATION = 1e-3
"""A class's probability has to differ at least so much between two of the images."""


@dataclass(frozen=True)
class ParityResult:
    """How closely one artefact follows the Keras model.

    Attributes:
        artefact: Name of the artefact.
        kind: "classifier" or "end_to_end".
        precision: Precision of its weights.
        images: Number of images compared.
        max_difference: Largest absolute difference of a probability.
        tolerance: The accepted `max_difference`.
        mask_disagreement: Fraction of pixels whose thresholded masks differ; None for
            classifiers.
        variation: Largest max - min over the images of any class's probability.
        image_bytes: Of SavedModels with the signature `serve_image_bytes`: how closely it follows
            the preprocessing in Python.
    """

    artefact: str
    kind: str
    precision: str
    images: int
    max_difference: float
    tolerance: float
    mask_disagreement: float | None
    variation: float
    image_bytes: ImageBytesParity | None = None


@dataclass(frozen=True)
class ParityReference:
    """The Keras model and the images an artefact is compared on.

    Attributes:
        classifier: The Keras classifier.
        end_to_end: The Keras end-to-end model, if there is one.
        inputs: Arrays by name: `image` (N, S, S, 3) 0..255, `mask` (N, S, S, 1) in {0, 1} for
            the classifier, `metadata` (N, M).
        mask_threshold: Lesion probability from which a pixel belongs to the mask.
    """

    classifier: Runner
    end_to_end: Runner | None
    inputs: dict[str, np.ndarray]
    mask_threshold: float


def probability_variation(probabilities: np.ndarray) -> float:
    """Return the largest max - min over the images of any class's probability.

    Args:
        probabilities: float array of shape (N, K).
    """
    return float(np.ptp(probabilities, axis=0).max())


def check_variation(probabilities: np.ndarray, what: str) -> float:
    """Refuse a model that answers nearly the same for every image.

    Any two such models agree, so the comparison would prove nothing.

    Args:
        probabilities: float array of shape (N, K).
        what: The model, for the message.

    Returns:
        The `probability_variation`.

    Raises:
        UserError: No class's probability varies by `MIN_VARIATION` over the images.
    """
    variation = probability_variation(probabilities)
    if not variation >= MIN_VARIATION:
        raise UserError(
            f"{what} is nearly constant: over {len(probabilities)} images no class's probability "
            f"varies by more than {variation:.1e} (at least {MIN_VARIATION:g} is needed), so it "
            "is not exported; train it longer."
        )
    return variation


def check_parity(
    artefact: Runner, name: str, *, kind: str, precision: str, reference: ParityReference
) -> ParityResult:
    """Compare an artefact with the Keras model it was made from.

    A classifier gets the same masks as the Keras model. End to end, the masks are compared pixel
    by pixel, and the probabilities with those of the Keras classifier at the artefact's own
    masks: a pixel on the threshold may fall either way, and must not hide or feign a difference.

    Args:
        artefact: Runner of the artefact.
        name: Its name, for messages and the report.
        kind: "classifier" or "end_to_end".
        precision: A key of `TOLERANCES`.
        reference: Keras model and images.

    Raises:
        UserError: The artefact differs by more than the tolerances, or is nearly constant.
    """
    inputs = reference.inputs
    outputs = artefact.predict(inputs)
    disagreement = None
    if kind == END_TO_END:
        if reference.end_to_end is None:
            raise ValueError("an end-to-end artefact needs an end-to-end reference.")
        mask = outputs["mask"] >= reference.mask_threshold
        keras_mask = reference.end_to_end.predict(inputs)["mask"] >= reference.mask_threshold
        disagreement = float(np.mean(mask != keras_mask))
        inputs = {**inputs, "mask": mask.astype(np.float32)}
    expected = reference.classifier.predict(inputs)["diagnosis"]
    result = ParityResult(
        artefact=name,
        kind=kind,
        precision=precision,
        images=len(expected),
        max_difference=float(np.abs(outputs["diagnosis"] - expected).max()),
        tolerance=TOLERANCES[precision],
        mask_disagreement=disagreement,
        variation=check_variation(outputs["diagnosis"], name),
    )
    _require_parity(result)
    return result


def _require_parity(result: ParityResult) -> None:
    # Written so that NaN is refused too.
    if not result.max_difference <= result.tolerance:
        raise UserError(
            f"{result.artefact} is not kept: its probabilities differ from the Keras model's by "
            f"up to {result.max_difference:.1e} on {result.images} images (at most "
            f"{result.tolerance:g} is accepted)."
        )
    if result.mask_disagreement is not None and result.mask_disagreement > MAX_MASK_DISAGREEMENT:
        raise UserError(
            f"{result.artefact} is not kept: its masks differ from the Keras model's on "
            f"{result.mask_disagreement:.2%} of the pixels of {result.images} images (at most "
            f"{MAX_MASK_DISAGREEMENT:.1%} is accepted)."
        )
