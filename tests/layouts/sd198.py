"""The layout of SD-198, as other people's readers describe it."""

from __future__ import annotations

from pathlib import Path

from layouts.pictures import picture, save_image, write_text


def write_sd198(root: Path, *, folder: str = "images") -> Path:
    """Four photographs of three classes; one file name occurs in two classes."""
    files = (
        "Actinic_solar_Damage(Actinic_Keratosis)/000001.jpg",
        "Becker's_Nevus/000001.jpg",
        "Becker's_Nevus/000002.JPG",
        "Lichen_Planus/010203.jpg",
    )
    for row, name in enumerate(files):
        save_image(root / folder / name, picture(610 + row), format="JPEG")
    write_text(root / "8_2_split" / "train.txt")
    return root
