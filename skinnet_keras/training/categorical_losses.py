"""The loss of the classifiers: focal, weighted, smoothed and logit-adjusted cross-entropy."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
from keras import ops

# The smallest probability that still has a gradient. Keras clips at 1e-7, below which an image that
# is wrong beyond doubt would teach nothing; float32 has normal numbers down to 1e-38.
_FLOOR = 1e-30
# Rounding of float32: beneath it (1 - q) ** gamma has no finite gradient for gamma < 1.
_EPSILON = 1e-7


@keras.saving.register_keras_serializable("skinnet_keras")
class CategoricalFocal(keras.losses.Loss):
    """Focal loss over classes, -sum_c alpha_c y_c (1 - q_c)^gamma log q_c, on probabilities.

    Lin et al. 2017, arXiv:1708.02002, equation 5, summed over the classes, so that labels may be
    soft (MixUp, smoothing). Without focus (gamma 0) it is the cross-entropy. With a prior, q are
    the predicted probabilities p adjusted for it, q_c = p_c prior_c^tau / sum_k p_k prior_k^tau:
    the softmax over logits + tau * log prior (Menon et al. 2021, arXiv:2007.07314, equation 10).

    Targets are float (B, K), one-hot or soft; predictions float (B, K) probabilities, which are
    divided by their sum. Computed in float32, finite with finite gradients for any of 0..1.

    Args:
        alpha: K factors of the classes; None for 1.
        gamma: Focus on what is predicted badly, >= 0.
        label_smoothing: Share s of the uniform distribution in the labels,
            (1 - s) y + s / K, in 0..1.
        prior: K shares of the classes, above 0; None for no adjustment.
        tau: Strength of the adjustment, >= 0.
        reduction: As for every Keras loss.
        name: Name of the loss.

    Raises:
        ValueError: A number is out of its range.
    """

    def __init__(
        self,
        alpha: Sequence[float] | np.ndarray | None = None,
        gamma: float = 2.0,
        label_smoothing: float = 0.0,
        prior: Sequence[float] | np.ndarray | None = None,
        tau: float = 1.0,
        reduction: str = "sum_over_batch_size",
        name: str = "categorical_focal",
        **kwargs,
    ):
        super().__init__(name=name, reduction=reduction, **kwargs)
        if gamma < 0 or tau < 0 or not 0 <= label_smoothing < 1:
            raise ValueError(
                "gamma and tau must not be negative, and label_smoothing must lie in 0..1: "
                f"got {gamma}, {tau}, {label_smoothing}."
            )
        if prior is not None and min(prior) <= 0:
            raise ValueError(f"every class's prior must be above 0, got {list(prior)}.")
        self.alpha = None if alpha is None else [float(value) for value in alpha]
        self.prior = None if prior is None else [float(value) for value in prior]
        self.gamma, self.label_smoothing, self.tau = gamma, label_smoothing, tau

    def call(self, y_true, y_pred):
        """The loss of each image, float32 (B,)."""
        y = ops.cast(y_true, "float32")
        p = ops.cast(y_pred, "float32")
        if self.label_smoothing:
            y = y * (1.0 - self.label_smoothing) + self.label_smoothing / p.shape[-1]
        logits = ops.log(ops.maximum(p, _FLOOR))
        if self.prior is not None:
            logits += self.tau * ops.log(ops.convert_to_tensor(self.prior, "float32"))
        log_q = ops.log_softmax(logits, axis=-1)
        terms = -y * log_q
        if self.gamma:
            terms *= ops.power(ops.maximum(-ops.expm1(log_q), _EPSILON), self.gamma)
        if self.alpha is not None:
            terms *= ops.convert_to_tensor(self.alpha, "float32")
        return ops.sum(terms, axis=-1)

    def get_config(self):
        return {
            **super().get_config(),
            "alpha": self.alpha,
            "gamma": self.gamma,
            "label_smoothing": self.label_smoothing,
            "prior": self.prior,
            "tau": self.tau,
        }
