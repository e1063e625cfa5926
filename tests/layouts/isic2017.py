"""The true layout of ISIC-2017."""

from __future__ import annotations

from pathlib import Path

from layouts.pictures import picture, save_image, save_mask, write_csv


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
