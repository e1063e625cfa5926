"""The page's resize is Pillow's, byte for byte."""

from __future__ import annotations

import json

import numpy as np
import PIL
import pytest

from skinnet_keras.data.image_io import resize_image

SCRIPT = """
import {readFileSync, writeFileSync} from 'node:fs';
import {PillowResizer} from './resize.js';
const {width, height, size, strip, source, target} = %s;
const rgba = new Uint8Array(readFileSync(source));
const resizer = new PillowResizer(width, height, size);
for (let y = 0; y < height; y += strip) {
  resizer.addRows(rgba.subarray(y * width * 4, Math.min(y + strip, height) * width * 4));
}
writeFileSync(target, resizer.finish());
console.log('null');
"""


def _resize(node, tmp_path, rgb: np.ndarray, size: int, strip: int) -> np.ndarray:
    height, width, _ = rgb.shape
    rgba = np.dstack([rgb, np.full((height, width), 255, np.uint8)])
    (tmp_path / "source").write_bytes(rgba.tobytes())
    arguments = {"width": width, "height": height, "size": size, "strip": strip}
    arguments |= {name: str(tmp_path / name) for name in ("source", "target")}
    node(SCRIPT % json.dumps(arguments))
    return np.fromfile(tmp_path / "target", np.uint8).reshape(size, size, 3)


@pytest.mark.parametrize(
    ("width", "height", "size"),
    [
        (600, 450, 224),
        (1023, 767, 224),
        (300, 224, 224),  # one axis stays
        (224, 224, 224),
        (31, 17, 224),  # larger in both
        (300, 50, 128),  # smaller across, larger down
        (1, 1, 32),
    ],
)
def test_equals_pillow_on_noise(node, tmp_path, width, height, size):
    rng = np.random.default_rng(width * height)
    rgb = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    found = _resize(node, tmp_path, rgb, size, strip=97)
    np.testing.assert_array_equal(found, resize_image(rgb, size))


@pytest.mark.parametrize(
    ("width", "height", "size"), [(321, 1999, 96), (300, 400, 224), (2, 3000, 32), (224, 300, 224)]
)
def test_tall_pictures_go_down_first_as_in_pillow_13(node, tmp_path, width, height, size):
    rng = np.random.default_rng(height)
    rgb = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    found = _resize(node, tmp_path, rgb, size, strip=41)
    tolerance = 0 if int(PIL.__version__.split(".")[0]) >= 13 else 1
    np.testing.assert_allclose(found, resize_image(rgb, size).astype(int), atol=tolerance, rtol=0)


def test_equals_pillow_at_the_ends_of_the_range(node, tmp_path):
    rng = np.random.default_rng(0)
    rgb = rng.choice(np.array([0, 255], np.uint8), (333, 517, 3))
    rgb[:, 250:] = 255
    found = _resize(node, tmp_path, rgb, 64, strip=333)
    np.testing.assert_array_equal(found, resize_image(rgb, 64))
    assert found.max() == 255


def test_missing_rows_are_an_error(node):
    script = """
import {PillowResizer} from './resize.js';
const resizer = new PillowResizer(4, 4, 2);
resizer.addRows(new Uint8Array(4 * 4 * 3));
let said = null;
try { resizer.finish(); } catch (error) { said = error.message; }
console.log(JSON.stringify(said));
"""
    assert node(script) == "3 of 4 rows were given"
