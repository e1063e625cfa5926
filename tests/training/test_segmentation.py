"""The segmentation network of a config has the one output that stage (a) trains."""

from __future__ import annotations

import pytest

from skinnet_keras.config import Config
from skinnet_keras.models.loading import load_keras
from skinnet_keras.training.segmentation import configured_segmenter

TRANSFUSE = {
    "resnet_width": 8,
    "resnet_blocks": (1, 1, 1),
    "token_width": 16,
    "depth": 1,
    "num_heads": 2,
}


def config(name, arguments):
    return Config.model_validate(
        {
            "name": "one",
            "image_size": 32,
            "segmenter": {"name": name, "arguments": arguments},
            "stages": {"segmentation": {"epochs": 1}},
        }
    )


@pytest.mark.parametrize(
    ("name", "arguments"),
    [("unet", {"widths": (4, 8)}), ("transfuse", TRANSFUSE)],
)
def test_auxiliary_heads_are_left_out(name, arguments, tmp_path):
    model = configured_segmenter(config(name, arguments))
    assert list(model.output) == ["mask_logits"]
    assert not [w.path for w in model.trainable_weights if w.path.startswith(("map_1", "map_x"))]
    model.save(tmp_path / "segmenter.keras")
    again = load_keras(tmp_path / "segmenter.keras")
    assert [w.path for w in again.weights] == [w.path for w in model.weights]
