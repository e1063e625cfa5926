"""`skinnet tta` on made runs, and every command that takes what it leaves for a run."""

from __future__ import annotations

import hashlib
import json
import shutil

import numpy as np
import pytest
from typer.testing import CliRunner

pytest.importorskip("tensorflow")

from mean_over_views import mean_over_eight_views
from measured_run import make_measured_run
from skinnet_keras.cli.main import app
from skinnet_keras.config import Config, dump_config
from skinnet_keras.errors import UserError
from skinnet_keras.evaluation.predictions import read_predictions, write_predictions
from skinnet_keras.runs.run import Run
from skinnet_keras.taxonomy import CLASSES
from tiny_run import SIZE, make_run


def invoke(*arguments):
    return CliRunner().invoke(app, [*map(str, arguments)])


def done(*arguments):
    result = invoke(*arguments)
    assert result.exit_code == 0, result.exception or result.output
    return result


def refused(*arguments) -> str:
    error = invoke(*arguments).exception
    assert isinstance(error, UserError), error
    return str(error)


def build_invariant():
    """Mean colours of the image and of its lesion: no view changes them but a crop."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(3)
    image = keras.Input((SIZE, SIZE, 3), name="image")
    mask = keras.Input((SIZE, SIZE, 1), name="mask")
    scaled = layers.Rescaling(1 / 255)(image)
    lesion = layers.GlobalAveragePooling2D()(layers.Multiply()([scaled, mask]))
    vector = layers.Concatenate()([layers.GlobalAveragePooling2D()(scaled), lesion])
    initializer = keras.initializers.RandomNormal(stddev=3.0, seed=1)
    diagnosis = layers.Dense(8, "softmax", kernel_initializer=initializer, name="diagnosis")(vector)
    return keras.Model({"image": image, "mask": mask}, {"diagnosis": diagnosis})


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    root = tmp_path_factory.mktemp("runs")
    return {
        "v1": make_measured_run(root, name="v1").directory,
        "masked": make_measured_run(root, name="masked", variant="v2").directory,
        "joint": make_measured_run(root, name="joint", variant="v2", joint=True).directory,
        "unseen": make_measured_run(root, name="unseen", unseen=["DF"]).directory,
        "invariant": make_measured_run(
            root, name="invariant", variant="v2", classifier=build_invariant()
        ).directory,
    }


@pytest.fixture(scope="module")
def augmented(runs, tmp_path_factory):
    """Mirrored and turned views of two runs."""
    root = tmp_path_factory.mktemp("augmented")
    for name in ("v1", "masked"):
        done("tta", runs[name], "--out", root / f"{name}_tta", "--bootstrap", 50)
    return root


@pytest.mark.parametrize("name", ["v1", "masked", "joint", "unseen"])
def test_the_image_alone_gives_the_stored_predictions(runs, tmp_path, name):
    options = ("--views", "none", "--bootstrap", 0, "--out", tmp_path / "out", "--json")
    said = json.loads(done("tta", runs[name], *options).stdout)
    assert said["views"]["count"] == 1
    for split in ("val", "test"):
        stored, now = (
            read_predictions(folder / f"predictions_{split}.csv")
            for folder in (runs[name], tmp_path / "out")
        )
        np.testing.assert_allclose(now.probabilities, stored.probabilities, atol=2e-6)
        assert (now.image_ids, now.labels) == (stored.image_ids, stored.labels)
        assert said["splits"][split]["images"] == len(stored.labels)
        assert said["splits"][split]["deviation_from_stored"] < 2e-6


def test_a_network_that_does_not_mind_says_the_same_of_every_view(runs, tmp_path):
    done("tta", runs["invariant"], "--out", tmp_path / "turned", "--bootstrap", 0)
    stored = read_predictions(runs["invariant"] / "predictions_test.csv")
    turned = read_predictions(tmp_path / "turned" / "predictions_test.csv")
    # Masks that stayed where they were would change the mean colour of the lesion.
    np.testing.assert_allclose(turned.probabilities, stored.probabilities, atol=1e-5)
    content = json.loads((tmp_path / "turned" / "tta.json").read_text())
    assert [facts["unsettled"] for facts in content["splits"].values()] == [0, 0]
    crops = ("--views", "multi_crop", "--crop", 0.5, "--bootstrap", 0)
    done("tta", runs["invariant"], *crops, "--out", tmp_path / "crops")
    cropped = read_predictions(tmp_path / "crops" / "predictions_test.csv")
    assert np.abs(cropped.probabilities - stored.probabilities).max() > 1e-3


@pytest.mark.parametrize("name", ["masked", "joint"])
def test_dihedral_views_are_the_mean_by_hand(runs, augmented, tmp_path, name):
    out = augmented / "masked_tta"
    if name == "joint":
        out = tmp_path / "joint_tta"
        done("tta", runs["joint"], "--out", out, "--bootstrap", 0)
    for split in ("val", "test"):
        found = read_predictions(out / f"predictions_{split}.csv")
        expected = mean_over_eight_views(Run.open(runs[name]), found.image_ids)
        np.testing.assert_allclose(found.probabilities, expected, atol=1e-5)
        np.testing.assert_allclose(found.probabilities.sum(axis=1), 1, atol=1e-12)
        stored = read_predictions(runs[name] / f"predictions_{split}.csv")
        assert np.abs(found.probabilities - stored.probabilities).max() > 0.01


def test_the_folder_says_what_was_done(runs, augmented):
    content = json.loads((augmented / "masked_tta" / "tta.json").read_text())
    assert content["views"]["name"] == "dihedral"
    assert content["views"]["list"][0] == {
        "turns": 0,
        "mirrored": False,
        "crop": 1.0,
        "row": 0.5,
        "column": 0.5,
    }
    assert len(content["views"]["list"]) == content["views"]["count"] == 8
    assert content["average"] == "mean of probabilities"
    assert content["masks"] == "masks.npy of the run, moved with the image"
    source = content["run"]
    assert source["path"] == str(runs["masked"].resolve())
    assert set(source["sha256"]) >= {"best.keras", "segmenter.keras", "masks.npy", "config.yaml"}
    for name, digest in source["sha256"].items():
        assert digest == hashlib.sha256((runs["masked"] / name).read_bytes()).hexdigest()
    metrics = json.loads((augmented / "masked_tta" / "metrics.json").read_text())
    assert set(metrics["classification"]) == {"val", "test"}
    assert {"skinnet-keras", "keras", "numpy"} <= set(content["versions"])
    assert not (augmented / "masked_tta" / "best.keras").exists()


def test_the_result_is_compared_with_the_run(runs, tmp_path):
    out = tmp_path / "out"
    said = json.loads(done("tta", runs["v1"], "--out", out, "--bootstrap", 50, "--json").stdout)
    assert said["compared_on"] == "test"
    assert list(said["runs"]) == ["v1", "out"]
    compared = json.loads(done("compare", runs["v1"], out, "--bootstrap", 50, "--json").stdout)
    assert said["paired"] == compared["paired"]["out"]
    assert said["paired"]["differences"]["balanced_accuracy"]["ci"]
    assert (out / "paired_differences.csv").is_file()
    shown = done("tta", runs["v1"], "--out", out, "--overwrite", "--bootstrap", 50).stdout
    assert "Views: dihedral (8)" in shown
    assert "Differences to v1" in shown


def test_every_evaluation_command_takes_the_folder_for_a_run(runs, augmented, tmp_path):
    first, second = augmented / "v1_tta", augmented / "masked_tta"
    report = json.loads(done("evaluate", first, "--bootstrap", 20, "--json").stdout)
    assert report["n"] == 16
    done("compare", runs["masked"], second, "--bootstrap", 20)
    done("ensemble", first, second, "--out", tmp_path / "ensemble")
    pair = [read_predictions(f / "predictions_test.csv").probabilities for f in (first, second)]
    np.testing.assert_allclose(
        read_predictions(tmp_path / "ensemble" / "predictions_test.csv").probabilities,
        np.mean(pair, axis=0),
        atol=1e-12,
    )
    done("calibrate", first, "--out", tmp_path / "calibrated", "--bootstrap", 0)
    assert (tmp_path / "calibrated" / "calibration.json").is_file()
    said = json.loads(
        done("subgroups", second, "--by", "sex,mask", "--bootstrap", 0, "--json").stdout
    )
    assert set(said["attributes"]) == {"sex", "mask"}
    done("report", second, "--bootstrap", 10, "--out", tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert "means over 8 views of each image (dihedral; test-time augmentation)" in page
    card = json.loads(done("card", second, "--bootstrap", 10, "--json").stdout)
    assert "means over 8 views" in card["model"]["output"]
    assert card["model"]["mask_origin"] == "predicted:tiny/x"


def test_what_needs_the_network_names_the_run(runs, augmented, tmp_path):
    folder, mole = augmented / "v1_tta", tmp_path / "mole.png"
    mole.write_bytes(b"not looked at")
    for arguments in (
        ("predict", folder, mole),
        ("export", folder, "--out", tmp_path / "exported"),
        ("explain", folder),
        ("ood", folder),
        ("train", "--resume", folder),
    ):
        message = refused(*arguments)
        assert "averaged over views" in message
        assert str(runs["v1"].resolve()) in message


def test_what_is_no_run_of_a_network_is_refused(runs, augmented, tmp_path):
    out = tmp_path / "out"
    done("ensemble", runs["v1"], runs["masked"], "--out", tmp_path / "ensemble")
    (tmp_path / "cv" / "fold_0").mkdir(parents=True)
    (tmp_path / "empty").mkdir()
    classical = tmp_path / "classical"
    classical.mkdir()
    config = {"name": "c", "image_size": 32, "classical": {}, "augmentation": False}
    config["balance"] = {"methods": []}
    (classical / "config.yaml").write_text(dump_config(Config.model_validate(config)))
    (classical / "environment.json").write_text(json.dumps({"catalogue": "data"}))
    segmenter = tmp_path / "segmenter"
    segmenter.mkdir()
    stages = {"segmentation": {"epochs": 1}}
    config = {"name": "s", "image_size": 32, "segmenter": {}, "stages": stages}
    (segmenter / "config.yaml").write_text(dump_config(Config.model_validate(config)))
    (segmenter / "environment.json").write_text(json.dumps({"catalogue": "data"}))
    for source, message in (
        (tmp_path / "ensemble", "run `skinnet tta` on each member"),
        (augmented / "v1_tta", f"name the run itself, {runs['v1'].resolve()}"),
        (tmp_path / "cv", "name one of its folds"),
        (tmp_path / "empty", "is not a run directory"),
        (classical, "is a classical run"),
        (segmenter, "--tta of `skinnet segment evaluate`"),
        (runs["v1"] / "predictions_test.csv", "name a run directory"),
        (tmp_path / "absent", "no such file or folder"),
    ):
        assert message in refused("tta", source, "--out", out)
        assert not out.exists()


def test_unfinished_and_changed_runs_are_refused(runs, tmp_path):
    unfinished = make_run(tmp_path / "unfinished", variant="v1", segmenter=False)
    message = refused("tta", unfinished, "--out", tmp_path / "out")
    assert "has no predictions_val.csv yet" in message
    other = tmp_path / "other"
    shutil.copytree(runs["v1"], other)
    stored = read_predictions(other / "predictions_test.csv")
    rows = slice(1, None)
    write_predictions(
        other / "predictions_test.csv",
        stored.image_ids[rows],
        stored.labels[rows],
        stored.probabilities[rows],
        CLASSES,
    )
    assert "is not of the images of split test" in refused("tta", other, "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_other_weights_than_those_of_the_predictions_are_noticed(runs, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(runs["v1"], other)
    stored = read_predictions(other / "predictions_val.csv")
    write_predictions(
        other / "predictions_val.csv",
        stored.image_ids,
        stored.labels,
        np.roll(stored.probabilities, 1, axis=1),
        CLASSES,
    )
    result = done("tta", other, "--views", "none", "--bootstrap", 0, "--out", tmp_path / "out")
    assert "Warning: of the val images as they are the network now gives other" in result.stderr
    assert "of the test images" not in result.stderr


def test_only_earlier_augmentation_is_replaced(runs, augmented, tmp_path):
    assert "replace it with --overwrite" in refused(
        "tta", runs["v1"], "--out", augmented / "v1_tta"
    )
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("dear")
    message = refused("tta", runs["v1"], "--out", tmp_path / "mine", "--overwrite")
    assert "is no earlier test-time augmentation" in message
    assert (tmp_path / "mine" / "notes.txt").read_text() == "dear"
    for out in (runs["v1"], runs["v1"].parent):
        assert "lies in --out" in refused("tta", runs["v1"], "--out", out, "--overwrite")


def test_mistaken_options_are_refused_before_anything_is_loaded(runs, tmp_path):
    for options, message in (
        (("--views", "many"), "choose one of none, flips, dihedral, multi_crop"),
        (("--crop", 0.5), "belong to multi_crop, not to dihedral"),
        (("--views", "multi_crop", "--crop", 1.5), "between 0 and 1"),
    ):
        assert message in refused("tta", runs["v1"], "--out", tmp_path / "out", *options)


def test_help_has_an_example():
    result = invoke("tta", "--help")
    assert result.exit_code == 0
    assert "Example: skinnet tta" in result.stdout
