"""Every reader reads the tables and folders that people make of a data set, or says what not."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import pytest

from layouts import WRITERS
from layouts.isic2018 import write_isic2018_task3
from skinnet_keras.data.sources import SOURCES
from skinnet_keras.data.synthetic.writer import write_synthetic
from skinnet_keras.errors import UserError

# A table of text, and an image's name in it, which that of ISIC-2018's first task is not.
TABLES = {
    "isic2017": "image_id",
    "isic2018": "image",
    "isic2019": "image",
    "isic2020": "image_name",
    "ham10000": "image_id",
    "derm7pt": "derm",
    "derm7pt_clinical": "clinic",
    "ras": "image",
    "folder": "path",
    "synthetic": "image",
}
WITHOUT_TABLE = {"mednode", "ph2", "sd198", "skinl2"}


def write_three_synthetic(root: Path) -> Path:
    write_synthetic(root, lesions=3)
    return root


LAYOUTS = {
    **WRITERS,
    "synthetic": write_three_synthetic,
    "isic2018": write_isic2018_task3,
}


def read(name, root):
    return SOURCES[name].read(root)


def test_every_source_is_tried():
    assert set(TABLES) | WITHOUT_TABLE == set(SOURCES) == set(LAYOUTS)


def rewrite(root, change, **form):
    """Save every table anew: `change` takes and returns its header and rows."""
    encoding = form.pop("encoding", "utf-8")
    for path in root.rglob("*.csv"):
        with path.open(newline="") as file:
            header, *rows = csv.reader(file)
        header, rows = change(header, rows)
        with path.open("w", newline="", encoding=encoding) as file:
            csv.writer(file, **form).writerows([header, *rows])


def same(header, rows):
    return header, rows


def cells(change):
    return lambda header, rows: (header, [[change(cell) for cell in row] for row in rows])


FORMS = {
    "comma behind the rows": (lambda header, rows: (header, [[*row, ""] for row in rows]), {}),
    "comma behind all": (lambda header, rows: ([*header, ""], [[*row, ""] for row in rows]), {}),
    "semicolons": (same, {"delimiter": ";"}),
    "tabs": (same, {"delimiter": "\t"}),
    "byte-order mark": (same, {"encoding": "utf-8-sig"}),
    "line feeds": (same, {"lineterminator": "\n"}),
    "quotes": (same, {"quoting": csv.QUOTE_ALL}),
    "spaces": (
        lambda header, rows: ([f" {n} " for n in header], [[f" {c}  " for c in r] for r in rows]),
        {},
    ),
    "other case of the columns": (lambda header, rows: ([n.swapcase() for n in header], rows), {}),
    "rows without a cell": (lambda header, rows: (header, [[""] * 9, *rows, []]), {}),
    "pandas' row numbers": (
        lambda header, rows: (["", *header], [[n, *row] for n, row in enumerate(rows)]),
        {},
    ),
    **{
        f"{word!r} for a missing value": (
            cells(lambda cell, word=word: word if cell in ("", "unknown") else cell),
            {},
        )
        for word in ("NA", "nan", "None", "-", " N/A", "null", "Unknown", "?", "n.a.")
    },
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", TABLES)
def test_a_table_in_another_form(tmp_path, name, form):
    root = LAYOUTS[name](tmp_path)
    expected = read(name, root)
    change, options = FORMS[form]
    rewrite(root, change, **options)
    table = read(name, root)
    assert table.rows == expected.rows
    assert table.diagnoses == expected.diagnoses
    assert table.missing == expected.missing


def names(header, rows, change, column):
    at = header.index(column) if column in header else None
    if at is not None:
        rows = [[change(c) if n == at else c for n, c in enumerate(row)] for row in rows]
    return header, rows


def without_suffix(name):
    return os.path.splitext(name)[0]


@pytest.mark.parametrize("change", [str.swapcase, without_suffix, lambda name: name + ".JPG"])
@pytest.mark.parametrize("name", [name for name in TABLES if name != "folder"])
def test_an_image_in_another_spelling(tmp_path, name, change):
    root = LAYOUTS[name](tmp_path)
    expected = read(name, root)
    columns = {TABLES[name], "image"}  # of the other tables, too

    def respell(header, rows):
        for column in columns:
            header, rows = names(
                header, rows, lambda own: change(without_suffix(own)) if own else own, column
            )
        return header, rows

    rewrite(root, respell)
    table = read(name, root)
    assert table.rows == expected.rows
    assert table.without_image == expected.without_image


@pytest.mark.parametrize("change", [str.swapcase, without_suffix])
def test_a_path_of_a_folder_in_another_spelling(tmp_path, change):
    root = LAYOUTS["folder"](tmp_path)
    expected = read("folder", root)
    rewrite(root, lambda header, rows: names(header, rows, change, "path"))
    rewrite(root, lambda header, rows: names(header, rows, change, "mask_path"))
    assert read("folder", root).rows == expected.rows


def test_a_path_that_two_files_fit_is_not_guessed(tmp_path):
    root = LAYOUTS["folder"](tmp_path)
    (root / "clinic" / "08.jpg").write_bytes((root / "clinic" / "07.jpg").read_bytes())
    rewrite(root, lambda header, rows: names(header, rows, without_suffix, "path"))
    table = read("folder", root)
    assert "clinic_08" not in {row.stem for row in table.rows}
    assert "2 of 4 rows of labels.csv find no image, e.g. 'clinic/08'" in table.missing[0]


@pytest.mark.parametrize("name", LAYOUTS)
def test_an_image_file_with_another_case_of_its_suffix(tmp_path, name):
    root = LAYOUTS[name](tmp_path)
    expected = read(name, root)
    for path in [path for path in root.rglob("*") if path.suffix in (".jpg", ".png", ".bmp")]:
        path.rename(path.with_suffix(path.suffix.upper()))
    table = read(name, root)
    assert [row.stem for row in table.rows] == [row.stem for row in expected.rows]
    assert [row.diagnosis for row in table.rows] == [row.diagnosis for row in expected.rows]
    assert sum(row.mask_path != "" for row in table.rows) == sum(
        row.mask_path != "" for row in expected.rows
    )
    assert all((root / row.path).is_file() for row in table.rows)


@pytest.mark.parametrize("name", [name for name in TABLES if name != "derm7pt_clinical"])
def test_a_row_without_image_and_an_image_without_row_are_named(tmp_path, name):
    root = LAYOUTS[name](tmp_path)
    table = read(name, root)
    first = next(row for row in table.rows if row.stem != table.rows[-1].stem)
    path = root / first.path
    path.rename(path.with_name(f"stray{path.suffix}"))
    found = read(name, root)
    assert found.without_image == table.without_image + 1
    assert first.stem not in {row.stem for row in found.rows}
    text = " ".join(found.missing)
    assert "find no image, e.g. '" in text
    assert f"stray{path.suffix}'" in text
    assert "in no row of" in text


@pytest.mark.parametrize("name", TABLES)
def test_a_table_without_rows_or_with_a_row_twice(tmp_path, name):
    root = LAYOUTS[name](tmp_path / "twice")
    if name not in ("derm7pt", "derm7pt_clinical"):  # several cases may share an image there
        rewrite(root, lambda header, rows: (header, [*rows, rows[0]]))
        with pytest.raises(UserError, match=r"\.csv, line \d+: .* line 2"):
            read(name, root)
    root = LAYOUTS[name](tmp_path / "empty")
    rewrite(root, lambda header, rows: (header, []))
    with pytest.raises(UserError, match=r"\.csv has a header and no row"):
        read(name, root)


@pytest.mark.parametrize("name", TABLES)
def test_a_row_with_too_many_cells_is_named(tmp_path, name):
    root = LAYOUTS[name](tmp_path)
    rewrite(root, lambda header, rows: (header, [rows[0], [*rows[-1], "more"]]))
    with pytest.raises(UserError, match=r"\.csv, line 3: \d+ fields where the header has \d+"):
        read(name, root)


@pytest.mark.parametrize("name", TABLES)
def test_a_quote_that_is_not_closed_swallows_no_rows(tmp_path, name):
    root = LAYOUTS[name](tmp_path)
    for path in root.rglob("*.csv"):
        header, *rows = path.read_text().splitlines()
        path.write_text("\n".join([header, f'"{rows[0]}', *rows[1:]]))
    with pytest.raises(UserError, match=r"\.csv, line \d+: .*a quote there or above is not closed"):
        read(name, root)


@pytest.mark.parametrize("content", [b"a\0b,c\n1,2\n", "ä,b\n".encode("utf-16"), b"\xff\xfe,b\n"])
@pytest.mark.parametrize("name", TABLES)
def test_a_file_that_is_no_text_is_named(tmp_path, name, content):
    root = LAYOUTS[name](tmp_path)
    for path in root.rglob("*.csv"):
        path.write_bytes(content)
    with pytest.raises(UserError, match=r"\.csv cannot be read as a CSV file .*save it as CSV"):
        read(name, root)


def folders_of_images(root):
    suffixes = (".jpg", ".JPG", ".png", ".bmp", ".tif")
    found = {path.parent for path in root.rglob("*") if path.suffix in suffixes} - {root}
    return {folder for folder in found if "__MACOSX" not in folder.parts}


@pytest.mark.parametrize("name", LAYOUTS)
def test_linked_folders_inside_the_root_are_followed(tmp_path, name):
    root = LAYOUTS[name](tmp_path)
    expected = read(name, root)
    for number, folder in enumerate(sorted(folders_of_images(root), reverse=True)):
        store = root / ".store" / str(number)
        store.parent.mkdir(exist_ok=True)
        folder.rename(store)
        folder.symlink_to(store, target_is_directory=True)
        (store / "circle").symlink_to(folder.parent, target_is_directory=True)
    table = read(name, root)
    assert table.rows == expected.rows
    assert table.missing == expected.missing


@pytest.mark.parametrize("name", LAYOUTS)
def test_what_lies_behind_a_link_out_of_the_root_is_read_or_said(tmp_path, name):
    root = LAYOUTS[name](tmp_path / "root")
    expected = read(name, root)
    for number, folder in enumerate(sorted(folders_of_images(root), reverse=True)):
        store = tmp_path / "elsewhere" / str(number)
        store.parent.mkdir(exist_ok=True)
        folder.rename(store)
        folder.symlink_to(store, target_is_directory=True)
    said = ""
    rows = []
    try:
        table = read(name, root)
        said, rows = " ".join(table.missing), table.rows
    except UserError as error:
        said = str(error)
    assert rows == expected.rows or "linked folders lead out of" in said


@pytest.mark.parametrize("name", LAYOUTS)
def test_pipes_folders_and_broken_links_named_like_images(tmp_path, name):
    root = LAYOUTS[name](tmp_path)
    expected = read(name, root)
    for folder in folders_of_images(root):
        os.mkfifo(folder / "0_pipe.jpg")
        (folder / "0_folder.png").mkdir()
        (folder / "0_link.bmp").symlink_to(root / "gone.bmp")
        (folder / "0_itself.jpg").symlink_to(folder / "0_itself.jpg")
    table = read(name, root)
    assert [row.path for row in table.rows] == [row.path for row in expected.rows]
    odd = 3 * len(folders_of_images(root))
    assert any(
        f"{odd} entries are neither files nor folders" in sentence for sentence in table.missing
    )
