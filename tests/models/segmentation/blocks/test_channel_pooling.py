from __future__ import annotations

import keras
import numpy as np
import pytest

from skinnet_keras.models.segmentation.blocks.channel_pooling import ChannelMax, ChannelMean


@pytest.mark.parametrize(("layer", "expected"), [(ChannelMean, 2.0), (ChannelMax, 6.0)])
def test_one_value_a_pixel(layer, expected):
    maps = np.reshape(np.array([-1, 1, 6, 2, 2, 2], "float32"), (1, 1, 2, 3))
    pooled = np.asarray(layer()(maps))
    assert pooled.shape == layer().compute_output_shape(maps.shape) == (1, 1, 2, 1)
    assert pooled[0, 0, 0, 0] == expected
    assert pooled[0, 0, 1, 0] == 2.0


@pytest.mark.parametrize("layer", [ChannelMean, ChannelMax])
def test_config_round_trip(layer):
    assert isinstance(keras.layers.deserialize(keras.layers.serialize(layer())), layer)
