"""The loss of joint training: through the hard mask, and over the images that have a mask."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest

import joint_step as program
from joint_step import joint_step
from tiny_run import SIZE, draw_picture

COUNT = 6


@pytest.fixture(scope="module", autouse=True)
def _eager():
    tf = pytest.importorskip("tensorflow")
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture(scope="module")
def batch() -> dict[str, np.ndarray]:
    """Six pictures, of which every other has a ground-truth mask."""
    pairs = [draw_picture(number, (SIZE, SIZE)) for number in range(COUNT)]
    return {
        "image": np.stack([image for image, _ in pairs]).astype("float32"),
        "metadata": np.random.default_rng(0).random((COUNT, 14)).astype("float32"),
        "diagnosis": np.eye(8, dtype="float32")[np.arange(COUNT)],
        "mask_logits": np.stack([mask for _, mask in pairs])[..., None].astype("float32"),
        "weight": np.array([2.0, 0.0] * (COUNT // 2), "float32"),
    }


@pytest.fixture(scope="module")
def alone(batch) -> dict:
    """A step with the loss of the diagnosis only."""
    return joint_step(batch, 0.0)


@pytest.fixture(scope="module")
def both(batch) -> dict:
    return joint_step(batch, 1.0)


def test_the_diagnosis_alone_moves_the_segmenter_through_the_hard_mask(alone, both):
    assert np.abs(alone["change"]).min() > 1e-6
    for step, weight in ((alone, 0.0), (both, 1.0)):
        loss = step["loss"]
        expected = loss["diagnosis_loss"] + weight * loss["mask_logits_loss"]
        assert loss["loss"] == pytest.approx(expected, rel=1e-5)
    assert not np.allclose(both["change"], alone["change"], rtol=0.1)


def test_jax_takes_the_same_step(batch, alone, both, tmp_path):
    pytest.importorskip("jax", reason="jax is not installed")
    np.savez(tmp_path / "batch.npz", **batch)
    done = subprocess.run(
        [sys.executable, program.__file__, tmp_path / "batch.npz", "0", "1"],
        env={**os.environ, "KERAS_BACKEND": "jax", "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    steps = json.loads(done.stdout.splitlines()[-1])
    for expected, step in zip((alone, both), steps, strict=True):
        np.testing.assert_allclose(step["change"], expected["change"], rtol=1e-3, atol=1e-6)
        assert step["loss"] == pytest.approx(expected["loss"], rel=1e-4)


def test_masks_of_images_without_ground_truth_count_for_nothing(batch, both):
    garbage = batch["mask_logits"].copy()
    garbage[1::2] = np.random.default_rng(0).integers(0, 2, garbage[1::2].shape)
    ignored = joint_step({**batch, "mask_logits": garbage}, 1.0)
    assert ignored["loss"] == pytest.approx(both["loss"], rel=1e-6)
    np.testing.assert_allclose(ignored["change"], both["change"], rtol=1e-6)
    changed = batch["mask_logits"].copy()
    changed[0] = 1 - changed[0]
    seen = joint_step({**batch, "mask_logits": changed}, 1.0)
    assert seen["loss"]["mask_logits_loss"] > 1.1 * both["loss"]["mask_logits_loss"]


def test_weights_of_half_the_images_give_the_mean_over_these(batch, both):
    half = {name: array[::2] for name, array in batch.items()}
    expected = joint_step({**half, "weight": np.ones(COUNT // 2, "float32")}, 1.0)
    mean = expected["loss"]["mask_logits_loss"]
    assert both["loss"]["mask_logits_loss"] == pytest.approx(mean, rel=1e-5)
