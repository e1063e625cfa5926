"""What an experiment refuses before it starts."""

from __future__ import annotations

import pytest

from skinnet_keras.config import CleaningConfig, Config
from skinnet_keras.errors import UserError
from skinnet_keras.experiment import start_run
from skinnet_keras.training.runs import Run
from tiny_run import SIZE, make_run


def test_masks_of_a_run_with_another_cleaning_are_refused(tmp_path):
    source = make_run(tmp_path / "source", cleaning=CleaningConfig(borders=True))
    for name in ("masks.npy", "masks.csv"):
        (source / name).touch()
    catalogue = Run.open(source).load_catalogue()
    settings = {
        "name": "other",
        "image_size": SIZE,
        "model": {"variant": "v2", "backbone": "mbconv_tiny"},
        "segmenter": {"run": str(source)},
        "stages": {"cnn": {"epochs": 1}},
    }
    with pytest.raises(UserError, match="trained with another cleaning section"):
        start_run(Config.model_validate(settings), catalogue, tmp_path / "run")
    same = Config.model_validate({**settings, "cleaning": CleaningConfig(borders=True)})
    start_run(same, catalogue, tmp_path / "run")
    assert Run.open(tmp_path / "run").config.cleaning.borders
