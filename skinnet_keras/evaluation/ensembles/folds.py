"""Ensembles of cross-validations: fitted fold by fold, scored on all folds together.

What a fold's own validation images choose is applied to the images that the fold holds out, so
the pooled predictions are out of fold for the ensemble too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from skinnet_keras.atomic import write_json
from skinnet_keras.errors import UserError
from skinnet_keras.evaluation.crossval import pool_folds
from skinnet_keras.evaluation.ensembles.ensemble import fit_ensemble
from skinnet_keras.evaluation.ensembles.members import AlignedPredictions, Member
from skinnet_keras.evaluation.ensembles.report import (
    ENSEMBLE_FILE,
    describe_members,
    ensemble_name,
    versions,
    write_ensemble,
)
from skinnet_keras.evaluation.metrics import evaluate_predictions
from skinnet_keras.evaluation.predictions import read_predictions, write_predictions


def fold_members(members: Sequence[Member]) -> list[list[Member]]:
    """The members' runs of each fold, where all members are cross-validations.

    Args:
        members: From `find_members`.

    Returns:
        Fold -> the members' `fold_<k>`, in their order; empty where none is a cross-validation.

    Raises:
        UserError: Some members are cross-validations and some are not, or of other folds.
    """
    numbers = [
        len(list(member.directory.glob("fold_*/predictions_test.csv"))) for member in members
    ]
    if not any(numbers):
        return []
    for member, number in zip(members, numbers, strict=True):
        if number != numbers[0]:
            raise UserError(
                f"{member.directory} has {number} finished folds, {members[0].directory} "
                f"{numbers[0]}: combine cross-validations of the same folds."
            )
    return [
        [Member(member.name, member.directory / f"fold_{k}") for member in members]
        for k in range(numbers[0])
    ]


def write_fold_ensemble(
    folder: Path,
    method: str,
    folds: Sequence[Sequence[Member]],
    splits: Sequence[Mapping[str, AlignedPredictions]],
    settings: Mapping[str, Any],
) -> dict[str, Any]:
    """Fit and write one ensemble a fold, and their pooled predictions.

    Args:
        folder: `<folder>/fold_<k>` are as `write_ensemble` leaves them; beside them come
            `predictions_test.csv`, `metrics.json` and `ensemble.json` of all folds.
        method: One of `skinnet_keras.evaluation.ensembles.ensemble.METHODS`.
        folds: Fold -> members.
        splits: Fold -> split -> their predictions.
        settings: Arguments of `fit_ensemble`: `metric` and `rounds`.

    Returns:
        The report of the pooled predictions, with intervals.
    """
    weights = []
    for k, (members, own) in enumerate(zip(folds, splits, strict=True)):
        fitted = fit_ensemble(method, len(members), own.get("val"), **settings)
        shown = settings if method == "greedy" else {}
        write_ensemble(folder / f"fold_{k}", fitted, members, own, shown)
        weights.append({m.name: w for m, w in zip(members, fitted.weights.tolist(), strict=True)})
    pooled = pool_folds(
        [read_predictions(folder / f"fold_{k}" / "predictions_test.csv") for k in range(len(folds))]
    )
    write_predictions(
        folder / "predictions_test.csv",
        pooled.image_ids,
        pooled.labels,
        pooled.probabilities,
        pooled.classes,
        groups=pooled.groups,
    )
    report = evaluate_predictions(pooled)
    name = f"{ensemble_name(method)}, {len(folds)} folds"
    metrics = {"name": name, "classification": {"test": report}}
    write_json(folder / "metrics.json", metrics, allow_nan=False)
    content = {"method": method, "folds": len(folds), "weights": weights, "versions": versions()}
    write_json(folder / ENSEMBLE_FILE, content, allow_nan=False)
    return report


def pooled_reports(
    folds: Sequence[Sequence[Member]], splits: Sequence[Mapping[str, AlignedPredictions]]
) -> dict[str, Any]:
    """Score every member on the held-out images of all folds: name -> report, no intervals."""
    reports = {}
    for m, member in enumerate(folds[0]):
        own = [each["test"].with_probabilities(each["test"].probabilities[m]) for each in splits]
        reports[member.name] = evaluate_predictions(pool_folds(own), bootstrap=0)
    return reports


def write_fold_collection(
    folder: Path,
    methods: Sequence[str],
    folds: Sequence[Sequence[Member]],
    splits: Sequence[Mapping[str, AlignedPredictions]],
) -> None:
    """Write the `ensemble.json` of a folder that holds a fold ensemble a method."""
    members = [describe_members(members, own) for members, own in zip(folds, splits, strict=True)]
    content = {
        "method": "all",
        "ensembles": list(methods),
        "folds": members,
        "versions": versions(),
    }
    write_json(folder / ENSEMBLE_FILE, content, allow_nan=False)
