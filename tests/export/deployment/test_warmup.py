"""Warm-up requests are real messages that the exported model answers."""

from __future__ import annotations

import numpy as np
import pytest

from skinnet_keras.errors import UserError
from skinnet_keras.export.bundle import export_run
from skinnet_keras.export.deployment import warmup
from skinnet_keras.export.deployment.warmup import (
    WARMUP_FILE,
    read_warmup,
    replay_warmup,
    warmup_requests,
    write_warmup,
)
from skinnet_keras.inference.savedmodel_runner import SavedModelRunner
from skinnet_keras.models import attach_segmenter
from tiny_run import build_classifier, build_segmenter, make_run

pytest.importorskip("tensorflow_serving", reason="the extra 'serving' is not installed")


@pytest.fixture(scope="module")
def model():
    return attach_segmenter(build_classifier(), build_segmenter(), 0.5)


@pytest.fixture(scope="module")
def version(model, tmp_path_factory):
    from skinnet_keras.export.savedmodel import write_savedmodel

    version = tmp_path_factory.mktemp("warm") / "1"
    write_savedmodel(model, version, image_bytes=True)
    write_warmup(version, "m_end_to_end", warmup_requests(model, image_bytes=True))
    return version


def test_one_prediction_log_a_signature(version):
    import tensorflow as tf
    from tensorflow_serving.apis import prediction_log_pb2

    records = list(tf.data.TFRecordDataset(str(version / WARMUP_FILE)).as_numpy_iterator())
    logs = [prediction_log_pb2.PredictionLog.FromString(record) for record in records]
    requests = [log.predict_log.request for log in logs]
    assert [request.model_spec.signature_name for request in requests] == [
        "serving_default",
        "serve_image_bytes",
    ]
    assert {request.model_spec.name for request in requests} == {"m_end_to_end"}
    tensors, files = (
        {name: tf.make_ndarray(proto) for name, proto in request.inputs.items()}
        for request in requests
    )
    assert {name: value.shape for name, value in tensors.items()} == {
        "image": (1, 32, 32, 3),
        "metadata": (1, 14),
    }
    assert set(files) == {"image_bytes", "age", "sex", "site"}
    assert files["image_bytes"][0].startswith(b"\xff\xd8\xff")


def test_replayed_they_give_finite_probabilities(version):
    runner = SavedModelRunner(version)
    assert replay_warmup(runner, version) == 2
    answers = [
        runner.call_signature(signature, inputs)["diagnosis"]
        for signature, inputs in read_warmup(version)
    ]
    np.testing.assert_allclose([answer.sum() for answer in answers], 1, atol=1e-5)
    np.testing.assert_allclose(*answers, atol=0.02)  # a JPEG of the picture, and the picture


def test_a_warm_up_that_fails_is_told(version, model):
    runner = SavedModelRunner(version)
    requests = warmup_requests(model, image_bytes=True)
    broken = requests["serve_image_bytes"] | {"sex": np.array([b"femal"], dtype=object)}
    write_warmup(version, "m", {**requests, "serve_image_bytes": broken})
    with pytest.raises(UserError, match="femal"):
        replay_warmup(runner, version)
    nan = {"serving_default": requests["serving_default"] | {"metadata": np.full((1, 14), np.nan)}}
    nan["serving_default"]["metadata"] = nan["serving_default"]["metadata"].astype(np.float32)
    write_warmup(version, "m", nan)
    with pytest.raises(UserError, match="not numbers"):
        replay_warmup(runner, version)


def test_without_the_extra_the_export_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(warmup.importlib.util, "find_spec", lambda _: None)
    report = export_run(make_run(tmp_path), tmp_path / "out", formats=["savedmodel"])
    assert not (report.directory / "end_to_end" / "1" / WARMUP_FILE).exists()
    assert any("the extra 'serving'" in note for note in report.notes)
