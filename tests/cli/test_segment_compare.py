"""`skinnet segment compare`: runs that exist, and networks that it trains itself."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from skinnet_keras.cli import segment_comparison
from skinnet_keras.cli.main import app
from skinnet_keras.config import Config, dump_config
from skinnet_keras.errors import UserError
from skinnet_keras.export.complexity import multiply_accumulates
from skinnet_keras.models import build_segmenter
from skinnet_keras.runs.run import Run
from tiny_run import build_segmenter as build_threshold_segmenter
from tiny_run import make_catalogue, make_run

SMALL = (
    "image_size=32",
    "segmenter.arguments={widths: [2, 4]}",
    "stages.segmentation.epochs=1",
    "stages.segmentation.batch_size=2",
    "workers=0",
)


def invoke(*arguments):
    return CliRunner().invoke(app, ["segment", "compare", *map(str, arguments)])


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two finished runs on the same images; the second takes too much for lesion."""
    root = tmp_path_factory.mktemp("runs")
    first, second = (make_run(root / name, variant="v1") for name in ("one", "two"))
    build_threshold_segmenter(level=0.9).save(second / "segmenter.keras")
    for run, widths in ((first, None), (second, [2, 4])):
        config = Run.open(run).config
        arguments = {"widths": widths} if widths else {"kernel": 5}
        segmenter = config.segmenter.model_copy(update={"arguments": arguments})
        changed = config.model_copy(update={"segmenter": segmenter})
        (run / "config.yaml").write_text(dump_config(changed))
    return [first.rename(first.parent / "right"), second.rename(second.parent / "wrong")]


def test_json(runs):
    result = invoke(*runs, "--no-benchmark", "--split", "test", "--json")
    assert result.exit_code == 0, result.output
    comparison = json.loads(result.stdout)
    assert (comparison["split"], comparison["reference"], comparison["n"]) == ("test", "right", 4)
    right, wrong = comparison["runs"]
    # Defaults are not arguments worth telling.
    assert (right["arguments"], wrong["arguments"]) == ({}, {"widths": [2, 4]})
    assert right["parameters"] == 1_039_427
    small = build_segmenter("split_attention_unet", image_size=32, widths=(2, 4))
    assert wrong["macs"] == multiply_accumulates(small)
    assert wrong["dice_difference"] == pytest.approx(
        wrong["dice_per_image"] - right["dice_per_image"]
    )
    assert wrong["dice_difference_ci"][1] < 0
    assert comparison["measured"] is None


def test_table_and_files(runs, tmp_path):
    result = invoke(*runs, "--no-benchmark", "--reference", "wrong", "--out", tmp_path)
    assert result.exit_code == 0, result.output
    assert "wrong: split_attention_unet (widths [2, 4])" in result.stdout
    assert "Dice less that of wrong" in result.stdout
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {f"comparison.{suffix}" for suffix in ("csv", "json", "txt", "png")}


def test_speeds_are_measured_as_the_runs_were_configured(runs, monkeypatch):
    jobs = {}
    monkeypatch.setattr(segment_comparison, "run_each", lambda some, done: jobs.update(some) or {})
    named = segment_comparison.named_runs(runs)
    speeds = segment_comparison.time_runs(named, batch_size=4, seconds=1.0, threads=2)
    assert speeds == {}
    assert jobs["wrong"] == [
        *("segment", "benchmark", "split_attention_unet", "--image-size", "32"),
        *("--batch-size", "4", "--arguments", '{"widths": [2, 4]}'),
        *("--seconds", "1.0", "--threads", "2"),
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "name the runs to compare"),
        (("--networks", "unet"), "--networks needs --data"),
        (("--data", "catalogue"), "--data needs --out"),
        (("--split", "all", "run"), "choose train, val or test"),
        (("--data", "c", "--out", "o", "--networks", "unet,u_net"), "unknown network 'u_net'"),
        (("--data", "c", "--out", "o", "--networks", "unet", "size=3"), "unknown key 'size'"),
        (("--data", "c", "--out", "o", "--reference", "u_net"), "--reference u_net: choose among"),
        (("c", "--no-benchmark"), "is not a run directory"),
    ],
)
def test_mistakes(arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder in ("c", "catalogue"):
        (tmp_path / folder).mkdir()
    result = invoke(*arguments)
    assert isinstance(result.exception, UserError)
    assert message in str(result.exception)


def test_runs_of_one_name_are_told_apart_but_not_the_same_run(tmp_path):
    one, two = (make_run(tmp_path / name, variant="v1") for name in ("one", "two"))
    assert segment_comparison.named_runs([one, two]) == {"run": one, str(two): two}
    with pytest.raises(UserError, match="is named twice"):
        segment_comparison.named_runs([one, one, one])


def test_runs_without_a_trained_network_are_refused(tmp_path):
    without = make_run(tmp_path / "without", variant="v1", segmenter=False)
    with pytest.raises(UserError, match="trained no segmentation network"):
        segment_comparison.named_runs([without])
    unfinished = make_run(tmp_path / "unfinished", variant="v1")
    (unfinished / "segmenter.keras").unlink()
    with pytest.raises(UserError, match="is not finished"):
        segment_comparison.named_runs([unfinished])


def make_state(root, catalogue, *, finished, **changes):
    """A run directory of `unet` as `SMALL` configures it."""
    config = segment_comparison.load_config(
        segment_comparison.find_config("segmentation/unet"), list(SMALL)
    )
    run = Run.create(root / "unet", Config(**{**config.model_dump(), **changes}), catalogue)
    if finished:
        run.write_text("metrics.json", "{}")


@pytest.mark.parametrize(
    ("finished", "expected"),
    [
        (None, ["train", "--config", "segmentation/unet"]),
        (False, ["train", "--resume"]),
        (True, []),
    ],
)
def test_runs_are_started_resumed_or_taken(finished, expected, tmp_path, monkeypatch):
    catalogue = make_catalogue(tmp_path / "catalogue")
    if finished is not None:
        make_state(tmp_path, catalogue, finished=finished)
    jobs = {}
    monkeypatch.setattr(segment_comparison, "run_each", lambda some: jobs.update(some) or {})
    runs = segment_comparison.train_networks(["unet"], catalogue.root, tmp_path, SMALL)
    assert runs == [tmp_path / "unet"]
    assert jobs.get("unet", [])[: len(expected)] == expected


def test_a_run_of_another_experiment_is_refused(tmp_path):
    catalogue = make_catalogue(tmp_path / "catalogue")
    make_state(tmp_path, catalogue, finished=True, seed=7)
    with pytest.raises(UserError, match="other values of seed"):
        segment_comparison.train_networks(["unet"], catalogue.root, tmp_path, SMALL)
    with pytest.raises(UserError, match="was trained on"):
        segment_comparison.train_networks(["unet"], tmp_path / "other", tmp_path, SMALL)


@pytest.mark.slow
def test_from_a_catalogue_to_the_table(tmp_path):
    catalogue = make_catalogue(tmp_path / "catalogue")
    arguments = (
        *("--data", catalogue.root, "--out", tmp_path / "out"),
        *("--networks", "unet,attention_unet", "--seconds", 0, "--batch-size", 2, "--json"),
        *SMALL,
    )
    result = invoke(*arguments)
    assert result.exit_code == 0, result.output
    comparison = json.loads(result.stdout)
    assert [row["name"] for row in comparison["runs"]] == ["unet", "attention_unet"]
    for row in comparison["runs"]:
        assert row["train_images_per_second"] > 0
        assert row["tflite_ms"] > 0
        metrics = json.loads((tmp_path / "out" / row["name"] / "metrics.json").read_text())
        expected = metrics["segmentation"]["val"]["dice_per_image"]
        assert row["dice_per_image"] == pytest.approx(expected, abs=1e-6)
    assert json.loads((tmp_path / "out" / "comparison.json").read_text()) == comparison

    # The second time the runs are there.
    history = (tmp_path / "out" / "unet" / "history.csv").read_text()
    result = invoke(*arguments, "--no-benchmark")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "out" / "unet" / "history.csv").read_text() == history
