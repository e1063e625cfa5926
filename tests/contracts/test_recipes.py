"""Every shipped config, with and without its recipes: it loads, and what it names can be built."""

from __future__ import annotations

import pytest
import yaml

from parameter_counts import build_shapes
from skinnet_keras.config import Config, load_config
from skinnet_keras.models import SEGMENTERS
from skinnet_keras.presets import find_config, preset_names
from skinnet_keras.training.optimizers import build_optimizer
from skinnet_keras.training.segmentation_losses import segmentation_loss


def _recipes(preset: str) -> list[str]:
    raw = yaml.safe_load(find_config(preset).read_text(encoding="utf-8"))
    return ["ours", *raw.get("recipes", {})]


def _load(preset: str, recipe: str) -> Config:
    return load_config(find_config(preset), [f"recipe={recipe}"])


CONFIGS = [(preset, recipe) for preset in preset_names() for recipe in _recipes(preset)]


@pytest.mark.parametrize(("preset", "recipe"), CONFIGS)
def test_every_recipe_of_every_config_loads(preset, recipe):
    config = _load(preset, recipe)
    assert config.recipe == recipe
    stem = preset.split("/")[-1]
    names = (stem, preset.replace("/", "_"))
    assert config.name in [n + ("" if recipe == "ours" else f"_{recipe}") for n in names]
    for name in ("segmentation", "cnn", "head", "joint"):
        stage = getattr(config.stages, name)
        if stage is not None:
            assert build_optimizer(stage.optimizer, 10, stage.epochs)


def test_each_network_has_a_config_with_a_paper_recipe():
    folder = "segmentation/"
    found = {p.removeprefix(folder) for p in preset_names() if p.startswith(folder)}
    assert found == set(SEGMENTERS)
    for name in SEGMENTERS:
        assert _load(f"segmentation/{name}", "ours").segmenter.name == name
        assert "paper" in _recipes(f"segmentation/{name}")


@pytest.mark.parametrize("name", SEGMENTERS)
def test_network_and_loss_of_each_recipe_can_be_built_at_its_size(name):
    configs = [_load(f"segmentation/{name}", recipe) for recipe in _recipes(f"segmentation/{name}")]
    outputs = {}
    for config in configs:
        size, arguments = config.image_size, config.segmenter.arguments
        key = (size, repr(arguments))
        if key not in outputs:
            outputs[key] = build_shapes(name, image_size=size, **arguments).output
        assert outputs[key]["mask_logits"].shape == (None, size, size, 1)
        assert set(outputs[key]) <= {"mask_logits", *config.segmentation_loss.output_weights}
        assert segmentation_loss(config.segmentation_loss)


def test_our_recipe_differs_in_the_learning_rate_only():
    """Else a comparison of networks would be one of recipes; warm-up and clipping go with it."""
    common = set()
    for name in SEGMENTERS:
        values = _load(f"segmentation/{name}", "ours").model_dump()
        del values["name"], values["segmenter"]
        optimizer = values["stages"]["segmentation"]["optimizer"]
        del optimizer["learning_rate"], optimizer["clip_norm"]
        del optimizer["schedule"]["warmup_epochs"]
        common.add(yaml.safe_dump(values))
    assert len(common) == 1
