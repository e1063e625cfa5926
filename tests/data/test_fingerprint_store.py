"""Fingerprints come back from disk as they were, and only for files that have not changed."""

from __future__ import annotations

import os
from dataclasses import fields

import numpy as np
import pytest

from layouts import HEIGHT, picture, save_image, save_mask
from skinnet_keras.data import fingerprint_store
from skinnet_keras.data.fingerprint_store import FingerprintStore, file_key
from skinnet_keras.data.fingerprints import fingerprint


@pytest.fixture
def prints(tmp_path):
    save_image(tmp_path / "a.png", picture(0))
    save_image(tmp_path / "b.png", picture(1))
    save_mask(tmp_path / "mask.png", width=HEIGHT)
    return {
        "a": fingerprint(tmp_path / "a.png"),
        "b": fingerprint(tmp_path / "b.png", tmp_path / "mask.png"),
    }


def assert_equal(left, right):
    for field in fields(left):
        a, b = getattr(left, field.name), getattr(right, field.name)
        assert type(a) is type(b), field.name
        np.testing.assert_array_equal(a, b)


def test_round_trip(tmp_path, prints):
    store = FingerprintStore(tmp_path / "store")
    for key, item in prints.items():
        store.add(key, item)
    store.flush()
    again = FingerprintStore(tmp_path / "store")
    for key, item in prints.items():
        assert_equal(again.get(key), item)
    assert again.get("b").mask_error
    assert again.get("c") is None


def test_written_from_time_to_time_without_flush(tmp_path, prints, monkeypatch):
    monkeypatch.setattr(fingerprint_store, "ROWS_A_FILE", 2)
    store = FingerprintStore(tmp_path / "store")
    store.add("a", prints["a"])
    assert not list((tmp_path / "store").glob("*.npz"))
    store.add("b", prints["b"])
    assert [path.suffix for path in (tmp_path / "store").iterdir()] == [".npz"]
    store.add("c", prints["a"])
    again = FingerprintStore(tmp_path / "store")
    for key, name in (("a", "a"), ("b", "b"), ("c", "a")):
        assert_equal(again.get(key), prints[name])


def test_nothing_measured_is_lost_with_a_killed_process(tmp_path, prints):
    store = FingerprintStore(tmp_path / "store")
    store.add("a", prints["a"])
    store.add("b", prints["b"])
    # Killed while it wrote the third: no flush, and half a line.
    (journal,) = (tmp_path / "store").iterdir()
    lines = journal.read_bytes()
    journal.write_bytes(lines + b"\n" + lines.splitlines()[-1][:100])
    again = FingerprintStore(tmp_path / "store")
    again.add("c", prints["a"])
    third = FingerprintStore(tmp_path / "store")
    for key, name in (("a", "a"), ("b", "b"), ("c", "a")):
        assert_equal(third.get(key), prints[name])
    third.keep_only(["a", "c"])
    assert [path.suffix for path in (tmp_path / "store").iterdir()] == [".npz"]
    assert FingerprintStore(tmp_path / "store").get("b") is None
    assert_equal(FingerprintStore(tmp_path / "store").get("c"), prints["a"])


def test_keep_only_forgets_the_rest(tmp_path, prints):
    store = FingerprintStore(tmp_path / "store")
    store.add("a", prints["a"])
    store.flush()
    store.add("b", prints["b"])
    store.keep_only(["b", "absent"])
    again = FingerprintStore(tmp_path / "store")
    assert again.get("a") is None
    assert_equal(again.get("b"), prints["b"])


def test_other_versions_and_damaged_files_count_as_absent(tmp_path, prints, monkeypatch):
    store = FingerprintStore(tmp_path / "store")
    store.add("a", prints["a"])
    store.flush()
    monkeypatch.setattr(fingerprint_store, "FINGERPRINT_VERSION", 10**6)
    assert FingerprintStore(tmp_path / "store").get("a") is None
    monkeypatch.undo()
    (path,) = (tmp_path / "store").iterdir()
    path.write_bytes(path.read_bytes()[:100])
    assert FingerprintStore(tmp_path / "store").get("a") is None


def test_key_follows_image_and_mask_but_not_the_root(tmp_path):
    for folder in ("here", "there"):
        save_image(tmp_path / folder / "a.png", picture(0))
        save_mask(tmp_path / folder / "m.png")
        for name in ("a.png", "m.png"):
            os.utime(tmp_path / folder / name, (1, 1))
    key = file_key("s", tmp_path / "here", "a.png", "m.png")
    assert key == file_key("s", tmp_path / "there", "a.png", "m.png")
    assert key != file_key("t", tmp_path / "here", "a.png", "m.png")
    assert key != file_key("s", tmp_path / "here", "a.png", "")
    os.utime(tmp_path / "there" / "m.png", (2, 2))
    assert key != file_key("s", tmp_path / "there", "a.png", "m.png")
