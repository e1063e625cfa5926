"""The page in a real browser: opened from disk, on a phone's width, and printed; no network."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from explained_run import write_detection, write_explanations
from reported_run import make_reported_run
from skinnet_keras.evaluation.decisions.costs import read_costs
from skinnet_keras.presets import find_costs
from skinnet_keras.reporting.page import write_page
from skinnet_keras.reporting.report import read_subjects, render_report

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND",
)
PHONE = 390  # CSS pixels
SECTIONS = 14

# The page in a frame as wide as a phone; what is measured there becomes the text of <pre>.
HARNESS = """<!doctype html><body style="margin:0">
<iframe src="PAGE" style="border:0;width:WIDTHpx;height:800px"></iframe><pre></pre>
<script>
document.querySelector("iframe").addEventListener("load", (event) => {
  const view = event.target.contentWindow, page = view.document;
  const boxes = [".table", ".sheet", "figure > div", "pre"].join(",");
  const wide = [...page.querySelectorAll("body *")].filter((element) =>
    element.getBoundingClientRect().right > view.innerWidth + 1
    && !element.parentElement.closest(boxes) && !element.matches(".skip"));
  const folds = [...page.querySelectorAll(".fold > details")];
  const height = (element) => element.getBoundingClientRect().height;
  const folded = folds.map((fold) => height(fold.nextElementSibling));
  folds.forEach((fold) => { fold.open = true; });
  const shown = folds.map((fold) => height(fold.nextElementSibling));
  document.querySelector("pre").textContent = JSON.stringify({
    inner: view.innerWidth, scroll: page.documentElement.scrollWidth,
    wide: wide.map((element) => element.outerHTML.slice(0, 80)), folded, shown,
    fetched: view.performance.getEntriesByType("resource").map((entry) => entry.name)
      .filter((name) => !name.startsWith("data:")),
    broken: [...page.images].filter((image) => image.complete && !image.naturalWidth).length,
    images: page.images.length, sections: page.querySelectorAll("section").length});
});
</script>"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory) -> Callable[..., str]:
    """Runs the browser with more flags and returns what it prints."""
    program = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if program is None:
        pytest.skip(f"none of {', '.join(BROWSERS)} is on PATH: the page is not seen in a browser")
    profile = tmp_path_factory.mktemp("profile")

    def run(*arguments: str) -> str:
        command = [program, *FLAGS, f"--user-data-dir={profile}", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout

    return run


@pytest.fixture(scope="module")
def page(browser, tmp_path_factory) -> Path:
    """The page of a tiny run with everything on it."""
    root = tmp_path_factory.mktemp("page")
    run = make_reported_run(root)
    write_explanations(run)
    write_detection(run)
    options = {"split": "test", "bootstrap": 50, "seed": 0}
    (subject,) = read_subjects([run.directory], **options)
    costs = read_costs(find_costs("costs/melanoma_first"))
    path = root / "page.html"
    write_page(path, render_report(subject, costs, pictures=12, **options))
    return path


class Addresses(HTMLParser):
    """Every attribute that a browser fetches or follows."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag, attrs):
        names = ("src", "srcset", "href", "xlink:href", "action", "data", "poster", "formaction")
        self.found += [value or "" for name, value in attrs if name in names]


def test_rendered_page_refers_to_nothing_outside(browser, page):
    dom = browser("--dump-dom", page.as_uri())
    assert dom.count("<section") == SECTIONS
    assert "<script" not in dom
    addresses = Addresses()
    addresses.feed(dom)
    assert len(addresses.found) > 20
    assert all(address.startswith(("#", "data:")) for address in addresses.found)
    assert all(url.startswith("#") for url in re.findall(r"url\(['\"]?([^)]{1,200})", dom))
    assert "@import" not in dom


def test_phone_needs_no_sideways_scrolling(browser, page, tmp_path):
    harness = tmp_path / "harness.html"
    text = HARNESS.replace("PAGE", page.as_uri()).replace("WIDTH", str(PHONE))
    harness.write_text(text, encoding="utf-8")
    dom = browser("--allow-file-access-from-files", "--dump-dom", harness.as_uri())
    (found,) = re.findall(r"<pre>(.*?)</pre>", dom, flags=re.DOTALL)
    seen = json.loads(unescape(found))
    assert seen["inner"] == PHONE
    assert seen["sections"] == SECTIONS
    assert seen["wide"] == []
    assert seen["scroll"] <= PHONE
    assert seen["fetched"] == []
    assert seen["images"] > 2
    assert seen["broken"] == 0
    # Tables behind their titles are hidden until the title is pressed, without a script.
    assert len(seen["folded"]) > 5
    assert set(seen["folded"]) == {0}
    assert min(seen["shown"]) > 20


def test_screenshot_is_not_blank(browser, page, tmp_path):
    picture = tmp_path / "page.png"
    browser(f"--screenshot={picture}", "--window-size=1280,2400", page.as_uri())
    pixels = np.asarray(Image.open(picture).convert("RGB")).astype(int)
    assert pixels.shape == (2400, 1280, 3)
    white = (pixels == 255).all(axis=2)
    assert 0.3 < white.mean() < 0.98
    # Text and drawings all the way down, and colour in them.
    assert ((~white).reshape(12, 200, 1280).mean(axis=(1, 2)) > 0.004).all()
    assert (np.ptp(pixels, axis=2) > 80).mean() > 0.01


def test_paper_shows_what_is_folded(browser, page, tmp_path):
    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext is not on PATH: the text on paper is not read")
    paper, text = tmp_path / "page.pdf", tmp_path / "page.txt"
    browser("--no-pdf-header-footer", f"--print-to-pdf={paper}", page.as_uri())
    subprocess.run(["pdftotext", "-layout", str(paper), str(text)], check=True)
    words = text.read_text(encoding="utf-8")
    # Of a folded table, of folded code, and of the last section.
    for expected in ("image inside less area", "image_size: 32", "Not a medical device"):
        assert expected in words
    pages = [part.strip().splitlines() for part in words.split("\f") if part.strip()]
    assert len(pages) > 4
    headings = set(re.findall(r"<h2[^>]*>([^<]+)</h2>", page.read_text(encoding="utf-8")))
    assert not [lines[-1] for lines in pages if lines[-1].strip() in headings]
