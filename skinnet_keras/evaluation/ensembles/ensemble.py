"""Ensembles: fitted on the validation split, then applied to any image the members scored."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from skinnet_keras.errors import UserError
from skinnet_keras.evaluation.ensembles.members import AlignedPredictions
from skinnet_keras.evaluation.ensembles.rules import rank_mean, weighted_mean
from skinnet_keras.evaluation.ensembles.weights import (
    DEFAULT_ROUNDS,
    greedy_selection,
    log_loss_weights,
)

METHODS = ("mean", "rank_mean", "greedy", "weighted")


@dataclass(frozen=True)
class Ensemble:
    """A way to combine M members.

    Attributes:
        method: One of `METHODS`.
        weights: float64 (M,), not negative, sums to 1.
        reference: float64 (M, V, K), the validation scores that ranks are taken among; None for
            methods other than `rank_mean`.
        picks: Members in the order that greedy selection added them; empty for other methods.
    """

    method: str
    weights: np.ndarray
    reference: np.ndarray | None = None
    picks: tuple[int, ...] = ()

    def combine(self, probabilities: np.ndarray) -> np.ndarray:
        """Combine the members' probabilities of some images; each image on its own.

        Args:
            probabilities: float (M, N, K), members and classes in the order of the fit.

        Returns:
            float64 (N, K), rows sum to 1. Scores, not probabilities, for `rank_mean`.
        """
        if self.reference is not None:
            return rank_mean(probabilities, self.reference)
        return weighted_mean(probabilities, self.weights)


def fit_ensemble(
    method: str,
    num_members: int,
    validation: AlignedPredictions | None = None,
    *,
    metric: str = "balanced_accuracy",
    rounds: int = DEFAULT_ROUNDS,
) -> Ensemble:
    """Decide how to combine members; only validation predictions are looked at.

    Args:
        method: `mean`: equal weights; `rank_mean`: see `ensembles.rules.rank_mean`; `greedy`: see
            `ensembles.weights.greedy_selection`; `weighted`: weights of the smallest log loss.
        num_members: M.
        validation: The members' validation predictions; `mean` does without.
        metric: What `greedy` maximises (`balanced_accuracy`) or minimises (`log_loss`).
        rounds: Picks of `greedy` at most.

    Raises:
        UserError: `greedy` or `weighted`, and no validation image has a label.
        ValueError: An unknown method or metric, or the method lacks validation predictions.
    """
    equal = np.full(num_members, 1 / num_members)
    if method == "mean":
        return Ensemble(method, equal)
    if method not in METHODS:
        raise ValueError(f"unknown method {method!r}: choose one of {METHODS}")
    if validation is None:
        raise ValueError(f"{method} needs validation predictions")
    if method == "rank_mean":
        return Ensemble(method, equal, reference=validation.probabilities)
    probabilities, true = validation.labelled()
    if not len(true):
        raise UserError(
            f"predictions_val.csv of the members holds no labelled row, which {method} chooses "
            "by: use mean or rank_mean."
        )
    if method == "greedy":
        chosen = greedy_selection(probabilities, true, metric=metric, rounds=rounds)
        return Ensemble(method, chosen.weights, picks=chosen.picks)
    return Ensemble(method, log_loss_weights(probabilities, true))
