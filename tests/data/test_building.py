"""A build can be interrupted, resumed and updated, and a failed one leaves nothing."""

from __future__ import annotations

import json
import os
import signal

import numpy as np
import pytest
from PIL import Image

from layouts import (
    picture,
    save_image,
    write_all,
    write_csv,
    write_ham10000,
    write_isic2017,
    write_isic2020,
)
from skinnet_keras.data import building, inventory
from skinnet_keras.data.building import build_catalogue
from skinnet_keras.data.cache import open_cache
from skinnet_keras.data.catalogue import Catalogue
from skinnet_keras.data.splits import SPLITS
from skinnet_keras.errors import UserError


@pytest.fixture
def sources(tmp_path):
    return write_all(tmp_path / "sources")


@pytest.fixture
def reads(monkeypatch):
    """The names of the images that are read."""
    names = []

    def counted(path, mask=None):
        names.append(path.name)
        return fingerprint(path, mask)

    fingerprint = inventory.fingerprint
    monkeypatch.setattr(inventory, "fingerprint", counted)
    return names


def files(folder):
    return {path.name for path in folder.iterdir()}


def test_second_build_reads_what_changed(tmp_path, sources, reads):
    out = tmp_path / "out"
    first = build_catalogue(sources, out)
    sha256 = Catalogue.load(out).sha256()
    assert (len(reads), first.reused) == (16, 0)

    reads.clear()
    again = build_catalogue(sources, out, update=True)
    assert (reads, again.reused) == ([], 16)
    assert Catalogue.load(out).sha256() == sha256

    changed = sources["ham10000"] / "HAM10000_images_part_1" / "ISIC_0024306.jpg"
    save_image(changed, picture(999))
    os.utime(changed, (1, 1))
    build_catalogue(sources, out, update=True)
    assert reads == ["ISIC_0024306.jpg"]


def test_interrupted_build_goes_on(tmp_path, sources, reads, monkeypatch):
    out = tmp_path / "out"
    fresh = build_catalogue(sources, tmp_path / "fresh")
    reads.clear()
    counted = inventory.fingerprint

    def interrupted(path, mask=None):
        if len(reads) == 5:
            raise KeyboardInterrupt
        return counted(path, mask)

    monkeypatch.setattr(inventory, "fingerprint", interrupted)
    with pytest.raises(KeyboardInterrupt):
        build_catalogue(sources, out, workers=1)
    assert files(out) == {"fingerprints"}
    monkeypatch.setattr(inventory, "fingerprint", counted)
    report = build_catalogue(sources, out)
    assert report.reused == 5
    assert len(reads) == 16
    assert Catalogue.load(out).sha256() == Catalogue.load(tmp_path / "fresh").sha256()
    assert report.classes == fresh.classes


def test_masks_left_out_and_odd_ones_are_counted_and_named(tmp_path):
    folder = tmp_path / "own"
    lesion = np.zeros((90, 120), np.uint8)
    lesion[30:60, 40:80] = 1
    masks = {"plain": lesion * 255, "empty": lesion * 0, "full": lesion * 0 + 255}
    masks |= {"inverted": 255 - lesion * 255, "labels": lesion + (lesion.cumsum(1) > 20) * lesion}
    for number, (name, mask) in enumerate(masks.items()):
        save_image(folder / f"{name}.jpg", picture(number))
        Image.fromarray(mask.astype(np.uint8)).save(folder / f"{name}_mask.png")
    rows = [(f"{name}.jpg", "NV", f"{name}_mask.png") for name in masks]
    table = "".join(",".join(row) + "\n" for row in [("path", "label", "mask_path"), *rows])
    (folder / "labels.csv").write_text(table)
    report = build_catalogue({"folder": folder}, tmp_path / "out")
    (refused,) = report.masks_left_out
    assert "labels_mask.png holds the values 0, 1, 2" in refused
    assert report.masks == {
        "masks": 4,
        "empty": ["folder:empty"],
        "full": ["folder:full"],
        "bordered": ["folder:inverted"],
        "turned": [],
        "undecided": [],
    }
    assert "1 masks were left out; their images stay, without one." in report.notes
    assert "1 of 4 masks without a lesion pixel: folder:empty." in report.notes
    catalogue = Catalogue.load(tmp_path / "out")
    assert catalogue.mask_path("folder:labels") is None
    assert (
        json.loads((tmp_path / "out" / "build.json").read_text())["report"]["masks"]["masks"] == 4
    )

    # Mended on disk, the mask comes with an update, and the cache follows.
    before = open_cache(catalogue, 16)
    Image.fromarray(masks["plain"]).save(folder / "labels_mask.png")
    Image.fromarray(masks["plain"]).save(folder / "empty_mask.png")
    report = build_catalogue({"folder": folder}, tmp_path / "out", update=True)
    assert (report.masks_left_out, report.masks["empty"], report.reused) == ([], [], 3)
    after = open_cache(Catalogue.load(tmp_path / "out"), 16)
    assert (before.has_mask.sum(), after.has_mask.sum()) == (4, 5)
    rows = after.rows(["folder:plain", "folder:empty", "folder:labels"])
    assert (after.masks[rows] == after.masks[rows[0]]).all()


@pytest.mark.parametrize(
    "killed_at", ["duplicates.csv", "build.json", "sources.json", "catalogue.csv"]
)
def test_a_build_killed_between_its_tables_goes_on(tmp_path, sources, reads, killed_at):
    whole, out = tmp_path / "whole", tmp_path / "out"
    build_catalogue(sources, whole)
    child = os.fork()
    if not child:
        replace = os.replace

        def dying(old, new):
            if os.path.basename(new) == killed_at:
                os.kill(os.getpid(), signal.SIGKILL)
            replace(old, new)

        os.replace = dying
        try:
            build_catalogue(sources, out)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert not (out / "catalogue.csv").exists()
    reads.clear()
    assert build_catalogue(sources, out).reused == 16
    assert reads == []
    assert files(out) == files(whole)
    for name in ("catalogue.csv", "duplicates.csv", "sources.json"):
        assert (out / name).read_bytes() == (whole / name).read_bytes()


def test_a_folder_of_somebody_else_is_never_emptied(tmp_path, sources, monkeypatch):
    out = tmp_path / "out"

    def other_files_appear(*arguments, _assemble=building.assemble, **keys):
        out.mkdir()
        (out / "thesis.tex").write_text("mine")
        return _assemble(*arguments, **keys)

    # Between the first look at the folder and the lock.
    monkeypatch.setattr(building, "assemble", other_files_appear)
    with pytest.raises(UserError, match="not empty"):
        build_catalogue(sources, out)
    assert files(out) == {"thesis.tex"}


def test_failed_build_leaves_nothing(tmp_path, sources, monkeypatch):
    def broken(*_, **__):
        raise UserError("no")

    monkeypatch.setattr(building, "split_table", broken)
    with pytest.raises(UserError, match="no"):
        build_catalogue(sources, tmp_path / "new")
    assert not (tmp_path / "new").exists()
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="no"):
        build_catalogue(sources, tmp_path / "empty")
    assert files(tmp_path / "empty") == set()


def test_failed_update_leaves_the_old_catalogue(tmp_path, sources, monkeypatch):
    out = tmp_path / "out"
    build_catalogue(sources, out)
    before = {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()}

    def broken(*_, **__):
        raise UserError("no")

    monkeypatch.setattr(building, "split_table", broken)
    with pytest.raises(UserError, match="no"):
        build_catalogue(sources, out, update=True)
    assert {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()} == before


def test_update_freezes_splits_and_folds(tmp_path, sources):
    out = tmp_path / "out"
    build_catalogue({"ham10000": sources["ham10000"]}, out, seed=3)
    old = Catalogue.load(out).table.set_index("image_id")
    report = build_catalogue({**sources, "isic2019": sources["isic2019"]}, out, update=True, seed=9)
    new = Catalogue.load(out).table.set_index("image_id")
    assert len(new) > len(old)
    kept = new.loc[old.index]
    still = (old["split"] != "") & (kept["duplicate_of"] == "")
    assert still.any()
    assert (kept["split"] == old["split"])[still].all()
    assert (kept["fold"] == old["fold"])[still].all()
    assert not any("changed split" in note for note in report.notes)


def test_update_says_when_new_evidence_moves_images(tmp_path):
    root = write_ham10000(tmp_path / "ham")
    out = tmp_path / "out"
    build_catalogue({"ham10000": root}, out)
    table = Catalogue.load(out).table.set_index("image_id")
    ids = ("ham10000:ISIC_0024306", "ham10000:ISIC_0024308")
    splits = tmp_path / "splits.csv"
    write_csv(splits, "image_id,split", [f"{ids[0]},train", f"{ids[1]},test"])
    build_catalogue({"ham10000": root}, out, splits=splits, update=True)
    table = Catalogue.load(out).table.set_index("image_id")
    assert [table.loc[own, "split"] for own in ids] == ["train", "test"]
    # A second reading of the metadata finds that both are one lesion.
    path = root / "HAM10000_metadata.csv"
    path.write_text(path.read_text().replace("HAM_0000002", "HAM_0000001"))
    report = build_catalogue({"ham10000": root}, out, update=True)
    table = Catalogue.load(out).table.set_index("image_id")
    assert {table.loc[own, "split"] for own in ids} == {"test"}
    assert any(note.startswith("2 images changed split") for note in report.notes)


def test_update_needs_a_catalogue_and_a_build_a_free_folder(tmp_path, sources):
    out = tmp_path / "out"
    with pytest.raises(UserError, match=r"has no catalogue\.csv"):
        build_catalogue(sources, out, update=True)
    assert not out.exists()
    build_catalogue(sources, out)
    with pytest.raises(UserError, match="--update"):
        build_catalogue(sources, out)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match="not empty"):
        build_catalogue(sources, tmp_path / "other")
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UserError, match="is a file"):
        build_catalogue(sources, tmp_path / "file")


def test_record_of_the_build(tmp_path):
    out = tmp_path / "out"
    report = build_catalogue({"isic2017": write_isic2017(tmp_path / "isic")}, out, seed=7)
    record = json.loads((out / "build.json").read_text())
    assert record["arguments"]["seed"] == 7
    assert set(record["versions"]) >= {"skinnet-keras", "imagehash", "pillow"}
    assert record["report"] == json.loads(json.dumps(report.to_dict()))


def test_what_the_sources_list_is_counted_with_and_without_image(tmp_path, sources):
    report = build_catalogue(sources, tmp_path / "out")
    isic2019 = report.sources["isic2019"]
    assert (isic2019["rows"], isic2019["without_image"], isic2019["listed"]) == (3, 1, 4)
    assert report.listed["isic2019"] == {
        "diagnoses": {"MEL": 1, "NV": 1, "SCC": 1, "VASC": 1},
        "downsampled_names": 1,
    }


def test_folds(tmp_path, sources):
    out = tmp_path / "out"
    build_catalogue(sources, out, folds=2)
    table = Catalogue.load(out).table
    assert set(table["fold"]) == {"", "0", "1"}
    learned = table["split"].isin(SPLITS[:2])
    assert (learned == (table["fold"] != "")).all()


def test_catalogue_too_small_for_folds_can_be_updated(tmp_path):
    root = write_isic2020(tmp_path / "isic2020")
    build_catalogue({"isic2020": root}, tmp_path / "out", fractions=(1, 0, 0))
    before = Catalogue.load(tmp_path / "out").table
    assert set(before["fold"]) == {"", "0"}
    build_catalogue({"isic2020": root}, tmp_path / "out", fractions=(1, 0, 0), update=True)
    assert Catalogue.load(tmp_path / "out").table.equals(before)
