"""The metadata vector exists twice, in Python and in the graph: the two are one."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import tensorflow as tf

from skinnet_keras.data.metadata import MISSING, SEXES, SITES, MetadataEncoder
from skinnet_keras.errors import UserError
from skinnet_keras.export.image_bytes.metadata import UNKNOWN_AGE, encode_metadata

AGES = (None, float("nan"), *range(0, 121), 0.5, 99.9, 100.1)
SPELT = (" Female", "MALE\n", "Unknown", "  ")


@pytest.fixture(scope="module")
def in_graph():
    specs = [tf.TensorSpec((None,), dtype) for dtype in (tf.float32, tf.string, tf.string)]
    return tf.function(encode_metadata, specs)


def test_equal_to_the_python_encoder_over_all_values(in_graph):
    words = itertools.product((*SEXES, *MISSING), (*SITES, *MISSING))
    rows = [(AGES[i % len(AGES)], *pair) for i, pair in enumerate(words)]
    rows += [(age, "female", "head/neck") for age in AGES]
    rows += [(40, word, word if word.strip().lower() in MISSING else "") for word in SPELT]
    rows += [(1, "", word) for word in (" Palms/Soles ", "HEAD/NECK")]
    ages = np.array([UNKNOWN_AGE if age is None else age for age, _, _ in rows], np.float32)
    vectors = in_graph(ages, [row[1] for row in rows], [row[2] for row in rows])
    expected = np.stack([MetadataEncoder().encode(*row) for row in rows])
    assert vectors.shape == expected.shape
    np.testing.assert_allclose(vectors, expected, atol=1e-7)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ((-2.0, "", ""), "The age -2 is not a number of years between 0 and 120"),
        ((121.0, "", ""), "The age 121 is not"),
        ((float("inf"), "", ""), "The age inf is not"),
        ((1.0, "femal", ""), r"The sex .*femal.* is not known: use one of female, male"),
        ((1.0, "", "toe"), r"The site .*toe.* is not known: use one of anterior torso"),
        ((1.0, "", "trunk"), "The site"),
    ],
)
def test_what_python_refuses_the_graph_refuses_by_name(in_graph, row, message):
    with pytest.raises(UserError):
        MetadataEncoder().encode(*row)
    columns = [[10.0, row[0]], ["male", row[1]], ["", row[2]]]
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        in_graph(*map(tf.constant, columns))
