"""The folder of predicted masks: what is written is read back, and nothing else is believed."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from skinnet_keras.config import CleaningConfig
from skinnet_keras.data.cache import open_cache
from skinnet_keras.data.image_io import resize_mask
from skinnet_keras.data.predicted_masks import (
    MaskRow,
    StoredMasks,
    masks_folder,
    stored_names,
    write_mask,
    write_tables,
)
from skinnet_keras.errors import UserError
from tiny_run import draw_picture, make_catalogue


@pytest.fixture
def catalogue(tmp_path):
    return make_catalogue(tmp_path)


def store(catalogue, name="net", count=12, cleaning=None):
    folder = masks_folder(catalogue, name)
    rows = [
        MaskRow(
            f"tiny:p{i}",
            write_mask(folder, f"tiny:p{i}", draw_picture(i)[1]),
            f"predicted:fold{i % 2}",
            (True, False, None)[i % 3],
        )
        for i in range(count)
    ]
    write_tables(folder, rows, {"cleaning": (cleaning or CleaningConfig()).model_dump()})
    return rows


def test_masks_and_rows_are_read_back(catalogue):
    rows = store(catalogue, cleaning=CleaningConfig(hair=True))
    stored = StoredMasks.open(catalogue, "net")
    assert list(stored.rows.values()) == rows
    assert stored.cleaning == CleaningConfig(hair=True)
    for i in range(12):
        mask = stored.read(f"tiny:p{i}", 32)
        assert mask.dtype == np.uint8
        np.testing.assert_array_equal(mask, resize_mask(draw_picture(i)[1], 32))


@pytest.mark.parametrize("value", [0, 1])
def test_masks_of_one_value_are_read_back(catalogue, value):
    folder = masks_folder(catalogue, "net")
    path = write_mask(folder, "tiny:a.b", np.full((20, 30), value, np.uint8))
    row = MaskRow("tiny:a.b", path, "predicted:net", None)
    write_tables(folder, [row], {"cleaning": {}})
    assert (StoredMasks.open(catalogue, "net").read("tiny:a.b", 16) == value).all()


def test_unknown_names_list_the_known_ones(catalogue):
    with pytest.raises(UserError, match="called 'net': it has none"):
        StoredMasks.open(catalogue, "net")
    store(catalogue, "first", 1)
    store(catalogue, "second", 1)
    (catalogue.root / "masks" / ".1234.third").mkdir()
    (catalogue.root / "masks" / ".1234.third" / "masks.csv").touch()
    assert stored_names(catalogue) == ["first", "second"]
    for name in ("third", "../masks/first", ""):
        with pytest.raises(UserError, match="it has first, second; make them"):
            StoredMasks.open(catalogue, name)


def test_masks_that_do_not_fit_are_refused(catalogue):
    store(catalogue, count=10)
    stored = StoredMasks.open(catalogue, "net")
    stored.check_fit([f"tiny:p{i}" for i in range(10)], CleaningConfig())
    with pytest.raises(UserError, match=r"no mask of tiny:p10 \(2 images lack one\)"):
        stored.check_fit(catalogue.table["image_id"], CleaningConfig())
    with pytest.raises(UserError, match="another cleaning section"):
        stored.check_fit(["tiny:p0"], CleaningConfig(borders=True))


def test_masks_of_images_that_changed_are_refused(catalogue):
    store(catalogue)
    stored = StoredMasks.open(catalogue, "net")
    stored.check_images(open_cache(catalogue, 8))  # an earlier version: nothing is known
    contents = open_cache(catalogue, 8).contents()
    rows = [replace(row, image_sha256=contents[i].image) for i, row in stored.rows.items()]
    write_tables(stored.folder, rows, {"cleaning": {}})
    stored = StoredMasks.open(catalogue, "net")
    stored.check_images(open_cache(catalogue, 8))
    Image.fromarray(draw_picture(50)[0]).save(catalogue.image_path("tiny:p3"))
    with pytest.raises(UserError, match=r"1 images changed since .*net was predicted, .* tiny:p3"):
        stored.check_images(open_cache(catalogue, 8))


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("masks.csv", "image_id,mask_path\ntiny:p0,tiny/p0.png\n"),
        ("masks.csv", "image_id,mask_path,mask_origin,in_sample\ntiny:p0,tiny/p0.png,x,maybe\n"),
        ("masks.json", "{"),
        ("masks.json", "{}"),
        ("masks.json", '{"cleaning": {"moles": true}}'),
    ],
)
def test_damaged_files_give_one_sentence(catalogue, file, text):
    store(catalogue, count=1)
    (catalogue.root / "masks" / "net" / file).write_text(text)
    with pytest.raises(UserError, match="is damaged or of another version"):
        StoredMasks.open(catalogue, "net")


@pytest.mark.parametrize("path", ["../../source/p0_mask.png", "/etc/hostname"])
def test_paths_that_leave_the_folder_are_refused(catalogue, path):
    store(catalogue, count=1)
    folder = masks_folder(catalogue, "net")
    row = MaskRow("tiny:p0", path, "predicted:net", None)
    write_tables(folder, [row], json.loads((folder / "masks.json").read_text()))
    with pytest.raises(UserError, match="leaves"):
        StoredMasks.open(catalogue, "net").read("tiny:p0", 32)


@pytest.mark.parametrize("image_id", ["p0", "tiny:", ":p0", "tiny:../p0", "..:p0", "tiny:a\\b"])
def test_image_ids_that_are_no_file_names_are_refused(catalogue, image_id, tmp_path):
    with pytest.raises(UserError, match="cannot name a file"):
        write_mask(tmp_path / "masks", image_id, np.zeros((4, 4), np.uint8))
    assert not (tmp_path / "masks").exists()


@pytest.mark.parametrize("name", ["", ".hidden", "../up", "a/b", "-n"])
def test_unusable_names_are_refused(catalogue, name):
    with pytest.raises(UserError, match="cannot name masks"):
        masks_folder(catalogue, name)
