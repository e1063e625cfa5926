from __future__ import annotations

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
