"""LiteRT.js, copied from its npm packages: the few files a page on the CPU needs."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

from skinnet_keras.errors import UserError

RUNTIME_FOLDER = "litert"

RUNTIMES = {"relaxed": "litert_wasm_internal", "compat": "litert_wasm_compat_internal"}
"""What LiteRT.js loads: `relaxed` where the browser has WebAssembly's relaxed SIMD, else `compat`.
The threaded and JSPI builds are asked for by name only, and the page does not."""

_PACKAGES = ("core", "wasm-utils")
_BARE_IMPORT = '"@litertjs/wasm-utils"'
_SOURCE_MAP = re.compile(r"\n//# sourceMappingURL=\S+\s*$")
_NOTICE = """\
LiteRT.js: npm packages {packages}
https://github.com/google-ai-edge/LiteRT
Copyright Google LLC. Licensed under the Apache License, Version 2.0, whose text follows.

The import of one package by the other was rewritten to a relative path; nothing else was changed.

"""


def copy_runtime(node_modules: Path, folder: Path, licence: Path) -> str:
    """Copy LiteRT.js to `<folder>/litert`, with the licence text its packages do not ship.

    A browser resolves no bare imports, and an inline import map would need a hole in the
    Content-Security-Policy: the one bare import is rewritten.

    Args:
        node_modules: Installed packages.
        folder: Folder of the page.
        licence: Text of the Apache License 2.0.

    Returns:
        Version of LiteRT.js.

    Raises:
        UserError: The packages are not laid out as the pinned version is.
    """
    packages = node_modules / "@litertjs"
    target = folder / RUNTIME_FOLDER
    target.mkdir(parents=True)
    try:
        core = (packages / "core/dist/index.js").read_text(encoding="utf-8")
        if core.count(_BARE_IMPORT) != 1:
            raise UserError(
                f"{packages / 'core/dist/index.js'} does not import wasm-utils once: this version "
                "of LiteRT.js is not the pinned one."
            )
        _write_script(target / "litert.js", core.replace(_BARE_IMPORT, '"./wasm-utils.js"'))
        utilities = (packages / "wasm-utils/dist/index.js").read_text(encoding="utf-8")
        _write_script(target / "wasm-utils.js", utilities)
        for stem in RUNTIMES.values():
            for suffix in (".js", ".wasm"):
                shutil.copyfile(packages / f"core/wasm/{stem}{suffix}", target / f"{stem}{suffix}")
        versions = {
            package: json.loads((packages / package / "package.json").read_text("utf-8"))["version"]
            for package in _PACKAGES
        }
    except OSError as error:
        raise UserError(
            f"{error.filename} is missing: this version of LiteRT.js is not the pinned one."
        ) from error
    named = ", ".join(f"@litertjs/{package} {version}" for package, version in versions.items())
    text = _NOTICE.format(packages=named) + licence.read_text(encoding="utf-8")
    (target / "LICENSE.txt").write_text(text, encoding="utf-8")
    return str(versions["core"])


def _write_script(path: Path, text: str) -> None:
    # The maps are not shipped; a reference to them is a 404 in every open console.
    path.write_text(_SOURCE_MAP.sub("\n", text), encoding="utf-8")
