"""The example for clients uses the exported files only, and none of this package."""

from __future__ import annotations

import json
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from made_export import make_export
from photograph_files import ORIENTATION, encode, served_files
from skinnet_keras.config import CleaningConfig
from skinnet_keras.data.image_io import read_image
from skinnet_keras.errors import UserError
from skinnet_keras.export.bundle import export_run
from skinnet_keras.inference.prediction import predict_images
from skinnet_keras.inference.runners import open_runner
from skinnet_keras.taxonomy import CLASSES
from tiny_run import draw_picture

SCRIPT = Path(__file__).parents[2] / "scripts" / "predict_tflite.py"
# Importing any of these fails, as it does where they are not installed.
WITHOUT = """
import runpy, sys
for name in ("skinnet_keras", "tensorflow", "keras", "pandas", "cv2", "scipy", "sklearn"):
    sys.modules[name] = None
runpy.run_path(sys.argv.pop(1), run_name="__main__")
"""


def _predict(*arguments) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", WITHOUT, SCRIPT, *arguments]
    return subprocess.run(
        list(map(str, command)), capture_output=True, text=True, check=False, cwd="/"
    )


@pytest.fixture(scope="module")
def model(tiny_run, tmp_path_factory):
    out = tmp_path_factory.mktemp("clean_room")
    report = export_run(tiny_run, out, formats=["tflite"], precisions=["float32"])
    return report.directory / "tiny_v2_end_to_end_float32.tflite"


@pytest.fixture
def photograph(tmp_path):
    file = tmp_path / "turned.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6  # a phone held upright
    Image.fromarray(draw_picture(3, (90, 120))[0]).save(file, exif=exif)
    return file


@pytest.mark.parametrize(
    "patient", [("45", "female", "anterior torso"), ("unknown", "male"), ("120",), ()]
)
def test_example_prints_what_skinnet_predict_finds(model, photograph, patient):
    known = [None if word == "unknown" else word for word in patient] + [None] * 3
    (expected,) = predict_images(
        open_runner(model),
        [photograph],
        age=None if known[0] is None else float(known[0]),
        sex=known[1],
        site=known[2],
    )
    done = _predict(model, photograph, *patient)
    assert done.returncode == 0, done.stderr
    lines = re.findall(r"^(\w+) +(\d\.\d+)$", done.stdout, re.MULTILINE)
    assert {name: float(text) for name, text in lines} == pytest.approx(
        expected.probabilities, abs=6e-5
    )
    assert lines[0][0] == expected.top(1)[0][0]
    area = float(re.search(r"lesion: ([\d.]+)%", done.stdout)[1])
    assert area == pytest.approx(100 * (expected.mask >= 0.5).mean(), abs=0.06)


def _refused(*arguments) -> str:
    done = _predict(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    (sentence,) = [line for line in done.stderr.splitlines() if not line.startswith("INFO")]
    assert sentence.startswith("Error: ")
    return sentence


def test_unknown_words_are_refused(model, photograph):
    assert "anterior torso" in _refused(model, photograph, "45", "female", "back")
    assert "'male' is not among anterior torso" in _refused(
        model, photograph, "45", "female", "male"
    )


@pytest.mark.parametrize("kind", [*served_files(), "bmp", "tiff", "turned", "16 bits, tiff"])
def test_images_are_read_as_by_skinnet_predict(tmp_path, kind):
    file = tmp_path / "file"
    turned = Image.Exif()
    turned[ORIENTATION] = 5
    grey16 = np.arange(600, dtype=np.uint16).reshape(20, 30) * 100
    rgb = Image.fromarray(draw_picture(4)[0])
    file.write_bytes(
        served_files().get(kind)
        or {
            "bmp": encode(rgb, "BMP"),
            "tiff": encode(rgb, "TIFF"),
            "turned": encode(rgb, "PNG", exif=turned),
            "16 bits, tiff": encode(Image.fromarray(grey16), "TIFF"),
        }[kind]
    )
    read = runpy.run_path(str(SCRIPT))["read_image"]
    np.testing.assert_array_equal(np.asarray(read(str(file))), read_image(file))


@pytest.mark.parametrize("kind", ["32 bits", "gif", "half", "large", "nothing", "folder"])
def test_images_that_skinnet_predict_refuses(tmp_path, kind):
    file = tmp_path / "file"
    contents = {
        "32 bits": encode(Image.fromarray(np.ones((4, 4), np.float32)), "TIFF"),
        "gif": encode(Image.new("L", (4, 4)), "GIF"),
        "half": served_files()["jpeg"][:-200],
        "large": encode(Image.new("1", (8001, 8000)), "PNG"),
    }
    if kind in contents:
        file.write_bytes(contents[kind])
    elif kind == "folder":
        file.mkdir()
    with pytest.raises(UserError):
        read_image(file)
    with pytest.raises(ValueError, match="file cannot be read as a"):
        runpy.run_path(str(SCRIPT))["read_image"](str(file))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make_export(tmp_path_factory.mktemp("made") / "made")


@pytest.fixture
def described(made, tmp_path):
    """The path of a classifier beside which `metadata.json` has some other entries."""

    def change(**entries) -> Path:
        content = json.loads((made / "metadata.json").read_text()) | entries
        (tmp_path / "metadata.json").write_text(json.dumps(content))
        return Path(shutil.copy(made / "made_classifier_float32.tflite", tmp_path))

    return change


def test_a_model_trained_with_cleaning_is_refused(described, photograph):
    cleaning = CleaningConfig(hair=True, colour_constancy=True).model_dump()
    said = _refused(described(cleaning=cleaning), photograph)
    assert "cleaned images (hair, colour_constancy), which this script does not clean" in said


def test_without_metadata_nothing_is_guessed(model, photograph, tmp_path):
    alone = shutil.copy(model, tmp_path)
    assert "metadata.json is missing" in _refused(alone, photograph)
    (tmp_path / "metadata.json").write_text("{}")
    assert "does not give classes" in _refused(alone, photograph)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"classes": "ABCDEFGH"}, "does not name the 8 classes"),
        ({"classes": ["MEL"] * 8}, "does not name the 8 classes"),
        ({"classes": ["MEL", "NV"]}, "does not name the 8 classes"),
        ({"mask_threshold": float("nan")}, "'mask_threshold' must be above 0 and below 1"),
        ({"decision": {"thresholds": dict.fromkeys(CLASSES, 0)}}, "must be above 0"),
        ({"metadata_layout": None}, "Error: "),
    ],
)
def test_metadata_of_another_model(described, photograph, changes, message):
    assert message in _refused(described(**changes), photograph)


def test_decision_and_abstention(tmp_path, photograph):
    thresholds = {name: 1e-9 if name == "DF" else 1.0 for name in CLASSES}
    for bound in (0.0, 1.01):
        folder = make_export(
            tmp_path / str(bound),
            abstain_below=bound,
            decision={"thresholds": thresholds},
        )
        file = folder / "made_classifier_float32.tflite"
        (expected,) = predict_images(open_runner(file), [photograph])
        assert (expected.decision, expected.abstain) == ("DF", bound > 1)
        last = _predict(file, photograph).stdout.splitlines()[-1]
        assert last == ("too uncertain: leave it to a human" if bound > 1 else "decision: DF")


def test_models_it_cannot_feed(model, photograph, tmp_path):
    mask_too = model.parent / "tiny_v2_classifier_float32.tflite"
    assert "also takes mask: give an end-to-end model" in _refused(mask_too, photograph)
    shutil.copy(model.parent / "metadata.json", tmp_path)
    (tmp_path / "a.tflite").write_bytes(b"no model")
    assert "Error: " in _refused(tmp_path / "a.tflite", photograph)
    assert "usage: predict_tflite.py MODEL" in _refused(model)
