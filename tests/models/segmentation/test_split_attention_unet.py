from __future__ import annotations

import keras
import numpy as np
import pytest

from parameter_counts import build_shapes, trainable
from skinnet_keras.models import build_segmenter


def test_default_has_the_stated_number_of_parameters():
    model = build_shapes("split_attention_unet")
    assert trainable(model) == 1_039_427
    assert trainable(model, "e1") == 3_714


def test_doubled_widths_have_the_stated_number_of_parameters():
    model = build_shapes("split_attention_unet", widths=(64, 128, 256, 512, 1024))
    assert trainable(model) == 3_993_475


@pytest.mark.parametrize("radix", [1, 2, 3])
def test_radix_is_the_number_of_branches(radix):
    model = build_segmenter("split_attention_unet", image_size=32, widths=(8, 16), radix=radix)
    branches = {w.path.split("/")[0][:10] for w in model.weights if "e1_branch" in w.path}
    assert len(branches) == radix


def test_convolving_before_upsampling_gives_the_values_of_the_papers_order():
    model = build_segmenter("split_attention_unet", image_size=32, widths=(4, 8, 16))
    reduce, up = model.get_layer("d2_reduce"), model.get_layer("d2_up")
    image = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 3)).astype("float32")
    ends = keras.Model(model.input, {"before": reduce.input, "after": up.output})({"image": image})
    papers = reduce(keras.layers.UpSampling2D(2, interpolation="nearest")(ends["before"]))
    assert np.std(papers) > 1e-4
    np.testing.assert_allclose(ends["after"], papers, rtol=1e-4, atol=1e-7)


def test_kernels_after_the_first_block_may_be_smaller():
    model = build_shapes("split_attention_unet", unit_kernel=3)
    kernels = {
        layer.name.split("_")[0]: layer.kernel_size
        for layer in model.layers
        if isinstance(layer, keras.layers.DepthwiseConv2D)
    }
    assert kernels.pop("e1") == (5, 5)
    assert set(kernels.values()) == {(3, 3)}


def test_relu6_replaces_every_relu():
    model = build_shapes("split_attention_unet", activation="relu6")
    activations = [x for x in model.layers if isinstance(x, keras.layers.Activation)]
    assert {x.activation.__name__ for x in activations} == {"relu6"}
