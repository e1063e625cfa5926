"""Whatever predicts a run's images again gives what the run stored: views, maps, unknown input."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tensorflow")

from measured_run import make_measured_run
from skinnet_keras.data.cache import open_cache
from skinnet_keras.data.views import View
from skinnet_keras.evaluation.predictions import Predictions, read_predictions
from skinnet_keras.explanation.cases import cases_of_split
from skinnet_keras.explanation.explain import explain_cases
from skinnet_keras.inference.run_models import RunModels
from skinnet_keras.models import build_skinnet
from skinnet_keras.models.loading import load_keras
from skinnet_keras.ood.features import Computer
from skinnet_keras.reporting.gallery import Photographs
from skinnet_keras.runs.masks import PredictedMasks
from skinnet_keras.runs.opened import OpenedRun
from skinnet_keras.tta.averaging import average_views
from skinnet_keras.tta.run import EvaluatedRun
from tiny_run import SIZE, draw_picture

KINDS = {
    "v1": {"variant": "v1"},
    "v2": {"variant": "v2"},
    "v3": {"variant": "v3"},
    "v4": {"variant": "v4"},
    "joint": {"variant": "v2", "joint": True},
    "joint_v4": {"variant": "v4", "joint": True},
}
# Another batch size, a graph where the other is called layer by layer.
TOLERANCE = 2e-5


def build_classifier(variant: str):
    """A SkinNet whose probabilities depend on the mask, and not only in the fifth digit."""
    import keras

    keras.utils.set_random_seed(1)
    lesion = {"lesion_backbone": "mbconv_tiny"} if variant == "v4" else {}
    model = build_skinnet(
        variant, image_size=SIZE, backbone="mbconv_tiny", metadata_units=(8, 8), **lesion
    )
    # Statistics of a batch, as training would have left them: else deep features hardly differ.
    normalizations = [
        layer
        for layer in model._flatten_layers()
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    for layer in normalizations:
        layer.momentum = 0.0
    pictures = [draw_picture(seed, (SIZE, SIZE)) for seed in range(16)]
    batch = {
        "image": np.stack([picture for picture, _ in pictures]).astype("float32"),
        "mask": np.stack([mask for _, mask in pictures])[..., None].astype("float32"),
        "metadata": np.random.default_rng(0).random((16, 14), np.float32),
    }
    model({tensor.name: batch[tensor.name] for tensor in model.inputs}, training=True)
    for layer in normalizations:
        layer.momentum = 0.99
    return model


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(kind, marks=pytest.mark.slow) if kind == "joint_v4" else kind for kind in KINDS
    ],
)
def directory(request, tmp_path_factory) -> Path:
    kind = KINDS[request.param]
    root = tmp_path_factory.mktemp(request.param)
    classifier = build_classifier(kind["variant"])
    return make_measured_run(root, classifier=classifier, **kind).directory


def assert_stored(stored: Predictions, image_ids: list[str], probabilities: np.ndarray) -> None:
    assert sorted(image_ids) == sorted(stored.image_ids)
    row_of = {image_id: row for row, image_id in enumerate(stored.image_ids)}
    expected = stored.probabilities[[row_of[image_id] for image_id in image_ids]]
    np.testing.assert_allclose(probabilities, expected, atol=TOLERANCE)


def test_all_give_the_stored_predictions(directory):
    stored = read_predictions(directory / "predictions_test.csv")
    assert stored.probabilities.std(axis=0).max() > 1e-3  # the images differ

    evaluated = EvaluatedRun.open(directory)
    samples = evaluated.samples("test")
    found = average_views(evaluated.classifier, samples, [View()], "as they are")
    assert_stored(stored, samples.image_ids, found.probabilities)

    models = RunModels.load(directory)
    cases = cases_of_split(models, "test", count=len(stored.image_ids))
    explained = explain_cases(models.classifier, cases)
    assert_stored(
        stored,
        [explanation.case.image_id for explanation in explained],
        np.stack([explanation.probabilities for explanation in explained]),
    )

    logits = Computer(models).of_samples(OpenedRun(models.run).samples("test"), "test").logits
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    assert_stored(stored, samples.image_ids, powers / powers.sum(axis=1, keepdims=True))


def test_the_mask_shown_is_the_mask_that_was_fed(directory):
    models = RunModels.load(directory)
    config = models.run.config
    if not config.uses_mask:
        assert Photographs.of_run(OpenedRun(models.run)).mask_of is None
        return
    cases = cases_of_split(models, "test", count=100)
    ids = [case.image_id for case in cases]
    lesions = np.stack([case.lesion for case in cases])
    in_run = PredictedMasks.open(directory).of(ids)
    pictured = Photographs.of_run(OpenedRun(models.run)).mask_of
    assert pictured is not None
    np.testing.assert_array_equal(np.stack([pictured(image_id) for image_id in ids]), lesions)
    if not config.tunes_segmenter:
        np.testing.assert_array_equal(lesions, in_run)
        return
    cache = open_cache(models.run.load_catalogue(), SIZE)
    images = cache.images[cache.rows(ids)].astype("float32")
    logits = load_keras(directory / "segmenter.keras")({"image": images})["mask_logits"]
    np.testing.assert_array_equal(lesions, np.asarray(logits)[..., 0] >= 0)
    assert (lesions != in_run).any(axis=(1, 2)).all()

    # The masks in the run would have given other probabilities: the test above tells them apart.
    stored = read_predictions(directory / "predictions_test.csv")
    inputs = {name: np.stack([case.inputs[name] for case in cases]) for name in cases[0].inputs}
    inputs = {name: values.astype("float32") for name, values in inputs.items()}
    inputs["mask"] = in_run[..., None].astype("float32")
    given = np.asarray(models.classifier(inputs, training=False)["diagnosis"])
    rows = [stored.image_ids.index(image_id) for image_id in ids]
    assert np.abs(given - stored.probabilities[rows]).max() > 50 * TOLERANCE
