"""`serve_image_bytes` of an export is `skinnet predict`, and is there only where it can be."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from photograph_files import ORIENTATION, served_files
from skinnet_keras.config import CleaningConfig
from skinnet_keras.data.photograph_bytes import upright_bytes
from skinnet_keras.errors import UserError
from skinnet_keras.export.bundle import export_run
from skinnet_keras.export.image_bytes.check import (
    TOLERANCE,
    Photograph,
    call_with_files,
    check_image_bytes,
    choose_photographs,
)
from skinnet_keras.inference.prediction import predict_images
from skinnet_keras.inference.runners import open_runner
from skinnet_keras.inference.savedmodel_runner import SavedModelRunner
from skinnet_keras.runs.run import Run
from tiny_run import draw_picture, make_run


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    root = tmp_path_factory.mktemp("image_bytes")
    return export_run(make_run(root), root / "out", formats=["savedmodel"])


@pytest.fixture(scope="module")
def runner(exported) -> SavedModelRunner:
    return open_runner(exported.directory / "end_to_end")


def _differences(runner, files, patient) -> tuple[float, float]:
    """Largest difference of a probability and of a mask pixel from `predict_images`."""
    photographs = [Photograph(file, *patient) for file in files]
    outputs = call_with_files(runner, [upright_bytes(file) for file in files], photographs)
    age, sex, site = patient
    expected = predict_images(runner, files, age=float(age) if age else None, sex=sex, site=site)
    probabilities = [list(prediction.probabilities.values()) for prediction in expected]
    masks = np.stack([prediction.mask for prediction in expected])
    return (
        np.abs(outputs["diagnosis"] - probabilities).max(),
        np.abs(outputs["mask"][..., 0] - masks).max(),
    )


@pytest.mark.parametrize("patient", [("45", "female", "anterior torso"), ("", "", "")])
def test_it_predicts_what_the_command_line_predicts(runner, tmp_path, patient):
    files = []
    for number, content in enumerate(served_files().values()):
        files.append(tmp_path / str(number))
        files[-1].write_bytes(content)
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    files.append(tmp_path / "turned.jpg")
    Image.fromarray(draw_picture(9)[0]).save(files[-1], exif=exif)
    files.append(tmp_path / "a.bmp")
    Image.fromarray(draw_picture(10)[0]).save(files[-1])
    probability, mask = _differences(runner, files, patient)
    assert probability < 1e-5
    assert mask < 1e-5


def test_it_predicts_what_the_command_line_predicts_on_real_images(runner, real_data):
    files = sorted(real_data.glob("*/*/*.jpg"))
    assert files
    probability, _ = _differences(runner, files[:: len(files) // 16], ("55", "male", "head/neck"))
    assert probability < TOLERANCE


def test_names_types_and_shapes(exported, runner):
    loaded = runner._loaded.signatures["serve_image_bytes"]
    inputs = loaded.structured_input_signature[1]
    assert {name: (spec.dtype.name, spec.shape.as_list()) for name, spec in inputs.items()} == {
        "image_bytes": ("string", [None]),
        "age": ("float32", [None]),
        "sex": ("string", [None]),
        "site": ("string", [None]),
    }
    assert {name: spec.shape.as_list() for name, spec in loaded.structured_outputs.items()} == {
        "diagnosis": [None, 8],
        "mask": [None, 32, 32, 1],
    }
    signatures = json.loads((exported.directory / "metadata.json").read_text())["signatures"]
    described = signatures["end_to_end"]["serve_image_bytes"]
    assert [(info["name"], info["dtype"], info["shape"]) for info in described["inputs"]] == [
        ("image_bytes", "string", [None]),
        ("age", "float32", [None]),
        ("sex", "string", [None]),
        ("site", "string", [None]),
    ]
    assert [info["name"] for info in described["outputs"]] == ["diagnosis", "mask"]
    assert "takes the lesion's mask" in signatures["classifier"]["serve_image_bytes"]["left_out"]
    assert open_runner(exported.directory / "classifier").signatures == ("serving_default",)


def test_a_refused_word_reaches_the_client(runner):
    photograph = Photograph(None, "45", "femal", "")
    with pytest.raises(UserError, match=r"The sex .*femal.* is not known"):
        call_with_files(runner, [served_files()["jpeg"]], [photograph])


def test_the_gate_measured_it_on_the_catalogues_files(exported):
    parity = json.loads((exported.directory / "parity.json").read_text())
    assert parity["classifier/1"]["image_bytes"] is None
    measured = parity["end_to_end/1"]["image_bytes"]
    assert measured["images"] == 8
    assert 0 <= measured["max_difference"] < 1e-5


def test_the_gate_refuses_another_preprocessing(runner, tmp_path, monkeypatch):
    from skinnet_keras.export.image_bytes import check

    Image.fromarray(draw_picture(1)[0]).save(tmp_path / "a.png")
    photographs = [Photograph(tmp_path / "a.png", "45", "male", "")]
    assert check_image_bytes(runner, "m", photographs).max_difference < 1e-5
    assert check_image_bytes(runner, "m", []) is None
    monkeypatch.setattr(check, "resize_image", lambda rgb, size: rgb[:size, :size])
    with pytest.raises(UserError, match="m is not kept: from image files"):
        check_image_bytes(runner, "m", photographs)


def test_photographs_of_the_catalogue_whose_files_are_there(tmp_path):
    catalogue = Run.open(make_run(tmp_path)).load_catalogue()
    found = choose_photographs(catalogue, 5)
    assert len(found) == 5
    found[0].path.unlink()
    assert found[0] not in choose_photographs(catalogue, 5)


def test_without_segmenter_metadata_or_with_cleaning(tmp_path):
    import keras

    image = keras.Input((32, 32, 3), name="image")
    pooled = keras.layers.GlobalAveragePooling2D()(keras.layers.Rescaling(1 / 255)(image))
    logits = keras.layers.Dense(8, name="diagnosis_logits")(pooled)
    diagnosis = keras.layers.Softmax(name="diagnosis")(logits)
    bare = make_run(
        tmp_path / "bare",
        variant="v1",
        segmenter=False,
        classifier=keras.Model({"image": image}, {"diagnosis": diagnosis}),
    )
    report = export_run(bare, tmp_path / "out", formats=["savedmodel"])
    runner = open_runner(report.directory / "classifier")
    outputs = call_with_files(runner, [served_files()["png"]], [Photograph(None, "", "", "")])
    assert outputs["diagnosis"].shape == (1, 8)

    cleaned = make_run(tmp_path / "cleaned", cleaning=CleaningConfig(borders=True))
    report = export_run(cleaned, tmp_path / "out", formats=["savedmodel"], name="cleaned")
    runner = open_runner(report.directory / "end_to_end")
    assert runner.signatures == ("serving_default",)
    assert any("trained on cleaned images (borders)" in note for note in report.notes)
    metadata = json.loads((report.directory / "metadata.json").read_text())
    reason = metadata["signatures"]["end_to_end"]["serve_image_bytes"]["left_out"]
    assert "cleaning is not a part of the graph" in reason
