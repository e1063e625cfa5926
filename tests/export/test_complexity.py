"""Multiply-accumulates: single layers counted by hand, the twelve networks by another counter."""

from __future__ import annotations

import keras
import pytest
from keras import layers, ops

from skinnet_keras.export.complexity import multiply_accumulates, trainable_parameters
from skinnet_keras.models import build_segmenter
from skinnet_keras.models.segmentation.blocks.grouped_convolution import GroupedConv2D


def one_layer(layer, *shape):
    image = keras.Input(shape, name="image")
    return keras.Model({"image": image}, {"output": layer(image)})


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (layers.Conv2D(5, 3, padding="same"), 8 * 12 * 5 * 9 * 4),
        (layers.Conv2D(5, 3), 6 * 10 * 5 * 9 * 4),
        (layers.Conv2D(5, (1, 3), strides=2, padding="same"), 4 * 6 * 5 * 3 * 4),
        # 5 does not divide the sides: TensorFlow pads, which is not counted.
        (layers.Conv2D(5, 3, dilation_rate=5, padding="same"), 8 * 12 * 5 * 9 * 4),
        (layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2), 8 * 12 * 8 * 9),
        (layers.DepthwiseConv2D(3, padding="same", dilation_rate=5), 8 * 12 * 4 * 9),
        (layers.SeparableConv2D(6, 3, padding="same"), 8 * 12 * (4 * 9 + 4 * 6)),
        (GroupedConv2D(6, 3, groups=2), 8 * 12 * 6 * 9 * 2),
        (layers.Conv2DTranspose(5, 2, strides=2), 8 * 12 * 4 * 4 * 5),
        (layers.Dense(7), 8 * 12 * 4 * 7),
        (layers.EinsumDense("abcd,de->abce", (8, 12, 7)), 8 * 12 * 4 * 7),
        (layers.Activation("gelu"), 0),
        (layers.BatchNormalization(), 0),
        (layers.MaxPooling2D(), 0),
        (layers.UpSampling2D(interpolation="bilinear"), 0),
    ],
    ids=lambda value: value.name if isinstance(value, layers.Layer) else "",
)
def test_a_layer_counts_its_products(layer, expected):
    assert multiply_accumulates(one_layer(layer, 8, 12, 4)) == expected


def test_both_products_of_attention_count():
    def attention(tokens):  # 20 tokens of 6 channels
        weights = ops.softmax(ops.matmul(tokens, ops.transpose(tokens, (0, 2, 1))))
        return ops.matmul(weights, tokens)

    model = one_layer(layers.Lambda(attention, output_shape=(20, 6)), 20, 6)
    assert multiply_accumulates(model) == 2 * 20 * 20 * 6


def test_einsum_counts_every_combination_of_its_labels():
    def products(x):  # labels b = 1, i = j = 5, c = 6; no batched matrix product
        import tensorflow as tf

        return tf.einsum("bic,bjc->bijc", x, x)

    model = one_layer(layers.Lambda(products, output_shape=(5, 5, 6)), 5, 6)
    assert multiply_accumulates(model) == 5 * 5 * 6


@pytest.mark.parametrize(
    ("layer", "shape"),
    [(layers.Conv3D(2, 3), (8, 8, 8, 1)), (layers.SimpleRNN(2), (5, 3))],
    ids=["an operation without a rule", "a loop"],
)
def test_what_cannot_be_counted_is_refused(layer, shape):
    with pytest.raises(ValueError, match="no rule to count"):
        multiply_accumulates(one_layer(layer, *shape))


def test_an_unknown_size_is_refused():
    with pytest.raises(ValueError, match="static shape"):
        multiply_accumulates(one_layer(layers.Conv2D(2, 3), None, None, 3))


def test_trainable_parameters_leave_out_statistics():
    assert trainable_parameters(one_layer(layers.BatchNormalization(), 4, 4, 3)) == 6


# Of the authors' own code at 224 x 224, batch 1, counted by PyTorch's FlopCounterMode / 2.
COUNTS = {
    "unet": 50_031_493_120,
    "r2_unet": 116_748_713_984,
    "attention_unet": 50_856_587_264,
    "attention_r2_unet": 117_573_808_128,
    "transunet": 29_167_927_296,
    # Their mix-skip FFN evaluates its first linear map twice, with one result.
    "transception": 10_424_503_488 - 2_011_054_080,
    "missformer": 9_745_182_720 - 1_772_617_728,
    "transdeeplab": 16_101_048_200,
    # Here the last up-sampling is two matrix products (exact on every backend), there a kernel.
    "transfuse": 9_007_306_920 + 2 * (702_464 + 2_809_856) + (43_904 + 702_464),
    "malunet": 63_351_914 + 2_809_856 + 5_619_712,
    "dcsau_net": 5_025_769_472,
    # No public code: as counted here.
    "split_attention_unet": 1_328_613_376,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", COUNTS)
def test_networks_count_what_the_originals_do(name):
    keras.backend.clear_session()
    assert multiply_accumulates(build_segmenter(name, image_size=224)) == COUNTS[name]
