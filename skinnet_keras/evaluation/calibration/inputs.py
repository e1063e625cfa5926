"""The two sets of images that calibration needs: one to fit on, one that is only scored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from skinnet_keras.errors import UserError
from skinnet_keras.evaluation.predictions import Predictions, read_predictions


@dataclass(frozen=True)
class CalibrationInputs:
    """Labelled predictions of one model, classes in one order.

    Attributes:
        run: The run directory, or None where a file was named.
        validation_file: What is fitted on.
        validation: Its labelled rows.
        test_file: What is scored, or None.
        test: Its labelled rows, or None.
        shared_groups: Groups with images in both.
        left_out: Rows of both files without a label the model has a class for.
    """

    run: Path | None
    validation_file: Path
    validation: Predictions
    test_file: Path | None
    test: Predictions | None
    shared_groups: int
    left_out: int


def read_calibration_inputs(source: Path, test: Path | None = None) -> CalibrationInputs:
    """Read the validation predictions of a run or a file, and test predictions if there are any.

    Args:
        source: A run directory with `predictions_val.csv`, or a predictions file.
        test: A predictions file; by default a run's `predictions_test.csv`, if it has one.

    Raises:
        UserError: A file is missing or wrong, has no labelled row, has other classes than the
            other one, or both have an image in common.
    """
    run = source if source.is_dir() else None
    validation_file = source / "predictions_val.csv" if run else source
    if not validation_file.is_file():
        raise UserError(
            f"{validation_file} does not exist: calibration is fitted on validation predictions, "
            "never on test ones."
        )
    if test is None and run and (run / "predictions_test.csv").is_file():
        test = run / "predictions_test.csv"
    validation, left_out = _labelled(validation_file)
    if test is None:
        return CalibrationInputs(run, validation_file, validation, None, None, 0, left_out)
    if not test.is_file():
        raise UserError(f"{test} does not exist: name a predictions CSV of test images.")
    scored, also_left_out = _labelled(test)
    if {*scored.classes} != {*validation.classes}:
        differing = ", ".join(sorted({*scored.classes} ^ {*validation.classes}))
        raise UserError(
            f"{validation_file} and {test} differ in their classes (only one of them has the "
            f"column {differing}): use predictions of one model."
        )
    common = {*validation.image_ids} & {*scored.image_ids}
    if common:
        raise UserError(
            f"{validation_file} and {test} have {len(common)} images in common, '{min(common)}' "
            "among them: fit on other images than are scored."
        )
    shared = {*(validation.groups or ())} & {*(scored.groups or ())} - {""}
    scored, left_out = _in_order(scored, validation.classes), left_out + also_left_out
    return CalibrationInputs(run, validation_file, validation, test, scored, len(shared), left_out)


def _labelled(file: Path) -> tuple[Predictions, int]:
    """The labelled rows of a file, and how many others it has."""
    read = read_predictions(file)
    scored = read.scored()
    if not scored.labels:
        raise UserError(f"{file} holds no labelled row: there is nothing to learn or score by.")
    return scored, len(read.labels) - len(scored.labels)


def _in_order(predictions: Predictions, classes: Sequence[str]) -> Predictions:
    order = [predictions.classes.index(name) for name in classes]
    return replace(
        predictions, probabilities=predictions.probabilities[:, order], classes=tuple(classes)
    )
