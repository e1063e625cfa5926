"""Files decoded inside the graph are those that Pillow decodes, and bad ones are told."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from photograph_files import cmyk_without_adobe, encode, served_files
from skinnet_keras.data.image_io import read_image, resize_image
from skinnet_keras.export.image_bytes import decode
from skinnet_keras.export.image_bytes.decode import canonical_image
from turned_files import turned_files

SIZE = 24


@pytest.fixture(scope="module")
def in_graph():
    specs = [tf.TensorSpec((), tf.string), tf.TensorSpec((), tf.int32)]
    return tf.function(lambda content, row: canonical_image(content, row, SIZE), specs)


@pytest.mark.parametrize("kind", served_files() | turned_files())
def test_every_kind_of_file_gives_the_canonical_image(in_graph, tmp_path, kind):
    content = (served_files() | turned_files())[kind]
    (tmp_path / "file").write_bytes(content)
    expected = resize_image(read_image(tmp_path / "file"), SIZE)
    image = in_graph(content, 0)
    assert (image.dtype, image.shape) == (tf.float32, (SIZE, SIZE, 3))
    np.testing.assert_array_equal(image, expected)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"image_bytes\[3\] is neither a JPEG nor a PNG file"),
        (b"GIF89a", r"image_bytes\[3\] is neither"),
        (served_files()["png"][:10], r"image_bytes\[3\] is neither"),
        (served_files()["png"][:200], "Invalid PNG data"),
        (served_files()["jpeg"][:200], "Invalid JPEG data"),
        (served_files()["jpeg"][:-200], "JPEG"),
        (cmyk_without_adobe(), r"image_bytes\[3\] is a CMYK file that does not say its polarity"),
        (encode(Image.new("1", (20000, 20000)), "PNG"), r"image_bytes\[3\] has 400000000 pixels"),
    ],
)
def test_bad_files_fail_with_invalid_argument(in_graph, content, message):
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        in_graph(content, 3)


def test_a_large_jpeg_is_refused_before_it_is_decoded(monkeypatch):
    monkeypatch.setattr(decode, "MAX_PIXELS", 100)
    with pytest.raises(tf.errors.InvalidArgumentError, match="more than the limit of 100"):
        canonical_image(tf.constant(served_files()["jpeg"]), tf.constant(0), SIZE)


def test_real_photographs_are_decoded_and_resized_to_pillows_pixels(in_graph, real_data):
    files = sorted(real_data.glob("*/*/*.jpg"))
    assert files
    for file in files[:: len(files) // 24]:
        expected = resize_image(read_image(file), SIZE).astype(int)
        difference = np.abs(in_graph(file.read_bytes(), 0).numpy() - expected)
        assert difference.max() <= 1, file
        height, width, _ = read_image(file).shape
        if width >= height:
            assert difference.max() == 0, file
