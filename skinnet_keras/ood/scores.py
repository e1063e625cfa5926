"""Scores of how well an image is known, from logits and from features; higher = better known."""

from __future__ import annotations

import numpy as np
from scipy.special import logsumexp, softmax
from sklearn.covariance import LedoitWolf

LOGIT_SCORES = ("max_probability", "max_logit", "energy")
FEATURE_SCORES = ("mahalanobis", "relative_mahalanobis", "nearest_neighbours")

_NEIGHBOURS = 10


def logit_scores(logits: np.ndarray) -> dict[str, np.ndarray]:
    """Scores that need the logits alone.

    `max_probability`: Hendrycks and Gimpel 2017, arXiv:1610.02136. `max_logit`: Hendrycks et al.
    2022, arXiv:1911.11132. `energy`: log-sum-exp of the logits, the negative energy of Liu et
    al. 2020, arXiv:2010.03759, at temperature 1.

    Args:
        logits: float (N, K).

    Returns:
        Name -> float64 (N,).
    """
    logits = np.asarray(logits, np.float64)
    return {
        "max_probability": softmax(logits, axis=1).max(axis=1),
        "max_logit": logits.max(axis=1),
        "energy": logsumexp(logits, axis=1),
    }


class FeatureScores:
    """Scores from the distance to the training images in feature space.

    `mahalanobis`: minus the squared distance to the nearest class mean under one covariance
    (Lee et al. 2018, arXiv:1807.03888; here with Ledoit and Wolf's shrinkage, as features may
    outnumber images). `relative_mahalanobis`: less the distance to the mean of all images (Ren et
    al. 2021, arXiv:2106.09022). `nearest_neighbours`: minus the distance of the normalised
    feature to its tenth nearest training image (Sun et al. 2022, arXiv:2204.06507).

    Args:
        features: float (N, F), training images.
        labels: int (N,), their classes.
    """

    def __init__(self, features: np.ndarray, labels: np.ndarray):
        features = np.asarray(features, np.float64)
        # Without spread a feature tells nothing, and its precision would be huge.
        spread = features.std(axis=0)
        self._used = spread > 1e-6 * max(float(spread.max()), 1e-12)
        features = features[:, self._used]
        self._classes = np.unique(labels)
        self._means = np.stack([features[labels == k].mean(axis=0) for k in self._classes])
        place = np.searchsorted(self._classes, labels)
        within = LedoitWolf(assume_centered=True).fit(features - self._means[place])
        self._precision = within.precision_
        self._mean = features.mean(axis=0)
        self._background = LedoitWolf(assume_centered=True).fit(features - self._mean).precision_
        self._known = _normalized(features)

    def __call__(self, features: np.ndarray) -> dict[str, np.ndarray]:
        """Score images.

        Args:
            features: float (M, F).

        Returns:
            Name -> float64 (M,).
        """
        features = np.asarray(features, np.float64)[:, self._used]
        nearest = np.min([_squared(features - m, self._precision) for m in self._means], axis=0)
        background = _squared(features - self._mean, self._background)
        return {
            "mahalanobis": -nearest,
            "relative_mahalanobis": background - nearest,
            "nearest_neighbours": -self._neighbour_distance(_normalized(features)),
        }

    def _neighbour_distance(self, features: np.ndarray, part: int = 512) -> np.ndarray:
        k = min(_NEIGHBOURS, len(self._known)) - 1
        found = []
        for start in range(0, len(features), part):
            similarity = features[start : start + part] @ self._known.T
            # Unit vectors: |a - b|^2 = 2 - 2 a.b
            squared = np.maximum(2.0 - 2.0 * similarity, 0.0)
            found.append(np.sqrt(np.partition(squared, k, axis=1)[:, k]))
        return np.concatenate(found) if found else np.zeros(0)


def _squared(difference: np.ndarray, precision: np.ndarray) -> np.ndarray:
    return np.einsum("nf,nf->n", difference @ precision, difference)


def _normalized(features: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(features, axis=1, keepdims=True)
    return features / np.maximum(length, 1e-12)
