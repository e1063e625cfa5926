"""How files are found: any spelling, three folders down, without what systems leave behind."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from layouts.pictures import write_text
from skinnet_keras.data.sources.files import find_file, find_folders, find_images, joined_stem
from skinnet_keras.errors import UserError


def test_images_in_any_spelling_without_litter(tmp_path):
    for name in ("a.JPG", "sub/b.tiff", "._a.jpg", "__MACOSX/c.jpg", ".cache/d.jpg", "LICENSE.txt"):
        write_text(tmp_path / "x" / "My Images" / name)
    write_text(tmp_path / "x" / "My Images" / "a_superpixels.png")
    write_text(tmp_path / "__MACOSX" / "My Images" / "e.jpg")
    assert find_images(tmp_path, "my images") == {
        "a": "x/My Images/a.JPG",
        "b": "x/My Images/sub/b.tiff",
    }


def test_shallow_files_first_and_names_in_order(tmp_path):
    for name in ("a/b/c/list.csv", "b/list.csv", "a/b/other.csv"):
        write_text(tmp_path / name)
    assert find_file(tmp_path, "list.csv") == tmp_path / "b" / "list.csv"
    assert find_file(tmp_path, "other.csv", "list.csv") == tmp_path / "a" / "b" / "other.csv"


def test_three_folders_down_and_no_further(tmp_path):
    write_text(tmp_path / "a" / "b" / "c" / "d" / "list.csv")
    assert find_folders(tmp_path, "c") == [tmp_path / "a" / "b" / "c"]
    assert find_folders(tmp_path, "d") == []
    with pytest.raises(UserError, match=r"has no file list\.csv: give the folder"):
        find_file(tmp_path, "list.csv")


def test_joined_stem():
    assert joined_stem(PurePosixPath("nevus/07.a.jpg")) == "nevus_07.a"
