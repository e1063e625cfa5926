from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from skinnet_keras.errors import UserError
from skinnet_keras.evaluation.predictions import (
    Predictions,
    count_differing,
    predictions_path,
    read_predictions,
    write_predictions,
)
from skinnet_keras.taxonomy import CLASSES

HEADER = ["image_id", "label", *CLASSES]
ROW = ["a", "MEL", "0.3", *["0.1"] * 7]


def write(path: Path, *rows: list[str], header: list[str] = HEADER) -> Path:
    path.write_text("\n".join(",".join(row) for row in [header, *rows]) + "\n")
    return path


@pytest.fixture
def file(tmp_path):
    return tmp_path / "predictions.csv"


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("groups", [None, ["lesion, 1", "", "ö"]])
def test_round_trip_is_exact(file, dtype, groups):
    probabilities = np.random.default_rng(0).dirichlet(np.ones(8), 3).astype(dtype)
    write_predictions(file, ["a", "b", "c"], ["MEL", "", "SCC"], probabilities, CLASSES, groups)
    again = read_predictions(file)
    assert again.image_ids == ["a", "b", "c"]
    assert again.labels == ["MEL", "", "SCC"]
    assert again.groups == groups
    assert again.classes == CLASSES
    assert again.probabilities.dtype == np.float64
    assert np.array_equal(again.probabilities.astype(dtype), probabilities)


def test_columns_come_in_any_order_and_keep_it(file):
    header = ["SCC", "group", "label", *CLASSES[:7], "image_id"]
    read = read_predictions(write(file, ["0.3", "g", "NV", *["0.1"] * 7, "x"], header=header))
    assert read.classes == ("SCC", *CLASSES[:7])
    assert read.probabilities[0, 0] == 0.3
    assert read.groups == ["g"]
    assert read.predicted_indices().tolist() == [0]
    assert read.true_indices().tolist() == [2]


def test_unlabelled_and_unknown_rows_are_read_and_not_scored(file):
    rows = [["a", "", *ROW[2:]], ["b", "UNK", *ROW[2:]], ["c", "NV", *ROW[2:]]]
    read = read_predictions(write(file, *rows))
    assert read.labels == ["", "UNK", "NV"]
    assert read.scored().image_ids == ["c"]


def test_nine_classes(file):
    header, row = [*HEADER, "UNK"], ["a", "UNK", "0.2", *["0.1"] * 8]
    read = read_predictions(write(file, row, header=header))
    assert read.scored().true_indices().tolist() == [8]


def test_seven_classes_are_fine_as_long_as_no_label_needs_the_eighth(file):
    header, row = HEADER[:-1], ["a", "MEL", "0.4", *["0.1"] * 6]
    assert read_predictions(write(file, row, header=header)).classes == CLASSES[:7]


def test_byte_order_mark_blank_lines_and_windows_ends(file):
    text = "\ufeff" + ",".join(HEADER) + "\r\n\r\n" + ",".join(ROW) + "\r\n"
    file.write_bytes(text.encode())
    assert read_predictions(file).image_ids == ["a"]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([["a", "mel", *ROW[2:]]], r"line 2 \(image 'a'\): unknown label 'mel'"),
        ([ROW, ROW], r"line 3 \(image 'a'\): this image_id is already in line 2"),
        ([["", "MEL", *ROW[2:]]], "line 2: image_id is empty"),
        ([[*ROW[:2], "nan", *ROW[3:]]], "nan in column 'MEL' is not a probability"),
        ([[*ROW[:2], "inf", *ROW[3:]]], "inf in column 'MEL' is not a probability"),
        ([[*ROW[:2], "-0.3", *ROW[3:]]], "-0.3 in column 'MEL' is not a probability"),
        ([[*ROW[:2], "", *ROW[3:]]], "'' in column 'MEL' is not a number"),
        ([[*ROW[:2], "high", *ROW[3:]]], "'high' in column 'MEL' is not a number"),
        ([[*ROW[:2], "0.302", *ROW[3:]]], r"line 2 .* sum to 1\.002, they must sum to 1"),
        ([ROW, ["b", "MEL", "0.3"]], "line 3: 3 fields where the header has 10"),
        ([], "no row"),
    ],
)
def test_bad_rows_are_named(file, rows, message):
    with pytest.raises(UserError, match=message) as error:
        read_predictions(write(file, *rows))
    assert str(file) in str(error.value)
    assert "\n" not in str(error.value)


def test_sums_within_the_tolerance_pass(file):
    read_predictions(write(file, [*ROW[:2], "0.3009", *ROW[3:]]))


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (["id", *HEADER[1:]], "lacks the column 'image_id'"),
        (["image_id", "truth", *HEADER[2:]], "lacks the column 'label'"),
        ([*HEADER[:-1], "scc"], "has the column 'scc', which is no class"),
        ([*HEADER[:-1], "MEL"], "has the column 'MEL' twice"),
    ],
)
def test_bad_headers_are_named(file, header, message):
    with pytest.raises(UserError, match=message):
        read_predictions(write(file, ROW, header=header))


def test_a_missing_class_is_named_when_rows_or_labels_need_it(file):
    header = HEADER[:-1]
    with pytest.raises(UserError, match="lacks the probability column 'SCC'"):
        read_predictions(write(file, ROW[:-1], header=header))
    with pytest.raises(UserError, match="lacks the probability column 'SCC'"):
        read_predictions(write(file, ["a", "SCC", "0.4", *["0.1"] * 6], header=header))
    with pytest.raises(UserError, match="lacks the probability column"):
        read_predictions(write(file, ["a", "MEL"], header=["image_id", "label"]))


@pytest.mark.parametrize("content", [b"\xff\xfe\x00bad", b"", b"image_id,label\x00\n"])
def test_files_that_are_no_csv(file, content):
    file.write_bytes(content)
    with pytest.raises(UserError, match="predictions"):
        read_predictions(file)


def test_a_failed_write_leaves_the_old_file(file):
    file.write_text("old")
    with pytest.raises(ValueError, match="shape"):
        write_predictions(file, ["a"], ["MEL"], np.ones((1, 3)), CLASSES)
    with pytest.raises(ValueError, match="length"):
        write_predictions(file, ["a"], [], np.ones((1, 8)), CLASSES)
    assert file.read_text() == "old"


def test_a_run_stands_for_its_predictions(tmp_path):
    (tmp_path / "predictions_val.csv").touch()
    assert predictions_path(tmp_path, "val") == tmp_path / "predictions_val.csv"
    assert predictions_path(tmp_path / "predictions_val.csv").name == "predictions_val.csv"
    with pytest.raises(UserError, match=r"no predictions_test.csv: choose --split from val"):
        predictions_path(tmp_path)
    with pytest.raises(UserError, match="does not exist"):
        predictions_path(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="is it a run directory"):
        predictions_path(tmp_path / "empty")


def test_count_differing_counts_missing_images_and_other_labels():
    def labelled(**labels: str) -> Predictions:
        return Predictions(list(labels), list(labels.values()), np.ones((len(labels), 1)), ("MEL",))

    one = labelled(a="MEL", b="NV", c="DF")
    assert count_differing(one, labelled(c="DF", a="MEL", b="NV")) == 0
    assert count_differing(one, labelled(a="MEL", b="MEL", d="DF")) == 3


@pytest.mark.parametrize(
    "respell",
    [
        lambda text: text.replace(",", ";"),
        lambda text: text.replace(",", "\t"),
        lambda text: text.replace(",", " , "),
        lambda text: "\ufeff" + text,
        lambda text: text.replace("\n", ",\r\n"),
        lambda text: text.replace("\nx", ",\nx").replace("\ny", "\n,,,\ny"),
        lambda text: "".join(f"{n},{line}" for n, line in enumerate(text.splitlines(True))),
        lambda text: text.replace("image_id,label", "Image ID,Label"),
        lambda text: text.replace("x,", "x.JPG,").replace("y,", "y.png,"),
    ],
)
def test_other_forms_of_the_file(file, respell):
    rows = [["x", "NV", *ROW[2:], "g"], ["y", "", *ROW[2:], ""]]
    write(file, *rows, header=[*HEADER, "group"])
    expected = read_predictions(file)
    text = respell(file.read_text())
    # pandas gives its row numbers no name.
    file.write_bytes(text.removeprefix("0").encode() if text[0] == "0" else text.encode())
    read = read_predictions(file)
    assert (read.image_ids, read.labels) == (expected.image_ids, expected.labels)
    assert (read.groups, read.classes) == (expected.groups, expected.classes)
    assert np.array_equal(read.probabilities, expected.probabilities)


@pytest.mark.parametrize("word", ["NA", "nan", "None", "-", "N/A", "null", "unknown", "?", ""])
def test_a_group_or_label_that_says_nothing_is_none(file, word):
    rows = [["x", "NV", *ROW[2:], word], ["y", word, *ROW[2:], "g"]]
    read = read_predictions(write(file, *rows, header=[*HEADER, "group"]))
    assert read.groups == ["", "g"]
    assert read.labels == ["NV", ""]


def test_a_file_that_is_no_text_is_one_sentence(file):
    file.write_bytes(b"image_id,label\n\0\0")
    with pytest.raises(UserError, match=r"cannot be read as a predictions CSV .*NUL"):
        read_predictions(file)
