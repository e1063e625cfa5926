"""Losses of the classifiers and the class weights that go with them."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops
from scipy import optimize

from skinnet_keras.config import BalanceConfig, LossConfig


def class_weights(labels: np.ndarray, num_classes: int, power: float = 1.0) -> np.ndarray:
    """Weights (1 / class share) ** power, scaled to a mean of 1 over the images.

    Args:
        labels: Class index of each training image, int (N,).
        num_classes: K.
        power: 1 for inverse frequencies, 0.5 for their square root, 0 for equal weights.

    Returns:
        float64 (K,). A class without images gets 1.
    """
    counts = np.bincount(labels, minlength=num_classes)
    present = counts > 0
    weights = np.ones(num_classes)
    weights[present] = (len(labels) / counts[present]) ** power
    weights[present] /= (weights * counts)[present].sum() / len(labels)
    return weights


def classification_loss(
    loss: LossConfig, balance: BalanceConfig, labels: np.ndarray, num_classes: int
) -> keras.losses.Loss:
    """The configured loss on one-hot labels and probabilities.

    Args:
        loss: Name and parameters.
        balance: With the method `focal_alpha`, the loss carries one alpha for each class from
            the class distribution.
        labels: Class index of each training image, int (N,).
        num_classes: K.

    Returns:
        A Keras loss: focal, -alpha_c (1 - p_c)^gamma log p_c (Lin et al. 2017,
        arXiv:1708.02002), or cross-entropy, which is focal with gamma 0.
    """
    alpha = (
        class_weights(labels, num_classes, balance.power)
        if "focal_alpha" in balance.methods
        else np.ones(num_classes)
    )
    return keras.losses.CategoricalFocalCrossentropy(
        alpha=[float(a) for a in alpha],
        gamma=loss.gamma if loss.name == "focal" else 0.0,
        label_smoothing=loss.label_smoothing,
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
