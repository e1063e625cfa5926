"""Batches of one: which networks they train to nothing, and that nobody trains so unawares."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from reduced_segmenters import IMAGE_SIZE, REDUCED
from skinnet_keras.config import StageConfig, UnfreezingStageConfig, parse_config
from skinnet_keras.errors import UserError
from skinnet_keras.models import SEGMENTERS, build_segmenter, build_skinnet
from skinnet_keras.models.parts import head_part, with_temporary_head
from skinnet_keras.training.batch_sizes import check_batch_size, normalized_values
from skinnet_keras.training.stages import check_classifier_batches

# Of the networks at their reduced size; a new one that is not named here must need no more than 1.
LEAST = {"split_attention_unet": 3, "dcsau_net": 3}


def _least_without_a_word(model: keras.Model) -> int:
    """The smallest batch that is neither refused nor warned of for starving a layer."""
    for size in range(1, 9):
        try:
            notes = check_batch_size("a", StageConfig(epochs=1, batch_size=size), lambda: model, 99)
        except UserError:
            continue
        if not any("no gradient" in note for note in notes):
            return size
    raise AssertionError("no batch size serves")


@pytest.mark.parametrize("name", SEGMENTERS)
def test_least_batch_of_every_segmentation_network(name):
    model = build_segmenter(name, image_size=IMAGE_SIZE, **REDUCED[name])
    assert _least_without_a_word(model) == LEAST.get(name, 1)


def test_three_vectors_are_the_least_that_are_not_normalised_to_constants():
    def normalized(size):
        vectors = np.random.default_rng(0).normal(scale=100, size=(size, 50))
        layer = keras.layers.BatchNormalization(epsilon=1e-5)
        return keras.ops.convert_to_numpy(layer(vectors.astype("float32"), training=True))

    np.testing.assert_array_equal(normalized(1), 0)
    np.testing.assert_allclose(np.abs(normalized(2)), 1, atol=1e-3)
    assert np.abs(normalized(3)).std() > 0.3


def test_one_value_is_refused_two_are_warned_of_and_maps_are_said():
    gate = build_segmenter("split_attention_unet", image_size=32, widths=(4, 8))

    def check(size, model):
        return check_batch_size("segmentation", StageConfig(epochs=1, batch_size=size), model, 9)

    with pytest.raises(UserError) as error:
        check(1, lambda: gate)
    assert str(error.value) == (
        "stages.segmentation.batch_size 1: the batch normalisation e1_reduce_bn of "
        "split_attention_unet sees only one value a channel and passes no gradient; 3 is the "
        "least, 8 or more serve better."
    )
    (note,) = check(2, lambda: gate)
    assert "sees two values at most a channel" in note
    assert check(3, lambda: gate) == []
    (note,) = check(1, lambda: build_segmenter("unet", image_size=32, widths=(4, 8)))
    assert "one image at a time" in note
    no_batch_norm = {"image_size": IMAGE_SIZE, **REDUCED["malunet"]}
    assert check(1, lambda: build_segmenter("malunet", **no_batch_norm)) == []
    with pytest.raises(UserError, match="9 training images do not fill one batch of 10"):
        check(10, lambda: gate)


def test_maps_of_one_pixel_are_vectors():
    at_32 = build_skinnet("v3", image_size=32, backbone="mbconv_tiny", metadata_dim=0)
    assert normalized_values(at_32)["shape_bn8"] == 1
    assert normalized_values(at_32)["shape_bn1"] == 32 * 32


def test_only_what_is_trained_matters():
    model = build_skinnet("v1", image_size=64, backbone="mbconv_tiny", metadata_units=(8,))
    unfreeze = [{"from_epoch": 0, "parts": ["cnn"]}]
    alone = UnfreezingStageConfig(epochs=1, batch_size=1, unfreeze=unfreeze)
    (note,) = check_batch_size("cnn", alone, lambda: model, 9)
    assert "one image at a time" in note  # the metadata network's normalisation is frozen
    with pytest.raises(UserError, match="metadata_bn1 of"):
        check_batch_size("cnn", StageConfig(epochs=1, batch_size=1), lambda: model, 9)


def _classifier(**stages):
    raw = {
        "name": "a",
        "image_size": 64,
        "model": {"variant": "v1", "backbone": "mbconv_tiny", "metadata_units": [8, 8]},
    }
    sizes = {name: {"epochs": 1, "batch_size": size} for name, size in stages.items()}
    return parse_config({**raw, "stages": sizes}, "a")


def test_every_stage_of_a_classifier_is_checked_by_what_it_trains():
    # Stage (b) under its temporary head has maps only; the metadata network learns in (c).
    (note,) = check_classifier_batches(_classifier(cnn=1, head=8), images=9)
    assert note.startswith("stages.cnn.batch_size 1: batch normalisation sees one image")
    with pytest.raises(UserError, match=r"stages\.head\.batch_size 1: .*metadata_bn1 and 1 more"):
        check_classifier_batches(_classifier(cnn=8, head=1), images=9)
    with pytest.raises(UserError, match=r"stages\.joint\.batch_size 1: .*metadata_bn1"):
        check_classifier_batches(_classifier(cnn=8, joint=1), images=9)
    assert check_classifier_batches(_classifier(cnn=8, head=512), images=9) == []
    with pytest.raises(UserError, match=r"stages\.cnn\.batch_size: 9 training images"):
        check_classifier_batches(_classifier(cnn=10, head=8), images=9)


def test_parts_of_a_classifier_keep_their_normalisations():
    model = build_skinnet("v1", image_size=64, backbone="mbconv_tiny", metadata_units=(8, 8))
    names = set(normalized_values(model))
    head, cnn = (set(normalized_values(part(model))) for part in (head_part, with_temporary_head))
    assert head == {"metadata_bn1", "metadata_bn2"}
    assert cnn == names - head
