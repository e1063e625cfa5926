from __future__ import annotations

import keras
import pytest

from skinnet_keras.errors import UserError
from skinnet_keras.models import attach_segmenter, build_skinnet
from skinnet_keras.models.backbones import build_backbone
from skinnet_keras.models.freezing import layers_of_parts, train_only
from skinnet_keras.models.parts import with_temporary_head
from tiny_run import build_segmenter

_MBCONV = ("expand_conv", "expand_bn", "dwconv", "bn", "se_reduce", "se_expand", "project_conv")
_LITE = ("expand_conv", "expand_bn", "dwconv", "bn", "project_conv")
TINY_BLOCK = ("expand", "expand_bn", "depthwise", "depthwise_bn", "reduce", "excite", "project")
TOP = {"top_conv", "top_bn"}


def names(model: keras.Model, *parts: str) -> list[str]:
    return [layer.name for layer in layers_of_parts(model, parts)]


def block(name: str, suffixes=_MBCONV) -> set[str]:
    return {f"{name}_{suffix}" for suffix in (*suffixes, "project_bn")}


def tiny(variant: str, **keys) -> keras.Model:
    keys = {"backbone": "mbconv_tiny", "lesion_backbone": "mbconv_tiny", **keys}
    return build_skinnet(variant, image_size=32, metadata_units=(8, 8), **keys)


@pytest.mark.parametrize(
    ("backbone", "blocks"),
    [
        ("efficientnet_b0", [block("block7a")]),
        ("efficientnet_b3", [block("block7a"), block("block7b")]),
        ("efficientnet_lite0", [block("block7a", _LITE)]),
    ],
)
def test_stem_and_last_block_of_efficientnet(backbone, blocks):
    # A SkinNet around the backbone, without what takes time to build.
    image = keras.Input((32, 32, 3), name="image")
    x = keras.layers.GlobalAveragePooling2D()(build_backbone(backbone, (32, 32, 3))(image))
    model = keras.Model(image, keras.layers.Identity(name="cnn_features")(x))
    assert names(model, "stem") == ["stem_conv", "stem_bn"]
    assert set(names(model, "last_block")) == set().union(*blocks) | TOP
    assert names(model, "cnn") == names(model, "all")


def test_parts_of_v3_with_shape_network_and_mask_branch():
    model = tiny("v3", mask_branch="mbconv")
    assert set(names(model, "stem")) == {
        "stem_conv",
        "stem_bn",
        "shape_conv1",
        "shape_bn1",
        "mask_stem",
        "mask_stem_bn",
    }
    last = block("block6", TINY_BLOCK) | block("mask_mbconv4", TINY_BLOCK) | TOP
    assert set(names(model, "last_block")) == last | {"shape_conv8", "shape_bn8"}
    head = {"metadata_dense1", "metadata_bn1", "metadata_dense2", "metadata_bn2"}
    linear = {"shape_linear1", "shape_linear2"}
    assert set(names(model, "head")) == head | linear | {"diagnosis_logits"}
    assert set(names(model, "cnn")) == set(names(model, "all")) - head - {"diagnosis_logits"}


def test_v4_has_two_stems_and_the_linear_layers_of_its_branches_in_the_head():
    model = with_temporary_head(tiny("v4"))
    assert names(model, "stem") == ["stem_conv", "stem_bn"] * 2
    linear = {"image_linear1", "lesion_linear1", "lesion_linear2"}
    assert set(names(model, "head")) == linear | {"temporary_head"}
    assert linear <= set(names(model, "cnn"))
    assert "temporary_head" not in names(model, "cnn")


def test_parts_add_up_and_train_only_freezes_the_others():
    model = tiny("v2")
    train_only(model, ("head", "stem"))
    trainable = {w.path for w in model.trainable_weights}
    chosen = layers_of_parts(model, ("head", "stem"))
    assert trainable == {w.path for layer in chosen for w in layer.trainable_weights}
    assert set(names(model, "head", "stem")) == {*names(model, "head"), *names(model, "stem")}
    train_only(model, ("all",))
    assert len(model.trainable_weights) == len(tiny("v2").trainable_weights)


def test_skinnet_inside_another_model_is_found():
    classifier, segmenter = tiny("v2"), build_segmenter()
    model = attach_segmenter(classifier, segmenter)
    assert names(model, "stem", "head") == names(classifier, "stem", "head")
    assert set(names(model, "all")) - set(names(classifier, "all")) == {"mask_logits"}


def test_part_without_layers_is_one_sentence_that_names_the_others():
    with pytest.raises(UserError, match=r"tiny_segmenter has no layer of the part 'stem'.*of all"):
        layers_of_parts(build_segmenter(), ("stem",))
