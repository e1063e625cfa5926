"""A model's loss beside the smallest one that a constant prediction reaches."""

from __future__ import annotations

import keras
import numpy as np

from skinnet_keras.training.losses import best_constant_prediction


def loss_and_bar(
    loss: keras.losses.Loss,
    train_labels: np.ndarray,
    labels: np.ndarray,
    probabilities: np.ndarray,
) -> dict[str, float]:
    """Loss of predictions, and of the constant that is best on the training labels.

    Args:
        loss: Loss on one-hot labels and probabilities.
        train_labels: Class of each training image, int (M,).
        labels: Class of each predicted image, int (N,).
        probabilities: float (N, K).

    Returns:
        `model` and `best_constant_prediction`.
    """
    count, num_classes = probabilities.shape
    constant = best_constant_prediction(train_labels, loss, num_classes)
    one_hot = np.eye(num_classes, dtype="float32")[labels]
    return {
        "model": float(loss(one_hot, probabilities.astype("float32"))),
        "best_constant_prediction": float(loss(one_hot, np.tile(constant, (count, 1)))),
    }
