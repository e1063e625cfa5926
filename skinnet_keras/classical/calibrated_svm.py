"""A support vector machine that gives probabilities."""

from __future__ import annotations

import itertools

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC

from skinnet_keras.data.folds import assign_folds

_CACHE_MEGABYTES = 500


class CalibratedSVC(ClassifierMixin, BaseEstimator):
    """SVC whose scores become probabilities by a multinomial logistic regression.

    This is Platt's method (2000) for more than two classes. The regression learns from scores
    that machines trained on the other folds give, under the same `sample_weight`: the balance of
    the classes stays. Its classes may differ from the machine's own votes in close cases.

    `SVC(probability=True)` is deprecated and would divide the images of one lesion among its
    folds; `CalibratedClassifierCV` fails where a fold holds all images of a rare class: it gives
    the class it does not know there a score of -1.8e308.

    Args:
        C: Penalty of an image on the wrong side, times its weight.
        gamma: Width of the kernel, see `support_vector_machine`.
        kernel: "rbf" or "linear".
        folds: Folds of the calibration, fewer where no class has as many groups.
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
        """Train the machine on everything, and the regression on its folds.

        Args:
            X: float (N, D).
            y: Class of each row, at least two classes.
            sample_weight: float (N,), of the penalty and of the log loss; None for equal ones.
            groups: str (N,): rows of one group share a fold; None where each row is its own.
        """
        weights = np.ones(len(X)) if sample_weight is None else np.asarray(sample_weight)
        names = np.arange(len(X)).astype(str) if groups is None else np.asarray(groups)
        self.svc_ = self._machine(X).fit(X, y, sample_weight=weights)
        self.classes_ = self.svc_.classes_
        self.n_features_in_ = X.shape[1]
        scores = self._held_out_scores(X, y, weights, names)
        self.calibrator_ = LogisticRegression(max_iter=1000).fit(scores, y, sample_weight=weights)
        return self

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Probabilities in the order of `classes_`, float64 (N, K)."""
        return self.calibrator_.predict_proba(class_scores(self.svc_, X))

    def predict(self, X: np.ndarray) -> np.ndarray:
        """The most probable class of each row."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def _machine(self, X: np.ndarray) -> SVC:
        return support_vector_machine(X, C=self.C, gamma=self.gamma, kernel=self.kernel)

    def _held_out_scores(
        self, X: np.ndarray, y: np.ndarray, weights: np.ndarray, groups: np.ndarray
    ) -> np.ndarray:
        """Scores (N, K) of each row by a machine that was not trained on its fold."""
        # Where the other folds lack a class, the rows keep the scores of the whole machine.
        scores = class_scores(self.svc_, X)
        fold_of = assign_folds(groups, np.asarray(y).astype(str), self.folds, seed=self.seed)
        fold = np.array([fold_of[group] for group in groups])
        for name in np.unique(fold):
            rest = fold != name
            if len(np.unique(y[rest])) == len(self.classes_):
                machine = self._machine(X).fit(X[rest], y[rest], sample_weight=weights[rest])
                scores[~rest] = class_scores(machine, X[~rest])
        return scores


def support_vector_machine(
    X: np.ndarray, *, C: float, gamma: float = 1.0, kernel: str = "rbf"
) -> SVC:
    """A machine that is not trained yet.

    Args:
        X: The rows it is for, float (N, D).
        C: Penalty of a row on the wrong side.
        gamma: Width of the kernel, times 1 / (D x variance of X): scikit-learn's "scale".
        kernel: "rbf" or "linear".
    """
    variance = max(float(X.var()), np.finfo(float).tiny)
    return SVC(
        C=C,
        gamma=gamma / (X.shape[1] * variance),
        kernel=kernel,
        cache_size=_CACHE_MEGABYTES,
        decision_function_shape="ovo",
    )


def class_scores(machine: SVC, X: np.ndarray) -> np.ndarray:
    """Sum of the margins by which each class beats the others, float64 (N, K).

    Smoother than the votes of the pairs, which scikit-learn's "ovr" scores count.

    Args:
        machine: A trained machine of `support_vector_machine`.
        X: float (N, D).
    """
    margins = machine.decision_function(X)
    if margins.ndim == 1:  # Two classes have one margin, positive for the second.
        return np.stack([-margins, margins], axis=1)
    count = len(machine.classes_)
    scores = np.zeros((len(X), count))
    for pair, (first, second) in enumerate(itertools.combinations(range(count), 2)):
        scores[:, first] += margins[:, pair]
        scores[:, second] -= margins[:, pair]
    return scores
