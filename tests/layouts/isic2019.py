"""The true layout of ISIC-2019."""

from __future__ import annotations

from pathlib import Path

from layouts.pictures import picture, save_image, write_csv, write_one_hot

_CLASSES = ("MEL", "NV", "BCC", "AK", "BKL", "DF", "VASC", "SCC", "UNK")

ISIC2019_DIAGNOSES = {
    "ISIC_0000000_downsampled": "MEL",
    "ISIC_0024306": "NV",
    "ISIC_0024308": "SCC",
    "ISIC_0053457": "VASC",
}


def write_isic2019(root: Path) -> Path:
    """Four rows: a twin of ISIC-2017 (squashed), two of HAM10000, of which one has no image."""
    folder = root / "ISIC_2019_Training_Input"
    save_image(folder / "ISIC_0000000_downsampled.jpg", picture(0, 60, 60))
    save_image(folder / "ISIC_0024306.jpg", picture(200, 60, 60))
    save_image(folder / "ISIC_0053457.jpg", picture(300, 60, 60))
    write_one_hot(root / "ISIC_2019_Training_GroundTruth.csv", _CLASSES, ISIC2019_DIAGNOSES)
    write_csv(
        root / "ISIC_2019_Training_Metadata.csv",
        "image,age_approx,anatom_site_general,lesion_id,sex",
        [
            "ISIC_0000000_downsampled,55,anterior torso,,female",
            "ISIC_0024306,45,posterior torso,HAM_0000001,male",
            "ISIC_0024308,70,head/neck,HAM_0000002,female",
            "ISIC_0053457,,,BCN_0000001,",
        ],
    )
    return root


def write_isic2019_test(root: Path, *, images: bool = True, labels: bool = True) -> Path:
    """Two rows of the test set; its metadata have no lesion ids, its labels two weights more."""
    stems = ("ISIC_0034321", "ISIC_0034322")
    if images:
        for row, stem in enumerate(stems):
            save_image(root / "ISIC_2019_Test_Input" / f"{stem}.jpg", picture(310 + row, 60, 60))
    write_csv(
        root / "ISIC_2019_Test_Metadata.csv",
        "image,age_approx,anatom_site_general,sex",
        ["ISIC_0034321,60,,female", "ISIC_0034322,70,anterior torso,male"],
    )
    if labels:
        write_csv(
            root / "ISIC_2019_Test_GroundTruth.csv",
            f"image,{','.join(_CLASSES)},score_weight,validation_weight",
            [
                "ISIC_0034321,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,1.0,1.0,0.0",
                "ISIC_0034322,0.0,0.0,1.0,0.0,0.0,0.0,0.0,0.0,0.0,0.8,0.0",
            ],
        )
    return root
