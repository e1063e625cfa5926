"""The parity gate: an artefact is only kept when it computes what the Keras model computes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from skinnet_keras.errors import UserError
from skinnet_keras.export.delegate import Delegation
from skinnet_keras.export.image_bytes.check import ImageBytesParity
from skinnet_keras.export.int8_gate import MAX_ABSTENTION_DISAGREEMENT, Int8Report
from skinnet_keras.export.logits import LOGIT_BOUND, logits_of, relative_logit_difference
from skinnet_keras.export.signature import END_TO_END
from skinnet_keras.inference.runner import Runner

TOLERANCES = {"float32": 1e-5, "float16": 5e-3}
"""Largest accepted difference by precision: of a probability, and of a mask's logit relative to
the spread of the logits. What int8 may change is judged by its decisions, see `int8_gate`."""

MAX_MASK_DISAGREEMENT = 1e-3
"""Largest accepted fraction of pixels on which two thresholded masks differ."""

MIN_VARIATION = 1e-3
"""A class's probability has to differ at least so much between two of the images."""


@dataclass(frozen=True)
class ParityResult:
    """How closely one artefact follows the Keras model.

    Attributes:
        artefact: Name of the artefact.
        format: Its format.
        kind: "classifier" or "end_to_end".
        precision: Precision of its weights.
        images: Number of images compared.
        max_difference: Largest absolute difference of a probability.
        tolerance: The accepted `max_difference` and `logit_difference`; None for int8, which
            `int8` judges.
        logit_difference: Largest difference of a mask's logit, relative to the spread of the
            Keras model's, over pixels within `LOGIT_BOUND`; None for classifiers, or without such
            pixels.
        mask_disagreement: Fraction of pixels whose thresholded masks differ; None for
            classifiers.
        abstention_disagreement: Fraction of images that only one of the two models abstains on;
            None for models that never do.
        variation: Largest max - min over the images of any class's probability.
        image_bytes: Of SavedModels with the signature `serve_image_bytes`: how closely it follows
            the preprocessing in Python.
        opset: Version of the ONNX operators; None for other formats.
        delegation: What LiteRT's delegate runs; None for other formats.
        int8: What decided on an int8 artefact; None for other precisions.
    """

    artefact: str
    format: str
    kind: str
    precision: str
    images: int
    max_difference: float
    tolerance: float | None
    logit_difference: float | None
    mask_disagreement: float | None
    abstention_disagreement: float | None
    variation: float
    image_bytes: ImageBytesParity | None = None
    opset: int | None = None
    delegation: Delegation | None = None
    int8: Int8Report | None = None


@dataclass(frozen=True)
class ParityReference:
    """The Keras model and the images an artefact is compared on.

    Attributes:
        classifier: The Keras classifier.
        end_to_end: The Keras end-to-end model, if there is one; where it has an output
            `mask_logits`, masks are compared with that.
        inputs: Arrays by name: `image` (N, S, S, 3) 0..255, `mask` (N, S, S, 1) in {0, 1} for
            the classifier, `metadata` (N, M).
        mask_threshold: Lesion probability from which a pixel belongs to the mask.
    """

    classifier: Runner
    end_to_end: Runner | None
    inputs: dict[str, np.ndarray]
    mask_threshold: float

    @cached_property
    def masks(self) -> dict[str, np.ndarray]:
        """`mask` and `mask_logits` (N, S, S, 1) of the end-to-end model."""
        if self.end_to_end is None:
            raise ValueError("an end-to-end artefact needs an end-to-end reference.")
        outputs = self.end_to_end.predict(self.inputs)
        logits = outputs.get("mask_logits")
        return {
            "mask": outputs["mask"],
            "mask_logits": logits_of(outputs["mask"]) if logits is None else logits,
        }


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
        precision: A key of `TOLERANCES`, or "int8": measured then, and refused only where it is
            nearly constant.
        reference: Keras model and images.

    Raises:
        UserError: The artefact differs by more than the tolerances, or is nearly constant.
    """
    inputs = reference.inputs
    outputs = artefact.predict(inputs)
    disagreement = logit_difference = None
    if kind == END_TO_END:
        mask = outputs["mask"] >= reference.mask_threshold
        keras_mask = reference.masks["mask"] >= reference.mask_threshold
        disagreement = float(np.mean(mask != keras_mask))
        logit_difference = relative_logit_difference(
            outputs["mask"], reference.masks["mask_logits"]
        )
        inputs = {**inputs, "mask": mask.astype(np.float32)}
    expected = reference.classifier.predict(inputs)
    abstention = None
    if "abstain" in expected:
        abstention = float(np.mean(outputs["abstain"] != expected["abstain"]))
    result = ParityResult(
        artefact=name,
        format=artefact.format,
        kind=kind,
        precision=precision,
        images=len(expected["diagnosis"]),
        max_difference=float(np.abs(outputs["diagnosis"] - expected["diagnosis"]).max()),
        tolerance=TOLERANCES.get(precision),
        logit_difference=logit_difference,
        mask_disagreement=disagreement,
        abstention_disagreement=abstention,
        variation=check_variation(outputs["diagnosis"], name),
    )
    if result.tolerance is not None:
        _require_parity(result, result.tolerance)
    return result


def _require_parity(result: ParityResult, tolerance: float) -> None:
    # Written so that NaN is refused too.
    if not result.max_difference <= tolerance:
        raise UserError(
            f"{result.artefact} is not kept: its probabilities differ from the Keras model's by "
            f"up to {result.max_difference:.1e} on {result.images} images (at most "
            f"{tolerance:g} is accepted)."
        )
    if result.logit_difference is not None and not result.logit_difference <= tolerance:
        raise UserError(
            f"{result.artefact} is not kept: the logits of its masks differ from the Keras "
            f"model's by up to {result.logit_difference:.1e} of their spread on {result.images} "
            f"images (at most {tolerance:g} is accepted, where they are within "
            f"{LOGIT_BOUND:g})."
        )
    if result.mask_disagreement is not None and result.mask_disagreement > MAX_MASK_DISAGREEMENT:
        raise UserError(
            f"{result.artefact} is not kept: its masks differ from the Keras model's on "
            f"{result.mask_disagreement:.2%} of the pixels of {result.images} images (at most "
            f"{MAX_MASK_DISAGREEMENT:.1%} is accepted)."
        )
    abstention = result.abstention_disagreement
    if abstention is not None and abstention > MAX_ABSTENTION_DISAGREEMENT:
        raise UserError(
            f"{result.artefact} is not kept: it abstains on other images than the Keras model, "
            f"{abstention:.1%} of {result.images} (at most {MAX_ABSTENTION_DISAGREEMENT:.1%} is "
            "accepted)."
        )
