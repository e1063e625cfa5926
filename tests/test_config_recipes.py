from __future__ import annotations

import pytest
import yaml

from skinnet_keras.config import dump_config, load_config
from skinnet_keras.errors import UserError

TEXT = """
name: net
image_size: 224
segmenter: {name: unet, arguments: {widths: [8, 16]}}
segmentation_loss: {name: bce_dice, arguments: {dice_weight: 2}}
stages:
  segmentation:
    epochs: 60
    batch_size: 16
    optimizer: {weight_decay: 0.01, schedule: {name: cosine, final_fraction: 0.5}}
recipes:
  paper:
    image_size: 256
    segmentation_loss: {name: dice}
    stages:
      segmentation:
        epochs: 5
        optimizer: {name: sgd, momentum: 0.5, schedule: {name: polynomial}}
  longer:
    segmenter: {arguments: {norm: none}}
    segmentation_loss: {name: bce_dice, arguments: {bce_weight: 3}}
    stages: {segmentation: {epochs: 600, optimizer: {schedule: {warmup_epochs: 3}}}}
"""


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "net.yaml"
    file.write_text(TEXT, encoding="utf-8")
    return file


def test_without_a_recipe_the_file_s_own_values_count(path):
    config = load_config(path)
    assert (config.recipe, config.name, config.image_size) == ("ours", "net", 224)
    assert load_config(path, ["recipe=ours"]) == config


def test_recipe_is_put_over_the_file_s_values_and_names_the_run(path):
    config = load_config(path, ["recipe=longer"])
    stage = config.stages.segmentation
    assert (config.recipe, config.name, config.image_size) == ("longer", "net_longer", 224)
    assert (stage.epochs, stage.batch_size) == (600, 16)
    assert config.segmenter.arguments == {"widths": [8, 16], "norm": "none"}
    assert config.segmentation_loss.arguments == {"dice_weight": 2, "bce_weight": 3}
    assert stage.optimizer.weight_decay == 0.01
    assert stage.optimizer.schedule.warmup_epochs == 3
    assert stage.optimizer.schedule.final_fraction == 0.5


def test_section_with_another_name_takes_nothing_from_the_old_one(path):
    config = load_config(path, ["recipe=paper"])
    optimizer = config.stages.segmentation.optimizer
    assert config.segmentation_loss.arguments == {}
    assert (optimizer.name, optimizer.momentum, optimizer.weight_decay) == ("sgd", 0.5, None)
    assert (optimizer.schedule.power, optimizer.schedule.final_fraction) == (0.9, None)


def test_other_overrides_come_after_the_recipe_wherever_they_stand(path):
    config = load_config(path, ["name=mine", "image_size=96", "recipe=paper"])
    assert (config.name, config.image_size, config.recipe) == ("mine", 96, "paper")


def test_file_can_name_its_recipe_itself(path):
    path.write_text(f"recipe: paper\n{TEXT}", encoding="utf-8")
    assert load_config(path).image_size == 256
    assert load_config(path, ["recipe=ours"]).image_size == 224


def test_run_keeps_the_merged_values_and_the_recipe_s_name(path):
    config = load_config(path, ["recipe=paper"])
    written = dump_config(config)
    assert "recipes" not in yaml.safe_load(written)
    path.write_text(written, encoding="utf-8")
    assert load_config(path) == config
    assert load_config(path, ["recipe=paper"]) == config
    with pytest.raises(UserError, match="no recipe 'ours'; its recipes are paper"):
        load_config(path, ["recipe=ours"])


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("recipe=papr", "no recipe 'papr'; its recipes are ours, paper, longer"),
        ("recipe=[1]", "no recipe"),
        ("recipes=1", "unknown key 'recipes'"),
    ],
)
def test_unknown_recipe_is_one_sentence_with_the_known_ones(path, override, sentence):
    with pytest.raises(UserError) as error:
        load_config(path, [override])
    assert sentence in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("recipes", ["[paper]", "{paper: 3}"])
def test_recipes_that_are_no_sections_are_refused(path, recipes):
    path.write_text(TEXT[: TEXT.index("recipes:")] + f"recipes: {recipes}\n", encoding="utf-8")
    with pytest.raises(UserError, match="recipes must hold names"):
        load_config(path)
