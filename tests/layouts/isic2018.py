"""The layout of ISIC-2018, tasks 1 and 3, as its archives are described."""

from __future__ import annotations

from pathlib import Path

from layouts.pictures import picture, save_image, save_mask, write_csv, write_one_hot, write_text

_CLASSES = ("MEL", "NV", "BCC", "AKIEC", "BKL", "DF", "VASC")

# Seeds of the pictures. Those that ISIC-2017 and HAM10000 have as well are the same picture.
_PICTURES = {
    "ISIC_0000000": 0,
    "ISIC_0024306": 200,
    "ISIC_0024307": 201,
    "ISIC_0024308": 202,
    "ISIC_0034310": 500,
    "ISIC_0034524": 501,
    "ISIC_0036064": 502,
}

ISIC2018_DIAGNOSES = {
    "ISIC_0024306": "NV",
    "ISIC_0024307": "NV",
    "ISIC_0024308": "AKIEC",
    "ISIC_0024310": "DF",
}


def write_isic2018_task1(root: Path) -> Path:
    """Four images with masks; ISIC_0024306 and, for validation, ISIC_0024307 are also in task 3."""
    parts = {
        "Training": ("ISIC_0000000", "ISIC_0024306"),
        "Validation": ("ISIC_0024307",),
        "Test": ("ISIC_0036064",),
    }
    for part, stems in parts.items():
        for stem in stems:
            inputs = root / f"ISIC2018_Task1-2_{part}_Input"
            save_image(inputs / f"{stem}.jpg", picture(_PICTURES[stem]))
            write_text(inputs / "LICENSE.txt")
            truths = root / f"ISIC2018_Task1_{part}_GroundTruth"
            save_mask(truths / f"{stem}_segmentation.png")
            write_text(truths / "ATTRIBUTION.txt")
    task2 = root / "ISIC2018_Task2_Training_GroundTruth_v3"
    save_mask(task2 / "ISIC_0000000_attribute_globules.png")
    return root


def write_isic2018_task3(root: Path) -> Path:
    """Training (four rows, one without image), validation with labels, test without."""
    images = {
        "Training": ("ISIC_0024306", "ISIC_0024307", "ISIC_0024308"),
        "Validation": ("ISIC_0034310",),
        "Test": ("ISIC_0034524",),
    }
    truths = {"Training": ISIC2018_DIAGNOSES, "Validation": {"ISIC_0034310": "BKL"}}
    for part, stems in images.items():
        folder = root / f"ISIC2018_Task3_{part}_Input"
        for stem in stems:
            save_image(folder / f"{stem}.jpg", picture(_PICTURES[stem]))
        write_text(folder / "ATTRIBUTION.txt")
    for part, diagnoses in truths.items():
        name = f"ISIC2018_Task3_{part}_GroundTruth"
        write_one_hot(root / name / f"{name}.csv", _CLASSES, diagnoses)
    write_csv(
        root / "ISIC2018_Task3_Training_LesionGroupings.csv",
        "image,lesion_id,diagnosis_confirm_type",
        [
            "ISIC_0024306,HAM_0000001,histopathology",
            "ISIC_0024307,HAM_0000001,histopathology",
            "ISIC_0024308,HAM_0000002,single image expert consensus",
            "ISIC_0024310,HAM_0000004,histopathology",
        ],
    )
    return root


def write_isic2018(root: Path) -> Path:
    """Both tasks."""
    return write_isic2018_task3(write_isic2018_task1(root))
