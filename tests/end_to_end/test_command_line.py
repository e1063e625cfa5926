"""A user's session: generated lesions, catalogue, training, tables, export, prediction."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from PIL import Image

from skinnet_keras.cli.main import main
from skinnet_keras.data.synthetic import write_synthetic

TINY = [
    "name=tiny",
    "model.variant=v2",
    "image_size=32",
    "segmenter.arguments={widths: [4, 8, 16]}",
    "model.metadata_units=[16, 8]",
    "stages.segmentation.epochs=2",
    "stages.cnn.epochs=2",
    "stages.head.epochs=2",
    "workers=0",
]


@pytest.fixture
def skinnet(monkeypatch, capsys):
    """Call the command line in this process: exit code, stdout, stderr."""

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["skinnet", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            main()
        out, err = capsys.readouterr()
        return int(stop.value.code or 0), out, err

    return call


@pytest.fixture(scope="module")
def lesions(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "lesions"
    write_synthetic(folder, lesions=120, image_size=48, seed=5)
    return folder


def test_from_images_to_a_prediction(skinnet, lesions, tmp_path):
    catalogue, run = tmp_path / "catalogue", tmp_path / "run"
    code, _, err = skinnet("data", "build", "--source", f"synthetic={lesions}", "--out", catalogue)
    assert code == 0, err
    code, _, err = skinnet("data", "check", catalogue)
    assert code == 0, err

    code, out, err = skinnet(
        "train", "--config", "demo", "--data", catalogue, "--out", run, "--json", *TINY
    )
    assert code == 0, err
    metrics = json.loads(out)
    assert set(metrics) == {"name", "segmentation", "classification", "loss"}

    code, out, err = skinnet("evaluate", run, "--json")
    assert code == 0, err
    report = json.loads(out)
    assert report["n"] == metrics["classification"]["test"]["n"]
    assert report["errors_all"] == metrics["classification"]["test"]["errors_all"]
    code, out, err = skinnet("compare", run, run / "predictions_test.csv")
    assert code == 0, err

    # A finished run that is resumed is measured again, not trained again.
    weights = (run / "best.keras").read_bytes()
    history = (run / "history.csv").read_text()
    code, _, err = skinnet("train", "--resume", run)
    assert code == 0, err
    assert (run / "history.csv").read_text() == history
    assert len((run / "best.keras").read_bytes()) == pytest.approx(len(weights), rel=0.01)

    exported = tmp_path / "exported"
    code, _, err = skinnet(
        "export", run, "--format", "tflite", "--precision", "float32", "--out", exported
    )
    assert code == 0, err
    tflite = exported / "tiny" / "tiny_end_to_end_float32.tflite"
    image = next((lesions / "images").glob("*.jpg"))
    answers = []
    for model in (run, tflite):
        code, out, err = skinnet("predict", model, image, "--age", 50, "--sex", "male", "--json")
        assert code == 0, err
        answers.append(json.loads(out))
    first, second = (next(iter(a["images"]))["probabilities"] for a in answers)
    assert sum(first.values()) == pytest.approx(1.0, abs=1e-4)
    assert first == pytest.approx(second, abs=1e-4)

    code, _, err = skinnet("predict", run, image, "--overlay", tmp_path / "overlay")
    assert code == 0, err
    assert len(list((tmp_path / "overlay").glob("*.png"))) == 2


def _refused(result: tuple[int, str, str], *words: str) -> None:
    code, out, err = result
    assert code == 2, err
    assert "Traceback" not in out + err
    sentence = err.strip().splitlines()[-1]
    for word in words:
        assert word in sentence
    assert sentence.endswith(".")


def test_missing_folder(skinnet, tmp_path):
    out = tmp_path / "out"
    absent = tmp_path / "absent"
    _refused(skinnet("data", "build", "--source", f"ham10000={absent}", "--out", out), "absent")
    assert not out.exists()


def test_csv_without_the_expected_column(skinnet, tmp_path):
    source = tmp_path / "ham"
    (source / "HAM10000_images").mkdir(parents=True)
    Image.new("RGB", (8, 8)).save(source / "HAM10000_images" / "ISIC_0000001.jpg")
    (source / "HAM10000_metadata.csv").write_text("image_id,age\nISIC_0000001,50\n")
    out = tmp_path / "out"
    result = skinnet("data", "build", "--source", f"ham10000={source}", "--out", out)
    _refused(result, "HAM10000_metadata.csv", "lesion_id")
    assert not out.exists()


def test_unreadable_image(skinnet, tmp_path):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no image")
    from tiny_run import build_classifier

    build_classifier(with_mask=False).save(tmp_path / "model.keras")
    _refused(skinnet("predict", tmp_path / "model.keras", broken), "broken.jpg")


@pytest.fixture(scope="module")
def bare_catalogue(tmp_path_factory) -> Path:
    from skinnet_keras.data.catalogue import Catalogue
    from tiny_run import make_catalogue

    catalogue = make_catalogue(tmp_path_factory.mktemp("bare"))
    bare = Catalogue(catalogue.root, catalogue.table.assign(mask_path=""), catalogue.sources)
    bare.write(catalogue.root)
    return catalogue.root


def test_unknown_config_key(skinnet, bare_catalogue, tmp_path):
    run = tmp_path / "run"
    result = skinnet(
        "train", "--config", "skinnet_v1", "--data", bare_catalogue, "--out", run, "image_sise=96"
    )
    _refused(result, "image_sise", "image_size")
    assert not run.exists()


def test_segmentation_without_masks(skinnet, bare_catalogue, tmp_path):
    run = tmp_path / "run"
    _refused(
        skinnet("segment", "train", "--data", bare_catalogue, "--out", run, "image_size=32"),
        "mask",
    )
    assert not run.exists()


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["train"], "--config"),
        (["train", "--config", "skinnet_v9", "--data", "."], "skinnet_v9"),
        (["train", "--config", "skinnet_v1", "--data", "absent_folder"], "absent_folder"),
        (["train", "--resume", "absent_run"], "absent_run"),
        (["train", "--resume", ".", "--config", "skinnet_v1"], "--resume"),
        (["evaluate", "absent.csv"], "absent.csv"),
        (["export", "absent_run"], "absent_run"),
    ],
)
def test_unusable_arguments(skinnet, arguments, word):
    _refused(skinnet(*arguments), word)


def test_help_names_every_verb(skinnet):
    code, out, _ = skinnet("--help")
    assert code == 0
    verbs = [
        "data",
        "segment",
        "demo",
        "train",
        "evaluate",
        "compare",
        "subgroups",
        "calibrate",
        "ood",
        "explain",
        "report",
        "card",
        "crossval",
        "ensemble",
        "predict",
        "export",
        "models",
    ]
    assert all(verb in out for verb in verbs)


@pytest.mark.parametrize(
    "verb",
    [
        ("data", "build"),
        ("data", "check"),
        ("data", "show"),
        ("segment", "train"),
        ("demo",),
        ("train",),
        ("evaluate",),
        ("compare",),
        ("subgroups",),
        ("calibrate",),
        ("ood",),
        ("explain",),
        ("report",),
        ("card",),
        ("crossval",),
        ("ensemble",),
        ("predict",),
        ("export",),
        ("models",),
    ],
)
def test_every_verb_has_an_example(skinnet, verb):
    code, out, _ = skinnet(*verb, "--help")
    assert code == 0
    assert "Example: skinnet" in out
