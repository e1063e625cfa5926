"""The layout that the package defines for the paper's own set."""

from __future__ import annotations

from pathlib import Path

from layouts.pictures import lesion, picture, save_image, save_mask, write_csv


def write_ras(root: Path) -> Path:
    """An RGB picture with a mask, a sequence with a preview, one without, and an absent one."""
    save_image(root / "images" / "p01_a.png", picture(660))
    save_mask(root / "masks" / "p01_a_segmentation.png")
    for row, name in enumerate(("450nm", "650nm", "rgb")):
        save_image(root / "images" / "p02_a" / f"{name}.png", picture(661 + row))
    for name in ("450nm", "650nm"):
        save_image(root / "images" / "p03_a" / f"{name}.tif", lesion())
    write_csv(
        root / "ras.csv",
        "image,diagnosis,lesion_id,patient_id,age,sex,site,band",
        [
            "p01_a,melanoma,1,p01,61,female,back,",
            "p02_a,nevus,2,p02,,male,face,450nm",
            "p03_a,BCC,3,p03,70,unknown,,650nm",
            "p04_a,BCC,4,p04,70,male,,",
        ],
    )
    return root
