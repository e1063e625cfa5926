"""Lesions by number: lesion i depends on (seed, i) only, so any subset can be made in any order."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from skinnet_keras.data.synthetic.clinical import draw_patient
from skinnet_keras.data.synthetic.colours import (
    BROWN_FAMILY,
    PINK_FAMILY,
    draw_skin,
    draw_tone,
)
from skinnet_keras.data.synthetic.render import Lesion, Skin, View, render
from skinnet_keras.data.synthetic.shapes import OUTLINES, Outline
from skinnet_keras.data.synthetic.textures import BORDER_SOFTNESS, PATTERNS

# Of every 40 consecutive lesions. The order of ISIC-2019 (NV 51 %, MEL 18, BCC 13, BKL 10, AK 3,
# SCC 2, VASC 1, DF 1), with a floor of 5 % so that a few hundred lesions split three ways.
_BLOCK = {"NV": 17, "MEL": 6, "BCC": 5, "BKL": 4, "AK": 2, "SCC": 2, "VASC": 2, "DF": 2}
# With the ninth class, its lesions take the place of naevi.
_BLOCKS = {8: _BLOCK, 9: {**_BLOCK, "NV": 14, "UNK": 3}}
_BLOCK_LABELS = {
    classes: [label for label, count in block.items() for _ in range(count)]
    for classes, block in _BLOCKS.items()
}
_BLOCK_STREAM, _LESION_STREAM = 0, 1


@dataclass(frozen=True)
class SyntheticImage:
    """One image of one lesion.

    Attributes:
        name: File stem.
        image: uint8 RGB (H, W, 3).
        mask: Exact lesion mask, uint8 {0, 1} (H, W).
        diagnosis: One of the class names.
        lesion_id: The same for all images of the lesion.
        age: Years as text, "" for missing.
        sex: "female", "male" or "".
        site: ISIC-2019 site or "".
        copy_of: Name of the image that this one duplicates exactly or nearly, else "".
    """

    name: str
    image: NDArray[np.uint8]
    mask: NDArray[np.uint8]
    diagnosis: str
    lesion_id: str
    age: str
    sex: str
    site: str
    copy_of: str = ""


def _generator(seed: int, stream: int, index: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(stream, index)))


def class_of(index: int, seed: int, classes: int = 8) -> str:
    """Class of lesion `index`: every 40 consecutive lesions hold the same counts, shuffled.

    Args:
        index: Number of the lesion, from 0.
        seed: Seed of the data set.
        classes: 8, or 9 for those and UNK.
    """
    labels = _BLOCK_LABELS[classes]
    block, position = divmod(index, len(labels))
    order = _generator(seed, _BLOCK_STREAM, block).permutation(len(labels))
    return labels[order[position]]


def _draw_outline(rng: np.random.Generator, label: str) -> Outline:
    """The class's outline or, for one lesion in seven, that of a class of the same colours."""
    family = BROWN_FAMILY if label in BROWN_FAMILY else PINK_FAMILY
    atypical = rng.random() < 0.15
    return OUTLINES[str(rng.choice(family)) if atypical else label](rng)


def _draw_lesion(rng: np.random.Generator, label: str) -> Lesion:
    return Lesion(
        outline=_draw_outline(rng, label),
        pattern=PATTERNS[label](rng),
        tone=draw_tone(rng, label),
        softness=float(rng.uniform(*BORDER_SOFTNESS[label])),
        halo=float(rng.uniform(0.1, 0.3)) * (label == "DF" or rng.random() < 0.2),
        radius=float(rng.uniform(0.2, 0.32)),
        skin=Skin.draw(rng, draw_skin(rng)),
    )


def _near_copy(view: View, rng: np.random.Generator) -> View:
    """The same photograph, slightly cropped and brightened."""
    gain = rng.uniform(0.97, 1.03)
    red, green, blue = view.gains
    gains = (red * gain, green * gain, blue * gain)
    return replace(view, zoom=view.zoom * float(rng.uniform(1.0, 1.02)), gains=gains)


def generate_lesion(
    index: int, *, seed: int = 0, size: tuple[int, int] = (96, 72), classes: int = 8
) -> list[SyntheticImage]:
    """Make all images of one lesion.

    Args:
        index: Number of the lesion, from 0.
        seed: Seed of the data set.
        size: Width and height in pixels; structures scale with it.
        classes: 8, or 9 for those and UNK.

    Returns:
        One to three views from different positions, at different zoom and light, and for one
        lesion in ten an exact or near copy of the first view under another name.
    """
    label = class_of(index, seed, classes)
    rng = _generator(seed, _LESION_STREAM, index)
    patient = draw_patient(rng, label)
    lesion = _draw_lesion(rng, label)
    views = [View.draw(rng) for _ in range(int(rng.choice([1, 2, 3], p=[0.6, 0.28, 0.12])))]
    copied = rng.random() < 0.1
    if copied:
        views.append(views[0] if rng.random() < 0.5 else _near_copy(views[0], rng))
    lesion_id = f"SYN_{index:06d}"
    images = []
    for number, view in enumerate(views):
        image, mask = render(lesion, view, size)
        images.append(
            SyntheticImage(
                name=f"{lesion_id}_{number}",
                image=image,
                mask=mask,
                diagnosis=label,
                lesion_id=lesion_id,
                age=patient.age,
                sex=patient.sex,
                site=patient.site,
                copy_of=f"{lesion_id}_0" if copied and number == len(views) - 1 else "",
            )
        )
    return images
