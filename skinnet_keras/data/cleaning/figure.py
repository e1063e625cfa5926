"""Before and after: what each step of the cleaning does to images of a catalogue."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from skinnet_keras.atomic import atomic_file
from skinnet_keras.config import CleaningConfig
from skinnet_keras.data.catalogue import Catalogue
from skinnet_keras.data.cleaning.apply import clean
from skinnet_keras.data.image_io import resize_image, resize_mask
from skinnet_keras.data.image_masks import read_masked
from skinnet_keras.errors import UserError

_EVERYTHING = CleaningConfig(borders=True, hair=True, rulers_and_ink=True, colour_constancy=True)
_CANDIDATES_A_ROW = 12
_COMPARED_AT = 96  # pixels
_SHOWN_AT = 240
_OUTLINE = (0, 200, 200)


def draw_cleaning(
    catalogue: Catalogue,
    out: Path,
    *,
    cleaning: CleaningConfig | None = None,
    count: int = 6,
    seed: int = 0,
) -> None:
    """Draw images as they are, after each step alone, and after all steps.

    Of a random sample, the images are shown on which the steps change most, in turn. Ground-truth
    masks are outlined: where borders are cropped, the outline shows that the mask moved along.

    Args:
        catalogue: The catalogue.
        out: The PNG to write.
        cleaning: The steps; all of them where none is on.
        count: Number of images.
        seed: Decides the sample.

    Raises:
        UserError: The catalogue has no kept image, or an image cannot be read.
    """
    if cleaning is None or not cleaning.steps:
        cleaning = _EVERYTHING
    kept = catalogue.usable()["image_id"].to_numpy()
    if not len(kept):
        raise UserError(f"{catalogue.root} has no kept image to show.")
    settings = _each_alone(cleaning)
    sample = np.random.default_rng(seed).permutation(list(kept))[: count * _CANDIDATES_A_ROW]
    shown = _most_changed(catalogue, list(sample), settings, count)
    columns = ["original", *settings]
    if len(settings) > 1:
        columns.append("all steps")
    figure = Figure(figsize=(2.1 * len(columns), 2.15 * len(shown) + 0.3), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(len(shown), len(columns), squeeze=False)
    for axes, image_id in zip(grid, shown, strict=True):
        rgb, mask = _read(catalogue, image_id)
        _show(axes[0], rgb, mask)
        for axis, one in zip(axes[1:], [*settings.values(), cleaning], strict=False):
            _show(axis, *clean(rgb, mask, one))
        axes[0].set_ylabel(image_id, fontsize=7)
    for axis, title in zip(grid[0], columns, strict=True):
        axis.set_title(title.replace("_", " "), fontsize=9)
    with atomic_file(out) as temporary:
        figure.savefig(temporary, format="png", dpi=120)


def _each_alone(cleaning: CleaningConfig) -> dict[str, CleaningConfig]:
    off = dict.fromkeys(cleaning.steps, False)
    return {step: cleaning.model_copy(update={**off, step: True}) for step in cleaning.steps}


def _most_changed(
    catalogue: Catalogue, sample: list[str], settings: dict[str, CleaningConfig], count: int
) -> list[str]:
    """Return the images that each step in turn changes most."""
    changes = np.empty((len(sample), len(settings)))
    for row, image_id in enumerate(sample):
        rgb, mask = _read(catalogue, image_id)
        before = resize_image(rgb, _COMPARED_AT).astype(np.float32)
        for column, one in enumerate(settings.values()):
            after = resize_image(clean(rgb, mask, one)[0], _COMPARED_AT)
            changes[row, column] = np.abs(after - before).mean()
    ranked = np.argsort(-changes, axis=0, kind="stable").ravel()
    return [sample[row] for row in dict.fromkeys(ranked.tolist())][:count]


def _read(catalogue: Catalogue, image_id: str) -> tuple[np.ndarray, np.ndarray | None]:
    masked = read_masked(catalogue.image_path(image_id), catalogue.mask_path(image_id))
    return masked.rgb, masked.mask


def _show(axis: Axes, rgb: np.ndarray, mask: np.ndarray | None) -> None:
    picture = resize_image(rgb, _SHOWN_AT).copy()
    if mask is not None:
        small = resize_mask(mask, _SHOWN_AT)
        contours, _ = cv2.findContours(small, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(picture, contours, -1, _OUTLINE, 1)
    axis.imshow(picture)
    axis.set_xticks([])
    axis.set_yticks([])
