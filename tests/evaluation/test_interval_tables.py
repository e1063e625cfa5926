from __future__ import annotations

import pytest

from skinnet_keras.evaluation import interval_tables
from skinnet_keras.evaluation.metrics import evaluate_predictions
from skinnet_keras.evaluation.ranking import OperatingPoints
from skinnet_keras.taxonomy import CLASSES


@pytest.fixture
def report(random_predictions):
    return evaluate_predictions(random_predictions(0), bootstrap=50)


def test_headline_prints_counts_whole_and_intervals(report):
    rows = {name: cells for name, *cells in interval_tables.headline(report, "run").rows}
    assert rows["All: FP+FN"][0] == str(report["errors_all"])
    for name, key in (("WF1", "wf1"), ("Macro PR-AUC", "macro_average_precision"), ("MCC", "mcc")):
        low, high = report["ci"][key]
        assert rows[name] == [f"{report[key]:.4f}", f"{low:.4f} to {high:.4f}"]


def test_headline_has_every_number_and_melanoma_against_the_rest(report):
    rows = {name: cells for name, *cells in interval_tables.headline(report, "run").rows}
    assert sum(not name.startswith("MEL: ") for name in rows) == len(report["ci"])
    low, high = report["ci_per_class"]["MEL"]["sensitivity_at_specificity"]
    value = report["per_class"]["MEL"]["sensitivity_at_specificity"]
    assert rows["MEL: sensitivity at specificity 0.95"] == [
        f"{value:.4f}",
        f"{low:.4f} to {high:.4f}",
    ]


@pytest.mark.parametrize(
    ("make", "key", "column"),
    [
        (interval_tables.class_intervals, "precision", "Precision"),
        (interval_tables.ranking, "pauc", "pAUC above TPR 0.8"),
    ],
)
def test_tables_of_classes_put_intervals_into_cells(report, make, key, column):
    table = make(report, "run")
    place = table.headings.index(column)
    cells = {row[0]: row[place] for row in table.rows}
    for label in CLASSES:
        low, high = report["ci_per_class"][label][key]
        value = report["per_class"][label][key]
        assert cells[label] == f"{value:.4f} ({low:.4f} to {high:.4f})"


def test_ranking_ends_with_the_macro_row(report):
    row = interval_tables.ranking(report, "run").rows[-1]
    assert row[:2] == ("Macro", "300")
    assert row[2].startswith(f"{report['macro_auc']:.4f} (")


def test_names_and_notes_follow_the_parameters(random_predictions):
    points = OperatingPoints(min_tpr=0.5, specificity=0.9, sensitivity=0.82)
    report = evaluate_predictions(random_predictions(0), bootstrap=20, seed=7, points=points)
    table = interval_tables.ranking(report, "run")
    assert table.headings[-3:] == (
        "pAUC above TPR 0.5",
        "Sensitivity at specificity 0.9",
        "Specificity at sensitivity 0.82",
    )
    assert "at most 0.5, by chance 0.125" in table.footnotes[0]
    assert "20 bootstrap resamples of the 300 groups" in table.footnotes[1]
    assert "seed 7" in table.footnotes[1]


def test_without_resamples_cells_are_values_alone(random_predictions):
    report = evaluate_predictions(random_predictions(0, present=(0, 1)), bootstrap=0)
    table = interval_tables.ranking(report, "run")
    assert table.rows[0][2] == f"{report['per_class']['MEL']['auc']:.4f}"
    assert table.rows[-2][2] == "-"  # SCC is absent
    assert not any("Intervals" in note for note in table.footnotes)
    assert {row[2] for row in interval_tables.headline(report, "run").rows} == {"-"}
