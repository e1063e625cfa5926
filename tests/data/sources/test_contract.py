"""What every reader promises: found at any depth, complete, unique names, one clear sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from layouts import WRITERS
from skinnet_keras.data.image_io import read_image, read_mask
from skinnet_keras.data.metadata import harmonise_age, harmonise_sex, harmonise_site
from skinnet_keras.data.sources import SOURCES, source_named
from skinnet_keras.data.synthetic.writer import write_synthetic
from skinnet_keras.errors import UserError


def write_three_synthetic(root: Path) -> Path:
    write_synthetic(root, lesions=3)
    return root


WRITERS = {**WRITERS, "synthetic": write_three_synthetic}


def read(name, root):
    return SOURCES[name].read(root)


def test_every_source_has_a_layout():
    assert set(WRITERS) == set(SOURCES)


@pytest.mark.parametrize("name", WRITERS)
def test_rows_are_complete(tmp_path, name):
    table = read(name, WRITERS[name](tmp_path / "root"))
    assert table.name == name
    stems = [row.stem for row in table.rows]
    assert len(set(stems)) == len(stems) > 0
    assert not any("/" in stem or "\\" in stem for stem in stems)
    assert {row.stem: row.diagnosis for row in table.rows}.items() <= table.diagnoses.items()
    assert len(table.diagnoses) == len(table.rows) + table.without_image
    for row in table.rows:
        assert read_image(tmp_path / "root" / row.path).ndim == 3
        assert not row.mask_path or read_mask(tmp_path / "root" / row.mask_path).any()
        assert row.official_split in ("", "train", "val", "test")
        harmonise_age(row.age), harmonise_sex(row.sex), harmonise_site(row.site)


@pytest.mark.parametrize("name", WRITERS)
def test_found_one_folder_deeper(tmp_path, name):
    direct = read(name, WRITERS[name](tmp_path / "direct"))
    (tmp_path / "outer").mkdir()
    WRITERS[name](tmp_path / "outer" / "inner")
    deeper = read(name, tmp_path / "outer")
    assert [row.path for row in deeper.rows] == [f"inner/{row.path}" for row in direct.rows]
    assert [row.stem for row in deeper.rows] == [row.stem for row in direct.rows]
    assert all((tmp_path / "outer" / row.path).is_file() for row in deeper.rows)
    assert deeper.diagnoses == direct.diagnoses


@pytest.mark.parametrize("name", WRITERS)
def test_missing_folder(tmp_path, name):
    with pytest.raises(UserError, match=f"nowhere is not a folder: give the folder {name} was"):
        read(name, tmp_path / "nowhere")
    missing = "has no file labels.csv" if name == "folder" else "has no folder"
    with pytest.raises(UserError, match=missing):
        read(name, tmp_path)


WITHOUT_TABLE = ("mednode", "sd198", "skinl2")


@pytest.mark.parametrize("name", [name for name in WRITERS if name not in WITHOUT_TABLE])
def test_missing_table(tmp_path, name):
    root = WRITERS[name](tmp_path / "root")
    for suffix in ("csv", "xlsx", "txt"):
        for path in root.rglob(f"*.{suffix}"):
            path.unlink()
    with pytest.raises(UserError, match=r"has no file \w.*\.(csv|xlsx)"):
        read(name, root)


@pytest.mark.parametrize(
    ("name", "file", "column"),
    [
        ("isic2017", "ISIC-2017_Training_Part3_GroundTruth.csv", "melanoma"),
        ("isic2017", "ISIC-2017_Training_Data_metadata.csv", "age_approximate"),
        ("isic2018", "ISIC2018_Task3_Training_GroundTruth.csv", "AKIEC"),
        ("isic2018", "ISIC2018_Task3_Training_LesionGroupings.csv", "lesion_id"),
        ("ham10000", "HAM10000_metadata.csv", "dx"),
        ("isic2019", "ISIC_2019_Training_GroundTruth.csv", "SCC"),
        ("isic2019", "ISIC_2019_Training_Metadata.csv", "lesion_id"),
        ("isic2020", "train.csv", "patient_id"),
        ("derm7pt", "meta.csv", "location"),
        ("derm7pt_clinical", "valid_indexes.csv", "indexes"),
        ("ras", "ras.csv", "diagnosis"),
        ("folder", "labels.csv", "path"),
    ],
)
def test_missing_column_is_named(tmp_path, name, file, column):
    WRITERS[name](tmp_path)
    [path] = tmp_path.rglob(file)
    header, rest = path.read_text().split("\n", 1)
    path.write_text(header.replace(column, "other", 1) + "\n" + rest)
    with pytest.raises(UserError, match=f"{file} has no column {column}"):
        read(name, tmp_path)


@pytest.mark.parametrize("name", ["ham10000", "derm7pt", "ras", "folder"])
def test_empty_csv(tmp_path, name):
    WRITERS[name](tmp_path)
    for path in tmp_path.rglob("*.csv"):
        path.write_text("")
    with pytest.raises(UserError, match=r"\.csv cannot be read as a CSV"):
        read(name, tmp_path)


def test_unknown_source_lists_the_known():
    with pytest.raises(UserError, match="isic2019, ham10000"):
        source_named("isic2016")
    with pytest.raises(UserError, match="folder-NAME"):
        source_named("folder-Clinic A")


def test_named_folders_have_ids_of_their_own(tmp_path):
    source = source_named("folder-clinic_a")
    assert source.provider == source.name == "folder-clinic_a"
    table = source.read(WRITERS["folder"](tmp_path))
    assert table.name == "folder-clinic_a"
    assert len(table.rows) == 3


def test_lesions_of_one_provider_share_a_namespace():
    providers = {name: source.provider for name, source in SOURCES.items()}
    isic = {name for name, provider in providers.items() if provider == "isic"}
    assert isic == {"isic2017", "isic2018", "ham10000", "isic2019", "isic2020"}
    assert providers["derm7pt"] == providers["derm7pt_clinical"]
    assert len(set(providers.values())) == len(providers) - 5
