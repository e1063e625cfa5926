"""What each ablation changes of its base, what the literal configs do; a step of each, reduced."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from one_step import step_every_stage
from skinnet_keras.config import Config, load_config, parse_config
from skinnet_keras.presets import find_config, preset_names

# Config -> recipe -> all that differs from skinnet_v1 (for masks: v2), by key.
CHANGES: dict[str, dict[str, dict[str, Any]]] = {
    "optimizers": {
        "sgd_nesterov": {
            f"stages.{stage}.optimizer.{key}": value
            for stage in ("cnn", "head")
            for key, value in {
                "name": "sgd",
                "learning_rate": 0.01,
                "momentum": 0.9,
                "nesterov": True,
                "weight_decay": None,
                "beta_1": None,
                "beta_2": None,
            }.items()
        },
        "adam": {
            f"stages.{stage}.optimizer.{key}": value
            for stage in ("cnn", "head")
            for key, value in {"name": "adam", "weight_decay": None}.items()
        },
    },
    "losses": {
        "cross_entropy": {
            "loss.name": "cross_entropy",
            "loss.gamma": None,
            "balance.methods": [],
            "balance.weighting": None,
            "balance.power": None,
        },
        "weighted_cross_entropy": {"loss.name": "cross_entropy", "loss.gamma": None},
        "label_smoothing": {
            "loss.name": "cross_entropy",
            "loss.gamma": None,
            "loss.label_smoothing": 0.1,
        },
        "focal_without_alpha": {
            "balance.methods": [],
            "balance.weighting": None,
            "balance.power": None,
        },
        "class_balanced": {
            "balance.weighting": "effective_number",
            "balance.power": None,
            "balance.beta": 0.999,
        },
        "logit_adjusted": {
            "loss.name": "cross_entropy",
            "loss.gamma": None,
            "balance.methods": ["logit_adjustment"],
            "balance.weighting": None,
            "balance.power": None,
            "balance.tau": 1.0,
        },
    },
    "balance": {
        "none": {"balance.methods": [], "balance.weighting": None, "balance.power": None},
        "class_weights": {"balance.methods": ["class_weights"]},
        "balanced_sampling": {"balance.methods": ["balanced_sampling"]},
        "inverse_frequency": {"balance.power": 1.0},
    },
    "inputs": {
        "no_metadata": {"model.metadata": False, "stages.head": None},
        "no_metadata_dropout": {"metadata_dropout": 0.0},
        "no_augmentation": {"augmentation": False},
        "cleaned": {
            f"cleaning.{step}": True
            for step in ("borders", "hair", "rulers_and_ink", "colour_constancy")
        },
        "nine_classes": {"num_classes": 9},
    },
    "network": {
        "head_units_1536": {"model.head_units": [1536]},
        "joint": {"stages.joint": "a stage"},
        "at_once": {"stages.head": None},
    },
    "masks": {
        "mask_branch_mbconv": {"model.mask_branch": "mbconv"},
        "v1_mask_branch_mbconv": {"model.variant": "v1", "model.mask_branch": "mbconv"},
        "threshold_low": {"segmenter.threshold": 0.3},
        "threshold_high": {"segmenter.threshold": 0.7},
    },
}
ABLATIONS = [(name, recipe) for name, recipes in CHANGES.items() for recipe in recipes]
LITERAL = ["v1", "v2", "v3", "v4"]
SMALL = {
    "backbone": "mbconv_tiny",
    "lesion_backbone": "mbconv_tiny",
    "metadata_units": [8, 8],
    "shape_filters": [4, 4, 4, 4, 4, 4, 4, 8],
    "shape_units": [8, 4],
    "image_units": [8],
    "lesion_units": [8, 8],
}


def _load(preset: str, recipe: str = "ours") -> Config:
    return load_config(find_config(preset), [f"recipe={recipe}"])


def _differences(config: Config, base: Config) -> dict[str, Any]:
    """Keys of `config` with another value than in `base`; a stage that only it has by its key."""
    differences: dict[str, Any] = {}

    def compare(new: Any, old: Any, path: str) -> None:
        if isinstance(new, dict) and isinstance(old, dict) and new.keys() == old.keys():
            for key in new:
                compare(new[key], old[key], f"{path}.{key}".lstrip("."))
        elif new != old:
            differences[path] = "a stage" if isinstance(new, dict) else new

    new, old = (c.model_dump(exclude={"name", "recipe"}) for c in (config, base))
    compare(new, old, "")
    return differences


def _reduced(config: Config) -> Config:
    """The config at 32 px with networks of a few thousand parameters."""
    raw = config.model_dump()
    raw["model"] |= SMALL
    if raw["segmenter"]:
        raw["segmenter"]["arguments"] = {"widths": [4, 8]}
    return parse_config({**raw, "image_size": 32}, config.name)


def test_tables_hold_every_ablation_and_every_recipe():
    folder = "ablations/"
    presets = {p.removeprefix(folder) for p in preset_names() if p.startswith(folder)}
    assert presets == set(CHANGES)
    for name, recipes in CHANGES.items():
        text = find_config(folder + name).read_text(encoding="utf-8")
        assert list(yaml.safe_load(text)["recipes"]) == list(recipes)
        # The opening comment explains each.
        comment = text[: text.index("\nname:")]
        assert all(recipe in comment for recipe in recipes)
        assert "not run here" in comment


@pytest.mark.parametrize(("name", "recipe"), ABLATIONS)
def test_ablation_changes_this_of_its_base_and_nothing_else(name, recipe):
    base = _load("skinnet_v2" if name == "masks" else "skinnet_v1")
    own = _load(f"ablations/{name}")
    assert _differences(own, base) == {}
    assert _differences(_load(f"ablations/{name}", recipe), base) == CHANGES[name][recipe]


@pytest.mark.parametrize("variant", LITERAL)
def test_literal_config_departs_from_ours_where_it_says(variant):
    literal = _load(f"paper_literal/skinnet_{variant}")
    assert _differences(literal, _load(f"skinnet_{variant}")) == {
        "balance.methods": ["focal_alpha", "class_weights"],
        "balance.allow_stacking": True,
        "augment_validation": True,
        "metadata_dropout": 0.0,
    }


# The others differ in the data alone, or in a loss that has tests of its own.
QUICK = {
    "sgd_nesterov",
    "adam",
    "class_balanced",
    "logit_adjusted",
    "nine_classes",
    "head_units_1536",
    "v1_mask_branch_mbconv",
}


@pytest.mark.parametrize(
    ("preset", "recipe"),
    [
        pytest.param(f"ablations/{name}", recipe, marks=() if recipe in QUICK else pytest.mark.slow)
        for name, recipe in ABLATIONS
    ]
    + [(f"paper_literal/skinnet_{variant}", "ours") for variant in LITERAL],
)
def test_one_step_of_every_stage_with_reduced_networks(preset, recipe):
    step_every_stage(_reduced(_load(preset, recipe)))
