"""The layer as a whole: like `Augmenter` on the same images, and a function of the key only."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from scipy.stats import ks_2samp

from skinnet_keras.data.augmentation import Augmenter
from skinnet_keras.data.samples import augmentation_keys
from skinnet_keras.training.device_augmentation import PaperAugmentation
from skinnet_keras.training.device_augmentation.draws import GEOMETRIES, draw
from tiny_run import draw_picture

SIZE = 48
OFF = {"cutout": 0.0, "distortion": 0.0, "geometry": 0.0, "blur": 0.0, "brightness_contrast": 0.0}


def batch(count: int, **arrays) -> dict[str, np.ndarray]:
    """One picture and its mask `count` times, under different keys."""
    image, mask = draw_picture(3, (SIZE, SIZE))
    values = {
        "image": np.repeat(image[None].astype("float32"), count, axis=0),
        "mask": np.repeat(mask[None, ..., None].astype("float32"), count, axis=0),
        "augmentation_key": augmentation_keys(seed=0, epoch=0, indices=np.arange(count)),
    }
    return {**values, **arrays}


def apply(inputs: dict[str, np.ndarray], **probabilities) -> dict[str, np.ndarray]:
    outputs = PaperAugmentation(SIZE, **probabilities)(inputs)
    return {name: np.asarray(value) for name, value in outputs.items()}


def test_nothing_drawn_changes_nothing():
    inputs = batch(3)
    outputs = apply(inputs, **OFF)
    for name in ("image", "mask"):
        np.testing.assert_array_equal(outputs[name], inputs[name])


def test_turns_and_flips_only_move_pixels():
    inputs = batch(200)
    outputs = apply(inputs, **{**OFF, "geometry": 1.0})
    kinds = np.asarray(draw(inputs["augmentation_key"], Augmenter(SIZE, geometry=1.0)).geometry)
    seen = {name: set() for name in GEOMETRIES}
    for name in ("image", "mask"):
        original = inputs[name][0]
        variants = {
            "quarter_turn": [np.rot90(original, turns) for turns in (1, 2, 3)],
            "horizontal_flip": [original[:, ::-1]],
            "vertical_flip": [original[::-1]],
        }
        for kind, output in zip(kinds, outputs[name], strict=True):
            for i, variant in enumerate(variants.get(GEOMETRIES[int(kind)], [])):
                if np.array_equal(output, variant):
                    seen[GEOMETRIES[int(kind)]].add((name, i))
    assert {kind: len(found) for kind, found in seen.items() if found} == {
        "quarter_turn": 6,
        "horizontal_flip": 2,
        "vertical_flip": 2,
    }


@pytest.mark.parametrize("family", ["geometry", "distortion"])
def test_geometry_moves_the_mask_with_the_image(family):
    inputs = batch(100)
    outputs = apply(inputs, **{**OFF, family: 1.0})
    assert set(np.unique(outputs["mask"])) == {0, 1}
    dark = outputs["image"].mean(axis=-1) < 130
    lesion = outputs["mask"][..., 0] > 0
    iou = (dark & lesion).sum(axis=(1, 2)) / (dark | lesion).sum(axis=(1, 2))
    # The lens moves images by half a pixel, as in albumentations; a mask has no half pixels.
    assert iou.min() > 0.85
    assert iou.mean() > 0.96
    assert (outputs["mask"] != inputs["mask"]).any(axis=(1, 2, 3)).mean() > 0.85


@pytest.mark.parametrize("family", ["cutout", "blur", "brightness_contrast"])
def test_other_operations_leave_the_mask_alone(family):
    inputs = batch(50)
    outputs = apply(inputs, **{**OFF, family: 1.0})
    np.testing.assert_array_equal(outputs["mask"], inputs["mask"])
    assert (outputs["image"] != inputs["image"]).any(axis=(1, 2, 3)).mean() > 0.95


def test_result_depends_on_the_key_only():
    inputs = batch(30)
    whole = apply(inputs)
    order = np.random.default_rng(0).permutation(30)
    shuffled = apply({name: values[order] for name, values in inputs.items()})
    single = apply({name: values[4:5] for name, values in inputs.items()})
    alone = apply({name: inputs[name] for name in ("image", "augmentation_key")})
    for name in ("image", "mask"):
        np.testing.assert_array_equal(shuffled[name], whole[name][order])
        np.testing.assert_array_equal(single[name], whole[name][4:5])
    np.testing.assert_array_equal(alone["image"], whole["image"])
    assert set(alone) == {"image"}
    assert len({image.tobytes() for image in whole["image"]}) > 20


def figures(images: np.ndarray, masks: np.ndarray) -> dict[str, np.ndarray]:
    """What the augmentations change, each in one number an image."""
    grey, masks = images.astype("float64").mean(axis=-1), masks.reshape(masks.shape[:3])
    rows, columns = np.mgrid[:SIZE, :SIZE]
    area = masks.sum(axis=(1, 2))
    lesion, skin = masks > 0, (masks == 0) & (grey > 0)
    return {
        "mean": grey.mean(axis=(1, 2)),
        "contrast": grey.std(axis=(1, 2)),
        "sharpness": np.abs(np.diff(grey, axis=1)).mean(axis=(1, 2)),
        "black": (grey < 1).mean(axis=(1, 2)),
        "lesion": (grey * lesion).sum(axis=(1, 2)) / np.maximum(lesion.sum(axis=(1, 2)), 1),
        "skin": (grey * skin).sum(axis=(1, 2)) / skin.sum(axis=(1, 2)),
        "area": area,
        "row": (masks * rows).sum(axis=(1, 2)) / area,
        "column": (masks * columns).sum(axis=(1, 2)) / area,
    }


def test_pixels_have_the_statistics_of_albumentations():
    # Every operation in every image, so that none is lost among the untouched ones.
    count, always = 1200, dict.fromkeys(OFF, 0.9)
    inputs = batch(count)
    outputs = apply(inputs, **always)
    augmenter, image = Augmenter(SIZE, **always), inputs["image"][0].astype("uint8")
    mask = inputs["mask"][0, ..., 0].astype("uint8")
    pairs = [augmenter(image, mask, seed=0, epoch=0, index=index) for index in range(count)]
    theirs = np.stack([pair[0] for pair in pairs]), np.stack([pair[1] for pair in pairs])
    expected = figures(*theirs)
    for name, ours in figures(outputs["image"], outputs["mask"]).items():
        result = ks_2samp(ours, expected[name])
        assert result.pvalue > 1e-3, (name, result.statistic)
    # The mean picture and its variation, place by place.
    error = np.sqrt(outputs["image"].var(axis=0) / count + theirs[0].var(axis=0) / count)
    difference = (outputs["image"].mean(axis=0) - theirs[0].mean(axis=0)) / error
    assert np.abs(difference).mean() < 1.2  # 0.8 for a normal distribution
    spread = outputs["image"].std(axis=0).mean() / theirs[0].std(axis=0).mean()
    assert spread == pytest.approx(1, abs=0.05)


def test_layer_round_trips_through_a_keras_file(tmp_path):
    inputs = {
        "image": keras.Input((SIZE, SIZE, 3), name="image"),
        "augmentation_key": keras.Input((2,), dtype="uint32", name="augmentation_key"),
    }
    model = keras.Model(inputs, PaperAugmentation(SIZE, blur=0.7)(inputs))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    (layer,) = [each for each in loaded.layers if isinstance(each, PaperAugmentation)]
    assert layer.augmenter == Augmenter(SIZE, blur=0.7)
    values = batch(4)
    values.pop("mask")
    np.testing.assert_array_equal(loaded(values)["image"], apply(values, blur=0.7)["image"])


def test_coordinates_stay_exact_under_mixed_precision():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        outputs = apply(batch(4))
    finally:
        keras.config.set_dtype_policy("float32")
    np.testing.assert_array_equal(outputs["image"], apply(batch(4))["image"])


@pytest.mark.parametrize("arguments", [{"image_size": 4}, {"image_size": 32, "blur": 1.5}])
def test_arguments_out_of_range_are_refused(arguments):
    with pytest.raises(ValueError, match="must be"):
        PaperAugmentation(**arguments)


def test_compiled_by_xla_it_is_the_same():
    tf = pytest.importorskip("tensorflow")
    inputs, layer = batch(20), PaperAugmentation(SIZE)
    compiled = tf.function(layer.call, jit_compile=True)(
        {name: tf.constant(values) for name, values in inputs.items()}
    )
    assert_nearly_equal({name: value.numpy() for name, value in compiled.items()}, apply(inputs))


ON_JAX = """
import sys
import numpy as np
import jax, keras
from skinnet_keras.training.device_augmentation import PaperAugmentation

assert keras.backend.backend() == "jax"
layer = PaperAugmentation(int(sys.argv[3]))
np.savez(sys.argv[2], **jax.jit(layer.call)(dict(np.load(sys.argv[1]))))
"""


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="jax is not installed")
def test_jax_augments_as_tensorflow_does(tmp_path):
    inputs = batch(20)
    np.savez(tmp_path / "in.npz", **inputs)
    done = subprocess.run(
        [sys.executable, "-c", ON_JAX, tmp_path / "in.npz", tmp_path / "out.npz", str(SIZE)],
        env={**os.environ, "KERAS_BACKEND": "jax"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert_nearly_equal(dict(np.load(tmp_path / "out.npz")), apply(inputs))


def assert_nearly_equal(ours: dict[str, np.ndarray], expected: dict[str, np.ndarray]):
    # Sines and logarithms of two compilers differ in the last digit.
    np.testing.assert_allclose(ours["image"], expected["image"], atol=0.1)
    assert (ours["mask"] != expected["mask"]).mean() < 1e-3
