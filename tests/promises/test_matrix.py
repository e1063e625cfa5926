"""The table of promises names tests that exist, and no promise twice."""

from __future__ import annotations

import pytest

from promises.matrix import is_there, read_promises

PROMISES = read_promises()


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.text[:40])
def test_every_promise_has_tests(promise):
    assert promise.tests
    assert [test for test in promise.tests if not is_there(test)] == []


def test_no_promise_stands_twice():
    assert len({promise.text for promise in PROMISES}) == len(PROMISES) > 40


def test_a_test_that_is_gone_is_noticed():
    assert not is_there("tests/promises/test_matrix.py::test_that_nobody_wrote")
    assert not is_there("tests/promises/test_gone.py")
    assert is_there("tests/promises/test_matrix.py::test_a_test_that_is_gone_is_noticed")
