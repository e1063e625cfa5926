"""One stage: what it leaves, how it ends, and what an interruption at any moment changes."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from skinnet_keras.atomic import write_json
from skinnet_keras.errors import UserError
from skinnet_keras.runs.run import Run
from skinnet_keras.training import checkpoints as ckpt
from skinnet_keras.training.fit import fit_stage, is_finished, load_weights
from small_stage import STEPS, batches_from, small_network, small_run, small_stage, stage_config

UNFREEZE = [
    {"from_epoch": 0, "parts": ["head", "stem", "last_block"]},
    {"from_epoch": 2, "parts": ["all"]},
]
UNEVEN = (0.5, 0.7, 0.4, 0.6)


@pytest.fixture(scope="module", autouse=True)
def _eager():
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


def files(run: Run) -> set[str]:
    return {path.name for path in run.stage_directory("cnn").iterdir()}


def outcome(run: Run, stage) -> dict:
    """Everything an interruption must not change."""
    result = {"files": files(run), "best": ckpt.read_best(run.stage_directory("cnn"))}
    result["history"] = [{k: v for k, v in r.items() if k != "seconds"} for r in run.history()]
    for name, best in (("final", False), ("best_weights", True)):
        load_weights(run, "cnn", stage.model, best=best)
        result[name] = stage.model.get_weights()
    result["random"] = ckpt.random_states(stage.model)
    return result


def assert_same(actual: dict, expected: dict) -> None:
    assert actual.keys() == expected.keys()
    for key, value in expected.items():
        if key in ("final", "best_weights"):
            for a, b in zip(actual[key], value, strict=True):
                np.testing.assert_array_equal(a, b)
        else:
            assert actual[key] == value, key


def fitted(directory: Path, config, scores=UNEVEN, **keys) -> tuple[Run, dict]:
    run, stage = small_run(directory, config), small_stage(config, scores, **keys)
    fit_stage(run, stage, None)
    return run, outcome(run, stage)


def test_last_and_every_nth_checkpoint_are_kept(tmp_path):
    run, result = fitted(tmp_path, stage_config(epochs=5), scores=(3, 2, 4, 5, 6))
    assert files(run) == {
        *(f"epoch_000{n}{suffix}" for n in (2, 4, 5) for suffix in (".weights.h5", ".json")),
        "best.weights.h5",
        "best.json",
        "state.json",
    }
    assert result["best"] == {"epoch": 2, "monitor": "val_loss", "score": 2}
    log = (run.directory / "train.log").read_text()
    assert [n for n in range(1, 6) if f"evaluation after epoch {n} (epoch_000{n}" in log] == [
        2,
        4,
        5,
    ]


class _KilledError(BaseException):
    pass


@contextmanager
def snapshots(run: Run, folder: Path) -> Iterator[list[Path]]:
    """Copy the run before every change of its files: what a process killed then leaves behind."""
    copies: list[Path] = []

    def copying(change):
        def wrapped(path, *arguments, **keys):
            if Path(path).exists():  # `atomic_file` unlinks what it has renamed
                copies.append(folder / f"{len(copies):02d}")
                shutil.copytree(run.directory, copies[-1])
            return change(path, *arguments, **keys)

        return wrapped

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "replace", copying(os.replace))
        patch.setattr(Path, "unlink", copying(Path.unlink))
        yield copies


def test_killed_between_any_two_writes_it_resumes_to_the_same_end(tmp_path):
    config = stage_config(epochs=3, ema=0.8, unfreeze=UNFREEZE)
    run, stage = small_run(tmp_path / "whole", config), small_stage(config, UNEVEN)
    with snapshots(run, tmp_path) as copies:
        fit_stage(run, stage, None)
    expected = outcome(run, stage)
    # Each epoch replaces history, weights and two states; two find a best (weights, again,
    # best.json); the first epoch's weights and state are removed, and averages are saved in the
    # end.
    assert len(copies) == 3 * 4 + 2 * 3 + 2 + 1
    later = [copy for copy in copies if len(small_run(copy, config).history()) >= 1]
    for copy in later:
        killed = small_run(copy, config)
        state = ckpt.read_json(killed.stage_directory("cnn") / "state.json")
        if state:
            assert state["weights"] == f"epoch_{state['epoch']:04d}.weights.h5"
            assert (killed.stage_directory("cnn") / state["weights"]).is_file()
            assert len(killed.history()) >= state["epoch"]
        again = small_stage(config, UNEVEN)
        fit_stage(killed, again, None)
        assert_same(outcome(killed, again), expected)


def truncate(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def flip_a_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("name", "damage", "epoch"),
    [
        ("epoch_0003.weights.h5", truncate, 2),
        ("epoch_0003.weights.h5", flip_a_byte, 2),
        ("epoch_0003.weights.h5", Path.unlink, 2),
        ("state.json", truncate, 3),
        ("best.weights.h5", truncate, 2),
        ("best.json", truncate, 3),
    ],
)
def test_damaged_files_are_named_and_the_stage_goes_on_before_them(
    tmp_path, name, damage, epoch, whole_and_killed
):
    config, expected, killed = whole_and_killed
    shutil.copytree(killed, tmp_path / "run")
    run = small_run(tmp_path / "run", config)
    directory = run.stage_directory("cnn")
    damage(directory / name)
    said = ckpt.recover(directory, 2)
    assert f"{directory / name} " in said
    assert "damaged" in said
    assert ckpt.epochs_done(directory) == epoch
    assert ckpt.recover(directory, 2) is None
    stage = small_stage(config, (0.5, 0.7, 0.4, 0.6))
    fit_stage(run, stage, None)
    assert_same(outcome(run, stage), expected)


@pytest.fixture(scope="module")
def whole_and_killed(tmp_path_factory):
    """A stage of four epochs, its outcome, and the folder of one that was killed in the fourth."""
    folder = tmp_path_factory.mktemp("damaged")
    config = stage_config(epochs=4)
    _, expected = fitted(folder / "whole", config)
    run, stage = small_run(folder / "killed", config), small_stage(config, UNEVEN)

    def validate(epoch: int) -> dict[str, float]:
        if epoch == 3:
            raise _KilledError
        return stage.validate(epoch)

    with pytest.raises(_KilledError):
        fit_stage(run, replace(stage, validate=validate), None)
    return config, expected, run.directory


def test_without_a_whole_checkpoint_one_sentence_says_so(tmp_path, whole_and_killed):
    config, _, killed = whole_and_killed
    shutil.copytree(killed, tmp_path / "run")
    directory = small_run(tmp_path / "run", config).stage_directory("cnn")
    for path in directory.glob("epoch_*.weights.h5"):
        truncate(path)
    with pytest.raises(UserError, match=r"epoch_0003\.weights\.h5 is damaged, and no earlier"):
        ckpt.recover(directory, 2)


def test_runs_of_earlier_versions_go_on_where_their_weights_open(tmp_path, whole_and_killed):
    config, _, killed = whole_and_killed
    shutil.copytree(killed, tmp_path / "run")
    directory = small_run(tmp_path / "run", config).stage_directory("cnn")
    state = json.loads((directory / "state.json").read_text())
    write_json(directory / "state.json", {k: v for k, v in state.items() if k != "sha256"})
    for path in directory.glob("epoch_*.json"):
        path.unlink()
    assert ckpt.recover(directory, 2) is None
    truncate(directory / state["weights"])
    with pytest.raises(UserError, match=r"epoch_0003\.weights\.h5 is damaged"):
        ckpt.recover(directory, 2)


def test_best_epoch_that_was_lost_is_forgotten(tmp_path):
    config = stage_config(epochs=2)
    _, expected = fitted(tmp_path / "whole", config, scores=(2.0, 3.0))
    run = small_run(tmp_path / "run", config)
    with snapshots(run, tmp_path) as copies:
        fit_stage(run, small_stage(config, (2.0, 1.0)), None)
    in_between = [x for x in copies if (x / "checkpoints/cnn/best_0002.weights.h5").exists()]
    killed = small_run(in_between[0], config)
    # Where training is not deterministic, the epoch may turn out worse the second time.
    stage = small_stage(config, (2.0, 3.0))
    fit_stage(killed, stage, None)
    assert_same(outcome(killed, stage), expected)
    assert json.loads((killed.stage_directory("cnn") / "best.json").read_text())["epoch"] == 1


def test_rows_of_lost_epochs_leave_the_history_at_once(tmp_path):
    config = stage_config(epochs=3)
    run, _ = fitted(tmp_path, config)
    state = run.stage_directory("cnn") / "state.json"
    (run.stage_directory("cnn") / "epoch_0002.weights.h5").rename(
        run.stage_directory("cnn") / "epoch_0001.weights.h5"
    )
    saved = json.loads(state.read_text())
    state.write_text(json.dumps({**saved, "epoch": 1, "weights": "epoch_0001.weights.h5"}))

    def validate(*_):
        assert [row["epoch"] for row in run.history()] == ["1"]
        raise _KilledError

    with pytest.raises(_KilledError):
        fit_stage(run, replace(small_stage(config), validate=validate), None)


def test_checkpoint_of_another_optimiser_is_refused(tmp_path):
    fitted(tmp_path, stage_config(epochs=1))
    sgd = {"name": "sgd", "schedule": {"name": "cosine"}}
    longer = stage_config(epochs=2, optimizer=sgd)
    with pytest.raises(UserError, match=r"epoch_0001\.weights\.h5 does not fit the config"):
        fit_stage(small_run(tmp_path, longer), small_stage(longer), None)


def no_data(first_epoch: int):
    raise AssertionError("a finished stage reads no data")


def test_stage_stops_when_its_figure_does_not_improve(tmp_path):
    config = stage_config(epochs=9, early_stopping=2)
    run, result = fitted(tmp_path, config, scores=(3, 1, 2, 2, 0))
    assert [row["epoch"] for row in run.history()] == ["1", "2", "3", "4"]
    assert result["best"]["epoch"] == 2
    assert "epoch_0004.weights.h5" in files(run)
    assert "stopped early after epoch 4" in (run.directory / "train.log").read_text()
    assert is_finished(run, "cnn", config)
    again = replace(small_stage(config), data=no_data)
    fit_stage(run, again, None)
    assert_same(outcome(run, again), result)


def test_improvement_renews_the_patience(tmp_path):
    run, _ = fitted(tmp_path, stage_config(epochs=5, early_stopping=2), scores=(3, 4, 2, 4, 1))
    assert len(run.history()) == 5


def test_patience_begins_anew_where_the_last_parts_are_unfrozen(tmp_path):
    config = stage_config(epochs=9, early_stopping=1, unfreeze=UNFREEZE)
    run, _ = fitted(tmp_path, config, scores=(1, 2, 0.5, 3))
    assert len(run.history()) == 4


def test_divergence_is_an_error_and_leaves_no_checkpoint(tmp_path):
    config = stage_config(epochs=3, optimizer={"name": "sgd"}, early_stopping=1)
    run = small_run(tmp_path, config)
    # Beyond what a config may ask for.
    absurd = config.optimizer.model_copy(update={"learning_rate": 1e30})
    config = config.model_copy(update={"optimizer": absurd})
    with pytest.raises(UserError, match=r"stages\.cnn\.optimizer\.learning_rate"):
        fit_stage(run, small_stage(config), None)
    assert files(run) == set()
    assert not is_finished(run, "cnn", config)


def test_figure_that_never_is_a_number_is_an_error(tmp_path):
    config = stage_config(epochs=2)
    with pytest.raises(UserError, match="val_loss was not a number"):
        fit_stage(small_run(tmp_path, config), small_stage(config, [float("nan")] * 2), None)


def test_start_that_was_measured_can_stay_the_best(tmp_path):
    config = stage_config(epochs=3, early_stopping=2)
    run, stage = small_run(tmp_path, config), small_stage(config, (9, 9, 9))
    start = stage.model.get_weights()
    directory = run.stage_directory("cnn")
    ckpt.save_weights(stage.model, directory / ckpt.BEST)
    best = {"epoch": 0, "monitor": "val_loss", "score": 5.0}
    write_json(directory / "best.json", best)
    fit_stage(run, stage, None)
    assert ckpt.read_best(directory) == best
    assert len(run.history()) == 2
    for a, b in zip(stage.model.get_weights(), start, strict=True):
        np.testing.assert_array_equal(a, b)


def weights_of(path: Path) -> list[np.ndarray]:
    model = small_network()
    model.load_weights(path)
    return model.get_weights()


def trained_by_hand(ema: float, epochs: int) -> tuple[list, list]:
    """Weights and their average after AdamW with a constant rate, step by step."""
    model = small_network()
    model.compile("sgd", "categorical_crossentropy")
    model.optimizer.learning_rate = 0.05
    averages = None
    for (x, y), _ in zip(batches_from(0), range(STEPS * epochs), strict=False):
        model.train_on_batch(x, y)
        values = [keras.ops.convert_to_numpy(v).copy() for v in model.trainable_variables]
        averages = values if averages is None else averages
        averages = [ema * a + (1 - ema) * v for a, v in zip(averages, values, strict=True)]
    return values, averages


def test_averaged_weights_are_validated_and_kept_and_the_raw_ones_trained(tmp_path):
    sgd = {"name": "sgd", "learning_rate": 0.05, "momentum": 0.0, "schedule": {"name": "constant"}}
    config = stage_config(epochs=3, ema=0.7, optimizer=sgd)
    run, seen = small_run(tmp_path / "ema", config), []
    stage = small_stage(config, (2, 1, 3), seen=seen)
    fit_stage(run, stage, None)
    raw, averages = trained_by_hand(0.7, 3)

    def trainable() -> list[np.ndarray]:
        return [keras.ops.convert_to_numpy(v) for v in stage.model.trainable_variables]

    load_weights(run, "cnn", stage.model, best=False)
    for actual, expected in zip(trainable(), averages, strict=True):
        np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-6)
    # What was validated is what is loaded: after the last epoch, and at the best one.
    for name, epoch in (("final", 2), ("best", 1)):
        for a, b in zip(
            weights_of(run.stage_directory("cnn") / f"{name}.weights.h5"), seen[epoch], strict=True
        ):
            np.testing.assert_array_equal(a, b)
    # The checkpoint to resume from holds the weights themselves.
    stage.model.load_weights(run.stage_directory("cnn") / "epoch_0003.weights.h5")
    for actual, expected in zip(trainable(), raw, strict=True):
        np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-6)


def test_averaging_does_not_change_the_training(tmp_path):
    fitted(tmp_path / "plain", stage_config(epochs=2))
    fitted(tmp_path / "ema", stage_config(epochs=2, ema=0.9))
    plain, averaged = (
        weights_of(tmp_path / name / "checkpoints/cnn/epoch_0002.weights.h5")
        for name in ("plain", "ema")
    )
    for a, b in zip(plain, averaged, strict=True):
        np.testing.assert_array_equal(a, b)


def test_parts_are_unfrozen_in_their_epoch(tmp_path):
    config = stage_config(epochs=4, unfreeze=UNFREEZE)
    run, seen = small_run(tmp_path / "run", config, 1), []
    stage = small_stage(config, seen=seen)
    names = [weight.path for weight in stage.model.weights]
    start = stage.model.get_weights()
    fit_stage(run, stage, None)
    after = [dict(zip(names, weights, strict=True)) for weights in (start, *seen)]

    def changed(a: int, b: int) -> set[str]:
        """Layers with a weight or statistic that differs after a and b epochs."""
        return {
            path.split("/")[-2]
            for path in names
            if not np.array_equal(after[a][path], after[b][path])
        }

    gentle = {"stem_conv", "stem_bn", "block2_project", "top_conv", "temporary_head"}
    assert changed(0, 1) == changed(1, 2) == gentle
    assert changed(2, 3) == changed(3, 4) == gentle | {"block1_project", "block1_bn"}
    assert all(layer.trainable for layer in stage.model._flatten_layers())


def test_learning_rate_and_history_go_on_over_the_boundary(tmp_path):
    run, _ = fitted(tmp_path / "run", stage_config(epochs=4, unfreeze=UNFREEZE))
    reference, _ = fitted(tmp_path / "reference", stage_config(epochs=4))
    rates = [[row["learning_rate"] for row in r.history()] for r in (run, reference)]
    assert rates[0] == rates[1]
    assert [row["epoch"] for row in run.history()] == ["1", "2", "3", "4"]


def test_part_without_a_layer_is_refused_before_the_first_epoch(tmp_path):
    config = stage_config(
        epochs=2,
        unfreeze=[{"from_epoch": 0, "parts": ["all"]}, {"from_epoch": 1, "parts": ["stem"]}],
    )
    stage = small_stage(config)
    inputs = keras.Input((5,), name="image")
    bare = keras.Model({"image": inputs}, {"diagnosis": keras.layers.Dense(2)(inputs)}, name="bare")
    with pytest.raises(UserError, match="bare has no layer of the part 'stem'"):
        fit_stage(small_run(tmp_path, config), replace(stage, model=bare, data=no_data), None)
