"""Writes small data sets in the layouts of the real ones, from generated pictures."""

from __future__ import annotations

from pathlib import Path

from layouts.derm7pt import write_derm7pt
from layouts.folder import write_folder
from layouts.ham10000 import HAM_ROWS, write_ham10000
from layouts.isic2017 import write_isic2017
from layouts.isic2018 import write_isic2018
from layouts.isic2019 import ISIC2019_DIAGNOSES, write_isic2019
from layouts.isic2020 import write_isic2020
from layouts.mednode import write_mednode
from layouts.ph2 import write_ph2
from layouts.pictures import HEIGHT, WIDTH, picture, save_image, save_mask, write_csv
from layouts.ras import write_ras
from layouts.sd198 import write_sd198
from layouts.skinl2 import write_skinl2

__all__ = [
    "HAM_ROWS",
    "HEIGHT",
    "ISIC2019_DIAGNOSES",
    "WIDTH",
    "WRITERS",
    "picture",
    "save_image",
    "save_mask",
    "write_all",
    "write_csv",
    "write_derm7pt",
    "write_folder",
    "write_ham10000",
    "write_isic2017",
    "write_isic2018",
    "write_isic2019",
    "write_isic2020",
    "write_mednode",
    "write_ph2",
    "write_ras",
    "write_sd198",
    "write_skinl2",
]

# Source name -> what writes its layout into a folder.
WRITERS = {
    "isic2017": write_isic2017,
    "isic2018": write_isic2018,
    "ham10000": write_ham10000,
    "isic2019": write_isic2019,
    "isic2020": write_isic2020,
    "mednode": write_mednode,
    "sd198": write_sd198,
    "derm7pt": write_derm7pt,
    "derm7pt_clinical": write_derm7pt,
    "skinl2": write_skinl2,
    "ph2": write_ph2,
    "ras": write_ras,
    "folder": write_folder,
}


def write_all(root: Path) -> dict[str, Path]:
    """The four ISIC sets; source name -> folder."""
    return {
        name: WRITERS[name](root / name)
        for name in ("isic2017", "ham10000", "isic2019", "isic2020")
    }
