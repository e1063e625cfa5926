"""Archives nobody vouches for: nothing leaves the folder, nothing fills the disk."""

from __future__ import annotations

import errno
import io
import shutil
import stat
import tarfile
import zipfile

import pytest

from skinnet_keras.data import download_archive
from skinnet_keras.data.download_archive import MAX_RATIO, unpack
from skinnet_keras.errors import UserError


def write_zip(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


def write_tar(path, members):
    mode = "w:gz" if path.suffix in (".gz", ".tgz") else "w"
    with tarfile.open(path, mode) as archive:
        for info, content in members:
            info = tarfile.TarInfo(info) if isinstance(info, str) else info
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def files_in(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def nothing(done, total):
    pass


FLAT = [("a.jpg", b"a"), ("sub/b.jpg", b"bb")]
NESTED = [(f"outer/{name}", content) for name, content in FLAT]
UNPACKED = {"a.jpg": b"a", "sub/b.jpg": b"bb"}


@pytest.mark.parametrize("members", [FLAT, NESTED])
@pytest.mark.parametrize("name", ["set.zip", "set.tar", "set.tar.gz", "set.tgz"])
def test_an_outer_folder_is_left_out(tmp_path, name, members):
    archive = (write_zip if name == "set.zip" else write_tar)(tmp_path / name, members)
    seen = []
    unpack(archive, tmp_path / "set", lambda *state: seen.append(state))
    assert files_in(tmp_path / "set") == UNPACKED
    assert seen == [(1, 3), (3, 3)]
    assert {path.name for path in tmp_path.iterdir()} == {"set", name}


def test_what_file_managers_leave_is_skipped(tmp_path):
    junk = [
        ("__MACOSX/outer/._a.jpg", b"x"),
        ("outer/._b.png", b"x"),
        ("outer/.DS_Store", b"x"),
        ("outer/sub/Thumbs.db", b"x"),
    ]
    archive = write_zip(tmp_path / "set.zip", NESTED + junk)
    unpack(archive, tmp_path / "set", nothing)
    assert files_in(tmp_path / "set") == UNPACKED


def refused(tmp_path, archive, words):
    with pytest.raises(UserError, match=words):
        unpack(archive, tmp_path / "set", nothing)
    left = {path.name for path in tmp_path.iterdir()}
    assert left <= {archive.name}, "nothing half-written"


@pytest.mark.parametrize(
    "name", ["../evil.jpg", "set/../../evil.jpg", "/evil.jpg", "..\\evil.jpg", "C:evil.jpg"]
)
@pytest.mark.parametrize("suffix", [".zip", ".tar"])
def test_no_member_leaves_the_folder(tmp_path, name, suffix):
    writer = write_zip if suffix == ".zip" else write_tar
    archive = writer(tmp_path / f"set{suffix}", [("good.jpg", b"a"), (name, b"evil")])
    refused(tmp_path, archive, "would leave the folder")


def test_links_in_a_zip(tmp_path):
    info = zipfile.ZipInfo("link.jpg")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    refused(tmp_path, write_zip(tmp_path / "set.zip", [(info, "/etc/passwd")]), "no plain file")


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE]
)
def test_links_and_devices_in_a_tar(tmp_path, kind):
    info = tarfile.TarInfo("link.jpg")
    info.type, info.linkname = kind, "/etc/passwd"
    refused(tmp_path, write_tar(tmp_path / "set.tar", [(info, b"")]), "no plain file")


@pytest.mark.parametrize("suffix", [".zip", ".tar.gz"])
def test_a_bomb_is_not_unpacked(tmp_path, suffix):
    bomb = [("zeros.bmp", bytes(2_000_000))]
    archive = (write_zip if suffix == ".zip" else write_tar)(tmp_path / f"bomb{suffix}", bomb)
    assert MAX_RATIO * archive.stat().st_size < 2_000_000
    refused(tmp_path, archive, f"more than {MAX_RATIO} times its own size")


def test_a_zip_that_lies_about_a_size_is_broken(tmp_path):
    archive = write_zip(tmp_path / "set.zip", [("a.csv", b"x" * 5000)])
    true, lie = (5000).to_bytes(4, "little"), (50).to_bytes(4, "little")
    assert archive.read_bytes().count(true) == 2
    archive.write_bytes(archive.read_bytes().replace(true, lie))
    refused(tmp_path, archive, "is broken|larger than")


def test_a_broken_archive_is_deleted(tmp_path):
    archive = write_zip(tmp_path / "set.zip", [("a.jpg", bytes(range(256)) * 40)])
    data = bytearray(archive.read_bytes())
    data[60] ^= 0xFF
    archive.write_bytes(data)
    refused(tmp_path, archive, "set.zip is broken .* was deleted: run the command again")
    assert not archive.exists()


def test_a_name_that_comes_twice(tmp_path):
    with pytest.warns(UserWarning, match="Duplicate name"):
        archive = write_zip(tmp_path / "set.zip", [("a.jpg", b"a"), ("a.jpg", b"b")])
    refused(tmp_path, archive, "names a file twice")


def test_an_empty_archive(tmp_path):
    refused(tmp_path, write_zip(tmp_path / "set.zip", [("__MACOSX/._a", b"")]), "is empty")


def test_too_little_room_keeps_the_archive(tmp_path, monkeypatch):
    archive = write_zip(tmp_path / "set.zip", FLAT)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(9, 7, 2))
    refused(tmp_path, archive, "unpacks to 3 bytes and 2 are free: make room .* is kept")
    assert archive.exists()


def test_a_disk_that_fills_up_meanwhile(tmp_path, monkeypatch):
    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    archive = write_zip(tmp_path / "set.zip", FLAT)
    monkeypatch.setattr(download_archive, "_extract", full)
    refused(tmp_path, archive, "disk is full: make room .* is kept")
    assert archive.exists()


def test_what_an_interrupted_run_left_is_replaced(tmp_path):
    archive = write_zip(tmp_path / "set.zip", FLAT)
    (tmp_path / "set.zip.unpacking").mkdir()
    (tmp_path / "set.zip.unpacking" / "half.jpg").write_bytes(b"h")
    unpack(archive, tmp_path / "set", nothing)
    assert files_in(tmp_path / "set") == UNPACKED
