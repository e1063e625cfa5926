from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as sk

from skinnet_keras.errors import UserError
from skinnet_keras.evaluation.ranking import (
    RANKING_METRICS,
    OperatingPoints,
    Ranking,
    binary_auc,
)


def ranked(is_class, score, weights=None, **points) -> dict[str, float]:
    is_class, score = np.asarray(is_class, dtype=bool), np.asarray(score, dtype=float)
    weights = np.ones(len(score)) if weights is None else weights
    found = Ranking(is_class, score).metrics(weights[:, None], OperatingPoints(**points))
    return {name: values[0] for name, values in found.items()}


def isic_2024(is_class: np.ndarray, score: np.ndarray, min_tpr: float) -> float:
    """The challenge's score: area of the mirrored curve up to the rate 1 - min_tpr."""
    fpr, tpr, _ = sk.roc_curve(~is_class, -score)
    top = 1.0 - min_tpr
    stop = int(np.searchsorted(fpr, top, side="right"))
    if stop == len(fpr):
        return sk.auc(fpr, tpr)
    last = np.interp(top, fpr[stop - 1 : stop + 1], tpr[stop - 1 : stop + 1])
    return sk.auc(np.append(fpr[:stop], top), np.append(tpr[:stop], last))


def best_pairs(is_class, score, specificity, sensitivity):
    """Operating points by trying every threshold, in whole numbers."""
    positives, negatives = is_class.sum(), (~is_class).sum()
    sensitivities, specificities = [], []
    for threshold in [np.inf, *np.unique(score)]:
        called = score >= threshold
        tpr = (called & is_class).sum() / positives
        tnr = (~called & ~is_class).sum() / negatives
        sensitivities += [tpr] if tnr >= specificity else []
        specificities += [tnr] if tpr >= sensitivity else []
    return max(sensitivities), max(specificities)


def random_case(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Scores with none, some or many ties; classes of any share."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 120))
    is_class = rng.random(n) < rng.choice([0.05, 0.3, 0.5, 0.9])
    is_class[:2] = True, False
    score = rng.random(n) + 0.5 * is_class
    return is_class, score if seed % 3 == 0 else score.round(seed % 3)


def test_four_scores_by_hand():
    # From the top: positive, negative, positive, negative.
    found = ranked([1, 0, 1, 0], [0.9, 0.8, 0.7, 0.1])
    assert found["auc"] == 3 / 4
    assert found["average_precision"] == pytest.approx((1 + 2 / 3) / 2)
    assert found["pauc"] == pytest.approx(0.2 * 0.5)  # half of the negatives are below
    assert found["sensitivity_at_specificity"] == 1 / 2
    assert found["specificity_at_sensitivity"] == 1 / 2


def test_equal_scores_are_one_step():
    found = ranked([1, 0], [0.5, 0.5])
    assert found["auc"] == found["average_precision"] == 0.5
    assert found["pauc"] == pytest.approx(0.02)  # chance: (1 - 0.8)^2 / 2
    assert found["sensitivity_at_specificity"] == found["specificity_at_sensitivity"] == 0.0
    assert binary_auc(np.array([True, False, False]), np.array([0.5, 0.5, 0.1])) == 0.75


def test_a_perfect_score_reaches_every_upper_bound():
    found = ranked([0, 0, 1], [0.1, 0.2, 0.9])
    assert found == pytest.approx(dict.fromkeys(RANKING_METRICS, 1.0) | {"pauc": 0.2})


def test_no_operating_point_but_the_threshold_above_all_has_sensitivity_zero():
    found = ranked([0, 1, 1], [0.9, 0.5, 0.1], specificity=1.0)
    assert found["sensitivity_at_specificity"] == 0.0


@pytest.mark.parametrize("share", [0.05, 0.1, 0.3, 0.7, 0.9, 0.95])
def test_a_share_that_is_met_exactly_counts_as_met(share):
    # 100 negatives above 100 positives one by one: the rates take every hundredth.
    is_class = np.tile([True, False], 100)
    score = -np.arange(200.0)
    found = ranked(is_class, score, specificity=share, sensitivity=share)
    assert found["sensitivity_at_specificity"] == pytest.approx(1.0 - share + 0.01)
    assert found["specificity_at_sensitivity"] == pytest.approx(1.0 - share + 0.01)


@pytest.mark.parametrize("seed", range(60))
def test_equal_to_scikit_learn(seed):
    is_class, score = random_case(seed)
    points = {"min_tpr": (0.8, 0.5, 0.0)[seed % 3], "specificity": 0.9, "sensitivity": 0.85}
    found = ranked(is_class, score, **points)
    assert found["auc"] == pytest.approx(sk.roc_auc_score(is_class, score), abs=1e-12)
    assert found["average_precision"] == pytest.approx(
        sk.average_precision_score(is_class, score), abs=1e-12
    )
    top = 1.0 - points["min_tpr"]
    assert found["pauc"] == pytest.approx(isic_2024(is_class, score, points["min_tpr"]), abs=1e-12)
    # scikit-learn rescales (McClish): chance becomes 0.5 and the most 1.
    rescaled = 0.5 * (1 + (found["pauc"] - top**2 / 2) / (top - top**2 / 2))
    assert rescaled == pytest.approx(sk.roc_auc_score(~is_class, -score, max_fpr=top), abs=1e-12)
    expected = best_pairs(is_class, score, 0.9, 0.85)
    assert found["sensitivity_at_specificity"] == pytest.approx(expected[0], abs=1e-12)
    assert found["specificity_at_sensitivity"] == pytest.approx(expected[1], abs=1e-12)


@pytest.mark.parametrize("seed", range(30))
def test_weights_are_copies_of_images(seed):
    is_class, score = random_case(seed)
    weights = np.random.default_rng(seed).integers(0, 4, len(score))
    rows = np.repeat(np.arange(len(score)), weights)
    weighted = ranked(is_class, score, weights.astype(float))
    assert weighted == pytest.approx(ranked(is_class[rows], score[rows]), abs=1e-12, nan_ok=True)


def test_groups_share_a_weight():
    is_class, score = random_case(7)
    groups = np.random.default_rng(0).integers(0, 5, len(score))
    groups[:5] = range(5)
    weights = np.array([[2.0, 1.0], [0.0, 1.0], [1.0, 3.0], [1.0, 0.0], [3.0, 0.0]])
    points = OperatingPoints()
    found = Ranking(is_class, score, groups).metrics(weights, points)
    expected = Ranking(is_class, score).metrics(weights[groups], points)
    for name in RANKING_METRICS:
        assert found[name] == pytest.approx(expected[name], abs=1e-15), name


def test_without_positives_or_negatives_it_is_undefined():
    none, all_ = ranked([0, 0], [0.1, 0.2]), ranked([1, 1], [0.1, 0.2])
    assert all(np.isnan(value) for value in none.values())
    assert all_.pop("average_precision") == 1.0  # as in scikit-learn
    assert all(np.isnan(value) for value in all_.values())
    assert np.isnan(binary_auc(np.zeros(0, dtype=bool), np.zeros(0)))


@pytest.mark.parametrize(
    "wrong", [{"min_tpr": 1.0}, {"min_tpr": -0.1}, {"specificity": 1.1}, {"sensitivity": 0.0}]
)
def test_a_parameter_out_of_range_is_a_user_error(wrong):
    with pytest.raises(UserError, match=f"{next(iter(wrong))} .*choose a"):
        OperatingPoints(**wrong)
