"""Results keep their order, and an interrupt does not wait for the rest."""

from __future__ import annotations

import time

import pytest

from skinnet_keras.data.threads import map_in_threads


def test_results_in_order():
    assert list(map_in_threads(lambda n: n * n, range(50), "Squares", 4)) == [
        n * n for n in range(50)
    ]
    assert list(map_in_threads(str, [], "Nothing")) == []


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_the_rest_is_dropped(error):
    called = []

    def slow(number):
        called.append(number)
        if number == 3:
            raise error
        time.sleep(0.01)  # or the one thread is at the end before the error is seen

    with pytest.raises(error):
        list(map_in_threads(slow, range(200), "Counting", 1))
    assert len(called) < 100
