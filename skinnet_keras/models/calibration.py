"""Calibration and abstention as the last layers of a classifier: what exports carry with them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import keras
from keras import layers, ops

ABSTENTION_SCORES = ("max_probability", "margin", "entropy")
"""How certainty is measured, as `skinnet_keras.evaluation.abstention` does."""

# As in calibration fitted on stored probabilities: one of 0 counts as 36 nats.
_SMALLEST_LOG = math.log(2.0**-52)


@keras.saving.register_keras_serializable("skinnet_keras")
class LogitCalibration(layers.Layer):
    """Logits whose softmax is calibrated: `scale * log_softmax(logits) + bias`.

    Temperature and vector scaling of Guo et al., ICML 2017 (arXiv:1706.04599). They are fitted to
    stored probabilities, hence the logarithm of the softmax: vector scaling of the raw logits
    would depend on a number that the softmax does not see.

    Args:
        scale: A factor for each of the K classes, finite, not negative.
        bias: K finite numbers.

    Input: float (B, K). Output: the same shape.
    """

    def __init__(self, scale: Sequence[float], bias: Sequence[float], **kwargs):
        super().__init__(**kwargs)
        self.scale = tuple(float(value) for value in scale)
        self.bias = tuple(float(value) for value in bias)

    def call(self, inputs):
        logs = ops.maximum(ops.log_softmax(inputs, axis=-1), _SMALLEST_LOG)
        return logs * ops.convert_to_tensor(self.scale, self.compute_dtype) + ops.convert_to_tensor(
            self.bias, self.compute_dtype
        )

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "scale": self.scale, "bias": self.bias}


@keras.saving.register_keras_serializable("skinnet_keras")
class Abstention(layers.Layer):
    """1 where the certainty of a prediction is below a threshold, 0 where the decision stands.

    Args:
        score: One of `ABSTENTION_SCORES`: the largest probability, its lead over the second, or
            the negative entropy in nats.
        threshold: Certainty from which on decisions stand; None: every image is left to a human.

    Input: float (B, K), probabilities. Output: (B, 1), in {0, 1}.

    Raises:
        ValueError: An unknown score.
    """

    def __init__(self, score: str = "max_probability", threshold: float | None = 0.0, **kwargs):
        super().__init__(**kwargs)
        if score not in ABSTENTION_SCORES:
            raise ValueError(f"score {score!r}: choose one of {', '.join(ABSTENTION_SCORES)}")
        self.score = score
        self.threshold = None if threshold is None else float(threshold)

    def call(self, inputs):
        certainty = self._certainty(inputs)
        if self.threshold is None:
            return ops.ones_like(certainty)
        # `certainty < threshold`, in operators that TFLite's CPU delegate has (see HardThreshold).
        return ops.clip(-ops.floor(certainty - self.threshold), 0.0, 1.0)

    def _certainty(self, probabilities):
        if self.score == "max_probability":
            return ops.max(probabilities, axis=-1, keepdims=True)
        if self.score == "margin":
            largest = ops.top_k(probabilities, 2)[0]
            return largest[:, :1] - largest[:, 1:]
        logs = ops.log(ops.maximum(probabilities, keras.config.epsilon()))
        return ops.sum(probabilities * logs, axis=-1, keepdims=True)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], 1)

    def get_config(self):
        return {**super().get_config(), "score": self.score, "threshold": self.threshold}


def calibrate_classifier(
    classifier: keras.Model,
    scale: Sequence[float],
    bias: Sequence[float],
    *,
    abstention: tuple[str, float | None] | None = None,
) -> keras.Model:
    """Put a calibration between a classifier's `diagnosis_logits` and its softmax.

    Args:
        classifier: A model with a layer `diagnosis_logits` before the output `diagnosis`; its
            layers are shared, not copied.
        scale: See `LogitCalibration`.
        bias: See `LogitCalibration`.
        abstention: Score and threshold of an output `abstain`, see `Abstention`; it goes by the
            probabilities before calibration, on which its threshold was chosen.

    Returns:
        A model of the same inputs; outputs `diagnosis`, float32 (B, K), calibrated
        probabilities, and, with `abstention`, `abstain`, float32 (B, 1) in {0, 1}.

    Raises:
        ValueError: The classifier has no layer `diagnosis_logits`, or other classes.
    """
    logits = classifier.get_layer("diagnosis_logits").output
    if logits.shape[-1] != len(scale) or len(scale) != len(bias):
        raise ValueError(
            f"{len(scale)} scales and {len(bias)} biases do not fit {logits.shape[-1]} classes."
        )
    calibrated = LogitCalibration(scale, bias, dtype="float32", name="calibration")(logits)
    outputs = {"diagnosis": layers.Softmax(dtype="float32", name="diagnosis")(calibrated)}
    if abstention is not None:
        plain = layers.Softmax(dtype="float32", name="uncalibrated")(logits)
        outputs["abstain"] = Abstention(*abstention, dtype="float32", name="abstain")(plain)
    inputs = {tensor.name: tensor for tensor in classifier.inputs}
    return keras.Model(inputs, outputs, name=classifier.name)
