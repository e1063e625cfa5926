from __future__ import annotations

import pytest

from skinnet_keras.json_text import parse_json, read_json_file


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"\xff",
        b"\xed\xa0\x80",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"1" * 5000,
        b'{"a": -' + b"1" * 400 + b"}",
        rb'["\ud800"]',
        rb'{"\uDFFF": 1}',
    ],
    ids=range(10),
)
def test_whatever_cannot_be_read_is_a_value_error(text, tmp_path):
    (tmp_path / "x.json").write_bytes(text)
    with pytest.raises(ValueError):  # noqa: PT011 - the kind is the promise
        read_json_file(tmp_path / "x.json")


def test_what_can_be_read_is_what_json_says():
    assert parse_json(rb'{"a": [1, null, "\ud83d\ude00\u00e9"]}') == {"a": [1, None, "😀é"]}
    assert parse_json('"\\\\ud800"') == "\\ud800"
