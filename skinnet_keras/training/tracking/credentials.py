"""Whether wandb can go online, without importing it."""

from __future__ import annotations

import netrc
import os
from pathlib import Path
from typing import Literal, cast
from urllib.parse import urlsplit

from skinnet_keras.config import WandbConfig

Mode = Literal["online", "offline", "disabled"]
_MODES = ("online", "offline", "disabled")
_HOSTS = ("api.wandb.ai", "api.forge.coreweave.com")  # `wandb login` has written both


def wandb_mode(config: WandbConfig) -> Mode:
    """The mode of a config, with `auto` settled by WANDB_MODE or by whether there is a key."""
    if config.mode != "auto":
        return config.mode
    asked = os.environ.get("WANDB_MODE", "")
    if asked in _MODES:
        return cast(Mode, asked)
    return "online" if has_wandb_credentials() else "offline"


def has_wandb_credentials() -> bool:
    """Whether the environment or a netrc file holds an API key of wandb's server."""
    if os.environ.get("WANDB_API_KEY") or os.environ.get("WANDB_IDENTITY_TOKEN_FILE"):
        return True
    server = os.environ.get("WANDB_BASE_URL")
    hosts = (urlsplit(server).netloc,) if server else _HOSTS
    try:
        # Not `authenticators`: a `default` entry is no key of wandb.
        known = netrc.netrc(_netrc_file()).hosts
    except (OSError, netrc.NetrcParseError):
        return False
    return any(host in known for host in hosts)


def _netrc_file() -> Path:
    named = os.environ.get("NETRC")
    candidates = [Path(named)] if named else [Path("~/.netrc"), Path("~/_netrc")]
    paths = [path.expanduser() for path in candidates]
    return next((path for path in paths if path.is_file()), paths[0])
