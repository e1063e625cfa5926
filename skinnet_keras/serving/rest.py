"""Client of TensorFlow Serving's REST API, with nothing but the standard library and NumPy.

https://www.tensorflow.org/tfx/serving/api_rest; the port is 8501 by default.
"""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from http.client import HTTPException
from typing import Any

import numpy as np

from skinnet_keras.errors import UserError
from skinnet_keras.json_text import parse_json
from skinnet_keras.serving.served_model import (
    Description,
    ServedModel,
    ServingClient,
    Signature,
    wanted_outputs,
)

DEFAULT_TIMEOUT = 60.0


class RestClient(ServingClient):
    """Predicts over HTTP.

    Args:
        url: Address of the server, such as "http://localhost:8501"; a path before `/v1` is kept.
        model: The model.
        timeout: Seconds to wait for an answer.
        columnar: Whether requests go in columns (`inputs`) instead of rows (`instances`): one
            list an input instead of one object an image. The answer is the same.

    Raises:
        UserError: The address is not one of HTTP.
    """

    def __init__(
        self,
        url: str,
        model: ServedModel,
        *,
        timeout: float = DEFAULT_TIMEOUT,
        columnar: bool = False,
    ) -> None:
        super().__init__(url.rstrip("/"), model, timeout)
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise UserError(f"{url!r} is no address like http://localhost:8501.")
        self._columnar = columnar

    def versions(self) -> dict[int, str]:
        answer = self._get(self._path())
        with self._as_documented():
            states = answer["model_version_status"]
            return {int(state["version"]): str(state["state"]) for state in states}

    def predict(
        self,
        inputs: Mapping[str, Any],
        signature: str,
        *,
        outputs: Sequence[str] | None = None,
    ) -> dict[str, np.ndarray]:
        body = request_body(inputs, signature, columnar=self._columnar)
        answer = self._get(f"{self._path()}:predict", body)
        names = tuple(self.signature(signature).outputs)
        with self._as_documented():
            part = answer["outputs" if self._columnar else "predictions"]
            return wanted_outputs(_named_arrays(part, names), outputs)

    def _describe(self) -> Description:
        answer = self._get(f"{self._path()}/metadata")
        with self._as_documented():
            found = answer["metadata"]["signature_def"]["signature_def"]
            signatures = {
                name: Signature(_shapes(entry.get("inputs", {})), _shapes(entry.get("outputs", {})))
                for name, entry in found.items()
            }
            return Description(int(answer["model_spec"]["version"]), signatures)

    def _path(self) -> str:
        path = f"/v1/models/{urllib.parse.quote(self.model.name, safe='')}"
        if self.model.version is not None:
            return f"{path}/versions/{self.model.version}"
        if self.model.label is not None:
            return f"{path}/labels/{urllib.parse.quote(self.model.label, safe='')}"
        return path

    def _get(self, path: str, body: dict[str, Any] | None = None) -> Any:
        try:
            data = None if body is None else json.dumps(body, allow_nan=False).encode()
        except ValueError as error:
            raise UserError(
                "NaN and infinity cannot be sent to a REST API: JSON has no word for them."
            ) from error
        request = urllib.request.Request(  # noqa: S310 - the scheme was checked
            self.address + path, data, {"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=self.timeout) as answer:  # noqa: S310
                content = answer.read()
        except urllib.error.HTTPError as error:
            with error:
                raise self._refusal(error.code, error.read()) from error
        except TimeoutError as error:
            raise self._too_slow() from error
        except (OSError, ValueError, HTTPException) as error:  # URLError is an OSError
            reason = getattr(error, "reason", error)
            if isinstance(reason, TimeoutError):
                raise self._too_slow() from error
            raise self._unreachable(reason) from error
        try:
            return parse_json(content)
        except ValueError as error:
            raise self._foreign() from error

    def _refusal(self, status: int, content: bytes) -> UserError:
        try:
            message = str(parse_json(content)["error"])
        except (ValueError, KeyError, TypeError):
            return UserError(
                f"{self.address} answers with HTTP status {status} and does not say why: is "
                "TensorFlow Serving's REST API there?"
            )
        if status == 404:
            return self._no_such_model(message)
        return self._refused(message)


def request_body(
    inputs: Mapping[str, Any], signature: str, *, columnar: bool = False
) -> dict[str, Any]:
    """Write a request of the predict API.

    Args:
        inputs: Name -> array (B, ...), or list of B words or files, for every input.
        signature: Name of the signature.
        columnar: Whether in columns (`inputs`) instead of rows (`instances`).

    Returns:
        Plain JSON values; files are `{"b64": ...}`.
    """
    columns = {name: [_plain(value) for value in values] for name, values in inputs.items()}
    if columnar:
        return {"signature_name": signature, "inputs": columns}
    rows = zip(*columns.values(), strict=True)
    instances = [dict(zip(columns, row, strict=True)) for row in rows]
    return {"signature_name": signature, "instances": instances}


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"b64": base64.b64encode(value).decode("ascii")}
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value


def _named_arrays(part: Any, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Arrays of an answer in rows or columns; a model with one output leaves its name out."""
    if len(names) == 1:
        return {names[0]: np.array(part, np.float32)}
    if isinstance(part, dict):
        return {name: np.array(part[name], np.float32) for name in names}
    return {name: np.array([row[name] for row in part], np.float32) for name in names}


def _shapes(tensors: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    return {
        name: tuple(int(dim["size"]) for dim in info.get("tensor_shape", {}).get("dim", []))
        for name, info in tensors.items()
    }
