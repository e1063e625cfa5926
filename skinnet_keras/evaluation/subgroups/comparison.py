"""Which subgroups and classes are compared: decided by counts of lesions alone."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

MIN_CLASS_LESIONS = 10
"""From this many lesions of a class on, its recall in a subgroup is shown.

With 10 lesions a 95 % interval of a recall of 0.5 spans 0.24 to 0.76 (Wilson), and a resample
without any has a chance of 5e-5."""

MIN_LESIONS = 30
"""From this many lesions on, a subgroup's accuracy and calibration are shown."""


@dataclass(frozen=True)
class LesionCounts:
    """Lesions (groups) of each subgroup.

    Attributes:
        total: int64 (S,), lesions with an image in the subgroup.
        by_class: int64 (S, K), lesions with an image of the class in the subgroup.
    """

    total: np.ndarray
    by_class: np.ndarray


@dataclass(frozen=True)
class Comparison:
    """What is compared of an attribute.

    Attributes:
        subgroups: Numbers of the compared subgroups; none where nothing can be compared.
        classes: Numbers of the classes over which they are compared.
    """

    subgroups: tuple[int, ...]
    classes: tuple[int, ...]


def count_lesions(
    codes: np.ndarray, true: np.ndarray, lesions: np.ndarray, num_subgroups: int, num_classes: int
) -> LesionCounts:
    """Count lesions by subgroup and class.

    A lesion (group) whose images are in several subgroups or of several classes counts in each.

    Args:
        codes: int (N,), subgroup of each image.
        true: int (N,), class of each image.
        lesions: int (N,), lesion of each image.
        num_subgroups: S.
        num_classes: K.
    """
    total = np.zeros(num_subgroups, dtype=np.int64)
    pairs = np.unique(np.stack([codes, lesions]), axis=1)
    np.add.at(total, pairs[0], 1)
    by_class = np.zeros((num_subgroups, num_classes), dtype=np.int64)
    triples = np.unique(np.stack([codes, true, lesions]), axis=1)
    np.add.at(by_class, (triples[0], triples[1]), 1)
    return LesionCounts(total, by_class)


def choose_comparison(by_class: np.ndarray) -> Comparison:
    """Choose the classes that subgroups are compared over, and the subgroups that have them all.

    A class is present in a subgroup from `MIN_CLASS_LESIONS` lesions on. Classes of all compared
    subgroups are the same, so none gains by lacking a difficult one; but one small subgroup would
    then take the classes from all others. Of all sets of two or more classes that two or more
    subgroups have, the one is taken that keeps most lesions in the comparison; of equals the one
    with more classes, then the first.

    Args:
        by_class: int (S, K), lesions.

    Returns:
        The comparison; without subgroups and classes where no two share two classes.
    """
    present = by_class >= MIN_CLASS_LESIONS
    best, best_key = Comparison((), ()), (0, 0)
    for size in range(2, by_class.shape[1] + 1):
        for classes in itertools.combinations(range(by_class.shape[1]), size):
            subgroups = np.flatnonzero(present[:, list(classes)].all(axis=1))
            if len(subgroups) < 2:
                continue
            key = (int(by_class[subgroups][:, list(classes)].sum()), size)
            if key > best_key:
                best, best_key = Comparison(tuple(subgroups.tolist()), classes), key
    return best
