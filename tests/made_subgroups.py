"""Predictions of two classes in three subgroups whose every figure is known."""

from __future__ import annotations

import numpy as np

from skinnet_keras.evaluation.predictions import Predictions
from skinnet_keras.evaluation.subgroups.attributes import Attribute

CLASSES = ("MEL", "NV", "BKL")
SUBGROUPS = ("female", "male", "not recorded")
# subgroup, label, predicted as, lesions
_CELLS = [
    (0, "MEL", "MEL", 15),
    (0, "MEL", "NV", 5),
    (0, "NV", "NV", 20),
    (0, "BKL", "NV", 9),
    (1, "MEL", "MEL", 5),
    (1, "MEL", "NV", 15),
    (1, "NV", "NV", 18),
    (1, "NV", "MEL", 2),
    (2, "NV", "NV", 40),
]


def make_predictions(*, images_a_lesion: int = 1) -> tuple[Predictions, Attribute]:
    """149 lesions; the predicted class has a probability of 0.8, the others 0.1."""
    codes, labels, predicted, groups = [], [], [], []
    for code, label, found, lesions in _CELLS:
        for _ in range(lesions):
            lesion = f"lesion{len(set(groups))}"
            codes += [code] * images_a_lesion
            labels += [label] * images_a_lesion
            predicted += [CLASSES.index(found)] * images_a_lesion
            groups += [lesion] * images_a_lesion
    probabilities = np.full((len(codes), 3), 0.1)
    probabilities[np.arange(len(codes)), predicted] = 0.8
    predictions = Predictions(
        [f"image{row}" for row in range(len(codes))], labels, probabilities, CLASSES, groups
    )
    return predictions, Attribute("sex", SUBGROUPS, np.array(codes))
