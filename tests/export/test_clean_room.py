"""The example for clients uses the exported files only, and none of this package."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from skinnet_keras.export.bundle import export_run
from skinnet_keras.inference.prediction import predict_images
from skinnet_keras.inference.runners import open_runner
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


def test_unknown_word_is_refused(model, photograph):
    done = _predict(model, photograph, "45", "female", "back")
    assert done.returncode == 1
    assert "anterior torso" in done.stderr
    assert "Traceback" not in done.stderr
