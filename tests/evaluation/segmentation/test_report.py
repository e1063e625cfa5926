"""The rows, the summary and the sheets of a segmentation network."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from PIL import Image

from skinnet_keras.evaluation.segmentation.overlap import segmentation_scores
from skinnet_keras.evaluation.segmentation.report import (
    METRICS,
    score_images,
    summarise,
    summary_table,
    write_segmentation_report,
)


def block(height: int, width: int, size: int = 8) -> np.ndarray:
    mask = np.zeros((size, size), np.uint8)
    mask[:height, :width] = 1
    return mask


@pytest.fixture
def scores():
    # Dice 2 * 8 / (16 + 8), 1, 0; the third has no prediction.
    predicted = [block(4, 4), block(2, 2), block(0, 0)]
    true = [block(4, 2), block(2, 2), block(3, 3)]
    return score_images(["s:a", "s:b", "s:c"], ["1", "1", "2"], predicted, true)


def test_rows_hold_the_hand_computed_scores(scores):
    np.testing.assert_allclose(scores["dice"], [2 / 3, 1.0, 0.0])
    np.testing.assert_allclose(scores["iou"], [1 / 2, 1.0, 0.0])
    assert scores["intersection"].tolist() == [8, 4, 0]
    assert scores["predicted_pixels"].tolist() == [16, 4, 0]
    assert scores["true_pixels"].tolist() == [8, 4, 9]
    assert scores["hausdorff_95"][1] == 0
    assert scores["hausdorff_95"][2] == pytest.approx(np.hypot(8, 8))
    assert scores["boundary_f1"].between(0, 1).all()


def test_summary_holds_means_and_pooled_scores(scores):
    report = summarise(scores, bootstrap=0)
    assert report["n"] == 3
    assert report["dice_per_image"] == pytest.approx((2 / 3 + 1 + 0) / 3)
    assert report["iou_per_image"] == pytest.approx(0.5)
    assert report["dice_pooled"] == pytest.approx(2 * 12 / 41)
    assert report["iou_pooled"] == pytest.approx(12 / 29)
    assert report["empty_predictions"] == 1
    assert report["ci"] == {}


def test_summary_agrees_with_the_scores_shown_in_training():
    generator = np.random.default_rng(0)
    predicted, true = generator.random((2, 5, 8, 8)) > 0.5
    names = [str(i) for i in range(5)]
    report = summarise(score_images(names, names, list(predicted), list(true)), bootstrap=0)
    for name, value in segmentation_scores(predicted, true).items():
        assert report[name] == pytest.approx(value), name


def test_intervals_resample_groups(scores):
    report = summarise(scores, bootstrap=4000)
    # Two groups, drawn twice: (1, 1), (1, 2), (2, 1) or (2, 2); the mean of the first is 5/6.
    assert report["ci"]["dice_per_image"] == pytest.approx([0.0, 5 / 6])
    assert set(report["ci"]) == set(METRICS)
    assert summarise(scores, bootstrap=4000) == report


def test_empty_masks_everywhere_leave_the_pooled_scores_undefined():
    rows = score_images(["a"], ["a"], [block(0, 0)], [block(0, 0)])
    report = summarise(rows, bootstrap=10)
    assert report["dice_per_image"] == 1.0
    assert report["dice_pooled"] is None
    assert report["ci"]["dice_pooled"] is None
    json.dumps(report, allow_nan=False)
    assert "-" in [row[1] for row in summary_table(report, "empty").rows]


def test_report_holds_every_file(scores, tmp_path):
    images = [np.full((8, 8, 3), 40 * i, np.uint8) for i in range(3)]
    masks = [block(4, 4), block(2, 2), block(0, 0)]
    report = summarise(scores, bootstrap=10)
    written = write_segmentation_report(
        tmp_path / "report", report, scores, "three", images, masks, masks
    )
    assert sorted(written) == sorted(path.name for path in (tmp_path / "report").iterdir())
    assert json.loads((tmp_path / "report/metrics.json").read_text()) == report
    with (tmp_path / "report/images.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["image_id"] for row in rows] == ["s:a", "s:b", "s:c"]
    assert float(rows[0]["dice"]) == pytest.approx(2 / 3, rel=1e-5)
    for sheet in ("overlays.png", "worst.png"):
        with Image.open(tmp_path / "report" / sheet) as image:
            assert min(image.size) > 200


def test_scores_over_empty_and_full_truths_say_so():
    predicted = [block(0, 0), block(4, 4), block(4, 4), block(8, 8)]
    true = [block(0, 0), block(0, 0), block(4, 2), block(8, 8)]
    names = ["s:none", "s:missed", "s:half", "s:all"]
    report = summarise(score_images(names, names, predicted, true), bootstrap=0)
    assert report["dice_per_image"] == pytest.approx((1 + 0 + 2 / 3 + 1) / 4)
    assert report["empty_truths"] == ["s:none", "s:missed"]
    assert report["full_truths"] == ["s:all"]
    assert report["with_lesion"] == {
        "n": 2,
        "dice_per_image": pytest.approx((2 / 3 + 1) / 2),
        "iou_per_image": pytest.approx((1 / 2 + 1) / 2),
    }
    notes = summary_table(report, "net").footnotes
    assert (
        "2 true masks have no lesion pixel (s:none, s:missed): by convention their Dice and IoU "
        "are 1 where the prediction has none either, else 0; Dice 0.8333, IoU 0.7500 without them "
        "(n = 2)."
    ) in notes
    assert "1 true masks are nothing but lesion (s:all)." in notes


def test_scores_over_nothing_but_empty_truths_say_nothing_of_lesions():
    rows = score_images(["a"], ["a"], [block(0, 0)], [block(0, 0)])
    report = summarise(rows, bootstrap=0)
    assert report["with_lesion"] == {"n": 0, "dice_per_image": None, "iou_per_image": None}
    assert "these scores say nothing of lesions" in summary_table(report, "net").footnotes[-1]
