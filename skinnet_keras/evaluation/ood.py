"""How well scores tell known images from others, with intervals over lesions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from skinnet_keras.evaluation.bootstrap import (
    DEFAULT_RESAMPLES,
    group_counts,
    group_indices,
    part_size,
)
from skinnet_keras.evaluation.confusion import plain
from skinnet_keras.evaluation.detection import detection_auroc, false_positive_rate
from skinnet_keras.evaluation.intervals import json_interval
from skinnet_keras.evaluation.ranking import OperatingPoints, Ranking
from skinnet_keras.evaluation.table import Table, with_interval

FILE = "ood.json"
"""Of a run, where nobody names another one."""

DEFAULT_SCORE = "mahalanobis"
"""The score where one figure is to stand for all, fixed before a run is looked at. On real images
Mahalanobis told a SkinNet-v1's known images from photographs and textures (AUROC 0.82 and 0.98),
where the energy took these for better known (0.15 and 0.10). With an unseen class it is the
reverse: 0.52 and 0.81."""

_RECALL = 0.95


def detection_report(
    inside: Mapping[str, np.ndarray],
    outside: Mapping[str, Mapping[str, np.ndarray]],
    inside_groups: Sequence[str] | None,
    outside_groups: Mapping[str, Sequence[str] | None],
    *,
    resamples: int = DEFAULT_RESAMPLES,
    seed: int = 0,
) -> dict[str, dict[str, Any]]:
    """AUROC and FPR at 95 % TPR of every score against every set of other images.

    Args:
        inside: Score -> float (N,) of the known images; higher = better known.
        outside: Set -> score -> float (M,).
        inside_groups: N group names for the bootstrap, or None.
        outside_groups: Set -> M group names, or None where every picture is its own.
        resamples: Resamples of groups behind the intervals; 0 = none.
        seed: Of the bootstrap.

    Returns:
        Set -> `n` and `scores`: score -> `auroc`, `fpr_at_95_tpr`, and `ci` of both. Undefined =
        None.
    """
    report = {}
    known_groups = group_indices(inside_groups, len(next(iter(inside.values()))))
    for name, scores in outside.items():
        n = len(next(iter(scores.values())))
        other_groups = group_indices(outside_groups.get(name), n)
        rows: dict[str, Any] = {}
        for score, values in scores.items():
            known = inside[score]
            resampled = _resampled(known, values, known_groups, other_groups, resamples, seed)
            point = (
                detection_auroc(known, values),
                false_positive_rate(known, values, recall=_RECALL),
            )
            auroc, passing = plain(np.array(point))
            rows[score] = {
                "auroc": auroc,
                "fpr_at_95_tpr": passing,
                "ci": {
                    key: json_interval(resampled[:, column])
                    for column, key in enumerate(("auroc", "fpr_at_95_tpr"))
                },
            }
        report[name] = {"n": n, "scores": rows}
    return report


def detection_table(report: Mapping[str, Mapping[str, Any]], name: str) -> Table:
    """A row a score, AUROC and FPR95 of every set.

    Args:
        report: As `detection_report` gives it.
        name: What was tested, for the title.
    """
    headings = ["Score"]
    for outside, part in report.items():
        headings += [f"{outside} ({part['n']}): AUROC", "FPR at 95 % TPR"]
    scores = list(next(iter(report.values()))["scores"])
    rows = [
        (
            score.replace("_", " "),
            *(
                with_interval(row[key], row["ci"][key], ".3f")
                for part in report.values()
                for row in [part["scores"][score]]
                for key in ("auroc", "fpr_at_95_tpr")
            ),
        )
        for score in scores
    ]
    return Table(
        title=f"Known images against others: {name}",
        headings=tuple(headings),
        rows=tuple(rows),
        footnotes=(
            "AUROC: how often a known image scores higher than another (0.5 = by chance). FPR at "
            "95 % TPR: share of the others that pass where 95 % of the known images pass.",
            "Known: the labelled images of the test split. In brackets: number of other images, "
            "and 95 % intervals over lesions.",
        ),
    )


def _resampled(
    known: np.ndarray,
    others: np.ndarray,
    known_groups: np.ndarray,
    other_groups: np.ndarray,
    resamples: int,
    seed: int,
) -> np.ndarray:
    """AUROC and FPR of resampled groups, float (R, 2); both sides are drawn for themselves."""
    if not resamples:
        return np.empty((0, 2))
    sizes = int(known_groups.max()) + 1, int(other_groups.max()) + 1
    ranking = Ranking(
        np.arange(len(known) + len(others)) < len(known),
        np.concatenate([known, others]),
        np.concatenate([known_groups, sizes[0] + other_groups]),
    )
    step = part_size(2 * (len(known) + len(others)))
    draws = (
        group_counts(size, resamples=resamples, seed=seed + side, step=step)
        for side, size in enumerate(sizes)
    )
    points = OperatingPoints(sensitivity=_RECALL)
    found = [ranking.metrics(np.concatenate(counts), points) for counts in zip(*draws, strict=True)]
    return np.concatenate(
        [np.column_stack([part["auc"], 1.0 - part["specificity_at_sensitivity"]]) for part in found]
    )
