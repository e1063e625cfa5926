from __future__ import annotations

import time

import numpy as np
import pytest

from skinnet_keras.evaluation.bootstrap import group_counts, group_indices
from skinnet_keras.evaluation.metrics import evaluate_predictions
from skinnet_keras.evaluation.predictions import Predictions
from skinnet_keras.evaluation.scorer import PER_CLASS, Scorer, resample_scores
from skinnet_keras.taxonomy import CLASSES


def random_groups(seed: int, n: int, count: int) -> list[str]:
    return [f"lesion{g}" for g in np.random.default_rng(seed).integers(0, count, n)]


def taken(predictions: Predictions, rows: np.ndarray) -> Predictions:
    """The rows as images of their own, as often as they are named."""
    return Predictions(
        [f"copy{k}" for k in range(len(rows))],
        [predictions.labels[row] for row in rows],
        predictions.probabilities[rows],
        predictions.classes,
    )


def plain(value: float) -> float | None:
    return None if np.isnan(value) else pytest.approx(value, abs=1e-12)


@pytest.mark.parametrize(
    "case", [{}, {"decimals": 1}, {"present": (0, 1, 2, 5)}, {"present": (1,)}, {"n": 3}]
)
@pytest.mark.parametrize("seed", range(3))
def test_weights_of_groups_equal_explicit_resampling(random_predictions, case, seed):
    case = {"n": 60, **case}
    groups = random_groups(seed, case["n"], 25)
    predictions = random_predictions(seed, groups=groups, **case)
    index = group_indices(groups, case["n"])
    scorer = Scorer(predictions, index)
    scores = resample_scores(scorer, resamples=8, seed=seed)
    draws = np.hstack(list(group_counts(scorer.num_groups, resamples=8, seed=seed, step=3)))
    assert not (draws == 1).all()
    for r, counts in enumerate(draws.T.astype(int)):
        rows = np.repeat(np.arange(case["n"]), counts[index])
        explicit = evaluate_predictions(taken(predictions, rows), bootstrap=0)
        for name, values in scores.headline.items():
            assert explicit[name] == plain(values[r]), name
        for name in PER_CLASS:
            for k, label in enumerate(CLASSES):
                assert explicit["per_class"][label][name] == plain(scores.per_class[name][r, k])


def test_groups_behind_a_rate_by_hand():
    labels = ["MEL", "NV", "NV", "NV", "MEL"]
    predictions = Predictions(
        list("abcde"), labels, np.eye(2)[[0, 0, 1, 1, 1]], ("MEL", "NV"), list("xxyyz")
    )
    behind = Scorer(predictions, np.array([0, 0, 1, 1, 2])).groups_behind
    assert {name: counts.tolist() for name, counts in behind.items()} == {
        "recall": [2, 2],  # x, z; x, y
        "precision": [1, 2],  # x; y, z
        "specificity": [2, 2],  # x, y; x, z
    }


def test_same_seed_same_interval_other_seed_another(random_predictions):
    predictions = random_predictions(0)
    first, again, other = (
        evaluate_predictions(predictions, bootstrap=200, seed=seed)["ci"] for seed in (0, 0, 1)
    )
    assert first == again
    assert first != other


def test_the_interval_of_accuracy_is_that_of_a_binomial_share(random_predictions):
    report = evaluate_predictions(random_predictions(0))
    low, high = report["ci"]["accuracy"]
    p = report["accuracy"]
    assert low < p < high
    assert high - low == pytest.approx(2 * 1.96 * np.sqrt(p * (1 - p) / 300), rel=0.05)


def test_the_spread_of_auc_is_that_of_delong():
    rng = np.random.default_rng(0)
    n = 400
    true = np.arange(n) % 2
    score = np.clip(0.5 + 0.1 * true + 0.1 * rng.standard_normal(n), 0.01, 0.99)
    predictions = Predictions(
        [str(row) for row in range(n)],
        [("NV", "MEL")[k] for k in true],
        np.stack([score, 1 - score], axis=1),
        ("MEL", "NV"),
    )
    scores = resample_scores(Scorer(predictions, np.arange(n)), resamples=2000, seed=0)
    # DeLong et al., Biometrics 44 (1988): variances of the shares each image outscores.
    wins = score[true == 1][:, None] > score[true == 0]
    expected = wins.mean(1).var(ddof=1) / (n / 2) + wins.mean(0).var(ddof=1) / (n / 2)
    assert scores.per_class["auc"][:, 0].std() == pytest.approx(np.sqrt(expected), rel=0.06)


def test_intervals_cover_the_truth_about_as_often_as_they_say():
    rng = np.random.default_rng(1)
    misses = {"lesions": 0, "images": 0}
    for _ in range(100):
        # Lesions of three images that are right or wrong together, 70 % right.
        right = np.repeat(rng.random(60) < 0.7, 3)
        label = rng.integers(0, 2, len(right))
        called = np.where(right, label, 1 - label)
        rows = [str(row) for row in range(len(right))]
        for unit, groups in (
            ("lesions", [str(row // 3) for row in range(len(right))]),
            ("images", None),
        ):
            predictions = Predictions(
                rows, [("MEL", "NV")[k] for k in label], np.eye(2)[called], ("MEL", "NV"), groups
            )
            index = group_indices(groups, len(right))
            scores = resample_scores(Scorer(predictions, index), resamples=200, seed=0)
            low, high = np.quantile(scores.headline["accuracy"], [0.025, 0.975])
            misses[unit] += not low <= 0.7 <= high
    assert 1 <= misses["lesions"] <= 12  # 5 of 100 expected
    assert misses["images"] > 15  # far too narrow: what groups are for


def test_copies_of_one_image_in_a_group_add_no_certainty(random_predictions):
    single = random_predictions(0, n=100)
    copied = Predictions(
        image_ids=[f"{name}_{k}" for name in single.image_ids for k in range(4)],
        labels=[label for label in single.labels for _ in range(4)],
        probabilities=np.repeat(single.probabilities, 4, axis=0),
        classes=single.classes,
        groups=[name for name in single.image_ids for _ in range(4)],
    )
    first, second = (evaluate_predictions(rows, bootstrap=200) for rows in (single, copied))
    for name in ("accuracy", "macro_auc", "macro_average_precision", "kappa"):
        assert second[name] == pytest.approx(first[name])
        assert second["ci"][name] == pytest.approx(first["ci"][name])


def test_ten_thousand_resamples_of_5000_images_take_seconds(random_predictions):
    predictions = random_predictions(0, n=5000, groups=random_groups(0, 5000, 3500))
    start = time.process_time()
    evaluate_predictions(predictions, bootstrap=1000)
    assert time.process_time() - start < 2.0  # 0.3 s: a tenth of the default
