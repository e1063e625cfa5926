"""The two layouts of SKINL2, as other people's readers describe them."""

from __future__ import annotations

from pathlib import Path

from layouts.pictures import lesion, picture, save_image, write_text


def write_skinl2(root: Path) -> Path:
    """Versions 1 to 3 side by side: four lesions, of which versions 2 and 3 number one alike."""
    first = root / "SKINL2_v1"
    write_text(first / "PlenoISLA_DatasetV1_info.xlsx")
    for row, name in enumerate(("Basal-cell Carcinoma/0012", "Nevus/0243")):
        number = Path(name).name
        save_image(first / "Dermatoscopic" / f"{name}_Dermatoscopic.png", picture(620 + row))
        save_image(first / "Central View" / name / f"{number}_TotalFocus.png", picture(0))
        save_image(first / "DepthMap" / name / f"{number}_DepthMap.tiff", lesion())
        write_text(first / "Light Fields" / f"{name}.raw")
    for version, diagnosis, seed in (("v2", "Others", 622), ("v3", "Hemangioma", 623)):
        write_text(root / f"SKINL2_{version}" / f"PlenoISLA_Dataset{version.upper()}_info.xlsx")
        case = root / f"SKINL2_{version}" / "0087" / diagnosis
        save_image(case / "Dermatoscopic" / "0087_Dermatoscopic.png", picture(seed))
        save_image(case / "Light Field" / "Central View" / "0087_TotalFocus.png", picture(0))
    return root
