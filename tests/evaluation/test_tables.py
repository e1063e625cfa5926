from __future__ import annotations

import numpy as np
import pytest

from skinnet_keras.evaluation import tables
from skinnet_keras.evaluation.metrics import evaluate_predictions


@pytest.fixture
def report(random_predictions):
    return evaluate_predictions(random_predictions(0), bootstrap=50)


def test_per_class_has_the_papers_columns_and_total_row(report):
    table = tables.per_class(report, "run")
    assert table.headings == (
        *("Class", "Specificity", "Recall", "Precision", "F1-Score"),
        *("WRecall", "WPrecision", "WF1"),
    )
    assert [row[0] for row in table.rows] == [
        *("MEL", "NV", "BCC", "AK", "BKL", "DF", "VASC", "SCC", "Total"),
    ]
    assert all(len(cell) == 6 and cell[1] == "." for row in table.rows for cell in row[1:])
    assert table.rows[-1][1] == f"{report['macro_specificity']:.4f}"
    assert table.rows[-1][5] == f"{report['wrecall']:.4f}"


def test_undefined_cells_are_dashes(random_predictions):
    report = evaluate_predictions(random_predictions(0, n=30, present=(1,)), bootstrap=0)
    table = tables.per_class(report, "run")
    assert table.rows[0][2] == "-"  # recall of MEL, which is absent


def test_comparison_signs_differences_to_the_first():
    def report(errors: int, wf1: float | None) -> dict:
        numbers = dict.fromkeys(tables.COMPARISON_HEADINGS, 0.5)
        return numbers | {"errors_all": errors, "wf1": wf1}

    reports = {"v1": report(655, 0.8), "v2": report(676, 0.9), "v3": report(625, None)}
    table = tables.comparison(reports)
    column, wf1 = table.headings.index("All: FP+FN"), table.headings.index("WF1")
    assert [row[0].strip() for row in table.rows] == [
        *("v1", "v2", "difference, %", "v3", "difference, %"),
    ]
    # The text calls the first one "3% less" (paper, reading 2): it is more.
    assert [row[column] for row in table.rows] == ["655", "676", "+3.2", "625", "-4.6"]
    assert [row[wf1] for row in table.rows] == ["0.8000", "0.9000", "+12.5", "-", "-"]
    changes = tables.comparison_changes(reports)
    assert changes["v2"]["errors_all"] == pytest.approx(100 * 21 / 655)
    assert changes["v3"]["wf1"] is None
    assert "v1" not in changes


def test_comparison_says_that_no_rare_count_reproduces_the_paper(report):
    text = tables.comparison({"a": report}).to_markdown()
    assert "None of these rare counts reproduces the paper's table 6 to the digit" in text


def test_a_change_from_zero_is_undefined(report):
    zero = {**report, "errors_all": 0}
    assert tables.comparison_changes({"a": zero, "b": report})["b"]["errors_all"] is None


def test_confusion_has_true_rows():
    table = tables.confusion(np.array([[1, 2], [0, 3]]), ("MEL", "NV"), "run")
    assert table.rows == (("MEL", "1", "2"), ("NV", "0", "3"))
