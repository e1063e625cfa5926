"""The classifiers by name, their grids, and how they are fitted on weighted images."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline

from skinnet_keras.classical.block_scaler import BlockScaler
from skinnet_keras.classical.calibrated_svm import CalibratedSVC, support_vector_machine
from skinnet_keras.classical.weighted_neighbors import WeightedKNeighborsClassifier
from skinnet_keras.config import ClassicalClassifierConfig

_GRIDS = {
    "svm": ("C", "gamma"),
    "knn": ("n_neighbors", "weights"),
    "mlp": ("hidden_layer_sizes", "alpha", "max_iter"),
}


@dataclass(frozen=True)
class TrainingImages:
    """What a classifier is fitted on.

    Attributes:
        features: float (N, D).
        labels: Class of each image, int (N,).
        weights: How much it counts, float (N,).
        groups: Its lesion or patient, str (N,).
    """

    features: np.ndarray
    labels: np.ndarray
    weights: np.ndarray
    groups: np.ndarray


def grid_points(config: ClassicalClassifierConfig) -> list[dict[str, Any]]:
    """All combinations of the values a config lists, the first key changing slowest."""
    keys = [key for key in _GRIDS[config.name] if not _is_void(config, key)]
    values = itertools.product(*(getattr(config, key) for key in keys))
    return [dict(zip(keys, point, strict=True)) for point in values]


def build_preprocessing(blocks: list[int], pca: float | None) -> Pipeline:
    """Scaling by block and, with `pca` (a share of the variance), principal components.

    Args:
        blocks: Lengths of the kinds of features.
        pca: As in the config.
    """
    steps: list[tuple[str, Any]] = [("scaler", BlockScaler(blocks))]
    if pca is not None:
        steps.append(("pca", PCA(pca, svd_solver="full")))
    return Pipeline(steps)


def fit_classifier(
    config: ClassicalClassifierConfig,
    point: dict[str, Any],
    train: TrainingImages,
    *,
    seed: int,
    calibrate: bool,
) -> Any:
    """Fit the classifier of one point of the grid.

    Args:
        config: The classifier.
        point: From `grid_points`.
        train: What it is fitted on, preprocessed.
        seed: Of the perceptron's weights and batches, and of the folds of the calibration.
        calibrate: Whether an SVM learns to give probabilities, for several times the work;
            without it `predict` only.

    Returns:
        A fitted scikit-learn classifier.
    """
    x, y, weights = train.features, train.labels, train.weights
    if config.name == "svm":
        kernel = config.kernel or "rbf"
        if not calibrate:
            return support_vector_machine(x, kernel=kernel, **point).fit(x, y, weights)
        machine = CalibratedSVC(
            kernel=kernel, folds=config.calibration_folds or 5, seed=seed, **point
        )
        return machine.fit(x, y, sample_weight=weights, groups=train.groups)
    if config.name == "knn":
        # Trees are no faster beyond a few dozen dimensions.
        neighbors = WeightedKNeighborsClassifier(algorithm="brute", **point)
        return neighbors.fit(x, y, sample_weight=weights)
    perceptron = MLPClassifier(random_state=seed, **point)
    return perceptron.fit(x, y, sample_weight=weights)


def class_probabilities(model: Any, features: np.ndarray, num_classes: int) -> np.ndarray:
    """Probabilities of all K classes; 0 for one that had no training image.

    Args:
        model: A fitted classifier, or a pipeline that ends in one; its classes are 0..K-1.
        features: What it takes, float (N, D).
        num_classes: K.

    Returns:
        float64 (N, K), rows sum to 1.
    """
    probabilities = np.zeros((len(features), num_classes))
    probabilities[:, model.classes_] = model.predict_proba(features)
    return probabilities


@contextmanager
def epochs_as_given() -> Iterator[None]:
    """Keep scikit-learn from warning that `max_iter` ended a training: the grid says when."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


def _is_void(config: ClassicalClassifierConfig, key: str) -> bool:
    return key == "gamma" and config.kernel == "linear"
