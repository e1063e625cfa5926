"""`skinnet report`: a page about a run, a predictions file, or several."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from explained_run import write_detection, write_explanations
from reported_run import make_reported_run, write_made_predictions
from skinnet_keras.cli.main import app
from skinnet_keras.errors import UserError
from skinnet_keras.runs.run import Run


def invoke(*arguments):
    return CliRunner().invoke(app, [*map(str, arguments)])


@pytest.fixture
def run(tmp_path) -> Run:
    return make_reported_run(tmp_path)


def test_page_of_a_run(run):
    result = invoke("report", run.directory, "--bootstrap", 50, "--json")
    assert result.exit_code == 0, result.output
    said = json.loads(result.stdout)
    page = run.directory / "report" / "report.html"
    assert said == {"page": str(page), "bytes": page.stat().st_size}
    html = page.read_text(encoding="utf-8")
    for anchor in (
        "summary",
        "classes",
        "calibration",
        "decisions",
        "abstention",
        "subgroups",
        "mistakes",
        "explanations",
        "unknown",
        "data",
        "training",
        "environment",
        "card",
        "limits",
    ):
        assert f'<section id="{anchor}"' in html
    assert "12 images of 12 lesions" in html
    assert "3 epochs in the stages segmentation, cnn; 2 minutes" in html
    assert "No group lies in two splits" in html
    assert html.count('<img src="data:image/jpeg') > 2
    assert "trained on some of the training images" in html  # its own masks are in sample
    assert "git commit" in html
    assert "there is no summary.json: skinnet explain RUN adds it" in html
    assert "there is no ood.json: skinnet ood RUN adds it" in html
    assert "CLAIM" in html

    bare = invoke("report", run.directory, "--pictures", 0, "--bootstrap", 0)
    assert bare.exit_code == 0
    assert "<img" not in page.read_text(encoding="utf-8")


def test_page_of_a_predictions_file_and_a_comparison(run, tmp_path):
    test = run.load_catalogue().usable(["test"])
    other = tmp_path / "other.csv"
    write_made_predictions(other, test, right=0.9)
    assert "say with --out" in str(invoke("report", other).exception)
    out = tmp_path / "pages" / "other.html"
    assert invoke("report", other, "--out", out, "--bootstrap", 0).exit_code == 0
    html = out.read_text(encoding="utf-8")
    assert '<section id="environment"' not in html

    both = tmp_path / "both.html"
    result = invoke("report", run.directory, other, "--out", both, "--bootstrap", 0)
    assert result.exit_code == 0, result.output
    html = both.read_text(encoding="utf-8")
    assert "other has the highest balanced accuracy" in html
    assert "Recall by class" in html
    assert "Differences to tiny" in html

    fewer = tmp_path / "fewer.csv"
    write_made_predictions(fewer, test.iloc[1:])
    mistaken = invoke("report", other, fewer, "--out", tmp_path / "no.html")
    assert "not scored on the same images" in str(mistaken.exception)
    assert not (tmp_path / "no.html").exists()


def test_explanations_and_unknown_input_of_the_run(run):
    write_explanations(run)
    write_detection(run)
    page = run.directory / "report" / "report.html"
    assert invoke("report", run.directory, "--bootstrap", 0).exit_code == 0
    html = page.read_text(encoding="utf-8")
    assert "Grad-CAM of 24 images of the split test, classes in turn" in html
    assert "Map inside the lesion (image)" in html
    assert html.count('<div class="sheet"') == 1
    assert "AUROC, Mahalanobis: photographs" in html
    assert "AUROC, Energy" not in html
    assert html.index(">mahalanobis<") < html.index(">energy<")

    bare = invoke("report", run.directory, "--pictures", 0, "--bootstrap", 0)
    assert bare.exit_code == 0
    html = page.read_text(encoding="utf-8")
    assert "Map inside the lesion (image)" in html
    assert "<img" not in html


def test_results_of_other_weights_are_left_out(run, tmp_path):
    folder, file = write_explanations(run), write_detection(run)
    (run.directory / "best.keras").write_bytes(b"trained on")
    assert invoke("report", run.directory, "--bootstrap", 0).exit_code == 0
    html = (run.directory / "report" / "report.html").read_text(encoding="utf-8")
    assert "summary.json is of other weights than the run&#39;s: skinnet explain RUN" in html
    assert "ood.json is of other weights than the run&#39;s: skinnet ood RUN" in html
    assert "Grad-CAM of" not in html
    # Asked for by name, they cannot be had: nothing is written.
    out = tmp_path / "named.html"
    for option, path in (("--explanations", folder), ("--ood", file)):
        result = invoke("report", run.directory, option, path, "--out", out, "--bootstrap", 0)
        assert isinstance(result.exception, UserError)
        assert "of other weights" in str(result.exception)
    assert not out.exists()


@pytest.mark.parametrize(
    "text",
    [
        "no JSON",
        "[]",
        '{"sets": {}}',
        '{"weights": WEIGHTS}',
        '{"weights": WEIGHTS, "sets": {}}',
        '{"weights": WEIGHTS, "sets": {"x": {"n": 1, "scores": {}}}}',
        '{"weights": WEIGHTS, "images": 1, "split": null, "label": null, "asked": null,'
        ' "figures": {"a": 1}, "curves": {}, "sheets": []}',
    ],
)
def test_damaged_results_are_left_out(run, text):
    text = text.replace("WEIGHTS", json.dumps(run.weight_hashes()))
    for path in ("explanations/summary.json", "ood.json"):
        (run.directory / path).parent.mkdir(exist_ok=True)
        (run.directory / path).write_text(text)
    assert invoke("report", run.directory, "--pictures", 0, "--bootstrap", 0).exit_code == 0
    html = (run.directory / "report" / "report.html").read_text(encoding="utf-8")
    assert html.count("Not here, as") == 2


def test_needs_no_tensorflow(run):
    write_explanations(run)
    write_detection(run)
    code = (
        "import sys; from skinnet_keras.cli.main import main\n"
        "try: main()\n"
        "finally: assert not {'tensorflow', 'keras', 'jax'} & set(sys.modules)"
    )
    command = [sys.executable, "-c", code, "report", str(run.directory), "--bootstrap", "0"]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_mistakes_are_told_in_a_sentence(run, tmp_path):
    assert "does not exist" in str(invoke("report", tmp_path / "nothing").exception)
    (tmp_path / "ood.json").write_text("{}")
    arguments = ("--ood", tmp_path / "ood.json", "--out", tmp_path / "no.html")
    several = invoke("report", run.directory, run.directory / "predictions_test.csv", *arguments)
    assert "the page of one run" in str(several.exception)
    file = invoke("report", run.directory / "predictions_test.csv", *arguments, "--bootstrap", 0)
    assert "is no run" in str(file.exception)
    assert "is a folder" in str(invoke("report", run.directory, "--out", tmp_path).exception)
    catalogue = run.catalogue / "catalogue.csv"
    catalogue.write_text(catalogue.read_text().replace("female", "male"))
    assert "changed since" in str(invoke("report", run.directory).exception)
