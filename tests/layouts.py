"""Writes small data sets in the true layouts of the real ones, from generated pictures."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from PIL import Image

WIDTH, HEIGHT = 120, 90


def picture(seed: int, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """A textured RGB picture; pictures of different seeds have nothing in common."""
    noise = np.random.default_rng(seed).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC))


def save_image(path: Path, rgb: np.ndarray, **options) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(rgb).save(path, **options)


def save_mask(path: Path, width: int = WIDTH, height: int = HEIGHT) -> None:
    """A lesion that fills the left half."""
    mask = np.zeros((height, width), dtype=np.uint8)
    mask[:, : width // 2] = 255
    save_image(path, mask)


def write_csv(path: Path, header: str, rows: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        for line in (header, *rows):
            writer.writerow(line.split(","))


def write_isic2017(root: Path, *, masks: bool = True, parts=("Training", "Validation")) -> Path:
    """Three images a part: melanoma, seborrhoeic keratosis, nevus; a fourth row has no image."""
    for number, part in enumerate(parts):
        stems = [f"ISIC_000{number}00{row}" for row in range(4)]
        folder = root / f"ISIC-2017_{part}_Data"
        for row, stem in enumerate(stems[:3]):
            save_image(folder / f"{stem}.jpg", picture(100 * number + row))
            save_image(folder / f"{stem}_superpixels.png", picture(0))
            if masks:
                name = f"{stem}_segmentation.png"
                save_mask(root / f"ISIC-2017_{part}_Part1_GroundTruth" / name)
        one_hot = ("1.0,0.0", "0.0,1.0", "0.0,0.0", "0.0,0.0")
        write_csv(
            root / f"ISIC-2017_{part}_Part3_GroundTruth.csv",
            "image_id,melanoma,seborrheic_keratosis",
            [f"{stem},{own}" for stem, own in zip(stems, one_hot, strict=True)],
        )
        patients = ("55,female", "unknown,male", "30,unknown", "20,male")
        write_csv(
            root / f"ISIC-2017_{part}_Data_metadata.csv",
            "image_id,age_approximate,sex",
            [f"{stem},{own}" for stem, own in zip(stems, patients, strict=True)],
        )
    return root


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


ISIC2019_DIAGNOSES = {
    "ISIC_0000000_downsampled": "MEL",
    "ISIC_0024306": "NV",
    "ISIC_0024308": "SCC",
    "ISIC_0053457": "VASC",
}


def write_isic2019(root: Path) -> Path:
    """Four rows: a twin of ISIC-2017 (squashed), two of HAM10000, of which one has no image."""
    classes = ("MEL", "NV", "BCC", "AK", "BKL", "DF", "VASC", "SCC", "UNK")
    folder = root / "ISIC_2019_Training_Input"
    save_image(folder / "ISIC_0000000_downsampled.jpg", picture(0, 60, 60))
    save_image(folder / "ISIC_0024306.jpg", picture(200, 60, 60))
    save_image(folder / "ISIC_0053457.jpg", picture(300, 60, 60))
    write_csv(
        root / "ISIC_2019_Training_GroundTruth.csv",
        f"image,{','.join(classes)}",
        [
            f"{stem},{','.join(str(float(name == own)) for name in classes)}"
            for stem, own in ISIC2019_DIAGNOSES.items()
        ],
    )
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


def write_all(root: Path) -> dict[str, Path]:
    """All four sets; source name -> folder."""
    return {
        "isic2017": write_isic2017(root / "isic2017"),
        "ham10000": write_ham10000(root / "ham10000"),
        "isic2019": write_isic2019(root / "isic2019"),
        "isic2020": write_isic2020(root / "isic2020"),
    }
