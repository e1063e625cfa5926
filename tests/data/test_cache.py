"""The cache holds the canonical preprocessing of every kept image, and notices changes."""

from __future__ import annotations

import numpy as np
import pytest

from layouts import write_all
from skinnet_keras.data import cache as cache_module
from skinnet_keras.data.cache import ImageCache, open_cache
from skinnet_keras.data.catalogue import Catalogue, build_catalogue
from skinnet_keras.data.image_io import read_image, read_mask, resize_image, resize_mask
from skinnet_keras.errors import UserError


@pytest.fixture
def catalogue(tmp_path):
    build_catalogue(write_all(tmp_path), tmp_path / "catalogue")
    return Catalogue.load(tmp_path / "catalogue")


def test_holds_what_the_canonical_preprocessing_gives(catalogue):
    cache = open_cache(catalogue, 32)
    kept = catalogue.usable()["image_id"].tolist()
    assert cache.image_ids == kept
    assert cache.images.shape == (len(kept), 32, 32, 3)
    assert cache.masks.shape == (len(kept), 32, 32)
    assert cache.image_size == 32
    for row, image_id in enumerate(kept):
        expected = resize_image(read_image(catalogue.image_path(image_id)), 32)
        np.testing.assert_array_equal(cache.images[row], expected)
        mask_path = catalogue.mask_path(image_id)
        assert cache.has_mask[row] == (mask_path is not None)
        mask = resize_mask(read_mask(mask_path), 32) if mask_path else np.zeros((32, 32))
        np.testing.assert_array_equal(cache.masks[row], mask)
    assert cache.has_mask.sum() == 6


def test_rows(catalogue):
    cache = open_cache(catalogue, 8)
    rows = cache.rows(cache.image_ids[3:0:-1])
    assert rows.dtype == np.int64
    assert rows.tolist() == [3, 2, 1]
    with pytest.raises(UserError, match="ISIC_0000000_downsampled"):
        cache.rows(["isic2019:ISIC_0000000_downsampled"])


def test_is_built_once_and_reopened_read_only(catalogue, monkeypatch):
    first = open_cache(catalogue, 8)
    monkeypatch.setattr(cache_module, "read_image", lambda path: pytest.fail("decoded again"))
    again = open_cache(catalogue, 8)
    assert isinstance(again.images, np.memmap)
    np.testing.assert_array_equal(again.images, first.images)
    with pytest.raises(ValueError, match="read-only"):
        again.images[0] = 0
    elsewhere = ImageCache.open(first.directory)
    assert elsewhere.image_ids == first.image_ids


def test_is_rebuilt_when_the_catalogue_changes(catalogue):
    count = len(open_cache(catalogue, 8).image_ids)
    table = catalogue.table.copy()
    table.loc[1, "duplicate_of"] = table.loc[0, "image_id"]
    changed = Catalogue(catalogue.root, table, catalogue.sources)
    assert len(open_cache(changed, 8).image_ids) == count - 1


def test_nothing_half_written(catalogue):
    catalogue.image_path(catalogue.usable()["image_id"].iloc[-1]).unlink()
    with pytest.raises(UserError, match="does not exist"):
        open_cache(catalogue, 8)
    assert list((catalogue.root / "cache").iterdir()) == []


def test_damaged_index_is_rebuilt(catalogue):
    directory = open_cache(catalogue, 8).directory
    (directory / "index.json").write_text("{")
    assert open_cache(catalogue, 8).image_size == 8


def test_empty_catalogue(catalogue):
    empty = Catalogue(catalogue.root, catalogue.table.iloc[:0], catalogue.sources)
    with pytest.raises(UserError, match="no kept image"):
        open_cache(empty, 8)
