"""The grid search: fitted on the training split, judged on the validation split."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.metrics import accuracy_score, balanced_accuracy_score
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from skinnet_keras.classical.classifiers import (
    TrainingImages,
    build_preprocessing,
    epochs_as_given,
    fit_classifier,
    grid_points,
)
from skinnet_keras.config import ClassicalConfig
from skinnet_keras.data.threads import map_in_threads

Row = dict[str, Any]
SCORE = "val_balanced_accuracy"
"""What a point of the grid is judged by."""


def search_classifier(
    config: ClassicalConfig,
    blocks: list[int],
    train: TrainingImages,
    val_features: np.ndarray,
    val_labels: np.ndarray,
    *,
    seed: int,
    workers: int | None,
    done: list[Row],
    report: Callable[[list[Row]], None],
) -> Pipeline:
    """Fit every point of the grid, and the best one once more as the result.

    Scaling and principal components are fitted on the training images, once. The best point has
    the highest balanced accuracy on the validation images, the first of equals.

    Args:
        config: Classifier, grid and preprocessing.
        blocks: Lengths of the kinds of features.
        train: The training images.
        val_features: float (M, D) of the validation images.
        val_labels: int (M,).
        seed: Of the classifiers.
        workers: Points fitted at once; None for one a CPU core.
        done: Rows of the points that an interrupted run has judged, the first ones of the grid.
        report: Called with all rows after each point.

    Returns:
        Preprocessing and classifier, fitted on the training images.
    """
    points = grid_points(config.classifier)
    preprocessing = build_preprocessing(blocks, config.pca)
    train = replace(train, features=preprocessing.fit_transform(train.features))
    val_features = preprocessing.transform(val_features)

    def judge(number: int) -> Row:
        point = points[number]
        model = fit_classifier(config.classifier, point, train, seed=seed, calibrate=False)
        predicted = model.predict(val_features)
        return {
            "candidate": number + 1,
            **{key: _cell(value) for key, value in point.items()},
            SCORE: balanced_accuracy_score(val_labels, predicted),
            "val_accuracy": accuracy_score(val_labels, predicted),
        }

    rows = list(done)
    rest = range(len(rows), len(points))
    # The points share out the cores; BLAS threads of small products would wait for each other.
    with epochs_as_given(), threadpool_limits(1, user_api="blas"):
        if rest:
            for row in map_in_threads(judge, rest, f"Grid of {config.classifier.name}", workers):
                rows.append(row)
                report(rows)
        best = points[int(np.argmax([float(row[SCORE]) for row in rows]))]
        classifier = fit_classifier(config.classifier, best, train, seed=seed, calibrate=True)
    return Pipeline([*preprocessing.steps, ("classifier", classifier)])


def describe_best(rows: list[Row]) -> str:
    """Say which point of the grid is the best: "C 1.0, gamma 0.3: ..."."""
    best = max(rows, key=lambda row: float(row[SCORE]))
    figures = ("candidate", SCORE, "val_accuracy")
    point = ", ".join(f"{key} {value}" for key, value in best.items() if key not in figures)
    return f"{point}: balanced accuracy {float(best[SCORE]):.4f} on the validation images"


def _cell(value: Any) -> Any:
    """A value as `history.csv` shows it: the sizes of layers as "128-64"."""
    return "-".join(map(str, value)) if isinstance(value, list) else value
