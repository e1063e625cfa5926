"""Table, files and picture of a deployment benchmark."""

from __future__ import annotations

import csv
import json
import re

import pytest
from PIL import Image

from skinnet_keras.export.deployment_benchmark.benchmark import Cost, Failure, Results
from skinnet_keras.export.deployment_benchmark.plot import plot_deployment
from skinnet_keras.export.deployment_benchmark.report import (
    build_report,
    deployment_table,
    write_report,
)
from skinnet_keras.export.machine import describe_machine


def test_table_has_a_row_an_artefact(report):
    table = deployment_table(report)
    assert table.title == "Deployment of runs/m, exported/m at 224 x 224 pixels"
    cells = dict(zip(table.headings, table.rows[1], strict=True))
    assert cells == {
        "Artefact": "classifier: TFLite float32",
        "Threads": "1",
        "Median, ms": "6.50",
        "p95, ms": "8.45",
        "Min, ms": "5.85",
        "CPU, ms": "13.0",
        "First call, ms": "19.5",
        "Images/s": "154",
        "Images/s, batch 8": "-",
        "Loaded, MiB": "100",
        "Steady, MiB": "150",
        "Peak, MiB": "180",
        "Size, MiB": "21.0",
    }
    assert table.rows[0][0] == "classifier: Keras"
    notes = "\n".join(table.footnotes)
    assert "A CPU, 2 cores; TensorFlow 2.21.0, LiteRT 2.3.0, ONNX Runtime 1.32.0." in notes
    assert "Load average 0.1 before, 1.9 after." in notes
    assert "Not measured: classifier, Keras: it broke." in notes


def test_a_busy_machine_is_said_and_missing_figures_are_dashes(report):
    report["load_average"] = {"before": 3.0, "after": 4.0}
    assert "other programs ran, too" in "\n".join(deployment_table(report).footnotes)
    report["load_average"] = {"before": None, "after": None}
    report["artefacts"] = [
        report["artefacts"][1] | dict.fromkeys(("loaded_bytes", "steady_bytes", "peak_bytes"))
    ]
    table = deployment_table(report)
    assert not any("Load average" in note for note in table.footnotes)
    assert "Images/s, batch 8" not in table.headings
    assert table.rows[0][-4:] == ("-", "-", "-", "21.0")


def test_files(report, tmp_path):
    names = write_report(tmp_path / "out", report)
    assert sorted(names) == sorted(path.name for path in (tmp_path / "out").iterdir())
    with (tmp_path / "out" / "deployment.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["format"] for row in rows] == ["keras", "tflite", "savedmodel", "onnx"]
    assert rows[1]["batch_images_per_second"] == ""
    assert float(rows[1]["latency_ms"]) == 6.5
    assert json.loads((tmp_path / "out" / "deployment.json").read_text()) == report
    assert "classifier: TFLite float32" in (tmp_path / "out" / "deployment.txt").read_text()
    with Image.open(tmp_path / "out" / "deployment.png") as picture:
        assert picture.width > 1500


@pytest.mark.parametrize("steady", [150 * 2**20, None])
def test_picture_names_artefacts_kinds_and_figures(report, tmp_path, steady):
    for row in report["artefacts"]:
        row["steady_bytes"] = row["peak_bytes"] = steady
    plot_deployment(report, tmp_path / "p.svg")
    texts = re.findall(r">([^<>]+)</text>", (tmp_path / "p.svg").read_text())
    for text in ("TFLite float32, 1 thread", "Classifier", "End to end", "6.50", "123", "21.0"):
        assert text in texts, text
    assert any(text.strip() == "not known" for text in texts) == (steady is None)


def test_report_of_results_says_the_conditions(report):
    costs = [Cost(**row) for row in report["artefacts"][:3]]
    results = Results(costs, [Failure("a", "b", "c")], 0.5, 0.75)
    built = build_report(["m"], results, rounds=5, seconds=1.0)
    assert built["artefacts"] == report["artefacts"][:3]
    assert built["failures"] == [{"label": "a", "path": "b", "reason": "c"}]
    assert built["load_average"] == {"before": 0.5, "after": 0.75}
    assert describe_machine().items() <= built["machine"].items()
    assert "onnxruntime" not in built["machine"]  # nothing was measured with it
