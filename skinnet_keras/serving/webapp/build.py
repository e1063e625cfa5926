"""One model and the page's files as a folder that any static server can serve."""

from __future__ import annotations

import hashlib
import html
import json
import re
import shutil
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from skinnet_keras.atomic import atomic_directory
from skinnet_keras.serving.webapp.icons import write_icons
from skinnet_keras.serving.webapp.model import WebModel
from skinnet_keras.serving.webapp.packages import install_packages
from skinnet_keras.serving.webapp.policy import (
    CONTENT_TYPES,
    HEADERS,
    META_POLICY,
    headers_file,
)
from skinnet_keras.serving.webapp.runtime import RUNTIME_FOLDER, RUNTIMES, copy_runtime
from skinnet_keras.serving.webapp.settings import MODEL_FOLDER, SETTINGS_FILE, page_settings

LANGUAGES = ("en", "ru")
"""Languages of the page; the first is that of the page before its script runs."""

_HERE = Path(__file__).parent
PAGE = _HERE / "page"
"""The files that are the same in every page."""

NPM = _HERE / "npm"
"""`package.json`, its lock file and the licence of what they name."""

_SERVICE_WORKER = "sw.js"
_EMPTY_ELEMENT = re.compile(r'(data-text="([^"]+)"[^>]*>)(?=</)')
_MARKER = re.compile(r"/\*\{(\w+)\}\*/")


@dataclass(frozen=True)
class WebappReport:
    """What was built.

    Attributes:
        directory: The folder of the page.
        model: File name of its model.
        runtime: Version of LiteRT.js.
        files: Number of files.
        bytes: Their size together.
        first_load_bytes: What a browser with relaxed SIMD loads, and keeps for offline use.
    """

    directory: Path
    model: str
    runtime: str
    files: int
    bytes: int
    first_load_bytes: int

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain JSON values."""
        return {**asdict(self), "directory": str(self.directory)}


def build_webapp(
    model: WebModel, out: str | Path, *, node_modules: Path | None = None
) -> WebappReport:
    """Write a page that runs a model in the browser.

    Args:
        model: The model.
        out: Folder to write. A page that was built there before is replaced.
        node_modules: Installed npm packages; by default they are installed, as pinned by the
            lock file, from the npm registry.

    Returns:
        What was built.

    Raises:
        UserError: `out` holds something else, npm is missing, or the packages cannot be had.
    """
    out = Path(out)
    is_page = (out / _SERVICE_WORKER).is_file() and (out / SETTINGS_FILE).is_file()
    with atomic_directory(out, replace=is_page) as folder:
        if node_modules is None:
            with tempfile.TemporaryDirectory() as temporary:
                packages = install_packages(NPM, Path(temporary))
                runtime = copy_runtime(packages, folder, NPM / "APACHE-2.0.txt")
        else:
            runtime = copy_runtime(node_modules, folder, NPM / "APACHE-2.0.txt")
        shutil.copytree(PAGE, folder, dirs_exist_ok=True)
        write_icons(folder / "icons")
        (folder / MODEL_FOLDER).mkdir()
        shutil.copyfile(model.file, folder / MODEL_FOLDER / model.file.name)
        settings = page_settings(model) | {"runtime_version": runtime}
        _write_json(folder / SETTINGS_FILE, settings)
        _fill_index(folder)
        files = _fill_service_worker(folder)
        (folder / "_headers").write_text(headers_file(), encoding="utf-8")
        sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
        first = sum(file["bytes"] for file in files.values() if file["runtime"] != "compat")
    return WebappReport(out, model.file.name, runtime, len(sizes), sum(sizes), first)


def _fill_index(folder: Path) -> None:
    """Put the policy and the texts of the first language into the page."""
    texts = json.loads((folder / f"strings/{LANGUAGES[0]}.json").read_text(encoding="utf-8"))
    index = folder / "index.html"
    page = index.read_text(encoding="utf-8").replace("<!--{policy}-->", META_POLICY)
    page = _EMPTY_ELEMENT.sub(lambda match: match[1] + html.escape(texts[match[2]]), page)
    index.write_text(page, encoding="utf-8")


def _fill_service_worker(folder: Path) -> dict[str, dict[str, Any]]:
    """Tell the service worker the page's files by their hashes, and its headers.

    Returns:
        Path -> `hash`, `bytes`, `type`, and `runtime`: the one it belongs to, else null.
    """
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    files = {
        path.relative_to(folder).as_posix(): {
            "hash": hashlib.sha256(path.read_bytes()).hexdigest(),
            "bytes": path.stat().st_size,
            "type": CONTENT_TYPES[path.suffix],
            "runtime": _runtime_of(path),
        }
        for path in paths
        if path.name != _SERVICE_WORKER
    }
    values = {"files": files, "headers": HEADERS}
    worker = folder / _SERVICE_WORKER
    script = worker.read_text(encoding="utf-8")
    script = _MARKER.sub(lambda match: json.dumps(values[match[1]], indent=1), script)
    worker.write_text(script, encoding="utf-8")
    return files


def _runtime_of(path: Path) -> str | None:
    if path.parent.name != RUNTIME_FOLDER:
        return None
    return next((name for name, stem in RUNTIMES.items() if path.stem == stem), None)


def _write_json(path: Path, content: Any) -> None:
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    path.write_text(text, encoding="utf-8")
