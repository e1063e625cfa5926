"""The parity gate on runners whose answers are known exactly."""

from __future__ import annotations

import numpy as np
import pytest

from skinnet_keras.errors import UserError
from skinnet_keras.export.parity import (
    ParityReference,
    check_parity,
    check_variation,
    probability_variation,
)
from skinnet_keras.inference.runner import Runner

IMAGES, SIDE = 4, 100


class _Fake(Runner):
    """A classifier: probabilities depend on the image and on the mask's area."""

    format = "fake"

    def __init__(self, *, offset=0.0, flipped_pixels=0, makes_mask=False, slope=1.0, abstains=None):
        inputs = {"image": (SIDE, SIDE, 3)} | ({} if makes_mask else {"mask": (SIDE, SIDE, 1)})
        outputs = {"diagnosis": (2,)} | ({"mask": (SIDE, SIDE, 1)} if makes_mask else {})
        outputs |= {} if abstains is None else {"abstain": (1,)}
        super().__init__(inputs, outputs)
        self.slope, self.abstains = slope, abstains
        self.offset, self.flipped_pixels, self.makes_mask = offset, flipped_pixels, makes_mask

    def _predict(self, batch):
        brightness = batch["image"].mean(axis=(1, 2, 3)) / 255
        outputs = {}
        if self.makes_mask:
            mask = np.full((len(brightness), SIDE * SIDE), 0.9, np.float32)
            mask[:, : SIDE * SIDE // 2] = 0.1
            mask[:, :100] = 0.5 - 1e-7  # as good as on the threshold
            mask[:, : self.flipped_pixels] = 0.5
            mask[:, -1] = 0.5 + 0.1 * self.slope
            mask = mask.reshape(-1, SIDE, SIDE, 1)
            outputs["mask"] = mask
            area = (mask >= 0.5).mean(axis=(1, 2, 3))
        else:
            area = batch["mask"].mean(axis=(1, 2, 3))
        if self.abstains is not None:
            outputs["abstain"] = (brightness[:, None] < self.abstains).astype(np.float32)
        first = 0.5 * brightness + 0.3 * area + self.offset
        return {**outputs, "diagnosis": np.stack([first, 1 - first], axis=1)}


@pytest.fixture
def reference() -> ParityReference:
    levels = np.linspace(0, 255, IMAGES).reshape(-1, 1, 1, 1)
    inputs = {
        "image": np.broadcast_to(levels, (IMAGES, SIDE, SIDE, 3)),
        "mask": np.ones((IMAGES, SIDE, SIDE, 1)),
        "metadata": np.zeros((IMAGES, 14)),
    }
    return ParityReference(_Fake(), _Fake(makes_mask=True), inputs, 0.5)


def _check(runner, reference, kind, precision="float32"):
    return check_parity(runner, "thing", kind=kind, precision=precision, reference=reference)


def test_variation_is_the_largest_range_of_any_class():
    probabilities = np.array([[0.2, 0.5, 0.3], [0.1, 0.8, 0.1], [0.2, 0.6, 0.2]])
    assert probability_variation(probabilities) == pytest.approx(0.3)
    assert check_variation(probabilities, "it") == pytest.approx(0.3)


def test_constant_and_undefined_probabilities_are_refused():
    with pytest.raises(UserError, match=r"it is nearly constant.*9\.0e-04"):
        check_variation(np.array([[0.5, 0.5], [0.5009, 0.4991]]), "it")
    with pytest.raises(UserError, match="nearly constant"):
        check_variation(np.full((3, 2), np.nan), "it")


def test_classifier_within_and_beyond_tolerance(reference):
    result = _check(_Fake(offset=4e-6), reference, "classifier")
    assert result.max_difference == pytest.approx(4e-6, rel=0.05)
    assert result.mask_disagreement is None
    assert result.variation == pytest.approx(0.5)
    assert result.images == IMAGES
    with pytest.raises(UserError, match=r"thing is not kept: its probabilities differ.*3\.0e-03"):
        _check(_Fake(offset=3e-3), reference, "classifier")
    assert _check(_Fake(offset=3e-3), reference, "classifier", "float16").tolerance == 5e-3


def test_mask_disagreement_is_the_fraction_of_pixels(reference):
    # 8 of 10,000 pixels may differ, 20 may not; the probabilities follow the artefact's own mask.
    result = _check(_Fake(makes_mask=True, flipped_pixels=8), reference, "end_to_end")
    assert result.mask_disagreement == pytest.approx(8e-4)
    assert result.max_difference < 1e-6
    with pytest.raises(UserError, match=r"its masks differ.*0\.20%"):
        _check(_Fake(makes_mask=True, flipped_pixels=20), reference, "end_to_end")


def test_probabilities_are_compared_even_where_all_masks_differ(reference):
    runner = _Fake(makes_mask=True, flipped_pixels=8, offset=1e-3)
    with pytest.raises(UserError, match="its probabilities differ"):
        _check(runner, reference, "end_to_end")


def test_logits_are_compared_relative_to_their_spread(reference):
    # From -2.2 to 2.2: 0.6 and 0.601 differ by 4.2e-3, a thousandth of the spread.
    runner = _Fake(makes_mask=True, slope=1.01)
    result = _check(runner, reference, "end_to_end", "float16")
    assert result.logit_difference == pytest.approx(9.5e-4, rel=0.05)
    assert result.mask_disagreement == 0
    with pytest.raises(UserError, match=r"logits of its masks differ .* 9\.5e-04 of their spread"):
        _check(runner, reference, "end_to_end")


def test_abstention_on_other_images_is_refused():
    levels = np.linspace(0, 255, 20).reshape(-1, 1, 1, 1)
    inputs = {
        "image": np.broadcast_to(levels, (20, SIDE, SIDE, 3)),
        "mask": np.ones((20, SIDE, SIDE, 1)),
    }
    reference = ParityReference(_Fake(abstains=0.5), None, inputs, 0.5)
    result = _check(_Fake(abstains=0.54), reference, "classifier")
    assert result.abstention_disagreement == pytest.approx(1 / 20)
    with pytest.raises(UserError, match=r"abstains on other images .* 10\.0% of 20"):
        _check(_Fake(abstains=0.6), reference, "classifier")


def test_int8_is_measured_and_refused_only_where_it_is_nearly_constant(reference):
    result = _check(_Fake(offset=0.2), reference, "classifier", "int8")
    assert result.max_difference == pytest.approx(0.2)
    assert result.tolerance is None
    constant = ParityReference(_Fake(), None, {k: v[:1] for k, v in reference.inputs.items()}, 0.5)
    with pytest.raises(UserError, match="nearly constant"):
        _check(_Fake(), constant, "classifier", "int8")
