"""Test-time augmentation: every view is turned back before the mean."""

from __future__ import annotations

import numpy as np
import pytest

from skinnet_keras.evaluation.segmentation.tta import TTA, averaged_over_views


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (2, 6, 6, 3)).astype(np.uint8)


@pytest.mark.parametrize("tta", TTA)
def test_a_prediction_that_follows_its_pixels_is_not_changed(images, tta):
    mean = averaged_over_views(lambda view: view[..., 0] / 255.0, images, tta)
    np.testing.assert_allclose(mean, images[..., 0] / 255.0, atol=1e-6)
    assert mean.dtype == np.float32


@pytest.mark.parametrize(("tta", "count"), [("none", 1), ("flips", 4), ("dihedral", 8)])
def test_views_are_all_different(images, tta, count):
    seen = []

    def predict(view):
        seen.append(view.tobytes())
        return view[..., 0].astype(float)

    averaged_over_views(predict, images, tta)
    assert len(seen) == len(set(seen)) == count


def test_a_corner_that_stays_where_it_is_reaches_every_corner_a_view_shows(images):
    corner = np.zeros((2, 6, 6))
    corner[:, 0, 0] = 1.0  # whatever the view: its top left pixel
    flips = averaged_over_views(lambda view: corner, images, "flips")
    expected = np.zeros((6, 6))
    expected[[0, 0, 5, 5], [0, 5, 0, 5]] = 0.25
    np.testing.assert_allclose(flips[0], expected)


def test_unknown_augmentation_is_refused(images):
    with pytest.raises(ValueError, match="dihedral"):
        averaged_over_views(lambda view: view[..., 0], images, "many")
