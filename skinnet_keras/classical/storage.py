"""Saved scikit-learn pipelines: skops files, opened only where they hold what we put in.

A skops file is a zip archive whose `schema.json` names the Python class of every object. No
pickle is read; the names are checked against a list of what our pipelines consist of before
skops sees the file, and its own audit is the second lock.
"""

from __future__ import annotations

import importlib.util
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skinnet_keras.archives import read_json_member
from skinnet_keras.atomic import atomic_file
from skinnet_keras.errors import UserError

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

CLASSIFIER_FILE = "classifier.skops"
"""The classifier of a classical run."""

SCHEMA_FILE = "schema.json"
"""The member of a skops file that names its classes."""

_OWN_TYPES = (
    "skinnet_keras.classical.block_scaler.BlockScaler",
    "skinnet_keras.classical.calibrated_svm.CalibratedSVC",
    "skinnet_keras.classical.weighted_neighbors.WeightedKNeighborsClassifier",
)
# Private to scikit-learn, hence unknown to skops: part of every fitted MLPClassifier.
_PRIVATE_TYPES = ("sklearn.neural_network._stochastic_optimizers.AdamOptimizer",)

ALLOWED_TYPES = frozenset(
    {
        *_OWN_TYPES,
        *_PRIVATE_TYPES,
        "builtins.dict",
        "builtins.list",
        "builtins.str",
        "builtins.tuple",
        "numpy.float32",
        "numpy.float64",
        "numpy.int32",
        "numpy.int64",
        "numpy.ndarray",
        "numpy.random.mtrand.RandomState",
        "sklearn.decomposition._pca.PCA",
        "sklearn.linear_model._logistic.LogisticRegression",
        "sklearn.neural_network._multilayer_perceptron.MLPClassifier",
        "sklearn.pipeline.Pipeline",
        "sklearn.preprocessing._label.LabelBinarizer",
        "sklearn.svm._classes.SVC",
    }
)
"""Every type a classifier's file may name."""


def require_skops() -> None:
    """Check that skops is installed.

    Raises:
        UserError: It is not.
    """
    if importlib.util.find_spec("skops") is None:
        raise UserError(
            "classical classifiers are saved with skops, which is not installed: "
            "pip install 'skinnet-keras[classical]'."
        )


def save_classifier(path: Path, model: Pipeline) -> None:
    """Write a fitted pipeline, whole or not at all."""
    require_skops()
    import skops.io

    with atomic_file(path) as temporary:
        skops.io.dump(model, temporary)


def load_classifier(path: Path) -> Pipeline:
    """Open a pipeline after checking that it holds nothing but what ours are made of.

    Args:
        path: A file of `save_classifier`, or anybody's.

    Raises:
        UserError: skops is not installed; the file is missing or damaged, names another type, or
            holds something else than a pipeline.
    """
    require_skops()
    import skops.io
    from sklearn.pipeline import Pipeline

    _check_types(path, set(_named_types(path)))
    try:
        _check_types(path, set(skops.io.get_untrusted_types(file=path)))
        model = skops.io.load(path, trusted=[*_OWN_TYPES, *_PRIVATE_TYPES])
    # What a damaged file makes skops raise depends on where the damage is.
    except Exception as error:
        raise UserError(f"{path} cannot be opened as a skops file: {_line(error)}.") from error
    if not isinstance(model, Pipeline):
        raise UserError(f"{path} holds a {type(model).__name__}, not a classifier of this package.")
    return model


def _check_types(path: Path, names: set[str]) -> None:
    refused = sorted(names - ALLOWED_TYPES)
    if refused:
        raise UserError(
            f"{path} is refused, because it holds {', '.join(refused)}: no part of a classifier "
            "of this package."
        )


def _named_types(path: Path) -> Iterator[str]:
    """The full names of all classes in the archive's schema."""
    if not zipfile.is_zipfile(path):
        raise UserError(f"{path} is not an intact skops file: it is no zip archive.")
    pending: list[Any] = [read_json_member(path, SCHEMA_FILE)]
    while pending:
        node = pending.pop()
        if isinstance(node, dict):
            if "__class__" in node:
                yield f"{node.get('__module__')}.{node['__class__']}"
            pending.extend(node.values())
        elif isinstance(node, list):
            pending.extend(node)


def _line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")[:300]
