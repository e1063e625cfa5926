"""What an ensemble leaves behind: a folder that the evaluation commands take for a run."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import skinnet_keras
from skinnet_keras.atomic import write_json
from skinnet_keras.errors import UserError
from skinnet_keras.evaluation.ensembles.ensemble import Ensemble
from skinnet_keras.evaluation.ensembles.members import AlignedPredictions, Member
from skinnet_keras.evaluation.ensembles.weights import balanced_accuracy, log_loss
from skinnet_keras.evaluation.metrics import evaluate_predictions
from skinnet_keras.evaluation.predictions import Predictions, write_predictions
from skinnet_keras.evaluation.table import UNDEFINED, Table

ENSEMBLE_FILE = "ensemble.json"
"""Describes an ensemble, and marks its folder as one."""

_VALIDATION_FOOTNOTE = (
    "greedy and weighted were fitted to these validation images: compare ensembles with their "
    "members on other images. Log loss in nats."
)
_RANK_FOOTNOTE = (
    "rank_mean leaves out how common a class is, which raises balanced accuracy by itself and "
    "can cost accuracy: its scores are no probabilities."
)


def check_output(out: Path, members: Sequence[Member], *, overwrite: bool) -> None:
    """Refuse a folder that an ensemble must not replace.

    Args:
        out: Folder to be written.
        members: Members of the ensemble, which must stay.
        overwrite: Whether an earlier ensemble may be replaced.

    Raises:
        UserError: The folder is not empty and no ensemble, or one that may not be replaced; or a
            member lies in it.
    """
    for member in members:
        if member.directory.resolve().is_relative_to(out.resolve()):
            raise UserError(f"{member.directory} lies in --out {out}: choose another --out.")
    if not out.is_dir() or not any(out.iterdir()):
        return
    if not (out / ENSEMBLE_FILE).is_file():
        raise UserError(f"{out} exists and is no earlier ensemble: choose another --out.")
    if not overwrite:
        raise UserError(
            f"{out} holds an ensemble already: replace it with --overwrite, or choose another "
            "--out."
        )


def member_reports(
    members: Sequence[Member], splits: Mapping[str, AlignedPredictions]
) -> dict[str, dict[str, Any]]:
    """Score every member.

    Args:
        members: M members.
        splits: Split -> their predictions.

    Returns:
        Member's name -> split -> report as `evaluate_predictions` returns it, without intervals;
        splits without a labelled image are left out.
    """
    return {
        member.name: _reports(
            {
                split: item.with_probabilities(item.probabilities[m])
                for split, item in splits.items()
            },
            bootstrap=0,
        )
        for m, member in enumerate(members)
    }


def write_ensemble(
    folder: Path,
    ensemble: Ensemble,
    members: Sequence[Member],
    splits: Mapping[str, AlignedPredictions],
    settings: Mapping[str, Any],
) -> dict[str, dict[str, Any]]:
    """Write `predictions_<split>.csv`, `metrics.json` and `ensemble.json`.

    `ensemble.json` says how to make the same prediction of another image: the method, the
    members' paths, weights and file hashes, the order of the classes; `rank_mean` ranks among
    the members' `predictions_val.csv`.

    Args:
        folder: Created if absent; files of the same names are replaced.
        ensemble: The fitted ensemble.
        members: Its M members.
        splits: Split -> their predictions.
        settings: What the fit was asked for, such as `greedy`'s metric.

    Returns:
        Split -> report as `evaluate_predictions` returns it, with intervals; splits without a
        labelled image are left out.
    """
    folder.mkdir(parents=True, exist_ok=True)
    combined = {
        split: item.with_probabilities(ensemble.combine(item.probabilities))
        for split, item in splits.items()
    }
    for split, rows in combined.items():
        write_predictions(
            folder / f"predictions_{split}.csv",
            rows.image_ids,
            rows.labels,
            rows.probabilities,
            rows.classes,
            groups=rows.groups,
        )
    reports = _reports(combined)
    name = f"ensemble of {len(members)} ({ensemble.method})"
    write_json(folder / "metrics.json", {"name": name, "classification": reports}, allow_nan=False)
    described = describe_members(members, splits)
    for entry, weight in zip(described, ensemble.weights.tolist(), strict=True):
        entry["weight"] = weight
    content = {
        "method": ensemble.method,
        **settings,
        "classes": list(next(iter(splits.values())).images.classes),
        "members": described,
        **({"picks": [members[m].name for m in ensemble.picks]} if ensemble.picks else {}),
        "validation": _validation_scores(combined.get("val"), ensemble.method),
        "versions": versions(),
    }
    write_json(folder / ENSEMBLE_FILE, content, allow_nan=False)
    return reports


def write_collection(
    folder: Path,
    methods: Sequence[str],
    members: Sequence[Member],
    splits: Mapping[str, AlignedPredictions],
) -> None:
    """Write the `ensemble.json` of a folder that holds an ensemble a method.

    Args:
        folder: The folder; `<folder>/<method>` are written by `write_ensemble`.
        methods: Names of the methods.
        members: The members of all of them.
        splits: Split -> their predictions.
    """
    content = {
        "method": "all",
        "ensembles": list(methods),
        "members": describe_members(members, splits),
        "versions": versions(),
    }
    write_json(folder / ENSEMBLE_FILE, content, allow_nan=False)


def describe_members(
    members: Sequence[Member], splits: Mapping[str, AlignedPredictions]
) -> list[dict[str, Any]]:
    """Name, absolute path, file hashes and validation scores of every member."""
    validation = splits.get("val")
    return [
        {
            "name": member.name,
            "path": str(member.directory.resolve()),
            "sha256": member.hashes(),
            "validation": _validation_scores(
                None
                if validation is None
                else validation.with_probabilities(validation.probabilities[m])
            ),
        }
        for m, member in enumerate(members)
    ]


def versions() -> dict[str, str]:
    """Versions of what the numbers depend on."""
    return {
        "skinnet-keras": skinnet_keras.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }


def members_table(
    members: Sequence[Member],
    splits: Mapping[str, AlignedPredictions],
    ensembles: Mapping[str, Ensemble],
) -> Table:
    """Validation scores of members and ensembles, and the members' weights.

    Args:
        members: M members.
        splits: Split -> their predictions.
        ensembles: Method -> fitted ensemble.
    """
    validation = splits.get("val")

    def scores(probabilities: np.ndarray | None, method: str = "") -> tuple[str, str]:
        rows = None
        if validation is not None and probabilities is not None:
            rows = validation.with_probabilities(probabilities)
        found = _validation_scores(rows, method) or {}
        values = (found.get("balanced_accuracy"), found.get("log_loss"))
        first, second = (UNDEFINED if value is None else f"{value:.4f}" for value in values)
        return first, second

    rows = []
    for m, member in enumerate(members):
        known = None if validation is None else validation.probabilities[m]
        weights = (f"{ensemble.weights[m]:.3f}" for ensemble in ensembles.values())
        rows.append((member.name, *scores(known), *weights))
    for method, ensemble in ensembles.items():
        known = None if validation is None else ensemble.combine(validation.probabilities)
        rows.append((ensemble_name(method), *scores(known, method), *[""] * len(ensembles)))
    footnotes = [_VALIDATION_FOOTNOTE] if {"greedy", "weighted"} & ensembles.keys() else []
    footnotes += [_RANK_FOOTNOTE] if "rank_mean" in ensembles else []
    return Table(
        title="Members and weights",
        headings=(
            *("Model", "Validation balanced accuracy", "Validation log loss"),
            *(f"Weight: {method}" for method in ensembles),
        ),
        rows=tuple(rows),
        footnotes=tuple(footnotes),
    )


def ensemble_name(method: str) -> str:
    """What tables call the ensemble of a method, not to be taken for a run."""
    return f"ensemble: {method}"


def _reports(splits: Mapping[str, Predictions], **options: Any) -> dict[str, dict[str, Any]]:
    reports = {}
    for split, predictions in splits.items():
        scored = predictions.scored()
        if scored.labels:
            reports[split] = evaluate_predictions(scored, **options)
    return reports


def _validation_scores(
    predictions: Predictions | None, method: str = ""
) -> dict[str, float | None] | None:
    """Balanced accuracy and log loss; the latter means nothing for mean ranks."""
    if predictions is None or not (scored := predictions.scored()).labels:
        return None
    true = scored.true_indices()
    return {
        "balanced_accuracy": balanced_accuracy(scored.probabilities, true),
        "log_loss": None if method == "rank_mean" else log_loss(scored.probabilities, true),
    }
