"""What lies beside a model is used only where it can be true."""

from __future__ import annotations

import json

import pytest

from skinnet_keras.errors import UserError
from skinnet_keras.inference.sidecar import read_sidecar

GOOD = {"classes": ["a", "b"], "mask_threshold": 0.25}


def _read(tmp_path, content):
    text = content if isinstance(content, str) else json.dumps(content)
    (tmp_path / "metadata.json").write_text(text)
    return read_sidecar(tmp_path / "m.tflite")


def test_what_is_said_is_taken(tmp_path):
    decision = {"thresholds": {"b": 0.5, "a": 0.1}}
    sidecar = _read(tmp_path, GOOD | {"decision": decision, "cleaning": {"hair": True}})
    assert sidecar.classes == ("a", "b")
    assert sidecar.mask_threshold == 0.25
    assert sidecar.thresholds.values == (0.1, 0.5)
    assert sidecar.cleaning.steps == ("hair",)
    assert _read(tmp_path, GOOD).thresholds is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"classes": ["a", "a"]}, "names 'a' twice"),
        ({"classes": "ab"}, "must be a list of the classes' names"),
        ({"classes": []}, "must be a list"),
        ({"classes": ["a", 1]}, "must be a list"),
        ({"classes": ["a", " "]}, "must be a list"),
        ({"classes": None}, "must be a list"),
        ({"mask_threshold": float("nan")}, "between 0 and 1, not nan"),
        ({"mask_threshold": 1.5}, "between 0 and 1, not 1.5"),
        ({"mask_threshold": -0.5}, "between 0 and 1"),
        ({"mask_threshold": float("inf")}, "between 0 and 1"),
        ({"mask_threshold": "0.5"}, "between 0 and 1"),
        ({"mask_threshold": True}, "between 0 and 1"),
        ({"mask_threshold": None}, "between 0 and 1"),
        *[
            ({"decision": {"thresholds": {"a": 1, "b": value}}}, "number above 0 for each class")
            for value in (float("nan"), float("inf"), -1, 0, "x", None)
        ],
        ({"decision": {"thresholds": {"a": 1, "b": 10**400}}}, "holds a number of 401 digits"),
        ({"decision": {"thresholds": {"a": 1}}}, "number above 0 for each class"),
        ({"decision": {}}, "number above 0 for each class"),
        ({"cleaning": {"wash": True}}, "a cleaning that this version"),
        ({"cleaning": "hair"}, "a cleaning that this version"),
    ],
)
def test_what_cannot_be_true_is_refused(tmp_path, changes, message):
    with pytest.raises(UserError, match=message) as error:
        _read(tmp_path, GOOD | changes)
    assert "metadata.json" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", ["", "[]", "null", "{}", '{"classes": ["a"]}', "[" * 100_000])
def test_other_files_of_that_name_are_refused(tmp_path, text):
    with pytest.raises(UserError, match=r"metadata\.json is damaged"):
        _read(tmp_path, text)
