from __future__ import annotations

import pytest

from described_run import describe, make_described_run
from skinnet_keras.evaluation.card.answers import ANSWERS
from skinnet_keras.evaluation.card.checklists import NAMES, load_checklist

# CLAIM 2024 has 44 items, CLEAR Derm 25, TRIPOD+AI 27 with 52 sub-items.
SIZES = {"claim_2024": 44, "clear_derm_2022": 25, "tripod_ai_2024": 52}


@pytest.fixture(scope="module")
def card(tmp_path_factory):
    return describe(make_described_run(tmp_path_factory.mktemp("described")))


@pytest.mark.parametrize("name", NAMES)
def test_every_item_is_answered_or_open(card, name):
    filled = card["checklists"][NAMES.index(name)]
    assert len(filled["items"]) == sum(filled["counts"].values()) == SIZES[name]
    for item in filled["items"]:
        expected = {
            "answered": (True, False),
            "partly": (True, True),
            "open": (False, True),
        }[item["status"]]
        assert (bool(item["answer"]), bool(item["authors"])) == expected, item


@pytest.mark.parametrize("name", NAMES)
def test_items_are_whole_and_their_numbers_run_through(name):
    checklist = load_checklist(name)
    assert all(item.section and item.topic for item in checklist.items)
    assert all(item.answer in ANSWERS for item in checklist.items if item.answer)
    assert all(item.answer or item.authors for item in checklist.items)
    numbers = [item.item for item in checklist.items]
    if name == "claim_2024":
        assert numbers == [str(n) for n in range(1, 45)]
    elif name == "tripod_ai_2024":
        whole = list(dict.fromkeys(int(number.rstrip("abcdefg")) for number in numbers))
        assert whole == list(range(1, 28))
        assert numbers == sorted(
            set(numbers), key=lambda n: (int(n.rstrip("abcdefg")), n.lstrip("0123456789"))
        )
    else:  # not verified, so none is given
        assert set(numbers) == {""}


def test_no_answer_is_unused():
    used = {item.answer for name in NAMES for item in load_checklist(name).items}
    assert used - {""} == set(ANSWERS)


def test_answers_hold_the_figures_of_the_run(card):
    claim = {item["item"]: item["answer"] for item in card["checklists"][0]["items"]}
    assert "Listed 200; without a file 14, unreadable 2, copies 1, unlabelled 2" in claim["35"]
    assert "used 160: train 60, val 20, test 80" in claim["35"]
    assert claim["19"].startswith("At random (seed 7), 40 %, 10 %, 50 %, stratified by class")
    assert "no group is in two splits" in claim["20"]
    assert "epoch 4 of 5, by val_loss" in claim["26"]
    assert claim["27"] == "None: one model."
    assert "200 resamples of groups" in claim["29"]
    assert "sensitivity 0.750 (" in claim["38"]
    assert "10 images are misclassified; most often MEL taken for NV 10" in claim["39"]
    assert "accuracy 0.875 (" in claim["37"]
    tripod = {item["item"]: item["answer"] for item in card["checklists"][2]["items"]}
    assert tripod["15"].startswith("A probability for each of the classes MEL, NV, BCC")
    assert "MEL 30/10/40; NV 30/10/40" in tripod["21"]
    assert "missing: age 0.0 %, sex 0.0 %, site 20.0 %" in tripod["11"]
    assert "indicator of its own" in tripod["11"]
