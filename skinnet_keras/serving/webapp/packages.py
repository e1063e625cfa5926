"""The npm packages of the page, installed as the lock file pins them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from skinnet_keras.errors import UserError

_LOCKED = ("package.json", "package-lock.json")
_SECONDS = 600


def install_packages(source: Path, folder: Path) -> Path:
    """Install the packages of a lock file; npm checks the integrity hash of each.

    Args:
        source: Folder with `package.json` and `package-lock.json`.
        folder: Empty folder to install to.

    Returns:
        The `node_modules` folder.

    Raises:
        UserError: npm is missing, or could not install them.
    """
    npm = shutil.which("npm")
    if npm is None:
        raise UserError(
            "npm is needed to build the web page and is not installed: install Node.js 18 or "
            "newer, which brings it, and call again."
        )
    for name in _LOCKED:
        shutil.copyfile(source / name, folder / name)
    # Scripts of packages are never run: these have none, and a build must not execute any.
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    try:
        done = subprocess.run(  # noqa: S603
            command, cwd=folder, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise UserError(
            f"npm did not install the page's packages within {_SECONDS // 60} minutes: check the "
            "network connection and call again."
        ) from error
    if done.returncode:
        raise UserError(
            "npm could not install the page's packages: check the network connection and call "
            f"again (npm said: {_reason(done.stderr)})."
        )
    return folder / "node_modules"


def _reason(said: str) -> str:
    """Return the first telling line of npm's errors."""
    lines = [line.removeprefix("npm error").strip() for line in said.splitlines()]
    telling = [line for line in lines if line and not line.startswith(("code ", "errno "))]
    return telling[0].rstrip(".") if telling else "nothing"
