"""Other models, other browsers and new versions of the page, in a headless Chromium."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from browser import chromium
from made_export import make_export
from photograph_files import ORIENTATION
from skinnet_keras.inference.prediction import predict_images
from skinnet_keras.inference.runners import open_runner
from skinnet_keras.serving.webapp import build
from skinnet_keras.serving.webapp.model import open_model
from skinnet_keras.taxonomy import CLASSES
from tiny_run import draw_picture, make_run
from webapp_visit import READY, STATUS, analyse, serving, without_from_image

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def browser():
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def picture(tmp_path_factory) -> Path:
    file = tmp_path_factory.mktemp("picture") / "lesion.png"
    Image.fromarray(draw_picture(5, (300, 400))[0]).save(file)
    return file


def _build(source: Path, litert: Path, out: Path) -> Path:
    with open_model(source, "float32") as model:
        return build.build_webapp(model, out, node_modules=litert).directory


def test_without_workers_and_relaxed_simd(export, litert, browser, picture, tmp_path):
    """The model runs in the page, on the runtime for older browsers, to the same numbers."""
    runner = open_runner(export / "tiny_v2_end_to_end_float32.tflite")
    [prediction] = predict_images(runner, [picture], age=20)
    page = browser.open_page()
    page.call(
        "Page.addScriptToEvaluateOnNewDocument",
        source="delete self.Worker;"
        "const {instantiate} = WebAssembly;"
        "WebAssembly.instantiate = (code, ...rest) => code.byteLength < 100"
        " ? Promise.reject(new WebAssembly.CompileError('not here'))"
        " : instantiate(code, ...rest);",
    )
    with serving(_build(export, litert, tmp_path / "page")) as site:
        page.go(site.url)
        assert page.wait(READY) == "page"
        assert analyse(page, picture, age=20) == pytest.approx(prediction.probabilities, abs=1e-3)
    assert f"{site.url}litert/litert_wasm_compat_internal.wasm" in browser.requests()


@pytest.mark.parametrize("default", ["from-image", "none"])
def test_browsers_that_do_not_know_from_image(export, litert, browser, picture, tmp_path, default):
    """Chrome before 112, Firefox before 111, Safari before 17."""
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    shaded = np.asarray(Image.open(picture)) * np.linspace(0.2, 1, 400)[None, :, None]
    turned = tmp_path / "turned.jpg"
    Image.fromarray(shaded.astype(np.uint8)).save(turned, exif=exif)
    [prediction] = predict_images(
        open_runner(export / "tiny_v2_end_to_end_float32.tflite"), [turned]
    )
    page = browser.open_page()
    page.call("Page.addScriptToEvaluateOnNewDocument", source=without_from_image(default))
    with serving(_build(export, litert, tmp_path / "page")) as site:
        page.go(site.url)
        page.wait(READY)
        assert analyse(page, turned) == pytest.approx(prediction.probabilities, abs=1e-3)
        size = "(({width, height}) => [width, height])(document.getElementById('photo-canvas'))"
        assert page.evaluate(size) == [300, 400]


def test_classifier_without_mask(litert, browser, picture, tmp_path):
    run = make_run(tmp_path / "v1", variant="v1", segmenter=False)
    [prediction] = predict_images(open_runner(run), [picture], sex="male")
    page = browser.open_page()
    with serving(_build(run, litert, tmp_path / "page")) as site:
        page.go(site.url)
        page.wait(READY)
        assert analyse(page, picture, sex="male") == pytest.approx(
            prediction.probabilities, abs=1e-3
        )
        assert page.evaluate("document.getElementById('figure').hidden")


@pytest.mark.parametrize("bound", [0.0, 1.01])
def test_abstention_and_thresholds(litert, browser, picture, tmp_path, bound):
    """A model that abstains where no class reaches a bound; thresholds that favour melanoma."""
    thresholds = {name: 1e-9 if name == "MEL" else 1.0 for name in CLASSES}
    folder = make_export(
        tmp_path / "export", abstain_below=bound, decision={"thresholds": thresholds}
    )
    page = browser.open_page()
    with serving(_build(folder, litert, tmp_path / "page")) as site:
        page.go(site.url)
        page.wait(READY)
        probabilities = analyse(page, picture)
        assert max(probabilities, key=probabilities.get) != "MEL"
        said = page.evaluate("document.getElementById('verdict').innerText")
        shown = page.evaluate("document.getElementById('probabilities').open")
        chosen = page.evaluate("document.querySelectorAll('#rows .chosen').length")
        if bound > 1:
            assert "The model is not sure" in said
            assert "%" not in said
            assert (shown, chosen) == (False, 0)
        else:
            assert said.startswith("Melanoma, ")
            assert "another diagnosis has a higher probability" in said
            assert (shown, chosen) == (True, 1)


def test_a_new_version_is_offered_and_loads_only_what_changed(
    export, litert, browser, tmp_path, monkeypatch
):
    built = _build(export, litert, tmp_path / "page")
    page = browser.open_page()
    with serving(built) as site:
        page.go(site.url)
        page.wait(READY)
        changed = tmp_path / "changed"
        shutil.copytree(build.PAGE, changed)
        strings = changed / "strings/en.json"
        strings.write_text(strings.read_text().replace('"Skin lesion analysis"', '"Changed"'))
        monkeypatch.setattr(build, "PAGE", changed)
        _build(export, litert, tmp_path / "page")
        site.asked.clear()
        page.go(site.url)
        # Still the old version, whole, until somebody asks for the new one.
        page.wait("document.querySelectorAll('#update button').length")
        page.wait(READY)
        assert page.evaluate("document.title") == "Skin lesion analysis"
        assert page.evaluate(STATUS) == "The model is ready, also without a network."
        assert sorted(site.asked) == ["index.html", "strings/en.json", "sw.js"]
        page.evaluate("document.querySelector('#update button').click()")
        page.wait(f"document.title === 'Changed' && {READY}")
        assert page.evaluate("document.getElementById('update').innerText") == ""
    kept = page.evaluate(
        "caches.keys().then(async ([name]) => (await (await caches.open(name)).keys())"
        ".map(({url}) => new URL(url).pathname))"
    )
    assert "/index.html" in kept
    assert len(kept) == len(set(kept))  # the old version's files are gone
