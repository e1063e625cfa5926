"""Exports for the page, and its npm packages."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest

from skinnet_keras.errors import UserError
from skinnet_keras.serving.webapp import build, packages
from tiny_run import make_run


@pytest.fixture(scope="session")
def export(tmp_path_factory) -> Path:
    """A v2 run exported as float32: classifier and end-to-end model."""
    from skinnet_keras.export.bundle import export_run

    root = tmp_path_factory.mktemp("webapp")
    run = make_run(root / "v2")
    return export_run(run, root / "exported", formats=["tflite"], precisions=["float32"]).directory


@pytest.fixture(scope="session")
def litert() -> Path:
    """The installed npm packages; tests are skipped where they cannot be had."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    with tempfile.TemporaryDirectory() as folder:
        try:
            yield packages.install_packages(build.NPM, Path(folder))
        except UserError as error:
            pytest.skip(f"the page's npm packages cannot be had: {error}")


@pytest.fixture
def fake_litert(tmp_path) -> Path:
    """Packages laid out as LiteRT.js's are, with little in them."""
    root = tmp_path / "node_modules"
    core, utilities = root / "@litertjs/core", root / "@litertjs/wasm-utils"
    for folder in (core / "dist", core / "wasm", utilities / "dist"):
        folder.mkdir(parents=True)
    (core / "package.json").write_text('{"version": "9.8.7"}')
    (utilities / "package.json").write_text('{"version": "9.8.6"}')
    script = 'import {f} from "@litertjs/wasm-utils";\nf();\n//# sourceMappingURL=index.js.map\n'
    (core / "dist/index.js").write_text(script)
    (utilities / "dist/index.js").write_text("export const f = 1;\n")
    for stem in ("internal", "compat_internal", "threaded_internal", "jspi_internal"):
        (core / f"wasm/litert_wasm_{stem}.js").write_text(f"// {stem}\n")
        (core / f"wasm/litert_wasm_{stem}.wasm").write_bytes(stem.encode())
    return root
