"""The one look of the pictures; figures are made without pyplot: no global state, no display."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from skinnet_keras.atomic import atomic_file

DPI = 150
# From Okabe and Ito's palette, told apart by colour-blind readers too.
SPLIT_COLOURS = {"train": "#0072B2", "val": "#E69F00", "test": "#009E73"}
BAR_COLOUR = "#0072B2"
CONTEXT_COLOUR = "#E3E6EA"
MUTED = "#666666"

# rc_context wants its keys as one huge Literal; plain strings do.
_STYLE: dict[Any, Any] = {
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.edgecolor": "#999999",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": "#EEEEEE",
    "xtick.color": "#444444",
    "ytick.color": "#222222",
    "legend.frameon": False,
    "svg.fonttype": "none",  # text stays text
}


@contextmanager
def canvas(out: Path, width: float, height: float) -> Iterator[Figure]:
    """Yield an empty figure; write it when the block succeeds.

    Args:
        out: The PNG or SVG to write.
        width: Inches.
        height: Inches.
    """
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        yield figure
        save_figure(figure, out)


def save_figure(figure: Figure, path: str | Path) -> None:
    """Write a figure, whole or not at all, as SVG where the path says so, otherwise as PNG.

    Args:
        figure: The figure.
        path: The file to write; an existing one is replaced.
    """
    path = Path(path)
    vector = path.suffix.lower() == ".svg"
    with atomic_file(path) as temporary:
        figure.savefig(
            temporary,
            format="svg" if vector else "png",
            dpi=DPI,
            facecolor="white",
            metadata={"Date": None} if vector else None,
        )


def show_image(axes: Axes, rgb: Any, caption: str = "") -> None:
    """Show an image without axes, a small caption under it.

    Args:
        axes: Where.
        rgb: uint8 array of shape (H, W, 3).
        caption: One or two lines.
    """
    axes.imshow(rgb)
    axes.set_xlabel(caption, fontsize=6.2, color=MUTED, labelpad=3)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    axes.set_anchor("S")  # captions of a row stay in line
