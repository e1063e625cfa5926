from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from typer.testing import CliRunner

from skinnet_keras.cli.main import app
from skinnet_keras.config import Config, dump_config
from skinnet_keras.data.catalogue import COLUMNS, Catalogue
from skinnet_keras.errors import UserError
from skinnet_keras.evaluation.predictions import write_predictions
from skinnet_keras.taxonomy import CLASSES

IMAGES = 80


@pytest.fixture
def catalogue(tmp_path):
    """80 lesions of MEL and NV of both sexes; two of them without a picture."""
    source = tmp_path / "source"
    source.mkdir()
    rows = []
    for i in range(IMAGES):
        if i > 1:
            Image.new("RGB", (300 if i % 2 else 200, 100)).save(source / f"p{i}.png")
        rows.append(
            dict.fromkeys(COLUMNS, "")
            | {
                "image_id": f"made:p{i}",
                "source": "made",
                "path": f"p{i}.png",
                "label": ("MEL", "NV")[i % 2],
                "sex": ("female", "male")[i // 2 % 2],
                "age": str(20 + i // 2),
                "group": str(i),
                "split": "test",
            }
        )
    made = Catalogue(tmp_path / "data", pd.DataFrame(rows, columns=list(COLUMNS)), {"made": source})
    made.write(made.root)
    return made


@pytest.fixture
def predictions(catalogue, tmp_path):
    """Men get every fifth image wrong, women none."""
    table = catalogue.table
    predicted = [
        CLASSES.index(row.label) if row.sex == "female" or n % 5 else CLASSES.index("BKL")
        for n, row in enumerate(table.itertuples())
    ]
    path = tmp_path / "predictions_test.csv"
    write_predictions(
        path, table["image_id"].tolist(), table["label"].tolist(), np.eye(8)[predicted], CLASSES
    )
    return path


def invoke(*arguments):
    return CliRunner().invoke(app, ["subgroups", *map(str, arguments)])


def test_tables_and_warnings(predictions, catalogue):
    result = invoke(predictions, "--data", catalogue.root, "--bootstrap", 200)
    assert result.exit_code == 0, result.output
    for words in ("Sex (compared over MEL, NV)", "Largest gaps", "Image size", "not recorded"):
        assert words in result.stdout
    assert "2 of 80 original images could not be read" in result.stderr
    assert "does not record skin types" in result.stderr
    assert "source: all images are of one subgroup, made." in result.stderr


def test_json_holds_what_was_asked_for(predictions, catalogue):
    arguments = (predictions, "--data", catalogue.root, "--by", "sex, age,sex", "--json")
    result = invoke(*arguments, "--bootstrap", 200)
    report = json.loads(result.stdout)
    assert list(report["attributes"]) == ["sex", "age"]
    female, male = report["attributes"]["sex"]["subgroups"]
    assert (female["name"], female["images"], male["images"]) == ("female", 40, 40)
    assert female["metrics"]["balanced_accuracy"] == 1.0
    # Men are images 2, 3, 6, 7, ..., 78, 79: those divisible by 5 are 10, 15, 30, 35, 50, ...
    assert male["metrics"]["accuracy"] == pytest.approx(1 - 8 / 40)
    assert report["attributes"]["sex"]["gaps"]["balanced_accuracy"]["high"] == "female"
    assert report["lesions"] == 80  # the file has no groups: those of the catalogue
    assert report["notes"] == []
    assert invoke(*arguments, "--bootstrap", 200).stdout == result.stdout


def test_a_run_knows_its_catalogue_and_its_masks(predictions, catalogue, tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    predictions.rename(run / "predictions_test.csv")
    config = Config.model_validate(
        {"name": "made", "model": {"variant": "v1"}, "stages": {"cnn": {"epochs": 1}}}
    )
    (run / "config.yaml").write_text(dump_config(config))
    (run / "environment.json").write_text(json.dumps({"catalogue": str(catalogue.root)}))
    (run / "catalogue.sha256").write_text(catalogue.sha256())
    rows = [f"made:p{i},predicted:a/unet,{i // 40}" for i in range(IMAGES)]
    (run / "masks.csv").write_text("\n".join(["image_id,mask_origin,in_sample", *rows]))
    result = invoke(run, "--by", "mask", "--json", "--bootstrap", 0)
    subgroups = json.loads(result.stdout)["attributes"]["mask"]["subgroups"]
    assert [(row["name"], row["images"]) for row in subgroups] == [
        ("predicted:a/unet", 40),
        ("predicted:a/unet, trained on it", 40),
    ]
    (run / "catalogue.sha256").write_text("other")
    assert "changed since" in str(invoke(run, "--by", "sex").exception)


def test_out_writes_tables_numbers_and_the_picture(predictions, catalogue, tmp_path):
    out = tmp_path / "report"
    result = invoke(
        predictions,
        "--data",
        catalogue.root,
        "--by",
        "sex",
        "--bootstrap",
        50,
        "--json",
        "--out",
        out,
    )
    assert {path.name for path in out.iterdir()} == {
        *("subgroups.json", "subgroups.txt", "subgroups.png", "tables.md", "tables.tex"),
        *("subgroups_sex.csv", "subgroup_lesions.csv", "subgroup_gaps.csv"),
    }
    assert json.loads((out / "subgroups.json").read_text()) == json.loads(result.stdout)


def test_mistakes_are_user_errors(predictions, catalogue, tmp_path):
    other = tmp_path / "other.csv"
    write_predictions(other, ["x", "made:p1"], ["MEL", "NV"], np.full((2, 8), 1 / 8), CLASSES)
    unlabelled = tmp_path / "unlabelled.csv"
    write_predictions(unlabelled, ["made:p1"], [""], np.full((1, 8), 1 / 8), CLASSES)
    data = ("--data", catalogue.root)
    cases = {
        (predictions,): "names no catalogue: give it with --data",
        (predictions, "--data", tmp_path): "make a catalogue with",
        (other, *data): "1 of 2 images are not in the catalogue",
        (unlabelled, *data): "no labelled row",
        (predictions, *data, "--by", "colour"): "there is no attribute 'colour'",
        (predictions, *data, "--by", ","): "names no attribute",
        (predictions, *data, "--by", "skin_type"): "records the skin type",
        (tmp_path / "nowhere", *data): "does not exist",
    }
    for arguments, message in cases.items():
        result = invoke(*arguments)
        assert isinstance(result.exception, UserError)
        assert message in str(result.exception)


def test_needs_no_tensorflow(predictions, catalogue):
    code = (
        "import sys; from skinnet_keras.cli.main import main\n"
        "try: main()\n"
        "finally: assert not {'tensorflow', 'keras', 'jax'} & set(sys.modules)"
    )
    command = [sys.executable, "-c", code, "subgroups", predictions, "--data", catalogue.root]
    command = [*map(str, command), "--by", "sex", "--json", "--bootstrap", "0"]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["n"] == 80
