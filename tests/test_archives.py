"""Archives that would unpack to more than they are: refused by their headers, before TensorFlow."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import tracemalloc
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

from skinnet_keras.archives import read_json_member, read_keras_config
from skinnet_keras.errors import UserError

MEGABYTE = 2**20


def _weights(**options) -> bytes:
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        file.create_dataset("layers/dense/vars/0", data=np.zeros(4 * MEGABYTE, "u1"), **options)
    return stream.getvalue()


def _write(path: Path, members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def _keras(**changes: bytes) -> dict[str, bytes]:
    """Members of a `.keras` file, weights of 4 MB."""
    members = {"config.json": b"{}", "metadata.json": b"{}", "model.weights.h5": _weights()}
    return members | {name.replace("__", "."): content for name, content in changes.items()}


def _set_size(path: Path, name: str, offset: int, size: int) -> None:
    """Change a size in the central directory: 20 for the compressed one, 24 for the other."""
    content = bytearray(path.read_bytes())
    place = content.index(b"PK\x01\x02")
    while content[place + 46 : place + 46 + len(name)] != name.encode():
        place = content.index(b"PK\x01\x02", place + 1)
    struct.pack_into("<L", content, place + offset, size)
    path.write_bytes(content)


def test_an_intact_file_is_read(tmp_path):
    path = _write(tmp_path / "m.keras", _keras(config__json=b'{"class_name": "Functional"}'))
    assert read_keras_config(path) == {"class_name": "Functional"}
    assert read_json_member(path, "metadata.json") == {}


def _compressed(path: Path) -> None:
    _write(path, _keras(), zipfile.ZIP_DEFLATED)


def _lying(path: Path) -> None:
    """Says that it unpacks to less than it does."""
    _write(path, _keras(), zipfile.ZIP_DEFLATED)
    _set_size(path, "model.weights.h5", 24, 100)


def _listed_often(path: Path) -> None:
    """Says that a small member takes a hundred megabytes."""
    _write(path, _keras())
    for offset in (20, 24):
        _set_size(path, "model.weights.h5", offset, 100 * MEGABYTE)


def _large_config(path: Path) -> None:
    _write(path, _keras(config__json=b" " * 5 * MEGABYTE))


def _many_members(path: Path) -> None:
    _write(path, {"config.json": b"{}"} | {f"{n:060}": b"" for n in range(12_000)})


def _nested(path: Path) -> None:
    inner = path.with_name("inner.zip")
    _write(inner, {"vars/0.npy": bytes(8 * MEGABYTE)}, zipfile.ZIP_DEFLATED)
    _write(path, {"config.json": b"{}", "model.weights.npz": inner.read_bytes()})


def _compressed_weights(path: Path) -> None:
    _write(path, _keras(model__weights__h5=_weights(compression="gzip")))


def _missing_weights(path: Path) -> None:
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        file.create_dataset("vars/0", shape=(10**12,), dtype="f4")
    _write(path, _keras(model__weights__h5=stream.getvalue()))


def _weights_elsewhere(path: Path) -> None:
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        file["vars"] = h5py.ExternalLink("/etc/hostname", "/0")
    _write(path, _keras(model__weights__h5=stream.getvalue()))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (_compressed, "'config.json' is compressed"),
        (_lying, "is compressed"),
        (_listed_often, "its members take 104,"),
        (_large_config, r"its config\.json is too large"),
        (_many_members, "the list of its members takes 1,"),
        (_nested, r"'model\.weights\.npz', which is no part"),
        (_compressed_weights, "are said to take 4,194,304 bytes, but"),
        (_missing_weights, "are said to take 4,000,000,000,000 bytes, but 0 are there"),
        (_weights_elsewhere, "'vars' lie elsewhere"),
    ],
)
def test_bombs_are_refused_without_unpacking(make, message, tmp_path):
    path = tmp_path / "bomb.keras"
    make(path)
    tracemalloc.start()
    with pytest.raises(UserError, match=message) as refusal:
        read_keras_config(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 6 * MEGABYTE  # the file itself, and what h5py makes of it
    assert "\n" not in str(refusal.value)


def test_every_byte_of_the_weights_is_checked(tmp_path):
    path = _write(tmp_path / "m.keras", _keras())
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"m\.keras is damaged: its model\.weights\.h5"):
        read_keras_config(path)


def test_skops_files_are_held_to_the_same(tmp_path):
    path = _write(tmp_path / "c.skops", {"schema.json": b"{}", "0.npy": bytes(MEGABYTE)}, 8)
    with pytest.raises(UserError, match="is compressed"):
        read_json_member(path, "schema.json")


CHILD = """
import atexit, sys, time
from skinnet_keras.cli.main import main
from skinnet_keras.export.deployment_benchmark.memory import peak_bytes

used = lambda: print(time.process_time(), peak_bytes() or 0, "tensorflow" in sys.modules)
atexit.register(used)
main()
"""


def test_the_command_line_refuses_a_bomb_before_it_imports_tensorflow(tmp_path):
    bomb, picture = tmp_path / "bomb.keras", tmp_path / "mole.png"
    _write(bomb, {"config.json": b"{}", "model.weights.h5": bytes(100 * MEGABYTE)}, 8)
    picture.write_bytes(b"not looked at")
    command = [sys.executable, "-c", CHILD, "predict", bomb, picture]
    child = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (child.returncode, child.stderr.count("\n")) == (2, 1)
    assert "is compressed, which can hide any size" in child.stderr
    seconds, peak, has_tensorflow = child.stdout.split()
    assert has_tensorflow == "False"
    assert float(seconds) < 4  # of a processor: other tests run beside
    assert int(peak) < 180 * MEGABYTE  # half of it are pandas and NumPy
