"""Trained runs of every kind: the image alone gives what they stored, views what is in them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from typer.testing import CliRunner

pytest.importorskip("tensorflow")

from mean_over_views import mean_over_eight_views
from skinnet_keras.cli.main import app
from skinnet_keras.evaluation.predictions import read_predictions
from skinnet_keras.taxonomy import CLASSES, LABELS
from trained_runs import KINDS, train_tiny


@pytest.fixture(scope="module", autouse=True)
def _eager():
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture(
    scope="module",
    # One kind is trained in seconds; `tests/cli/test_tta.py` has made runs of the others.
    params=[k if k == "cleaned" else pytest.param(k, marks=pytest.mark.slow) for k in KINDS],
)
def run(request, tmp_path_factory):
    return train_tiny(tmp_path_factory.mktemp(request.param), request.param)


def invoke(*arguments):
    result = CliRunner().invoke(app, [*map(str, arguments)])
    assert result.exit_code == 0, result.exception or result.output
    return result


def test_the_image_alone_gives_the_stored_predictions(run, tmp_path):
    out = tmp_path / "same"
    result = invoke("tta", run.directory, "--views", "none", "--out", out, "--bootstrap", 10)
    for split in ("val", "test"):
        name = f"predictions_{split}.csv"
        assert (out / name).read_bytes() == (run.directory / name).read_bytes()
    content = json.loads((out / "tta.json").read_text())
    for facts in content["splits"].values():
        assert facts["deviation_from_stored"] == 0.0
        assert facts["unsettled"] == 0
    assert "Warning" not in result.stderr


def test_dihedral_views_are_the_mean_over_eight_views(run, tmp_path):
    out = tmp_path / "dihedral"
    invoke("tta", run.directory, "--views", "dihedral", "--out", out, "--bootstrap", 0)
    for split in ("val", "test"):
        stored = read_predictions(run.directory / f"predictions_{split}.csv")
        averaged = read_predictions(out / f"predictions_{split}.csv")
        assert averaged.image_ids == stored.image_ids
        assert averaged.labels == stored.labels
        assert averaged.groups == stored.groups
        assert averaged.classes == (LABELS if run.config.num_classes == 9 else CLASSES)
        if run.config.unseen:
            assert not {"DF", "UNK"} & set(averaged.labels)
        expected = mean_over_eight_views(run, averaged.image_ids)
        np.testing.assert_allclose(averaged.probabilities, expected, atol=1e-5)
    described = json.loads((out / "tta.json").read_text())["masks"]
    if run.config.tunes_segmenter:
        assert described == "predicted anew for every view by segmenter.keras"
    else:
        assert (described is None) == (not run.config.uses_mask)
