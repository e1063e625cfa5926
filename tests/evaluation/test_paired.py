from __future__ import annotations

import json

import numpy as np
import pytest

from skinnet_keras.evaluation.bootstrap import group_counts, group_indices
from skinnet_keras.evaluation.metrics import evaluate_predictions
from skinnet_keras.evaluation.paired import DIFFERENCES, ERRORS, compare_paired
from skinnet_keras.evaluation.paired_tables import mcnemar_table, paired_differences
from skinnet_keras.evaluation.predictions import Predictions


@pytest.fixture
def runs(random_predictions):
    """Three runs on 80 images of 30 lesions: the third is better, the second like the first."""
    groups = [f"lesion{g}" for g in np.random.default_rng(0).integers(0, 30, 80)]
    first = random_predictions(0, n=80, groups=groups)
    others = {}
    for seed, share in ((1, 0.0), (2, 0.3)):
        probabilities = np.random.default_rng(seed).dirichlet(np.ones(8), 80)
        probabilities = 0.8 * first.probabilities + 0.2 * probabilities
        probabilities[np.arange(80), first.true_indices()] += share
        probabilities /= probabilities.sum(axis=1, keepdims=True)
        others[f"run{seed}"] = Predictions(
            first.image_ids, first.labels, probabilities, first.classes, groups
        )
    return {"first": first, **others}


def shuffled(predictions: Predictions, seed: int, with_groups: bool = True) -> Predictions:
    rows = np.random.default_rng(seed).permutation(len(predictions.labels))
    classes = np.random.default_rng(seed).permutation(8)
    return Predictions(
        [predictions.image_ids[row] for row in rows],
        [predictions.labels[row] for row in rows],
        predictions.probabilities[rows][:, classes],
        tuple(predictions.classes[k] for k in classes),
        [predictions.groups[row] for row in rows] if with_groups else None,
    )


def test_differences_are_signed_and_those_of_the_reports(runs):
    compared = compare_paired(runs, bootstrap=0)
    assert list(compared) == ["run1", "run2"]
    reports = {name: evaluate_predictions(rows, bootstrap=0) for name, rows in runs.items()}
    for name, found in compared.items():
        assert (found["n"], found["groups"]) == (80, len(set(runs["first"].groups)))
        for measure in DIFFERENCES:
            values = found["differences"][measure]
            assert values["first"] == reports["first"][measure]
            assert values["this"] == reports[name][measure]
            assert values["difference"] == pytest.approx(
                reports[name][measure] - reports["first"][measure]
            )
            assert values["ci"] is values["better"] is None
    assert compared["run2"]["differences"]["errors_all"]["difference"] < 0
    assert compared["run2"]["differences"]["macro_auc"]["difference"] > 0


def test_intervals_are_of_paired_resamples(runs):
    compared = compare_paired(runs, bootstrap=40, seed=5)
    first, second = runs["first"], runs["run2"]
    index = group_indices(first.groups, 80)
    draws = np.hstack(list(group_counts(index.max() + 1, resamples=40, seed=5, step=40)))
    explicit = {measure: [] for measure in DIFFERENCES}
    for counts in draws.T.astype(int):
        rows = np.repeat(np.arange(80), counts[index])
        before, after = (
            evaluate_predictions(
                Predictions(
                    [str(k) for k in range(len(rows))],
                    [run.labels[row] for row in rows],
                    run.probabilities[rows],
                    run.classes,
                ),
                bootstrap=0,
            )
            for run in (first, second)
        )
        for measure in DIFFERENCES:
            explicit[measure].append(after[measure] - before[measure])
    for measure, values in explicit.items():
        found = compared["run2"]["differences"][measure]
        assert found["ci"] == pytest.approx(np.quantile(values, [0.025, 0.975]), abs=1e-12)
        gains = [-value if measure in ERRORS else value for value in values]
        assert found["better"] == pytest.approx(np.mean(np.array(gains) > 0))


def test_order_of_images_and_classes_does_not_matter(runs):
    others = {name: shuffled(rows, 3) for name, rows in runs.items() if name != "first"}
    expected = compare_paired(runs, bootstrap=50)
    found = compare_paired({"first": runs["first"], **others}, bootstrap=50)
    for name in others:
        assert found[name]["mcnemar"] == expected[name]["mcnemar"]
        for measure in DIFFERENCES:
            values, before = (each[name]["differences"][measure] for each in (found, expected))
            assert values.pop("ci") == pytest.approx(before.pop("ci"), abs=1e-12)
            assert values == pytest.approx(before, abs=1e-12)


def test_groups_are_those_of_the_first_run_that_has_any(runs):
    first = shuffled(runs["first"], 1, with_groups=False)
    found = compare_paired({"first": first, "run1": runs["run1"]}, bootstrap=0)
    assert found["run1"]["groups"] == len(set(runs["first"].groups))
    alone = shuffled(runs["run1"], 2, with_groups=False)
    found = compare_paired({"first": first, "run1": alone}, bootstrap=0)
    assert found["run1"]["groups"] == 80


def test_tests_are_adjusted_over_the_runs(runs):
    compared = compare_paired(runs, bootstrap=0)
    tests = [(lambda found: found["mcnemar"])]
    tests += [(lambda found, m=measure: found["differences"][m]) for measure in ERRORS]
    for test in tests:
        smaller, larger = sorted((test(found) for found in compared.values()), key=lambda t: t["p"])
        assert smaller["p_holm"] == pytest.approx(min(1.0, 2 * smaller["p"]))
        assert larger["p_holm"] == pytest.approx(max(larger["p"], smaller["p_holm"]))


def test_a_run_against_itself_shows_nothing(runs):
    found = compare_paired({"first": runs["first"], "same": runs["first"]}, bootstrap=50)["same"]
    assert found["mcnemar"]["p"] == 1.0
    for measure, values in found["differences"].items():
        assert (values["difference"], values["ci"], values["better"]) == (0, [0, 0], 0), measure
    assert all(found["differences"][measure]["p"] == 1.0 for measure in ERRORS)


def test_what_one_run_leaves_undefined_is_none(random_predictions):
    first = random_predictions(0, n=20, present=(1,))  # no AUC: one class
    found = compare_paired({"first": first, "same": first}, bootstrap=10)
    assert found["same"]["differences"]["macro_auc"] == {
        **{"first": None, "this": None, "difference": None, "ci": None, "better": None}
    }
    json.dumps(found, allow_nan=False)
    table = paired_differences(found, "first", bootstrap=10)
    assert table.rows[-1][2:] == ("-", "-", "-", "-", "-", "", "")


def test_one_run_has_nothing_to_be_compared_with(runs):
    assert compare_paired({"first": runs["first"]}) == {}


def test_tables_print_signs_intervals_and_the_test_used(runs):
    compared = compare_paired(runs, bootstrap=50)
    table = paired_differences(compared, "first", bootstrap=50)
    assert len(table.rows) == 2 * len(DIFFERENCES)
    row = dict(zip(table.headings, table.rows[len(DIFFERENCES)], strict=True))
    values = compared["run2"]["differences"]["errors_all"]
    _, high = values["ci"]
    assert (row["Model"], row["Measure"]) == ("run2", "All: errors")
    assert row["Difference"] == f"{values['difference']:+d}"
    assert row["95 % interval"].split(" to ")[0].startswith("-")
    assert float(row["95 % interval"].split(" to ")[1]) == pytest.approx(high, abs=0.06)
    assert row["Better, %"] == f"{100 * values['better']:.1f}"
    discordant = mcnemar_table(compared, "first")
    test = compared["run1"]["mcnemar"]
    counts = (str(test["only_first_right"]), str(test["only_this_right"]))
    assert discordant.rows[0][:4] == ("run1", *counts, test["test"])
    assert "Holm: adjusted for 2 comparison(s) with first." in discordant.footnotes
