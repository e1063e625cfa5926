"""A user's own folder with a CSV."""

from __future__ import annotations

from pathlib import Path

from layouts.pictures import picture, save_image, save_mask, write_csv, write_text


def write_folder(root: Path, *, name: str = "labels.csv") -> Path:
    """Three images in two folders with equal file names, one unlabelled; a fourth is absent."""
    for row, image in enumerate(("clinic/07.jpg", "clinic/08.png", "studio/07.jpg")):
        save_image(root / image, picture(670 + row))
    save_mask(root / "masks" / "07.png")
    write_csv(
        root / name,
        "path,label,mask_path,lesion_id,patient_id,age,sex,site,split,skin_type,comment",
        [
            "clinic/07.jpg,MEL,masks/07.png,a,p1,61,female,back,test,2.0,seen twice",
            "clinic/08.png,blue nevus,,b,p1,61,female,back,train,2.0,",
            "studio/07.jpg,,,c,p2,,,,,,",
            "studio/09.jpg,BCC,,d,p3,,,,,5.0,",
        ],
    )
    write_text(root / "notes.txt")
    return root
