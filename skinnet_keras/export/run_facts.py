"""What `metadata.json` says of the run behind an export: figures with intervals, training data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skinnet_keras.data.catalogue import Catalogue
from skinnet_keras.evaluation.card.data_facts import describe_data
from skinnet_keras.inference.run_models import RunModels
from skinnet_keras.reporting.card import CARD_FILES, RunCard, read_card
from skinnet_keras.runs.run import catalogue_of

_SPLIT = "test"
_PER_CLASS = ("support", "recall", "specificity")


@dataclass(frozen=True)
class RunFacts:
    """What is known about a run beside its weights.

    Attributes:
        metadata: The entries `training_data` and, with figures, `metrics` of `metadata.json`.
        card: The model card; None without predictions.
        note: One sentence on why figures and card are missing; None where they are not.
    """

    metadata: dict[str, Any]
    card: RunCard | None
    note: str | None

    def write_card(self, directory: Path) -> None:
        """Write the card to an export's folder; one of an earlier export does not stay there."""
        for name in CARD_FILES:
            (directory / name).unlink(missing_ok=True)
        if self.card is not None:
            self.card.write(directory)


def read_run_facts(source: RunModels, catalogue: Catalogue) -> RunFacts:
    """Describe a run's data and, where it has test predictions, score them.

    Args:
        source: The run's models. With a calibration, its probabilities are scored calibrated.
        catalogue: The run's catalogue, wherever it lies.

    Raises:
        UserError: The predictions are damaged.
    """
    run = source.run
    metadata = {"training_data": describe_data(_with_splits(source, catalogue), source.classes)}
    reason = None
    if not (run.directory / f"predictions_{_SPLIT}.csv").is_file():
        reason = f"{run.directory} has no predictions_{_SPLIT}.csv"
    elif not _same_table(source, catalogue):
        reason = f"{catalogue.root} is another catalogue than that of {run.directory}"
    if reason is not None:
        note = f"The export has neither figures nor a model card: {reason}."
        return RunFacts(metadata, None, note)
    calibration = source.calibration.calibration if source.calibration else None
    card = read_card(run.directory, split=_SPLIT, data=catalogue.root, calibration=calibration)
    return RunFacts({**metadata, "metrics": _metrics(card.content["evaluation"])}, card, None)


def _same_table(source: RunModels, catalogue: Catalogue) -> bool:
    return Catalogue.load(catalogue.root).sha256() == source.run.catalogue_sha256()


def _with_splits(source: RunModels, catalogue: Catalogue) -> Catalogue:
    return catalogue_of(source.run.config, Catalogue.load(catalogue.root))


def _metrics(evaluation: Mapping[str, Any]) -> dict[str, Any]:
    """The headline figures and those of each class, with 95 % intervals."""
    metrics = dict(evaluation["metrics"])
    per_class, intervals = metrics.pop("per_class"), metrics.pop("ci_per_class")
    return {
        "split": evaluation["split"],
        "calibration": evaluation["calibration"],
        "decision": "the most probable class",
        **metrics,
        "per_class": {
            label: {name: values[name] for name in _PER_CLASS}
            for label, values in per_class.items()
        },
        "ci_per_class": {
            label: {name: values[name] for name in _PER_CLASS if name in values}
            for label, values in intervals.items()
        },
    }
