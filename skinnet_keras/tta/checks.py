"""What can be augmented and where it may be written, checked before a network is loaded."""

from __future__ import annotations

from pathlib import Path

from skinnet_keras.errors import UserError
from skinnet_keras.evaluation.ensembles.report import ENSEMBLE_FILE
from skinnet_keras.runs.run import Run
from skinnet_keras.runs.view_record import TTA_FILE, read_tta


def check_source(directory: Path, *, data: Path | None = None) -> Run:
    """Open a run whose classifier can predict views.

    Args:
        directory: What the user calls a run.
        data: Where its catalogue lies now, as for `Run.open`.

    Raises:
        UserError: It is no run with a classifying network: a file, an ensemble, predictions that
            are augmented already, a cross-validation, a classical run, or a network that only
            segments.
    """
    if directory.is_file():
        raise UserError(
            f"{directory} is a file: views are predicted by a network, so name a run directory."
        )
    if not directory.exists():
        raise UserError(f"{directory} does not exist: name a run directory.")
    if (directory / ENSEMBLE_FILE).is_file():
        raise UserError(
            f"{directory} is an ensemble and holds no network: run `skinnet tta` on each member, "
            "then combine the results with `skinnet ensemble`."
        )
    record = read_tta(directory)
    if record is not None:
        raise UserError(
            f"{directory} holds means over views already: name the run itself, {record.run}."
        )
    if not (directory / "config.yaml").is_file() and (directory / "fold_0").is_dir():
        raise UserError(
            f"{directory} is a cross-validation: name one of its folds, such as "
            f"{directory / 'fold_0'}."
        )
    run = Run.open(directory, data=data)
    if run.config.classical:
        raise UserError(
            f"{directory} is a classical run: its features are computed, not learnt, and are not "
            "averaged over views; test-time augmentation takes the run of a network."
        )
    if run.config.model is None:
        raise UserError(
            f"{directory} has a segmentation network and no classifier: its masks are averaged by "
            "the option --tta of `skinnet segment evaluate` and `skinnet segment predict`."
        )
    return run


def check_output(out: Path, source: Path, *, overwrite: bool) -> None:
    """Refuse a folder that test-time augmentation must not replace.

    Args:
        out: Folder to be written.
        source: The run, which must stay.
        overwrite: Whether an earlier test-time augmentation may be replaced.

    Raises:
        UserError: The run lies in the folder, or the folder is a file, or not empty and no earlier
            test-time augmentation, or one that may not be replaced.
    """
    if source.resolve().is_relative_to(out.resolve()):
        raise UserError(f"{source} lies in --out {out}: choose another --out.")
    if out.exists() and not out.is_dir():
        raise UserError(f"--out {out} is a file where a folder is to be written: choose another.")
    if not out.is_dir() or not any(out.iterdir()):
        return
    if not (out / TTA_FILE).is_file():
        raise UserError(
            f"{out} exists and is no earlier test-time augmentation: choose another --out."
        )
    if not overwrite:
        raise UserError(
            f"{out} holds test-time augmentation already: replace it with --overwrite, or choose "
            "another --out."
        )
