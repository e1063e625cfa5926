"""Photos are opened in the browser to the pixels of `skinnet predict`, or refused in a sentence."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from browser import chromium
from photograph_files import encode, served_files
from skinnet_keras.data.image_io import MAX_PIXELS, read_image, resize_image
from skinnet_keras.serving.webapp import build
from skinnet_keras.serving.webapp.model import open_model
from turned_files import packed_turned_files, turned_files
from webapp_visit import STATUS, serving, without_from_image

SIZE = 24

BROWSERS = {
    "today": "",
    "old, which turns": without_from_image("from-image"),
    "old, which does not": without_from_image("none"),
}

OPEN = """
(async () => {
  const {canOpenPhotos, modelPixels, openPhoto} = await import('./photo.js');
  const file = await (await fetch('files/%d')).blob();
  try {
    const photo = await openPhoto(new Blob([await file.arrayBuffer()]), %d);
    const pixels = Array.from(await modelPixels(photo, %d));
    return [await canOpenPhotos(), photo.width, photo.height, pixels];
  } catch (error) {
    return error.key ?? String(error);
  }
})()
"""


@pytest.fixture(scope="module")
def browser():
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, Path]:
    """Files by kind, beside the page's modules."""
    folder = tmp_path_factory.mktemp("modules")
    for module in build.PAGE.glob("*.js"):
        shutil.copy(module, folder)
    (folder / "index.html").write_text("<!doctype html>")
    (folder / "files").mkdir()
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (30, 40, 3), np.uint8))
    kinds = served_files() | turned_files() | {"bmp": encode(image, "BMP")}
    kinds |= {f"{name}, unread": content for name, content in packed_turned_files().items()}
    kinds["gif"], kinds["webp"] = encode(image, "GIF"), encode(image, "WEBP", lossless=True)
    kinds["half a jpeg"] = served_files()["jpeg"][:-300]
    paths = {}
    for number, (kind, content) in enumerate(kinds.items()):
        paths[kind] = folder / "files" / str(number)
        paths[kind].write_bytes(content)
    return paths


def _open(page, file: Path, limit: int = MAX_PIXELS):
    return page.evaluate(OPEN % (int(file.name), limit, SIZE))


@pytest.mark.parametrize("kind", BROWSERS)
def test_the_pixels_of_predict_or_a_sentence(browser, files, kind):
    refused = {}
    with serving(files["bmp"].parent.parent) as site:
        page = browser.open_page()
        page.call("Page.addScriptToEvaluateOnNewDocument", source=BROWSERS[kind])
        page.go(site.url)
        for name, file in files.items():
            found = _open(page, file)
            if isinstance(found, str):
                refused[name] = found
                continue
            able, width, height, pixels = found
            rgb = read_image(file)
            assert able
            assert (height, width) == rgb.shape[:2], name
            np.testing.assert_array_equal(
                np.reshape(pixels, (SIZE, SIZE, 3)), resize_image(rgb, SIZE), err_msg=name
            )
    alpha = ("alpha", "grey and alpha", "transparent palette", "transparent grey")
    alpha += ("16 bits, grey and alpha", "16 bits, colour and alpha")
    expected = dict.fromkeys(alpha, "error.transparent")
    expected |= {f"{name}, unread": "error.turned" for name in packed_turned_files()}
    expected |= dict.fromkeys(("gif", "webp", "half a jpeg"), "error.unreadable")
    assert refused == expected


def test_one_pixel_limit(browser, files):
    width, height = 64, 48
    with serving(files["bmp"].parent.parent) as site:
        page = browser.open_page()
        page.go(site.url)
        assert _open(page, files["jpeg 6"], width * height)[:3] == [True, height, width]
        assert _open(page, files["jpeg 6"], width * height - 1) == "error.large"


def test_a_browser_that_changes_colours_is_told_at_once(browser, export, fake_litert, tmp_path):
    """It takes no options, so that a colour profile would be obeyed."""
    with open_model(export, "float32") as model:
        folder = build.build_webapp(model, tmp_path / "page", node_modules=fake_litert).directory
    page = browser.open_page()
    page.call(
        "Page.addScriptToEvaluateOnNewDocument",
        source="const {createImageBitmap: today} = self;"
        "self.createImageBitmap = (source) => today(source);",
    )
    with serving(folder) as site:
        page.go(site.url)
        page.wait(f"{STATUS}.includes('Use a newer browser')")
