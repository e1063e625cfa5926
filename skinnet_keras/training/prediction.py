"""Predictions of a whole split, in the order of its images."""

from __future__ import annotations

import keras
import numpy as np

from skinnet_keras.data.pipeline import evaluation_dataset
from skinnet_keras.data.samples import Samples


def predict_probabilities(
    model: keras.Model, samples: Samples, batch_size: int = 32, **augmentation
) -> np.ndarray:
    """Class probabilities of every image, float32 (N, K).

    Batches are padded to one size and the padding is cut off, which every strategy can take.

    Args:
        model: A classifier.
        samples: The images.
        batch_size: Images a prediction step.
        **augmentation: `augmenter`, `seed` and `epoch` of `evaluation_dataset`, for augmented
            images, or `view`, for one of test-time augmentation.
    """
    batches = evaluation_dataset(samples, batch_size=batch_size, pad=True, **augmentation)
    return model.predict(batches, verbose=0)["diagnosis"][: len(samples)]


def predict_features(
    cnn: keras.Model, samples: Samples, batch_size: int = 32, **augmentation
) -> np.ndarray:
    """Features of the CNN branches, float32 (N, F).

    Args:
        cnn: From `skinnet_keras.models.parts.cnn_part`.
        samples: The images.
        batch_size: Images a prediction step.
        **augmentation: `augmenter`, `seed` and `epoch` of `evaluation_dataset`, for an
            augmented view.
    """
    batches = evaluation_dataset(samples, batch_size=batch_size, pad=True, **augmentation)
    return cnn.predict(batches, verbose=0)[: len(samples)]
