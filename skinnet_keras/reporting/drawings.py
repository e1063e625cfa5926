"""Figures as SVG inside the page, photographs as data URIs with the outlines of their masks."""

from __future__ import annotations

import base64
import io
import itertools
import re
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from skimage.measure import find_contours

from skinnet_keras.data.image_io import read_image
from skinnet_keras.evaluation.plots import PREDICTED_COLOUR, REFERENCE_COLOUR
from skinnet_keras.reporting.blocks import FigureBlock

_number = itertools.count(1)
_THUMBNAIL = 224  # pixels
_SHEET_WIDTH = 1800  # pixels: maps of 1.5 inches stay readable on a dense screen


def figure_block(
    draw: Callable[[Path], None], description: str, caption: str = "", *, wide: bool = False
) -> FigureBlock:
    """Let a plot function write an SVG and take it into the page.

    Args:
        draw: Writes the figure to a path that ends in `.svg`.
        description: What it shows, for those who cannot see it.
        caption: A sentence under it.
        wide: Whether it takes the width of the page.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "figure.svg"
        draw(path)
        text = path.read_text(encoding="utf-8")
    return FigureBlock(_embedded(text), description, caption, wide)


def _embedded(svg: str) -> str:
    """The `<svg>` element alone, with ids that no other figure of the page has."""
    svg = svg[svg.index("<svg") :].strip()
    prefix = f"f{next(_number)}-"
    svg = re.sub(r'\bid="', f'id="{prefix}', svg)
    svg = re.sub(r'href="#', f'href="#{prefix}', svg)
    svg = svg.replace("url(#", f"url(#{prefix}")
    return re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)


def photograph(
    image: np.ndarray, predicted: np.ndarray | None = None, reference: np.ndarray | None = None
) -> str:
    """An image as a JPEG data URI, its masks outlined.

    Args:
        image: uint8 (S, S, 3).
        predicted: {0, 1} (S, S), outlined in the colour of predictions; None for none.
        reference: Likewise, in the colour of references.
    """
    scale = max(1, round(_THUMBNAIL / image.shape[0]))
    size = (image.shape[1] * scale, image.shape[0] * scale)
    picture = Image.fromarray(np.asarray(image)).resize(size, Image.Resampling.BICUBIC)
    pen = ImageDraw.Draw(picture)
    for mask, colour in ((reference, REFERENCE_COLOUR), (predicted, PREDICTED_COLOUR)):
        # The frame of zeros closes outlines at the border of the image.
        padded = None if mask is None else np.pad(np.asarray(mask, float), 1)
        for line in [] if padded is None else find_contours(padded, 0.5):
            # Pixel centres: row r of the mask covers r..r+1 of the picture.
            pen.line([((c - 0.5) * scale, (r - 0.5) * scale) for r, c in line], colour, 2)
    return _data_uri(picture)


def sheet_picture(path: Path) -> str:
    """A contact sheet as a JPEG data URI, not wider than a page needs.

    Args:
        path: PNG or JPEG.

    Raises:
        UserError: It cannot be read.
    """
    picture = Image.fromarray(read_image(path))
    picture.thumbnail((_SHEET_WIDTH, 20 * _SHEET_WIDTH), Image.Resampling.LANCZOS)
    return _data_uri(picture)


def _data_uri(picture: Image.Image) -> str:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()
