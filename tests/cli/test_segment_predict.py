"""`skinnet segment predict` on photographs and on a catalogue."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest
from PIL import Image

from skinnet_keras.cli.main import main
from skinnet_keras.config import CleaningConfig
from tiny_run import IMAGES, draw_picture, make_run


@pytest.fixture
def skinnet(monkeypatch, capsys):
    """Run `skinnet segment predict`; return (exit code, stdout, stderr)."""

    def run(*arguments) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["skinnet", "segment", "predict", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_:
            main()
        captured = capsys.readouterr()
        return exit_.value.code or 0, captured.out, captured.err

    return run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("predict"))


@pytest.fixture
def photos(tmp_path):
    """Two photographs, and files that are none."""
    folder = tmp_path / "photos"
    (folder / "below").mkdir(parents=True)
    for name, seed in (("b.png", 1), ("a.JPG", 2), ("below/c.png", 3)):
        Image.fromarray(draw_picture(seed, (90, 120))[0]).save(folder / name, quality=95)
    (folder / "notes.txt").write_text("not a photograph")
    (folder / "._b.png").write_text("left by an archive")
    return folder


def test_every_format_writes_the_same_masks(skinnet, run, photos, tmp_path):
    from skinnet_keras.export.savedmodel import write_savedmodel
    from skinnet_keras.export.tflite import write_tflite
    from skinnet_keras.models.loading import load_keras

    network = load_keras(run / "segmenter.keras")
    write_savedmodel(network, tmp_path / "saved" / "1")
    write_tflite(network, tmp_path / "lite.tflite", precision="float32")
    models = (run, run / "segmenter.keras", tmp_path / "saved", tmp_path / "lite.tflite")
    found = []
    for number, model in enumerate(models):
        code, out, err = skinnet(model, photos, "--out", tmp_path / str(number), "--json")
        assert code == 0, err
        report = json.loads(out)
        found.append(report["format"])
        for photograph, seed, item in zip(("a", "b"), (2, 1), report["images"], strict=True):
            mask = np.asarray(Image.open(item["mask"]))
            assert item["mask"] == str(tmp_path / str(number) / f"{photograph}_mask.png")
            assert set(np.unique(mask)) == {0, 255}
            assert ((mask == 255) == draw_picture(seed, (90, 120))[1]).mean() > 0.97
            assert item["lesion_fraction"] == (mask == 255).mean()
    assert found == ["keras", "keras", "savedmodel", "tflite"]


def test_masks_and_overlays_have_the_size_of_the_photograph_as_it_is_seen(skinnet, run, tmp_path):
    rgb, truth = draw_picture(4, (60, 100))
    turned = Image.Exif()
    turned[0x0112] = 6  # shown turned by a quarter
    Image.fromarray(rgb).save(tmp_path / "mole.jpg", exif=turned, quality=95)
    assert skinnet(run, tmp_path / "mole.jpg", "--out", tmp_path / "out")[0] == 0
    mask = np.asarray(Image.open(tmp_path / "out" / "mole_mask.png"))
    overlay = np.asarray(Image.open(tmp_path / "out" / "mole_overlay.png"))
    assert mask.shape == overlay.shape[:2] == (100, 60)
    assert ((mask == 255) == np.rot90(truth, -1)).mean() > 0.95


def test_cropped_borders_are_in_neither_picture(skinnet, tmp_path):
    run = make_run(tmp_path / "run", cleaning=CleaningConfig(borders=True))
    rgb, _ = draw_picture(7, (90, 120))
    Image.fromarray(np.pad(rgb, ((15, 15), (20, 20), (0, 0)))).save(tmp_path / "framed.png")
    assert skinnet(run, tmp_path / "framed.png", "--out", tmp_path / "out")[0] == 0
    mask = np.asarray(Image.open(tmp_path / "out" / "framed_mask.png"))
    overlay = np.asarray(Image.open(tmp_path / "out" / "framed_overlay.png"))
    assert mask.shape == overlay.shape[:2]
    assert 80 <= mask.shape[0] <= 90
    assert 110 <= mask.shape[1] <= 120


def test_a_higher_threshold_makes_smaller_masks(skinnet, run, photos, tmp_path):
    areas = []
    for threshold in (0.05, 0.5, 0.95):
        arguments = (run, photos, "--out", tmp_path / "out", "--threshold", threshold, "--json")
        report = json.loads(skinnet(*arguments)[1])
        assert report["threshold"] == threshold
        areas.append([image["lesion_fraction"] for image in report["images"]])
    for low, middle, high in zip(*areas, strict=True):
        assert low > middle > high


def test_a_network_without_a_sense_of_place_predicts_all_views_alike(
    skinnet, run, photos, tmp_path
):
    # The tiny network looks at one pixel at a time: averaging over views changes nothing, unless
    # they are turned back the wrong way.
    masks = []
    for tta in ("none", "flips", "dihedral"):
        assert skinnet(run, photos, "--out", tmp_path / tta, "--tta", tta)[0] == 0
        masks.append(np.asarray(Image.open(tmp_path / tta / "a_mask.png")))
    assert (masks[0] != masks[1]).mean() < 0.001
    assert (masks[0] != masks[2]).mean() < 0.001


def test_table_has_a_line_for_each_photograph(skinnet, run, photos, tmp_path):
    code, out, err = skinnet(run, photos / "b.png", photos, "--out", tmp_path / "out")
    assert code == 0
    assert [out.count(name) for name in ("a.JPG", "b.png", "c.png")] == [1, 1, 0]
    assert out.count("%") == 2
    assert "not medical advice" in err


def test_one_bad_photograph_leaves_the_masks_of_the_others(skinnet, run, photos, tmp_path):
    (photos / "torn.jpg").write_bytes(b"\xff\xd8 torn")
    words = (photos, tmp_path / "absent.jpg", "https://example.org/mole.jpg")
    code, out, err = skinnet(run, *words, "--out", tmp_path / "out", "--json")
    report = json.loads(out)
    assert code == 2
    assert [image["image"] for image in report["images"]] == [
        str(photos / name) for name in ("a.JPG", "b.png")
    ]
    failed = [image["image"] for image in report["failed"]]
    assert sorted(failed) == sorted([str(words[1]), words[2], str(photos / "torn.jpg")])
    assert "3 of 5 images failed" in err
    assert len(list((tmp_path / "out").iterdir())) == 4
    code, out, err = skinnet(run, *words, "--out", tmp_path / "out")
    assert (code, out.count("%")) == (2, 2)


def test_catalogue_masks_as_json_and_as_tables(skinnet, run):
    catalogue = run.parent / "data"
    code, out, err = skinnet(run, "--data", catalogue, "--name", "tiny", "--json")
    assert code == 0, err
    report = json.loads(out)
    assert report["images"] == IMAGES
    assert report["folder"] == str(catalogue / "masks" / "tiny")
    assert {split: score["n"] for split, score in report["splits"].items()} == {
        "train": 4,
        "val": 4,
        "test": 4,
    }
    code, out, err = skinnet(run, "--data", catalogue, "--name", "tiny")
    assert (code, out) == (2, "")
    assert "has masks called 'tiny' already" in err
    code, out, err = skinnet(run, "--data", catalogue, "--name", "tiny", "--overwrite")
    assert code == 0
    for words in ("mean lesion area", "empty masks", "train", "Mean Dice"):
        assert words in out


def test_wrong_calls_give_one_sentence(skinnet, run, photos, tmp_path):
    catalogue = run.parent / "data"
    Image.fromarray(draw_picture(5)[0]).save(tmp_path / "a.png")
    (tmp_path / "empty").mkdir()
    for arguments, message in (
        ([], "Give photographs and --out DIR, or --data CATALOGUE"),
        ([photos, "--data", catalogue], "Give photographs and --out DIR, or --data CATALOGUE"),
        ([photos], "Photographs go with --out DIR"),
        ([photos, "--out", tmp_path, "--name", "n"], "Photographs go with --out DIR"),
        (["--data", catalogue], "goes with --name NAME"),
        (["--data", catalogue, "--name", "../up"], "cannot name masks"),
        ([photos, "--out", tmp_path, "--tta", "all"], "choose one of none, flips, dihedral"),
        ([photos, "--out", photos], "is the folder of the photographs"),
        ([tmp_path / "empty", "--out", tmp_path], "holds no JPEG, PNG, BMP or TIFF file"),
        ([photos, tmp_path / "a.png", "--out", tmp_path], "would write one mask file"),
        ([tmp_path / "absent.jpg", "--out", tmp_path / "o"], "absent.jpg does not exist"),
    ):
        code, out, err = skinnet(run, *arguments)
        assert (code, out) == (2, ""), arguments
        assert message in err
        assert err.count("\n") == 1
    code, _, err = skinnet(run / "best.keras", photos, "--out", tmp_path / "o")
    assert code == 2
    assert "is not a segmentation network" in err
    assert not (tmp_path / "o").exists()
