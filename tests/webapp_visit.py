"""A visitor of the built web page, and the server of it."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

READY = "document.documentElement.dataset.engine"
"""Where the model runs, as soon as it does."""

STATUS = "document.getElementById('status').textContent"


@dataclass
class Site:
    """A served page.

    Attributes:
        url: Its address.
        asked: Paths that were asked for, relative to it.
    """

    url: str = ""
    asked: list[str] = field(default_factory=list)


@contextmanager
def serving(folder: Path, base: type[SimpleHTTPRequestHandler] = SimpleHTTPRequestHandler):
    """Serve a folder from another thread, as `python -m http.server` does; yield the `Site`."""
    site = Site()

    class Handler(base):
        def log_request(self, *arguments):
            site.asked.append(self.path.removeprefix("/"))

        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
    site.url = f"http://127.0.0.1:{server.server_port}/"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def without_from_image(default: str) -> str:
    """A script that makes the browser one before Chrome 112, Firefox 111 or Safari 17.

    They do not know the word, and differ in what they do without it: `default` is "from-image"
    for those that turn a photo by its EXIF, "none" for those that do not.
    """
    return f"""
const {{createImageBitmap: today}} = self;
self.createImageBitmap = (source, options) => options?.imageOrientation === 'from-image'
  ? Promise.reject(new TypeError("'from-image' is not a valid enum value of ImageOrientation"))
  : today(source, {{...options, imageOrientation: '{default}'}});
"""


def fill_form(page, picture: Path, age=None, sex="", site="") -> None:
    """Choose a picture and describe the patient, as typing and clicking would."""
    page.choose_file("#photo-file", picture)
    page.wait(f"document.getElementById('photo-name').textContent.startsWith('{picture.name},')")
    for name, value in (("age", "" if age is None else age), ("sex", sex), ("site", site)):
        page.evaluate(
            f"(() => {{ const field = document.getElementById('{name}');"
            f" field.value = {json.dumps(str(value))};"
            " field.dispatchEvent(new Event('input', {bubbles: true})); })()"
        )


def analyse(page, picture: Path, age=None, sex="", site="") -> dict[str, float]:
    """The probabilities that the page shows for a picture and a patient."""
    fill_form(page, picture, age, sex, site)
    page.evaluate("document.getElementById('analyse').click()")
    page.wait(
        "document.getElementById('error').textContent || !document.getElementById('details').hidden"
    )
    said = page.evaluate("document.getElementById('error').textContent")
    assert not said, said
    rows = page.evaluate(
        "[...document.querySelectorAll('#rows tr')]"
        ".map(({dataset}) => [dataset.class, Number(dataset.probability)])"
    )
    return dict(rows)
