"""One row of the subgroup report: counts, and the metrics that enough lesions stand behind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from skinnet_keras.evaluation.bootstrap import percentile_interval
from skinnet_keras.evaluation.subgroups.comparison import (
    MIN_CLASS_LESIONS,
    MIN_LESIONS,
    count_lesions,
)
from skinnet_keras.evaluation.subgroups.metrics import (
    MELANOMA,
    METRICS,
    Scored,
    measure,
    over_classes,
)


@dataclass(frozen=True)
class Subgroup:
    """Some of the images and what was measured of them.

    Attributes:
        name: Its name.
        rows: int (M,), its images.
        classes: Numbers of the classes its attribute is compared over.
        values: As `metrics.measure` returns them, of the images as they are.
        draws: Likewise of the resamples, or None.
    """

    name: str
    rows: np.ndarray
    classes: tuple[int, ...]
    values: Mapping[str, np.ndarray]
    draws: Mapping[str, np.ndarray] | None

    @classmethod
    def measure(
        cls,
        name: str,
        rows: np.ndarray,
        classes: tuple[int, ...],
        scored: Scored,
        draws: np.ndarray | None,
    ) -> Subgroup:
        """Measure some of the images; `draws` as `metrics.draw_lesions` returns them, or None."""
        resampled = None if draws is None else measure(scored, rows, classes, draws)
        return cls(name, rows, classes, measure(scored, rows, classes), resampled)

    def over(self, classes: tuple[int, ...]) -> Subgroup:
        """The same images compared over some of the classes they were measured over."""
        draws = None if self.draws is None else over_classes(self.draws, classes)
        return replace(
            self, classes=classes, values=over_classes(self.values, classes), draws=draws
        )


def subgroup_row(subgroup: Subgroup, scored: Scored) -> dict[str, Any]:
    """Counts and metrics of one subgroup, as `report.subgroup_report` describes them.

    Args:
        subgroup: The subgroup.
        scored: All images.
    """
    names, rows = scored.classes, subgroup.rows
    true, lesions = scored.true[rows], scored.lesions[rows]
    counts = count_lesions(np.zeros_like(rows), true, lesions, 1, len(names))
    total, by_class = int(counts.total[0]), counts.by_class[0]
    enough = by_class >= MIN_CLASS_LESIONS
    is_compared = bool(subgroup.classes) and bool(enough[list(subgroup.classes)].all())
    others = [k for k, name in enumerate(names) if name != MELANOMA]
    positives = int(by_class[names.index(MELANOMA)]) if MELANOMA in names else 0
    negatives = len(np.unique(lesions[np.isin(true, others)]))
    shown = {
        "balanced_accuracy": is_compared,
        "accuracy": total >= MIN_LESIONS,
        "mel_sensitivity": positives >= MIN_CLASS_LESIONS,
        "mel_specificity": negatives >= MIN_CLASS_LESIONS,
        "pair_auc": is_compared,
        "overconfidence": total >= MIN_LESIONS,
    }
    counted = {"accuracy": total, "mel_sensitivity": positives, "mel_specificity": negatives}
    draws = subgroup.draws
    metrics = {
        key: _shown(
            subgroup.values[key][0],
            None if draws is None else draws[key],
            shown[key],
            counted.get(key),
        )
        for key in METRICS
    }
    recalls = {
        name: _shown(
            subgroup.values["recall"][0, k],
            None if draws is None else draws["recall"][:, k],
            bool(enough[k]),
            int(by_class[k]),
        )
        for k, name in enumerate(names)
    }
    images = np.bincount(true, minlength=len(names)).tolist()
    return {
        "name": subgroup.name,
        "images": len(rows),
        "lesions": total,
        "images_by_class": dict(zip(names, images, strict=True)),
        "lesions_by_class": dict(zip(names, by_class.tolist(), strict=True)),
        "compared": is_compared,
        "metrics": {key: value for key, (value, _) in metrics.items()},
        "ci": {key: interval for key, (_, interval) in metrics.items()},
        "recall": {name: value for name, (value, _) in recalls.items()},
        "recall_ci": {name: interval for name, (_, interval) in recalls.items()},
    }


def _shown(
    value: float, draws: np.ndarray | None, enough: bool, lesions: int | None
) -> tuple[float | None, list[float] | None]:
    """A value and its interval, None where undefined or of too few lesions.

    Args:
        value: The value.
        draws: It in each resample, or None.
        enough: Whether enough lesions stand behind it.
        lesions: Where it is a rate of 0..1, the number of lesions it is of.
    """
    if not enough or np.isnan(value):
        return None, None
    interval = None if draws is None else percentile_interval(draws)
    if interval is not None and interval[0] == interval[1]:
        interval = None if lesions is None else _extreme_interval(value, lesions)
    return float(value), None if interval is None else list(interval)


def _extreme_interval(rate: float, lesions: int) -> tuple[float, float] | None:
    """Clopper and Pearson's exact 95 % interval of a rate of 0 or 1, which no resample varies."""
    bound = 0.025 ** (1.0 / lesions)
    return {0.0: (0.0, 1.0 - bound), 1.0: (bound, 1.0)}.get(float(rate))
