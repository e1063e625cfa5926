"""Predicted masks kept in a catalogue's folder, by name.

    masks/NAME/masks.csv             image_id, mask_path, mask_origin, in_sample, image_sha256
    masks/NAME/masks.json            the network and how it was used
    masks/NAME/<source>/<stem>.png   1 bit a pixel, at the size of the cleaned image

`catalogue.csv` does not name them: its `mask_path` is ground truth and nothing else, so that no
segmentation network is trained or scored on what another one drew. A classifier asks for predicted
masks by their name (`segmenter.masks`) and then gets them for every image, also where ground truth
exists: mixing the two would tell it the source of an image, and with it the class.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from PIL import Image

from skinnet_keras.config import CleaningConfig
from skinnet_keras.data.cache import ImageCache
from skinnet_keras.data.catalogue import Catalogue
from skinnet_keras.data.image_io import read_mask, resize_mask
from skinnet_keras.errors import UserError
from skinnet_keras.json_text import read_json_file

TABLE_COLUMNS = ("image_id", "mask_path", "mask_origin", "in_sample", "image_sha256")

_FOLDER = "masks"
_TABLE_FILE = "masks.csv"
_DESCRIPTION_FILE = "masks.json"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_IN_SAMPLE = {"1": True, "0": False, "": None}
_HOW = "`skinnet segment predict RUN --data CATALOGUE --name NAME`"


@dataclass(frozen=True)
class MaskRow:
    """One mask of a table.

    Attributes:
        image_id: The catalogue's `image_id`.
        mask_path: POSIX path relative to the table's folder.
        mask_origin: "predicted:" and the network.
        in_sample: Whether the network was trained on this image; None where that is not known.
        image_sha256: Digest of the image file the mask was drawn on, as `ImageCache.contents` has
            it; "" where that is not known (masks of earlier versions).
    """

    image_id: str
    mask_path: str
    mask_origin: str
    in_sample: bool | None
    image_sha256: str = ""

    @property
    def in_sample_cell(self) -> str:
        """`in_sample` as it is written into tables: "1", "0" or ""."""
        return "" if self.in_sample is None else str(int(self.in_sample))


@dataclass(frozen=True)
class StoredMasks:
    """The masks of one name.

    Attributes:
        folder: `<catalogue>/masks/NAME`.
        rows: `image_id` -> its row.
        cleaning: How the images were cleaned that the masks lie on.
    """

    folder: Path
    rows: dict[str, MaskRow]
    cleaning: CleaningConfig

    @classmethod
    def open(cls, catalogue: Catalogue, name: str) -> StoredMasks:
        """Read the table and the description of the masks called `name`.

        Raises:
            UserError: There are none of that name, or their files are damaged.
        """
        known = stored_names(catalogue)
        if name not in known:
            listed = f"it has {', '.join(known)}" if known else "it has none"
            raise UserError(
                f"{catalogue.root} has no predicted masks called {name!r}: {listed}; make them "
                f"with {_HOW}."
            )
        folder = catalogue.root / _FOLDER / name
        try:
            with (folder / _TABLE_FILE).open(encoding="utf-8", newline="") as file:
                rows = {row["image_id"]: _parse(row) for row in csv.DictReader(file)}
            description = read_json_file(folder / _DESCRIPTION_FILE)
            cleaning = CleaningConfig.model_validate(description["cleaning"])
        except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
            raise UserError(
                f"{folder} is damaged or of another version of the package: predict its masks "
                "again with --overwrite."
            ) from error
        return cls(folder, rows, cleaning)

    def check_fit(self, image_ids: Iterable[str], cleaning: CleaningConfig) -> None:
        """Check that a training can use these masks.

        Args:
            image_ids: The images it needs masks of.
            cleaning: How it cleans them.

        Raises:
            UserError: An image has no mask, or the masks lie on images cleaned otherwise.
        """
        if cleaning != self.cleaning:
            raise UserError(
                f"{self.folder} was predicted with another cleaning section: its masks do not fit "
                "these images; use the same one, or predict the masks again."
            )
        absent = [image_id for image_id in image_ids if image_id not in self.rows]
        if absent:
            raise UserError(
                f"{self.folder} has no mask of {absent[0]} ({len(absent)} images lack one): "
                "predict its masks again with --overwrite."
            )

    def check_images(self, cache: ImageCache) -> None:
        """Check that the masks were drawn on the images as they are now.

        Args:
            cache: The cache of the catalogue.

        Raises:
            UserError: An image file holds something else now.
        """
        contents = cache.contents()
        changed = [
            image_id
            for image_id, row in self.rows.items()
            if row.image_sha256
            and image_id in contents
            and contents[image_id].image != row.image_sha256
        ]
        if changed:
            raise UserError(
                f"{len(changed):,} images changed since {self.folder} was predicted, the first is "
                f"{changed[0]}: predict its masks again with --overwrite."
            )

    def read(self, image_id: str, size: int) -> np.ndarray:
        """Read a mask in canonical preprocessing.

        Args:
            image_id: An image of `rows`.
            size: Side of the result in pixels.

        Returns:
            uint8 (size, size) in {0, 1}.

        Raises:
            UserError: The file is missing or damaged, or its path leaves the folder.
        """
        path = PurePosixPath(self.rows[image_id].mask_path)
        if _leaves_folder(path):
            raise UserError(f"The path {path} leaves {self.folder}: correct {_TABLE_FILE}.")
        return resize_mask(read_mask(self.folder / path), size)


def stored_names(catalogue: Catalogue) -> list[str]:
    """Return the names of the predicted masks a catalogue has, in alphabetical order."""
    tables = (catalogue.root / _FOLDER).glob(f"*/{_TABLE_FILE}")
    # Folders under construction begin with a dot.
    return sorted(table.parent.name for table in tables if _NAME.fullmatch(table.parent.name))


def masks_folder(catalogue: Catalogue, name: str) -> Path:
    """Return the folder of the masks called `name`, existing or not.

    Raises:
        UserError: No folder can have that name.
    """
    if not _NAME.fullmatch(name):
        raise UserError(f"{name!r} cannot name masks: use letters, digits, '.', '_' and '-'.")
    return catalogue.root / _FOLDER / name


def write_mask(folder: Path, image_id: str, mask: np.ndarray) -> str:
    """Write the PNG of one mask; threads may do so at once.

    Args:
        folder: Folder of the masks.
        image_id: The catalogue's `image_id`, "<source>:<file stem>"; both are unique together.
        mask: (H, W) in {0, 1}.

    Returns:
        `mask_path` of its row.

    Raises:
        UserError: The `image_id` cannot name a file.
    """
    source, _, stem = image_id.partition(":")
    relative = PurePosixPath(source, f"{stem}.png")
    if not stem or len(relative.parts) != 2 or _leaves_folder(relative) or "\\" in image_id:
        raise UserError(f"The image_id {image_id!r} cannot name a file: correct catalogue.csv.")
    path = folder / relative
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(mask.astype(bool)).save(path)
    return str(relative)


def write_tables(folder: Path, rows: Sequence[MaskRow], description: dict[str, Any]) -> None:
    """Write `masks.csv` and `masks.json` beside masks that are there already.

    Args:
        folder: Folder of the masks.
        rows: One for each mask.
        description: JSON values, among them `cleaning`, the settings of the cleaning.
    """
    with (folder / _TABLE_FILE).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(TABLE_COLUMNS)
        writer.writerows(
            (row.image_id, row.mask_path, row.mask_origin, row.in_sample_cell, row.image_sha256)
            for row in rows
        )
    text = json.dumps(description, indent=2) + "\n"
    (folder / _DESCRIPTION_FILE).write_text(text, encoding="utf-8")


def _leaves_folder(path: PurePosixPath) -> bool:
    return path.is_absolute() or ".." in path.parts


def _parse(row: dict[str, str]) -> MaskRow:
    image_id, mask_path, mask_origin, in_sample = (row[name] for name in TABLE_COLUMNS[:4])
    known = row.get("image_sha256", "")  # earlier versions did not write it
    return MaskRow(image_id, mask_path, mask_origin, _IN_SAMPLE[in_sample], known)
