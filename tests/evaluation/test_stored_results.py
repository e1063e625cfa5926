"""Results that are read only with the weights they are of."""

from __future__ import annotations

import json

import pytest

from skinnet_keras.evaluation.stored_results import UnusableResultError, read_result, write_result

WEIGHTS = {"best.keras": "ab", "segmenter.keras": "cd"}


def test_written_and_read_again(tmp_path):
    path = tmp_path / "new" / "result.json"
    write_result(path, {"n": 3}, WEIGHTS)
    assert read_result(path, WEIGHTS) == {"weights": WEIGHTS, "n": 3}
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_result(path, {"n": float("nan")}, WEIGHTS)
    assert read_result(path, WEIGHTS)["n"] == 3


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "there is no result.json"),
        ("{", "result.json is damaged"),
        ("[1]", "result.json is damaged"),
        ('{"n": 3}', "result.json does not say which weights it is of"),
        (json.dumps({"weights": WEIGHTS | {"best.keras": "xy"}}), "is of other weights"),
        (json.dumps({"weights": {"best.keras": "ab"}}), "is of other weights"),
    ],
)
def test_what_cannot_be_used_says_why_without_naming_the_folder(tmp_path, text, reason):
    path = tmp_path / "result.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UnusableResultError, match=reason) as caught:
        read_result(path, WEIGHTS)
    assert str(tmp_path) in str(caught.value)
    assert str(tmp_path) not in caught.value.reason
