"""The label of a word, and why; spellings, senses and unknown words."""

from __future__ import annotations

import subprocess
import sys

import pytest

from skinnet_keras.errors import UserError
from skinnet_keras.taxonomy import (
    CLASSES,
    LABELS,
    RARE_4,
    RARE_5,
    explain,
    explain_all,
    label_of,
    words_of,
)


def test_label_comes_from_the_nearest_ancestor():
    explanation = explain("reed or spitz nevus", "derm7pt")
    assert explanation.path == (
        "skin condition",
        "lesion",
        "melanocytic lesion",
        "benign melanocytic lesion",
        "melanocytic naevus",
        "Reed or Spitz naevus",
    )
    assert (explanation.label, explanation.decided_by) == ("NV", "melanocytic naevus")
    assert explanation.sources == ("derm7pt", "derm7pt_clinical")
    assert "benign keratinocytic lesion" in explain("lentigo").path


def test_notes_go_up_to_the_deciding_node():
    own, of_parent = explain("Bowen's disease").notes
    assert own.startswith("Squamous cell carcinoma in situ by definition")
    assert "197" in of_parent


def test_a_group_is_too_wide_for_a_label():
    explanation = explain("melanocytic lesion")
    assert (explanation.label, explanation.decided_by) == ("", "")


def test_a_source_can_have_a_sense_of_its_own():
    assert explain("melanosis").path[-1] == "melanosis"
    assert explain("melanosis").other_sources == ("derm7pt", "derm7pt_clinical")
    assert explain("melanosis", "derm7pt").path[-1] == "mucosal melanotic macule"


def test_names_of_the_hierarchy_are_words():
    assert label_of("dysplastic nevus") == "NV"
    assert explain("clear cell acanthoma").sources == ("isic_archive",)


@pytest.mark.parametrize("missing", ["", " ", "unknown", "Unknown"])
def test_missing_is_unlabelled(missing):
    assert label_of(missing) == ""


@pytest.mark.parametrize(
    "spelling", ["Seborrheic Keratosis", "seborrheic-keratosis", " SEBORRHOEIC  keratosis "]
)
def test_spelling_does_not_matter(spelling):
    assert label_of(spelling) == "BKL"


def test_apostrophes_and_accents_do_not_matter():
    assert label_of("Bowens disease") == label_of("Bowen\u2019s disease") == "SCC"
    assert explain("Café au lait macule").path == explain("cafe-au-lait macule").path


def test_unknown_word_is_named_with_similar_ones():
    with pytest.raises(UserError, match=r"'melanomma' is not .*similar: 'melanoma'.*as UNK\.$"):
        label_of("melanomma")
    with pytest.raises(UserError, match="'Spitz naevus'"):
        explain("spitz")
    with pytest.raises(UserError, match="'quux' is not in the taxonomy: correct it"):
        label_of("quux")


def test_unknown_source_lists_the_known():
    with pytest.raises(UserError, match=r"no words of 'ph3'.* ph2, sd198"):
        words_of("ph3")


def test_explain_all_agrees_with_label_of():
    for explanation in explain_all():
        for source in explanation.sources:
            assert label_of(explanation.word, source) == explanation.label


def test_classes_in_the_order_of_isic2019():
    assert CLASSES == ("MEL", "NV", "BCC", "AK", "BKL", "DF", "VASC", "SCC")
    assert (*CLASSES, "UNK") == LABELS
    assert RARE_5 == ("AK", "BKL", "DF", "VASC", "SCC")
    assert set(RARE_5) - set(RARE_4) == {"BKL"}


def test_import_is_light():
    code = "import sys, skinnet_keras.taxonomy; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
    assert not {b"pandas", b"yaml", b"numpy", b"keras"} & set(modules.split())
