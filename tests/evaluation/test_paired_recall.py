"""Recall of two systems on the same images."""

from __future__ import annotations

import numpy as np
import pytest

from skinnet_keras.evaluation.paired_recall import recall_changes
from skinnet_keras.evaluation.predictions import Predictions

CLASSES = ("MEL", "NV", "BCC")


def _predictions(labels, decided, groups=None) -> Predictions:
    probabilities = np.full((len(labels), 3), 0.1)
    probabilities[np.arange(len(labels)), [CLASSES.index(name) for name in decided]] = 0.8
    names = [str(i) for i in range(len(labels))]
    return Predictions(names, list(labels), probabilities, CLASSES, groups)


def test_differences_are_those_of_the_recalls():
    labels = ["MEL"] * 20 + ["NV"] * 30
    first = _predictions(labels, ["MEL"] * 20 + ["NV"] * 30)
    this = _predictions(labels, ["MEL"] * 10 + ["NV"] * 10 + ["NV"] * 30)
    melanoma, naevus, carcinoma = recall_changes(first, this, bootstrap=500)
    assert (melanoma.label, melanoma.images) == ("MEL", 20)
    assert (melanoma.first, melanoma.this, melanoma.difference) == (1.0, 0.5, -0.5)
    # 10 of 20 images: a standard deviation of 0.11.
    assert melanoma.interval == pytest.approx((-0.72, -0.28), abs=0.06)
    assert (naevus.difference, naevus.interval) == (0.0, (0.0, 0.0))
    assert (carcinoma.images, carcinoma.first, carcinoma.interval) == (0, None, None)


def test_images_of_one_lesion_are_one_observation():
    labels = ["MEL"] * 40
    first = _predictions(labels, ["MEL"] * 40, [f"g{i // 20}" for i in range(40)])
    this = _predictions(labels, ["MEL"] * 20 + ["NV"] * 20)
    assert recall_changes(first, this, bootstrap=500)[0].interval == (-1.0, 0.0)
    alone = _predictions(labels, ["MEL"] * 40)
    assert recall_changes(alone, this, bootstrap=500)[0].interval[1] < -0.3


def test_other_images_are_refused():
    first = _predictions(["MEL", "NV"], ["MEL", "NV"])
    with pytest.raises(ValueError, match="the same images"):
        recall_changes(first, _predictions(["NV", "NV"], ["MEL", "NV"]))
