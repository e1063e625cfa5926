"""What `skinnet calibrate` fitted to a run, as predicting and exporting need it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from skinnet_keras.errors import UserError
from skinnet_keras.evaluation.abstention.report import Abstention
from skinnet_keras.evaluation.calibration.files import (
    CALIBRATION_FILE,
    THRESHOLDS_FILE,
    read_calibration,
    read_thresholds,
)
from skinnet_keras.evaluation.calibration.scaling import Calibration
from skinnet_keras.evaluation.decisions.rules import Thresholds
from skinnet_keras.models.calibration import calibrate_classifier

_PREDICTIONS_FILE = "predictions_val.csv"


@dataclass(frozen=True)
class RunCalibration:
    """The calibration of a run and what was chosen for its calibrated probabilities.

    Attributes:
        calibration: Fitted to the run's validation predictions.
        thresholds: Of each class, for stated costs.
        abstention: On the probabilities before calibration.
        costs: The costs, as `thresholds.json` states them.
    """

    calibration: Calibration
    thresholds: Thresholds
    abstention: Abstention
    costs: Any

    @classmethod
    def of_run(cls, directory: Path) -> RunCalibration | None:
        """Read the calibration of a run directory; None where there is none.

        Raises:
            UserError: One of its two files is missing, damaged, or fitted to other predictions
                than the run's.
        """
        calibration, thresholds = directory / CALIBRATION_FILE, directory / THRESHOLDS_FILE
        if not calibration.is_file() and not thresholds.is_file():
            return None
        predictions = directory / _PREDICTIONS_FILE
        fitted = read_calibration(calibration, predictions)
        rule, abstention = read_thresholds(thresholds, predictions, calibration)
        costs = json.loads(thresholds.read_text(encoding="utf-8")).get("costs")
        return cls(fitted, rule, abstention, costs)

    def apply(self, classifier: keras.Model, classes: Sequence[str]) -> keras.Model:
        """Return the classifier with calibrated probabilities and the output `abstain`.

        Args:
            classifier: The run's classifier.
            classes: Class of each of its probabilities, in order.

        Raises:
            UserError: The calibration is of other classes.
        """
        calibration = self._for_classes(classes)
        return calibrate_classifier(
            classifier,
            calibration.scale,
            calibration.bias,
            abstention=(self.abstention.score, self.abstention.threshold),
        )

    def apply_to(self, probabilities: np.ndarray, classes: Sequence[str]) -> dict[str, np.ndarray]:
        """Do to stored probabilities what the layers of `apply` do.

        Args:
            probabilities: float (N, K).
            classes: Class of each column.

        Returns:
            `diagnosis` (N, K), calibrated, and `abstain` (N, 1) in {0, 1}.

        Raises:
            UserError: The calibration is of other classes.
        """
        return {
            "diagnosis": self._for_classes(classes).apply(probabilities),
            "abstain": ~self.abstention.accepts(probabilities)[:, None],
        }

    def _for_classes(self, classes: Sequence[str]) -> Calibration:
        if set(classes) != set(self.calibration.classes):
            raise UserError(
                f"The run's calibration is of the classes {', '.join(self.calibration.classes)}, "
                f"its classifier of {', '.join(classes)}: run `skinnet calibrate` again."
            )
        return self.calibration.for_classes(classes)

    def to_json(self) -> dict[str, Any]:
        """What `metadata.json` says of it."""
        return {
            "calibration": self.calibration.to_json(),
            "decision": {
                "rule": "the class with the largest probability / threshold",
                "thresholds": self.thresholds.to_json(),
                "costs": self.costs,
            },
            "abstention": asdict(self.abstention),
        }
