"""The cache holds the canonical preprocessing of every kept image, and notices changes."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest
from PIL import Image

from layouts import write_all
from skinnet_keras.config import CleaningConfig
from skinnet_keras.data import cache as cache_module
from skinnet_keras.data import fingerprint_store
from skinnet_keras.data.building import build_catalogue
from skinnet_keras.data.cache import ImageCache, open_cache
from skinnet_keras.data.catalogue import Catalogue
from skinnet_keras.data.cleaning import clean
from skinnet_keras.data.image_io import read_image, read_mask, resize_image, resize_mask
from skinnet_keras.data.image_masks import read_masked
from skinnet_keras.errors import UserError
from tiny_run import IMAGES, draw_picture, make_catalogue


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
    monkeypatch.setattr(cache_module, "read_masked", lambda *paths: pytest.fail("decoded again"))
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
    assert not (catalogue.root / "cache").exists()


def test_damaged_index_is_rebuilt(catalogue):
    directory = open_cache(catalogue, 8).directory
    (directory / "index.json").write_text("{")
    assert open_cache(catalogue, 8).image_size == 8


def test_empty_catalogue(catalogue):
    empty = Catalogue(catalogue.root, catalogue.table.iloc[:0], catalogue.sources)
    with pytest.raises(UserError, match="no kept image"):
        open_cache(empty, 8)


@pytest.fixture
def tiny(tmp_path):
    return make_catalogue(tmp_path / "tiny")


@pytest.fixture
def decoded(monkeypatch):
    """Names of the image files that are decoded from now on."""
    names = []

    def read(path, mask_path):
        names.append(path.name)
        return read_masked(path, mask_path)

    monkeypatch.setattr(cache_module, "read_masked", read)
    return names


def _assert_equal(cache: ImageCache, other: ImageCache) -> None:
    assert cache.image_ids == other.image_ids
    for name in ("images", "masks", "has_mask"):
        np.testing.assert_array_equal(getattr(cache, name), getattr(other, name))


def _changed(catalogue: Catalogue) -> Catalogue:
    """One picture redrawn, one mask gone, one new row, one row left out, the others reordered."""
    source = catalogue.sources["tiny"]
    Image.fromarray(draw_picture(50)[0]).save(source / "p3.png")
    Image.fromarray(draw_picture(51)[0]).save(source / "new.png")
    table = catalogue.table.iloc[::-1].reset_index(drop=True)
    table.loc[table["image_id"] == "tiny:p5", "mask_path"] = ""
    table.loc[table["image_id"] == "tiny:p7", "path"] = "new.png"
    table = table[table["image_id"] != "tiny:p9"].reset_index(drop=True)
    return Catalogue(catalogue.root, table, catalogue.sources)


def test_only_changed_files_are_decoded_again_and_the_result_is_that_of_a_fresh_build(
    tiny, decoded, tmp_path
):
    open_cache(tiny, 16)
    assert len(decoded) == IMAGES
    decoded.clear()
    changed = _changed(tiny)
    updated = open_cache(changed, 16)
    assert sorted(decoded) == ["new.png", "p3.png", "p5.png"]
    elsewhere = Catalogue(tmp_path / "elsewhere", changed.table, changed.sources)
    _assert_equal(updated, open_cache(elsewhere, 16))
    assert [path.name for path in (tiny.root / "cache").iterdir()] == ["16"]


def test_other_columns_of_the_catalogue_cost_no_decoding(tiny, decoded):
    before = open_cache(tiny, 16)
    decoded.clear()
    relabelled = Catalogue(tiny.root, tiny.table.assign(label="NV"), tiny.sources)
    _assert_equal(open_cache(relabelled, 16), before)
    assert decoded == []


def _rewrite(path, pixels) -> None:
    Image.fromarray(pixels).save(path)
    os.utime(path, ns=(1, 1))


def test_other_pixels_are_noticed_though_the_catalogue_is_the_same(tiny, decoded, tmp_path, capsys):
    open_cache(tiny, 16)
    decoded.clear()
    capsys.readouterr()
    _rewrite(tiny.image_path("tiny:p2"), draw_picture(50)[0])
    _rewrite(tiny.mask_path("tiny:p4"), draw_picture(50)[1] * 255)
    updated = open_cache(tiny, 16)
    assert sorted(decoded) == ["p2.png", "p4.png"]
    assert f"2 of {IMAGES} images were decoded again" in capsys.readouterr().err
    _assert_equal(updated, open_cache(Catalogue(tmp_path / "new", tiny.table, tiny.sources), 16))
    decoded.clear()
    open_cache(tiny, 16)
    assert decoded == []


def test_mask_that_appears_or_goes_in_the_catalogue_is_followed(tiny):
    without = tiny.table.assign(mask_path=[""] * IMAGES)
    assert not open_cache(Catalogue(tiny.root, without, tiny.sources), 16).has_mask.any()
    assert open_cache(tiny, 16).has_mask.all()


def test_touched_file_is_read_but_not_decoded_again(tiny, decoded, capsys):
    before = open_cache(tiny, 16)
    inode = (before.directory / "images.npy").stat().st_ino
    decoded.clear()
    capsys.readouterr()
    for image_id in before.image_ids:
        os.utime(tiny.image_path(image_id), ns=(1, 1))
    again = open_cache(tiny, 16)
    assert decoded == []
    assert "decoded again" not in capsys.readouterr().err
    assert (again.directory / "images.npy").stat().st_ino == inode
    # The new times are known now; only what changed as well is decoded.
    os.utime(tiny.image_path("tiny:p1"), ns=(2, 2))
    _rewrite(tiny.image_path("tiny:p2"), draw_picture(50)[0])
    open_cache(tiny, 16)
    assert decoded == ["p2.png"]


def test_files_that_are_gone_are_taken_as_they_were(tiny, decoded, tmp_path):
    before = open_cache(tiny, 16)
    images, masks = np.array(before.images), np.array(before.masks)
    decoded.clear()
    tiny.image_path("tiny:p0").unlink()
    tiny.mask_path("tiny:p1").unlink()
    after = open_cache(tiny, 16)
    np.testing.assert_array_equal(after.images, images)
    np.testing.assert_array_equal(after.masks, masks)
    _rewrite(tiny.image_path("tiny:p1"), draw_picture(50)[0])  # its mask is missing
    with pytest.raises(UserError, match="does not exist"):
        open_cache(tiny, 16)
    (tiny.sources["tiny"]).rename(tmp_path / "elsewhere")
    np.testing.assert_array_equal(open_cache(tiny, 16).images, images)


def test_a_missing_mask_is_not_taken_for_none(tiny):
    without = tiny.table.assign(mask_path=[""] * IMAGES)
    open_cache(Catalogue(tiny.root, without, tiny.sources), 16)
    tiny.mask_path("tiny:p1").unlink()
    with pytest.raises(UserError, match="does not exist"):
        open_cache(tiny, 16)


def test_digests_follow_bytes_and_nothing_else(tiny, tmp_path):
    first = open_cache(tiny, 16).digests()
    assert set(first) == {"images_sha256", "masks_sha256"}
    os.utime(tiny.image_path("tiny:p0"), ns=(1, 1))
    reversed_rows = Catalogue(tmp_path / "b", tiny.table.iloc[::-1], tiny.sources)
    assert open_cache(reversed_rows, 8).digests() == first
    _rewrite(tiny.mask_path("tiny:p4"), draw_picture(50)[1] * 255)
    second = open_cache(tiny, 16).digests()
    assert second["images_sha256"] == first["images_sha256"]
    assert second["masks_sha256"] != first["masks_sha256"]


def test_a_cache_without_contents_gets_them_without_decoding(tiny, decoded):
    """Caches of an earlier version know the files' times alone."""
    cache = open_cache(tiny, 16)
    digests = cache.digests()
    path = cache.directory / "index.json"
    index = json.loads(path.read_text())
    del index["contents"]
    path.write_text(json.dumps(index))
    decoded.clear()
    assert open_cache(tiny, 16).digests() == digests
    assert decoded == []


def test_masks_read_by_other_rules_are_read_again(tiny, decoded, monkeypatch):
    table = tiny.table.copy()
    table.loc[3:, "mask_path"] = ""
    some = Catalogue(tiny.root, table, tiny.sources)
    open_cache(some, 16)
    decoded.clear()
    for module in (cache_module, fingerprint_store):
        monkeypatch.setattr(module, "MASK_RULES", 99)
    open_cache(some, 16)
    assert sorted(decoded) == ["p0.png", "p1.png", "p2.png"]


def test_interrupted_build_goes_on_where_it_was(tiny, decoded, monkeypatch):
    expected = open_cache(Catalogue(tiny.root / "other", tiny.table, tiny.sources), 16)
    decoded.clear()

    def resize(rgb, size):
        if len(decoded) == 6:
            raise KeyboardInterrupt
        return resize_image(rgb, size)

    monkeypatch.setattr(cache_module, "resize_image", resize)
    with pytest.raises(KeyboardInterrupt):
        open_cache(tiny, 16, workers=1)
    assert [path.name for path in (tiny.root / "cache").iterdir()] == ["16.partial"]
    monkeypatch.setattr(cache_module, "resize_image", resize_image)
    done = len(decoded) - 1
    assert done >= 5
    decoded.clear()
    _assert_equal(open_cache(tiny, 16, workers=1), expected)
    assert len(decoded) <= IMAGES - 5
    assert [path.name for path in (tiny.root / "cache").iterdir()] == ["16"]


def test_cleaned_caches_lie_beside_the_plain_one_and_hold_cleaned_images(tiny):
    framed = np.pad(draw_picture(0)[0], ((8, 8), (8, 8), (0, 0)))
    Image.fromarray(framed).save(tiny.image_path("tiny:p0"))
    mask = np.pad(draw_picture(0)[1], 8)
    Image.fromarray(mask * 255).save(tiny.mask_path("tiny:p0"))
    plain = open_cache(tiny, 16)
    assert open_cache(tiny, 16, cleaning=CleaningConfig()).directory == plain.directory
    cleaning = CleaningConfig(borders=True, colour_constancy=True)
    cleaned = open_cache(tiny, 16, cleaning=cleaning)
    assert cleaned.directory.name.startswith("16-borders-colour_constancy-")
    assert '"cleaning": {"borders": true' in (cleaned.directory / "index.json").read_text()
    for row, image_id in enumerate(cleaned.image_ids):
        image = read_image(tiny.image_path(image_id))
        image, lesion = clean(image, read_mask(tiny.mask_path(image_id)), cleaning)
        np.testing.assert_array_equal(cleaned.images[row], resize_image(image, 16))
        np.testing.assert_array_equal(cleaned.masks[row], resize_mask(lesion, 16))
    assert cleaned.masks[0].mean() > 1.2 * plain.masks[0].mean()
    other = cleaning.model_copy(update={"minkowski_norm": 3.0})
    assert open_cache(tiny, 16, cleaning=other).directory != cleaned.directory


def test_caches_of_earlier_versions_that_know_no_files_are_rebuilt(tiny, decoded):
    directory = open_cache(tiny, 16).directory
    index = json.loads((directory / "index.json").read_text())
    old = {key: index[key] for key in ("image_size", "image_ids")}
    (directory / "index.json").write_text(json.dumps(old))
    decoded.clear()
    assert open_cache(tiny, 16).image_ids == index["image_ids"]
    assert len(decoded) == IMAGES
