"""The configured loss of the classifiers, the bar it has to beat, and the L2 penalty."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops
from scipy import optimize

from skinnet_keras.config import BalanceConfig, LossConfig
from skinnet_keras.training.categorical_losses import CategoricalFocal
from skinnet_keras.training.class_balance import class_prior, class_weights


def classification_loss(
    loss: LossConfig, balance: BalanceConfig, labels: np.ndarray, num_classes: int
) -> keras.losses.Loss:
    """The configured loss on one-hot or soft labels and probabilities.

    Args:
        loss: Name and parameters.
        balance: With the method `focal_alpha`, the loss carries the class weights as alpha; with
            `logit_adjustment`, the classes' shares as prior. (The other methods act on the data.)
        labels: Class index of each training image, int (N,).
        num_classes: K.

    Returns:
        A `CategoricalFocal`; cross-entropy is the one of gamma 0.
    """
    weighted = "focal_alpha" in balance.methods
    adjusted = "logit_adjustment" in balance.methods
    return CategoricalFocal(
        alpha=class_weights(labels, num_classes, balance) if weighted else None,
        gamma=loss.gamma or 0.0,
        label_smoothing=loss.label_smoothing,
        prior=class_prior(labels, num_classes) if adjusted else None,
        tau=balance.tau or 0.0,
    )


def best_constant_prediction(
    labels: np.ndarray, loss: keras.losses.Loss, num_classes: int
) -> np.ndarray:
    """The one probability vector with the smallest loss on these labels: the bar to beat.

    Args:
        labels: Class index of each training image, int (N,).
        loss: Loss on one-hot labels and probabilities.
        num_classes: K.

    Returns:
        float32 (K,), summing to 1.
    """
    shares = np.bincount(labels, minlength=num_classes) / len(labels)
    one_hot = np.eye(num_classes, dtype="float32")

    def softmax(logits: np.ndarray) -> np.ndarray:
        exponentials = np.exp(logits - logits.max())
        return exponentials / exponentials.sum()

    def mean_loss(logits: np.ndarray) -> float:
        prediction = np.tile(softmax(logits), (num_classes, 1)).astype("float32")
        per_class = ops.convert_to_numpy(loss.call(one_hot, prediction))
        return float(shares @ per_class)

    start = np.log(np.maximum(shares, 1e-3))
    # The loss is evaluated in float32: finite differences need a step well above its rounding.
    result = optimize.minimize(mean_loss, start, method="L-BFGS-B", options={"eps": 1e-3})
    return softmax(result.x).astype("float32")


def set_l2(model: keras.Model, strength: float) -> None:
    """Add an L2 penalty `strength * sum(w ** 2)` to every kernel (biases and norms are left out).

    Args:
        model: Any model; nothing of the penalty is saved with it.
        strength: Factor; 0 removes the penalty.
    """
    penalty = keras.regularizers.L2(strength) if strength else None
    for weight in model.trainable_weights:
        if "kernel" in weight.name:
            weight.regularizer = penalty
