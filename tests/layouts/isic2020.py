"""The true layout of ISIC-2020."""

from __future__ import annotations

from pathlib import Path

from layouts.pictures import picture, save_image, write_csv


def write_isic2020(root: Path) -> Path:
    """Four rows: two of one patient, one of them unlabelled; the last one has no image."""
    for row, stem in enumerate(("ISIC_1000001", "ISIC_1000002", "ISIC_1000003")):
        save_image(root / "train" / f"{stem}.jpg", picture(400 + row))
    write_csv(
        root / "train.csv",
        "image_name,patient_id,sex,age_approx,anatom_site_general_challenge,diagnosis,"
        "benign_malignant,target",
        [
            "ISIC_1000001,IP_1,male,45.0,head/neck,unknown,benign,0",
            "ISIC_1000002,IP_1,male,45.0,torso,melanoma,malignant,1",
            "ISIC_1000003,IP_2,female,50.0,,lentigo NOS,benign,0",
            "ISIC_1000004,IP_3,female,50.0,,nevus,benign,0",
        ],
    )
    return root


def write_isic2020_test(root: Path, *, kaggle: bool = True) -> Path:
    """Two rows of the test set, the second without image, under Kaggle's or the official names."""
    folder = root / "jpeg" / "test" if kaggle else root / "ISIC_2020_Test_Input"
    save_image(folder / "ISIC_0052060.jpg", picture(410))
    rows = [
        "ISIC_0052060,IP_9,male,70.0,oral/genital",
        "ISIC_0052349,IP_9,male,40.0,lower extremity",
    ]
    if kaggle:
        header = "image_name,patient_id,sex,age_approx,anatom_site_general_challenge"
        write_csv(root / "test.csv", header, rows)
    else:
        header = "image,patient,sex,age_approx,anatom_site_general"
        write_csv(root / "ISIC_2020_Test_Metadata.csv", header, rows)
    return root
