"""One number of resamples: intervals of two verbs are comparable without options."""

from __future__ import annotations

import pytest
import typer

from skinnet_keras.cli.main import app
from skinnet_keras.evaluation.resamples import DEFAULT_RESAMPLES

VERBS = ("evaluate", "compare", "crossval", "calibrate", "subgroups", "ood", "report", "card")


@pytest.mark.parametrize("verb", VERBS)
def test_every_classification_verb_draws_as_many(verb):
    command = typer.main.get_command(app).commands[verb]
    (option,) = [each for each in command.params if each.name == "bootstrap"]
    assert option.default == DEFAULT_RESAMPLES
