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
from skinnet_keras.inference.photographs import FailedImage
from skinnet_keras.inference.prediction import read_cleaned
from skinnet_keras.inference.runner import Runner
from skinnet_keras.inference.segmenting import lesion_probability


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


def predict_photographs(
    runner: Runner, images: Sequence[Path], out: Path, *, threshold: float, tta: str = "none"
) -> Iterator[PhotographMask | FailedImage]:
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
        What was written for each photograph, in their order, or why it cannot be read.

    Raises:
        UserError: The model cannot be run, or its outputs are not finite.
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
        try:
            rgb, _ = read_cleaned(image, runner.cleaning)
        except UserError as error:
            yield FailedImage(str(image), str(error))
            continue
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
