"""`skinnet data taxonomy`."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from skinnet_keras.cli.data.output import JSON_HELP

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table
    from rich.tree import Tree

    from skinnet_keras.taxonomy import Explanation

_NO_LABEL = "unlabelled"


def taxonomy(
    word: Annotated[
        str | None, typer.Argument(metavar="WORD", help="A data set's word for a diagnosis.")
    ] = None,
    source: Annotated[
        str, typer.Option(help="A data set: explain its sense of WORD, or list its words only.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help=JSON_HELP)] = False,
) -> None:
    """Explain which label a diagnosis has and why; without WORD, list all words by label.

    Example: skinnet data taxonomy "reed or spitz nevus"
    """
    import json
    from dataclasses import asdict

    from rich.console import Console

    from skinnet_keras.taxonomy import explain, explain_all

    if word is not None:
        explanation = explain(word, source)
        if as_json:
            typer.echo(json.dumps(asdict(explanation), ensure_ascii=False))
        else:
            Console().print(_tree(explanation), "", _facts(explanation), sep="\n")
        return
    listed = explain_all(source)
    if as_json:
        typer.echo(json.dumps({"words": [asdict(own) for own in listed]}, ensure_ascii=False))
    else:
        Console().print(*_tables(listed, f"Words of {source or 'all data sets'}"), sep="\n")


def _tree(explanation: "Explanation") -> "Tree":
    from rich.text import Text
    from rich.tree import Tree

    root = branch = Tree(Text(explanation.path[0]))
    for name in explanation.path[1:]:
        shown = Text(name, style="bold" if name == explanation.path[-1] else "")
        if name == explanation.decided_by:
            shown.append(f"  {explanation.label or _NO_LABEL}", style="bold green")
        branch = branch.add(shown)
    return root


def _facts(explanation: "Explanation") -> "Table":
    from rich.table import Table

    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="bold")
    facts.add_column()
    if explanation.decided_by:
        facts.add_row("label", f"{explanation.label or 'none'}, from {explanation.decided_by}")
    else:
        facts.add_row("label", "none: the word names a group that is too wide for one")
    facts.add_row("used by", ", ".join(explanation.sources) or "no data set")
    if explanation.other_sources:
        elsewhere = ", ".join(explanation.other_sources)
        facts.add_row("not by", f"{elsewhere}: another sense there, see --source")
    notes = Table.grid(padding=(0, 1))
    for note in explanation.notes:
        notes.add_row("-", note)
    if explanation.notes:
        facts.add_row("notes", notes)
    return facts


def _tables(listed: "tuple[Explanation, ...]", title: str) -> "Iterator[RenderableType]":
    """One table a label, of its diagnoses and their words, and one of the counts."""
    from rich.box import SIMPLE
    from rich.table import Table
    from rich.text import Text

    from skinnet_keras.taxonomy import LABELS

    counts = Table("label", title=title, box=SIMPLE)
    counts.add_column("diagnoses", justify="right")
    counts.add_column("words", justify="right")
    for label in (*LABELS, ""):
        words = _by_diagnosis(own for own in listed if own.label == label)
        if not words:
            continue
        shown = Table(box=SIMPLE, expand=True)
        shown.add_column(label or _NO_LABEL, ratio=2)
        shown.add_column("words", ratio=3, overflow="fold")
        for diagnosis, spelt in words.items():
            shown.add_row(Text(diagnosis), Text("; ".join(spelt), style="dim"))
        yield shown
        counts.add_row(
            label or _NO_LABEL, str(len(words)), str(sum(len(spelt) for spelt in words.values()))
        )
    yield counts


def _by_diagnosis(listed: "Iterator[Explanation]") -> dict[str, list[str]]:
    """Diagnosis -> its words, one spelling each."""
    from skinnet_keras.taxonomy.spelling import normalise

    grouped: dict[str, dict[str, str]] = {}
    for own in listed:
        grouped.setdefault(own.path[-1], {}).setdefault(normalise(own.word), own.word)
    return {diagnosis: list(words.values()) for diagnosis, words in grouped.items()}
