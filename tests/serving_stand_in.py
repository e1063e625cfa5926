"""A stand-in for TensorFlow Serving: the documented REST and gRPC APIs on real SavedModels.

It reads `models.config`, loads every version as the server does (a TensorFlow 1 session on the
SavedModel's signature definitions), takes what api_rest.md allows and refuses the rest.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import threading
from concurrent import futures
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import tensorflow as tf
from google.protobuf import json_format, text_format
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)
from tensorflow_serving.config import model_server_config_pb2

_ROUTE = re.compile(
    r"/v1/models/(?P<name>[^/:]+)(?:/versions/(?P<version>\d+)|/labels/(?P<label>[^/:]+))?"
    r"(?P<what>:predict|/metadata)?$"
)


class RefusedError(Exception):
    """A request that the server answers with an error."""

    def __init__(self, status: int, code: grpc.StatusCode, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


def invalid(message: str) -> RefusedError:
    return RefusedError(400, grpc.StatusCode.INVALID_ARGUMENT, message)


class LoadedVersion:
    """One version, in a session."""

    def __init__(self, directory: Path) -> None:
        graph = tf.Graph()
        with graph.as_default():
            self._session = tf.compat.v1.Session(graph=graph)
            meta_graph = tf.compat.v1.saved_model.load(self._session, ["serve"], str(directory))
        self.signatures = dict(meta_graph.signature_def)

    def run(self, signature: str, inputs: dict[str, Any], wanted=()) -> dict[str, np.ndarray]:
        definition = self.signatures[signature]
        if set(inputs) != set(definition.inputs):
            raise invalid(f"input keys {sorted(inputs)} are not {sorted(definition.inputs)}")
        feed = {definition.inputs[name].name: value for name, value in inputs.items()}
        fetches = {
            name: info.name
            for name, info in definition.outputs.items()
            if not wanted or name in wanted
        }
        try:
            return self._session.run(fetches, feed)
        except tf.errors.InvalidArgumentError as error:
            raise invalid(error.message) from error


class Models:
    """The models of a `models.config`, whose base paths lie below `root` instead of /models."""

    def __init__(self, config: str, root: Path) -> None:
        parsed = text_format.Parse(config, model_server_config_pb2.ModelServerConfig())
        self.loaded: dict[str, dict[int, LoadedVersion]] = {}
        self.labels: dict[str, dict[str, int]] = {}
        for model in parsed.model_config_list.config:
            base = root / Path(model.base_path).relative_to("/models")
            versions = model.model_version_policy.specific.versions
            self.loaded[model.name] = {n: LoadedVersion(base / str(n)) for n in versions}
            self.labels[model.name] = dict(model.version_labels)
            assert set(self.labels[model.name].values()) <= set(versions)

    def find(self, name: str, version: int | None, label: str | None) -> tuple[int, LoadedVersion]:
        versions = self.loaded.get(name)
        if versions is None:
            raise self._not_found(f"Latest({name})")
        if label is not None:
            if label not in self.labels[name]:
                raise invalid(f"Unrecognized servable version label: {label}")
            version = self.labels[name][label]
        version = max(versions) if version is None else version
        if version not in versions:
            raise self._not_found(f"Specific({name}, {version})")
        return version, versions[version]

    @staticmethod
    def _not_found(what: str) -> RefusedError:
        message = f"Servable not found for request: {what}"
        return RefusedError(404, grpc.StatusCode.NOT_FOUND, message)

    def status(self, name: str, version: int | None, label: str | None):
        found, _ = self.find(name, version, label)
        asked = version is None and label is None
        answer = get_model_status_pb2.GetModelStatusResponse()
        for number in sorted(self.loaded[name] if asked else [found], reverse=True):
            entry = answer.model_version_status.add(version=number, state="AVAILABLE")
            entry.status.error_message = ""
        return answer

    def metadata(self, name: str, version: int | None, label: str | None):
        number, loaded = self.find(name, version, label)
        answer = get_model_metadata_pb2.GetModelMetadataResponse()
        answer.model_spec.name, answer.model_spec.version.value = name, number
        signatures = get_model_metadata_pb2.SignatureDefMap()
        for signature, definition in loaded.signatures.items():
            signatures.signature_def[signature].CopyFrom(definition)
        answer.metadata["signature_def"].Pack(signatures)
        return answer


def parse_predict(body: bytes, loaded: LoadedVersion) -> tuple[str, dict[str, Any], bool]:
    """Read a request of the predict API: signature, inputs, whether it is in rows."""
    try:
        request = json.loads(body)
    except ValueError as error:
        raise invalid(f"JSON Parse error: {error}") from error
    signature = request.get("signature_name", "serving_default")
    if signature not in loaded.signatures:
        raise invalid(f"Serving signature name: {signature!r} not found in signature def")
    infos = loaded.signatures[signature].inputs
    rows, columns = request.get("instances"), request.get("inputs")
    if (rows is None) == (columns is None):
        raise invalid("expecting only one of 'inputs' or 'instances' keys to exist")
    if columns is not None:
        if len(infos) == 1 and not (isinstance(columns, dict) and "b64" not in columns):
            columns = {next(iter(infos)): columns}
        if missing := set(infos) - set(columns):
            raise invalid(f"Missing named input: {missing.pop()} in 'inputs' object.")
        return signature, {n: _tensor(columns[n], i.dtype) for n, i in infos.items()}, False
    if not isinstance(rows, list) or not rows:
        raise invalid("No values in 'instances' array")
    if not isinstance(rows[0], dict) or set(rows[0]) == {"b64"}:
        if len(infos) > 1:
            raise invalid("instances is a plain list, but expecting list of objects")
        rows = [{next(iter(infos)): row} for row in rows]
    for number, row in enumerate(rows):
        if set(row) != set(infos):
            raise invalid(f"Failed to process element: {number} of 'instances' list: its keys")
    return (
        signature,
        {name: _tensor([row[name] for row in rows], info.dtype) for name, info in infos.items()},
        True,
    )


def _tensor(value: Any, dtype: int) -> np.ndarray:
    is_string = tf.as_dtype(dtype) == tf.string
    plain = _plain(value, is_string)
    try:
        return np.array(plain, object if is_string else tf.as_dtype(dtype).as_numpy_dtype)
    except ValueError as error:
        raise invalid("Encountered list at unexpected size") from error


def _plain(value: Any, is_string: bool) -> Any:
    if isinstance(value, list):
        return [_plain(item, is_string) for item in value]
    if is_string and isinstance(value, str):
        return value.encode()
    if is_string and isinstance(value, dict) and set(value) == {"b64"}:
        try:
            return base64.b64decode(value["b64"], validate=True)
        except binascii.Error as error:
            raise invalid("Unable to base64 decode") from error
    if not is_string and isinstance(value, int | float) and not isinstance(value, bool):
        return value
    raise invalid(f"JSON Value: {value!r} is not of expected type")


def format_outputs(outputs: dict[str, np.ndarray], in_rows: bool) -> dict[str, Any]:
    columns = {name: values.tolist() for name, values in outputs.items()}
    only = next(iter(columns.values())) if len(columns) == 1 else None
    if not in_rows:
        return {"outputs": columns if only is None else only}
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return {"predictions": rows if only is None else only}


@contextmanager
def rest_server(models: Models):
    """Serve REST; yield the address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self._answer(None)

        def do_POST(self):
            self._answer(self.rfile.read(int(self.headers["Content-Length"])))

        def _answer(self, body):
            try:
                status, content = 200, self._content(body)
            except RefusedError as error:
                status, content = error.status, {"error": str(error)}
            data = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def _content(self, body):
            route = _ROUTE.match(self.path)
            if route is None or (route["what"] == ":predict") != (body is not None):
                raise invalid(f"Malformed request: {self.command} {self.path}")
            version = None if route["version"] is None else int(route["version"])
            asked = (route["name"], version, route["label"])
            if body is not None:
                loaded = models.find(*asked)[1]
                signature, inputs, in_rows = parse_predict(body, loaded)
                return format_outputs(loaded.run(signature, inputs), in_rows)
            if route["what"] == "/metadata":
                return _metadata_json(models.metadata(*asked))
            return json_format.MessageToDict(
                models.status(*asked), preserving_proto_field_name=True
            )

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def _metadata_json(answer) -> dict[str, Any]:
    signatures = get_model_metadata_pb2.SignatureDefMap()
    answer.metadata["signature_def"].Unpack(signatures)
    spec = json_format.MessageToDict(answer.model_spec, preserving_proto_field_name=True)
    found = json_format.MessageToDict(signatures, preserving_proto_field_name=True)
    return {"model_spec": spec, "metadata": {"signature_def": found}}


@contextmanager
def grpc_server(models: Models):
    """Serve gRPC; yield host and port."""

    def asked(spec):
        version = spec.version.value if spec.HasField("version") else None
        return spec.name, version, spec.version_label or None

    def guarded(method):
        def call(self, request, context):
            try:
                return method(request)
            except RefusedError as error:
                context.abort(error.code, str(error))

        return call

    def predict(request):
        loaded = models.find(*asked(request.model_spec))[1]
        signature = request.model_spec.signature_name or "serving_default"
        if signature not in loaded.signatures:
            raise invalid(f"Serving signature name: {signature!r} not found in signature def")
        inputs = {name: tf.make_ndarray(proto) for name, proto in request.inputs.items()}
        answer = predict_pb2.PredictResponse()
        for name, value in loaded.run(signature, inputs, request.output_filter).items():
            answer.outputs[name].CopyFrom(tf.make_tensor_proto(value))
        return answer

    class Predictions(prediction_service_pb2_grpc.PredictionServiceServicer):
        Predict = guarded(predict)
        GetModelMetadata = guarded(lambda request: models.metadata(*asked(request.model_spec)))

    class Status(model_service_pb2_grpc.ModelServiceServicer):
        GetModelStatus = guarded(lambda request: models.status(*asked(request.model_spec)))

    server = grpc.server(futures.ThreadPoolExecutor(max_workers=2))
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(Predictions(), server)
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(Status(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(None)
