"""The files TensorFlow Serving is started with."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format

from skinnet_keras.export.deployment.configs import write_serving_files

KINDS = ("classifier", "end_to_end")
# session_bundle_config.proto of TensorFlow Serving, which its Python package does not have.
INT64_PARAMETERS = (
    *("max_batch_size", "batch_timeout_micros", "max_enqueued_batches", "num_batch_threads"),
)


def _add_versions(directory: Path, *versions: int) -> None:
    for kind in KINDS:
        for version in versions:
            (directory / kind / str(version)).mkdir(parents=True, exist_ok=True)
            (directory / kind / str(version) / "saved_model.pb").touch()


def _models(directory: Path):
    config = pytest.importorskip("tensorflow_serving.config.model_server_config_pb2")
    text = (directory / "serving" / "models.config").read_text()
    parsed = text_format.Parse(text, config.ModelServerConfig())
    return {model.name: model for model in parsed.model_config_list.config}


def _labels(directory: Path) -> dict[str, int]:
    return dict(_models(directory)["m_end_to_end"].version_labels)


def test_models_config_is_the_servers_message(tmp_path):
    _add_versions(tmp_path, 1)
    write_serving_files(tmp_path, "m", KINDS)
    models = _models(tmp_path)
    assert {name: model.base_path for name, model in models.items()} == {
        "m_classifier": "/models/m/classifier",
        "m_end_to_end": "/models/m/end_to_end",
    }
    for model in models.values():
        assert model.model_platform == "tensorflow"
        assert list(model.model_version_policy.specific.versions) == [1]
        assert dict(model.version_labels) == {"stable": 1, "canary": 1}


def test_a_new_version_is_the_canary_and_never_promoted(tmp_path):
    for version, expected in ((1, (1, 1)), (2, (1, 2)), (3, (1, 3))):
        _add_versions(tmp_path, version)
        write_serving_files(tmp_path, "m", KINDS)
        assert _labels(tmp_path) == dict(zip(("stable", "canary"), expected, strict=True))
    versions = _models(tmp_path)["m_end_to_end"].model_version_policy.specific.versions
    assert list(versions) == [1, 3]

    file = tmp_path / "serving" / "models.config"
    file.write_text(file.read_text().replace('"stable" value: 1', '"stable" value: 2'))
    _add_versions(tmp_path, 4)
    write_serving_files(tmp_path, "m", KINDS)
    assert _labels(tmp_path) == {"stable": 2, "canary": 4}

    for kind in KINDS:
        shutil.rmtree(tmp_path / kind / "2")
    write_serving_files(tmp_path, "m", KINDS)
    assert _labels(tmp_path) == {"stable": 3, "canary": 4}


def test_no_savedmodel_no_files(tmp_path):
    write_serving_files(tmp_path, "m", KINDS)
    assert not list(tmp_path.iterdir())


def test_batching_config_is_the_servers_message(tmp_path):
    _add_versions(tmp_path, 1)
    write_serving_files(tmp_path, "m", KINDS)
    pool = descriptor_pool.DescriptorPool()
    file = descriptor_pb2.FileDescriptorProto(name="batching.proto", syntax="proto3")
    value = file.message_type.add(name="Int64Value")
    value.field.add(name="value", number=1, type=3, label=1)
    message = file.message_type.add(name="BatchingParameters")
    for number, name in enumerate(INT64_PARAMETERS, start=1):
        message.field.add(name=name, number=number, type=11, label=1, type_name=".Int64Value")
    pool.Add(file)
    kind = message_factory.GetMessageClass(pool.FindMessageTypeByName("BatchingParameters"))
    text = (tmp_path / "serving" / "batching.config").read_text()
    parsed = text_format.Parse(text, kind())
    assert all(getattr(parsed, name).value > 0 for name in INT64_PARAMETERS)


def test_compose_mounts_what_the_flags_name(tmp_path):
    _add_versions(tmp_path, 1)
    write_serving_files(tmp_path, "m", KINDS)
    text = (tmp_path / "serving" / "compose.yaml").read_text()
    service = yaml.safe_load(text)["services"]["serving"]
    assert service["image"].startswith("tensorflow/serving:${TENSORFLOW_SERVING_TAG")
    assert service["ports"] == ["127.0.0.1:8500:8500", "127.0.0.1:8501:8501"]
    (mount,) = service["volumes"]
    assert mount["read_only"]
    root = (tmp_path / "serving" / mount["source"]).resolve()
    flags = dict(word.removeprefix("--").split("=", 1) for word in service["command"])
    for flag in ("model_config_file", "batching_parameters_file"):
        assert (root / Path(flags[flag]).relative_to(mount["target"])).is_file()
    for model in _models(tmp_path).values():
        assert (root / Path(model.base_path).relative_to(mount["target"]) / "1").is_dir()
    assert flags["enable_batching"] == "true"
    assert flags["allow_version_labels_for_unavailable_models"] == "true"


@pytest.mark.parametrize("name", ["m_end_to_end", "absent"])
def test_health_check_asks_for_the_models_state(tmp_path, name):
    from http.server import BaseHTTPRequestHandler, HTTPServer
    from threading import Thread

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            known = self.path == f"/v1/models/{name}"
            self.send_response(200 if known else 404)
            self.end_headers()
            self.wfile.write(b'{"state": "AVAILABLE"}' if known else b'{"error": "not found"}')

        def log_message(self, *_):
            pass

    _add_versions(tmp_path, 1)
    write_serving_files(tmp_path, "m", KINDS)
    text = (tmp_path / "serving" / "compose.yaml").read_text()
    command = yaml.safe_load(text)["services"]["serving"]["healthcheck"]["test"]
    assert command[0] == "CMD"
    server = HTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        here = [word.replace("/8501", f"/{server.server_port}") for word in command[1:]]
        healthy = subprocess.run(here, timeout=20).returncode == 0
    finally:
        server.shutdown()
        server.server_close()
    assert healthy == (name == "m_end_to_end")


def test_no_secret_and_no_path_of_this_machine(tmp_path):
    _add_versions(tmp_path, 1)
    write_serving_files(tmp_path, "m", KINDS)
    for file in (tmp_path / "serving").iterdir():
        assert str(tmp_path) not in file.read_text()
        assert not re.search(r"password|token|secret", file.read_text().replace("passwords", ""))
