"""Rules that turn the probabilities of several models into one prediction an image."""

from __future__ import annotations

import numpy as np


def weighted_mean(probabilities: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Weighted arithmetic mean over the members.

    Args:
        probabilities: float (M, N, K), M members, rows sum to 1.
        weights: float or int (M,), not negative, of any positive sum; None = equal.

    Returns:
        float64 (N, K), rows sum to 1 as the members' do.

    Raises:
        ValueError: The weights are not M, one is negative or all are 0.
    """
    num_members = len(probabilities)
    weights = np.ones(num_members) if weights is None else np.asarray(weights, dtype=np.float64)
    if weights.shape != (num_members,) or weights.min() < 0 or weights.sum() <= 0:
        raise ValueError(f"weights {weights} do not serve {num_members} members")
    # Divided last: counts (1, 2, ..) and equal weights are added up without rounding.
    return np.tensordot(weights, np.asarray(probabilities, np.float64), axes=1) / weights.sum()


def rank_mean(probabilities: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Mean over the members of the ranks that their scores have among reference scores.

    A score's rank is its place, 0..1, in the distribution of the same member's scores for the
    same class on the reference images: the share of them below it, ties counting half (the
    mid-distribution function). Ranks within the images at hand would change with the company an
    image is scored in and mean nothing for a single one; these do not. Members may be calibrated
    differently, or not at all: only the order of their scores counts.

    Rows are scaled to sum to 1 so that they fit a predictions file, but these are scores, not
    calibrated probabilities: a rank is relative to the class's own distribution, so how common a
    class is gets lost and rare classes win more often than by probabilities.

    Args:
        probabilities: float (M, N, K), M members' scores of the images.
        reference: float (M, V, K), V > 0: the same members' scores of the reference images, that
            is of the validation split.

    Returns:
        float64 (N, K), rows sum to 1. An image that scores below all reference images in every
        class for every member has equal scores.

    Raises:
        ValueError: The members or classes of the two differ in number, or V is 0.
    """
    num_members, num_images, num_classes = probabilities.shape
    size = reference.shape[1]
    if reference.shape != (num_members, size, num_classes) or not size:
        raise ValueError(f"reference {reference.shape} does not fit {probabilities.shape}")
    ranks = np.zeros((num_images, num_classes))
    for scores, known in zip(probabilities, np.sort(reference, axis=1), strict=True):
        for k in range(num_classes):
            below = np.searchsorted(known[:, k], scores[:, k], side="left")
            up_to = np.searchsorted(known[:, k], scores[:, k], side="right")
            ranks[:, k] += (below + up_to) / 2
    ranks /= num_members * size
    total = ranks.sum(axis=1, keepdims=True)
    return np.divide(ranks, total, out=np.full_like(ranks, 1 / num_classes), where=total > 0)
