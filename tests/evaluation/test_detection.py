from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score, roc_curve

from skinnet_keras.evaluation.detection import detection_auroc, false_positive_rate


@pytest.mark.parametrize("decimals", [1, 12])
@pytest.mark.parametrize("recall", [0.5, 0.95, 1.0])
@pytest.mark.parametrize("seed", range(4))
def test_both_are_scikit_learns(decimals, recall, seed):
    rng = np.random.default_rng(seed)
    inside, outside = rng.normal(1, 1, 40 + seed).round(decimals), rng.normal(0, 1, 31)
    outside = outside.round(decimals)
    is_inside = np.repeat([1, 0], [len(inside), len(outside)])
    scores = np.concatenate([inside, outside])
    assert detection_auroc(inside, outside) == pytest.approx(
        roc_auc_score(is_inside, scores), abs=1e-12
    )
    fpr, tpr, _ = roc_curve(is_inside, scores, drop_intermediate=False)
    assert false_positive_rate(inside, outside, recall=recall) == pytest.approx(
        fpr[tpr >= recall - 1e-12].min(), abs=1e-12
    )


def test_twenty_known_images_may_lose_one():
    inside = np.arange(20.0)
    assert false_positive_rate(inside, np.array([0.5, 1.0, 30.0])) == pytest.approx(2 / 3)


def test_separated_and_equal_scores():
    assert detection_auroc(np.array([2.0, 3.0]), np.array([0.0, 1.0])) == 1.0
    assert false_positive_rate(np.array([2.0, 3.0]), np.array([0.0, 1.0])) == 0.0
    assert detection_auroc(np.ones(3), np.ones(5)) == 0.5
    assert false_positive_rate(np.ones(3), np.ones(5)) == 1.0


def test_nothing_to_tell_apart():
    for inside, outside in ((np.ones(3), np.ones(0)), (np.ones(0), np.ones(3))):
        assert np.isnan(detection_auroc(inside, outside))
        assert np.isnan(false_positive_rate(inside, outside))
