"""A model's loss beside the smallest one that a constant prediction reaches."""

from __future__ import annotations

import keras
import numpy as np


def loss_and_bar(
    loss: keras.losses.Loss, constant: np.ndarray, labels: np.ndarray, probabilities: np.ndarray
) -> dict[str, float]:
    """Loss of predictions, and of one prediction for all images.

    Args:
        loss: Loss on one-hot labels and probabilities.
        constant: From `best_constant_prediction` of the training labels, float (K,).
        labels: Class of each image, int (N,).
        probabilities: float (N, K).

    Returns:
        `model` and `best_constant_prediction`.
    """
    count, num_classes = probabilities.shape
    one_hot = np.eye(num_classes, dtype="float32")[labels]
    return {
        "model": float(loss(one_hot, probabilities.astype("float32"))),
        "best_constant_prediction": float(loss(one_hot, np.tile(constant, (count, 1)))),
    }
