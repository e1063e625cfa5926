"""U-Net, R2U-Net, Attention U-Net and Attention R2U-Net: what one skeleton has to get right."""

from __future__ import annotations

import pytest

from parameter_counts import build_shapes, trainable
from skinnet_keras.models import build_segmenter

FAMILY = ("unet", "r2_unet", "attention_unet", "attention_r2_unet")

DOUBLE = {
    "e1": 38_976,
    "e2": 221_952,
    "e3": 886_272,
    "e4": 3_542_016,
    "e5": 14_161_920,
    "d5": 7_080_960,
    "d4": 1_771_008,
    "d3": 443_136,
    "d2": 110_976,
}
RECURRENT = {
    "e1": 74_368,
    "e2": 304_000,
    "e3": 1_214_208,
    "e4": 4_853_248,
    "e5": 19_405_824,
    "d5": 5_246_464,
    "d4": 1_312_512,
    "d3": 328_576,
    "d2": 82_368,
}
UP = {"d5_up": 4_720_128, "d4_up": 1_180_416, "d3_up": 295_296, "d2_up": 73_920}
GATES = {"d5_gate": 263_939, "d4_gate": 66_435, "d3_gate": 16_835, "d2_gate": 4_323}
HEAD = {"mask_logits": 65}


@pytest.mark.parametrize(
    ("name", "blocks"),
    [
        ("unet", DOUBLE | UP | HEAD),
        ("r2_unet", RECURRENT | UP | HEAD),
        ("attention_unet", DOUBLE | UP | GATES | HEAD),
        ("attention_r2_unet", RECURRENT | UP | GATES | HEAD),
    ],
)
def test_blocks_have_the_reference_s_numbers_of_parameters(name, blocks):
    model = build_shapes(name)
    # The convolutions of level N are what is neither its up-convolution nor its gate.
    parts = {
        block: [f"{block}_unit", f"{block}_project"] if len(block) == 2 else [block]
        for block in blocks
    }
    assert {block: trainable(model, *parts[block]) for block in blocks} == blocks
    assert trainable(model) == sum(blocks.values())


@pytest.mark.parametrize("t", [1, 3])
def test_recurrent_steps_add_no_parameters(t):
    assert trainable(build_shapes("r2_unet", t=t)) == 39_091_393


@pytest.mark.parametrize("name", FAMILY)
def test_skip_connection_comes_first(name):
    model = build_segmenter(name, image_size=32, widths=(4, 8))
    skip, up = model.get_layer("d2_concat").input
    blocks = {"unet": "e1_unit2_relu", "r2_unet": "e1_residual"}
    assert skip is model.get_layer(blocks.get(name, "d2_gate_product")).output
    assert up is model.get_layer("d2_up_relu").output
