"""Every word of the sources has its label, and only those."""

from __future__ import annotations

import pytest

from skinnet_keras.errors import UserError
from skinnet_keras.taxonomy import CLASSES, LABELS, RARE_4, RARE_5, label_of

ISIC2017 = {"melanoma": "MEL", "seborrheic_keratosis": "BKL", "nevus": "NV"}
HAM10000 = {
    "nv": "NV",
    "mel": "MEL",
    "bkl": "BKL",
    "bcc": "BCC",
    "akiec": "AK",
    "vasc": "VASC",
    "df": "DF",
}
ISIC2020 = {
    "unknown": "",
    "nevus": "NV",
    "melanoma": "MEL",
    "seborrheic keratosis": "BKL",
    "lentigo NOS": "BKL",
    "lichenoid keratosis": "BKL",
    "solar lentigo": "BKL",
    "cafe-au-lait macule": "UNK",
    "atypical melanocytic proliferation": "UNK",
}


@pytest.mark.parametrize(
    ("word", "label"), [*ISIC2017.items(), *HAM10000.items(), *ISIC2020.items()]
)
def test_words_of_the_sources(word, label):
    assert label_of(word) == label


@pytest.mark.parametrize("label", LABELS)
def test_isic2019_codes_are_their_own_labels(label):
    assert label_of(label) == label


def test_missing_is_unlabelled():
    assert label_of("") == ""


@pytest.mark.parametrize("word", ["Seborrheic Keratosis", "seborrheic-keratosis", " LENTIGO  nos "])
def test_spelling_does_not_matter(word):
    assert label_of(word) == "BKL"


def test_unknown_word_is_named():
    with pytest.raises(UserError, match="porokeratosis"):
        label_of("porokeratosis")


def test_classes_in_the_order_of_isic2019():
    assert CLASSES == ("MEL", "NV", "BCC", "AK", "BKL", "DF", "VASC", "SCC")
    assert (*CLASSES, "UNK") == LABELS
    assert RARE_5 == ("AK", "BKL", "DF", "VASC", "SCC")
    assert set(RARE_5) - set(RARE_4) == {"BKL"}
