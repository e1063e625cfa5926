from __future__ import annotations

import keras
import numpy as np
import pytest

from skinnet_keras.atomic import write_json
from skinnet_keras.errors import UserError
from skinnet_keras.training import checkpoints as ckpt
from skinnet_keras.training.callbacks import KeepBest, RecordHistory, StopAtDivergence
from small_stage import small_run, stage_config


@pytest.fixture
def model():
    inputs = keras.Input((2,))
    model = keras.Model(inputs, keras.layers.Dense(1)(inputs))
    model.compile(keras.optimizers.SGD(0.5), "mse")
    return model


def keep_best(directory, model, higher_is_better: bool = False) -> KeepBest:
    callback = KeepBest(directory, "score", higher_is_better)
    callback.set_model(model)
    return callback


@pytest.mark.parametrize(("higher_is_better", "best"), [(False, [1, 3]), (True, [1, 4])])
def test_weights_are_saved_when_the_score_is_better_than_all_before(
    tmp_path, model, higher_is_better, best
):
    callback = keep_best(tmp_path, model, higher_is_better)
    for epoch, score in enumerate((0.5, 0.5, 0.25, 0.75, float("nan"))):
        callback.on_epoch_end(epoch, {"score": score})
    assert [n for n in range(1, 6) if (tmp_path / ckpt.new_best_file(n)).is_file()] == best
    assert callback.best["epoch"] == best[-1]


def test_first_number_is_better_than_none(tmp_path, model):
    callback = keep_best(tmp_path, model)
    callback.on_epoch_end(0, {"score": float("nan")})
    assert callback.best is None
    callback.on_epoch_end(1, {"score": 7.0})
    assert callback.best == {"epoch": 2, "monitor": "score", "score": 7.0}


def test_best_of_before_is_the_bar_after_a_resumption(tmp_path, model):
    best = {"epoch": 2, "monitor": "score", "score": 0.5}
    write_json(tmp_path / ckpt.STATE, {"epoch": 3, "best": best})
    callback = keep_best(tmp_path, model)
    callback.on_epoch_end(3, {"score": 0.75})
    assert callback.best == best
    callback.on_epoch_end(4, {"score": 0.25})
    assert callback.best["epoch"] == 5


def test_history_keeps_other_stages_and_the_epochs_that_are_done(tmp_path, model):
    run = small_run(tmp_path, stage_config(epochs=3))
    earlier = [{"stage": "segmentation", "epoch": n, "loss": 0.5} for n in (1, 2, 3)]
    lost = [{"stage": "cnn", "epoch": n, "loss": 1.0} for n in (1, 2)]
    run.write_history([*earlier, *lost])
    callback = RecordHistory(run, "cnn", 1, 3)
    rows = [(row["stage"], row["epoch"]) for row in run.history()]
    assert rows == [
        ("segmentation", "1"),
        ("segmentation", "2"),
        ("segmentation", "3"),
        ("cnn", "1"),
    ]
    callback.set_model(model)
    callback.on_epoch_begin(1)
    callback.on_epoch_end(1, {"loss": 0.25})
    last = run.history()[-1]
    assert (last["epoch"], last["loss"], last["learning_rate"]) == ("2", "0.25", "0.5")
    assert "cnn: epoch 2/3  loss 0.25" in (run.directory / "train.log").read_text()


@pytest.mark.parametrize("loss", [float("nan"), float("inf"), np.float32("nan")])
def test_a_loss_that_is_no_number_ends_the_training(loss):
    callback = StopAtDivergence("head")
    callback.on_train_batch_end(0, {"loss": np.float32(1e30)})
    with pytest.raises(UserError, match=r"stage head: .* stages\.head\.optimizer\.learning_rate"):
        callback.on_train_batch_end(1, {"loss": loss})
