"""Installing the page's npm packages, and what may go wrong."""

from __future__ import annotations

import pytest

from skinnet_keras.errors import UserError
from skinnet_keras.serving.webapp import build, packages


def test_packages_are_those_of_the_lock_file(litert):
    assert (litert / "@litertjs/core/wasm/litert_wasm_internal.wasm").stat().st_size > 1_000_000
    assert (litert / "@litertjs/wasm-utils/dist/index.js").is_file()


def test_without_npm_it_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match=r"npm is needed .* install Node\.js 18 or newer"):
        packages.install_packages(build.NPM, tmp_path)


def test_a_failing_npm_is_quoted(monkeypatch, tmp_path):
    npm = tmp_path / "npm"
    npm.write_text(
        "#!/bin/sh\necho 'npm error code E404' >&2\necho 'npm error no such package' >&2\nexit 1\n"
    )
    npm.chmod(0o755)
    (tmp_path / "target").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(UserError, match=r"check the network .*npm said: no such package\)"):
        packages.install_packages(build.NPM, tmp_path / "target")
