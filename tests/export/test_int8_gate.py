"""The int8 gate on predictions that are known exactly."""

from __future__ import annotations

import numpy as np
import pytest

from skinnet_keras.evaluation.decisions.rules import Thresholds
from skinnet_keras.evaluation.predictions import Predictions
from skinnet_keras.export.int8_gate import Int8RefusedError, check_int8
from skinnet_keras.export.int8_images import Int8Images, Judged
from skinnet_keras.inference.runners import open_runner
from skinnet_keras.taxonomy import CLASSES
from tiny_run import make_run

IMAGES = 600
LABELS = [("NV", "NV", "NV", "MEL", "BCC")[i % 5] for i in range(IMAGES)]


def _judged(decided, *, masks=None, abstains=None, sure=0.9, images=IMAGES) -> Judged:
    probabilities = np.full((images, len(CLASSES)), (1 - sure) / 7)
    rows = np.arange(images)
    probabilities[rows, [CLASSES.index(name) for name in decided]] = sure
    names = [f"i{i}" for i in range(images)]
    groups = [f"g{i // 2}" for i in range(images)]
    predictions = Predictions(names, LABELS[:images], probabilities, CLASSES, groups)
    return Judged(predictions, masks, abstains)


def _changed(count: int, label: str, to: str) -> list[str]:
    """The labels, of which the first `count` called `label` are taken for `to`."""
    rows = [i for i, name in enumerate(LABELS) if name == label][:count]
    return [to if i in rows else name for i, name in enumerate(LABELS)]


def test_few_changes_pass():
    report = check_int8("m", _judged(LABELS), _judged(_changed(2, "NV", "MEL")))
    assert (report.images, report.groups, report.forced) == (600, 300, False)
    assert report.agreement == pytest.approx(598 / 600)
    assert report.reasons == []
    assert "| NV | 360 | 1.0000 | 0.9944 | -0.0056 |" in report.table().to_markdown()
    assert "Same top-1 on 99.67% of 600 validation images." in report.table().footnotes


def test_too_many_other_decisions_are_refused():
    # Ten right and ten wrong: no recall has fallen beyond chance, but 20 of 600 have changed.
    first = _changed(10, "NV", "MEL")
    rows = [i for i, name in enumerate(LABELS) if name == "NV"][10:20]
    this = ["MEL" if i in rows else name for i, name in enumerate(LABELS)]
    with pytest.raises(Int8RefusedError, match=r"top-1 is float32's on 96\.7% of 600") as error:
        check_int8("m", _judged(first), _judged(this))
    assert len(error.value.report.reasons) == 1


def test_a_class_that_loses_recall_is_refused_although_nearly_all_agree():
    found = _judged(_changed(11, "BCC", "NV"))
    with pytest.raises(Int8RefusedError, match="recall is lower beyond chance for BCC; leave int8"):
        check_int8("m", _judged(LABELS), found)
    report = check_int8("m", _judged(LABELS), found, force=True)
    assert report.forced
    assert report.agreement > 0.98


def test_too_few_images_are_refused():
    few = _judged(LABELS[:100], images=100)
    with pytest.raises(Int8RefusedError, match="only 100 validation images"):
        check_int8("m", few, few)


def test_masks_and_abstention_are_judged_too():
    masks = np.zeros((IMAGES, 10, 10, 1), bool)
    abstains = np.zeros(IMAGES, bool)
    expected = _judged(LABELS, masks=masks, abstains=abstains)
    moved, other = masks.copy(), abstains.copy()
    moved[:, 0, 0] = True
    other[:30] = True
    report = check_int8("m", expected, _judged(LABELS, masks=moved, abstains=other))
    assert report.mask_disagreement == pytest.approx(0.01)
    assert report.abstention_disagreement == pytest.approx(0.05)
    moved[:, 0, :2] = True
    other[:60] = True
    with pytest.raises(Int8RefusedError, match=r"masks differ on 2\.0% .* abstains on .* 10\.0%"):
        check_int8("m", expected, _judged(LABELS, masks=moved, abstains=other))


def test_decisions_by_thresholds_have_to_agree_wherever_the_classes_stand():
    values = dict.fromkeys(reversed(CLASSES), 0.5) | {"MEL": 0.05}
    thresholds = Thresholds.from_json(values)
    # 0.1 / 7 for each class but one: 0.9 / 0.5 stands against 0.014 / 0.05.
    report = check_int8("m", _judged(LABELS), _judged(LABELS), thresholds=thresholds)
    assert report.decision_agreement == 1
    # 0.6 / 0.5 against 0.057 / 0.05 still; 0.52 / 0.5 against 0.069 / 0.05 no more.
    unsure = _judged(LABELS, sure=0.52)
    with pytest.raises(Int8RefusedError, match=r"decisions by the thresholds .* 20\.0%"):
        check_int8("m", _judged(LABELS), unsure, thresholds=thresholds)


def test_representative_images_are_those_of_training_with_predicted_masks(tmp_path):
    run = make_run(tmp_path)
    runner = open_runner(run)
    from skinnet_keras.runs.run import Run

    opened = Run.open(run)
    images = Int8Images.open(
        opened.load_catalogue(),
        runner,
        CLASSES,
        mask_threshold=0.5,
        cleaning=opened.config.cleaning,
        force=True,
    )
    fed = list(images.representative(("image", "mask", "metadata")))
    table = opened.load_catalogue().usable(["train"])
    assert len(fed) == len(table) == 4
    batch = images.training.read()
    predicted = runner.predict(batch)["mask"] >= 0.5
    for i, inputs in enumerate(fed):
        assert {name: (v.shape, v.dtype.name) for name, v in inputs.items()} == {
            "image": ((1, 32, 32, 3), "float32"),
            "mask": ((1, 32, 32, 1), "float32"),
            "metadata": ((1, 14), "float32"),
        }
        np.testing.assert_array_equal(inputs["image"][0], batch["image"][i])
        np.testing.assert_array_equal(inputs["mask"][0], predicted[i])
