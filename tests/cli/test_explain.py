"""`skinnet explain` on a small run, and on photographs."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

pytest.importorskip("tensorflow")

from skinnet_keras.cli.main import app
from skinnet_keras.evaluation.explanations import StoredExplanations
from skinnet_keras.models import build_skinnet
from skinnet_keras.runs.run import Run
from tiny_run import SIZE, draw_picture, make_run


def invoke(*arguments):
    return CliRunner().invoke(app, [*map(str, arguments)])


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    classifier = build_skinnet("v2", image_size=SIZE, backbone="mbconv_tiny", metadata_units=(8, 8))
    directory = make_run(tmp_path_factory.mktemp("explained"), classifier=classifier)
    ids = list(Run.open(directory).load_catalogue().usable()["image_id"])
    masks = np.zeros((len(ids), SIZE, SIZE), np.uint8)
    masks[:, 8:24, 8:24] = 1
    np.save(directory / "masks.npy", masks)
    with (directory / "masks.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["image_id", "mask_origin", "in_sample"])
        writer.writerows([name, "predicted:tiny/x", "0"] for name in ids)
    return directory


def test_images_of_a_split(run, tmp_path):
    out = tmp_path / "out"
    result = invoke("explain", run, "--count", 3, "--out", out, "--json")
    assert result.exit_code == 0, result.output
    said = json.loads(result.stdout)
    assert said["images"] == 3
    assert said["figures"]["area_of_lesion"]["mean"] == 0.25
    assert said["figures"]["image_deletion_less_random"]["n"] == 3
    assert said["sheets"] == ["explanations_1.png"]
    assert sorted(path.name for path in out.iterdir()) == [
        "curves.png",
        "explanations.csv",
        "explanations_1.png",
        "summary.json",
    ]
    with (out / "explanations.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len({row["label"] for row in rows}) == 3  # classes in turn
    assert all(0 < float(row["probability"]) < 1 for row in rows)
    assert Image.open(out / "explanations_1.png").size[0] > 500

    stored = StoredExplanations.read(out, Run.open(run).weight_hashes())
    assert (stored.images, stored.split, stored.label) == (3, "test", None)
    assert stored.figures == said["figures"]
    assert list(stored.curves) == ["image", "random"]
    for branch, curves in stored.curves.items():
        for curve in ("deletion", "insertion"):
            # The area is that under the mean curve: both are linear in the images.
            area = np.trapezoid(curves[curve]["mean"], dx=1 / 16)
            assert area == pytest.approx(said["figures"][f"{branch}_{curve}"]["mean"])


def test_one_class_asked_about(run, tmp_path):
    arguments = ("--class", "DF", "--no-perturb", "--out", tmp_path / "out", "--json")
    result = invoke("explain", run, *arguments)
    assert result.exit_code == 0, result.output
    said = json.loads(result.stdout)
    assert "image_deletion" not in said["figures"]
    assert said["curves"] == {}
    assert not (tmp_path / "out" / "curves.png").exists()
    with (tmp_path / "out" / "explanations.csv").open() as file:
        assert {row["asked"] for row in csv.DictReader(file)} == {"DF"}


def test_photographs(run, tmp_path):
    pixels, _ = draw_picture(3)
    Image.fromarray(pixels).save(tmp_path / "mole.png")
    result = invoke("explain", run, tmp_path / "mole.png", "--age", 40, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "image inside less area" in result.stdout
    with (tmp_path / "out" / "explanations.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert row["label"] == ""
    # The disc covers some of the picture, as the run's segmentation network sees it.
    assert 0.02 < float(row["area_of_lesion"]) < 0.6


def test_one_bad_photograph_leaves_the_explanations_of_the_others(run, tmp_path):
    folder, out = tmp_path / "photos", tmp_path / "out"
    folder.mkdir()
    Image.fromarray(draw_picture(3)[0]).save(folder / "mole.png")
    (folder / "torn.jpg").write_bytes(b"\xff\xd8 torn")
    arguments = (folder, "http://host/mole.jpg", "--no-perturb", "--out", out, "--json")
    result = invoke("explain", run, *arguments)
    assert result.exit_code == 2
    said = json.loads(result.stdout)
    assert said["images"] == 1
    failed = [image["image"] for image in said["failed"]]
    assert failed == ["http://host/mole.jpg", str(folder / "torn.jpg")]
    assert "2 of 3 images failed" in result.stderr
    with (out / "explanations.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 1

    result = invoke("explain", run, folder / "torn.jpg", "--out", tmp_path / "none")
    assert result.exit_code == 2
    assert "torn.jpg cannot be read" in result.stderr
    assert not (tmp_path / "none").exists()


def test_mistakes_are_told_in_a_sentence(run, tmp_path):
    assert "choose one of MEL" in str(invoke("explain", run, "--label", "MOLE").exception)
    bare = make_run(tmp_path, variant="v1", segmenter=False)
    assert "no map to draw" in str(invoke("explain", bare).exception)
    assert not (bare / "explanations").exists()
