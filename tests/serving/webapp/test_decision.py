"""What the page makes of a model's outputs."""

from __future__ import annotations

import json

import pytest


@pytest.fixture
def decide(node):
    def run(diagnosis, *, thresholds=None, abstain=None):
        outputs = {"diagnosis": diagnosis} | ({} if abstain is None else {"abstain": [abstain]})
        settings = {"classes": ["A", "B", "C"], "decision_thresholds": thresholds}
        return node(
            "import {decide} from './decision.js';\n"
            f"const [outputs, settings] = {json.dumps([outputs, settings])};\n"
            "console.log(JSON.stringify(decide(outputs, settings)));\n"
        )

    return run


def test_the_most_probable_class_is_the_answer(decide):
    decision = decide([0.2, 0.5, 0.3])
    assert (decision["answer"], decision["weighed"], decision["abstains"]) == ("B", False, False)
    assert [entry["name"] for entry in decision["ranked"]] == ["B", "C", "A"]
    assert [entry["probability"] for entry in decision["ranked"]] == [0.5, 0.3, 0.2]


def test_thresholds_weigh_the_answer_but_not_the_order(decide):
    decision = decide([0.3, 0.6, 0.1], thresholds=[0.4, 2.0, 1.25])
    assert (decision["answer"], decision["weighed"]) == ("A", True)
    assert [entry["name"] for entry in decision["ranked"]] == ["B", "A", "C"]
    assert not decide([0.3, 0.6, 0.1], thresholds=[1.0, 1.0, 1.0])["weighed"]


@pytest.mark.parametrize(("value", "abstains"), [(1.0, True), (0.0, False)])
def test_the_model_says_when_it_abstains(decide, value, abstains):
    assert decide([0.4, 0.3, 0.3], abstain=value)["abstains"] is abstains


def test_no_numbers_are_an_error(node):
    script = """
import {decide} from './decision.js';
let said = null;
try {
  decide({diagnosis: [NaN, 0.5]}, {classes: ['A', 'B'], decision_thresholds: null});
} catch (error) {
  said = error.message;
}
console.log(JSON.stringify(said));
"""
    assert node(script) == "the model gave no numbers"
