"""The int8 gate: eight bits are only kept when they decide as float32 does, for every class."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import keras
import numpy as np

from skinnet_keras.errors import UserError
from skinnet_keras.evaluation.bootstrap import DEFAULT_RESAMPLES, group_indices
from skinnet_keras.evaluation.decisions.rules import Thresholds
from skinnet_keras.evaluation.paired_recall import RecallChange, recall_changes
from skinnet_keras.evaluation.table import Table, number
from skinnet_keras.export.int8_images import MIN_VALIDATION_IMAGES, Int8Images, Judged
from skinnet_keras.export.quantization import Representative
from skinnet_keras.inference.runner import Runner

MIN_AGREEMENT = 0.98
"""Smallest accepted share of validation images with the same decision."""

MAX_MASK_DISAGREEMENT = 1e-2
"""Largest accepted fraction of pixels on which masks differ: on real lesions eight bits move the
outline by 0.4 %, a network that has collapsed by tens of percent."""

MAX_ABSTENTION_DISAGREEMENT = 1 / 16
"""Largest accepted fraction of images that only one of the two models abstains on."""


@dataclass(frozen=True)
class Int8Report:
    """How an int8 artefact decides, beside the float32 model, on labelled validation images.

    Attributes:
        artefact: Name of the artefact.
        images: Number of images.
        groups: Number of lesions that the bootstrap resamples.
        agreement: Share of images with the same most probable class.
        decision_agreement: The same for the decisions by the run's thresholds; None without.
        recalls: Recall of each class; first is float32, this is int8.
        mask_disagreement: Fraction of pixels whose masks differ; None for classifiers.
        abstention_disagreement: Fraction of images that only one of the two abstains on; None for
            models that never do.
        reasons: Why it was refused; empty where it was not.
        forced: Whether it was written all the same.
    """

    artefact: str
    images: int
    groups: int
    agreement: float
    decision_agreement: float | None
    recalls: list[RecallChange]
    mask_disagreement: float | None
    abstention_disagreement: float | None
    reasons: list[str]
    forced: bool

    def table(self) -> Table:
        """Recall of each class by both, and in the footnotes how often they agree."""
        rows = tuple(
            (
                change.label,
                str(change.images),
                number(change.first),
                number(change.this),
                number(change.difference, "+.4f"),
                "-" if change.interval is None else "{:+.4f} to {:+.4f}".format(*change.interval),
            )
            for change in self.recalls
        )
        notes = [f"Same top-1 on {self.agreement:.2%} of {self.images} validation images."]
        if self.decision_agreement is not None:
            notes.append(f"Same decision by the thresholds: {self.decision_agreement:.2%}.")
        if self.mask_disagreement is not None:
            notes.append(f"Mask pixels that differ: {self.mask_disagreement:.3%}.")
        if self.abstention_disagreement is not None:
            notes.append(f"Only one abstains on {self.abstention_disagreement:.2%} of the images.")
        notes.append(
            f"Intervals: percentiles of {DEFAULT_RESAMPLES} paired bootstrap resamples of "
            f"{self.groups} lesions."
        )
        return Table(
            title=f"{self.artefact}: recall against float32",
            headings=("Class", "Images", "float32", "int8", "Difference", "95 % interval"),
            rows=rows,
            footnotes=tuple(notes),
        )


class Int8RefusedError(UserError):
    """An int8 artefact decides otherwise than the float32 model.

    Attributes:
        report: What was measured.
    """

    def __init__(self, report: Int8Report) -> None:
        super().__init__(
            f"{report.artefact} is not kept: {'; '.join(report.reasons)}; leave int8 out of "
            "--precision, or write it all the same with --force."
        )
        self.report = report


@dataclass(frozen=True)
class Int8Gate:
    """What the int8 artefacts of one export are made by and judged by.

    Attributes:
        images: The images.
        thresholds: Of each class, where the run decides by some.
        force: Whether artefacts are kept whatever comes out.
    """

    images: Int8Images
    thresholds: Thresholds | None
    force: bool

    def representative(self, model: keras.Model) -> Representative:
        """What `write_tflite` needs to quantise a model of the run."""
        names = tuple(tensor.name for tensor in model.inputs)
        return lambda: self.images.representative(names)

    def check(self, name: str, runner: Runner) -> Int8Report:
        """Judge an artefact, see `check_int8`."""
        expected = self.images.expected
        masks = expected.masks if "mask" in runner.input_names else None
        found = self.images.judge(runner, masks=masks)
        return check_int8(name, expected, found, thresholds=self.thresholds, force=self.force)


def check_int8(
    name: str,
    expected: Judged,
    found: Judged,
    *,
    thresholds: Thresholds | None = None,
    force: bool = False,
) -> Int8Report:
    """Compare the decisions of an int8 artefact with those of the float32 model.

    Args:
        name: The artefact, for messages and the report.
        expected: What the float32 model says.
        found: What the artefact says of the same images.
        thresholds: Of each class, where the run decides by some.
        force: Whether to keep it whatever comes out.

    Raises:
        Int8RefusedError: There are fewer than `MIN_VALIDATION_IMAGES` images, another decision on
            more than 2 % of them, a class whose recall has fallen beyond chance, or other masks
            or abstentions.
    """
    first, this = expected.predictions, found.predictions
    decision_agreement = None
    if thresholds is not None:
        values = thresholds.to_json()
        rule = Thresholds(first.classes, tuple(values[name] for name in first.classes))
        decision_agreement = _share_equal(
            rule.decide(first.probabilities), rule.decide(this.probabilities)
        )
    mask_disagreement = abstention_disagreement = None
    if expected.masks is not None and found.masks is not None:
        mask_disagreement = _share_unequal(expected.masks, found.masks)
    if expected.abstains is not None and found.abstains is not None:
        abstention_disagreement = _share_unequal(expected.abstains, found.abstains)
    measured = Int8Report(
        artefact=name,
        images=len(first.labels),
        groups=int(group_indices(first.groups, len(first.labels)).max()) + 1,
        agreement=_share_equal(first.predicted_indices(), this.predicted_indices()),
        decision_agreement=decision_agreement,
        recalls=recall_changes(first, this),
        mask_disagreement=mask_disagreement,
        abstention_disagreement=abstention_disagreement,
        reasons=[],
        forced=False,
    )
    report = replace(measured, reasons=list(_reasons(measured)))
    if report.reasons and not force:
        raise Int8RefusedError(report)
    return replace(report, forced=bool(report.reasons))


def _share_equal(first: np.ndarray, this: np.ndarray) -> float:
    return float(np.mean(first == this))


def _share_unequal(first: np.ndarray, this: np.ndarray) -> float:
    return float(np.mean(first != this))


def _reasons(report: Int8Report) -> Iterator[str]:
    if report.images < MIN_VALIDATION_IMAGES:
        yield f"only {report.images} validation images (at least {MIN_VALIDATION_IMAGES})"
    least = f"at least {MIN_AGREEMENT:.0%}"
    agreement, decisions = report.agreement, report.decision_agreement
    if agreement < MIN_AGREEMENT:
        yield f"its top-1 is float32's on {agreement:.1%} of {report.images} images ({least})"
    if decisions is not None and decisions < MIN_AGREEMENT:
        yield f"its decisions by the thresholds are float32's on {decisions:.1%} ({least})"
    fallen = [c.label for c in report.recalls if c.interval is not None and c.interval[1] < 0]
    if fallen:
        yield f"its recall is lower beyond chance for {', '.join(fallen)}"
    masks, abstains = report.mask_disagreement, report.abstention_disagreement
    if masks is not None and masks > MAX_MASK_DISAGREEMENT:
        yield f"its masks differ on {masks:.1%} of the pixels (at most {MAX_MASK_DISAGREEMENT:.0%})"
    if abstains is not None and abstains > MAX_ABSTENTION_DISAGREEMENT:
        yield (
            f"it abstains on other images, {abstains:.1%} of them (at most "
            f"{MAX_ABSTENTION_DISAGREEMENT:.1%})"
        )
