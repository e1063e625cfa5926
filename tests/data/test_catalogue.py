"""From four data sets in their true layouts to a catalogue that keeps its contract."""

from __future__ import annotations

import json
import shutil

import pandas as pd
import pytest

from layouts import (
    HEIGHT,
    WIDTH,
    picture,
    save_image,
    save_mask,
    write_all,
    write_isic2017,
    write_isic2020,
)
from skinnet_keras.data.building import build_catalogue
from skinnet_keras.data.catalogue import COLUMNS, Catalogue
from skinnet_keras.data.checks import find_problems
from skinnet_keras.errors import UserError
from skinnet_keras.taxonomy import CLASSES


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    root = tmp_path_factory.mktemp("sources")
    report = build_catalogue(write_all(root), root / "catalogue")
    return Catalogue.load(root / "catalogue"), report


def row(catalogue, image_id):
    return catalogue.table.set_index("image_id").loc[image_id]


def test_columns_and_text(built):
    catalogue, _ = built
    assert tuple(catalogue.table.columns) == COLUMNS
    assert catalogue.table["image_id"].is_unique
    assert not catalogue.table.isin(["nan", "None", "unknown"]).any(axis=None)
    assert (catalogue.table["phash"].str.len() == 16).all()


def test_twins_by_id_are_one_kept_image(built):
    catalogue, report = built
    twin = row(catalogue, "isic2019:ISIC_0000000_downsampled")
    kept = row(catalogue, "isic2017:ISIC_0000000")
    assert twin["duplicate_of"] == "isic2017:ISIC_0000000"
    assert (twin["split"], twin["fold"], twin["label"]) == ("", "", "MEL")
    assert kept["site"] == "anterior torso"  # ISIC-2017 has no sites: taken from the twin
    assert kept["mask_origin"] == "ground_truth"
    assert twin["group"] == kept["group"]
    assert report.duplicates == {"same_id": 2, "same_bytes": 0, "same_pixels": 0, "same_picture": 0}


def test_akiec_is_resolved_though_the_isic2019_image_is_absent(built):
    catalogue, _ = built
    assert row(catalogue, "ham10000:ISIC_0024308")["label"] == "SCC"
    assert row(catalogue, "ham10000:ISIC_0024309")["label"] == "AK"


def test_groups_by_lesion_and_patient(built):
    catalogue, _ = built
    groups = catalogue.table.set_index("image_id")["group"]
    assert groups["ham10000:ISIC_0024306"] == groups["ham10000:ISIC_0024307"]
    assert groups["isic2020:ISIC_1000001"] == groups["isic2020:ISIC_1000002"]
    assert groups["isic2020:ISIC_1000001"] != groups["isic2020:ISIC_1000003"]


def test_unlabelled_rows_are_kept_without_a_split(built):
    catalogue, report = built
    own = row(catalogue, "isic2020:ISIC_1000001")
    assert (own["diagnosis"], own["label"], own["split"], own["duplicate_of"]) == ("",) * 4
    assert report.sources["isic2020"] == {
        "listed": 4,
        "rows": 3,
        "without_image": 1,
        "unreadable": 0,
        "duplicates": 0,
        "kept": 3,
        "unlabelled": 1,
    }
    assert "isic2020:ISIC_1000001" in catalogue.usable()["image_id"].tolist()
    splits = ["train", "val", "test"]
    assert "isic2020:ISIC_1000001" not in catalogue.usable(splits)["image_id"].tolist()


def test_report_adds_up(built):
    catalogue, report = built
    assert report.rows == len(catalogue.table) == 6 + 4 + 3 + 3
    assert report.kept == len(catalogue.usable()) == 14
    assert sum(report.duplicates.values()) == report.rows - report.kept
    labelled = sum(sum(counts.values()) for counts in report.classes.values())
    assert labelled == report.kept - 1
    json.dumps(report.to_dict(), allow_nan=False)


def test_paths_lead_to_files(built):
    catalogue, _ = built
    assert find_problems(catalogue) == []
    assert catalogue.image_path("isic2019:ISIC_0053457").is_file()
    assert catalogue.mask_path("isic2019:ISIC_0053457") is None
    assert catalogue.mask_path("isic2017:ISIC_0000000").is_file()
    with pytest.raises(UserError, match="no image 'x'"):
        catalogue.image_path("x")


@pytest.mark.parametrize("path", ["../secret.jpg", "/etc/passwd", "a/../../b.jpg", "a\\..\\b"])
def test_paths_cannot_leave_their_source(built, path):
    catalogue, _ = built
    table = catalogue.table.copy()
    table.loc[0, "path"] = path
    broken = Catalogue(catalogue.root, table, catalogue.sources)
    with pytest.raises(UserError, match="leaves the folder"):
        broken.image_path(table.loc[0, "image_id"])


def test_same_sources_and_seed_give_the_same_bytes(built, tmp_path):
    catalogue, _ = built
    build_catalogue(catalogue.sources, tmp_path / "again")
    again = Catalogue.load(tmp_path / "again")
    assert again.sha256() == catalogue.sha256()
    original = (catalogue.root / "catalogue.csv").read_bytes()
    assert (tmp_path / "again" / "catalogue.csv").read_bytes() == original


def test_copy_under_another_name(tmp_path):
    write_isic2017(tmp_path / "isic2017", parts=("Training",))
    renamed = tmp_path / "isic2017" / "ISIC-2017_Training_Data" / "ISIC_0000002.jpg"
    save_image(renamed, picture(0), quality=50)
    report = build_catalogue({"isic2017": tmp_path / "isic2017"}, tmp_path / "out")
    assert report.duplicates == {"same_id": 0, "same_bytes": 0, "same_pixels": 0, "same_picture": 1}
    [conflict] = report.label_conflicts
    assert set(conflict.labels.values()) == {"MEL", "NV"}


def test_equal_bytes(tmp_path):
    write_isic2017(tmp_path / "isic2017", parts=("Training",))
    folder = tmp_path / "isic2017" / "ISIC-2017_Training_Data"
    shutil.copy(folder / "ISIC_0000000.jpg", folder / "ISIC_0000002.jpg")
    report = build_catalogue({"isic2017": tmp_path / "isic2017"}, tmp_path / "out")
    assert report.duplicates == {"same_id": 0, "same_bytes": 1, "same_pixels": 0, "same_picture": 0}


def test_damaged_image_and_foreign_mask_are_reported(tmp_path):
    root = write_isic2017(tmp_path / "isic2017", parts=("Training",))
    (root / "ISIC-2017_Training_Data" / "ISIC_0000001.jpg").write_bytes(b"not an image")
    mask = root / "ISIC-2017_Training_Part1_GroundTruth" / "ISIC_0000002_segmentation.png"
    save_mask(mask, WIDTH, HEIGHT // 2)
    report = build_catalogue({"isic2017": root}, tmp_path / "out")
    assert report.sources["isic2017"]["unreadable"] == 1
    assert "ISIC_0000001.jpg" in report.unreadable[0]
    assert "ISIC_0000002_segmentation.png" in report.masks_left_out[0]
    table = Catalogue.load(tmp_path / "out").table
    assert table["mask_origin"].tolist() == ["ground_truth", ""]


def test_nothing_readable(tmp_path):
    root = write_isic2017(tmp_path / "isic2017", parts=("Training",))
    for path in (root / "ISIC-2017_Training_Data").iterdir():
        path.write_bytes(b"")
    with pytest.raises(UserError, match="nothing to build"):
        build_catalogue({"isic2017": root}, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["isic2017"]


def test_listed_images_all_absent(tmp_path):
    root = write_isic2017(tmp_path / "isic2017", parts=("Training",))
    for path in (root / "ISIC-2017_Training_Data").iterdir():
        path.unlink()
    with pytest.raises(UserError, match="no image that is there"):
        build_catalogue({"isic2017": root}, tmp_path / "out")


def test_catalogue_without_any_label(tmp_path):
    root = write_isic2020(tmp_path / "isic2020")
    truth = root / "train.csv"
    truth.write_text(truth.read_text().replace("melanoma", "unknown").replace("lentigo NOS", ""))
    report = build_catalogue({"isic2020": root}, tmp_path / "out")
    assert report.classes == {}
    assert set(Catalogue.load(tmp_path / "out").table["split"]) == {""}


def test_wrong_arguments(tmp_path, built):
    catalogue, _ = built
    with pytest.raises(UserError, match="No source"):
        build_catalogue({}, tmp_path / "out")
    with pytest.raises(UserError, match="sum to 1"):
        build_catalogue(catalogue.sources, tmp_path / "out", fractions=(0.7, 0.2, 0.2))
    with pytest.raises(UserError, match="a catalogue already"):
        build_catalogue(catalogue.sources, catalogue.root)


def test_official_validation_split_stays(tmp_path):
    sources = {"isic2017": write_isic2017(tmp_path / "isic2017")}
    build_catalogue(sources, tmp_path / "out", keep_official=True)
    table = Catalogue.load(tmp_path / "out").table
    assert table["split"].tolist() == ["train"] * 3 + ["val"] * 3


def test_fixed_split_is_imported_by_index(built, tmp_path):
    catalogue, _ = built
    asked = tmp_path / "splits.csv"
    # The twin is a duplicate: its group, and with it the kept copy, goes into test.
    asked.write_text("image_id,split\nisic2019:ISIC_0000000_downsampled,test\n")
    build_catalogue(catalogue.sources, tmp_path / "out", splits=asked)
    assert row(Catalogue.load(tmp_path / "out"), "isic2017:ISIC_0000000")["split"] == "test"


def test_load_refuses_what_is_no_catalogue(tmp_path, built):
    with pytest.raises(UserError, match=r"no catalogue\.csv"):
        Catalogue.load(tmp_path)
    catalogue, _ = built
    catalogue.write(tmp_path)
    catalogue.table.drop(columns="label").to_csv(tmp_path / "catalogue.csv", index=False)
    with pytest.raises(UserError, match="no column label"):
        Catalogue.load(tmp_path)
    (tmp_path / "sources.json").write_text("[]")
    with pytest.raises(UserError, match="damaged"):
        Catalogue.load(tmp_path)


@pytest.mark.slow
def test_all_real_sets(real_data, tmp_path):
    sources = {name: real_data / name for name in ("isic2017", "ham10000", "isic2019", "isic2020")}
    report = build_catalogue(sources, tmp_path / "out")
    catalogue = Catalogue.load(tmp_path / "out")
    assert find_problems(catalogue) == []
    assert report.duplicates["same_id"] == 960
    assert set(report.classes) == set(CLASSES)
    assert all(counts[split] for counts in report.classes.values() for split in counts)
    kept = catalogue.usable()
    names = kept["image_id"].str.extract(r"(ISIC_\d{7})")[0]
    assert names.is_unique
    shares = pd.Series(kept["split"]).value_counts(normalize=True)
    assert shares["train"] > 0.6


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda lines: lines[:1], "has a header and no row"),
        (lambda lines: [*lines, lines[1]], "has isic2017:ISIC_0000000 in two rows"),
        (
            lambda lines: [*lines[:2], lines[2][:20], *lines[3:]],
            "line 3: 1 cells where the header has 17",
        ),
        (lambda lines: [*lines[:2], lines[2] + ",more", *lines[3:]], "line 3: 18 cells"),
        (lambda lines: [lines[0], *(line + "," for line in lines[1:])], "line 2: 18 cells"),
        (lambda lines: [], "no column|line 2"),
        (lambda lines: ["\0" * 9], "no column"),
        (lambda lines: [*lines[:2], '"' + lines[2], *lines[3:]], "is damaged|cells where"),
    ],
)
def test_a_damaged_table_is_one_sentence(tmp_path, damage, sentence):
    build_catalogue({"isic2017": write_isic2017(tmp_path / "data")}, tmp_path / "out")
    path = tmp_path / "out" / "catalogue.csv"
    path.write_text("\n".join(damage(path.read_text().splitlines())) + "\n")
    with pytest.raises(UserError, match=sentence):
        Catalogue.load(tmp_path / "out")


def test_a_path_with_a_nul_byte_is_refused(tmp_path):
    build_catalogue({"isic2017": write_isic2017(tmp_path / "data")}, tmp_path / "out")
    catalogue = Catalogue.load(tmp_path / "out")
    catalogue.table.loc[0, "path"] = "a\0b.jpg"
    with pytest.raises(UserError, match="leaves the folder"):
        catalogue.image_path(catalogue.table["image_id"][0])
