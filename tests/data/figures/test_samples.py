"""Sample sheets show kept images of every class, the same ones for the same seed."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from layouts import picture
from skinnet_keras.data.catalogue import Catalogue
from skinnet_keras.data.figures import draw_overview, draw_samples
from skinnet_keras.data.figures.samples import caption, choose_samples, thumbnail
from skinnet_keras.errors import UserError
from small_catalogue import COPY, write_small_catalogue


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory):
    return write_small_catalogue(tmp_path_factory.mktemp("figures"))


def test_choice(catalogue):
    chosen = choose_samples(catalogue, 3, seed=0)
    assert {label: len(ids) for label, ids in chosen.items()} == {"MEL": 2, "NV": 3, "AK": 3}
    label_of = catalogue.table.set_index("image_id")["label"]
    assert all(label_of[own] == label for label, ids in chosen.items() for own in ids)
    assert COPY not in chosen["NV"]
    assert choose_samples(catalogue, 3, seed=0) == chosen
    assert any(choose_samples(catalogue, 3, seed=seed) != chosen for seed in range(1, 5))


def test_thumbnail_keeps_the_aspect_ratio():
    assert thumbnail(picture(0, 600, 300)).shape == (128, 256, 3)


def test_caption():
    assert caption("isic2019:ISIC_0000000_downsampled") == "ISIC_0000000_downsampled\nisic2019"
    assert caption(f"sd198:{'x' * 40}") == f"{'x' * 25}…\nsd198"


@pytest.mark.parametrize("draw", [draw_samples, draw_overview])
def test_pictures(catalogue, tmp_path, draw):
    first, again, other = (tmp_path / name for name in ("1.png", "2.png", "3.png"))
    draw(catalogue, first, count=2, seed=0)
    draw(catalogue, again, count=2, seed=0)
    draw(catalogue, other, count=1, seed=0)
    pixels, same, fewer = (np.asarray(Image.open(path)) for path in (first, again, other))
    assert np.array_equal(pixels, same)
    assert fewer.shape[1] < pixels.shape[1]
    assert pixels.std() > 20  # something is drawn


@pytest.mark.parametrize("draw", [draw_samples, draw_overview])
def test_nothing_labelled(catalogue, tmp_path, draw):
    table = catalogue.table.assign(label="")
    with pytest.raises(UserError, match="no labelled image to show"):
        draw(Catalogue(catalogue.root, table, catalogue.sources), tmp_path / "x.png")
    assert not list(tmp_path.iterdir())
