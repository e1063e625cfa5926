"""The two CSV files as one checked table."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from skinnet_keras.errors import UserError
from skinnet_keras.taxonomy.labels import LABELS
from skinnet_keras.taxonomy.spelling import normalise

UNLABELLED = "unlabelled"
"""In the column `label`: images with this diagnosis have no label."""

_NODES = ("node", "parent", "label", "note")
_WORDS = ("word", "sources", "node", "note")


@dataclass(frozen=True)
class Node:
    """A diagnosis or a group of diagnoses.

    Attributes:
        name: Its name, unique whatever the spelling.
        parent: The name of the group it belongs to; "" for the root.
        label: Its own label, `UNLABELLED`, or "" where it has that of its nearest ancestor.
        note: The reason for a debatable decision.
    """

    name: str
    parent: str
    label: str
    note: str


@dataclass(frozen=True)
class Word:
    """A word of some data sets.

    Attributes:
        word: As the data sets spell it.
        sources: The data sets.
        node: The name of the node it stands for.
        note: The reason for a debatable decision.
    """

    word: str
    sources: tuple[str, ...]
    node: str
    note: str


class Taxonomy:
    """The hierarchy and the vocabularies, checked.

    Args:
        nodes: The lines of a `nodes.csv`.
        words: The lines of a `words.csv`.

    Attributes:
        nodes: Name -> node; parents come before their children.
        words: The words, in the order of the table.

    Raises:
        UserError: A row is wrong.
    """

    def __init__(self, nodes: Iterable[str], words: Iterable[str]):
        self.nodes: dict[str, Node] = {}
        self._node_of: dict[str, str] = {}
        self._too_wide: set[str] = set()
        self.words: list[Word] = []
        self._words_of: dict[str, list[Word]] = {}
        for row in _rows(nodes, _NODES, "nodes.csv"):
            self._add_node(Node(*row))
        for word, sources, node, note in _rows(words, _WORDS, "words.csv"):
            self._add_word(Word(word, tuple(sources.split()), node, note))
        for own in self._words_of.values():
            self._check_senses(own)

    def senses(self, word: str) -> list[Word]:
        """Return all rows of a word, whatever its spelling."""
        return self._words_of.get(normalise(word), [])

    def node_of(self, word: str, source: str) -> Node | None:
        """Return what a word stands for in a source ("" for none in particular), if it is known."""
        senses = self.senses(word)
        own = next((sense.node for sense in senses if source in sense.sources), None)
        general = self._node_of.get(normalise(word)) or next((s.node for s in senses), None)
        name = own or general
        return self.nodes[name] if name else None

    def path(self, node: Node) -> tuple[Node, ...]:
        """Return the nodes from the root to this one."""
        parent = self.nodes.get(node.parent)
        return (*self.path(parent), node) if parent else (node,)

    def decides(self, node: Node) -> Node | None:
        """Return the node that gives this one its label; None for a group too wide for one."""
        if node.name in self._too_wide and not node.label:
            return None
        return next(above for above in reversed(self.path(node)) if above.label)

    def label(self, node: Node) -> str:
        """Return one of `LABELS`, or "" for no label."""
        decisive = self.decides(node)
        return decisive.label if decisive and decisive.label != UNLABELLED else ""

    def spellings(self) -> dict[str, str]:
        """Return every known word by its normalised spelling."""
        written = {normalise(word.word): word.word for word in reversed(self.words)}
        return written | self._node_of

    def _add_node(self, node: Node) -> None:
        key = normalise(node.name)
        if not key or key in self._node_of:
            raise UserError(f"nodes.csv: the node {node.name!r} has no name or is there twice.")
        is_root = not self.nodes
        if (node.parent or not node.label) if is_root else node.parent not in self.nodes:
            raise UserError(
                f"nodes.csv: the parent of {node.name!r}, {node.parent!r}, is not in a row above; "
                "only the first row has none, and it needs a label."
            )
        if node.label not in ("", UNLABELLED, *LABELS):
            raise UserError(
                f"nodes.csv: {node.name!r} has the label {node.label!r}: use one of "
                f"{', '.join(LABELS)}, {UNLABELLED}, or none."
            )
        self.nodes[node.name] = node
        self._node_of[key] = node.name
        if node.label:
            self._too_wide.update(above.name for above in self.path(node)[:-1])

    def _add_word(self, word: Word) -> None:
        if not normalise(word.word) or not word.sources or word.node not in self.nodes:
            raise UserError(
                f"words.csv: the word {word.word!r} needs a source and a node of nodes.csv "
                f"(sources: {' '.join(word.sources) or 'none'}; node: {word.node!r})."
            )
        for other in self.senses(word.word):
            if both := set(other.sources) & set(word.sources):
                raise UserError(
                    f"words.csv: {word.word!r} is there twice for the source {min(both)}."
                )
        self.words.append(word)
        self._words_of.setdefault(normalise(word.word), []).append(word)

    def _check_senses(self, senses: list[Word]) -> None:
        word = senses[0].word
        if len({sense.node for sense in senses}) > 1 and normalise(word) not in self._node_of:
            raise UserError(
                f"words.csv: {word!r} means different things in different sources: add it to "
                "nodes.csv, which says what it means elsewhere."
            )


@lru_cache(maxsize=1)
def packaged() -> Taxonomy:
    """Read the package's own table, once."""
    folder = files("skinnet_keras.taxonomy")
    nodes, words = (folder.joinpath(name).read_text("utf-8") for name in ("nodes.csv", "words.csv"))
    return Taxonomy(nodes.splitlines(), words.splitlines())


def _rows(lines: Iterable[str], columns: tuple[str, ...], file: str) -> list[list[str]]:
    # Spreadsheets put a byte-order mark before the first column's name.
    heading, *rows = filter(None, csv.reader(line.removeprefix("\ufeff") for line in lines))
    if tuple(heading) != columns or any(len(row) != len(columns) for row in rows):
        raise UserError(f"{file}: every row needs the {len(columns)} columns {', '.join(columns)}.")
    return [[cell.strip() for cell in row] for row in rows]
