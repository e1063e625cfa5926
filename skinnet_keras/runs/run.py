"""The run directory: everything one training leaves behind, and enough to resume it."""

from __future__ import annotations

import contextlib
import csv
import importlib.metadata
import json
import os
import platform
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from skinnet_keras.atomic import atomic_file, is_temporary, naming_full_disk
from skinnet_keras.config import Config, dump_config, load_config
from skinnet_keras.data.catalogue import TABLE_FILE, Catalogue
from skinnet_keras.data.cross_validation import fold_view
from skinnet_keras.data.unseen import unseen_view
from skinnet_keras.errors import UserError
from skinnet_keras.json_text import read_json_file
from skinnet_keras.locks import is_lock_file, own_folder
from skinnet_keras.runs.files import (
    BEST_FILE,
    CONFIG_FILE,
    ENVIRONMENT_FILE,
    SEGMENTER_FILE,
    file_sha256,
)
from skinnet_keras.runs.tables import read_rows

if TYPE_CHECKING:
    from skinnet_keras.data.cache import ImageCache

_CATALOGUE_FILE = "catalogue.sha256"
_PLACE_KEYS = ("catalogue", "catalogue_relative")
_PIXELS_FILE = "pixels.json"

_PACKAGES = (
    "skinnet-keras",
    "keras",
    "tensorflow",
    "jax",
    "numpy",
    "albumentations",
    "pandas",
    "scikit-learn",
    "scikit-image",
    "skops",
)


@dataclass(frozen=True)
class Run:
    """A run directory.

    Attributes:
        directory: Its path.
        config: The experiment.
        catalogue: Root of the catalogue it trains on.
    """

    directory: Path
    config: Config
    catalogue: Path

    @classmethod
    def create(cls, directory: Path, config: Config, catalogue: Catalogue) -> Run:
        """Start a run in a new or empty folder.

        Raises:
            UserError: The folder holds something already, or another process is starting it.
        """
        run = cls(directory, config, catalogue.root)
        environment = {
            **place_of(catalogue.root, directory, *_PLACE_KEYS),
            "command": sys.argv,
            "seed": config.seed,
            "git_commit": _git_commit(),
            "python": platform.python_version(),
            "platform": platform.platform(),
            "packages": _versions(),
        }
        with own_folder(directory):
            refuse_used(directory)
            run.write_text(ENVIRONMENT_FILE, json.dumps(environment, indent=2) + "\n")
            run.write_text(_CATALOGUE_FILE, catalogue.sha256() + "\n")
            run.write_text(CONFIG_FILE, dump_config(config))  # the last: now it is a run
        return run

    @classmethod
    def open(cls, directory: Path, *, data: Path | None = None) -> Run:
        """Open an existing run.

        Args:
            directory: Its folder.
            data: Where its catalogue lies now; None for the place that the run recorded: seen from
                the run's own folder, if the two were moved together, or the absolute one.

        Raises:
            UserError: The folder is no run, its config is damaged, or the record of its catalogue
                is and `data` is None.
        """
        config_file = directory / "config.yaml"
        environment_file = directory / "environment.json"
        if not config_file.is_file() or not environment_file.is_file():
            raise UserError(
                f"{directory} is not a run directory: it has no config.yaml and environment.json."
            )
        catalogue = data if data is not None else _recorded_catalogue(directory)
        return cls(directory, _load_config(config_file), catalogue)

    def load_catalogue(self) -> Catalogue:
        """The catalogue of this run, with the splits its config asks for.

        Raises:
            UserError: It is missing, or is no longer the one the run started with.
        """
        if not (self.catalogue / TABLE_FILE).is_file():
            raise UserError(
                f"the catalogue of {self.directory} is not in {self.catalogue}: say with --data "
                "where it lies now."
            )
        catalogue = Catalogue.load(self.catalogue)
        if catalogue.sha256() != self.catalogue_sha256():
            raise UserError(
                f"the catalogue {self.catalogue} changed since {self.directory} was started, or is "
                "another one: restore it, name an unchanged copy with --data, or start a new run."
            )
        return catalogue_of(self.config, catalogue)

    def catalogue_sha256(self) -> str:
        """SHA-256 of the table of the catalogue that the run started with, hexadecimal.

        Raises:
            UserError: The file that says so is missing or damaged.
        """
        file = self.directory / _CATALOGUE_FILE
        digest = _recorded_sha256(self.directory)
        if digest is None:
            raise UserError(
                f"{file} is missing or damaged, so whether the catalogue changed since the run "
                f"was started cannot be told: restore it from a copy, or, where you are sure, "
                f"write the output of `sha256sum {self.catalogue / TABLE_FILE}` into it."
            )
        return digest

    def remember_catalogue(self) -> None:
        """Record where the catalogue lies now, for a run whose catalogue was moved."""
        place = place_of(self.catalogue, self.directory, *_PLACE_KEYS)
        try:
            environment = read_environment(self.directory)
        except UserError:  # the user has named the catalogue: this repairs the record of it
            environment = {"command": sys.argv, "seed": self.config.seed}
        if {key: environment.get(key) for key in place} != place:
            text = json.dumps({**environment, **place}, indent=2) + "\n"
            self.write_text(ENVIRONMENT_FILE, text)

    def record_pixels(self, cache: ImageCache) -> None:
        """Note what the image and mask files hold that the run starts with."""
        self.write_text(_PIXELS_FILE, json.dumps(cache.digests(), indent=2) + "\n")

    def check_pixels(self, cache: ImageCache, *, masks: bool) -> None:
        """Check that the image files, and the mask files, hold what the run started with.

        Args:
            cache: The cache of the run's catalogue. Where files lie and what their times are does
                not matter; runs of earlier versions have noted nothing and pass.
            masks: Whether the masks matter.

        Raises:
            UserError: A file holds something else.
        """
        path = self.directory / _PIXELS_FILE
        if not path.is_file():
            return
        try:
            noted = read_json_file(path)
            kinds = ("images", "masks") if masks else ("images",)
            present = cache.digests()
            changed = [kind for kind in kinds if noted[key := f"{kind}_sha256"] != present[key]]
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(
                f"{path} is damaged: restore it, or delete it if the images are still those "
                f"{self.directory} was started with."
            ) from error
        if changed:
            raise UserError(
                f"the {' and '.join(changed)} of {self.catalogue} changed on disk since "
                f"{self.directory} was started: restore the files, or start a new run."
            )

    def weight_hashes(self) -> dict[str, str]:
        """SHA-256 of each model file of the run: classifier and segmentation network."""
        files = [self.directory / name for name in (BEST_FILE, SEGMENTER_FILE)]
        return {file.name: file_sha256(file) for file in files if file.is_file()}

    def write_text(self, name: str, text: str) -> None:
        """Write a file of the run atomically."""
        with atomic_file(self.directory / name) as temporary:
            temporary.write_text(text, encoding="utf-8")

    def log(self, message: str) -> None:
        """Say something on stderr and keep it in `train.log` with the time."""
        Console(stderr=True, highlight=False, soft_wrap=True).print(message, markup=False)
        stamp = time.strftime("%Y-%m-%d %H:%M:%S")
        path = self.directory / "train.log"
        with naming_full_disk(path), path.open("a", encoding="utf-8") as file:
            file.write(f"{stamp} {message}\n")

    def history(self) -> list[dict[str, Any]]:
        """The rows of `history.csv`, see `read_history`."""
        return read_history(self.directory)

    def write_history(self, rows: list[dict[str, Any]]) -> None:
        """Replace `history.csv`; columns are the union of the rows' keys in order of appearance."""
        columns = list(dict.fromkeys(key for row in rows for key in row))
        with (
            atomic_file(self.directory / "history.csv") as temporary,
            temporary.open("w", encoding="utf-8", newline="") as file,
        ):
            writer = csv.DictWriter(file, columns, restval="")
            writer.writeheader()
            writer.writerows(rows)

    def stage_directory(self, stage: str) -> Path:
        """Folder of a stage's checkpoints."""
        return self.directory / "checkpoints" / stage


def refuse_used(directory: Path) -> None:
    """Refuse to start a run where something lies already; an absent or empty folder will do.

    Raises:
        UserError: The folder holds something.
    """
    if directory.is_dir() and not all(map(_was_being_started, directory.iterdir())):
        raise UserError(
            f"{directory} already exists and is not empty: continue it with "
            f"--resume {directory}, or choose another --out."
        )


def _was_being_started(path: Path) -> bool:
    """Tell whether a file may lie in the folder of a run that was killed before it was one."""
    started = path.name in (ENVIRONMENT_FILE, _CATALOGUE_FILE)
    return started or is_lock_file(path) or is_temporary(path)


def read_history(directory: Path) -> list[dict[str, Any]]:
    """Read the rows of a run's `history.csv`, values as text; none where there is no such file.

    Raises:
        UserError: It is damaged.
    """
    path = directory / "history.csv"
    if not path.is_file():
        return []
    try:
        rows = read_rows(path)
        for row in rows:
            if "stage" in row:
                int(row["epoch"])
                float(row.get("seconds") or 0)
        return rows
    except (OSError, ValueError, KeyError) as error:
        raise UserError(
            f"{path} is damaged ({error}): restore it from a copy, or remove it; the figures of "
            "the epochs in it are then lost, no weights are."
        ) from error


def read_environment(directory: Path) -> dict[str, Any]:
    """Read a run's `environment.json`: where its catalogue lay, what it was started with.

    Raises:
        UserError: It is missing or damaged.
    """
    file = directory / ENVIRONMENT_FILE
    try:
        environment = read_json_file(file)
        catalogue = environment["catalogue"]
        if not isinstance(catalogue, str) or not catalogue or "\0" in catalogue:
            raise ValueError("it names no catalogue")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{file} is missing or damaged: restore it from a copy, or say with --data where the "
            f"catalogue lies; `skinnet train --resume {directory} --data CATALOGUE` writes it anew."
        ) from error
    return environment


def _load_config(file: Path) -> Config:
    """Read a run's config, and tell one that was cut off: what is missing would be a default."""
    try:
        config = load_config(file)
        if not file.read_bytes().endswith(b"\n"):
            raise UserError(f"config {file} ends in the middle of a line.")
    except UserError as error:
        raise UserError(
            f"{str(error).removesuffix('.')}; if the file was damaged, restore it from a copy, or "
            "start a new run."
        ) from error
    return config


def place_of(path: Path, folder: Path, name: str, relative_name: str) -> dict[str, str]:
    """Describe where something lies, for a record that may be moved together with it.

    Args:
        path: What is named.
        folder: Where the record lies.
        name: Key of the absolute path.
        relative_name: Key of the path as seen from the folder; left out on another drive.
    """
    place = {name: str(path.resolve())}
    with contextlib.suppress(ValueError):
        relative = os.path.relpath(path.resolve(), folder.resolve())
        place[relative_name] = Path(relative).as_posix()
    return place


def _recorded_catalogue(directory: Path) -> Path:
    """Where the catalogue is by what the run recorded; the absolute path where it is gone."""
    environment = read_environment(directory)
    absolute = Path(environment["catalogue"])
    relative = environment.get("catalogue_relative")
    if not isinstance(relative, str):
        return absolute
    beside = Path(os.path.normpath(directory.resolve() / relative))
    present = [root for root in (beside, absolute) if (root / TABLE_FILE).is_file()]
    if beside == absolute or not present:
        return absolute
    digest = _recorded_sha256(directory)
    same = [root for root in present if file_sha256(root / TABLE_FILE) == digest]
    return (same or present)[0]


def _recorded_sha256(directory: Path) -> str | None:
    try:
        text = (directory / _CATALOGUE_FILE).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    # `sha256sum` writes the file's name behind the digest.
    digest = (text.split() or [""])[0].lower()
    return digest if re.fullmatch("[0-9a-f]{64}", digest) else None


def catalogue_of(config: Config, catalogue: Catalogue) -> Catalogue:
    """The catalogue as an experiment sees it: the splits of a fold, classes it is not to see."""
    if config.cross_validation is not None:
        catalogue = fold_view(catalogue, config.cross_validation)
    return unseen_view(catalogue, config.unseen) if config.unseen else catalogue


def _versions() -> dict[str, str]:
    versions = {}
    for package in _PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def _git_commit() -> str | None:
    """Commit of the checkout this package runs from, with "+" when it has changes."""
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return None

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(root), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603

    try:
        return git("rev-parse", "HEAD") + ("+" if git("status", "--porcelain") else "")
    except (OSError, subprocess.CalledProcessError):
        return None
