"""The catalogue: one row an image over all data sets, with labels, groups and splits."""

from __future__ import annotations

import csv
import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path, PurePosixPath

import pandas as pd

from skinnet_keras.atomic import atomic_file
from skinnet_keras.errors import UserError
from skinnet_keras.json_text import read_json_file

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

OPTIONAL_COLUMNS = ("skin_type",)
"""Columns behind the others, in catalogues where any source fills them: Fitzpatrick skin type."""

TABLE_FILE = "catalogue.csv"
PAIRS_FILE = "duplicates.csv"
"""The pairs of copies a build found, see `skinnet_keras.data.copies.Copies`."""

SOURCES_FILE = "sources.json"


@dataclass(frozen=True)
class Catalogue:
    """A catalogue folder in memory.

    Attributes:
        root: The folder, which also holds the image cache.
        table: `COLUMNS` (and some of `OPTIONAL_COLUMNS`) as text, "" = missing; one row an image,
            `image_id` is unique.
            `duplicate_of` names the kept copy; duplicates and unlabelled rows have no `split`.
        sources: Source name -> root folder of its files.
        file_sha256: SHA-256 of the file this came from, where `table` differs from it.
    """

    root: Path
    table: pd.DataFrame
    sources: dict[str, Path]
    file_sha256: str | None = None

    @classmethod
    def load(cls, root: str | Path) -> Catalogue:
        """Read a catalogue written by `skinnet data build`.

        Args:
            root: The catalogue's folder.

        Raises:
            UserError: The folder is no catalogue, or its table is damaged: a column or a cell is
                missing, it has no row, or two rows have one `image_id`.
        """
        root = Path(root)
        for name in (TABLE_FILE, SOURCES_FILE):
            if not (root / name).is_file():
                raise UserError(
                    f"{root} has no {name}: make a catalogue with `skinnet data build`."
                )
        try:
            sources = read_json_file(root / SOURCES_FILE)
            folders = {name: Path(folder) for name, folder in sources.items()}
        except (ValueError, AttributeError, TypeError) as error:
            raise UserError(f"{root} is damaged ({error}): build the catalogue again.") from error
        return cls(root, _read_table(root / TABLE_FILE), folders)

    def write(self, folder: Path) -> None:
        """Write the source folders and then the table into a folder, each file at one stroke."""
        roots = {name: str(path) for name, path in self.sources.items()}
        with atomic_file(folder / SOURCES_FILE) as temporary:
            temporary.write_text(json.dumps(roots, indent=2) + "\n", encoding="utf-8")
        with atomic_file(folder / TABLE_FILE) as temporary:
            temporary.write_text(self._csv(), encoding="utf-8")

    def image_path(self, image_id: str) -> Path:
        """Return the image file of a row.

        Raises:
            UserError: There is no such row, its path leaves its source's folder, or that folder
                is not there.
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

    def with_table(self, table: pd.DataFrame) -> Catalogue:
        """Return the catalogue with another table, such as other splits of the same images.

        It shares the image cache with this one and is not meant to be written.
        """
        return replace(self, table=table, file_sha256=self.sha256())

    def sha256(self) -> str:
        """Return the SHA-256 of `catalogue.csv`, in hexadecimal."""
        if self.file_sha256 is not None:
            return self.file_sha256
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

    @cached_property
    def _absent_sources(self) -> set[str]:
        # os.path answers False also for what cannot be a path.
        return {name for name, root in self.sources.items() if not os.path.isdir(root)}

    def _files(self, image_id: str) -> tuple[str, str, str]:
        if image_id not in self._row_files:
            raise UserError(f"{self.root} has no image {image_id!r}: see {TABLE_FILE}.")
        return self._row_files[image_id]

    def _inside(self, source: str, path: str) -> Path:
        relative = PurePosixPath(path)
        if relative.is_absolute() or ".." in relative.parts or "\\" in path or "\0" in path:
            raise UserError(f"The path {path!r} leaves the folder of {source}: correct the table.")
        if source not in self.sources:
            raise UserError(f"{self.root / SOURCES_FILE} does not name the source {source!r}.")
        if source in self._absent_sources:
            raise UserError(
                f"The folder {self.sources[source]} of the source {source} is not there: if it was "
                f"moved, say `skinnet data build --update --source {source}=DIR --out {self.root}`."
            )
        return self.sources[source] / relative


def _read_table(path: Path) -> pd.DataFrame:
    """Read the table as it was written, cell by cell.

    Raises:
        UserError: It is no CSV, has no row, a row of another length than the header, or an
            `image_id` twice.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.reader(file, strict=True)
            header = next(reader, [])
            rows = []
            for row in reader:
                if len(row) != len(header):
                    raise UserError(
                        f"{path}, line {reader.line_num}: {len(row)} cells where the header has "
                        f"{len(header)}: build the catalogue again."
                    )
                rows.append(row)
    except (ValueError, csv.Error) as error:
        raise UserError(f"{path} is damaged ({error}): build the catalogue again.") from error
    missing = [column for column in COLUMNS if column not in header]
    if missing:
        raise UserError(f"{path} has no column {', '.join(missing)}: build it again.")
    if not rows:
        raise UserError(f"{path} has a header and no row: build it again.")
    table = pd.DataFrame(rows, columns=header, dtype=object)
    repeated = table["image_id"].duplicated()
    if repeated.any():
        raise UserError(
            f"{path} has {table['image_id'][repeated].iloc[0]} in two rows: build it again."
        )
    return table
