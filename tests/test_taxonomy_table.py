"""The two CSV files: one tree, every word once a source; a wrong row is named."""

from __future__ import annotations

from collections import Counter

import pytest

from skinnet_keras.errors import UserError
from skinnet_keras.taxonomy import LABELS
from skinnet_keras.taxonomy.spelling import normalise
from skinnet_keras.taxonomy.table import UNLABELLED, Taxonomy, packaged

NODES = [
    "node,parent,label,note",
    "condition,,UNK,",
    "lesion,condition,,",
    "naevus,lesion,NV,",
    "blue naevus,naevus,,",
    "sebaceous naevus,naevus,UNK,no melanocytes",
    "rash,condition,,",
    "nothing,condition,unlabelled,",
]
WORDS = [
    "word,sources,node,note",
    "mole,one two,naevus,",
    "Rash,three,blue naevus,a slip of theirs",
    "n/a,one,nothing,",
]


@pytest.fixture
def small():
    return Taxonomy(NODES, WORDS)


def label(taxonomy, word, source=""):
    return taxonomy.label(taxonomy.node_of(word, source))


def test_packaged_hierarchy_is_one_tree():
    nodes = packaged().nodes
    (root,) = (node for node in nodes.values() if not node.parent)
    for node in nodes.values():
        path = packaged().path(node)
        assert path[0] == root
        assert len(set(path)) == len(path)
        assert node.label in ("", UNLABELLED, *LABELS)
    assert root.label == "UNK"


def test_packaged_hierarchy_has_three_levels_above_its_diagnoses():
    depths = [len(packaged().path(packaged().nodes[word.node])) for word in packaged().words]
    assert max(depths) >= 6


def test_every_diagnosis_has_a_use():
    """All leaves but these two are what some data set's word stands for."""
    nodes = packaged().nodes
    groups = {node.parent for node in nodes.values()}
    used = {word.node for word in packaged().words}
    assert set(nodes) - groups - used == {"acral melanotic macule", "melanosis"}


def test_no_word_twice_for_a_source():
    uses = Counter(
        (source, normalise(word.word)) for word in packaged().words for source in word.sources
    )
    assert set(uses.values()) == {1}


def test_every_label_has_words():
    labels = {packaged().label(packaged().nodes[word.node]) for word in packaged().words}
    assert labels == {*LABELS, ""}


def test_inheritance(small):
    assert label(small, "blue naevus") == "NV"
    assert label(small, "sebaceous naevus") == "UNK"
    assert label(small, "mole") == "NV"
    assert label(small, "n/a") == ""
    assert small.decides(small.nodes["blue naevus"]).name == "naevus"


def test_a_group_over_several_labels_has_none(small):
    assert label(small, "lesion") == ""
    assert small.decides(small.nodes["lesion"]) is None


def test_own_sense_of_a_source_goes_first(small):
    assert label(small, "rash") == "UNK"
    assert label(small, "rash", "one") == "UNK"
    assert label(small, "rash", "three") == "NV"


def test_unknown_word(small):
    assert small.node_of("wart", "") is None


def test_byte_order_mark_and_empty_rows_of_a_spreadsheet():
    small = Taxonomy(["\ufeff" + NODES[0], *NODES[1:], ""], WORDS)
    assert label(small, "mole") == "NV"


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ("Blue Nevus,rash,,", "'Blue Nevus' has no name or is there twice"),
        (",rash,,", "'' has no name"),
        ("wart,virus,,", "parent of 'wart', 'virus', is not in a row above"),
        ("wart,,UNK,", "parent of 'wart', '', is not in a row above"),
        ("wart,wart,,", "parent of 'wart', 'wart', is not in a row above"),
        ("wart,rash,WART,", "'wart' has the label 'WART': use one of MEL"),
        ("wart,rash", "every row needs the 4 columns node, parent, label, note"),
    ],
)
def test_wrong_nodes(row, sentence):
    with pytest.raises(UserError, match=rf"nodes\.csv: .*{sentence}"):
        Taxonomy([*NODES, row], WORDS)


def test_root_needs_a_label():
    with pytest.raises(UserError, match=r"nodes\.csv: .*needs a label"):
        Taxonomy([NODES[0], "condition,,,"], WORDS[:1])


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ("wart,one,wart,", "'wart' needs a source and a node of nodes.csv"),
        ("wart,,rash,", r"'wart' needs .*sources: none"),
        ("MOLE,two,naevus,", "'MOLE' is there twice for the source two"),
        ("mole,three,rash,", "'mole' means different things in different sources"),
        ("wart;one;rash;", "every row needs the 4 columns word, sources, node, note"),
    ],
)
def test_wrong_words(row, sentence):
    with pytest.raises(UserError, match=rf"words\.csv: .*{sentence}"):
        Taxonomy(NODES, [*WORDS, row])
