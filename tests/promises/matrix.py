"""What is promised, and the tests that hold it: `python tests/promises/matrix.py [--run]`.

Prints `promises.csv` as a table; with `--run` each promise's tests are run and its result stands
beside it (minutes). Exit code 1 where one does not hold.
"""

from __future__ import annotations

import argparse
import ast
import csv
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Column, Table

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parents[1]


@dataclass(frozen=True)
class Promise:
    """A row of the table.

    Attributes:
        kind: What it is about.
        text: What is promised.
        tests: Test files, or functions in them (`file::function`).
    """

    kind: str
    text: str
    tests: tuple[str, ...]


def read_promises() -> list[Promise]:
    """Read the table."""
    with (FOLDER / "promises.csv").open(encoding="utf-8", newline="") as file:
        return [
            Promise(row["kind"], row["promise"], tuple(row["tests"].split()))
            for row in csv.DictReader(file)
        ]


def is_there(test: str) -> bool:
    """Tell whether a test file, or a function in it, exists; nothing is imported."""
    name, _, function = test.partition("::")
    path = ROOT / name
    if not path.is_file():
        return False
    names = {
        node.name
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }
    return function in names if function else bool(names)


def _result(promise: Promise) -> str:
    command = [sys.executable, "-m", "pytest", "-q", "--no-header", *promise.tests]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    last = done.stdout.strip().splitlines()[-1] if done.stdout.strip() else "nothing was run"
    said = last.strip("= ").rpartition(" in ")[0] or last
    return f"[green]{said}" if done.returncode == 0 else f"[red]{said}"


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", action="store_true", help="run the tests of every promise")
    run = parser.parse_args().run
    second_column = Column("Result" if run else "Tests", overflow="fold")  # names can be copied
    table = Table(Column("Promise", ratio=2), second_column)
    holds, kind = True, ""
    console = Console()
    for promise in read_promises():
        if promise.kind != kind:
            kind = promise.kind
            table.add_section()
            table.add_row(f"[bold]{kind}", "")
        if run:
            console.print(f"... {promise.text}", style="dim", highlight=False)
        second = _result(promise) if run else "\n".join(promise.tests)
        holds = holds and not second.startswith("[red]")
        table.add_row(promise.text, second)
    console.print(table)
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
