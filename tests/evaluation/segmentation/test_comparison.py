from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from compared_runs import make_compared, make_speed
from skinnet_keras.errors import UserError
from skinnet_keras.evaluation.segmentation.comparison import compare_segmenters, write_comparison
from skinnet_keras.evaluation.segmentation.report import summarise

DICE = np.random.default_rng(0).uniform(0.5, 0.9, 40)


def test_scores_and_intervals_are_those_of_the_report():
    run = make_compared("unet", DICE, groups=[str(i // 2) for i in range(40)])
    row = compare_segmenters([run], split="val", seed=3)["runs"][0]
    report = summarise(run.scores, seed=3)
    for metric in ("dice_per_image", "iou_per_image", "iou_pooled"):
        assert row[metric] == report[metric]
        assert row[f"{metric}_ci"] == report["ci"][metric]
    assert row["dice_difference"] is None
    assert row["dice_difference_ci"] is None


def test_differences_are_paired():
    runs = [make_compared("unet", DICE), make_compared("better", DICE + 0.05)]
    comparison = compare_segmenters(runs, split="val")
    assert comparison["reference"] == "unet"
    row = comparison["runs"][1]
    low, high = row["dice_per_image_ci"]
    assert high - low > 0.03  # the images differ, but all by as much
    assert row["dice_difference"] == pytest.approx(0.05)
    assert row["dice_difference_ci"] == pytest.approx([0.05, 0.05])


def test_differences_are_resampled_by_group():
    gain = np.repeat([0.1, -0.1], 20)
    interval = {}
    for name, groups in (("alone", None), ("two", ["a"] * 20 + ["b"] * 20)):
        runs = [make_compared(n, d, groups=groups) for n, d in (("x", DICE), ("y", DICE + gain))]
        row = compare_segmenters(runs, split="val")["runs"][1]
        assert row["dice_difference"] == pytest.approx(0)
        interval[name] = row["dice_difference_ci"]
    assert interval["two"] == pytest.approx([-0.1, 0.1])
    assert -0.05 < interval["alone"][0] < interval["alone"][1] < 0.05


def test_any_run_can_be_the_reference():
    runs = [make_compared("unet", DICE), make_compared("better", DICE + 0.05)]
    rows = compare_segmenters(runs, split="val", reference="better")["runs"]
    assert rows[0]["dice_difference"] == pytest.approx(-0.05)
    assert rows[1]["dice_difference"] is None
    with pytest.raises(UserError, match="the reference malunet is none of the runs unet, better"):
        compare_segmenters(runs, split="val", reference="malunet")


def test_the_order_of_the_images_does_not_matter():
    first, second = make_compared("unet", DICE), make_compared("better", DICE + 0.05)
    turned = make_compared("better", DICE, scores=second.scores.iloc[::-1])
    assert compare_segmenters([first, turned], split="val") == compare_segmenters(
        [first, second], split="val"
    )


def test_other_images_are_refused():
    runs = [make_compared("unet", DICE), make_compared("better", DICE[:-2])]
    with pytest.raises(UserError, match="unet and better were not scored on the same images: 2 "):
        compare_segmenters(runs, split="val")


def test_without_bootstrap_there_are_no_intervals():
    runs = [make_compared("unet", DICE), make_compared("better", DICE)]
    row = compare_segmenters(runs, split="val", bootstrap=0)["runs"][1]
    assert row["dice_per_image_ci"] is None
    assert row["dice_difference"] == 0
    assert row["dice_difference_ci"] is None


def test_speeds_are_what_was_measured():
    runs = [make_compared("unet", DICE), make_compared("timed", DICE, speed=make_speed())]
    comparison = compare_segmenters(runs, split="val")
    untimed, timed = comparison["runs"]
    assert (untimed["keras_ms"], untimed["tflite_refused"]) == (None, None)
    assert (timed["keras_ms"], timed["tflite_ms"]) == (30.0, 20.0)
    assert comparison["measured"] == {
        key: make_speed()[key] for key in ("batch_size", "threads", "machine")
    }
    assert compare_segmenters(runs[:1], split="val")["measured"] is None


def test_files(tmp_path):
    runs = [
        make_compared("unet", DICE, speed=make_speed(), arguments={"widths": [16, 32]}),
        make_compared("malunet", DICE * 0.9, speed=make_speed(tflite_ms=None)),
    ]
    comparison = compare_segmenters(runs, split="test")
    assert set(write_comparison(tmp_path / "out", comparison)) == {
        path.name for path in (tmp_path / "out").iterdir()
    }

    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    text = (tmp_path / "out" / "comparison.json").read_text()
    assert json.loads(text, parse_constant=refuse) == comparison

    with (tmp_path / "out" / "comparison.csv").open(newline="") as file:
        first, second = csv.DictReader(file)
    assert json.loads(first["arguments"]) == {"widths": [16, 32]}
    low, high = comparison["runs"][1]["dice_difference_ci"]
    assert (second["dice_difference_low"], second["dice_difference_high"]) == (str(low), str(high))
    assert (first["dice_difference"], first["dice_difference_low"]) == ("", "")
    assert (second["tflite_ms"], second["tflite_refused"]) == ("", "It needs tf.Oddity.")

    table = (tmp_path / "out" / "comparison.txt").read_text()
    assert "unet (widths [16, 32])" in table
    assert (tmp_path / "out" / "comparison.png").read_bytes().startswith(b"\x89PNG")
