"""The run directory: everything one training leaves behind, and enough to resume it."""

from __future__ import annotations

import csv
import hashlib
import importlib.metadata
import json
import platform
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from skinnet_keras.atomic import atomic_file
from skinnet_keras.config import Config, dump_config, load_config
from skinnet_keras.data.catalogue import Catalogue
from skinnet_keras.data.cross_validation import fold_view
from skinnet_keras.data.unseen import unseen_view
from skinnet_keras.errors import UserError

if TYPE_CHECKING:
    from skinnet_keras.data.cache import ImageCache

_PIXELS_FILE = "pixels.json"
BEST_FILE = "best.keras"
SEGMENTER_FILE = "segmenter.keras"

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
            UserError: The folder holds something already.
        """
        if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
            raise UserError(
                f"{directory} already exists and is not empty: continue it with "
                f"--resume {directory}, or choose another --out."
            )
        directory.mkdir(parents=True, exist_ok=True)
        run = cls(directory, config, catalogue.root)
        environment = {
            "catalogue": str(catalogue.root.resolve()),
            "command": sys.argv,
            "seed": config.seed,
            "git_commit": _git_commit(),
            "python": platform.python_version(),
            "platform": platform.platform(),
            "packages": _versions(),
        }
        run.write_text("environment.json", json.dumps(environment, indent=2) + "\n")
        run.write_text("catalogue.sha256", catalogue.sha256() + "\n")
        run.write_text("config.yaml", dump_config(config))
        return run

    @classmethod
    def open(cls, directory: Path) -> Run:
        """Open an existing run.

        Raises:
            UserError: The folder is no run.
        """
        config_file = directory / "config.yaml"
        environment_file = directory / "environment.json"
        if not config_file.is_file() or not environment_file.is_file():
            raise UserError(
                f"{directory} is not a run directory: it has no config.yaml and environment.json."
            )
        environment = json.loads(environment_file.read_text(encoding="utf-8"))
        return cls(directory, load_config(config_file), Path(environment["catalogue"]))

    def load_catalogue(self) -> Catalogue:
        """The catalogue of this run, with the splits its config asks for.

        Raises:
            UserError: It is missing, or is no longer the one the run started with.
        """
        catalogue = Catalogue.load(self.catalogue)
        if catalogue.sha256() != self.catalogue_sha256():
            raise UserError(
                f"the catalogue {self.catalogue} changed since {self.directory} was started: "
                "restore it, or start a new run."
            )
        return catalogue_of(self.config, catalogue)

    def catalogue_sha256(self) -> str:
        """SHA-256 of the `catalogue.csv` the run started with."""
        return (self.directory / "catalogue.sha256").read_text(encoding="utf-8").strip()

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
            noted = json.loads(path.read_text(encoding="utf-8"))
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
        with (self.directory / "train.log").open("a", encoding="utf-8") as file:
            file.write(f"{stamp} {message}\n")

    def history(self) -> list[dict[str, Any]]:
        """The rows of `history.csv`, values as text."""
        path = self.directory / "history.csv"
        if not path.is_file():
            return []
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

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


def is_run(path: Path) -> bool:
    """Tell whether a folder is a run directory, finished or not."""
    return (path / "config.yaml").is_file() and (path / "environment.json").is_file()


def catalogue_of(config: Config, catalogue: Catalogue) -> Catalogue:
    """The catalogue as an experiment sees it: the splits of a fold, classes it is not to see."""
    if config.cross_validation is not None:
        catalogue = fold_view(catalogue, config.cross_validation)
    return unseen_view(catalogue, config.unseen) if config.unseen else catalogue


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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
