"""`skinnet segment train`: the segmentation network alone, whatever the config holds."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

pytest.importorskip("tensorflow")

from skinnet_keras.cli import training
from skinnet_keras.cli.main import app
from skinnet_keras.config import load_config
from skinnet_keras.presets import find_config


@pytest.mark.parametrize("config", ["demo", "skinnet_v4", "segmentation/unet"])
def test_classifier_of_a_config_is_left_out(monkeypatch, tmp_path, config):
    asked = []
    monkeypatch.setattr(
        training, "train_from_config", lambda *arguments, show: asked.append(arguments) or {}
    )
    command = ("segment", "train", "--config", config, "--data", str(tmp_path), "image_size=64")
    result = CliRunner().invoke(app, [*command, "--json"])
    assert result.exit_code == 0, result.output
    ((name, _, _, overrides),) = asked
    trained = load_config(find_config(name), overrides)
    assert trained.model is None
    assert trained.stages.cnn is trained.stages.head is trained.stages.joint is None
    assert trained.stages.segmentation is not None
    assert trained.image_size == 64
