"""K nearest neighbours whose votes can weigh more where their class is rare."""

from __future__ import annotations

import numpy as np
from sklearn.neighbors import KNeighborsClassifier


class WeightedKNeighborsClassifier(KNeighborsClassifier):
    """`KNeighborsClassifier` with `sample_weight`: a neighbour's vote times its weight.

    Where fewer than `n_neighbors` images were fitted, all of them vote.
    """

    def fit(
        self, X: np.ndarray, y: np.ndarray, sample_weight: np.ndarray | None = None
    ) -> WeightedKNeighborsClassifier:
        """Keep the images, their classes and their weights.

        Args:
            X: float (N, D).
            y: Class of each row.
            sample_weight: float (N,), > 0; None for equal ones.
        """
        super().fit(X, y)
        self.column_ = np.searchsorted(self.classes_, y)
        self.sample_weight_ = (
            np.ones(len(X)) if sample_weight is None else np.asarray(sample_weight, float)
        )
        return self

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Shares of the weighted votes in the order of `classes_`, float64 (N, K)."""
        count = min(self.n_neighbors, self.n_samples_fit_)
        distances, neighbors = self.kneighbors(X, n_neighbors=count)
        votes = self.sample_weight_[neighbors]
        if self.weights == "distance":
            # Where an image is the very one looked for, its like alone vote.
            nearest = distances[:, :1]
            exact = (distances == 0).astype(float)
            # Relative to the nearest: only ratios count, and 1 / tiny would overflow.
            ratios = nearest / np.where(distances > 0, distances, 1.0)
            votes = votes * np.where(nearest > 0, ratios, exact)
        shares = np.zeros((len(X), len(self.classes_)))
        np.add.at(shares, (np.arange(len(X))[:, None], self.column_[neighbors]), votes)
        return shares / shares.sum(axis=1, keepdims=True)

    def predict(self, X: np.ndarray) -> np.ndarray:
        """The class with the most votes."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]
