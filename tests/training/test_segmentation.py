"""Stage (a): auxiliary outputs learn too, and stay behind when the network is saved."""

from __future__ import annotations

import numpy as np
import pytest

from skinnet_keras.config import Config
from skinnet_keras.errors import UserError
from skinnet_keras.experiment import run_experiment, start_run
from skinnet_keras.models.loading import load_keras
from skinnet_keras.training.checkpoints import read_json
from skinnet_keras.training.segmentation import configured_segmenter, prediction_part
from tiny_run import make_catalogue

TRANSFUSE = {
    "resnet_width": 8,
    "resnet_blocks": (1, 1, 1),
    "token_width": 16,
    "depth": 1,
    "num_heads": 2,
}
HEADS = ("map_1", "map_x")


def config(name, arguments, **changes):
    return Config.model_validate(
        {
            "name": "one",
            "image_size": 32,
            "workers": 0,
            "segmenter": {"name": name, "arguments": arguments},
            "stages": {"segmentation": {"epochs": 1, "batch_size": 2}},
            **changes,
        }
    )


@pytest.mark.parametrize(
    ("name", "arguments"), [("unet", {"widths": (4, 8)}), ("transfuse", TRANSFUSE)]
)
def test_prediction_part_has_one_output_and_no_auxiliary_head(name, arguments, tmp_path):
    model = prediction_part(configured_segmenter(config(name, arguments)))
    assert list(model.output) == ["mask_logits"]
    assert not [w.path for w in model.trainable_weights if w.path.startswith(HEADS)]
    model.save(tmp_path / "segmenter.keras")
    again = load_keras(tmp_path / "segmenter.keras")
    assert [w.path for w in again.weights] == [w.path for w in model.weights]


@pytest.mark.parametrize(
    "augmentation_on", ["workers", pytest.param("device", marks=pytest.mark.slow)]
)
def test_auxiliary_heads_are_trained_but_not_saved(augmentation_on, tmp_path):
    experiment = config("transfuse", TRANSFUSE, augmentation_on=augmentation_on, l2=0.0)
    run = start_run(experiment, make_catalogue(tmp_path / "catalogue"), tmp_path / "run")
    run_experiment(run)

    saved = load_keras(run.directory / "segmenter.keras")
    assert list(saved.output) == ["mask_logits"]

    stage = run.stage_directory("segmentation")
    model = configured_segmenter(experiment)
    kernels = [w for w in model.trainable_weights if w.path.startswith(HEADS) and w.ndim == 4]
    before = [w.numpy() for w in kernels]
    model.load_weights(stage / read_json(stage / "state.json")["weights"])
    trained = dict(zip([w.path for w in model.weights], model.get_weights(), strict=True))
    assert kernels
    for weight, fresh in zip(kernels, before, strict=True):
        assert not np.array_equal(trained[weight.path], fresh), weight.path
    best = configured_segmenter(experiment)
    best.load_weights(stage / "best.weights.h5")
    pixels = np.random.default_rng(0).uniform(0, 255, (1, 32, 32, 3)).astype("float32")
    np.testing.assert_allclose(
        saved({"image": pixels})["mask_logits"], best({"image": pixels})["mask_logits"], atol=1e-5
    )


def test_an_output_without_a_weight_is_refused(tmp_path):
    weights = {"output_weights": {"mask_logits": 1.0, "mask_logits_x": 0.5}}
    experiment = config("transfuse", TRANSFUSE, segmentation_loss=weights)
    run = start_run(experiment, make_catalogue(tmp_path / "catalogue"), tmp_path / "run")
    with pytest.raises(UserError, match="output_weights has no weight for mask_logits_1"):
        run_experiment(run)
