"""What is written to the page's folder, with small stand-ins for the npm packages."""

from __future__ import annotations

import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from skinnet_keras.errors import UserError
from skinnet_keras.serving.webapp import build
from skinnet_keras.serving.webapp.model import open_model
from skinnet_keras.serving.webapp.policy import CONTENT_TYPES, HEADERS, META_POLICY


@pytest.fixture
def built(export, fake_litert, tmp_path) -> Path:
    with open_model(export, "float32") as model:
        report = build.build_webapp(model, tmp_path / "out", node_modules=fake_litert)
    assert report.directory == tmp_path / "out"
    return report.directory


def _kept_files(page: Path) -> dict[str, dict]:
    script = (page / "sw.js").read_text()
    match = re.search(r"^const FILES = (\{.*?^\});$", script, re.MULTILINE | re.DOTALL)
    return json.loads(match[1])


def test_the_model_and_what_the_page_must_know(built, export):
    file = "tiny_v2_end_to_end_float32.tflite"
    assert (built / "model" / file).read_bytes() == (export / file).read_bytes()
    settings = json.loads((built / "model/model.json").read_text())
    metadata = json.loads((export / "metadata.json").read_text())
    assert settings["file"] == f"model/{file}"
    assert settings["bytes"] == (export / file).stat().st_size
    assert settings["outputs"] == ["diagnosis", "mask"]
    assert settings["precision"] == "float32"
    for key in ("name", "classes", "image_size", "mask_threshold"):
        assert settings[key] == metadata[key]
    assert len(settings["metadata_layout"]) == 14
    assert "run" not in settings  # where the model was trained is nobody's business


def test_the_service_worker_knows_every_file_by_its_content(built):
    files = _kept_files(built)
    there = {path.relative_to(built).as_posix() for path in built.rglob("*") if path.is_file()}
    assert set(files) == there - {"sw.js", "_headers"}
    for path, file in files.items():
        content = (built / path).read_bytes()
        assert file["hash"] == hashlib.sha256(content).hexdigest()
        assert file["bytes"] == len(content)
        assert file["type"] == CONTENT_TYPES[Path(path).suffix]
    runtimes = {path: file["runtime"] for path, file in files.items() if file["runtime"]}
    assert runtimes == {
        f"litert/litert_wasm_{name}internal.{suffix}": runtime
        for name, runtime in (("", "relaxed"), ("compat_", "compat"))
        for suffix in ("js", "wasm")
    }
    assert json.dumps(HEADERS["Content-Security-Policy"]) in (built / "sw.js").read_text()


def test_the_runtime_needs_no_import_map_and_has_its_licence(built):
    script = (built / "litert/litert.js").read_text()
    assert 'from "./wasm-utils.js"' in script
    assert "@litertjs" not in script
    assert "sourceMappingURL" not in script
    licence = (built / "litert/LICENSE.txt").read_text()
    assert "@litertjs/core 9.8.7" in licence
    assert "TERMS AND CONDITIONS FOR USE, REPRODUCTION, AND DISTRIBUTION" in licence


class _Elements(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, {name: value or "" for name, value in attrs}))


def test_the_policy_is_in_page_and_headers(built):
    elements = _Elements((built / "index.html").read_text()).found
    metas = [attributes for tag, attributes in elements if tag == "meta"]
    [policy] = [m["content"] for m in metas if m.get("http-equiv") == "Content-Security-Policy"]
    assert policy == META_POLICY
    directives = dict(part.split(" ", 1) for part in policy.split("; "))
    assert directives["default-src"] == directives["connect-src"] == "'self'"
    assert directives["script-src"] == "'self' 'wasm-unsafe-eval'"
    assert directives["form-action"] == "'none'"
    assert "http" not in policy
    assert "unsafe-inline" not in policy
    headers = (built / "_headers").read_text()
    assert headers.startswith("/*\n  Content-Security-Policy: ")
    assert "frame-ancestors 'none'" in headers


def test_the_page_holds_nothing_the_policy_forbids_and_no_absolute_address(built):
    elements = _Elements((built / "index.html").read_text()).found
    for tag, attributes in elements:
        assert not [name for name in attributes if name.startswith("on") or name == "style"], tag
        for name in ("src", "href"):
            address = attributes.get(name, "")
            assert ":" not in address
            assert not address.startswith("/")
            if address and not address.startswith("#"):
                assert (built / address).is_file()
    assert [a for tag, a in elements if tag == "script"] == [{"type": "module", "src": "app.js"}]
    manifest = json.loads((built / "manifest.webmanifest").read_text())
    for icon in manifest["icons"]:
        assert (built / icon["src"]).is_file()
    for name in ("start_url", "scope", "id"):
        assert manifest[name] == "./"


def test_the_page_reads_in_english_before_its_script_runs(built):
    page = (built / "index.html").read_text()
    assert "<!--{" not in page
    assert ">For research. Not a medical device.</p>" in page
    assert not re.search(r"data-text=\"[^\"]+\"[^>]*></", page)


def test_rebuilding_replaces_the_page(built, export, fake_litert):
    (built / "left-over.txt").write_text("old")
    with open_model(export, "float32") as model:
        build.build_webapp(model, built, node_modules=fake_litert)
    assert not (built / "left-over.txt").exists()
    assert (built / "index.html").is_file()


def test_another_folder_is_left_alone(export, fake_litert, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with (
        open_model(export, "float32") as model,
        pytest.raises(UserError, match="already exists and is not empty"),
    ):
        build.build_webapp(model, tmp_path / "out", node_modules=fake_litert)
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["mine.txt"]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda root: (root / "core/wasm/litert_wasm_internal.wasm").unlink(), "is missing"),
        (lambda root: (root / "core/dist/index.js").write_text("1;"), "not the pinned one"),
    ],
)
def test_other_packages_are_refused_and_nothing_is_left(
    export, fake_litert, tmp_path, damage, message
):
    damage(fake_litert / "@litertjs")
    with open_model(export, "float32") as model, pytest.raises(UserError, match=message):
        build.build_webapp(model, tmp_path / "out", node_modules=fake_litert)
    assert not (tmp_path / "out").exists()
    assert not list(tmp_path.glob(".*out*"))


def test_the_lock_file_pins_hashes_and_names_no_host():
    lock = json.loads((build.NPM / "package-lock.json").read_text())
    wanted = json.loads((build.NPM / "package.json").read_text())["dependencies"]
    locked = {name: entry for name, entry in lock["packages"].items() if name}
    assert {f"node_modules/{name}" for name in wanted} == set(locked)
    for name, entry in locked.items():
        assert entry["version"] == wanted[name.removeprefix("node_modules/")]
        assert entry["integrity"].startswith("sha512-")
        assert "resolved" not in entry
    assert "http" not in json.dumps(lock)
