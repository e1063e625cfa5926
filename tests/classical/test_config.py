"""The `classical` section, and what goes with it in a config."""

from __future__ import annotations

import pytest

from skinnet_keras.config import Config, dump_config, load_config, parse_config
from skinnet_keras.errors import UserError
from skinnet_keras.presets import find_config

MINIMAL = {
    "name": "c",
    "classical": {},
    "balance": {"methods": ["class_weights"]},
    "augmentation": False,
}


def load(*overrides):
    return load_config(find_config("classical"), list(overrides))


def test_preset_and_recipes_hold_the_defaults_of_their_classifier():
    for recipe, name in (("ours", "svm"), ("knn", "knn"), ("mlp", "mlp")):
        config = load(f"recipe={recipe}")
        plain = parse_config({**MINIMAL, "classical": {"classifier": {"name": name}}}, "x")
        assert config.classical == plain.classical
        assert config.classical.classifier.name == name
    assert load("recipe=knn").name == "classical_knn"


def test_config_written_and_read_again_is_the_same(tmp_path):
    for recipe in ("ours", "knn", "mlp"):
        config = load(f"recipe={recipe}", "classical.features.hog=null", "classical.pca=null")
        (tmp_path / "c.yaml").write_text(dump_config(config))
        assert load_config(tmp_path / "c.yaml") == config


def test_grid_of_another_classifier_needs_its_name_alone():
    classifier = load("classical.classifier={name: knn}").classical.classifier
    assert classifier.n_neighbors == [3, 5, 11, 21, 41]
    assert classifier.C is None


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("classical.classifier.n_neighbors=[3]", "svm takes no n_neighbors"),
        ("classical.classifier.C=[]", "classical.classifier.C"),
        ("classical.classifier.C=[0]", "classical.classifier.C"),
        ("classical.classifier.name=forest", "classical.classifier.name"),
        ("classical.pca=1", "classical.pca"),
        ("classical.features.hogs=1", "did you mean 'hog'"),
        ("classical.features.hog.block=7", "block 7 is larger than the image's 6 cells"),
        ("classical.features={hog: null, lbp: null, colour: null}", "all features are off"),
        ("classical.features.colour.spaces=[xyz]", "classical.features.colour.spaces"),
        ("model={variant: v1}", "a model section needs the stage cnn"),
        ("stages.cnn.epochs=1", "stages cnn, head and joint need a model section"),
        ("stages.segmentation.epochs=1", "stage segmentation needs a segmenter section"),
        ("segmenter={run: x}", "classical.masks names masks of the catalogue"),
        ("balance.methods=[focal_alpha]", r"set balance.methods to \[class_weights\]"),
        ("augmentation=true", "set augmentation: false"),
    ],
)
def test_what_does_not_go_together_is_refused(override, message):
    with pytest.raises(UserError, match=message):
        load(override)


def test_networks_beside_a_classical_classifier_are_refused():
    with pytest.raises(UserError, match="neither a model section nor stages"):
        load("model={variant: v1}", "stages.cnn.epochs=1")


def test_masks_need_a_feature_that_uses_them():
    with pytest.raises(UserError, match="masks serve the features lbp and colour"):
        load("classical.masks=x", "classical.features.lbp=null", "classical.features.colour=null")
    assert load("classical.masks=x", "classical.features.lbp=null").classical.masks == "x"


def test_stages_are_optional_but_an_experiment_is_not():
    assert isinstance(parse_config(MINIMAL, "x"), Config)
    with pytest.raises(UserError, match="needs a model, a segmenter or a classical section"):
        parse_config({"name": "x"}, "x")
    with pytest.raises(UserError, match="a model section needs the stage cnn"):
        parse_config({"name": "x", "model": {"variant": "v1"}}, "x")
