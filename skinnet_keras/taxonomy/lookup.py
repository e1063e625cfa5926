"""Which label a word has, and why."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches

from skinnet_keras.errors import UserError
from skinnet_keras.taxonomy.labels import UNK
from skinnet_keras.taxonomy.spelling import normalise
from skinnet_keras.taxonomy.table import Node, packaged

_SUGGESTIONS = 3


@dataclass(frozen=True)
class Explanation:
    """Why a word has its label.

    Attributes:
        word: The word asked for.
        label: One of `LABELS`, or "" for no label.
        path: Names of the nodes from the root to the word's own.
        decided_by: The node on the path whose label it is; "" where the word names a group that
            is too wide for a label.
        sources: Data sets that use the word in this sense.
        other_sources: Data sets that use it in another sense.
        notes: Reasons: the word's own, then those of the nodes up to the one that decides.
    """

    word: str
    label: str
    path: tuple[str, ...]
    decided_by: str
    sources: tuple[str, ...]
    other_sources: tuple[str, ...]
    notes: tuple[str, ...]


def label_of(diagnosis: str, source: str = "") -> str:
    """Map a data set's word for a diagnosis onto a label.

    Args:
        diagnosis: The word, e.g. "nv" or "seborrheic keratosis", or the name of a node; upper and
            lower case, punctuation, spaces, underscores, hyphens, and British and American
            spellings are alike.
        source: The data set, where a word has a sense of its own there.

    Returns:
        One of `LABELS`, or "" when the image is unlabelled: "", "unknown" (the word of
        ISIC-2020), or a group too wide for a label, such as "benign".

    Raises:
        UserError: The taxonomy does not have the word; similar ones are named.
    """
    return packaged().label(_node_of(diagnosis, source)) if diagnosis.strip() else ""


def explain(word: str, source: str = "") -> Explanation:
    """Tell why a word has its label.

    Args:
        word: As for `label_of`.
        source: As for `label_of`.

    Raises:
        UserError: The taxonomy does not have the word; similar ones are named.
    """
    taxonomy = packaged()
    node = _node_of(word, source)
    path = taxonomy.path(node)
    decisive = taxonomy.decides(node)
    senses = taxonomy.senses(word)
    same = [sense for sense in senses if sense.node == node.name]
    reasons = path[path.index(decisive) :] if decisive else (node,)
    notes = (*(sense.note for sense in same), *(above.note for above in reversed(reasons)))
    return Explanation(
        word=word,
        label=taxonomy.label(node),
        path=tuple(above.name for above in path),
        decided_by=decisive.name if decisive else "",
        sources=tuple(name for sense in same for name in sense.sources),
        other_sources=tuple(
            name for sense in senses if sense.node != node.name for name in sense.sources
        ),
        notes=tuple(dict.fromkeys(note for note in notes if note)),
    )


def explain_all(source: str = "") -> tuple[Explanation, ...]:
    """Explain all words of a data set, or of every data set, in the order of the hierarchy.

    Raises:
        UserError: The taxonomy does not list the data set.
    """
    if source and source not in word_sources():
        raise UserError(
            f"The taxonomy has no words of {source!r}: use one of {', '.join(word_sources())}."
        )
    return tuple(
        explain(row.word, row.sources[0])
        for row in packaged().words
        if not source or source in row.sources
    )


def words_of(source: str) -> tuple[str, ...]:
    """Return the vocabulary of a data set, as it spells it, in the order of the hierarchy.

    Raises:
        UserError: The taxonomy does not list the data set.
    """
    return tuple(explanation.word for explanation in explain_all(source))


def word_sources() -> tuple[str, ...]:
    """Return the data sets whose vocabulary the taxonomy lists, in alphabetical order."""
    return tuple(sorted({source for word in packaged().words for source in word.sources}))


def _node_of(word: str, source: str) -> Node:
    node = packaged().node_of(word, source)
    if node is None:
        similar = _similar(word)
        hint = f" (similar: {', '.join(map(repr, similar))})" if similar else ""
        raise UserError(
            f"The diagnosis {word!r} is not in the taxonomy{hint}: correct it, or count such "
            f"images as {UNK}."
        )
    return node


def _similar(word: str) -> list[str]:
    key = normalise(word)
    known = packaged().spellings()
    found = get_close_matches(key, known, n=_SUGGESTIONS, cutoff=0.75)
    longer = (other for other in known if f" {key} " in f" {other} " and other not in found)
    return [known[other] for other in (*found, *sorted(longer, key=len))[:_SUGGESTIONS]]
