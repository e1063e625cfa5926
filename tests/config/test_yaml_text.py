"""YAML of strangers: plain values, or one sentence that names the file and the line."""

from __future__ import annotations

import itertools
import os

import pytest

from skinnet_keras.config.yaml_text import parse_yaml, read_yaml
from skinnet_keras.errors import UserError

DEEP = "[" * 40 + "]" * 40
BOMB = "a: &a [1,1,1,1,1,1,1,1,1]\n" + "".join(
    f"{new}: &{new} [{','.join([f'*{old}'] * 9)}]\n" for old, new in itertools.pairwise("abcdefghi")
)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("a: 1\nb: 2\na: 3\n", "line 3, column 1: the key 'a' is there twice: keep one"),
        ("s: {b: 1, c: 2, b: 3}", "the key 'b' is there twice"),
        ("seed: " + "1" * 5000, "line 1, column 7: '1111111111111111111111111111111111111...'"),
        (f"a: {DEEP}", "nested deeper than 32 levels"),
        ("a: " + "[" * 5000, "nested deeper than 32 levels"),
        ("a: &x [*x]", "an anchor holds itself"),
        (BOMB, "more than 20,000 values"),
        ("a:\tb: 1", "line 1"),
        ("a: 1\n\tb: 2", "line 2"),
        ("a: \x00", "line 1"),
        ('a: "\\0"', "holds a character that is no text"),
        ('a: "\\ud800"', "holds a character that is no text"),
        ("a: !!timestamp soon", "the tag"),
        ("a: !!python/object/apply:os.system [ls]", "the tag"),
        ("a: !!binary aGk=", "the tag"),
        ("a: !!bool maybe", "'maybe' cannot be read as bool"),
        ("a: !!int ''", "cannot be read as int"),
        ("a: !!str {b: 1}", "line 1"),
        ("1: a", "the key '1' is no text: quote it"),
        ("? [a]\n: b", "is no text: quote it"),
        ("a: *b", "undefined alias 'b'"),
        ("a: 1\n---\nb: 2", "another document"),
        ("a: [1, 2", "line 1, column 9"),
    ],
)
def test_what_is_no_plain_yaml_is_one_sentence_with_its_line(text, part):
    with pytest.raises(UserError) as error:
        parse_yaml(text, "config c.yaml")
    sentence = str(error.value)
    assert part in sentence
    assert sentence.startswith("config c.yaml is not valid YAML: ")
    assert "\n" not in sentence
    assert len(sentence) < 320


def test_values_are_plain_and_dates_stay_text():
    text = "a: 1e-3\nb: [1, 2.5, true, null, x]\nc: {d: 2024-13-45, e: 2024-01-02, f: ''}\n"
    assert parse_yaml(text, "x") == {
        "a": "1e-3",  # YAML 1.1: no float without a dot; whoever needs a number reads it as one
        "b": [1, 2.5, True, None, "x"],
        "c": {"d": "2024-13-45", "e": "2024-01-02", "f": ""},
    }
    assert parse_yaml("", "x") is None


def test_what_shares_an_anchor_can_be_changed_alone():
    value = parse_yaml("a: &a {x: [1]}\nb: *a\nc: {<<: *a, y: 2}\nd: {<<: *a, x: 3}\n", "x")
    value["a"]["x"].append(2)
    assert value == {
        "a": {"x": [1, 2]},
        "b": {"x": [1]},
        "c": {"x": [1], "y": 2},
        "d": {"x": 3},
    }


def test_files_that_cannot_be_read(tmp_path):
    (tmp_path / "latin.yaml").write_bytes("name: grün".encode("latin-1"))
    (tmp_path / "binary.yaml").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)))
    with (tmp_path / "huge.yaml").open("wb") as file:
        file.truncate(100_000_000)
    (tmp_path / "dangling.yaml").symlink_to(tmp_path / "gone")
    os.mkfifo(tmp_path / "pipe.yaml")
    for name, part in {
        "latin.yaml": "is no UTF-8 text",
        "binary.yaml": "is no UTF-8 text",
        "huge.yaml": "has 100,000,000 bytes",
        "dangling.yaml": "No such file",
        "pipe.yaml": "is no regular file",
        ".": "is a folder",
        "x" * 300: "File name too long",
        "nul\0": "null byte",
    }.items():
        with pytest.raises(UserError, match=part) as error:
            read_yaml(tmp_path / name, "config")
        assert "\n" not in str(error.value)


def test_a_byte_order_mark_is_no_part_of_the_first_key(tmp_path):
    (tmp_path / "c.yaml").write_bytes(b"\xef\xbb\xbfa: 1\n")
    assert read_yaml(tmp_path / "c.yaml", "config") == {"a": 1}
