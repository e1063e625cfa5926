"""Mask outlines lie where the mask's edge is, also when the mask has another size."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from skinnet_keras.data.catalogue import Catalogue
from skinnet_keras.data.figures import draw_masks
from skinnet_keras.data.figures.overlays import draw_overlay
from skinnet_keras.errors import UserError
from small_catalogue import write_small_catalogue


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory):
    return write_small_catalogue(tmp_path_factory.mktemp("figures"))


def outline(mask, height, width):
    axes = Figure().subplots()
    draw_overlay(axes, np.zeros((height, width, 3), dtype=np.uint8), mask)
    halo, line = axes.lines
    assert np.array_equal(halo.get_xydata(), line.get_xydata())
    return line.get_xydata()


@pytest.mark.parametrize("scale", [1, 2])
def test_outline_of_a_rectangle(scale):
    mask = np.zeros((40, 60), dtype=np.uint8)
    mask[10:30, 20:50] = 1
    x, y = outline(mask, 40 * scale, 60 * scale).T
    # A pixel n reaches from n - 0.5 to n + 0.5.
    assert (x.min(), x.max()) == (20 * scale - 0.5, 50 * scale - 0.5)
    assert (y.min(), y.max()) == (10 * scale - 0.5, 30 * scale - 0.5)


def test_a_lesion_at_the_edge_has_a_closed_outline():
    mask = np.zeros((40, 60), dtype=np.uint8)
    mask[:, :30] = 1
    points = outline(mask, 40, 60)
    assert np.array_equal(points[0], points[-1])
    assert points.min() == -0.5
    assert points[:, 1].max() == 39.5


def test_picture(catalogue, tmp_path):
    out = tmp_path / "masks.png"
    draw_masks(catalogue, out, count=2, seed=1)
    rgb = np.asarray(Image.open(out).convert("RGB")).astype(int)
    yellow = (abs(rgb - (255, 225, 77)).sum(axis=2) < 30).sum()
    assert yellow > 500


def test_without_masks(catalogue, tmp_path):
    table = catalogue.table.assign(mask_path="")
    with pytest.raises(UserError, match="no ground-truth mask to show"):
        draw_masks(Catalogue(catalogue.root, table, catalogue.sources), tmp_path / "masks.png")
    assert not list(tmp_path.iterdir())
