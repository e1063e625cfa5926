"""The page's icons."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
from PIL import Image

from skinnet_keras.serving.webapp.icons import write_icons


def test_icons_of_every_size_show_the_same_drawing(tmp_path):
    write_icons(tmp_path / "icons")
    sizes = {"icon-180": 180, "icon-192": 192, "icon-512": 512, "icon-maskable-512": 512}
    pictures = {}
    for name, size in sizes.items():
        with Image.open(tmp_path / f"icons/{name}.png") as image:
            assert image.size == (size, size)
            pictures[name] = np.asarray(image.convert("RGBA").resize((64, 64)), int)
    centre = slice(16, 48)
    for picture in pictures.values():
        difference = picture[centre, centre] - pictures["icon-512"][centre, centre]
        assert abs(difference).mean() < 4
    root = ElementTree.parse(tmp_path / "icons/icon.svg").getroot()  # noqa: S314
    assert root.get("viewBox") == "0 0 512 512"
    assert len(root) == 3


def test_only_icons_that_nobody_masks_have_clear_corners(tmp_path):
    write_icons(tmp_path / "icons")
    corners = {file.stem: Image.open(file).getpixel((0, 0))[3] for file in tmp_path.rglob("*.png")}
    assert corners == {"icon-180": 255, "icon-192": 0, "icon-512": 0, "icon-maskable-512": 255}


def test_the_maskable_icon_keeps_within_the_safe_zone(tmp_path):
    write_icons(tmp_path / "icons")
    with Image.open(tmp_path / "icons/icon-maskable-512.png") as image:
        pixels = np.asarray(image.convert("RGB"), int)
    drawn = abs(pixels - pixels[0, 0]).max(axis=2) > 8
    y, x = np.nonzero(drawn)
    assert np.hypot(x - 255.5, y - 255.5).max() < 0.4 * 512
