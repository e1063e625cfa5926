"""Downloads from a local server: resume, integrity, errors that say what to do."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import shutil
import zipfile
from collections import namedtuple
from pathlib import Path

import pytest

from file_server import serving
from skinnet_keras.data.citations import DataSet, Licence, RemoteFile
from skinnet_keras.data.download import plan_download, run_download
from skinnet_keras.data.download_http import NotServedError, ResumingDownloader
from skinnet_keras.errors import UserError

PIECE = 1 << 16  # a broken connection loses less than this
CONTENT = os.urandom(10 * PIECE)


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")


class Downloads:
    """A downloader into `folder` that notes how long it would have waited."""

    def __init__(self, folder: Path):
        self.part = folder / "file.part"
        self.note = folder / "file.part.json"
        self.output = folder / "file"
        self.waits: list[float] = []
        self.seen: list[tuple[int, int | None]] = []

    def get(self, url):
        downloader = ResumingDownloader(
            self.part, lambda *state: self.seen.append(state), wait=self.waits.append
        )
        downloader(url, str(self.output), None)
        return self.output.read_bytes()


@pytest.fixture
def downloads(tmp_path):
    return Downloads(tmp_path)


def test_a_whole_file_in_one_go(downloads):
    with serving(files={"file": CONTENT}) as server:
        assert downloads.get(server.url("file")) == CONTENT
    assert downloads.seen[-1] == (len(CONTENT), len(CONTENT))
    assert [path.name for path in downloads.output.parent.iterdir()] == ["file"]
    assert server.requests == [("/file", "")]


def test_a_cut_connection_goes_on_at_the_last_byte(downloads):
    with serving(files={"file": CONTENT}, cuts=[6 * PIECE + 9, PIECE]) as server:
        assert downloads.get(server.url("file")) == CONTENT
    starts = [asked for _, asked in server.requests]
    assert starts == ["", f"bytes={6 * PIECE}-", f"bytes={7 * PIECE}-"]
    assert downloads.waits == [1.0, 1.0]  # each attempt gained bytes


def test_a_second_run_goes_on_too(downloads):
    with serving(files={"file": CONTENT}, cuts=[PIECE] + [0] * 4) as server:
        with pytest.raises(UserError, match=r"65,536 bytes are kept in .*file\.part"):
            downloads.get(server.url("file"))
        assert downloads.waits == [1.0, 2.0, 4.0, 8.0]
        server.requests.clear()
        assert downloads.get(server.url("file")) == CONTENT
        assert server.requests == [("/file", f"bytes={PIECE}-")]


def test_a_server_without_ranges_starts_again(downloads):
    with serving(files={"file": CONTENT}, ranges=False, cuts=[6 * PIECE]) as server:
        assert downloads.get(server.url("file")) == CONTENT
    assert len(server.requests) == 2


def test_a_server_without_ranges_that_always_cuts_is_given_up(downloads):
    with serving(files={"file": CONTENT}, ranges=False, cuts=[6 * PIECE, 5 * PIECE] * 50) as server:
        with pytest.raises(UserError, match="could not be fetched"):
            downloads.get(server.url("file"))
        assert len(server.requests) < 10


@pytest.mark.parametrize("heeds_if_range", [True, False])
def test_a_file_that_changed_meanwhile_starts_again(downloads, heeds_if_range):
    newer = os.urandom(9 * PIECE)
    with serving(
        files={"file": CONTENT}, cuts=[6 * PIECE] + [0] * 4, heeds_if_range=heeds_if_range
    ) as server:
        with pytest.raises(UserError):
            downloads.get(server.url("file"))
        server.files, server.etag = {"file": newer}, '"v2"'
        assert downloads.get(server.url("file")) == newer


@pytest.mark.parametrize("etag", ["", 'W/"weak"'])
def test_without_a_strong_validator_nothing_is_resumed(downloads, etag):
    with serving(files={"file": CONTENT}, etag=etag, cuts=[6 * PIECE]) as server:
        assert downloads.get(server.url("file")) == CONTENT
    assert server.requests == [("/file", "")] * 2


def test_a_part_that_was_complete_already(downloads):
    downloads.part.write_bytes(CONTENT)
    downloads.note.write_text(json.dumps({"validator": '"v1"'}))
    with serving(files={"file": CONTENT}) as server:
        assert downloads.get(server.url("file")) == CONTENT
    assert len(server.requests) == 1


def test_a_busy_server_is_asked_again(downloads):
    with serving(files={"file": CONTENT}, statuses=[503, 429]) as server:
        assert downloads.get(server.url("file")) == CONTENT
    assert downloads.waits == [1.0, 2.0]


def test_a_missing_file_is_not_asked_for_again(downloads):
    with serving(files={}) as server, pytest.raises(NotServedError, match="404"):
        downloads.get(server.url("file"))
    assert len(server.requests) == 1


def test_a_web_page_is_not_the_file(downloads):
    with (
        serving(files={"file": b"<html>log in"}, content_type="text/html") as server,
        pytest.raises(NotServedError, match="web page"),
    ):
        downloads.get(server.url("file"))


def test_no_network_is_one_sentence(downloads):
    with serving(files={}) as server:
        pass  # closed: nobody listens on its port any more
    with pytest.raises(UserError, match=r"could not be fetched \(ConnectionError\): check the net"):
        downloads.get(server.url("file"))


def test_a_full_disk_keeps_the_part(downloads, monkeypatch):
    class FullDisk(io.BytesIO):
        def write(self, piece):
            raise OSError(errno.ENOSPC, "No space left on device")

    with serving(files={"file": CONTENT}, cuts=[PIECE, 0, 0, 0, 0]) as server:
        with pytest.raises(UserError):
            downloads.get(server.url("file"))
        plain_open = Path.open
        monkeypatch.setattr(
            Path,
            "open",
            lambda self, mode="r", **options: (
                FullDisk() if mode == "ab" else plain_open(self, mode, **options)
            ),
        )
        with pytest.raises(UserError, match=r"disk is full: .*65,536 bytes are kept"):
            downloads.get(server.url("file"))


# Whole data sets.


def zipped(members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


IMAGES = zipped({"Input/ISIC_1.jpg": b"one", "Input/LICENSE.txt": b"CC"})
LABELS = b"image,MEL\nISIC_1,1.0\n"


def data_set(*bases, hashes=(None, None), sizes=(None, None)):
    files = tuple(
        RemoteFile(name, part, tuple(f"{base}/{name}" for base in bases), size, known_hash)
        for name, part, size, known_hash in (
            ("Input.zip", "train", sizes[0], hashes[0]),
            ("labels.csv", "train", sizes[1], hashes[1]),
            ("Test.zip", "test", None, None),
        )
    )
    licence = Licence("CC0", "", "free")
    return DataSet("isic", "ISIC", (), licence, files=files, default_parts=("train",))


def md5(content):
    return f"md5:{hashlib.md5(content, usedforsecurity=False).hexdigest()}"


def sha256(content):
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def contents(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


@pytest.fixture
def server():
    with serving(files={"Input.zip": IMAGES, "labels.csv": LABELS, "Test.zip": IMAGES}) as running:
        yield running


def fetch(*arguments, out, parts=(), **options):
    return run_download(plan_download(data_set(*arguments, **options), out, parts))


def test_archives_are_unpacked_and_files_pinned(server, tmp_path):
    done = fetch(server.address, out=tmp_path)
    folder = tmp_path / "isic"
    assert done.folder == folder
    assert done.fetched == ["Input.zip", "labels.csv"]
    assert contents(folder) == [
        "Input",
        "Input/ISIC_1.jpg",
        "Input/LICENSE.txt",
        "checksums.txt",
        "labels.csv",
    ]
    assert done.pinned == {"Input.zip": sha256(IMAGES), "labels.csv": sha256(LABELS)}
    lines = (folder / "checksums.txt").read_text().splitlines()
    assert lines == [f"Input.zip {sha256(IMAGES)}", f"labels.csv {sha256(LABELS)}"]


def test_a_second_run_fetches_nothing(server, tmp_path):
    fetch(server.address, out=tmp_path)
    server.requests.clear()
    plan = plan_download(data_set(server.address), tmp_path)
    assert [file.name for file in plan.present] == ["Input.zip", "labels.csv"]
    assert run_download(plan).fetched == []
    assert server.requests == []


def test_parts(server, tmp_path):
    fetch(server.address, out=tmp_path, parts=["test"])
    assert [path for path, _ in server.requests] == ["/Test.zip"]
    assert (tmp_path / "isic" / "Test" / "ISIC_1.jpg").read_bytes() == b"one"
    with pytest.raises(UserError, match="no part 'val': use train, test"):
        plan_download(data_set(server.address), tmp_path, ["val"])


def test_the_next_address_is_asked_where_the_first_has_no_such_file(server, tmp_path):
    fetch(f"{server.address}/moved", server.address, out=tmp_path)
    assert [path for path, _ in server.requests][:2] == ["/moved/Input.zip", "/Input.zip"]
    assert (tmp_path / "isic" / "labels.csv").read_bytes() == LABELS


def test_known_checksums_are_verified(server, tmp_path):
    done = fetch(server.address, out=tmp_path, hashes=(md5(IMAGES), sha256(LABELS)))
    assert done.pinned == {}
    assert not (tmp_path / "isic" / "checksums.txt").exists()


def test_a_wrong_checksum_leaves_no_file_and_can_be_overruled(server, tmp_path):
    wrong = {"hashes": (md5(b"other"), None)}
    with pytest.raises(UserError, match=r"does not match the known hash.*checksums\.txt"):
        fetch(server.address, out=tmp_path, **wrong)
    folder = tmp_path / "isic"
    assert contents(folder) == [".download"]
    (folder / "checksums.txt").write_text(f"# replaced\nInput.zip {md5(IMAGES)}\n")
    fetch(server.address, out=tmp_path, **wrong)
    assert (folder / "Input" / "ISIC_1.jpg").is_file()


def test_a_pinned_file_that_changed_is_refused(server, tmp_path):
    fetch(server.address, out=tmp_path)
    (tmp_path / "isic" / "labels.csv").unlink()
    server.files["labels.csv"] = LABELS + b"ISIC_2,0.0\n"
    with pytest.raises(UserError, match="does not match"):
        fetch(server.address, out=tmp_path)


def test_a_malformed_checksums_file(server, tmp_path):
    (tmp_path / "isic").mkdir()
    (tmp_path / "isic" / "checksums.txt").write_text("Input.zip\n")
    with pytest.raises(UserError, match=r"'Input.zip' is not of the form FILE HASH"):
        fetch(server.address, out=tmp_path)


def test_a_broken_archive_is_fetched_again_by_the_next_run(server, tmp_path):
    server.files["Input.zip"] = IMAGES[:-40]
    with pytest.raises(UserError, match=r"Input.zip is broken .* run the command again"):
        fetch(server.address, out=tmp_path)
    assert contents(tmp_path / "isic") == [".download"]
    server.files["Input.zip"] = IMAGES
    fetch(server.address, out=tmp_path)
    assert (tmp_path / "isic" / "Input" / "ISIC_1.jpg").is_file()


def test_an_interrupted_data_set_goes_on(server, tmp_path, monkeypatch, capsys):
    server.files["Input.zip"] = zipped({"Input/ISIC_1.jpg": CONTENT})
    server.cuts = [PIECE] + [0] * 4
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    with pytest.raises(UserError, match="65,536 bytes are kept"):
        fetch(server.address, out=tmp_path)
    assert "Input.zip: interrupted, trying again in 8 s" in capsys.readouterr().err
    server.requests.clear()
    (tmp_path / "isic" / ".download" / "tmpk1ll3d").touch()
    fetch(server.address, out=tmp_path)
    assert server.requests[0] == ("/Input.zip", f"bytes={PIECE}-")
    assert not (tmp_path / "isic" / ".download").exists()
    assert (tmp_path / "isic" / "Input" / "ISIC_1.jpg").read_bytes() == CONTENT


def test_the_disk_is_checked_before_anything_is_fetched(server, tmp_path, monkeypatch):
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(free=3 * 10**9))
    sizes = (2 * 10**9, 10)  # fits as a file, not together with what it unpacks to
    with pytest.raises(UserError, match=r"needs about 4\.0 GB and 3\.0 GB are free"):
        fetch(server.address, out=tmp_path, sizes=sizes)
    assert server.requests == []
    # What an earlier run fetched needs no room any more.
    work = tmp_path / "isic" / ".download"
    work.mkdir(parents=True)
    with (work / "Input.zip.part").open("wb") as file:
        file.truncate(10**9 + 100)
    fetch(server.address, out=tmp_path, sizes=sizes)


def test_a_data_set_on_request_is_not_planned(tmp_path):
    asked_for = DataSet("ph2", "PH2", (), Licence("research", "", "research"), steps=("Ask.",))
    with pytest.raises(UserError, match="cannot be downloaded by a program"):
        plan_download(asked_for, tmp_path)
