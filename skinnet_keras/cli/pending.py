"""Trainings that a command leaves in folders of its own, and takes up again when called again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from skinnet_keras.config import Config
from skinnet_keras.data.catalogue import TABLE_FILE, Catalogue
from skinnet_keras.errors import UserError
from skinnet_keras.runs.files import is_run
from skinnet_keras.runs.run import Run


def pending_job(
    directory: Path, config: Config, data: Path, start: Sequence[str]
) -> list[str] | None:
    """Tell what is left to do for one training.

    Args:
        directory: Its run directory, existing or not.
        config: What it is to train.
        data: Catalogue folder; it may have been moved since the training was started.
        start: `--config` and overrides that give `config`.

    Returns:
        Arguments for `skinnet`; None where the training is finished.

    Raises:
        UserError: The run that is there has another config or catalogue.
    """
    if not is_run(directory):
        place = ["--data", str(data), "--out", str(directory)]
        config_option, *overrides = start
        return ["train", "--config", config_option, *place, *overrides]
    run = Run.open(directory, data=data)
    _check_unchanged(run, config)
    if (directory / "metrics.json").is_file():
        return None
    return ["train", "--resume", str(directory), "--data", str(data)]


def _check_unchanged(run: Run, config: Config) -> None:
    """Refuse a run of an earlier command that this one would train otherwise."""
    present = (run.catalogue / TABLE_FILE).is_file()
    if not present or Catalogue.load(run.catalogue).sha256() != run.catalogue_sha256():
        raise UserError(
            f"{run.directory} was trained on another catalogue than {run.catalogue}: choose "
            "another --out."
        )
    before, now = run.config.model_dump(), config.model_dump()
    changed = [key for key in now if now[key] != before[key]]
    if changed:
        raise UserError(
            f"{run.directory} was started with other values of {', '.join(changed)}: repeat the "
            "command it was started with, or choose another --out."
        )
