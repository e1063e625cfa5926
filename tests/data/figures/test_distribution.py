"""The bars are the counts, whatever they are broken down by."""

from __future__ import annotations

import pytest
from matplotlib.figure import Figure
from PIL import Image

from skinnet_keras.data.catalogue import Catalogue
from skinnet_keras.data.figures import draw_distribution
from skinnet_keras.data.figures.distribution import count_classes, draw_by_split, draw_classes
from skinnet_keras.errors import UserError
from small_catalogue import write_small_catalogue


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory):
    return write_small_catalogue(tmp_path_factory.mktemp("figures"))


def test_counts_leave_out_copies_and_unlabelled(catalogue):
    counts = count_classes(catalogue)
    assert counts.index.tolist() == ["MEL", "NV", "AK"]  # the order of the taxonomy
    assert counts.to_numpy().sum() == 9
    assert counts.loc["NV", ("ham10000", "train")] == 2
    assert counts["isic2019"].sum().sum() == 4


def written(axes):
    return [text.get_text() for text in axes.texts]


def test_classes(catalogue):
    figure = Figure()
    draw_classes(figure, count_classes(catalogue))
    (axes,) = figure.axes
    assert axes.get_xscale() == "log"
    assert [bar.get_width() for bar in axes.patches] == [2, 4, 3]
    assert written(axes) == ["2", "4", "3"]
    assert "9 labelled images" in axes.get_title(loc="left") + axes.get_title()


def test_by_split(catalogue):
    figure = Figure()
    draw_by_split(figure, count_classes(catalogue))
    (axes,) = figure.axes
    # train, then val, then test, each MEL NV AK; a bar of 0 has no number
    assert [bar.get_width() for bar in axes.patches] == [2, 2, 1, 0, 1, 1, 0, 1, 1]
    assert written(axes) == ["2", "2", "1", "1", "1", "1", "1"]
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.texts] == ["train (5)", "val (2)", "test (2)"]


@pytest.mark.parametrize("by", ["class", "split", "source"])
def test_pictures(catalogue, tmp_path, by):
    out = tmp_path / "classes.png"
    draw_distribution(catalogue, out, by=by)
    with Image.open(out) as image:
        assert image.format == "PNG"
        assert min(image.size) > 200
    assert list(tmp_path.iterdir()) == [out]


def test_nothing_labelled(catalogue, tmp_path):
    table = catalogue.table.assign(label="")
    with pytest.raises(UserError, match="no labelled image to show"):
        draw_distribution(Catalogue(catalogue.root, table, catalogue.sources), tmp_path / "x.png")
    assert not list(tmp_path.iterdir())
