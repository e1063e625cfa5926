"""The blocks of the U-Net family against values worked out by hand."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from skinnet_keras.models.segmentation.blocks.unet_blocks import (
    attention_gate,
    double_convolution,
    recurrent_residual_block,
    up_convolution,
)


def _model(block, *shapes: tuple[int, ...]) -> keras.Model:
    inputs = [keras.Input(shape) for shape in shapes]
    model = keras.Model(inputs, block(*inputs))
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            one = np.ones(layer.gamma.shape)
            # With this variance, inference divides by exactly one.
            layer.set_weights([one, 0 * one, 0 * one, one - layer.epsilon])
    return model


def _run(model: keras.Model, *maps, training: bool = False) -> np.ndarray:
    return np.asarray(model([np.asarray(x, "float32") for x in maps], training=training))


def _assign(layer: keras.layers.Conv2D, inputs: list[float], bias: float = 0.0) -> None:
    """One weight for each input channel in the middle of the kernel, 0 around it."""
    kernel = np.zeros(layer.kernel.shape)
    kernel[kernel.shape[0] // 2, kernel.shape[1] // 2, :, 0] = inputs
    layer.set_weights([kernel, np.full(layer.bias.shape, bias)])


def _recurrent(t: int) -> keras.Model:
    """One pixel, one channel: shortcut x, units relu(x / 2)."""
    model = _model(lambda x: recurrent_residual_block(x, 1, "e1", t=t), (1, 1, 1))
    _assign(model.get_layer("e1_project"), [1.0])
    for unit in ("e1_unit1", "e1_unit2"):
        _assign(model.get_layer(f"{unit}_conv"), [0.5])
    return model


# A unit maps x = 1 to 1/2, 1/2 (1 + 1/2) = 3/4, 1/2 (1 + 3/4) = 7/8, ...; two of them square it.
@pytest.mark.parametrize(("t", "unit"), [(1, 3 / 4), (2, 7 / 8), (3, 15 / 16)])
def test_recurrent_unit_runs_t_plus_one_times(t, unit):
    y = _run(_recurrent(t), np.ones((1, 1, 1, 1)))
    np.testing.assert_allclose(y.item(), 1 + unit**2, rtol=1e-6)


def test_residual_sum_has_no_activation():
    assert _run(_recurrent(2), -np.ones((1, 1, 1, 1))).item() == pytest.approx(-1.0)


def test_every_run_of_a_recurrent_unit_updates_the_shared_statistics():
    model = _recurrent(2)
    _run(model, np.ones((2, 1, 1, 1)), training=True)
    # All three runs see 1/2: normalised to 0, the second and third add nothing to the input.
    mean = model.get_layer("e1_unit1_bn").moving_mean
    assert float(mean[0]) == pytest.approx(0.5 * (1 - 0.9**3), rel=1e-5)


def test_gate_scales_the_skip_connection():
    model = _model(lambda skip, gate: attention_gate(skip, gate, "gate"), (1, 1, 2), (1, 1, 2))
    signal, inputs, coefficient = (
        model.get_layer(f"gate_{part}_conv") for part in ("signal", "skip", "coefficient")
    )
    assert signal.filters == inputs.filters == 1  # half of the channels
    _assign(signal, [1.0, 0.0], 0.25)
    _assign(inputs, [0.0, 0.5], 0.75)
    _assign(coefficient, [1.0], -4.0)

    skip, gate = np.reshape([2.0, 4.0], (1, 1, 1, 2)), np.reshape([1.0, 9.0], (1, 1, 1, 2))
    # relu((1 + 0.25) + (2 + 0.75)) = 4, sigmoid(4 - 4) = 1/2.
    np.testing.assert_allclose(_run(model, skip, gate), skip / 2, rtol=1e-5)
    # The sum is 1.25 - 9 + 2.75 < 0: relu leaves sigmoid(-4).
    y = _run(model, skip, gate - [9.0, 0.0])
    np.testing.assert_allclose(y, skip / (1 + np.exp(4)), rtol=1e-5)


def test_up_convolution_repeats_pixels():
    model = _model(lambda x: up_convolution(x, 1, "up"), (1, 2, 1))
    _assign(model.get_layer("up_conv"), [1.0])
    y = _run(model, np.reshape([1.0, 3.0], (1, 1, 2, 1)))
    np.testing.assert_allclose(np.squeeze(y), [[1, 1, 3, 3], [1, 1, 3, 3]], rtol=1e-6)


def test_convolutions_start_like_pytorch_s():
    keras.utils.set_random_seed(0)
    model = _model(lambda x: double_convolution(x, 64, "e2"), (8, 8, 32))
    for name, fan_in in (("e2_unit1_conv", 9 * 32), ("e2_unit2_conv", 9 * 64)):
        layer, bound = model.get_layer(name), 1 / np.sqrt(fan_in)
        for weight in layer.get_weights():
            assert 0.9 * bound < np.abs(weight).max() <= bound
        assert np.std(layer.get_weights()[0]) == pytest.approx(bound / np.sqrt(3), rel=0.02)


def test_batch_normalisation_is_pytorch_s():
    model = _model(lambda x: double_convolution(x, 4, "e1"), (4, 4, 3))
    layer = model.get_layer("e1_unit1_bn")
    assert (layer.epsilon, layer.momentum) == (1e-5, 0.9)
