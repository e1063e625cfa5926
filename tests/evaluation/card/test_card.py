from __future__ import annotations

import json
import shutil

import pytest

from described_run import COMMIT, describe, make_described_catalogue, make_described_run
from skinnet_keras.evaluation.card.markdown import card_markdown


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return make_described_run(tmp_path_factory.mktemp("described"))


@pytest.fixture(scope="module")
def card(run):
    return describe(run)


def test_counts_of_the_data(card):
    data = card["training_data"]
    assert data["images"] == {"train": 60, "val": 20, "test": 80}
    assert data["groups"] == data["images"]
    assert data["classes"]["MEL"] == {"train": 30, "val": 10, "test": 40}
    assert data["classes"]["DF"] == {"train": 0, "val": 0, "test": 0}
    assert (data["copies"], data["copies_by_cause"]) == (1, {"same_id": 1})
    assert (data["unlabelled"], data["outside"], data["without_split"]) == (2, 0, 0)
    assert (data["groups_in_two_splits"], data["largest_group"]) == (0, 1)
    assert data["build"]["listed"] == 200
    assert data["patients"]["train"]["sex"] == {"female": 30, "male": 30, "": 0}
    assert data["patients"]["test"]["site"][""] == 16
    assert data["patients"]["val"]["age_quartiles"] == [54.75, 59.5, 64.25]
    first, second = data["sources"]
    assert (first["name"], first["licence"]) == ("ham10000", "CC BY-NC 4.0")
    assert first["images"] == {"train": 45, "val": 15, "test": 60}
    assert "Tschandl" in first["citations"][0]
    assert second["images"]["test"] == 20


def test_model_and_recipe_are_those_of_the_config_and_the_run(card):
    assert card["model"]["architecture"][0] == "SkinNet-v1: efficientnet_b0 on the image"
    assert "64 x 64 pixels" in card["model"]["inputs"][0]
    assert card["model"]["inputs"][1].startswith("age, sex and anatomical site")
    assert card["model"]["files"]["best.keras"]["bytes"] == 7
    (stage,) = card["recipe"]["stages"]
    assert (stage["epochs_done"], stage["best_epoch"], stage["seconds"]) == (5, 4, 52.5)
    assert stage["optimizer"].startswith("adamw (learning_rate ")
    assert card["recipe"]["seed"] == card["environment"]["seed"] == 3
    assert card["environment"]["git_commit"] == COMMIT
    assert card["environment"]["packages"] == {"keras": "3.15.1"}


def test_figures_are_those_of_the_predictions(card):
    # Ten of forty test melanomas are called nevi.
    assert card["evaluation"]["metrics"]["accuracy"] == pytest.approx(70 / 80)
    assert card["subgroups"]["overall"]["metrics"]["mel_sensitivity"] == 0.75
    assert card["evaluation"]["confusion"][0][:2] == [30, 10]


def test_limits_follow_from_the_run(card, run, tmp_path):
    limits = " ".join(card["limits"])
    assert "not recorded, so nothing is known about dark skin" in limits
    assert "No external test" in limits
    assert "Fewer than 10 test lesions of BCC (0), AK (0)" in limits
    assert "validation split" not in limits
    on_val = " ".join(describe(run, split="val", bootstrap=0)["limits"])
    assert "chose the epoch: they are optimistic" in on_val
    shutil.copytree(run, tmp_path / "copy")
    masks = ["image_id,mask_origin,in_sample", "a,predicted:x/unet,1", "b,predicted:x/unet,0"]
    (tmp_path / "copy" / "masks.csv").write_text("\n".join(masks))
    with_masks = describe(tmp_path / "copy", bootstrap=0)
    assert with_masks["model"]["masks_in_sample"] == 1
    assert any(line.startswith("1 masks are of images") for line in with_masks["limits"])


def test_an_own_source_and_a_missing_record_are_open_not_invented(tmp_path):
    catalogue = make_described_catalogue(tmp_path / "data", second_source="tiny")
    (catalogue.root / "build.json").unlink()
    run = make_described_run(tmp_path, catalogue)
    (run / "environment.json").write_text(json.dumps({"catalogue": str(catalogue.root)}))
    card = describe(run, bootstrap=0)
    assert card["training_data"]["build"] is None
    assert card["training_data"]["copies_by_cause"] is None
    assert card["training_data"]["sources"][1]["licence"] is None
    claim = {item["item"]: item for item in card["checklists"][0]["items"]}
    for number in ("5", "8", "10", "29", "35"):
        assert claim[number]["status"] == "open", number
        assert claim[number]["authors"]
    text = card_markdown(card)
    assert "| tiny | open: not known |" in text
    assert "- Commit: open" in text


def test_a_group_in_two_splits_is_said(tmp_path):
    catalogue = make_described_catalogue(tmp_path / "data")
    catalogue.table.loc[[0, TEST_ROW], "group"] = "same"
    catalogue.write(catalogue.root)
    card = describe(make_described_run(tmp_path, catalogue), bootstrap=0)
    assert card["training_data"]["groups_in_two_splits"] == 1
    assert any("1 groups (lesions or patients) have images in two" in s for s in card["limits"])


TEST_ROW = 100


def test_a_classical_run_is_described_as_one(tmp_path):
    run = make_described_run(
        tmp_path,
        model=None,
        stages={},
        classical={"classifier": {"name": "knn"}},
        balance={"methods": []},
        augmentation=False,
    )
    (run / "history.csv").write_text("candidate,val_balanced_accuracy\n1,0.5\n2,0.6\n")
    card = describe(run, bootstrap=0)
    assert card["model"]["technology"] == "classical machine learning"
    assert card["model"]["architecture"][0].startswith("knn (n_neighbors [3, 5, ")
    assert card["recipe"]["grid"].startswith("the best of 2 points of the grid")
    claim = {item["item"]: item for item in card["checklists"][0]["items"]}
    assert claim["24"]["status"] == "open"  # nothing is initialised
    assert claim["26"]["answer"].startswith("The best of 2 points")


def test_markdown_has_every_section_and_the_numbers(card):
    text = card_markdown(card, picture="subgroups.png")
    headings = [line for line in text.splitlines() if line.startswith("## ")]
    assert headings == [
        *("## Model", "## Intended use", "## Training data", "## Recipe", "## Evaluation"),
        *("## Subgroups", "## Limits", "## Environment", "## Reporting checklists"),
    ]
    for words in (
        "Not a medical device and not medical advice",
        "![Subgroups](subgroups.png)",
        "| MEL | 30 | 10 | 40 |",
        "| ham10000 | CC BY-NC 4.0 | 45 | 15 | 60 |",
        "- Copies removed: 1 (same id 1)",
        "Melanoma sensitivity (most probable class): 0.750 (",
        COMMIT,
        "TRIPOD+AI",
    ):
        assert words in text
    assert "![" not in card_markdown(card)
    assert "| None |" not in text
    assert ": None" not in text


def test_the_card_is_json(card):
    assert json.loads(json.dumps(card, allow_nan=False)) == card
