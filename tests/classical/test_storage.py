"""What is saved comes back equal, and nothing else is opened."""

from __future__ import annotations

import datetime
import zipfile

import numpy as np
import pytest
from sklearn.linear_model import RidgeClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from skinnet_keras.classical import storage
from skinnet_keras.classical.classifiers import (
    TrainingImages,
    build_preprocessing,
    fit_classifier,
)
from skinnet_keras.classical.storage import load_classifier, require_skops, save_classifier
from skinnet_keras.config import ClassicalClassifierConfig
from skinnet_keras.errors import UserError

skops_io = pytest.importorskip("skops.io", reason="skops is not installed")

POINTS = {
    "svm": {"C": 1.0, "gamma": 1.0},
    "knn": {"n_neighbors": 3, "weights": "distance"},
    "mlp": {"hidden_layer_sizes": [4, 3], "alpha": 0.1, "max_iter": 3},
}


def fitted(name, pca=0.9):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 8)).astype("float32")
    y = np.arange(60) % 3
    preprocessing = build_preprocessing([3, 5], pca)
    scaled = preprocessing.fit_transform(x)
    train = TrainingImages(scaled, y, np.ones(60), np.arange(60).astype(str))
    config = ClassicalClassifierConfig(name=name)
    model = fit_classifier(config, POINTS[name], train, seed=0, calibrate=True)
    return Pipeline([*preprocessing.steps, ("classifier", model)]), x


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("pca", [0.9, None])
@pytest.mark.parametrize("name", POINTS)
def test_round_trip(name, pca, tmp_path):
    model, x = fitted(name, pca)
    save_classifier(tmp_path / "c.skops", model)
    again = load_classifier(tmp_path / "c.skops")
    np.testing.assert_array_equal(again.predict_proba(x), model.predict_proba(x))
    np.testing.assert_array_equal(again.classes_, model.classes_)


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (Pipeline([("f", FunctionTransformer(np.exp))]), "FunctionTransformer"),
        (RidgeClassifier(), "RidgeClassifier"),
        (Pipeline([("f", datetime.timedelta(1))]), "datetime"),
        ({"a": 1}, "holds a dict"),
    ],
)
def test_other_content_is_refused_by_name(content, word, tmp_path):
    skops_io.dump(content, tmp_path / "c.skops")
    with pytest.raises(UserError, match=rf"c\.skops .*{word}"):
        load_classifier(tmp_path / "c.skops")


def test_skops_own_audit_counts_where_the_schema_is_silent(tmp_path, monkeypatch):
    """A type that the schema names in another way than by `__class__`."""
    model, _ = fitted("svm")
    save_classifier(tmp_path / "c.skops", model)
    monkeypatch.setattr(skops_io, "get_untrusted_types", lambda file: ["os.system"])
    with pytest.raises(UserError, match=r"refused, because it holds os\.system"):
        load_classifier(tmp_path / "c.skops")


def test_damaged_and_missing_files(tmp_path):
    with pytest.raises(UserError, match=r"absent\.skops is not an intact skops file"):
        load_classifier(tmp_path / "absent.skops")
    (tmp_path / "text.skops").write_text("no zip")
    with pytest.raises(UserError, match=r"text\.skops is not an intact skops file"):
        load_classifier(tmp_path / "text.skops")
    model, _ = fitted("svm")
    save_classifier(tmp_path / "c.skops", model)
    with zipfile.ZipFile(tmp_path / "c.skops") as whole:
        schema = whole.read("schema.json")
    with zipfile.ZipFile(tmp_path / "torn.skops", "w") as torn:
        torn.writestr("schema.json", schema)
    with pytest.raises(UserError, match=r"torn\.skops cannot be opened"):
        load_classifier(tmp_path / "torn.skops")


def test_mutated_files_open_or_give_one_sentence(tmp_path):
    model, x = fitted("svm")
    path = tmp_path / "c.skops"
    save_classifier(path, model)
    intact = path.read_bytes()
    refused = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        content = bytearray(intact)
        if seed % 2:
            content = content[: rng.integers(0, len(content))]
        else:
            content[rng.integers(0, len(content))] ^= 1 << rng.integers(0, 8)
        path.write_bytes(content)
        try:
            again = load_classifier(path)
        except UserError as error:
            refused += 1
            assert str(path) in str(error)  # noqa: PT017
            assert "\n" not in str(error)  # noqa: PT017
        else:
            # What was flipped is a date or the like: every member has a checksum.
            np.testing.assert_array_equal(again.predict_proba(x), model.predict_proba(x))
    assert refused > 50


def test_missing_skops_names_the_extra(monkeypatch):
    monkeypatch.setattr(storage.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"skinnet-keras\[classical\]"):
        require_skops()
