"""One number of resamples: intervals of two verbs are comparable without options."""

from __future__ import annotations

import typer

from skinnet_keras.cli.main import app
from skinnet_keras.evaluation.resamples import DEFAULT_RESAMPLES


def test_every_classification_verb_draws_as_many():
    defaults = {
        name: option.default
        for name, command in typer.main.get_command(app).commands.items()
        for option in command.params
        if option.name == "bootstrap"
    }
    assert {"evaluate", "compare", "calibrate", "subgroups", "report", "tta"} <= set(defaults)
    assert set(defaults.values()) == {DEFAULT_RESAMPLES}, defaults
