"""The official lists: class totals, `_downsampled` names, ids that the sets share."""

from __future__ import annotations

from collections import Counter

import pytest

from skinnet_keras.data.sources import SOURCES


@pytest.fixture(scope="module")
def tables(real_data):
    names = ("isic2017", "ham10000", "isic2019", "isic2020")
    return {name: SOURCES[name].read(real_data / name) for name in names}


def test_rows(tables):
    assert {name: len(table.rows) for name, table in tables.items()} == {
        "isic2017": 2061,
        "ham10000": 4926,
        "isic2019": 1539,
        "isic2020": 634,
    }
    assert all(row.mask_path for row in tables["isic2017"].rows)


def test_listed_images(tables):
    assert {name: len(table.diagnoses) for name, table in tables.items()} == {
        "isic2017": 2000 + 150,
        "ham10000": 10015,
        "isic2019": 25331 + 8238,  # training, and the test set by its metadata
        "isic2020": 33126,
    }
    for table in tables.values():
        assert len(table.rows) + table.without_image == len(table.diagnoses)


def test_official_class_totals(tables):
    assert Counter(tables["isic2019"].diagnoses.values()) == {
        "MEL": 4522,
        "NV": 12875,
        "BCC": 3323,
        "AK": 867,
        "BKL": 2624,
        "DF": 239,
        "VASC": 253,
        "SCC": 628,
        "": 8238,
    }
    assert Counter(tables["ham10000"].diagnoses.values()) == {
        "nv": 6705,
        "mel": 1113,
        "bkl": 1099,
        "bcc": 514,
        "akiec": 327,
        "vasc": 142,
        "df": 115,
    }


def test_downsampled_names_link_isic2019_to_isic2017(tables):
    isic2019 = tables["isic2019"].diagnoses
    stripped = {
        stem.removesuffix("_downsampled") for stem in isic2019 if stem.endswith("_downsampled")
    }
    isic2017, ham10000 = tables["isic2017"].diagnoses.keys(), tables["ham10000"].diagnoses.keys()
    assert len(stripped) == 2074
    assert len(stripped & isic2017) == 1431
    assert len(stripped & ham10000) == 0
    # Under their own names: the other 719 of ISIC-2017's 2,150, and all of HAM10000.
    assert len(isic2019.keys() & isic2017) == 719
    assert len(isic2019.keys() & ham10000) == 10015
    assert not stripped & isic2019.keys()
