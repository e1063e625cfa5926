"""A run that was calibrated: predicting, exporting, and what is refused."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from calibrated_run import calibrate_run
from skinnet_keras.errors import UserError
from skinnet_keras.evaluation.abstention.report import Abstention
from skinnet_keras.export.bundle import export_run
from skinnet_keras.inference.prediction import predict_images
from skinnet_keras.inference.run_calibration import RunCalibration
from skinnet_keras.inference.runners import open_runner
from skinnet_keras.taxonomy import CLASSES
from tiny_run import draw_picture, make_run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    directory = make_run(tmp_path_factory.mktemp("calibrated"))
    calibrate_run(directory)
    return directory


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    from PIL import Image

    folder = tmp_path_factory.mktemp("pictures")
    files = [folder / f"{seed}.png" for seed in range(8)]
    for seed, file in enumerate(files):
        Image.fromarray(draw_picture(seed)[0]).save(file)
    return files


def test_run_predicts_with_its_calibration_and_without(run, pictures):
    plain = predict_images(open_runner(run, calibrated=False), pictures, age=45)
    calibrated = predict_images(open_runner(run), pictures, age=45)
    fitted = RunCalibration.of_run(run)
    before = np.array([list(p.probabilities.values()) for p in plain])
    after = np.array([list(p.probabilities.values()) for p in calibrated])
    np.testing.assert_allclose(after, fitted.calibration.apply(before), atol=1e-5)
    assert np.abs(after - before).max() > 0.05
    assert [p.abstain for p in plain] == [None] * 8
    expected = ~fitted.abstention.accepts(before)
    assert [p.abstain for p in calibrated] == expected.tolist()
    decided = [CLASSES[k] for k in fitted.thresholds.decide(after)]
    assert [p.decision for p in calibrated] == decided
    assert decided != [p.top(1)[0][0] for p in calibrated]  # missed melanomas cost more


def test_export_computes_and_says_what_the_run_predicts(run, pictures, tmp_path):
    report = export_run(run, tmp_path, precisions=["float32"])
    expected = predict_images(open_runner(run), pictures, age=45)
    for artefact in ("end_to_end", "tiny_v2_end_to_end_float32.tflite"):
        runner = open_runner(report.directory / artefact)
        assert set(runner.output_names) == {"diagnosis", "mask", "abstain"}
        for own, theirs in zip(predict_images(runner, pictures, age=45), expected, strict=True):
            assert own.probabilities == pytest.approx(theirs.probabilities, abs=1e-5)
            assert (own.decision, own.abstain) == (theirs.decision, theirs.abstain)
    metadata = json.loads((report.directory / "metadata.json").read_text())
    stored = json.loads((run / "calibration.json").read_text())
    assert metadata["calibration"]["scale"] == stored["scale"]
    assert (
        metadata["decision"]["thresholds"]
        == json.loads((run / "thresholds.json").read_text())["thresholds"]
    )
    assert metadata["abstention"]["target"] == "coverage"
    outputs = [tensor["name"] for tensor in metadata["models"]["end_to_end"]["outputs"]]
    assert outputs == ["diagnosis", "abstain", "mask"]
    assert report.calibrated


def test_export_without_calibration(run, tmp_path):
    report = export_run(run, tmp_path, formats=["tflite"], precisions=["float32"], calibrated=False)
    runner = open_runner(report.directory / "tiny_v2_end_to_end_float32.tflite")
    assert set(runner.output_names) == {"diagnosis", "mask"}
    assert runner.thresholds is None
    assert "calibration" not in json.loads((report.directory / "metadata.json").read_text())


def test_files_of_another_calibration_do_not_get_new_metadata(run, tmp_path):
    export_run(run, tmp_path, formats=["tflite"], precisions=["float32"], calibrated=False)
    with pytest.raises(UserError, match="was exported with another calibration"):
        export_run(run, tmp_path, formats=["tflite"], precisions=["float16"])
    # The same one again may stand beside it.
    export_run(run, tmp_path, formats=["tflite"], precisions=["float16"], calibrated=False)


def test_calibration_of_other_predictions_is_refused(run, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(run, copy)
    with (copy / "predictions_val.csv").open("a") as file:
        file.write("tiny:x,MEL,1,0,0,0,0,0,0,0,x\n")
    with pytest.raises(UserError, match=r"fitted on other predictions.*skinnet calibrate"):
        open_runner(copy)
    (copy / "thresholds.json").unlink()
    shutil.copy(run / "predictions_val.csv", copy)
    with pytest.raises(UserError, match=r"thresholds\.json"):
        export_run(copy, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_nothing_is_accepted_without_a_threshold(run):
    fitted = RunCalibration.of_run(run)
    nothing = RunCalibration(
        fitted.calibration, fitted.thresholds, Abstention("margin", None, "risk", 0.01), None
    )
    assert nothing.apply_to(np.full((3, 8), 1 / 8), CLASSES)["abstain"].all()
