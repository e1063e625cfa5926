"""Lesion masks of photographs as pictures: the mask, and the mask drawn on the photograph."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from rich.console import Console
from rich.progress import track

from skinnet_keras.atomic import atomic_file
from skinnet_keras.data.image_io import resize_image
from skinnet_keras.errors import UserError
from skinnet_keras.inference.overlay import draw_overlay, enlarge_mask
from skinnet_keras.inference.prediction import read_cleaned
from skinnet_keras.inference.runner import Runner
from skinnet_keras.inference.segmenting import lesion_probability

_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff")


@dataclass(frozen=True)
class PhotographMask:
    """The mask of one photograph.

    Attributes:
        image: The photograph.
        mask: The written mask, 0 and 255.
        overlay: The written overlay.
        lesion_fraction: Lesion pixels over all pixels, 0..1.
    """

    image: Path
    mask: Path
    overlay: Path
    lesion_fraction: float

    def to_dict(self) -> dict[str, str | float]:
        """Return plain JSON values."""
        return {
            "image": str(self.image),
            "mask": str(self.mask),
            "overlay": str(self.overlay),
            "lesion_fraction": self.lesion_fraction,
        }


def find_photographs(paths: Sequence[Path], out: Path) -> list[Path]:
    """List the photographs that are meant.

    Args:
        paths: Image files, and folders for all JPEG, PNG, BMP and TIFF files right in them.
        out: Folder the masks will be written to.

    Returns:
        Image files, those of a folder in alphabetical order; none twice.

    Raises:
        UserError: A folder holds no image or is `out`, or two images have one stem and would be
            written to one file.
    """
    found: dict[Path, None] = {}
    for path in paths:
        images = _images_in(path) if path.is_dir() else [path]
        if not images:
            raise UserError(f"{path} holds no JPEG, PNG, BMP or TIFF file.")
        if path.is_dir() and path.resolve() == out.resolve():
            raise UserError(
                f"--out {out} is the folder of the photographs: choose another one, or the masks "
                "would be taken for photographs the next time."
            )
        found |= dict.fromkeys(images)
    stems: dict[str, Path] = {}
    for image in found:
        if stems.setdefault(image.stem, image) is not image:
            raise UserError(
                f"{stems[image.stem]} and {image} would write one mask file: rename one, or "
                "predict them into two folders."
            )
    return list(found)


def predict_photographs(
    runner: Runner, images: Sequence[Path], out: Path, *, threshold: float, tta: str = "none"
) -> Iterator[PhotographMask]:
    """Write `<stem>_mask.png` and `<stem>_overlay.png` of photographs, with a progress bar.

    Both have the size of the photograph after its EXIF orientation and the model's cleaning,
    which may crop borders.

    Args:
        runner: From `open_segmenter`.
        images: Image files of different stems.
        out: Folder to write to; it is created.
        threshold: Lesion probability from which a pixel is lesion.
        tta: Views to average over, one of `skinnet_keras.evaluation.segmentation.tta.TTA`.

    Yields:
        What was written for each photograph, in their order.

    Raises:
        UserError: A photograph cannot be read.
    """
    console = Console(stderr=True)
    steps = track(
        images,
        description="predicting masks",
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    for image in steps:
        rgb, _ = read_cleaned(image, runner.cleaning)
        pixels = resize_image(rgb, runner.image_size)[None]
        probability = lesion_probability(runner, pixels, tta=tta)[0]
        mask = enlarge_mask(probability, rgb.shape[:2], threshold)
        mask_file, overlay_file = write_pictures(out, image.stem, rgb, mask)
        yield PhotographMask(image, mask_file, overlay_file, float(mask.mean()))


def write_pictures(folder: Path, stem: str, rgb: np.ndarray, mask: np.ndarray) -> tuple[Path, Path]:
    """Write a mask, and the mask drawn on its photograph.

    Args:
        folder: Where to; it is created.
        stem: How the names of the files begin.
        rgb: uint8 (H, W, 3).
        mask: uint8 (H, W) in {0, 1}.

    Returns:
        `<stem>_mask.png` (0 and 255) and `<stem>_overlay.png`.
    """
    files = folder / f"{stem}_mask.png", folder / f"{stem}_overlay.png"
    for file, pixels in zip(files, (mask * np.uint8(255), draw_overlay(rgb, mask)), strict=True):
        with atomic_file(file) as temporary:
            Image.fromarray(pixels).save(temporary)
    return files


def _images_in(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.iterdir()
        # macOS leaves files "._*" that are no images.
        if path.suffix.lower() in _SUFFIXES and path.is_file() and not path.name.startswith(".")
    )
