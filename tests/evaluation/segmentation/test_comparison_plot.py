from __future__ import annotations

import warnings

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from PIL import Image

from compared_runs import make_compared, make_speed
from skinnet_keras.evaluation.plots import PALETTE
from skinnet_keras.evaluation.segmentation import comparison_plot
from skinnet_keras.evaluation.segmentation.comparison import compare_segmenters
from skinnet_keras.evaluation.segmentation.comparison_plot import plot_comparison

DICE = np.linspace(0.6, 0.9, 20)


def compare(*runs, **arguments):
    return compare_segmenters(runs, split="val", **arguments)


def colours(path) -> set[tuple[int, int, int]]:
    with Image.open(path) as image:
        assert image.format == "PNG"
        return {tuple(pixel) for pixel in np.asarray(image.convert("RGB")).reshape(-1, 3).tolist()}


@pytest.mark.parametrize("bootstrap", [0, 100])
def test_the_reference_has_its_own_colour(tmp_path, bootstrap):
    runs = [
        make_compared("unet", DICE, speed=make_speed(120.0), parameters=34_527_041),
        make_compared("malunet", DICE - 0.02, speed=make_speed(4.0), parameters=177_943),
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plot_comparison(compare(*runs, bootstrap=bootstrap), tmp_path / "c.png")
    ours, reference = (
        tuple(round(255 * value) for value in to_rgb(colour)) for colour in PALETTE[:2]
    )
    assert {ours, reference} <= colours(tmp_path / "c.png")


def test_a_single_run_without_times_is_drawn(tmp_path):
    plot_comparison(compare(make_compared("unet", DICE)), tmp_path / "c.png")
    assert len(colours(tmp_path / "c.png")) > 50


def test_the_cost_is_the_tflite_time_or_keras_s_in_its_place():
    runs = [
        make_compared("unet", DICE, speed=make_speed(12.0)),
        make_compared("odd", DICE, speed=make_speed(None)),
        make_compared("failed", DICE),
    ]
    points, label = comparison_plot._points(compare(*runs))
    assert [(p.label, p.cost, p.is_substitute) for p in points] == [
        ("unet", 12.0, False),
        ("odd", 30.0, True),
    ]
    assert "TFLite float32, 2 threads" in label


def test_the_cost_is_the_work_where_nothing_was_timed():
    points, label = comparison_plot._points(compare(make_compared("unet", DICE, macs=2 * 10**9)))
    assert [(p.cost, p.is_substitute) for p in points] == [(2.0, False)]
    assert "multiply-accumulates" in label


def test_disc_areas_are_proportional_to_parameters():
    areas = [comparison_plot._radius(parameters) ** 2 for parameters in (10**6, 10**8)]
    assert areas[1] == pytest.approx(100 * areas[0])
