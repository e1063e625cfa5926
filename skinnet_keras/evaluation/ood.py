"""How well scores tell known images from others, with intervals over lesions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from skinnet_keras.evaluation.bootstrap import group_counts, group_indices, part_size
from skinnet_keras.evaluation.confusion import plain
from skinnet_keras.evaluation.detection import detection_auroc, false_positive_rate
from skinnet_keras.evaluation.intervals import json_interval
from skinnet_keras.evaluation.table import Table, with_interval


def detection_report(
    inside: Mapping[str, np.ndarray],
    outside: Mapping[str, Mapping[str, np.ndarray]],
    inside_groups: Sequence[str] | None,
    outside_groups: Mapping[str, Sequence[str] | None],
    *,
    resamples: int = 1000,
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
    for name, scores in outside.items():
        n = len(next(iter(scores.values())))
        rows: dict[str, Any] = {}
        draws = _draws(inside_groups, len(next(iter(inside.values()))), resamples, seed)
        others = _draws(outside_groups.get(name), n, resamples, seed + 1)
        pairs = list(zip(draws, others, strict=True))
        for score, values in scores.items():
            known = inside[score]
            resampled = np.array(
                [
                    (detection_auroc(known[a], values[b]), false_positive_rate(known[a], values[b]))
                    for a, b in pairs
                ]
            ).reshape(len(pairs), 2)
            point = detection_auroc(known, values), false_positive_rate(known, values)
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


def _draws(groups: Sequence[str] | None, n: int, resamples: int, seed: int) -> list[np.ndarray]:
    """Rows of resampled groups, each as often as its group was drawn."""
    index = group_indices(groups, n)
    counts = group_counts(int(index.max()) + 1, resamples=resamples, seed=seed, step=part_size(n))
    rows = np.arange(n)
    return [np.repeat(rows, drawn) for part in counts for drawn in part.T[:, index].astype(int)]
