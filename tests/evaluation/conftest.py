"""Predictions that the tests of the evaluation share."""

from __future__ import annotations

import numpy as np
import pytest

from skinnet_keras.evaluation.predictions import Predictions
from skinnet_keras.taxonomy import CLASSES


@pytest.fixture
def random_predictions():
    """A function (seed, ...) -> predictions of a mediocre model."""

    def make(seed: int, n: int = 300, present=range(8), predicted=None, decimals=None, groups=None):
        rng = np.random.default_rng(seed)
        true = rng.choice(list(present), n)
        probabilities = rng.dirichlet(np.ones(8), n)
        probabilities[np.arange(n), true] += rng.random(n)
        if predicted is not None:  # never the most probable outside these
            outside = [k for k in range(8) if k not in predicted]
            probabilities[:, outside] *= 1e-6
        probabilities /= probabilities.sum(axis=1, keepdims=True)
        if decimals is not None:  # ties among the scores
            probabilities = probabilities.round(decimals)
        return Predictions(
            image_ids=[f"image{row}" for row in range(n)],
            labels=[CLASSES[k] for k in true],
            probabilities=probabilities,
            classes=CLASSES,
            groups=groups,
        )

    return make
