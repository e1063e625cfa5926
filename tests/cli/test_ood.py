"""`skinnet ood` on a small run that was not to see one class."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

pytest.importorskip("tensorflow")

from skinnet_keras.cli.main import app
from skinnet_keras.config import Config, load_config
from skinnet_keras.models import build_skinnet
from skinnet_keras.ood.scores import FEATURE_SCORES, LOGIT_SCORES
from skinnet_keras.runs.run import Run
from tiny_run import SIZE, build_segmenter, make_catalogue


def invoke(*arguments):
    return CliRunner().invoke(app, [*map(str, arguments)])


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    root = tmp_path_factory.mktemp("ood")
    catalogue = make_catalogue(root / "data", images=48)
    config = Config.model_validate(
        {
            "name": "tiny",
            "image_size": SIZE,
            "unseen": ["DF"],
            "model": {"variant": "v2"},
            "segmenter": {},
            "stages": {"segmentation": {"epochs": 1}, "cnn": {"epochs": 1}},
        }
    )
    run = Run.create(root / "run", config, catalogue)
    arguments = {"backbone": "mbconv_tiny", "metadata_units": (8, 8), "image_size": SIZE}
    build_skinnet("v2", **arguments).save(run.directory / "best.keras")
    build_segmenter().save(run.directory / "segmenter.keras")
    ids = list(catalogue.usable()["image_id"])
    np.save(run.directory / "masks.npy", np.ones((len(ids), SIZE, SIZE), np.uint8))
    rows = "".join(f"{image_id},predicted:x,0\n" for image_id in ids)
    (run.directory / "masks.csv").write_text("image_id,mask_origin,in_sample\n" + rows)
    return run


def test_every_set_and_score(run, tmp_path):
    (tmp_path / "mine").mkdir()
    Image.new("RGB", (50, 40), (0, 255, 0)).save(tmp_path / "mine" / "green.png")
    result = invoke(
        "ood", run.directory, "--images", tmp_path / "mine", "--bootstrap", 20, "--json"
    )
    assert result.exit_code == 0, result.output
    said = json.loads(result.stdout)
    report = said["sets"]
    assert list(report) == ["unseen classes", "photographs", "textures", "mine"]
    # All images of the class, whatever split they were in: none was trained on.
    assert report["unseen classes"]["n"] == 6
    assert report["mine"]["n"] == 1
    for part in report.values():
        assert list(part["scores"]) == [*FEATURE_SCORES, *LOGIT_SCORES]
        assert all(0 <= row["auroc"] <= 1 for row in part["scores"].values())
    stored = json.loads((run.directory / "ood.json").read_text())
    assert stored == {"weights": run.weight_hashes(), **said}
    assert list(stored["weights"]) == ["best.keras", "segmenter.keras"]


def test_mistakes_are_told_in_a_sentence(run, tmp_path):
    said = str(invoke("ood", run.directory, "--images", "no").exception)
    assert "no does not exist" in said
    assert "holds no picture" in str(invoke("ood", run.directory, "--images", tmp_path).exception)
    text = (run.directory / "config.yaml").read_text()
    mistaken = tmp_path / "mistaken.yaml"
    mistaken.write_text(text.replace("num_classes: 8", "num_classes: 9"))
    with pytest.raises(Exception, match="unseen classes become UNK"):
        load_config(mistaken)
