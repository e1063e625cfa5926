from __future__ import annotations

import numpy as np

from skinnet_keras.evaluation.subgroups.comparison import (
    Comparison,
    choose_comparison,
    count_lesions,
)


def test_a_lesion_counts_once_in_each_subgroup_and_class_it_has_images_in():
    counts = count_lesions(
        codes=np.array([0, 0, 0, 1, 1]),
        true=np.array([0, 0, 1, 1, 0]),
        lesions=np.array([7, 7, 8, 8, 9]),
        num_subgroups=3,
        num_classes=2,
    )
    assert counts.total.tolist() == [2, 2, 0]
    assert counts.by_class.tolist() == [[1, 1], [1, 1], [0, 0]]


def test_all_classes_are_compared_where_every_subgroup_has_them():
    by_class = np.full((3, 4), 10)
    assert choose_comparison(by_class) == Comparison((0, 1, 2), (0, 1, 2, 3))


def test_a_class_of_nine_lesions_is_compared_in_no_subgroup():
    assert choose_comparison(np.array([[50, 50, 9], [50, 50, 90]])) == Comparison((0, 1), (0, 1))


def test_a_small_subgroup_does_not_take_classes_from_the_others():
    by_class = np.array([[300, 60, 40], [300, 60, 40], [12, 11, 0]])
    # Over all three classes 800 lesions, over two of them and with the third subgroup 743.
    assert choose_comparison(by_class) == Comparison((0, 1), (0, 1, 2))


def test_a_large_subgroup_is_kept_at_the_price_of_a_class():
    by_class = np.array([[300, 60, 40], [300, 60, 40], [500, 90, 0]])
    assert choose_comparison(by_class) == Comparison((0, 1, 2), (0, 1))


def test_nothing_is_compared_without_two_subgroups_that_share_two_classes():
    nothing = Comparison((), ())
    assert choose_comparison(np.array([[50, 50, 0], [0, 50, 50]])) == nothing
    assert choose_comparison(np.array([[50, 50]])) == nothing
