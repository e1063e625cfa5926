"""Words on a command line that should mean photographs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from skinnet_keras.errors import UserError
from skinnet_keras.inference.photographs import (
    check_photograph,
    find_photographs,
    refuse_equal_stems,
)


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "photos"
    (folder / "below").mkdir(parents=True)
    (folder / "album.jpg").mkdir()
    for name in ("b.png", "a.JPG", "c.tiff", "below/d.png"):
        (folder / name).write_bytes(b"pixels")
    (folder / "empty.jpg").touch()
    (folder / "notes.txt").write_text("text")
    (folder / "._b.png").write_text("left by an archive")
    return folder


def test_a_folder_is_the_images_right_in_it(folder):
    found = find_photographs([folder / "b.png", folder, folder])
    assert [file.name for file in found.files] == ["b.png", "a.JPG", "c.tiff"]
    assert [Path(image.image).name for image in found.failed] == ["empty.jpg"]
    assert "4 images; left aside: 2 other files and 2 folders" in found.notes[0]


def test_files_are_given_without_a_note(folder):
    found = find_photographs([str(folder / "b.png")])
    assert (found.files, found.failed, found.notes) == ((folder / "b.png",), (), ())


@pytest.mark.parametrize("word", ["https://example.org/mole.jpg", "s3://bucket/mole.jpg"])
def test_an_address_is_no_path(word, folder):
    for given in (word, Path(word)):
        found = find_photographs([given, folder / "b.png"])
        assert [image.image for image in found.failed] == [str(given)]
        assert "is a URL: download the file" in found.failed[0].reason
        assert found.files == (folder / "b.png",)


def test_what_is_no_file_is_named_and_nothing_hangs(folder, tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "nothing").mkdir()
    (tmp_path / "link.jpg").symlink_to(tmp_path / "gone.jpg")
    words = {
        tmp_path / "pipe.jpg": "is a pipe or a device",
        tmp_path / "nothing": "is a folder that holds no JPEG, PNG, BMP or TIFF file",
        tmp_path / "link.jpg": "does not exist",
        tmp_path / "absent.png": "does not exist",
        folder / "b.png" / "c.png": "does not exist",
        folder / "empty.jpg": "is empty",
        tmp_path / ("n" * 300): "cannot be read: File name too long",
        f"{folder}/b\0.png": "holds a NUL character",
    }
    found = find_photographs(list(words))
    assert found.files == ()
    for image, (word, message) in zip(found.failed, words.items(), strict=True):
        assert image.image == str(word)
        assert message in image.reason
        assert "\n" not in image.reason


def test_a_folder_is_no_image():
    with pytest.raises(UserError, match="is a folder, not an image file"):
        check_photograph(Path("/"))


def test_equal_stems_would_write_one_file():
    refuse_equal_stems([Path("a/1.jpg"), Path("a/2.jpg")], "mask")
    with pytest.raises(UserError, match=r"a/1\.jpg and b/1\.png would write one mask file"):
        refuse_equal_stems([Path("a/1.jpg"), Path("b/1.png")], "mask")
