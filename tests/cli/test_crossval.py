"""`skinnet crossval`, and the masks of the networks it trains (`segment predict --out-of-fold`)."""

from __future__ import annotations

import csv
import json

import pytest
import yaml
from PIL import Image
from typer.testing import CliRunner

from skinnet_keras.cli import fold_runs
from skinnet_keras.cli.main import app
from skinnet_keras.config import CrossValidationConfig, dump_config, load_config
from skinnet_keras.data.cache import open_cache
from skinnet_keras.data.catalogue import Catalogue
from skinnet_keras.errors import UserError
from skinnet_keras.evaluation.predictions import read_predictions
from skinnet_keras.runs.run import Run
from tiny_run import draw_picture, make_catalogue

CONSTANT = {"learning_rate": 0.01, "schedule": {"name": "constant"}}
BASE = {"image_size": 32, "checkpoint_every": 1, "workers": 0, "deterministic": True}
SEGMENTER = {
    **BASE,
    "name": "tiny_segmenter",
    "segmenter": {"arguments": {"widths": [4, 8]}},
    "stages": {"segmentation": {"epochs": 1, "batch_size": 2, "optimizer": CONSTANT}},
}
CLASSIFIER = {
    **BASE,
    "name": "tiny_classifier",
    "model": {"variant": "v1", "backbone": "mbconv_tiny", "metadata_units": [8, 8]},
    "stages": {"cnn": {"epochs": 1, "batch_size": 2, "optimizer": CONSTANT}},
}


def invoke(*arguments):
    return CliRunner().invoke(app, [*map(str, arguments)])


@pytest.fixture(scope="module", autouse=True)
def _eager():
    tf = pytest.importorskip("tensorflow")
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture
def jobs(monkeypatch):
    """Trainings in this process instead of children; the names of those that were asked for."""
    asked: list[str] = []

    def run_each(some, done=None):
        failed = {}
        for name, arguments in some.items():
            asked.append(name)
            result = invoke(*arguments, "--json")
            if result.exit_code:
                print(name, repr(result.exception))
                failed[name] = 2 if isinstance(result.exception, UserError) else 1
        return failed

    monkeypatch.setattr(fold_runs, "run_each", run_each)
    return asked


def two_classes(root) -> Catalogue:
    """The tiny catalogue with as many images of each class as two folds need."""
    made = make_catalogue(root)
    labels = ["MEL" if i % 2 else "NV" for i in range(len(made.table))]
    made = Catalogue(made.root, made.table.assign(label=labels), made.sources)
    made.write(made.root)
    return made


def write(path, config):
    path.write_text(yaml.safe_dump(config))
    return path


def test_folds_pooled_predictions_and_going_on(tmp_path, jobs, monkeypatch):
    catalogue = two_classes(tmp_path / "data")
    config = write(tmp_path / "config.yaml", CLASSIFIER)
    out = tmp_path / "crossval"
    command = ("crossval", "--config", config, "--data", catalogue.root, "--folds", 2, "--out", out)
    result = invoke(*command, "--json")
    assert result.exit_code == 0, result.output
    assert jobs == ["fold_0", "fold_1"]
    report = json.loads(result.stdout)
    assert report == json.loads((out / "metrics.json").read_text())
    pooled = read_predictions(out / "predictions_test.csv")
    assert set(pooled.image_ids) == set(catalogue.usable(["train", "val"])["image_id"])
    assert report["out_of_fold"]["n"] == 8
    for fold in range(2):
        run = Run.open(out / f"fold_{fold}")
        held_out = read_predictions(run.directory / "predictions_test.csv")
        assert set(held_out.image_ids) == set(run.load_catalogue().usable(["test"])["image_id"])
    # Called again, nothing is trained; an unfinished fold goes on.
    table = invoke(*command)
    assert "Cross-validation: tiny_classifier" in table.stdout
    assert jobs == ["fold_0", "fold_1"]
    (out / "fold_1" / "metrics.json").unlink()
    again = invoke(*command, "--json")
    assert jobs == ["fold_0", "fold_1", "fold_1"]
    assert json.loads(again.stdout) == report
    assert invoke("evaluate", out, "--bootstrap", 0, "--json").exit_code == 0

    other = invoke(*command, "seed=3")
    assert "started with other values of seed" in str(other.exception)
    fewer = invoke(*command[:-3], 3, "--out", out)
    assert "cross_validation" in str(fewer.exception)


def test_mistakes_are_told_before_anything_is_trained(tmp_path, jobs):
    catalogue = two_classes(tmp_path / "data")
    config = write(tmp_path / "config.yaml", CLASSIFIER)
    command = ("crossval", "--config", config, "--data", catalogue.root, "--out", tmp_path / "out")
    assert "has no folds of its own" in str(invoke(*command).exception)
    mistaken = invoke(*command, "cross_validation={folds: 2, fold: 0}")
    assert "crossval sets the section" in str(mistaken.exception)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("mine")
    assert "is not empty" in str(invoke(*command, "--folds", 2).exception)
    assert not jobs


def test_out_of_fold_masks(tmp_path, jobs):
    catalogue = two_classes(tmp_path / "data")
    config = write(tmp_path / "config.yaml", SEGMENTER)
    run = tmp_path / "run"
    place = ("--data", catalogue.root, "--out", run)
    assert invoke("train", "--config", config, *place).exit_code == 0
    command = ("segment", "predict", run, "--data", catalogue.root, "--name", "oof")
    result = invoke(*command, "--out-of-fold", "--folds", 2, "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["in_sample"] == 0
    with (catalogue.root / "masks" / "oof" / "masks.csv").open(newline="") as file:
        rows = {row["image_id"]: row for row in csv.DictReader(file)}
    assert set(rows) == set(catalogue.usable()["image_id"])
    origin = "predicted:tiny_segmenter/split_attention_unet"
    for fold in range(2):
        seen = Run.open(run / "folds" / f"fold_{fold}").load_catalogue()
        assert not (run / "folds" / f"fold_{fold}" / "masks.npy").exists()
        own = {i for i, row in rows.items() if row["mask_origin"] == f"{origin}/fold_{fold}"}
        assert own == set(seen.usable(["test"])["image_id"])
        assert not own & set(seen.usable(["train", "val"])["image_id"])
    rest = {i for i, row in rows.items() if row["mask_origin"] == origin}
    assert rest == set(catalogue.usable(["test"])["image_id"])
    description = json.loads((catalogue.root / "masks" / "oof" / "masks.json").read_text())
    assert set(description["out_of_fold"]) == {f"{origin}/fold_0", f"{origin}/fold_1"}

    # The name is taken: told before the folds are looked at.
    taken = invoke(*command, "--out-of-fold", "--folds", 4)
    assert "has masks called 'oof' already" in str(taken.exception)
    assert jobs == ["fold_0", "fold_1"]

    # A classifier takes them.
    uses = {
        **CLASSIFIER,
        "model": {**CLASSIFIER["model"], "variant": "v2"},
        "segmenter": {"run": str(run), "masks": "oof"},
    }
    classifier = write(tmp_path / "v2.yaml", uses)
    place = ("--data", catalogue.root, "--out", tmp_path / "v2")
    trained = invoke("train", "--config", classifier, *place)
    assert trained.exit_code == 0, trained.output
    with (tmp_path / "v2" / "masks.csv").open(newline="") as file:
        assert {row["in_sample"] for row in csv.DictReader(file)} == {"0"}


def test_out_of_fold_needs_the_run_and_its_catalogue(tmp_path, jobs):
    catalogue = two_classes(tmp_path / "data")
    run = tmp_path / "run"
    config = write(tmp_path / "config.yaml", SEGMENTER)
    invoke("train", "--config", config, "--data", catalogue.root, "--out", run)
    table = catalogue.table.assign(age="50")
    other = Catalogue(tmp_path / "other", table, catalogue.sources)
    other.root.mkdir()
    other.write(other.root)
    command = ("--name", "oof", "--out-of-fold", "--folds", 2)
    refused = invoke("segment", "predict", run, "--data", other.root, *command)
    assert "which images it has seen there cannot be told" in str(refused.exception)
    file = run / "segmenter.keras"
    refused = invoke("segment", "predict", file, "--data", catalogue.root, *command)
    assert "is not a run directory" in str(refused.exception)
    refused = invoke("segment", "predict", run, tmp_path, "--out", tmp_path / "x", "--out-of-fold")
    assert "--out-of-fold goes with --data" in str(refused.exception)
    assert not jobs


def test_folds_are_not_trained_on_other_pixels_than_finished_ones(tmp_path, jobs):
    """A finished fold and one that is still to be trained, and an image mended in between."""
    catalogue = two_classes(tmp_path / "data")
    config = load_config(write(tmp_path / "tiny.yaml", CLASSIFIER))
    out = tmp_path / "cv"
    (out / "fold_0").mkdir(parents=True)
    (out / "config.yaml").write_text(dump_config(config))
    section = CrossValidationConfig(folds=2, fold=0)
    fold = config.model_copy(update={"cross_validation": section})
    run = Run.create(out / "fold_0", fold, catalogue)
    run.record_pixels(open_cache(catalogue, 32))
    (run.directory / "metrics.json").write_text("{}")
    Image.fromarray(draw_picture(77)[0]).save(catalogue.image_path("tiny:p3"))
    with pytest.raises(UserError, match=r"the images of .* changed on disk since .*fold_0 was"):
        fold_runs.train_folds(config, catalogue.root, out, folds=2)
    assert jobs == []
