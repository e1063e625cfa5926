"""A classical experiment from the command line to its tables, and what may influence it."""

from __future__ import annotations

import csv
import json
import sys

import numpy as np
import pytest

from coloured_lesions import draw_lesion, make_lesion_catalogue
from skinnet_keras.classical import extraction, search
from skinnet_keras.classical.storage import CLASSIFIER_FILE, load_classifier
from skinnet_keras.cli.main import main
from skinnet_keras.config import CleaningConfig, load_config
from skinnet_keras.data.predicted_masks import MaskRow, masks_folder, write_mask, write_tables
from skinnet_keras.errors import UserError
from skinnet_keras.experiment import run_experiment, start_run
from skinnet_keras.presets import find_config
from skinnet_keras.runs.run import Run
from skinnet_keras.taxonomy import CLASSES

pytest.importorskip("skops", reason="skops is not installed")

SMALL = ["image_size=32", "classical.features.hog.cells=4", "workers=0"]
RECIPES = {
    "svm": ["classical.classifier={C: [1, 10], gamma: [0.3, 1]}"],
    "knn": ["recipe=knn", "classical.classifier.n_neighbors=[3, 5]"],
    "mlp": [
        "recipe=mlp",
        "classical.classifier={name: mlp, hidden_layer_sizes: [[16], [8, 4]], alpha: [0.01], "
        "max_iter: [150]}",
    ],
}


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory):
    return make_lesion_catalogue(tmp_path_factory.mktemp("classical") / "data")


@pytest.fixture
def skinnet(monkeypatch, capsys):
    """Run the command line; return (exit code, stdout, stderr)."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["skinnet", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            main()
        out, err = capsys.readouterr()
        return int(stop.value.code or 0), out, err

    return call


def config_of(*overrides, recipe="svm"):
    values = (override.partition("=") for override in (*SMALL, *RECIPES[recipe], *overrides))
    given = {key: value for key, _, value in values}  # the later ones count
    return load_config(find_config("classical"), [f"{key}={value}" for key, value in given.items()])


def train(catalogue, directory, *overrides, recipe="svm"):
    run = start_run(config_of(*overrides, recipe=recipe), catalogue, directory)
    return run, run_experiment(run)


def read(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("recipe", RECIPES)
def test_from_the_command_line_to_a_prediction(recipe, skinnet, catalogue, tmp_path):
    run, options = tmp_path / "run", [*SMALL, *RECIPES[recipe]]
    code, out, err = skinnet(
        "train", "--config", "classical", "--data", catalogue.root, "--out", run, "--json", *options
    )
    assert code == 0, err
    metrics = json.loads(out)
    assert set(metrics) == {"name", "classification", "loss"}
    assert json.loads((run / "metrics.json").read_text()) == metrics
    for split in ("val", "test"):
        assert metrics["classification"][split]["balanced_accuracy"] > 0.7  # chance: 0.33
        loss = metrics["loss"][split]
        # Of few neighbours none may be of the right class.
        assert recipe == "knn" or loss["model"] < loss["best_constant_prediction"]
    packages = json.loads((run / "environment.json").read_text())["packages"]
    assert {"scikit-learn", "scikit-image", "skops"} <= set(packages)
    assert (run / "catalogue.sha256").read_text().strip() == catalogue.sha256()
    assert "features: 474 an image (hog 324, lbp 54, colour 96)" in (run / "train.log").read_text()
    rows = read(run / "history.csv")
    assert [row["candidate"] for row in rows] == [str(i + 1) for i in range(len(rows))]
    assert len(rows) == {"svm": 4, "knn": 4, "mlp": 2}[recipe]
    assert not (run / "features").exists()

    predictions = read(run / "predictions_test.csv")
    assert list(predictions[0]) == ["image_id", "label", *CLASSES, "group"]
    test = catalogue.usable(["test"])
    assert [row["image_id"] for row in predictions] == list(test["image_id"])
    assert [row["group"] for row in predictions] == list(test["group"])
    for row in predictions:
        assert all(float(row[name]) == 0 for name in CLASSES if name not in ("MEL", "NV", "VASC"))

    code, out, err = skinnet("evaluate", run, "--json", "--out", tmp_path / "report")
    assert code == 0, err
    balanced_accuracy = metrics["classification"]["test"]["balanced_accuracy"]
    assert json.loads(out)["balanced_accuracy"] == balanced_accuracy
    assert not (tmp_path / "report" / "training.png").exists()
    code, _, err = skinnet("compare", run, run / "predictions_test.csv")
    assert code == 0, err

    image = catalogue.image_path(predictions[0]["image_id"])
    code, out, err = skinnet("predict", run, image, "--json")
    assert code == 0, err
    answer = json.loads(out)
    assert answer["format"] == "skops"
    expected = {name: float(predictions[0][name]) for name in CLASSES}
    assert answer["images"][0]["probabilities"] == pytest.approx(expected, abs=1e-6)

    code, _, err = skinnet("export", run, "--out", tmp_path / "exported")
    assert code == 2
    assert "nothing to export" in err.splitlines()[-1]
    assert not (tmp_path / "exported").exists()


def test_same_seed_same_predictions(catalogue, tmp_path):
    for recipe in ("svm", "mlp"):
        texts = []
        for threads in (1, 2):
            run, _ = train(
                catalogue, tmp_path / f"{recipe}_{threads}", f"workers={threads}", recipe=recipe
            )
            texts.append((run.directory / "predictions_test.csv").read_text())
        assert texts[0] == texts[1]


def test_test_images_and_validation_labels_do_not_reach_the_classifier(catalogue, tmp_path):
    """One point in the grid: then even the validation split has nothing to choose."""
    one = "classical.classifier={C: [1], gamma: [0.3]}"
    run, _ = train(catalogue, tmp_path / "run", one)
    table = catalogue.table.copy()
    held_out = table["split"] != "train"
    table.loc[held_out, "label"] = table.loc[held_out, "label"].to_numpy()[::-1]
    table.loc[table["split"] == "test", "split"] = ""
    (tmp_path / "other").mkdir()
    other = type(catalogue)(tmp_path / "other", table, catalogue.sources)
    other.write(other.root)
    changed, metrics = train(other, tmp_path / "changed", one)
    assert set(metrics["classification"]) == {"val"}
    assert not (changed.directory / "predictions_test.csv").exists()
    first, second = (load_classifier(r.directory / CLASSIFIER_FILE) for r in (run, changed))
    np.testing.assert_array_equal(first["scaler"].mean_, second["scaler"].mean_)
    np.testing.assert_array_equal(first["pca"].components_, second["pca"].components_)
    machines = [model["classifier"] for model in (first, second)]
    np.testing.assert_array_equal(*(m.svc_.dual_coef_ for m in machines))
    np.testing.assert_array_equal(*(m.calibrator_.coef_ for m in machines))


def test_grid_is_judged_on_the_validation_split(catalogue, tmp_path):
    run, metrics = train(catalogue, tmp_path / "run", recipe="knn")
    scores = [float(row["val_balanced_accuracy"]) for row in read(run.directory / "history.csv")]
    best = metrics["classification"]["val"]["balanced_accuracy"]
    assert max(scores) == pytest.approx(best)
    classifier = load_classifier(run.directory / CLASSIFIER_FILE)["classifier"]
    chosen = read(run.directory / "history.csv")[int(np.argmax(scores))]
    assert str(classifier.n_neighbors) == chosen["n_neighbors"]
    assert classifier.weights == chosen["weights"]


def test_interrupted_run_goes_on_where_it_was(catalogue, tmp_path, monkeypatch):
    _, expected = train(catalogue, tmp_path / "whole")
    monkeypatch.setattr(extraction, "_CHUNK", 10)
    run = start_run(config_of(), catalogue, tmp_path / "run")
    extracted, fitted = [], []

    def hog_until(limit):
        def hog(rgb, **arguments):
            extracted.append(1)
            if len(extracted) > limit:
                raise KeyboardInterrupt
            return real_hog(rgb, **arguments)

        return hog

    def fit_until(limit):
        def fit(config, point, *arguments, **options):
            fitted.append(point)
            if len(fitted) > limit:
                raise KeyboardInterrupt
            return real_fit(config, point, *arguments, **options)

        return fit

    real_hog, real_fit = extraction.hog_features, search.fit_classifier
    monkeypatch.setattr(extraction, "hog_features", hog_until(13))
    with pytest.raises(KeyboardInterrupt):
        run_experiment(run)
    assert [p.name for p in (run.directory / "features").iterdir()] == ["train_000000.npy"]

    extracted.clear()
    monkeypatch.setattr(extraction, "hog_features", hog_until(10**6))
    monkeypatch.setattr(search, "fit_classifier", fit_until(2))
    with pytest.raises(KeyboardInterrupt):
        run_experiment(Run.open(run.directory))
    # 27 - 10 training images, 9 validation images, and one of each for the layout.
    assert len(extracted) == 17 + 9 + 2
    assert len(read(run.directory / "history.csv")) == 2

    extracted.clear()
    fitted.clear()
    monkeypatch.setattr(search, "fit_classifier", fit_until(10**6))
    metrics = run_experiment(Run.open(run.directory))
    assert len(fitted) == 2 + 1  # the rest of the grid, and the best one as the result
    assert metrics == expected

    # A finished run is measured again, not fitted again.
    fitted.clear()
    assert run_experiment(Run.open(run.directory)) == expected
    assert not fitted


def store_masks(catalogue, name, *, cleaning=None, count=None):
    folder = masks_folder(catalogue, name)
    rows = [
        MaskRow(i, write_mask(folder, i, draw_lesion(label, n)[1]), f"predicted:{name}", False)
        for n, (i, label) in enumerate(
            zip(catalogue.table["image_id"], catalogue.table["label"], strict=True)
        )
    ]
    description = {"cleaning": (cleaning or CleaningConfig()).model_dump()}
    write_tables(folder, rows[:count], description)


def test_masks_and_metadata_add_features_and_reach_predict(skinnet, tmp_path):
    from PIL import Image

    catalogue = make_lesion_catalogue(tmp_path / "data")
    store_masks(catalogue, "drawn")
    run, metrics = train(
        catalogue,
        tmp_path / "run",
        "classical.masks=drawn",
        "classical.metadata=true",
        "classical.features.hog=null",
    )
    log = (run.directory / "train.log").read_text()
    assert "(lbp 54, colour 96, lesion_lbp 54, lesion_colour 96, metadata 14)" in log
    assert metrics["classification"]["test"]["balanced_accuracy"] > 0.8
    row = read(run.directory / "predictions_test.csv")[0]
    image = catalogue.image_path(row["image_id"])
    number = int(image.stem[1:])
    Image.fromarray(draw_lesion(row["label"], number)[1] * 255).save(tmp_path / "mask.png")
    age = catalogue.table.set_index("image_id").loc[row["image_id"], "age"]
    answers = {}
    for years in (age, "90"):
        code, out, err = skinnet(
            "predict", run.directory, image, "--mask", tmp_path / "mask.png", "--json",
            "--age", years,
        )  # fmt: skip
        assert code == 0, err
        answers[years] = json.loads(out)["images"][0]["probabilities"]
    expected = {name: float(row[name]) for name in CLASSES}
    assert answers[age] == pytest.approx(expected, abs=1e-6)
    assert answers["90"] != pytest.approx(expected, abs=1e-3)
    code, _, err = skinnet("predict", run.directory, image)
    assert code == 2
    assert "--mask" in err


def test_splits_of_a_fold_are_those_of_the_catalogue_given(catalogue, tmp_path):
    fold = "cross_validation={folds: 3, fold: 1, val_share: 0.3}"
    run, metrics = train(catalogue, tmp_path / "run", fold, recipe="knn")
    table = run.load_catalogue().usable(["test"])
    assert set(table["image_id"]) != set(catalogue.usable(["test"])["image_id"])
    predicted = read(run.directory / "predictions_test.csv")
    assert [row["image_id"] for row in predicted] == list(table["image_id"])
    assert metrics["classification"]["test"]["n"] == len(table)


def test_what_cannot_work_is_refused_before_anything_is_written(tmp_path, monkeypatch):
    catalogue = make_lesion_catalogue(tmp_path / "data")
    store_masks(catalogue, "few", count=3)
    store_masks(catalogue, "cleaned", cleaning=CleaningConfig(hair=True))
    table = catalogue.table

    def other(rows):
        return type(catalogue)(catalogue.root, rows, catalogue.sources)

    cases = [
        (catalogue, ["classical.masks=absent"], "no predicted masks called 'absent'"),
        (catalogue, ["classical.masks=few"], "few has no mask of"),
        (catalogue, ["classical.masks=cleaned"], "another cleaning section"),
        (catalogue, ["classical.features.hog.cells=20"], "20 cells do not fit on 32 pixels"),
        (catalogue, ["classical.features.lbp.radii=[16]"], "radius 16 does not fit on 32 pixels"),
        (other(table[table["split"] != "val"]), [], "split 'val' of .* has no labelled image"),
        (other(table.assign(label="NV")), [], "holds the class NV only"),
    ]
    for data, overrides, message in cases:
        with pytest.raises(UserError, match=message):
            start_run(config_of(*overrides), data, tmp_path / "run")
    monkeypatch.setitem(sys.modules, "skops", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"pip install 'skinnet-keras\[classical\]'"):
        start_run(config_of(), catalogue, tmp_path / "run")
    assert not (tmp_path / "run").exists()
    assert not (catalogue.root / "cache").exists()


def test_predicting_with_an_unfinished_run(catalogue, tmp_path, skinnet):
    run = start_run(config_of(), catalogue, tmp_path / "run")
    image = catalogue.image_path("tiny:p0")
    code, _, err = skinnet("predict", run.directory, image)
    assert code == 2
    assert "has no classifier.skops yet" in err
