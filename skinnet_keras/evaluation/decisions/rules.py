"""From probabilities and costs to decisions, and what decisions led to."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from skinnet_keras.evaluation.decisions.costs import BENIGN, MALIGNANT

# Expected costs that differ by less are equal: rounding must not choose.
_TIE = 1e-12


def argmax_decisions(probabilities: np.ndarray) -> np.ndarray:
    """The most probable class (first of ties), int64 (N,), of probabilities (N, K)."""
    return probabilities.argmax(axis=1).astype(np.int64)


def minimum_cost_decisions(probabilities: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """The class of the smallest expected cost: Bayes' rule.

    It is the best rule there is where the probabilities are right, so calibrate them first.

    Args:
        probabilities: float (N, K).
        matrix: float (K, K), costs; rows true, columns decided.

    Returns:
        int64 (N,); of equal costs the most probable class.
    """
    expected = probabilities @ matrix
    cheapest = expected <= expected.min(axis=1, keepdims=True) + _TIE
    return np.where(cheapest, probabilities, -1.0).argmax(axis=1).astype(np.int64)


@dataclass(frozen=True)
class Thresholds:
    """The rule that decides for the class with the most probability for its threshold.

    Attributes:
        classes: K class names.
        values: K finite, positive numbers t; the rule is argmax of p_c / t_c, so only their ratios
            matter, and equal ones give the most probable class.

    Raises:
        ValueError: The numbers do not fit the classes, or are not positive.
    """

    classes: tuple[str, ...]
    values: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.values) != len(self.classes):
            raise ValueError(f"it needs a threshold for each of its {len(self.classes)} classes")
        if not all(math.isfinite(value) and value > 0 for value in self.values):
            raise ValueError("its thresholds must be finite and positive")

    def decide(self, probabilities: np.ndarray) -> np.ndarray:
        """Decide by probabilities (N, K) in the order of `classes`: int64 (N,)."""
        return (probabilities / np.array(self.values)).argmax(axis=1).astype(np.int64)

    def choose(self, probabilities: Mapping[str, float]) -> str:
        """Decide by one image's probabilities, class -> probability in any order."""
        row = np.array([[probabilities[name] for name in self.classes]])
        return self.classes[int(self.decide(row)[0])]

    def to_json(self) -> dict[str, float]:
        """Class -> threshold; `from_json` gives equal thresholds back."""
        return dict(zip(self.classes, self.values, strict=True))

    @classmethod
    def from_json(cls, data: Any) -> Thresholds:
        """The thresholds that `to_json` described.

        Raises:
            ValueError: They are no numbers by class, or cannot be thresholds.
        """
        try:
            values = {str(name): float(value) for name, value in data.items()}
        except (AttributeError, TypeError) as error:
            raise ValueError("its thresholds must be numbers by class") from error
        return cls(tuple(values), tuple(values.values()))


def best_constant(true: np.ndarray, matrix: np.ndarray) -> int:
    """The one class that costs least when it is decided for every image (first of ties).

    A rule that costs more than this is worth nothing, at these costs.
    """
    return int(matrix[true].sum(axis=0).argmin())


def outcome_flags(
    true: np.ndarray, decided: np.ndarray, classes: Sequence[str]
) -> dict[str, np.ndarray]:
    """Which images had an outcome that matters.

    Args:
        true: int (N,) indices of the true classes.
        decided: int (N,) indices of the decided classes.
        classes: K class names.

    Returns:
        bool (N,) arrays: `missed_melanoma`, MEL decided to be anything else; `missed_malignant`,
        one of `costs.MALIGNANT` decided to be none of them; `unnecessary_excision`, one of
        `costs.BENIGN` decided to be malignant.
    """
    malignant, benign, melanoma = (
        np.isin(classes, chosen) for chosen in (MALIGNANT, BENIGN, ("MEL",))
    )
    return {
        "missed_melanoma": melanoma[true] & ~melanoma[decided],
        "missed_malignant": malignant[true] & ~malignant[decided],
        "unnecessary_excision": benign[true] & malignant[decided],
    }
