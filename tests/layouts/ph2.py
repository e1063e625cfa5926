"""The layout of PH2, as other people's readers and a copy of its sheet describe it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from openpyxl import Workbook
from PIL import Image

from layouts.pictures import lesion, picture, save_image, write_text

# Name, histological diagnosis, code of the clinical diagnosis. IMD437 has no image.
_CASES = (
    ("IMD002", "Compound nevus", 1),
    ("IMD003", "", 0),
    ("IMD417", "Melanoma", 2),
    ("IMD437", "Melanoma", 2),
)

_TEXT_HEADER = (
    "||   Name || Histological Diagnosis || Clinical Diagnosis || Asymmetry | Pigment Network "
    "| Dots/Globules | Streaks | Regression Areas | Blue-Whitish Veil ||           Colors ||"
)
_TEXT_LEGEND = (
    "",
    "Legend:",
    "Clinical Diagnosis:",
    "\t0 - Common Nevus; 1 - Atypical Nevus; 2 - Melanoma.",
    "Asymmetry:",
    "\t0 - Fully Symmetric; 1 - Symetric in 1 axe; 2 - Fully Asymmetric",
    "|| Colors ||",
    "\t1 - White; 2 - Red; 3 - Light-Brown; 4 - Dark-Brown; 5 - Blue-Gray; 6 - Black",
)

_SHEET_LEGEND = (
    ("PH2 database",),
    (None,),
    ("Asymmetry", "0: fully symmetric", "1: in one axis", "2: fully asymmetric"),
    ("Pigment Network", "AT: Atypical", "T: Typical"),
    *[(None,)] * 8,
)
_SHEET_HEADER = (
    "Image Name",
    "Histological Diagnosis",
    "Common Nevus",
    "Atypical Nevus",
    "Melanoma",
    "Asymmetry\n(0/1/2)",
    "Pigment Network\n(AT/T)",
    "White",
)


def write_ph2(root: Path, *, sheet: bool = True, text: bool = True) -> Path:
    """Three images, of which IMD002 has an RGB mask, the others 1-bit ones; a fourth is absent."""
    folder = root / "PH2Dataset"
    for row, (name, _, _) in enumerate(_CASES[:3]):
        case = folder / "PH2 Dataset images" / name
        save_image(case / f"{name}_Dermoscopic_Image" / f"{name}.bmp", picture(650 + row))
        mask = Image.fromarray(lesion() > 0)
        if name == "IMD002":
            mask = Image.fromarray(np.dstack([lesion()] * 3))
        for path in (f"{name}_lesion/{name}_lesion.bmp", f"{name}_roi/{name}_R1_Label3.bmp"):
            (case / path).parent.mkdir(parents=True, exist_ok=True)
            mask.save(case / path)
    write_text(folder / "Readme.txt")
    if text:
        write_text(folder / "PH2_dataset.txt", _text())
    if sheet:
        _write_sheet(folder / "PH2_dataset.xlsx")
    return root


def _text() -> str:
    rows = [
        f"|| {name} || {histology:22} || {code:18} || {0:9} |               T |             A "
        "|       A |                A |                 A ||          3  4    ||"
        for name, histology, code in _CASES
    ]
    return "\n".join((_TEXT_HEADER, *rows, *_TEXT_LEGEND))


def _write_sheet(path: Path) -> None:
    book = Workbook()
    for row in (*_SHEET_LEGEND, _SHEET_HEADER):
        book.active.append(row)
    for name, histology, code in _CASES:
        crosses = ["X" if column == code else None for column in range(3)]
        book.active.append((name, histology or None, *crosses, 0, "T", None))
    book.active.append(("A remark below the table",))
    book.save(path)
