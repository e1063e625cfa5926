"""Pairs of copies on a sheet: from every cause, readable, and no sheet without pairs."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from layouts import write_all
from skinnet_keras.data.building import build_catalogue
from skinnet_keras.data.catalogue import PAIRS_FILE, Catalogue
from skinnet_keras.data.contact_sheet import draw_duplicates, sample_pairs
from skinnet_keras.errors import UserError


@pytest.fixture
def catalogue(tmp_path):
    build_catalogue(write_all(tmp_path / "sources"), tmp_path / "catalogue")
    return Catalogue.load(tmp_path / "catalogue")


def test_sheet(catalogue, tmp_path):
    assert len(pd.read_csv(catalogue.root / PAIRS_FILE)) == 2
    draw_duplicates(catalogue, tmp_path / "sheet.png", count=5)
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width >= 1500
        assert sheet.height >= 300
        assert np.asarray(sheet.convert("L")).std() > 20


def test_no_sheet_without_pairs(catalogue, tmp_path):
    table = catalogue.root / PAIRS_FILE
    table.write_text(table.read_text().splitlines()[0] + "\n")
    with pytest.raises(UserError, match="no duplicates to show"):
        draw_duplicates(catalogue, tmp_path / "sheet.png")
    table.unlink()
    with pytest.raises(UserError, match=r"duplicates\.csv does not exist"):
        draw_duplicates(catalogue, tmp_path / "sheet.png")
    assert not (tmp_path / "sheet.png").exists()


def test_sample_takes_every_cause_and_pair_of_sources_before_a_second():
    rows = [("same_id", "b", "a")] * 50 + [("same_id", "a", "b")] * 50
    rows += [("same_view", "a", "a"), ("same_picture", "a", "a"), ("same_bytes", "a", "b")]
    rows += [("same_id", "a", "c")]
    pairs = pd.DataFrame(rows, columns=["cause", "source", "other_source"])
    chosen = sample_pairs(pairs, 5, seed=0)["cause"].tolist()
    assert chosen == ["same_id", "same_id", "same_bytes", "same_picture", "same_view"]
    assert len(sample_pairs(pairs, 8, seed=0)) == 8
    assert len(sample_pairs(pairs, 500, seed=0)) == len(pairs)
    pairs["number"] = range(len(pairs))
    same = sample_pairs(pairs, 20, seed=1)
    assert same.equals(sample_pairs(pairs, 20, seed=1))
    assert not same.equals(sample_pairs(pairs, 20, seed=2))
