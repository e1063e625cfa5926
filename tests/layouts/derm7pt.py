"""The layout of derm7pt, as its authors' code and other people's readers describe it."""

from __future__ import annotations

from pathlib import Path

from layouts.pictures import picture, save_image, write_csv, write_text

_HEADER = (
    "case_num,diagnosis,seven_point_score,pigment_network,streaks,pigmentation,"
    "regression_structures,dots_and_globules,blue_whitish_veil,vascular_structures,"
    "level_of_diagnostic_difficulty,elevation,location,sex,management,clinic,derm,case_id,notes"
)
_CRITERIA = "0,absent,absent,absent,absent,absent,absent,absent,low,flat"


def write_derm7pt(root: Path) -> Path:
    """Five cases; names differ in case from the disk; cases 4 and 5 share a clinical photograph.

    The dermoscopic image of case 3 is absent. Case 4 is for training, case 5 for testing.
    """
    release = root / "release_v0"
    on_disk = ("NEL/Nel026.jpg", "NEL/nel027.JPG", "Fcl/Fcl001.jpg", "FCL/Fcl002.jpg")
    on_disk += ("NML/Nml003.jpg", "NML/Nml100.jpg", "NML/Nml101.jpg", "NML/Nml102.jpg")
    for row, name in enumerate(on_disk):
        save_image(release / "images" / name, picture(640 + row), format="JPEG")
    write_csv(
        release / "meta" / "meta.csv",
        _HEADER,
        [
            f"1,basal cell carcinoma,{_CRITERIA},head neck,female,excision,"
            "NEL/NEL026.jpg,NEL/Nel027.jpg,,",
            f"2,reed or spitz nevus,{_CRITERIA},lower limbs,male,clinical follow up,"
            "Fcl/Fcl001.jpg,Fcl/Fcl002.jpg,,",
            f"3,melanoma (less than 0.76 mm),{_CRITERIA},back,male,excision,"
            "NML/Nml003.jpg,NML/Nml004.jpg,,",
            f"4,clark nevus,{_CRITERIA},abdomen,female,no further examination,"
            "NML/Nml100.jpg,NML/Nml101.jpg,,",
            f"5,blue nevus,{_CRITERIA},buttocks,female,excision,NML/Nml100.jpg,NML/Nml102.jpg,17,",
        ],
    )
    for name, indexes in {"train": ["0", "3"], "valid": ["1"], "test": ["4", "2"]}.items():
        write_csv(release / "meta" / f"{name}_indexes.csv", "indexes", indexes)
    write_text(release / "README.txt")
    write_text(root / "__MACOSX" / "release_v0" / "images" / "NML" / "._Nml004.jpg")
    return root
