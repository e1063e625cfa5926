"""Constructions of the registered segmenters that are small enough for tests."""

from __future__ import annotations

from typing import Any

IMAGE_SIZE = 64
"""Side at which they are compared: TransDeepLab's windows are two pixels wide, so some shift."""

REDUCED: dict[str, dict[str, Any]] = {
    "unet": {"widths": (4, 8, 16)},
    "r2_unet": {"widths": (4, 8, 16)},
    "attention_unet": {"widths": (4, 8, 16)},
    "attention_r2_unet": {"widths": (4, 8, 16)},
    "missformer": {"widths": (8, 16, 40, 64), "depth": 1, "bridge_depth": 1},
    "transception": {
        "widths": (8, 16, 40, 64),
        "depths": (1, 1, 1, 1),
        "decoder_depth": 1,
        "bridge_depth": 1,
    },
    "transdeeplab": {"width": 12, "depths": (1, 1, 1), "last_depth": 2},
    "transunet": {
        "width": 32,
        "units": (2, 1, 1),
        "hidden_size": 24,
        "depth": 1,
        "num_heads": 2,
        "mlp_dim": 48,
        "decoder_widths": (16, 8, 8, 4, 4),
    },
    "dcsau_net": {"stem_width": 8, "encoder_widths": (4, 8), "decoder_widths": (4, 4)},
    "malunet": {"widths": (8, 8, 8, 8, 16, 16)},
    "transfuse": {
        # With 8, TensorFlow 2.21's oneDNN writes beyond its memory in the gradient of a strided
        # 1x1 convolution when the batch is odd.
        "resnet_width": 16,
        "resnet_blocks": (1, 1, 1),
        "token_width": 16,
        "depth": 2,
        "num_heads": 2,
    },
    "split_attention_unet": {"widths": (4, 8, 16)},
}
"""Name -> arguments of the builder: few channels and blocks, every kind of block."""
