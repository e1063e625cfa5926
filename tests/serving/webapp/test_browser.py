"""The built page in a headless Chromium: the same numbers, no network, no leak, for everybody."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from browser import chromium
from skinnet_keras.inference.prediction import predict_images
from skinnet_keras.inference.runners import open_runner
from skinnet_keras.serving.webapp.build import build_webapp
from skinnet_keras.serving.webapp.model import open_model
from tiny_run import draw_picture
from webapp_visit import READY, STATUS, analyse, fill_form, serving

TOLERANCE = 1e-3  # of probability

PATIENTS = (
    {},
    {"age": 71, "sex": "male", "site": "head/neck"},
    {"age": 0, "sex": "female", "site": "palms/soles"},
)


@pytest.fixture(scope="module")
def built(export, litert, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("built") / "page"
    with open_model(export, "float32") as model:
        build_webapp(model, out, node_modules=litert)
    return out


@pytest.fixture(scope="module")
def address(built):
    with serving(built) as site:
        yield site.url


@pytest.fixture(scope="module")
def browser():
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def page(browser, address):
    """A page whose model is ready."""
    page = browser.open_page()
    page.emulate(390, 844, mobile=True)
    page.go(address)
    page.wait(READY)
    return page


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> dict[str, Path]:
    """Lesions of several sizes as PNG, JPEG, and JPEG that lies on its side."""
    folder = tmp_path_factory.mktemp("pictures")
    png, _ = draw_picture(7, (450, 600))
    Image.fromarray(png).save(folder / "lesion.png")
    jpeg, _ = draw_picture(3, (901, 701))
    Image.fromarray(jpeg).save(folder / "lesion.jpg", quality=92)
    turned = Image.Exif()
    turned[0x0112] = 6
    # Brighter to one side: turned the wrong way, it gives other numbers.
    shaded = jpeg * np.linspace(0.2, 1, 701)[None, :, None]
    Image.fromarray(shaded.astype(np.uint8)).save(folder / "turned.jpg", exif=turned)
    return {file.name: file for file in folder.iterdir()}


@pytest.fixture(scope="module")
def runner(export):
    return open_runner(export / "tiny_v2_end_to_end_float32.tflite")


def test_page_gives_the_probabilities_of_python(page, pictures, runner):
    assert page.evaluate(READY) == "worker"
    found, expected = [], []
    for patient in PATIENTS:
        for picture in pictures.values():
            [prediction] = predict_images(runner, [picture], **patient)
            shown = analyse(page, picture, **patient)
            found.append([shown[name] for name in runner.classes])
            expected.append([prediction.probabilities[name] for name in runner.classes])
    # Numbers that hardly change would agree by themselves.
    assert np.ptp(expected, axis=0).max() > 0.1
    np.testing.assert_allclose(found, expected, atol=TOLERANCE, rtol=0)


def test_outline_covers_the_lesion_of_python(page, pictures, runner):
    [prediction] = predict_images(runner, [pictures["lesion.png"]])
    analyse(page, pictures["lesion.png"])
    drawn = page.evaluate(
        "(() => { const canvas = document.getElementById('mask-canvas');"
        " const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);"
        " return data.filter((value, i) => i % 4 === 3 && value > 0).length"
        " / (canvas.width * canvas.height); })()"
    )
    assert drawn == pytest.approx((prediction.mask >= runner.mask_threshold).mean(), abs=0.01)
    hidden = "getComputedStyle(document.getElementById('mask-canvas')).display === 'none'"
    assert not page.evaluate(hidden)
    page.evaluate("document.getElementById('show-mask').click()")
    assert page.evaluate(hidden)
    page.evaluate("document.getElementById('show-mask').click()")


def test_no_request_leaves_the_origin(page, browser, address, pictures):
    analyse(page, pictures["lesion.jpg"], age=40)
    asked = browser.requests()
    assert any(url.endswith(".tflite") for url in asked)
    assert any(url.endswith("litert_wasm_internal.wasm") for url in asked)
    assert not [url for url in asked if not url.removeprefix("blob:").startswith(address)]
    assert not [text for text in browser.messages() if "Content Security Policy" in text]


def test_policy_stops_page_and_worker(page, browser, address):
    """The server sends no policy: the page has its own, the worker that of the service worker."""
    workers = [
        parameters["sessionId"]
        for _, method, parameters in browser.events
        if method == "Target.attachedToTarget" and parameters["targetInfo"]["type"] == "worker"
    ]
    other = address.replace("127.0.0.1", "127.0.0.2")
    script = f"fetch('{other}').then(() => 'left', (error) => String(error))"
    assert "Failed to fetch" in page.evaluate(script)
    answer = browser.call(
        "Runtime.evaluate", workers[-1], expression=script, awaitPromise=True, returnByValue=True
    )
    assert "Failed to fetch" in answer["result"]["value"]
    browser.listen(0.5)
    refused = [text for text in browser.messages() if other in text and "connect-src" in text]
    assert len(refused) >= 2


def test_result_is_announced_and_takes_the_focus(page, pictures):
    analyse(page, pictures["lesion.png"], age=50)
    assert page.evaluate("document.activeElement.id") == "result-title"
    said = page.evaluate("document.querySelector('#verdict[role=status]').innerText")
    assert "%" in said
    assert "most probable" in said
    # It is taken away as soon as it is no longer that of the form.
    fill_form(page, pictures["lesion.png"], age=51)
    assert page.evaluate("document.getElementById('details').hidden")
    assert page.evaluate("document.getElementById('verdict').innerText") == ""


def test_every_control_has_a_name_and_none_a_second_id(page, pictures):
    analyse(page, pictures["lesion.png"])
    nodes = page.call("Accessibility.getFullAXTree")["nodes"]
    roles = {"button", "checkbox", "combobox", "spinbutton", "link", "textbox", "image"}
    controls = [
        (node["role"]["value"], node.get("name", {}).get("value", ""))
        for node in nodes
        if not node.get("ignored") and node["role"]["value"] in roles
    ]
    found = {role for role, _ in controls}
    assert {"button", "checkbox", "combobox", "image", "link", "spinbutton"} <= found
    assert not [control for control in controls if not control[1].strip()]
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(({id}) => id)")
    assert len(ids) == len(set(ids))
    referred = page.evaluate(
        "[...document.querySelectorAll('[aria-describedby], [aria-labelledby], [for]')].flatMap("
        "(e) => ['aria-describedby', 'aria-labelledby', 'for']"
        ".flatMap((name) => (e.getAttribute(name) ?? '').split(' ').filter(Boolean)))"
    )
    assert set(referred) <= set(ids)


def test_keyboard_alone_goes_through_the_page_in_order(page, address, pictures):
    page.go(address)
    page.wait(READY)
    visited = []
    for _ in range(12):
        page.press("Tab")
        visited.append(
            page.evaluate(
                "(({id, dataset, className}) => id || dataset.language || className)"
                "(document.activeElement)"
            )
        )
    order = ["skip", "en", "ru", "photo-file", "photo-camera", "age", "sex", "site", "analyse"]
    assert visited[: len(order)] == order
    # No photo: the sentence is an alert, and the focus goes to where it can be chosen.
    page.evaluate("document.getElementById('analyse').focus()")
    page.press("Enter")
    page.wait("document.getElementById('error').textContent === 'Choose a photo first.'")
    assert page.evaluate("document.activeElement.id") == "photo-file"
    for age in ("-5", "1e1", "200"):
        fill_form(page, pictures["lesion.png"], age=age)
        page.evaluate("document.getElementById('analyse').focus()")
        page.evaluate("document.getElementById('age').setAttribute('aria-invalid', 'false')")
        page.press("Enter")
        page.wait("document.getElementById('age').getAttribute('aria-invalid') === 'true'")
    assert page.evaluate("document.activeElement.id") == "age"
    assert "120" in page.evaluate("document.getElementById('age-error').textContent")


def test_language_is_remembered(page, address):
    page.evaluate("document.querySelector('[data-language=ru]').click()")
    page.wait("document.documentElement.lang === 'ru'")
    page.go(address)
    page.wait("document.documentElement.lang === 'ru' && document.title.startsWith('Анализ')")
    shown = page.evaluate("document.body.innerText")
    assert "Не медицинское изделие" in shown  # noqa: RUF001
    assert "Not a medical device" not in shown
    site = "document.querySelector('#site option[value=\"head/neck\"]').text"
    page.wait(f"{site} === 'Голова или шея'")
    page.evaluate("document.querySelector('[data-language=en]').click()")
    page.wait("document.documentElement.lang === 'en'")


@pytest.mark.parametrize(("width", "height"), [(320, 640), (390, 844), (1280, 800)])
def test_nothing_is_wider_than_the_window(page, pictures, width, height):
    page.wait(READY)
    page.emulate(width, height, mobile=width < 1000)
    for language in ("ru", "en"):
        page.evaluate(f"document.querySelector('[data-language={language}]').click()")
        page.wait(f"document.documentElement.lang === '{language}'")
        analyse(page, pictures["turned.jpg"])
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_pictures_it_cannot_use_are_refused_in_a_sentence(page, tmp_path):
    page.wait(READY)
    (tmp_path / "text.jpg").write_text("no picture")
    Image.new("RGBA", (40, 30), (200, 150, 130, 90)).save(tmp_path / "clear.png")
    Image.new("1", (10_000, 6_401)).save(tmp_path / "large.png")
    said = "document.getElementById('error').textContent"
    page.choose_file("#photo-file", tmp_path / "text.jpg")
    page.wait(f"{said}.includes('cannot be opened')")
    page.choose_file("#photo-file", tmp_path / "large.png")
    page.wait(f"{said}.includes('6401 pixels, more than the 64 million')")
    page.choose_file("#photo-file", tmp_path / "clear.png")
    page.wait("document.getElementById('photo-name').textContent.startsWith('clear.png')")
    page.evaluate("document.getElementById('analyse').click()")
    page.wait(f"{said}.includes('transparent parts')")


def test_works_offline_after_the_first_visit(built, browser, pictures, runner):
    picture = pictures["lesion.png"]
    [prediction] = predict_images(runner, [picture], age=33)
    with serving(built) as site:
        page = browser.open_page()
        page.go(site.url)
        page.wait(READY)
        assert page.wait(STATUS) == "The model is ready, also without a network."
        once = [path for path in site.asked if path.startswith(("litert/", "model/"))]
        assert len([path for path in once if path.endswith((".wasm", ".tflite"))]) == 2
        page.call("Page.reload", ignoreCache=True)  # which goes past the service worker
        page.wait(READY)
        assert page.wait(STATUS) == "The model is ready, also without a network."
    page.go(site.url)  # the server is gone
    page.wait(READY)
    assert analyse(page, picture, age=33) == pytest.approx(prediction.probabilities, abs=TOLERANCE)
