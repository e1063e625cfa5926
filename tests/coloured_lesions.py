"""A catalogue whose classes differ in the colour of the lesion: classical features tell them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from skinnet_keras.data.catalogue import COLUMNS, Catalogue

COLOURS = {"MEL": (60, 50, 90), "NV": (120, 80, 50), "VASC": (150, 30, 40)}
SPLITS = ("train", "train", "train", "val", "test")


def draw_lesion(label: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A disc of the class's colour on skin, 48 x 40, and its mask."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:40, :48]
    disc = np.hypot(y - rng.uniform(19, 21), x - rng.uniform(23, 25)) < rng.uniform(9, 13)
    skin = np.array((215, 175, 150)) + rng.normal(0, 5, 3)
    lesion = np.array(COLOURS[label]) + rng.normal(0, 5, 3)
    pixels = np.where(disc[..., None], lesion, skin) + rng.normal(0, 6, (40, 48, 3))
    return pixels.clip(0, 255).astype(np.uint8), disc.astype(np.uint8)


def make_lesion_catalogue(root: Path, *, images: int = 45) -> Catalogue:
    """`images` lesions of three classes, each its own group, with folders and table written."""
    source = root / "source"
    source.mkdir(parents=True)
    rows = []
    for i in range(images):
        label = list(COLOURS)[i % 3]
        Image.fromarray(draw_lesion(label, i)[0]).save(source / f"p{i}.png")
        rows.append(
            dict.fromkeys(COLUMNS, "")
            | {
                "image_id": f"tiny:p{i}",
                "source": "tiny",
                "path": f"p{i}.png",
                "label": label,
                "age": str(20 + 25 * (i % 3)),
                "group": f"g{i}",
                "split": SPLITS[i // 3 % 5],
            }
        )
    catalogue = Catalogue(root, pd.DataFrame(rows, columns=list(COLUMNS)), {"tiny": source})
    catalogue.write(root)
    return catalogue
