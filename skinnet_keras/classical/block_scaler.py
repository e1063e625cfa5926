"""Standardised features whose kinds count alike, however many numbers each has."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin


class BlockScaler(TransformerMixin, BaseEstimator):
    """Zero mean and unit variance, divided by the root of the block's length.

    Distances between images then are sums over blocks of mean squared differences: 900 numbers of
    HOG do not drown 54 of LBP.

    Args:
        blocks: Lengths of the blocks of columns, in their order.
    """

    def __init__(self, blocks: Sequence[int]):
        self.blocks = blocks

    def fit(self, X: np.ndarray, y: np.ndarray | None = None) -> BlockScaler:
        """Take mean and deviation of each column; a constant column keeps its scale.

        Args:
            X: float (N, sum of `blocks`).
            y: Not used.
        """
        if X.shape[1] != sum(self.blocks):
            raise ValueError(f"X has {X.shape[1]} columns, the blocks {sum(self.blocks)}")
        self.mean_ = X.mean(axis=0, dtype=np.float64)
        deviation = X.std(axis=0, dtype=np.float64)
        # Rounding leaves a constant column of float32 a deviation a little above 0.
        constant = deviation <= 1e-6 * np.maximum(np.abs(self.mean_), 1e-6)
        lengths = np.repeat(np.sqrt(self.blocks), self.blocks)
        self.scale_ = np.where(constant, 1.0, deviation) * lengths
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Scale rows, float64 (N, D)."""
        return (X - self.mean_) / self.scale_
