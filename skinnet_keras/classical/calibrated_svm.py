"""A support vector machine that gives probabilities."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.svm import SVC

from skinnet_keras.data.folds import assign_folds

_CACHE_MEGABYTES = 500
_LOG_TEMPERATURES = (-4.0, 4.0)


class CalibratedSVC(ClassifierMixin, BaseEstimator):
    """SVC whose scores become probabilities by one temperature: softmax(scores / T).

    T minimises the log loss of scores that machines trained on other folds give (temperature
    scaling, Guo et al., ICML 2017, arXiv:1706.04599). Probabilities then rank the classes as the
    machine itself does, so that the balance of `sample_weight` stays.

    `SVC(probability=True)` is deprecated and would divide the images of one lesion among its
    folds; `CalibratedClassifierCV` takes a fold that lacks a rare class for scores of -1e308.

    Args:
        C: Penalty of an image on the wrong side, times its weight.
        gamma: Width of the kernel, in units of 1 / (features x variance of the features).
        kernel: "rbf" or "linear".
        folds: Folds of the calibration, fewer where no class has as many groups; 0 for none,
            then T is 1.
        seed: Seed of the folds.
    """

    def __init__(
        self,
        *,
        C: float = 1.0,
        gamma: float = 1.0,
        kernel: str = "rbf",
        folds: int = 5,
        seed: int = 0,
    ):
        self.C = C
        self.gamma = gamma
        self.kernel = kernel
        self.folds = folds
        self.seed = seed

    def fit(
        self,
        X: np.ndarray,
        y: np.ndarray,
        sample_weight: np.ndarray | None = None,
        groups: np.ndarray | None = None,
    ) -> CalibratedSVC:
        """Train the machine on everything, and the temperature on its folds.

        Args:
            X: float (N, D).
            y: Class of each row, at least two classes.
            sample_weight: float (N,), of the penalty and of the log loss; None for equal ones.
            groups: str (N,): rows of one group share a fold; None where each row is its own.
        """
        weights = np.ones(len(X)) if sample_weight is None else np.asarray(sample_weight)
        names = np.arange(len(X)).astype(str) if groups is None else np.asarray(groups)
        width = self.gamma / (X.shape[1] * max(float(X.var()), np.finfo(float).tiny))
        self.svc_ = self._machine(width).fit(X, y, sample_weight=weights)
        self.classes_ = self.svc_.classes_
        self.n_features_in_ = X.shape[1]
        self.temperature_ = self._temperature(X, y, weights, names, width)
        return self

    def decision_function(self, X: np.ndarray) -> np.ndarray:
        """Scores of the classes, float64 (N, K): votes of the pairs, ties broken by margins."""
        return _scores(self.svc_, X)

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Probabilities in the order of `classes_`, float64 (N, K)."""
        return softmax(self.decision_function(X) / self.temperature_, axis=1)

    def predict(self, X: np.ndarray) -> np.ndarray:
        """The most probable class of each row."""
        return self.classes_[self.decision_function(X).argmax(axis=1)]

    def _machine(self, width: float) -> SVC:
        return SVC(C=self.C, gamma=width, kernel=self.kernel, cache_size=_CACHE_MEGABYTES)

    def _temperature(
        self, X: np.ndarray, y: np.ndarray, weights: np.ndarray, groups: np.ndarray, width: float
    ) -> float:
        if not self.folds:
            return 1.0
        fold_of = assign_folds(groups, y.astype(str), self.folds, seed=self.seed)
        fold = np.array([fold_of[group] for group in groups])
        scores = np.full((len(X), len(self.classes_)), np.nan)
        for name in np.unique(fold):
            held_out = fold == name
            # Without a class there is no score of it: such a fold says nothing.
            if len(np.unique(y[~held_out])) == len(self.classes_):
                machine = self._machine(width)
                machine.fit(X[~held_out], y[~held_out], sample_weight=weights[~held_out])
                scores[held_out] = _scores(machine, X[held_out])
        known = ~np.isnan(scores[:, 0])
        if not known.any():
            return 1.0
        column = np.searchsorted(self.classes_, y[known])[:, None]

        def log_loss(log_temperature: float) -> float:
            logs = log_softmax(scores[known] / np.exp(log_temperature), axis=1)
            return -float(weights[known] @ np.take_along_axis(logs, column, axis=1)[:, 0])

        return float(np.exp(minimize_scalar(log_loss, bounds=_LOG_TEMPERATURES).x))


def _scores(machine: SVC, X: np.ndarray) -> np.ndarray:
    scores = machine.decision_function(X)
    # Two classes have one margin.
    return np.stack([-scores, scores], axis=1) if scores.ndim == 1 else scores
