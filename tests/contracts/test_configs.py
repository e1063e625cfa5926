"""Every shipped config builds its full-size model and takes one optimisation step."""

from __future__ import annotations

import pytest

from one_step import step_every_stage
from skinnet_keras.config import load_config
from skinnet_keras.presets import find_config, preset_names

# Without a recipe, an ablation is skinnet_v1 or v2; these change the network.
_OTHER_NETWORKS = [
    ("ablations/inputs", "nine_classes"),
    ("ablations/network", "head_units_1536"),
    ("ablations/masks", "mask_branch_mbconv"),
    ("ablations/masks", "v1_mask_branch_mbconv"),
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "recipe"),
    [(name, "ours") for name in preset_names() if not name.startswith("ablations/")]
    + _OTHER_NETWORKS,
)
def test_one_step_of_every_stage_at_full_size(name, recipe):
    step_every_stage(load_config(find_config(name), [f"recipe={recipe}"]))
