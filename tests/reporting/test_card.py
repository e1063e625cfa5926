"""The card as the command line and exports compose it."""

from __future__ import annotations

import json

import pytest

from described_run import describe, make_described_run
from skinnet_keras.errors import UserError
from skinnet_keras.evaluation.calibration.scaling import Calibration
from skinnet_keras.evaluation.predictions import read_predictions
from skinnet_keras.reporting.card import CARD_FILES, read_card
from skinnet_keras.taxonomy import CLASSES


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return make_described_run(tmp_path_factory.mktemp("described"))


def test_it_is_the_card_of_the_predictions(run, tmp_path):
    card = read_card(run, bootstrap=50)
    expected = describe(run, bootstrap=50)
    assert card.content["evaluation"] == expected["evaluation"]
    assert card.content["evaluation"]["calibration"] is None
    card.write(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(CARD_FILES)
    assert json.loads((tmp_path / "card.json").read_text()) == card.content
    assert "calibrated on" not in card.markdown()


def test_a_calibration_changes_what_is_scored_and_said(run):
    bias = (1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    calibration = Calibration("vector", CLASSES, (0.1,) * 8, bias)
    card = read_card(run, bootstrap=0, calibration=calibration)
    scored = calibration.apply_to(read_predictions(run / "predictions_test.csv"))
    right = (scored.predicted_indices() == scored.true_indices()).mean()
    assert card.content["evaluation"]["metrics"]["accuracy"] == pytest.approx(right)
    assert card.content["evaluation"]["metrics"]["accuracy"] != 70 / 80
    assert "Probabilities: calibrated on the validation split (vector)" in card.markdown()


def test_a_split_without_predictions(run):
    with pytest.raises(UserError, match="choose --split from test, val"):
        read_card(run, split="train")
