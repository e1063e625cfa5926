"""Generated pictures, masks and tables: what all layouts are made of."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from PIL import Image

WIDTH, HEIGHT = 120, 90


def picture(seed: int, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """A textured RGB picture; pictures of different seeds have nothing in common."""
    noise = np.random.default_rng(seed).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC))


def save_image(path: Path, rgb: np.ndarray, **options) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(rgb).save(path, **options)


def lesion(width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """A lesion that fills the left half: uint8, 0 and 255."""
    mask = np.zeros((height, width), dtype=np.uint8)
    mask[:, : width // 2] = 255
    return mask


def save_mask(path: Path, width: int = WIDTH, height: int = HEIGHT) -> None:
    """A lesion that fills the left half."""
    save_image(path, lesion(width, height))


def write_csv(path: Path, header: str, rows: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        for line in (header, *rows):
            writer.writerow(line.split(","))


def write_text(path: Path, text: str = "not an image") -> None:
    """A file that readers must skip, such as a licence."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def write_one_hot(path: Path, classes: tuple[str, ...], diagnoses: dict[str, str]) -> None:
    """The ISIC challenges' ground truth: columns `image` and one of 0.0 and 1.0 a class."""
    write_csv(
        path,
        f"image,{','.join(classes)}",
        [
            f"{stem},{','.join(str(float(name == own)) for name in classes)}"
            for stem, own in diagnoses.items()
        ],
    )
