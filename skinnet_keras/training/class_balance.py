"""How much each class counts: weights and prior from the labels of the training images."""

from __future__ import annotations

import numpy as np

from skinnet_keras.config import BalanceConfig


def class_weights(labels: np.ndarray, num_classes: int, balance: BalanceConfig) -> np.ndarray:
    """The weights of `balance.weighting`, scaled to a mean of 1 over the images.

    A loss so weighted keeps its size, whatever the weighting, and with it the learning rate.

    Args:
        labels: Class index of each training image, int (N,).
        num_classes: K.
        balance: The weighting and its `power` or `beta`; 1 for all where it has none.

    Returns:
        float64 (K,). A class without images gets 1.
    """
    counts = np.bincount(labels, minlength=num_classes)
    weights = np.ones(num_classes)
    present = counts > 0
    if balance.power is not None:  # inverse_frequency
        weights[present] = inverse_frequency(counts[present], balance.power)
    elif balance.beta is not None:  # effective_number
        weights[present] = inverse_effective_number(counts[present], balance.beta)
    weights[present] /= (weights * counts)[present].sum() / len(labels)
    return weights


def inverse_frequency(counts: np.ndarray, power: float) -> np.ndarray:
    """(1 / class share) ** power.

    Args:
        counts: Images of each class, int (K,), above 0.
        power: 1 for inverse frequencies, 0.5 for their square root, 0 for equal weights.

    Returns:
        float64 (K,).
    """
    return (counts.sum() / counts) ** power


def inverse_effective_number(counts: np.ndarray, beta: float) -> np.ndarray:
    """(1 - beta) / (1 - beta ** n) for n images (Cui et al. 2019, arXiv:1901.05555, section 3).

    Args:
        counts: Images of each class, int (K,), above 0.
        beta: In 0..1, below 1: 0 for equal weights; towards 1 they become inverse frequencies.

    Returns:
        float64 (K,).
    """
    if beta == 0:
        return np.ones(len(counts))
    # Through the logarithm: 1 - beta ** n would cancel where beta ** n is close to 1.
    return (1 - beta) / -np.expm1(counts * np.log(beta))


def class_prior(labels: np.ndarray, num_classes: int) -> np.ndarray:
    """The classes' shares of the images, for the logit adjustment.

    Args:
        labels: Class index of each training image, int (N,).
        num_classes: K.

    Returns:
        float64 (K,). A class without images gets 1, not its share of 0: under a prior of 0 the
        network would never learn to leave it out, as nothing that it says of it would cost it.
    """
    counts = np.bincount(labels, minlength=num_classes)
    return np.where(counts > 0, counts / len(labels), 1.0)
