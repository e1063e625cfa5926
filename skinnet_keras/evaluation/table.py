"""A table of text cells, for the terminal, as Markdown, CSV and LaTeX."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table as RichTable

UNDEFINED = "-"


@dataclass(frozen=True)
class Table:
    """Text cells with headings; the first column names the row.

    Attributes:
        title: What the table shows.
        headings: Names of the columns.
        rows: Cells, as long as `headings` each.
        footnotes: Sentences under the table (not in CSV).
        last_is_total: Whether a line separates the last row from the others.
    """

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    footnotes: tuple[str, ...] = ()
    last_is_total: bool = False

    def to_rich(self) -> RichTable:
        """The table for a terminal."""
        table = RichTable(
            title=escape(self.title),
            caption=escape("\n".join(self.footnotes)) or None,
            caption_justify="left",
            title_justify="left",
            box=box.SIMPLE_HEAD,
            show_edge=False,
            pad_edge=False,
            padding=(0, 1, 0, 0),
        )
        for heading, width in zip(self.headings, self._widths(), strict=True):
            justify: Literal["left", "right"] = "right" if table.columns else "left"
            table.add_column(escape(heading), justify=justify, vertical="bottom", width=width)
        for number, row in enumerate(self.rows):
            separate = self.last_is_total and number == len(self.rows) - 2
            table.add_row(*(escape(cell) for cell in row), end_section=separate)
        return table

    def print(self, console: Console) -> None:
        """Print the table, wider than the console rather than with numbers cut off."""
        # Two blanks between columns.
        console.width = max(console.width, sum(width + 2 for width in self._widths()))
        console.print(self.to_rich())
        console.print()

    def _widths(self) -> list[int]:
        """Characters a column needs: numbers stay whole, headings may break between words."""
        return [
            max(map(len, (*heading.split(), *cells)))
            for heading, *cells in zip(self.headings, *self.rows, strict=True)
        ]

    def to_markdown(self) -> str:
        """The table as GitHub Markdown, title first, footnotes last."""
        lines = [
            _markdown_row(self.headings),
            "|---" + "|---:" * (len(self.headings) - 1) + "|",
            *(_markdown_row(row) for row in self.rows),
        ]
        paragraphs = [f"**{self.title}**", "\n".join(lines), *self.footnotes]
        return "\n\n".join(paragraphs) + "\n"

    def to_csv(self) -> str:
        """Headings and rows as CSV."""
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([self.headings, *self.rows])
        return text.getvalue()

    def to_latex(self, label: str | None = None) -> str:
        """The table as a LaTeX float in the style of booktabs, its title the caption.

        Needs the package booktabs; every character is escaped, signs are set as minus and plus.

        Args:
            label: What the text refers to it by; None = no label.
        """
        rows = [_latex_row(row) for row in self.rows]
        if self.last_is_total and len(rows) > 1:
            rows.insert(-1, r"\midrule")
        lines = [
            r"\begin{table}[htbp]",
            r"\centering",
            rf"\caption{{{_latex(self.title)}}}",
            *([] if label is None else [rf"\label{{{label}}}"]),
            rf"\begin{{tabular}}{{l{'r' * (len(self.headings) - 1)}}}",
            r"\toprule",
            _latex_row(self.headings),
            r"\midrule",
            *rows,
            r"\bottomrule",
            r"\end{tabular}",
            *(rf"\par\smallskip{{\footnotesize {_latex(note)}\par}}" for note in self.footnotes),
            r"\end{table}",
        ]
        return "\n".join(lines) + "\n"


def number(value: float | None, form: str = ".4f") -> str:
    """A number as text, or a dash for undefined."""
    return UNDEFINED if value is None else f"{value:{form}}"


def with_interval(value: float | None, interval: Sequence[float] | None, form: str = ".4f") -> str:
    """A number with its bounds behind it, where there are any: "0.484 (0.419 to 0.558)"."""
    if value is None or interval is None:
        return number(value, form)
    return f"{value:{form}} ({interval[0]:{form}} to {interval[1]:{form}})"


def _markdown_row(cells: tuple[str, ...]) -> str:
    escaped = (cell.strip().replace("|", "\\|") for cell in cells)
    return "| " + " | ".join(escaped) + " |"


_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    # Behind the end of a row these two would be its arguments.
    "[": "{[}",
    "*": "{*}",
    **{character: "\\" + character for character in "&%$#_{}"},
}


def _latex(text: str) -> str:
    if text == UNDEFINED:
        return "--"
    escaped = "".join(_LATEX.get(character, character) for character in text)
    return re.sub(r"(?<![\w.])([-+])(?=\d)", r"$\1$", escaped)


def _latex_row(cells: tuple[str, ...]) -> str:
    return " & ".join(_latex(cell.strip()) for cell in cells) + r" \\"
