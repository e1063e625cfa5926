"""What a cross-validation says: figures of each fold, their spread, and all folds pooled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from skinnet_keras.errors import UserError
from skinnet_keras.evaluation.metrics import evaluate_predictions
from skinnet_keras.evaluation.predictions import Predictions
from skinnet_keras.evaluation.table import Table
from skinnet_keras.evaluation.tables import (
    COMPARISON_FOOTNOTES,
    COMPARISON_HEADINGS,
    format_cell,
)

SPREAD_FOOTNOTE = (
    "sd: standard deviation over the folds (n - 1). Folds share training images, so it is no "
    "standard error. Pooled: every image once, predicted by the network that did not see its group."
)


def pool_folds(folds: Sequence[Predictions]) -> Predictions:
    """Put the held-out predictions of all folds behind one another.

    Args:
        folds: Predictions of each fold's held-out images.

    Returns:
        The out-of-fold predictions; with groups where every fold has them.

    Raises:
        UserError: An image is in two folds, or the folds have other classes.
    """
    first = folds[0]
    seen: set[str] = set()
    for number, fold in enumerate(folds):
        if fold.classes != first.classes:
            raise UserError(
                f"fold {number} predicts {', '.join(fold.classes)}, fold 0 "
                f"{', '.join(first.classes)}: they are no folds of one cross-validation."
            )
        twice = seen.intersection(fold.image_ids)
        if twice:
            raise UserError(f"{min(twice)} is held out in two folds: the folds are not disjoint.")
        seen.update(fold.image_ids)
    groups = [fold.groups for fold in folds]
    return Predictions(
        [image_id for fold in folds for image_id in fold.image_ids],
        [label for fold in folds for label in fold.labels],
        np.concatenate([fold.probabilities for fold in folds]),
        first.classes,
        None if None in groups else [name for names in groups if names for name in names],
    )


def crossval_report(folds: Sequence[Predictions], *, bootstrap: int, seed: int) -> dict[str, Any]:
    """Score each fold and all of them together.

    Args:
        folds: Predictions of each fold's held-out images.
        bootstrap: Resamples of groups behind the pooled intervals; 0 = none.
        seed: Seed of the bootstrap.

    Returns:
        `folds`: a report each, as `evaluate_predictions` makes them, without intervals; `mean`
        and `std` (n - 1) over the folds of their numbers, None where a fold leaves one undefined;
        `out_of_fold`: the report of all folds pooled, with intervals.
    """
    reports = [evaluate_predictions(fold, bootstrap=0) for fold in folds]
    return {
        "folds": reports,
        **_mean_and_std(reports),
        "out_of_fold": evaluate_predictions(pool_folds(folds), bootstrap=bootstrap, seed=seed),
    }


def segmentation_report(folds: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    """Mean and spread of a segmentation network's scores.

    Args:
        folds: Scores of each fold's held-out images, `n` among them.

    Returns:
        `folds` as given, `mean` and `std` (n - 1).
    """
    return {"folds": [dict(fold) for fold in folds], **_mean_and_std(folds)}


def _mean_and_std(folds: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, float | None]]:
    mean: dict[str, float | None] = {}
    std: dict[str, float | None] = {}
    for key, first in folds[0].items():
        if isinstance(first, Mapping):
            continue
        values = [value for fold in folds if (value := fold.get(key)) is not None]
        undefined = len(values) < len(folds)
        mean[key] = None if undefined else float(np.mean(values))
        std[key] = None if undefined else float(np.std(values, ddof=1))
    return {"mean": mean, "std": std}


def crossval_table(report: Mapping[str, Any], name: str) -> Table:
    """A row a fold, their mean and standard deviation, and the pooled numbers.

    Args:
        report: As `crossval_report` returns it.
        name: What was cross-validated, for the title.
    """
    rows = {f"fold {number}": fold for number, fold in enumerate(report["folds"])}
    rows |= {"mean": report["mean"], "sd": report["std"], "pooled": report["out_of_fold"]}
    return Table(
        title=f"Cross-validation: {name} (n = {report['out_of_fold']['n']})",
        headings=("Fold", *COMPARISON_HEADINGS.values()),
        rows=tuple(
            (label, *(format_cell(key, row[key]) for key in COMPARISON_HEADINGS))
            for label, row in rows.items()
        ),
        footnotes=(SPREAD_FOOTNOTE, *COMPARISON_FOOTNOTES),
    )


def segmentation_table(report: Mapping[str, Any], name: str) -> Table:
    """A row a fold, their mean and standard deviation.

    Args:
        report: As `segmentation_report` returns it.
        name: What was cross-validated, for the title.
    """
    rows = {f"fold {number}": fold for number, fold in enumerate(report["folds"])}
    rows |= {"mean": report["mean"], "sd": report["std"]}
    keys = [key for key in report["mean"] if key != "n"]
    return Table(
        title=f"Cross-validation: {name}",
        headings=("Fold", "Images", *keys),
        rows=tuple(
            (label, f"{row['n']:.0f}", *(format_cell(key, row[key]) for key in keys))
            for label, row in rows.items()
        ),
        footnotes=(SPREAD_FOOTNOTE.partition(" Pooled")[0],),
    )
