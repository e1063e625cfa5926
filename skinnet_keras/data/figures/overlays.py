"""Ground-truth lesion masks, drawn as outlines on their images."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from skimage.measure import find_contours

from skinnet_keras.data.catalogue import Catalogue
from skinnet_keras.data.figures.canvas import canvas, show_image
from skinnet_keras.data.figures.samples import caption, thumbnail
from skinnet_keras.data.image_masks import read_masked
from skinnet_keras.errors import UserError

_COLUMNS = 6
_CELL_WIDTH, _CELL_HEIGHT = 2.0, 2.05  # inches
_OUTLINE, _HALO = "#FFE14D", "#000000"


def draw_masks(catalogue: Catalogue, out: Path, *, count: int = 24, seed: int = 0) -> None:
    """Draw randomly chosen kept images with the outline of their ground-truth mask.

    Args:
        catalogue: The catalogue.
        out: The PNG to write.
        count: Number of images.
        seed: Decides which images are shown.

    Raises:
        UserError: No kept image has a mask, or a file cannot be read.
    """
    label_of = catalogue.usable().set_index("image_id")["label"]
    masks = {own: path for own in label_of.index if (path := catalogue.mask_path(own)) is not None}
    if not masks:
        raise UserError(
            f"{catalogue.root} has no ground-truth mask to show: add a data set that comes with "
            "masks, e.g. ISIC-2017."
        )
    chosen = np.random.default_rng(seed).permutation(list(masks))[:count].tolist()
    columns = min(_COLUMNS, len(chosen))
    rows = math.ceil(len(chosen) / columns)
    with canvas(out, _CELL_WIDTH * max(columns, 3), 0.4 + _CELL_HEIGHT * rows) as figure:
        title = f"Lesion masks: {len(chosen)} of {len(masks):,} images"
        figure.suptitle(title, x=0.01, ha="left", fontweight="bold")
        cells = figure.subplots(rows, columns, squeeze=False)
        for axes in cells.flat[len(chosen) :]:
            axes.axis("off")
        for axes, image_id in zip(cells.flat, chosen, strict=False):
            masked = read_masked(catalogue.image_path(image_id), masks[image_id])
            mask = np.asarray(masked.mask)
            label = label_of[image_id] or "unlabelled"
            text = f"{caption(image_id)}, {label}, {100 * mask.mean():.0f} % lesion"
            draw_overlay(axes, thumbnail(masked.rgb), mask, text)


def draw_overlay(axes: Axes, rgb: np.ndarray, mask: np.ndarray, text: str = "") -> None:
    """Draw the outlines of a mask on its image.

    Args:
        axes: Where.
        rgb: uint8 array of shape (H, W, 3).
        mask: uint8 array in {0, 1}, of another size perhaps.
        text: The caption.
    """
    height, width = rgb.shape[:2]
    show_image(axes, rgb, text)
    # A border of zeros closes outlines at the image's edge.
    for outline in find_contours(np.pad(mask, 1).astype(np.float32), 0.5):
        # Pixel centres are whole numbers, in the padded mask as on the axes.
        y, x = ((outline - 0.5) * (height, width) / mask.shape - 0.5).T
        axes.plot(x, y, color=_HALO, linewidth=2.2, alpha=0.6)
        axes.plot(x, y, color=_OUTLINE, linewidth=1.1)
    axes.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))
