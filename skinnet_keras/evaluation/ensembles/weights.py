"""Weights of an ensemble's members, chosen on validation predictions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from skinnet_keras.evaluation.confusion import confusion_matrix, per_class_metrics
from skinnet_keras.evaluation.ensembles.rules import weighted_mean

GREEDY_METRICS = ("balanced_accuracy", "log_loss")
DEFAULT_ROUNDS = 50

# As scikit-learn: a probability of 0 costs 36 nats, not infinitely many.
_SMALLEST = float(np.finfo(np.float64).eps)
# Differences below are rounding; they must not decide between equal members.
_DECIMALS = 12

_TOLERANCE = 1e-7  # nats
_NEGLIGIBLE = 1e-6
_MOST_STEPS = 20_000


@dataclass(frozen=True)
class GreedySelection:
    """What greedy selection chose.

    Attributes:
        picks: Members in the order they were added, one as often as it was; only up to the best
            ensemble on the way.
        weights: float64 (M,), share of each member among `picks`; sums to 1.
    """

    picks: tuple[int, ...]
    weights: np.ndarray


def log_loss(probabilities: np.ndarray, true: np.ndarray) -> float:
    """Mean negative log-likelihood of the true classes, in nats.

    Args:
        probabilities: float (N, K), N > 0.
        true: int (N,) indices of the true classes.

    Returns:
        The mean, with probabilities clipped to eps..1 as scikit-learn does.
    """
    return float(log_losses(probabilities, true).mean())


def log_losses(probabilities: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Terms of `log_loss`, one an image: float64 (N,), nats."""
    return -np.log(_likelihoods(probabilities, true))


def balanced_accuracy(probabilities: np.ndarray, true: np.ndarray) -> float:
    """Mean recall of the classes present, as `confusion.headline_metrics` defines it.

    Args:
        probabilities: float (N, K), N > 0; the largest of a row is the predicted class.
        true: int (N,) indices of the true classes.
    """
    matrix = confusion_matrix(true, probabilities.argmax(axis=1), probabilities.shape[1])
    return float(np.nanmean(per_class_metrics(matrix)["recall"]))


def greedy_selection(
    probabilities: np.ndarray,
    true: np.ndarray,
    *,
    metric: str = "balanced_accuracy",
    rounds: int = DEFAULT_ROUNDS,
) -> GreedySelection:
    """Forward selection of members with replacement.

    Caruana et al., "Ensemble selection from libraries of models", ICML 2004; without its bagging.
    Starts from the best member and adds, round by round, the one whose addition to the mean
    scores best, even if that is worse than before; the best ensemble on the way is returned, so
    the result never scores below the best member. Where the metric ties, the log loss decides,
    then the order of the members (of two prefixes the shorter).

    Args:
        probabilities: float (M, N, K), members' validation probabilities.
        true: int (N,) indices of the true classes.
        metric: One of `GREEDY_METRICS`.
        rounds: Picks at most, the first included; at least 1.

    Raises:
        ValueError: Unknown metric, or no round.
    """
    if metric not in GREEDY_METRICS or rounds < 1:
        raise ValueError(f"metric {metric!r} (of {GREEDY_METRICS}), rounds {rounds} (at least 1)")
    num_members = len(probabilities)
    total = np.zeros(probabilities.shape[1:])
    picks: list[int] = []
    for number in range(1, rounds + 1):
        qualities = [_quality((total + p) / number, true, metric) for p in probabilities]
        picks.append(max(range(num_members), key=qualities.__getitem__))
        total += probabilities[picks[-1]]

    # Scored again exactly as the ensemble will be computed, not from the running sum.
    counts = [np.bincount(picks[:n], minlength=num_members) for n in range(1, rounds + 1)]
    qualities = [_quality(weighted_mean(probabilities, c), true, metric) for c in counts]
    best = max(range(rounds), key=qualities.__getitem__)
    return GreedySelection(tuple(picks[: best + 1]), counts[best] / (best + 1))


def log_loss_weights(probabilities: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Weights whose weighted mean has the smallest log loss.

    The mean's likelihood is that of a mixture of the members, so expectation-maximisation of the
    mixture's proportions (Dempster, Laird, Rubin 1977) finds the weights: from equal weights,
    without chance and without a step size, which members that are sure and wrong would upset. The
    log loss is convex in the weights, so the minimum is global; the search stops when it is
    proved to be within 1e-7 nats. Where several weights serve equally, as for copies of a member,
    they stay as equal as they began.

    Args:
        probabilities: float (M, N, K), members' validation probabilities, N > 0.
        true: int (N,) indices of the true classes.

    Returns:
        float64 (M,), not negative, sums to 1. Never worse than the best member or equal weights.
    """
    num_members = len(probabilities)
    likelihoods = np.stack([_likelihoods(p, true) for p in probabilities])
    equal = np.full(num_members, 1 / num_members)
    weights = equal
    for _ in range(_MOST_STEPS):
        gains = (likelihoods / (weights @ likelihoods)).mean(axis=1)
        # By Jensen's inequality no weights have a log loss lower by more than this.
        if np.log(gains.max()) < _TOLERANCE:
            break
        weights = weights * gains
    # It nears 0 without reaching it: members of no consequence need not be run at all.
    sparse = np.where(weights < _NEGLIGIBLE, 0.0, weights)
    candidates = [sparse / sparse.sum(), weights / weights.sum(), equal, *np.eye(num_members)]
    losses = [round(log_loss(weighted_mean(probabilities, c), true), _DECIMALS) for c in candidates]
    # The loss that rounding or dropped members cost is no reason to keep them.
    if losses[0] <= min(losses) + _TOLERANCE and losses[0] <= min(losses[2:]):
        return candidates[0]
    return candidates[int(np.argmin(losses))]


def _quality(probabilities: np.ndarray, true: np.ndarray, metric: str) -> tuple[float, ...]:
    """Larger is better; the log loss decides between equal balanced accuracies."""
    certainty = -round(log_loss(probabilities, true), _DECIMALS)
    if metric == "log_loss":
        return (certainty,)
    return round(balanced_accuracy(probabilities, true), _DECIMALS), certainty


def _likelihoods(probabilities: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Probability of every row's true class, float64 (N,)."""
    chosen = probabilities[np.arange(len(true)), true].astype(np.float64)
    return np.clip(chosen, _SMALLEST, 1.0)
