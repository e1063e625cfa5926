"""The page finds how a photo lies in its file as Pillow does, and decodes it without that."""

from __future__ import annotations

import base64
import io
import json

import numpy as np
import pytest
from PIL import Image

from photograph_files import ORIENTATION, encode, served_files
from tiny_run import draw_picture
from turned_files import packed_turned_files, turned_files

SCRIPT = """
import {takeOrientation} from './orientation.js';
const found = %s.map((text) => {
  const taken = takeOrientation(new Uint8Array(Buffer.from(text, 'base64')));
  return taken && [taken.orientation, Buffer.concat(taken.parts).toString('base64')];
});
console.log(JSON.stringify(found));
"""


@pytest.fixture
def take(node):
    def run(files: list[bytes]) -> list[tuple[int | None, bytes] | None]:
        found = node(SCRIPT % json.dumps([base64.b64encode(file).decode() for file in files]))
        return [taken and (taken[0], base64.b64decode(taken[1])) for taken in found]

    return run


def _orientation(content: bytes) -> int:
    """Pillow's, 1 where it turns nothing."""
    with Image.open(io.BytesIO(content)) as image:
        found = image.getexif().get(ORIENTATION, 1)
    return found if found in range(2, 9) else 1


def test_every_way_of_saying_it(take):
    files = turned_files()
    assert {_orientation(content) for content in files.values()} == set(range(1, 9))
    for (name, content), taken in zip(files.items(), take(list(files.values())), strict=True):
        orientation, rest = taken
        assert orientation == _orientation(content), name
        with Image.open(io.BytesIO(rest)) as image, Image.open(io.BytesIO(content)) as whole:
            np.testing.assert_array_equal(np.asarray(image), np.asarray(whole), err_msg=name)
            # What an image decoder could still find is in a PNG's text, where none looks.
            assert image.info.get("exif") is None, name


def test_files_that_say_nothing_stay_as_they_are(take):
    files = [*served_files().values(), encode(Image.fromarray(draw_picture(1)[0]), "BMP")]
    for content, taken in zip(files, take(files), strict=True):
        assert taken == (1, content)


def test_what_cannot_be_unpacked_is_told(take):
    files = packed_turned_files()
    assert {_orientation(content) for content in files.values()} == {6}
    assert [taken[0] for taken in take(list(files.values()))] == [None] * len(files)


def test_formats_that_predict_does_not_read(take):
    image = Image.fromarray(draw_picture(1)[0])
    others = [encode(image, name) for name in ("GIF", "WEBP", "TIFF")]
    assert take([b"", b"\xff", b"<svg/>", *others]) == [None] * 6


def test_damaged_headers_are_no_error(take):
    """Cut off or changed anywhere: an orientation or null, never an exception."""
    rng = np.random.default_rng(0)
    files = []
    for content in (turned_files()["jpeg, big endian"], turned_files()["png 6"]):
        files += [content[:length] for length in range(2, 140, 3)]
        for _ in range(60):
            changed = bytearray(content)
            changed[rng.integers(2, 140)] = rng.integers(256)
            files.append(bytes(changed))
    for taken in take(files):
        assert taken is None or taken[0] is None or 1 <= taken[0] <= 8
