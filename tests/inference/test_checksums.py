"""Models are compared with the `SHA256SUMS` of their export when they are opened."""

from __future__ import annotations

import hashlib
import json
import shutil

import pytest

from skinnet_keras.errors import UserError
from skinnet_keras.inference.checksums import check_listed
from skinnet_keras.inference.model_files import find_model
from skinnet_keras.inference.runners import open_runner

NAME = "tiny_v2_classifier_float32.tflite"


@pytest.fixture
def export(tiny_export, tmp_path):
    return shutil.copytree(tiny_export.directory, tmp_path / "export")


def _flip(file):
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def test_an_intact_export_is_vouched_for_in_every_format(export, monkeypatch):
    monkeypatch.chdir(export)
    for name in (NAME, "end_to_end", "end_to_end/1", NAME.replace("tflite", "onnx")):
        assert find_model(export / name).listed is True
        assert find_model(name).listed is True
    monkeypatch.chdir("end_to_end/1")
    assert find_model(".").listed is True


@pytest.mark.parametrize(
    ("model", "file"),
    [
        (NAME, NAME),
        (NAME, "metadata.json"),
        (NAME.replace("tflite", "onnx"), NAME.replace("tflite", "onnx")),
        ("classifier", "classifier/1/saved_model.pb"),
        ("classifier", "classifier/1/variables/variables.data-00000-of-00001"),
        ("classifier", "classifier/1/assets.extra/metadata.json"),
    ],
)
def test_a_changed_file_is_named(export, model, file):
    if file.endswith(".json"):
        (export / file).write_text((export / file).read_text() + "\n")
    else:
        _flip(export / file)
    with pytest.raises(UserError, match="was changed or damaged since its export") as error:
        open_runner(export / model)
    assert str(export / file) in str(error.value)
    assert "\n" not in str(error.value)


def test_only_the_models_own_lines_count(export):
    _flip(export / "tiny_v2_classifier_float16.tflite")
    _flip(export / "classifier/1/saved_model.pb")
    assert find_model(export / NAME).listed is True


def test_a_renamed_copy_is_known_by_its_content(export):
    shutil.copy(export / NAME, export / "mole.tflite")
    assert find_model(export / "mole.tflite").listed is True


def test_a_file_that_is_not_listed_is_said(export, tiny_run, capsys):
    other = shutil.copy(tiny_run / "segmenter.keras", export / "other.keras")
    open_runner(other)
    assert "SHA256SUMS beside" in capsys.readouterr().err


def test_the_list_is_read_as_sha256sum_writes_it(tmp_path):
    file = tmp_path / "a b.bin"
    file.write_bytes(b"content")
    digest = hashlib.sha256(b"content").hexdigest()
    assert check_listed([file], [tmp_path]) is None
    for line in (
        f"{digest}  a b.bin",
        f"{digest.upper()} *./a b.bin",
        f"# list\n{digest}  a b.bin",
    ):
        (tmp_path / "SHA256SUMS").write_text(line + "\n")
        assert check_listed([file], [tmp_path]) is True
    (tmp_path / "SHA256SUMS").write_text("")
    assert check_listed([file], [tmp_path]) is False
    (tmp_path / "SHA256SUMS").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="SHA256SUMS cannot be read"):
        check_listed([file], [tmp_path])


def test_a_model_of_a_run_beside_the_metadata_of_another(tiny_run, tmp_path):
    shutil.copy(tiny_run / "segmenter.keras", tmp_path / "segmenter.keras")
    metadata = {
        "classes": ["a"],
        "mask_threshold": 0.5,
        "run": {"weights_sha256": {"segmenter.keras": "0" * 64}},
    }
    (tmp_path / "metadata.json").write_text(json.dumps(metadata))
    with pytest.raises(UserError, match=r"describes another segmenter\.keras"):
        open_runner(tmp_path / "segmenter.keras")
