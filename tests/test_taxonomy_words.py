"""Every data set's words have the labels a dermatologist would give them."""

from __future__ import annotations

import hashlib

import pytest

from skinnet_keras.data.sources import SOURCES
from skinnet_keras.taxonomy import CLASSES, LABELS, label_of, word_sources, words_of

CODES = {code: code for code in CLASSES}
HAM10000 = {
    **{"nv": "NV", "mel": "MEL", "bkl": "BKL", "bcc": "BCC"},
    **{"akiec": "AK", "vasc": "VASC", "df": "DF"},
}

# Complete vocabularies: source -> label -> words.
VOCABULARIES = {
    "isic2017": {"MEL": ["melanoma"], "BKL": ["seborrheic keratosis"], "NV": ["nevus"]},
    "isic2020": {
        "": ["unknown"],
        "NV": ["nevus"],
        "MEL": ["melanoma"],
        "BKL": ["seborrheic keratosis", "lentigo NOS", "lichenoid keratosis", "solar lentigo"],
        "UNK": ["cafe-au-lait macule", "atypical melanocytic proliferation"],
    },
    "mednode": {"MEL": ["melanoma"], "NV": ["naevus"]},
    "ph2": {"MEL": ["melanoma"], "NV": ["common nevus", "atypical nevus"]},
    "skinl2": {
        "BCC": ["Basal-cell Carcinoma"],
        "MEL": ["Melanoma"],
        "BKL": ["Seborrheic Keratosis"],
        "NV": ["Nevus"],
        "VASC": ["Hemangioma"],
        "DF": ["Dermatofibroma"],
        "UNK": ["Psoriasis", "Other", "Others"],
    },
    "derm7pt": {
        "BCC": ["basal cell carcinoma"],
        "NV": [
            *("blue nevus", "clark nevus", "combined nevus", "congenital nevus", "dermal nevus"),
            *("recurrent nevus", "reed or spitz nevus"),
        ],
        "DF": ["dermatofibroma"],
        "BKL": ["lentigo", "seborrheic keratosis"],
        "MEL": [
            *("melanoma", "melanoma (in situ)", "melanoma (less than 0.76 mm)"),
            *("melanoma (0.76 to 1.5 mm)", "melanoma (more than 1.5 mm)", "melanoma metastasis"),
        ],
        "VASC": ["vascular lesion"],
        "UNK": ["melanosis", "miscellaneous"],
    },
}

# The labels of SD-198's words other than UNK, which the rest of the 198 have.
SD198 = {
    "MEL": ["Lentigo_Maligna_Melanoma", "Malignant_Melanoma"],
    "NV": [
        *("Blue_Nevus", "Compound_Nevus", "Congenital_Nevus", "Dysplastic_Nevus", "Halo_Nevus"),
        *("Junction_Nevus", "Nail_Nevus", "Nevus_Incipiens", "Nevus_Spilus"),
    ],
    "BCC": ["Basal_Cell_Carcinoma"],
    "AK": [
        "Actinic_solar_Damage(Actinic_Cheilitis)",
        "Actinic_solar_Damage(Actinic_Keratosis)",
    ],
    "BKL": [
        *("Benign_Keratosis", "Dermatosis_Papulosa_Nigra", "Seborrheic_Keratosis"),
        "Solar_Lentigo",
    ],
    "DF": ["Dermatofibroma"],
    "VASC": [
        *("Angioma", "Lymphangioma_Circumscriptum", "Pyogenic_Granuloma", "Strawberry_Hemangioma"),
        "Subungual_Hematoma",
    ],
    "SCC": ["Bowen's_Disease", "Bowenoid_Papulosis", "Keratoacanthoma"],
}
SHA256_OF_SD198 = "057cc6ba5dfd1f4347a62e514e73749216a01501ef16ac13905d80f294317037"
"""Of the class folders' names, sorted, one a line."""

NO_MELANOCYTIC_NAEVUS = [
    *("Becker's_Nevus", "Epidermal_Nevus", "Linear_Epidermal_Nevus", "Nevus_Comedonicus"),
    *("Nevus_Sebaceous_of_Jadassohn", "Nevus anemicus", "Lipomatous nevus", "Nevus of Ota"),
]
LOOK_ALIKES = [  # of a class by name only
    *("Lichen_Planus", "Metastatic_Carcinoma", "Cutaneous_Horn", "Arsenical_Keratosis", "Melasma"),
    *("Disseminated_Actinic_Porokeratosis", "Actinic_solar_Damage(Telangiectasia)", "Fibroma"),
    *("Actinic_solar_Damage(Solar_Purpura)", "Epithelioma_Adenoides_Cysticum", "Verruca_Vulgaris"),
    *("Dermatofibrosarcoma protuberans", "Kaposi sarcoma", "Atypical Spitz tumor", "Keloid"),
]
ARCHIVE = {
    "Nevus": "NV",
    "Melanoma Invasive": "MEL",
    "Melanoma in situ, Lentigo maligna type": "MEL",
    "Melanoma metastasis": "MEL",
    "Squamous cell carcinoma in situ": "SCC",
    "Squamous cell carcinoma, Invasive, Clear cell, well differentiated": "SCC",
    "Basal cell carcinoma, Nodular": "BCC",
    "Solar or actinic keratosis": "AK",
    "Pigmented benign keratosis": "BKL",
    "Lichen planus like keratosis": "BKL",
    "Ink-spot lentigo": "BKL",
    "Hemangioma, Cherry": "VASC",
    "Angiokeratoma": "VASC",
    "Pyogenic granuloma": "VASC",
    "Subungual hemorrhage": "VASC",
    "Dermatofibroma, Aneurysmal": "DF",
    "Fibroepithelial polyp": "UNK",
    "AIMP": "UNK",
    "Benign": "",
    "Malignant": "",
    "Benign epidermal proliferations": "",
}
FITZPATRICK17K = {
    "nevocytic nevus": "NV",
    "lentigo maligna": "MEL",
    "superficial spreading melanoma ssm": "MEL",
    "solid cystic basal cell carcinoma": "BCC",
    "basal cell carcinoma morpheiform": "BCC",
    "granuloma pyogenic": "VASC",
    "port wine stain": "VASC",
    "porokeratosis actinic": "UNK",
    "becker nevus": "UNK",
}


@pytest.mark.parametrize("source", VOCABULARIES)
def test_whole_vocabularies(source):
    labels = {word: label for label, words in VOCABULARIES[source].items() for word in words}
    assert {word: label_of(word, source) for word in words_of(source)} == labels


@pytest.mark.parametrize(
    ("source", "labels"),
    [
        ("isic2019", CODES | {"UNK": "UNK"}),
        ("isic2018", {word.upper(): label for word, label in HAM10000.items()}),
        ("ham10000", HAM10000),
        ("synthetic", CODES | {"UNK": "UNK"}),
    ],
)
def test_codes(source, labels):
    assert {word: label_of(word, source) for word in words_of(source)} == labels


def test_all_classes_of_sd198():
    names = sorted(words_of("sd198"))
    assert len(set(names)) == len(names) == 198
    assert hashlib.sha256("\n".join(names).encode()).hexdigest() == SHA256_OF_SD198
    labels = {name: label_of(name, "sd198") for name in names}
    for label in CLASSES:
        assert [name for name in names if labels[name] == label] == SD198[label]
    assert set(labels.values()) == set(LABELS)


def test_both_views_of_derm7pt_use_its_20_words():
    assert len(words_of("derm7pt")) == 20
    assert words_of("derm7pt_clinical") == words_of("derm7pt")


def test_all_conditions_of_fitzpatrick17k():
    assert len(words_of("fitzpatrick17k")) == 114
    assert set(FITZPATRICK17K) <= set(words_of("fitzpatrick17k"))


@pytest.mark.parametrize(("word", "label"), [*ARCHIVE.items(), *FITZPATRICK17K.items()])
def test_words_of_other_collections(word, label):
    assert label_of(word) == label


@pytest.mark.parametrize("word", [*NO_MELANOCYTIC_NAEVUS, *LOOK_ALIKES])
def test_a_name_alone_makes_no_class(word):
    assert label_of(word) == "UNK"


def test_every_set_with_a_fixed_vocabulary_is_listed():
    free = {"ras", "folder"}
    assert set(SOURCES) - set(word_sources()) == free
    assert set(word_sources()) - set(SOURCES) == {"fitzpatrick17k", "isic_archive"}
