"""Write synthetic lesions as a data-set folder that `data.sources.synthetic` reads."""

from __future__ import annotations

import csv
from pathlib import Path

from PIL import Image
from rich.console import Console
from rich.progress import track

from skinnet_keras.atomic import atomic_directory
from skinnet_keras.data.synthetic.generate import generate_lesion
from skinnet_keras.errors import UserError

COLUMNS = ("image", "diagnosis", "lesion_id", "age", "sex", "site", "copy_of")
JPEG_QUALITY = 92
MINIMUM_SIDE = 24


def _width_height(image_size: int | tuple[int, int]) -> tuple[int, int]:
    if isinstance(image_size, int):
        return image_size, round(image_size * 3 / 4)
    return image_size


def write_synthetic(
    out: str | Path,
    *,
    lesions: int,
    image_size: int | tuple[int, int] = 96,
    seed: int = 0,
    classes: int = 8,
    replace: bool = False,
) -> int:
    """Generate a data set of lesions and write it at once or not at all.

    The folder holds `images/<image>.jpg` (RGB), `masks/<image>_segmentation.png` (0 and 255) and
    `synthetic.csv` with the columns image, diagnosis, lesion_id, age, sex, site (empty: missing)
    and copy_of (the image that this one duplicates, empty otherwise; the truth for a test of
    deduplication, not an input).

    Args:
        out: Folder to create.
        lesions: Number of lesions; about 1.6 images each.
        image_size: Width in pixels at 4:3, or width and height.
        seed: Seed; the same seed gives the same pixels.
        classes: 8, or 9 for those and UNK: ring-shaped lesions that look like none of the eight.
        replace: Whether an existing, non-empty folder may be replaced.

    Returns:
        Number of images written.

    Raises:
        UserError: A number is out of range, or `out` is not empty and `replace` is false.
    """
    size = _width_height(image_size)
    if lesions < 1:
        raise UserError(f"lesions={lesions}: ask for at least 1 lesion.")
    if min(size) < MINIMUM_SIDE:
        raise UserError(f"image_size={image_size}: sides must be at least {MINIMUM_SIDE} pixels.")
    if seed < 0:
        raise UserError(f"seed={seed}: the seed must not be negative.")
    if classes not in (8, 9):
        raise UserError(f"classes={classes}: ask for 8 classes, or for 9 with UNK.")
    with atomic_directory(out, replace=replace) as folder:
        (folder / "images").mkdir()
        (folder / "masks").mkdir()
        with (folder / "synthetic.csv").open("w", newline="", encoding="utf-8") as file:
            table = csv.writer(file)
            table.writerow(COLUMNS)
            written = 0
            console = Console(stderr=True)
            for index in track(range(lesions), "synthetic lesions", console=console):
                for item in generate_lesion(index, seed=seed, size=size, classes=classes):
                    Image.fromarray(item.image).save(
                        folder / "images" / f"{item.name}.jpg", quality=JPEG_QUALITY
                    )
                    Image.fromarray(item.mask * 255).save(
                        folder / "masks" / f"{item.name}_segmentation.png"
                    )
                    name = item.name
                    table.writerow([name] + [getattr(item, column) for column in COLUMNS[1:]])
                    written += 1
    return written
