from __future__ import annotations

import csv
import hashlib
import json

import numpy as np
import pytest
from typer.testing import CliRunner

from skinnet_keras.cli.main import app
from skinnet_keras.errors import UserError
from skinnet_keras.evaluation.crossval import pool_folds
from skinnet_keras.evaluation.predictions import read_predictions, write_predictions
from skinnet_keras.taxonomy import CLASSES

METHODS = ("mean", "rank_mean", "greedy", "weighted")
SIZES = {"val": 80, "test": 48}


def true_classes(split: str) -> list[str]:
    return [CLASSES[row % 8] for row in range(SIZES[split])]


def write_split(folder, split: str, seed: int, *, order=None, labels=None, classes=CLASSES):
    """Predictions of a mediocre model; row `order[i]` of the split is written as the i-th."""
    rng = np.random.default_rng([seed, SIZES[split]])
    n = SIZES[split]
    labels = labels or true_classes(split)
    logits = rng.normal(size=(n, len(classes)))
    logits[np.arange(n), np.arange(n) % 8] += 1.0
    probabilities = np.exp(logits)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    order = list(range(n)) if order is None else order
    write_predictions(
        folder / f"predictions_{split}.csv",
        [f"{split}{row}" for row in order],
        [labels[row] for row in order],
        probabilities[order],
        classes,
        groups=[f"lesion{row // 2}" for row in order],
    )


def write_member(folder, seed: int, splits=("val", "test"), **options):
    for split in splits:
        write_split(folder, split, seed, **options)
    return folder


@pytest.fixture
def members(tmp_path):
    return [write_member(tmp_path / f"v{seed}", seed) for seed in (1, 2, 3)]


@pytest.fixture
def out(tmp_path):
    return tmp_path / "ensemble"


def invoke(*arguments, command="ensemble"):
    return CliRunner().invoke(app, [command, *map(str, arguments)])


def refused(*arguments) -> str:
    error = invoke(*arguments).exception
    assert isinstance(error, UserError), error
    return str(error)


def test_mean_of_probabilities_is_written_with_labels_and_groups(members, out):
    result = invoke(*members, "--out", out)
    assert result.exit_code == 0, result.output
    for split in ("val", "test"):
        read = [read_predictions(member / f"predictions_{split}.csv") for member in members]
        written = read_predictions(out / f"predictions_{split}.csv")
        expected = np.mean([item.probabilities for item in read], axis=0)
        assert written.probabilities == pytest.approx(expected, abs=1e-15)
        assert written.image_ids == read[0].image_ids
        assert written.labels == read[0].labels
        assert written.groups == read[0].groups


@pytest.mark.parametrize("method", METHODS)
def test_rows_and_columns_may_come_in_any_order(members, out, tmp_path, method):
    invoke(*members, "--method", method, "--out", out)
    for split, size in SIZES.items():
        file = members[1] / f"predictions_{split}.csv"
        read = read_predictions(file)
        rows = np.random.default_rng(0).permutation(size)
        columns = [5, 0, 7, 2, 1, 6, 4, 3]
        write_predictions(
            file,
            [read.image_ids[row] for row in rows],
            [read.labels[row] for row in rows],
            read.probabilities[rows][:, columns],
            [CLASSES[k] for k in columns],
        )
    again = tmp_path / "again"
    result = invoke(*members, "--method", method, "--out", again)
    assert result.exit_code == 0, result.output
    for split in SIZES:
        name = f"predictions_{split}.csv"
        assert (again / name).read_bytes() == (out / name).read_bytes()


def test_groups_are_those_of_the_first_member_that_has_any(members, out):
    for split in SIZES:
        read = read_predictions(members[0] / f"predictions_{split}.csv")
        write_predictions(
            members[0] / f"predictions_{split}.csv",
            read.image_ids[::-1],
            read.labels[::-1],
            read.probabilities[::-1],
            read.classes,
        )
    invoke(*members, "--out", out)
    written = read_predictions(out / "predictions_test.csv")
    assert written.image_ids[0] == "test47"
    assert written.groups == [f"lesion{row // 2}" for row in range(47, -1, -1)]


def test_all_methods_and_their_comparison(members, out):
    result = invoke(*members, "--method", "all", "--out", out)
    assert result.exit_code == 0, result.output
    for words in ("Members and weights", "Weight:", "Comparison", "ensemble: rank_mean"):
        assert words in result.stdout
    with (out / "comparison.csv").open(newline="") as file:
        names = [row["Model"] for row in csv.DictReader(file)]
    assert [name for name in names if "difference" not in name] == [
        *("v1", "v2", "v3"),
        *(f"ensemble: {method}" for method in METHODS),
    ]
    assert "can cost accuracy" in (out / "tables.md").read_text()
    for method in METHODS:
        description = json.loads((out / method / "ensemble.json").read_text())
        assert description["method"] == method
        assert sum(member["weight"] for member in description["members"]) == pytest.approx(1)
    collection = json.loads((out / "ensemble.json").read_text())
    assert collection["ensembles"] == list(METHODS)


def test_the_folder_serves_evaluate_and_compare(members, out):
    invoke(*members, "--method", "weighted", "--out", out)
    metrics = json.loads((out / "metrics.json").read_text())
    for split in SIZES:
        result = invoke(out, "--split", split, "--json", command="evaluate")
        assert json.loads(result.stdout) == metrics["classification"][split]
    low, high = metrics["classification"]["test"]["ci"]["balanced_accuracy"]
    assert low < metrics["classification"]["test"]["balanced_accuracy"] < high
    result = invoke(*members, out, "--json", command="compare")
    assert list(json.loads(result.stdout)["runs"]) == ["v1", "v2", "v3", "ensemble"]
    assert result.stderr == ""  # the same images


def test_json_is_one_object(members, out):
    result = invoke(*members, "--method", "all", "--out", out, "--json")
    report = json.loads(result.stdout)
    assert report["compared_on"] == "test"
    assert set(report["weights"]) == set(METHODS)
    assert set(report["weights"]["greedy"]) == {"v1", "v2", "v3"}
    assert list(report["runs"]) == ["v1", "v2", "v3", *(f"ensemble: {m}" for m in METHODS)]
    scores = {name: splits["val"]["balanced_accuracy"] for name, splits in report["runs"].items()}
    assert scores["ensemble: greedy"] >= max(scores[name] for name in ("v1", "v2", "v3"))
    assert report["runs"]["ensemble: mean"]["test"]["ci"]["wf1"]
    assert "v2" in report["changes_percent"]
    assert "Wrote the ensemble" in result.stderr


def test_the_description_names_what_was_combined(members, out):
    (members[0] / "best.keras").write_bytes(b"weights")
    options = ("--method", "greedy", "--metric", "log_loss", "--rounds", 7)
    invoke(*members, *options, "--out", out)
    description = json.loads((out / "ensemble.json").read_text())
    assert description["metric"] == "log_loss"
    assert description["rounds"] == 7
    assert description["classes"] == list(CLASSES)
    assert 1 <= len(description["picks"]) <= 7
    first = description["members"][0]
    assert first["path"] == str(members[0].resolve())
    assert set(first["sha256"]) == {"predictions_val.csv", "predictions_test.csv", "best.keras"}
    for name, digest in first["sha256"].items():
        assert digest == hashlib.sha256((members[0] / name).read_bytes()).hexdigest()
    for member in description["members"]:
        share = description["picks"].count(member["name"]) / len(description["picks"])
        assert member["weight"] == pytest.approx(share)
    assert description["validation"]["log_loss"] <= min(
        member["validation"]["log_loss"] for member in description["members"]
    )
    assert {"skinnet-keras", "numpy", "python"} <= set(description["versions"])


def test_test_predictions_choose_nothing(members, out, tmp_path):
    invoke(*members, "--method", "all", "--out", out)
    before = json.loads((out / "greedy" / "ensemble.json").read_text())
    for seed, member in enumerate(members, start=90):
        write_split(member, "test", seed)
    again = tmp_path / "again"
    invoke(*members, "--method", "all", "--out", again)
    for method in METHODS:
        name = f"{method}/predictions_val.csv"
        assert (again / name).read_bytes() == (out / name).read_bytes()
    assert json.loads((again / "greedy" / "ensemble.json").read_text())["picks"] == before["picks"]


def test_mean_does_without_validation_and_the_others_say_what_is_missing(members, out):
    (members[1] / "predictions_val.csv").unlink()
    result = invoke(*members, "--out", out)
    assert result.exit_code == 0, result.output
    assert "Not every run has a predictions_val.csv" in result.stderr
    assert not (out / "predictions_val.csv").exists()
    assert json.loads((out / "ensemble.json").read_text())["validation"] is None
    for method in (*METHODS[1:], "all"):
        message = refused(*members, "--method", method, "--out", out, "--overwrite")
        assert f"{members[1]} holds no predictions_val.csv" in message
        assert f"which {method if method != 'all' else 'rank_mean'} chooses by" in message


def test_runs_without_test_images_are_compared_on_validation(members, out):
    for member in members:
        (member / "predictions_test.csv").unlink()
    result = invoke(*members, "--out", out, "--json")
    assert json.loads(result.stdout)["compared_on"] == "val"
    assert not (out / "predictions_test.csv").exists()


def test_unlabelled_test_images_are_predicted_and_not_scored(members, out):
    for seed, member in enumerate(members):
        write_split(member, "test", seed, labels=[""] * SIZES["test"])
    result = invoke(*members, "--method", "greedy", "--out", out, "--json")
    assert json.loads(result.stdout)["compared_on"] == "val"
    assert len(read_predictions(out / "predictions_test.csv").labels) == SIZES["test"]
    assert set(json.loads((out / "metrics.json").read_text())["classification"]) == {"val"}


def test_nothing_to_score_is_no_error_for_the_mean(members, out):
    for seed, member in enumerate(members):
        write_member(member, seed, ["test"], labels=[""] * SIZES["test"])
        (member / "predictions_val.csv").unlink()
    result = invoke(*members, "--out", out, "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["compared_on"] is None
    assert not (out / "comparison.csv").exists()


@pytest.mark.parametrize("split", SIZES)
def test_other_images_or_labels_are_refused(members, out, tmp_path, split):
    other = write_member(tmp_path / "other", 9)
    changed = true_classes(split)
    changed[3] = "NV" if changed[3] != "NV" else "MEL"
    write_split(other, split, 9, labels=changed)
    message = refused(members[0], other, "--out", out)
    assert str(members[0] / f"predictions_{split}.csv") in message
    assert f"{other / f'predictions_{split}.csv'} are not of the same images: 1 image" in message
    write_split(other, split, 9, order=list(range(SIZES[split] - 2)))
    assert "2 images are in one of them only" in refused(members[0], other, "--out", out)
    assert not out.exists()


@pytest.mark.parametrize("split", SIZES)
def test_other_classes_are_refused(members, out, tmp_path, split):
    other = write_member(tmp_path / "other", 9)
    write_split(other, split, 9, classes=(*CLASSES, "UNK"))
    message = refused(members[0], other, "--out", out)
    assert str(other / f"predictions_{split}.csv") in message
    assert "differ in their classes (only one of them has the column UNK)" in message


def test_an_ensemble_is_replaced_on_request_and_nothing_else_is(members, out, tmp_path):
    invoke(*members, "--method", "all", "--out", out)
    assert "replace it with --overwrite" in refused(*members, "--out", out)
    result = invoke(*members, "--out", out, "--overwrite")
    assert result.exit_code == 0, result.output
    assert not (out / "greedy").exists()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("dear")
    message = refused(*members, "--out", tmp_path / "mine", "--overwrite")
    assert "is no earlier ensemble" in message
    assert (tmp_path / "mine" / "notes.txt").read_text() == "dear"


def test_members_are_not_overwritten(members, out):
    invoke(*members, "--out", out)
    result = invoke(members[0], out, "--out", out, "--overwrite")
    assert "lies in --out" in str(result.exception)
    assert (out / "predictions_test.csv").is_file()
    # An ensemble of ensembles goes elsewhere.
    assert invoke(members[0], out, "--out", out.parent / "second").exit_code == 0


def test_mistakes_are_user_errors(members, out, tmp_path):
    (tmp_path / "empty").mkdir()
    lonely = write_member(tmp_path / "lonely", 4, ["val"])
    for arguments, message in (
        ((members[0],), "two runs or more"),
        ((members[0], members[0]), "named twice"),
        ((members[0], tmp_path / "nowhere"), "does not exist"),
        ((members[0], tmp_path / "empty"), "holds neither predictions_val.csv"),
        ((members[0], members[1] / "predictions_test.csv"), "into a folder of their own"),
        ((members[0], lonely), "holds no predictions_test.csv, but other members do"),
        ((*members, "--method", "median"), "choose one of mean, rank_mean"),
        ((*members, "--method", "greedy", "--metric", "f1"), "choose one of balanced_accuracy"),
        ((*members, "--metric", "log_loss"), "belong to --method greedy"),
        ((*members, "--method", "weighted", "--rounds", 3), "belong to --method greedy"),
    ):
        assert message in refused(*arguments, "--out", out)
        assert not out.exists()


def test_two_runs_of_one_name_are_told_apart(members, out, tmp_path):
    twin = write_member(tmp_path / "again" / "v1", 8)
    result = invoke(members[0], twin, "--out", out, "--json")
    assert list(json.loads(result.stdout)["weights"]["mean"]) == ["v1", str(twin)]


def test_help_has_an_example():
    result = invoke("--help")
    assert result.exit_code == 0
    assert "Example: skinnet ensemble" in result.stdout
    assert "predictions_val.csv" in result.stdout


# --- cross-validations


def write_crossval(folder, seed: int, folds: int = 3):
    """A folder as `skinnet crossval` leaves it: every fold holds out images of its own."""
    for fold in range(folds):
        own = write_member(folder / f"fold_{fold}", 10 * seed + fold)
        held_out = read_predictions(own / "predictions_test.csv")
        write_predictions(
            own / "predictions_test.csv",
            [f"f{fold}{name}" for name in held_out.image_ids],
            held_out.labels,
            held_out.probabilities,
            held_out.classes,
            groups=[f"f{fold}{name}" for name in held_out.groups],
        )
    parts = [read_predictions(folder / f"fold_{k}" / "predictions_test.csv") for k in range(folds)]
    pooled = pool_folds(parts)
    write_predictions(
        folder / "predictions_test.csv",
        pooled.image_ids,
        pooled.labels,
        pooled.probabilities,
        pooled.classes,
    )
    return folder


def test_cross_validations_are_combined_fold_by_fold(tmp_path, out):
    sources = [write_crossval(tmp_path / f"cv{seed}", seed) for seed in (1, 2, 3)]
    result = invoke(*sources, "--method", "all", "--out", out, "--json")
    assert result.exit_code == 0, result.output
    summary = json.loads(result.stdout)
    assert summary["folds"] == 3
    assert set(summary["runs"]) == {"cv1", "cv2", "cv3", *(f"ensemble: {m}" for m in METHODS)}
    for method in METHODS:
        pooled = read_predictions(out / method / "predictions_test.csv")
        assert len(pooled.image_ids) == 3 * SIZES["test"]
        described = json.loads((out / method / "ensemble.json").read_text())
        for fold in range(3):
            # Each fold is what an ensemble of the fold's runs alone would be.
            alone = tmp_path / "alone" / method / str(fold)
            runs = [source / f"fold_{fold}" for source in sources]
            assert invoke(*runs, "--method", method, "--out", alone).exit_code == 0
            part = slice(fold * SIZES["test"], (fold + 1) * SIZES["test"])
            expected = read_predictions(alone / "predictions_test.csv")
            assert pooled.image_ids[part] == expected.image_ids
            np.testing.assert_array_equal(pooled.probabilities[part], expected.probabilities)
            weights = json.loads((alone / "ensemble.json").read_text())["members"]
            assert list(described["weights"][fold].values()) == [w["weight"] for w in weights]
        report = json.loads((out / method / "metrics.json").read_text())["classification"]["test"]
        assert report["n"] == 3 * SIZES["test"]
        assert report["ci"]["balanced_accuracy"]
    table = invoke(*sources, "--out", tmp_path / "mean")
    assert "held-out images of 3 folds" in table.stdout
    compared = invoke(*sources, tmp_path / "mean", "--json", command="compare")
    assert compared.exit_code == 0, compared.output


def test_cross_validations_of_other_folds_are_refused(tmp_path, out, members):
    first, second = (write_crossval(tmp_path / f"cv{k}", 1, folds=k) for k in (2, 3))
    assert "has 3 finished folds" in refused(first, second, "--out", out)
    assert "combine cross-validations of the same folds" in refused(
        members[0], second, "--out", out
    )
    assert not out.exists()
