"""A fitted calibration: what turns a model's probabilities into those that the labels bear out.

Temperature and vector scaling of Guo et al., "On calibration of modern neural networks", ICML 2017,
arXiv:1706.04599, from stored probabilities: one formula, softmax(scale * log p + bias).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np

from skinnet_keras.errors import UserError
from skinnet_keras.evaluation.predictions import Predictions

Kind = Literal["identity", "temperature", "vector"]
KINDS: tuple[str, ...] = get_args(Kind)

# As the log loss: a probability of 0 counts as 36 nats, not infinitely many.
SMALLEST = float(np.finfo(np.float64).eps)


def log_probabilities(probabilities: np.ndarray) -> np.ndarray:
    """Logits that give these probabilities: their logarithms, zeros as `SMALLEST`.

    A network's logits differ from them by one number a row. Temperature scaling does not see it;
    vector scaling does, so the logits of a network need a log-softmax before it.

    Args:
        probabilities: float (..., K), 0..1; rows are divided by their sum.

    Returns:
        float64 (..., K).
    """
    values = np.asarray(probabilities, dtype=np.float64)
    return np.log(np.clip(values / values.sum(axis=-1, keepdims=True), SMALLEST, 1.0))


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities of logits (..., K), float64."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


@dataclass(frozen=True)
class Calibration:
    """Calibrated probabilities are softmax(scale * log p + bias), class by class.

    Attributes:
        kind: `identity` (scale 1, bias 0), `temperature` (scale 1/T for all classes, bias 0) or
            `vector` (a scale and a bias a class).
        classes: K class names.
        scale: K finite numbers, not negative.
        bias: K finite numbers.

    Raises:
        ValueError: The numbers do not fit the kind or the classes.
    """

    kind: Kind
    classes: tuple[str, ...]
    scale: tuple[float, ...]
    bias: tuple[float, ...]

    def __post_init__(self) -> None:
        k = len(self.classes)
        if self.kind not in KINDS:
            raise ValueError(f"its kind is {self.kind!r}, not one of {', '.join(KINDS)}")
        if k < 2 or len(set(self.classes)) < k:
            raise ValueError("its classes must be two or more different names")
        if len(self.scale) != k or len(self.bias) != k:
            raise ValueError(f"it needs a scale and a bias for each of its {k} classes")
        if not all(map(math.isfinite, (*self.scale, *self.bias))) or min(self.scale) < 0:
            raise ValueError("its scales and biases must be finite, the scales not negative")
        shared = len(set(self.scale)) == 1 and self.scale[0] > 0 and not any(self.bias)
        if self.kind == "temperature" and not shared:
            raise ValueError("a temperature has one positive scale for all classes and no bias")
        if self.kind == "identity" and not (shared and self.scale[0] == 1):
            raise ValueError("the identity has the scale 1 and no bias")

    @classmethod
    def identity(cls, classes: Sequence[str]) -> Calibration:
        """The calibration that changes nothing."""
        return cls("identity", tuple(classes), (1.0,) * len(classes), (0.0,) * len(classes))

    @classmethod
    def of_temperature(cls, classes: Sequence[str], temperature: float) -> Calibration:
        """Logits divided by a positive temperature; the most probable class stays so."""
        k = len(classes)
        return cls("temperature", tuple(classes), (1.0 / temperature,) * k, (0.0,) * k)

    @property
    def temperature(self) -> float | None:
        """T of temperature scaling; 1 for the identity, None for vector scaling."""
        return None if self.kind == "vector" else 1.0 / self.scale[0]

    def apply(self, probabilities: np.ndarray) -> np.ndarray:
        """Calibrate probabilities.

        Args:
            probabilities: float (..., K), columns in the order of `classes`.

        Returns:
            float64 (..., K), rows sum to 1; the identity returns the numbers it is given.
        """
        values = np.asarray(probabilities, dtype=np.float64)
        if self.kind == "identity":
            return values.copy()
        return softmax(log_probabilities(values) * self.scale + self.bias)

    def apply_to(self, predictions: Predictions) -> Predictions:
        """Calibrate predictions, whatever the order of their columns.

        Raises:
            UserError: They have other classes than the calibration.
        """
        if {*predictions.classes} != {*self.classes}:
            raise UserError(
                f"the calibration is of the classes {', '.join(self.classes)}, the predictions of "
                f"{', '.join(predictions.classes)}: calibrate the model that made them."
            )
        own = self.for_classes(predictions.classes)
        return replace(predictions, probabilities=own.apply(predictions.probabilities))

    def for_classes(self, classes: Sequence[str]) -> Calibration:
        """The same calibration of the same classes in another order."""
        order = [self.classes.index(name) for name in classes]
        return replace(
            self,
            classes=tuple(classes),
            scale=tuple(self.scale[k] for k in order),
            bias=tuple(self.bias[k] for k in order),
        )

    def to_json(self) -> dict[str, Any]:
        """Plain data; `from_json` gives an equal calibration back."""
        return {
            "kind": self.kind,
            "temperature": self.temperature,
            "classes": list(self.classes),
            "scale": list(self.scale),
            "bias": list(self.bias),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Calibration:
        """The calibration that `to_json` described.

        Raises:
            ValueError: A key is missing or a value cannot be right.
        """
        try:
            names = [str(name) for name in data["classes"]]
            numbers = {key: tuple(map(float, data[key])) for key in ("scale", "bias")}
            return cls(data["kind"], tuple(names), **numbers)
        except KeyError as error:
            raise ValueError(f"its key {error} is missing") from error
        except TypeError as error:
            raise ValueError("its classes, scale and bias must be lists") from error
