"""Views through any runner: masks come back before the mean, given masks go along."""

from __future__ import annotations

import numpy as np
import pytest

from skinnet_keras.data.views import View, view_set
from skinnet_keras.errors import UserError
from skinnet_keras.inference.runner import Runner
from skinnet_keras.inference.view_averaging import predict_views
from skinnet_keras.taxonomy import CLASSES

SIDE = 8


class CornerRunner(Runner):
    """Says how bright the top left pixel is, and calls bright pixels lesion."""

    format = "made"

    def __init__(self, *, with_mask: bool = False, mask_output: str | None = "mask") -> None:
        inputs = {"image": (SIDE, SIDE, 3)} | ({"mask": (SIDE, SIDE, 1)} if with_mask else {})
        outputs = {"diagnosis": (2,)} | ({mask_output: (SIDE, SIDE, 1)} if mask_output else {})
        super().__init__(inputs, outputs)
        self.classes = CLASSES[:2]
        self.seen: list[dict[str, np.ndarray]] = []

    def _predict(self, batch):
        self.seen.append(batch)
        corner = batch["image"][:, 0, 0, 0] / 255
        outputs = {"diagnosis": np.stack([corner, 1 - corner], axis=1)}
        brightness = batch["image"][..., :1] / 255
        if "mask" in self.output_names:
            outputs["mask"] = brightness
        if "mask_logits" in self.output_names:
            with np.errstate(divide="ignore"):
                outputs["mask_logits"] = np.log(brightness / (1 - brightness)).clip(-30, 30)
        return outputs


@pytest.fixture
def images():
    """Two grey ramps, each pixel of another brightness."""
    ramp = np.arange(SIDE * SIDE, dtype=np.uint8).reshape(SIDE, SIDE)
    return np.stack([np.repeat(ramp[..., None], 3, axis=-1) + level for level in (0, 100)])


def test_one_view_is_the_runner_itself(images):
    runner = CornerRunner()
    outputs = predict_views(runner, {"image": images}, [View()])
    expected = runner.predict({"image": images})
    np.testing.assert_array_equal(outputs["diagnosis"], expected["diagnosis"].astype(np.float32))
    np.testing.assert_array_equal(outputs["mask"], expected["mask"][..., 0].astype(np.float32))


@pytest.mark.parametrize("mask_output", ["mask", "mask_logits"])
def test_diagnoses_are_averaged_and_masks_come_back(images, mask_output):
    runner = CornerRunner(mask_output=mask_output)
    outputs = predict_views(runner, {"image": images}, view_set("dihedral"))
    corners = images[:, [0, 0, -1, -1], [0, -1, 0, -1], 0].mean(axis=1) / 255
    np.testing.assert_allclose(outputs["diagnosis"][:, 0], corners, atol=1e-6)
    np.testing.assert_allclose(outputs["diagnosis"].sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(outputs["mask"], images[..., 0] / 255, atol=1e-6)
    assert outputs["mask"].dtype == outputs["diagnosis"].dtype == np.float32


def test_masks_of_crops_are_averaged_where_they_show_the_pixel():
    flat = np.full((1, SIDE, SIDE, 3), 51, np.uint8)
    outputs = predict_views(CornerRunner(), {"image": flat}, view_set("multi_crop", crop=0.5))
    # Were pixels outside of a crop counted as skin, the mask would be fainter there.
    np.testing.assert_allclose(outputs["mask"], 0.2, atol=1e-6)


def test_a_given_mask_is_moved_with_the_image(images):
    runner = CornerRunner(with_mask=True, mask_output=None)
    masks = (images[..., :1] % 7 == 0).astype(np.uint8)
    outputs = predict_views(runner, {"image": images, "mask": masks}, view_set("dihedral"))
    assert set(outputs) == {"diagnosis"}
    assert len(runner.seen) == 8
    for batch in runner.seen:
        np.testing.assert_array_equal(batch["mask"], batch["image"][..., :1] % 7 == 0)


def test_outputs_that_are_not_numbers_are_refused(images):
    runner = CornerRunner()
    runner._predict = (
        lambda batch: {  # type: ignore[method-assign]
            "diagnosis": np.full((len(batch["image"]), 2), np.nan),
            "mask": batch["image"][..., :1],
        }
    )
    with pytest.raises(UserError, match="training has diverged"):
        predict_views(runner, {"image": images}, view_set("flips"))
