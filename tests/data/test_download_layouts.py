"""A downloaded data set is one its reader reads: archives shaped like the real ones, end to end."""

from __future__ import annotations

import io
import shutil
import zipfile
from dataclasses import replace

import pytest

from file_server import serving
from layouts import (
    write_ham10000,
    write_isic2017,
    write_isic2018,
    write_isic2019,
    write_isic2020,
    write_mednode,
)
from skinnet_keras.data.citations import data_set_named
from skinnet_keras.data.download import plan_download, run_download
from skinnet_keras.data.sources import source_named


def isic2017(root):
    """The challenge's Data archives hold the metadata too."""
    write_isic2017(root, parts=("Training", "Validation", "Test_v2"))
    for path in root.glob("*_metadata.csv"):
        shutil.move(path, root / path.name.removesuffix("_metadata.csv"))


def ham10000(root):
    write_ham10000(root, masks=True)


def isic2020(root):
    """The challenge's names, of the folder train/ and the table train.csv."""
    write_isic2020(root)
    (root / "train.csv").rename(root / "ISIC_2020_Training_GroundTruth_v2.csv")
    (root / "train").rename(root / "ISIC_2020_Training_JPEG")


# Outer folder inside the archive, if it is not the archive's name; "" for none.
OUTER = {
    "HAM10000_images_part_1": "",
    "HAM10000_images_part_2": "",
    "ISIC_2020_Training_JPEG": "train/",
}


def zipped(folder):
    outer = OUTER.get(folder.name, f"{folder.name}/")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, f"{outer}{path.relative_to(folder).as_posix()}")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "write", "images", "masks"),
    [
        ("isic2017", isic2017, 9, 9),
        ("ham10000", ham10000, 4, 4),
        ("isic2018", write_isic2018, 4, 2),
        ("isic2019", write_isic2019, 3, 0),
        ("isic2020", isic2020, 3, 0),
        ("mednode", write_mednode, 4, 0),
    ],
)
def test_the_reader_reads_the_download(tmp_path, monkeypatch, name, write, images, masks):
    monkeypatch.setenv("no_proxy", "*")
    original = tmp_path / "original"
    write(original)
    data_set = data_set_named(name)
    files = {
        file.name: zipped(original / file.target)
        if file.is_archive
        else (original / file.name).read_bytes()
        for file in data_set.files
        if file.part in data_set.default_parts
    }
    with serving(files=files) as server:
        local = [
            replace(file, urls=(server.url(file.name),), size=None, known_hash=None)
            for file in data_set.files
        ]
        run_download(plan_download(replace(data_set, files=tuple(local)), tmp_path / "out"))
    table = source_named(name).read(tmp_path / "out" / name)
    assert len(table.rows) == images
    assert sum(bool(row.mask_path) for row in table.rows) == masks
    assert all((tmp_path / "out" / name / row.path).is_file() for row in table.rows)
