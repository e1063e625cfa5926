from __future__ import annotations

import json

import keras
import numpy as np
import pytest

from skinnet_keras.atomic import write_json
from skinnet_keras.models import build_skinnet
from skinnet_keras.training import checkpoints as ckpt


@pytest.fixture
def stage(tmp_path):
    """A function that fills a stage's folder with files that hold their own names."""

    def fill(*names: str, **state):
        for name in names:
            (tmp_path / name).write_text(name)
        if state:
            write_json(tmp_path / ckpt.STATE, state)
        return tmp_path

    return fill


def numbered(directory) -> list[str]:
    return sorted(path.name for path in directory.glob("*.weights.h5"))


def test_the_last_and_every_fifth_epoch_stay(stage):
    directory = stage(*(ckpt.epoch_file(n) for n in range(1, 13)), epoch=11, best=None)
    ckpt.tidy(directory, 5)
    assert numbered(directory) == [ckpt.epoch_file(n) for n in (5, 10, 11)]


def test_the_last_but_one_stays_and_states_go_with_their_weights(stage):
    names = (name(n) for n in range(1, 8) for name in (ckpt.epoch_file, ckpt.state_file))
    directory = stage(*names, epoch=7, best=None)
    ckpt.tidy(directory, 5)
    assert numbered(directory) == [ckpt.epoch_file(n) for n in (5, 6, 7)]
    states = sorted(path.name for path in directory.glob("epoch_*.json"))
    assert states == [ckpt.state_file(n) for n in (5, 6, 7)]


def test_best_of_the_state_takes_its_place_and_others_go(stage):
    best = {"epoch": 3, "monitor": "val_loss", "score": 0.25}
    files = (ckpt.new_best_file(3), ckpt.new_best_file(4), ckpt.BEST, "best.json")
    directory = stage(*files, epoch=3, best=best)
    (directory / "best.json").write_text(json.dumps({**best, "epoch": 1}))
    ckpt.tidy(directory, 5)
    assert numbered(directory) == [ckpt.BEST]
    assert (directory / ckpt.BEST).read_text() == ckpt.new_best_file(3)
    assert ckpt.read_json(directory / "best.json") == best


def test_best_that_stays_the_best_is_left_alone(stage):
    best = {"epoch": 2, "monitor": "val_loss", "score": 0.25}
    directory = stage(ckpt.BEST, ckpt.new_best_file(7), epoch=6, best=best)
    ckpt.tidy(directory, 5)
    assert (directory / ckpt.BEST).read_text() == ckpt.BEST


def test_half_written_files_and_averages_of_a_lost_epoch_go(stage):
    directory = stage(".1a2b3c4d.epoch_0002.weights.h5", ckpt.FINAL, epoch=1, best=None)
    ckpt.tidy(directory, 5)
    assert [path.name for path in directory.iterdir()] == [ckpt.STATE]


def test_averages_of_the_last_epoch_stay(stage):
    directory = stage(ckpt.FINAL, epoch=1, best=None, final=ckpt.FINAL)
    ckpt.tidy(directory, 5)
    assert numbered(directory) == [ckpt.FINAL]


def test_measured_start_is_the_best_until_a_state_says_otherwise(stage):
    start = {"epoch": 0, "monitor": "val_loss", "score": 0.5}
    directory = stage(ckpt.BEST)
    write_json(directory / "best.json", start)
    ckpt.tidy(directory, 5)
    assert ckpt.read_best(directory) == start
    assert numbered(directory) == [ckpt.BEST]


def test_best_of_an_epoch_that_an_older_state_does_not_reach_is_none(stage):
    # States of earlier versions do not name the best epoch.
    directory = stage(epoch=3, weights=ckpt.epoch_file(3))
    for epoch, known in ((3, True), (4, False)):
        write_json(directory / "best.json", {"epoch": epoch, "score": 1.0})
        assert (ckpt.read_best(directory) is not None) is known


def test_room_is_reserved_for_more_than_the_weights_take(tmp_path, monkeypatch):
    reserved = []
    monkeypatch.setattr(ckpt, "reserve", lambda path, size: reserved.append(size))
    model = build_skinnet("v1", backbone="mbconv_tiny", image_size=32)
    for optimizer in (None, "adamw"):
        if optimizer:
            model.compile(optimizer, "categorical_crossentropy")
            model.optimizer.build(model.trainable_variables)
        ckpt.save_weights(model, tmp_path / "a.weights.h5")
        size = (tmp_path / "a.weights.h5").stat().st_size
        assert size < reserved.pop() < 3 * size


def test_random_generators_go_on_where_they_were():
    def network():
        keras.utils.set_random_seed(0)
        inputs = keras.Input((64,))
        inner = keras.Model(inputs, keras.layers.Dropout(0.5)(inputs))
        x = keras.Input((64,))
        return keras.Model(x, keras.layers.GaussianNoise(1.0)(inner(x)))

    ones = np.ones((1, 64), "float32")
    first, second = network(), network()
    first(ones, training=True)
    states = json.loads(json.dumps(ckpt.random_states(first)))
    expected = keras.ops.convert_to_numpy(first(ones, training=True))
    assert not np.array_equal(keras.ops.convert_to_numpy(network()(ones, training=True)), expected)
    ckpt.set_random_states(second, states)
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(second(ones, training=True)), expected)
