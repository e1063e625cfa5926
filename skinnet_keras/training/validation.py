"""Figures of a classifier on the validation split."""

from __future__ import annotations

import keras
import numpy as np

from skinnet_keras.data.samples import Samples
from skinnet_keras.runs.samples import labels_of
from skinnet_keras.training.context import TrainingContext


def classification_figures(
    context: TrainingContext, loss: keras.losses.Loss, val: Samples, probabilities: np.ndarray
) -> dict[str, float]:
    """Loss and metrics of predictions, under the names of an epoch's logs.

    Args:
        context: The run's metrics.
        loss: Loss on one-hot labels and probabilities.
        val: The labelled images.
        probabilities: float (N, K), in their order.

    Returns:
        `val_loss` and `val_<metric>`.
    """
    labels = labels_of(val)
    one_hot = np.eye(probabilities.shape[-1], dtype="float32")[labels]
    figures = context.classification_metrics(labels, probabilities)
    figures = {f"val_{name}": value for name, value in figures.items()}
    return {"val_loss": float(loss(one_hot, probabilities)), **figures}
