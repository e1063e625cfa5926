"""The SkinNets themselves through conversion and parity gate: small by default, 224 px marked."""

from __future__ import annotations

import itertools
from pathlib import Path

import keras
import numpy as np
import pytest

from skinnet_keras.data.image_io import resize_image, resize_mask
from skinnet_keras.export.delegate import inspect_delegation
from skinnet_keras.export.parity import ParityReference, check_parity
from skinnet_keras.export.savedmodel import write_savedmodel
from skinnet_keras.export.tflite import write_tflite
from skinnet_keras.inference.keras_runner import KerasRunner
from skinnet_keras.inference.savedmodel_runner import SavedModelRunner
from skinnet_keras.inference.tflite_runner import TFLiteRunner
from skinnet_keras.models import attach_segmenter, build_segmenter, build_skinnet
from skinnet_keras.models.loading import load_keras
from tiny_run import draw_picture

IMAGES = 8


def _inputs(size: int) -> dict[str, np.ndarray]:
    pictures = [draw_picture(i) for i in range(IMAGES)]
    return {
        "image": np.stack([resize_image(rgb, size) for rgb, _ in pictures]),
        "mask": np.stack([resize_mask(mask, size)[..., None] for _, mask in pictures]),
        "metadata": np.random.default_rng(0).uniform(0, 1, (IMAGES, 14)).astype(np.float32),
    }


def _spread(layer: keras.layers.Layer, outputs: np.ndarray, mean: float = 0.0) -> None:
    """Give a network's outputs the variance 1 and this mean, by its last layer's weights."""
    axes = tuple(range(outputs.ndim - 1))
    scale = 1 / (outputs.std(axis=axes) + 1e-12)
    layer.kernel.assign(layer.kernel * scale)
    layer.bias.assign((layer.bias - outputs.mean(axis=axes)) * scale + mean)


def _pair(
    variant: str, size: int, widths: tuple[int, ...], **arguments
) -> tuple[keras.Model, keras.Model]:
    """A classifier and a segmenter with random weights and lively outputs."""
    keras.utils.set_random_seed(3)
    classifier = build_skinnet(variant, image_size=size, **arguments)
    network = build_segmenter("split_attention_unet", image_size=size, widths=widths)
    inputs = _inputs(size)
    logits = keras.Model(classifier.inputs, classifier.get_layer("diagnosis_logits").output)
    used = [inputs[tensor.name].astype(np.float32) for tensor in classifier.inputs]
    _spread(classifier.get_layer("diagnosis_logits"), logits.predict(used, verbose=0))
    found = network.predict({"image": inputs["image"].astype(np.float32)}, verbose=0)
    # Trained networks have few pixels near the threshold; centred noise has most of them there.
    _spread(network.get_layer("mask_logits"), found["mask_logits"], mean=2.0)
    return classifier, network


def _check(
    variant: str,
    size: int,
    folder: Path,
    *,
    kinds: tuple[str, ...] = ("classifier", "end_to_end"),
    precisions: tuple[str, ...] = ("float32", "float16"),
    widths: tuple[int, ...] = (32, 64, 128, 256, 512),
    **arguments,
) -> None:
    """Save, load, convert and compare a SkinNet; its files stay in `folder`."""
    classifier, network = _pair(variant, size, widths, **arguments)
    classifier.save(folder / "best.keras")
    models = {"classifier": classifier, "end_to_end": attach_segmenter(classifier, network)}
    reference = ParityReference(
        KerasRunner(load_keras(folder / "best.keras")),
        KerasRunner(models["end_to_end"]),
        _inputs(size),
        0.5,
    )
    write_savedmodel(models["end_to_end"], folder / "1")
    runners = {("end_to_end", "float32", "savedmodel"): SavedModelRunner(folder / "1")}
    for kind, precision in itertools.product(kinds, precisions):
        path = folder / f"{kind}_{precision}.tflite"
        write_tflite(models[kind], path, precision=precision)
        delegation = inspect_delegation(path)
        assert (delegation.partitions, delegation.left) == (1, ())
        runners[kind, precision, "tflite"] = TFLiteRunner(path)
    for (kind, precision, format_), runner in runners.items():
        result = check_parity(
            runner, f"{variant} {format_}", kind=kind, precision=precision, reference=reference
        )
        assert result.variation > 0.05


def test_small_skinnet_passes_the_gate(tmp_path):
    _check(
        "v3",
        64,
        tmp_path,
        kinds=("end_to_end",),
        precisions=("float16",),
        widths=(8, 16),
        backbone="mbconv_tiny",
        metadata_units=(16, 8),
        shape_filters=(4, 4, 8, 8, 8, 8, 8, 16),
        shape_units=(8, 4),
    )


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["v1", "v2", "v3", "v4"])
def test_full_size_skinnet_passes_the_gate_in_every_format(variant, tmp_path):
    _check(variant, 224, tmp_path)
    if variant == "v2":
        size = (tmp_path / "end_to_end_float16.tflite").stat().st_size
        assert size <= 16 * 2**20  # the project's budget
