"""The catalogue: one row an image over all data sets, with labels, groups and splits."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

import pandas as pd

from skinnet_keras.atomic import atomic_directory
from skinnet_keras.data.assembly import assemble
from skinnet_keras.data.build_report import BuildReport, class_counts, source_counts
from skinnet_keras.data.copies import find_copies
from skinnet_keras.data.groups import name_groups
from skinnet_keras.data.inventory import read_images
from skinnet_keras.data.sources import source_named
from skinnet_keras.data.splits import SPLITS, read_splits, split_table
from skinnet_keras.errors import UserError

COLUMNS = (
    "image_id",
    "source",
    "path",
    "mask_path",
    "mask_origin",
    "diagnosis",
    "label",
    "lesion_id",
    "patient_id",
    "age",
    "sex",
    "site",
    "phash",
    "duplicate_of",
    "group",
    "split",
    "fold",
)

_TABLE_FILE = "catalogue.csv"
_SOURCES_FILE = "sources.json"


@dataclass(frozen=True)
class Catalogue:
    """A catalogue folder in memory.

    Attributes:
        root: The folder, which also holds the image cache.
        table: `COLUMNS` as text, "" = missing; one row an image, `image_id` is unique.
            `duplicate_of` names the kept copy; duplicates and unlabelled rows have no `split`.
        sources: Source name -> root folder of its files.
    """

    root: Path
    table: pd.DataFrame
    sources: dict[str, Path]

    @classmethod
    def load(cls, root: str | Path) -> Catalogue:
        """Read a catalogue written by `build_catalogue`.

        Args:
            root: The catalogue's folder.

        Raises:
            UserError: The folder is no catalogue, or a column is missing.
        """
        root = Path(root)
        for name in (_TABLE_FILE, _SOURCES_FILE):
            if not (root / name).is_file():
                raise UserError(
                    f"{root} has no {name}: make a catalogue with `skinnet data build`."
                )
        try:
            table = pd.read_csv(root / _TABLE_FILE, dtype=str, keep_default_na=False)
            sources = json.loads((root / _SOURCES_FILE).read_text(encoding="utf-8"))
            folders = {name: Path(folder) for name, folder in sources.items()}
        except (ValueError, AttributeError, TypeError) as error:
            raise UserError(f"{root} is damaged ({error}): build the catalogue again.") from error
        missing = [column for column in COLUMNS if column not in table.columns]
        if missing:
            raise UserError(
                f"{root / _TABLE_FILE} has no column {', '.join(missing)}: build it again."
            )
        return cls(root, table, folders)

    def write(self, folder: Path) -> None:
        """Write the table and the source folders into an existing folder."""
        (folder / _TABLE_FILE).write_text(self._csv(), encoding="utf-8")
        roots = {name: str(path) for name, path in self.sources.items()}
        (folder / _SOURCES_FILE).write_text(json.dumps(roots, indent=2) + "\n", encoding="utf-8")

    def image_path(self, image_id: str) -> Path:
        """Return the image file of a row.

        Raises:
            UserError: There is no such row, or its path leaves its source's folder.
        """
        source, path, _ = self._files(image_id)
        return self._inside(source, path)

    def mask_path(self, image_id: str) -> Path | None:
        """Return the ground-truth mask file of a row, or None; errors as `image_path`."""
        source, _, path = self._files(image_id)
        return self._inside(source, path) if path else None

    def usable(self, splits: Sequence[str] | None = None) -> pd.DataFrame:
        """Return the kept rows: those that are nobody's duplicate.

        Args:
            splits: Names among `SPLITS` to restrict to; by default all kept rows, unlabelled
                ones included.
        """
        kept = self.table["duplicate_of"] == ""
        if splits is not None:
            kept &= self.table["split"].isin(list(splits))
        return self.table[kept].reset_index(drop=True)

    def sha256(self) -> str:
        """Return the SHA-256 of `catalogue.csv`, in hexadecimal."""
        return hashlib.sha256(self._csv().encode("utf-8")).hexdigest()

    def _csv(self) -> str:
        return self.table.to_csv(index=False, lineterminator="\n")

    @cached_property
    def _row_files(self) -> dict[str, tuple[str, str, str]]:
        columns = self.table[["image_id", "source", "path", "mask_path"]]
        return {
            image_id: (source, path, mask_path)
            for image_id, source, path, mask_path in columns.itertuples(index=False)
        }

    def _files(self, image_id: str) -> tuple[str, str, str]:
        if image_id not in self._row_files:
            raise UserError(f"{self.root} has no image {image_id!r}: see {_TABLE_FILE}.")
        return self._row_files[image_id]

    def _inside(self, source: str, path: str) -> Path:
        relative = PurePosixPath(path)
        if relative.is_absolute() or ".." in relative.parts or "\\" in path:
            raise UserError(f"The path {path!r} leaves the folder of {source}: correct the table.")
        if source not in self.sources:
            raise UserError(f"{self.root / _SOURCES_FILE} does not name the source {source!r}.")
        return self.sources[source] / relative


def build_catalogue(
    sources: Mapping[str, str | Path],
    out: str | Path,
    *,
    seed: int = 0,
    fractions: tuple[float, float, float] = (0.70, 0.15, 0.15),
    unknown: str | None = None,
    splits: str | Path | None = None,
    keep_official: bool = False,
    workers: int | None = None,
) -> BuildReport:
    """Read, map, deduplicate, group and split data sets into a catalogue folder.

    Images that cannot be read are reported and left out. The result depends on the files, the
    order of `sources` and the arguments only.

    Args:
        sources: Source name (a key of `SOURCES`) -> the folder it was unpacked to.
        out: The catalogue's folder; it must not exist or be empty.
        seed: Decides which groups go into which split and fold.
        fractions: Shares of train, val and test.
        unknown: "UNK" counts diagnoses the taxonomy does not have as UNK; None refuses them.
        splits: A CSV `image_id,split` with the split of some or all images. A group named with
            several splits goes into test before val before train.
        keep_official: Whether a data set's official splits stay: a group that touches an official
            test (else validation, else training) set is in it as a whole.
        workers: Threads that read images; by default one a CPU core.

    Returns:
        The counts.

    Raises:
        UserError: A data set is incomplete, a word is not known, no image can be read, or `out`
            is not empty.
    """
    if not sources:
        raise UserError("No source was given: name at least one, e.g. isic2019=FOLDER.")
    if min(fractions) < 0 or not math.isclose(sum(fractions), 1.0, abs_tol=1e-6):
        raise UserError(f"The fractions {fractions} are not three shares that sum to 1.")
    roots = {name: Path(root).resolve() for name, root in sources.items()}
    with atomic_directory(out) as folder:
        tables = {name: source_named(name).read(root) for name, root in roots.items()}
        table = assemble(tables, unknown=unknown)
        table, prints, unreadable, masks_left_out = read_images(
            table, roots, workers or os.cpu_count() or 1
        )
        table, causes, conflicts = find_copies(table, prints)
        table["group"] = name_groups(table)
        asked = read_splits(Path(splits), table["image_id"]) if splits else {}
        shares = dict(zip(SPLITS, fractions, strict=True))
        table = split_table(table, shares, seed, asked=asked, keep_official=keep_official)
        Catalogue(folder, table[list(COLUMNS)], roots).write(folder)
    classes = class_counts(table)
    by_group = table["group"].value_counts()
    return BuildReport(
        rows=len(table),
        kept=int((table["duplicate_of"] == "").sum()),
        sources=source_counts(table, tables),
        classes=classes,
        duplicates=causes,
        label_conflicts=conflicts,
        unreadable=unreadable,
        masks_left_out=masks_left_out,
        largest_group=by_group.index[0],
        largest_group_images=int(by_group.iloc[0]),
        notes=[note for source in tables.values() for note in source.notes]
        + [
            f"{label} has no image in {split}: it has too few groups."
            for label, counts in classes.items()
            for split in SPLITS
            if counts[split] == 0 and fractions[SPLITS.index(split)] > 0
        ],
    )
