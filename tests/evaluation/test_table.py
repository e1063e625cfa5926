from __future__ import annotations

import csv
import io
import re

import pytest
from rich.console import Console

from skinnet_keras.evaluation.table import UNDEFINED, Table, number, with_interval

TABLE = Table(
    "Runs of 100 % & more",
    ("Model", "All: FP+FN", *(f"Metric {k} at some length" for k in range(9))),
    (
        ("skinnet_v1", "655", *["0.8707 (0.8601 to 0.8813)"] * 9),
        ('  [v2], x, "y"', "-", *["-0.0123"] * 9),
        ("Total", "+3.2", *["<0.0001"] * 9),
    ),
    ("A note: 5 % of {a|b} ~ x_1^2 \\ $ # < >.",),
    last_is_total=True,
)


def printed(table: Table, width: int = 80) -> str:
    console = Console(file=io.StringIO(), width=width)
    table.print(console)
    return console.file.getvalue()


def test_csv_reads_back():
    rows = list(csv.reader(io.StringIO(TABLE.to_csv())))
    assert rows == [list(TABLE.headings), *map(list, TABLE.rows)]


def test_markdown_escapes_bars():
    table = Table("T", ("a|b", "c"), (("x|y", "1"),), ("note",))
    assert table.to_markdown() == "**T**\n\n| a\\|b | c |\n|---|---:|\n| x\\|y | 1 |\n\nnote\n"


@pytest.mark.parametrize("width", [40, 80, 200])
def test_a_narrow_terminal_cuts_no_number_off(width):
    text = printed(TABLE, width)
    assert "…" not in text
    for row in TABLE.rows:
        assert all(cell.strip() in text for cell in row)


def test_latex_is_a_float_in_the_style_of_booktabs():
    table = Table(
        "T", ("Class", "Recall"), (("MEL", "0.5"), ("NV", "-"), ("Total", "-1.5")), ("Note.",), True
    )
    assert table.to_latex("tab:x").splitlines() == [
        r"\begin{table}[htbp]",
        r"\centering",
        r"\caption{T}",
        r"\label{tab:x}",
        r"\begin{tabular}{lr}",
        r"\toprule",
        r"Class & Recall \\",
        r"\midrule",
        r"MEL & 0.5 \\",
        r"NV & -- \\",
        r"\midrule",
        r"Total & $-$1.5 \\",
        r"\bottomrule",
        r"\end{tabular}",
        r"\par\smallskip{\footnotesize Note.\par}",
        r"\end{table}",
    ]
    assert r"\label" not in table.to_latex()


def test_latex_escapes_every_special_character():
    text = TABLE.to_latex()
    assert r"\caption{Runs of 100 \% \& more}" in text
    assert r"5 \% of \{a\textbar{}b\} \textasciitilde{} x\_1\textasciicircum{}2" in text
    assert r"\textbackslash{} \$ \# \textless{} \textgreater{}." in text
    # Every row but the commands has the separators of its columns and no other.
    body = text[text.index(r"\toprule") : text.index(r"\bottomrule")]
    rows = [line for line in body.splitlines() if line.endswith(r"\\")]
    assert len(rows) == 4
    for row in rows:
        assert len(re.findall(r"(?<!\\)&", row)) == len(TABLE.headings) - 1
        assert not re.search(r"(?<!\\)[%#_]", row)


def test_latex_rows_do_not_begin_with_an_argument_of_the_row_before():
    # After the end of a row LaTeX reads [...] as a length and * as a variant.
    assert "\n{[}v2], x" in TABLE.to_latex()
    assert "{*}" in Table("T", ("a",), (("*",),)).to_latex()


def test_latex_sets_signs_of_numbers_and_leaves_hyphens():
    table = Table("T", ("a", "b"), (("one-against-rest v1-2", "+6 (-26 to +37)"),))
    assert r"one-against-rest v1-2 & $+$6 ($-$26 to $+$37) \\" in table.to_latex()


def test_numbers_with_their_intervals():
    assert with_interval(0.5, [0.25, 0.75]) == "0.5000 (0.2500 to 0.7500)"
    assert with_interval(0.1, (-0.25, 0.75), "+.2f") == "+0.10 (-0.25 to +0.75)"
    assert with_interval(0.5, None, ".3f") == "0.500"
    assert with_interval(None, [0.1, 0.2]) == number(None) == UNDEFINED
    assert number(1 / 3, ".2f") == "0.33"
