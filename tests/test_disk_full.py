"""A full disk is one sentence that names the file, and what was there before stays whole.

The limit on the size of files stands for it: the system refuses the write in the same way.
"""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from skinnet_keras.atomic import atomic_directory, atomic_file
from skinnet_keras.data.building import build_catalogue
from skinnet_keras.data.cache import open_cache
from skinnet_keras.data.fingerprint_store import FingerprintStore
from skinnet_keras.errors import DiskFullError
from small_catalogue import write_small_catalogue
from tiny_run import make_catalogue

resource = pytest.importorskip("resource", reason="limits of POSIX")


@contextlib.contextmanager
def files_of_at_most(size: int):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def _noise() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (300, 300, 3), np.uint8)


def _hdf5(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["weights"] = _noise()


def _archive(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("weights", _noise().tobytes())


WRITERS = {
    "a.txt": lambda path: path.write_text("x" * 100_000),
    "a.csv": lambda path: pd.DataFrame(_noise()[..., 0]).to_csv(path),
    "a.npy": lambda path: np.save(path, _noise()),
    "a.npz": lambda path: np.savez(path, _noise()),
    "a.png": lambda path: Image.fromarray(_noise()).save(path),
    "a.jpg": lambda path: Image.fromarray(_noise()).save(path, quality=100),
    "a.weights.h5": _hdf5,
    "a.keras": _archive,
}


@pytest.mark.parametrize("name", WRITERS)
def test_every_writer_of_a_file_says_which_one_had_no_room(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"before")
    with (
        files_of_at_most(50_000),
        pytest.raises(DiskFullError, match=rf"{name} cannot be written: (it would|no space)"),
        atomic_file(path) as temporary,
    ):
        WRITERS[name](temporary)
    assert path.read_bytes() == b"before"
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_no_space_is_told_in_its_own_words(tmp_path):
    with (
        pytest.raises(DiskFullError, match="d cannot be written: no space is left on its disk"),
        atomic_directory(tmp_path / "d"),
    ):
        raise OSError(28, os.strerror(28))
    # TensorFlow's errors have the text alone; NumPy's do not have even that.
    for error in (
        RuntimeError("x/variables: No space left on device"),
        OSError("9 requested and 0 written"),
    ):
        with pytest.raises(DiskFullError), atomic_directory(tmp_path / "d"):
            raise error
    with pytest.raises(PermissionError), atomic_directory(tmp_path / "d"):
        raise PermissionError(13, "denied")
    assert list(tmp_path.iterdir()) == []


def test_a_build_goes_on_when_there_is_room_again(tmp_path):
    images = write_small_catalogue(tmp_path / "made").sources["ham10000"]
    table = images / "labels.csv"
    rows = [f"{path.name},nevus" for path in sorted(images.glob("*.jpg"))]
    table.write_text("\n".join(["path,diagnosis", *rows]) + "\n")
    build_catalogue({"folder": images}, tmp_path / "whole")
    # Fingerprints fit, the archive of them does not; then they do, and the tables do not.
    for limit in (15_000, 400):
        with files_of_at_most(limit), pytest.raises(DiskFullError, match="cannot be written"):
            build_catalogue({"folder": images}, tmp_path / "c")
    report = build_catalogue({"folder": images}, tmp_path / "c")
    for name in ("catalogue.csv", "duplicates.csv", "sources.json"):
        assert (tmp_path / "c" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert report.reused > 0
    assert len(FingerprintStore(tmp_path / "c" / "fingerprints")._known) == report.rows


def test_a_cache_without_room_leaves_nothing_and_is_built_later(tmp_path):
    catalogue = make_catalogue(tmp_path)
    with files_of_at_most(20_000), pytest.raises(DiskFullError, match=r"cache/32 cannot be writ"):
        open_cache(catalogue, 32)
    assert not (tmp_path / "cache").exists()
    assert len(open_cache(catalogue, 32).image_ids) == 12


def test_the_command_line_ends_with_2_and_one_sentence(tmp_path):
    """Ending by a signal would be worse than a traceback: SIGXFSZ, or SIGBUS in a memory map."""
    make_catalogue(tmp_path)
    table = io.StringIO()
    pd.DataFrame(np.eye(8), columns=["MEL", "NV", "BCC", "AK", "BKL", "DF", "VASC", "SCC"]).assign(
        image_id=list("abcdefgh"), label="NV"
    ).to_csv(table, index=False)
    (tmp_path / "p.csv").write_text(table.getvalue())
    arguments = [
        "evaluate",
        str(tmp_path / "p.csv"),
        "--bootstrap",
        "0",
        "--out",
        str(tmp_path / "o"),
    ]
    ended = subprocess.run(
        [sys.executable, "-m", "skinnet_keras.cli.main", *arguments],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (300, 300)),
    )
    assert ended.returncode == 2, ended.stderr
    last = ended.stderr.strip().splitlines()[-1]
    assert last.startswith("skinnet: ")
    assert "cannot be written" in last
    assert "Traceback" not in ended.stderr
