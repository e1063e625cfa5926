"""Lesion probabilities from runs and model files, and their scores on a catalogue."""

from __future__ import annotations

import numpy as np
import pytest

from skinnet_keras.config import CleaningConfig
from skinnet_keras.data.cache import open_cache
from skinnet_keras.data.catalogue import Catalogue
from skinnet_keras.data.image_io import read_mask
from skinnet_keras.errors import UserError
from skinnet_keras.export.segmentation_scoring import score_on_catalogue
from skinnet_keras.inference.segmenting import lesion_probability, open_segmenter
from tiny_run import build_classifier, build_segmenter, make_run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def catalogue(run):
    return Catalogue.load(run.parent / "data")


def test_the_segmenter_of_a_run_with_a_classifier_is_opened(run):
    runner = open_segmenter(run)
    assert runner.input_names == ("image",)
    assert runner.output_names == ("mask_logits",)


def test_probability_is_the_sigmoid_of_the_logits(run):
    images = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3)).astype(np.uint8)
    logits = build_segmenter()(
        {"image": images.astype("float32")},
    )["mask_logits"]
    expected = 1 / (1 + np.exp(-np.asarray(logits)[..., 0]))
    probability = lesion_probability(open_segmenter(run), images)
    np.testing.assert_allclose(probability, expected, atol=1e-6)
    # The network looks at single pixels: turned views agree with the image itself.
    turned = lesion_probability(open_segmenter(run), images, tta="dihedral")
    np.testing.assert_allclose(turned, expected, atol=1e-6)


def test_models_that_do_not_segment_are_refused(tmp_path):
    build_classifier().save(tmp_path / "classifier.keras")
    with pytest.raises(UserError, match="not a segmentation network"):
        open_segmenter(tmp_path / "classifier.keras")
    with pytest.raises(UserError, match="has no segmentation network"):
        open_segmenter(make_run(tmp_path / "v1", variant="v1", segmenter=False))


def test_scores_are_those_of_the_split_s_masks(run, catalogue):
    result = score_on_catalogue(open_segmenter(run), catalogue, "val")
    ids = list(catalogue.usable(["val"])["image_id"])
    assert result.scores["image_id"].tolist() == ids
    cache = open_cache(catalogue, 32)
    rows = cache.rows(ids)
    np.testing.assert_array_equal(result.true, cache.masks[rows])
    dark = cache.images[rows].mean(axis=-1) <= 127.5
    np.testing.assert_array_equal(result.predicted, dark)
    both = (dark & (cache.masks[rows] > 0)).sum(axis=(1, 2))
    assert result.scores["intersection"].tolist() == both.tolist()
    assert result.scores["dice"].min() > 0.8  # the lesions are dark


def test_threshold_decides(run, catalogue):
    strict = score_on_catalogue(open_segmenter(run), catalogue, "val", threshold=0.999)
    assert strict.scores["predicted_pixels"].sum() == 0
    assert (strict.scores["dice"] == 0).all()


def test_original_size_scores_in_the_pixels_of_the_photograph(run, catalogue):
    result = score_on_catalogue(open_segmenter(run), catalogue, "val", original_size=True)
    for image_id, pixels in zip(
        result.scores["image_id"], result.scores["true_pixels"], strict=True
    ):
        assert pixels == read_mask(catalogue.mask_path(image_id)).sum()
    assert result.scores["dice"].min() > 0.8
    assert result.images.shape[1:] == (32, 32, 3)


def test_images_are_cleaned_as_in_training(tmp_path):
    run = make_run(tmp_path, cleaning=CleaningConfig(colour_constancy=True))
    catalogue = Catalogue.load(tmp_path / "data")
    result = score_on_catalogue(open_segmenter(run), catalogue, "val")
    plain = open_cache(catalogue, 32)
    assert not np.array_equal(
        result.images, plain.images[plain.rows(catalogue.usable(["val"])["image_id"].tolist())]
    )
