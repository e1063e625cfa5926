"""Which mistakes are shown, and in which order."""

from __future__ import annotations

import numpy as np

from skinnet_keras.evaluation.predictions import Predictions
from skinnet_keras.reporting.gallery import worst_mistakes

CLASSES = ("MEL", "NV", "DF")


def make(rows: list[tuple[str, float, float, float]]) -> Predictions:
    return Predictions(
        image_ids=[f"i{n}" for n in range(len(rows))],
        labels=[row[0] for row in rows],
        probabilities=np.array([row[1:] for row in rows]),
        classes=CLASSES,
    )


def test_surest_mistakes_of_the_classes_come_first():
    scored = make(
        [
            ("DF", 0.5, 0.2, 0.3),  # lead 0.2
            ("DF", 0.1, 0.1, 0.8),  # right
            ("MEL", 0.1, 0.9, 0.0),  # another class
            ("DF", 0.0, 0.9, 0.1),  # lead 0.8
            ("NV", 0.2, 0.1, 0.7),  # taken for a rare class, but its own is not asked for
        ]
    )
    assert worst_mistakes(scored, ("DF",)).tolist() == [3, 0]
    assert worst_mistakes(scored, ("MEL", "NV")).tolist() == [2, 4]
    assert worst_mistakes(scored, ("SCC",)).tolist() == []
