"""Configs by name: found in a checkout's `configs/` and in the installed package."""

from __future__ import annotations

from pathlib import Path

from skinnet_keras.config.yaml_text import shorten
from skinnet_keras.errors import UserError

_PACKAGE = Path(__file__).resolve().parent
_FOLDERS = (_PACKAGE.parent / "configs", _PACKAGE / "configs")
_COSTS = "costs"  # what wrong decisions cost: no experiments


def preset_names() -> list[str]:
    """Names of all shipped configs, such as `skinnet_v2` or `segmentation/split_attention_unet`."""
    folder = _folder()
    return sorted(path.relative_to(folder).with_suffix("").as_posix() for path in _files(folder))


def find_config(name: str) -> Path:
    """The file of a config, given its path or a preset's name.

    Raises:
        UserError: There is neither such a file nor such a preset.
    """
    if _is_file(name):
        return Path(name)
    preset = name.removeprefix("configs/").removesuffix(".yaml")
    if preset in preset_names():
        return _folder() / f"{preset}.yaml"
    raise UserError(
        f"config {shorten(name, 100)}: {_no_file(name)}, and no preset of this name; presets are "
        f"{', '.join(preset_names())}."
    )


def find_costs(name: str) -> Path:
    """The file of costs of decisions, given its path or a shipped one's name.

    Raises:
        UserError: There is neither such a file nor shipped costs of this name.
    """
    if _is_file(name):
        return Path(name)
    shipped = {path.stem: path for path in sorted((_folder() / _COSTS).glob("*.yaml"))}
    stem = name.removeprefix("configs/").removeprefix(f"{_COSTS}/").removesuffix(".yaml")
    if stem in shipped:
        return shipped[stem]
    raise UserError(
        f"costs {shorten(name, 100)}: {_no_file(name)}, and no shipped ones of this name; shipped "
        f"are {', '.join(f'{_COSTS}/{stem}' for stem in shipped)}."
    )


def _is_file(name: str) -> bool:
    try:
        return Path(name).is_file()
    except OSError:  # longer than a name can be
        return False


def _no_file(name: str) -> str:
    """Why a name is no file's: "no such file", or what is there."""
    try:
        there = Path(name).exists()
    except OSError:
        there = False
    if not there:
        return "no such file"
    return "a folder, no file" if Path(name).is_dir() else "a pipe or a device, no file"


def _folder() -> Path:
    # The checkout comes first: an editable install has both, and the user edits that one.
    for folder in _FOLDERS:
        if (folder / "skinnet_v1.yaml").is_file():
            return folder
    raise RuntimeError("this installation of skinnet-keras holds no configs")


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*.yaml") if path.parent.name != _COSTS]
