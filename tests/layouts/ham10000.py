"""The true layout of HAM10000."""

from __future__ import annotations

from pathlib import Path

from layouts.pictures import picture, save_image, save_mask, write_csv

HAM_ROWS = [
    "HAM_0000001,ISIC_0024306,nv,histo,45.0,male,back",
    "HAM_0000001,ISIC_0024307,nv,histo,45.0,male,back",
    "HAM_0000002,ISIC_0024308,akiec,histo,70.0,female,face",
    "HAM_0000003,ISIC_0024309,akiec,histo,,unknown,unknown",
    "HAM_0000004,ISIC_0024310,df,consensus,30.0,female,trunk",
]


def write_ham10000(root: Path, *, masks: bool = False) -> Path:
    """Five rows; the first two images in part 1, two in part 2, the last one is absent."""
    for row, stem in enumerate(f"ISIC_002430{number}" for number in range(6, 10)):
        part = 1 + row // 2
        save_image(root / f"HAM10000_images_part_{part}" / f"{stem}.jpg", picture(200 + row))
        if masks:
            name = f"{stem}_segmentation.png"
            save_mask(root / "HAM10000_segmentations_lesion_tschandl" / name)
    write_csv(
        root / "HAM10000_metadata.csv",
        "lesion_id,image_id,dx,dx_type,age,sex,localization",
        HAM_ROWS,
    )
    return root
