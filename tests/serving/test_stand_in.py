"""The stand-in refuses what api_rest.md refuses: else the client's tests would prove little."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request

import numpy as np
import pytest

from photograph_files import served_files
from skinnet_keras.serving.rest import request_body

INPUTS = {"image_bytes": [served_files()["jpeg"]], "age": [45.0], "sex": [""], "site": [""]}


def _post(url: str, body: bytes, path: str = "/v1/models/m_end_to_end:predict"):
    try:
        with urllib.request.urlopen(url + path, body) as answer:  # noqa: S310 - the stand-in's
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def _row(**changes) -> dict:
    body = request_body(INPUTS, "serve_image_bytes")
    body["instances"][0].update(changes)
    return body


def test_a_plain_request_as_a_web_page_sends_it(rest_url):
    status, answer = _post(rest_url, json.dumps(_row(age=45)).encode())
    assert status == 200
    (prediction,) = answer["predictions"]
    assert set(prediction) == {"diagnosis", "mask"}
    assert np.shape(prediction["mask"]) == (32, 32, 1)
    assert sum(prediction["diagnosis"]) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{", "JSON Parse error"),
        ({}, "only one of"),
        ({**_row(), "inputs": {}}, "only one of"),
        ({"instances": []}, "No values"),
        ({"signature_name": "serve_image_bytes", "instances": ["a"]}, "plain list"),
        ({"signature_name": "no", "instances": [1]}, "not found in signature def"),
        (_row(more=1), "process element: 0"),
        (_row(image_bytes={"b64": "!"}), "base64"),
        (_row(age="45"), "not of expected type"),
        (_row(age=None), "not of expected type"),
        (_row(sex=1), "not of expected type"),
        (_row(sex="femal"), r"femal.* is not known"),
        (_row(age=-3), "The age -3 is not a number of years"),
        (_row(image_bytes="text"), "neither a JPEG nor a PNG"),
    ],
)
def test_bad_requests_are_answered_with_400_and_a_reason(rest_url, body, message):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    status, answer = _post(rest_url, content)
    assert status == 400
    assert set(answer) == {"error"}
    assert re.search(message, answer["error"], re.DOTALL), answer
