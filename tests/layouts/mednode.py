"""The layout of MED-NODE, as other people's readers describe it."""

from __future__ import annotations

from pathlib import Path

from layouts.pictures import picture, save_image, write_text


def write_mednode(root: Path) -> Path:
    """Two melanomas and two naevi with equal numbers, and what operating systems leave behind."""
    folder = root / "complete_mednode_dataset"
    for row, name in enumerate(("melanoma/7", "melanoma/12", "naevus/7", "naevus/35")):
        save_image(folder / f"{name}.jpg", picture(600 + row))
    write_text(folder / "melanoma" / "Thumbs.db")
    write_text(folder / "melanoma" / "._7.jpg")
    write_text(root / "__MACOSX" / "complete_mednode_dataset" / "naevus" / "7.jpg")
    return root
