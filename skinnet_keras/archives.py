"""Zip archives from strangers (`.keras`, `.skops`), checked before anything in them is unpacked.

A compressed megabyte can unpack to a gigabyte whatever its headers say, a member can be listed a
thousand times, and a list of members can itself be the load. Keras and skops store members as they
are, so nothing is unpacked at all: an archive with compressed or overlapping members is refused by
its headers alone. Nothing here imports Keras: a hostile file takes no more time and memory.
"""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path
from typing import Any

from skinnet_keras.errors import UserError
from skinnet_keras.json_text import parse_json

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.weights.h5"

_KERAS_MEMBERS = frozenset({CONFIG_FILE, "metadata.json", WEIGHTS_FILE})

# The largest SkinNet's config takes 0.7 MB; in Python the worst JSON takes 25 times its size.
_MAX_JSON_BYTES = 4 * 2**20

# 22,000 members; a `.keras` file has three, a classifier of scikit-learn some hundreds.
_MAX_DIRECTORY_BYTES = 2**20

_DAMAGED = (
    OSError,
    EOFError,
    KeyError,
    ValueError,  # JSON, text and numbers
    RuntimeError,  # too deep, encrypted
    struct.error,
    zipfile.BadZipFile,
)


def read_json_member(path: Path, name: str) -> Any:
    """Read a JSON member of an archive after checking what the archive is.

    Args:
        path: The archive.
        name: The member.

    Returns:
        Its content.

    Raises:
        UserError: The archive is damaged or has no such member; it lists a member twice, too many
            members, compressed ones or more bytes than it has; the member is too large.
    """
    try:
        with _open(path) as archive:
            _check_sizes(path, archive)
            return _json(path, archive, name)
    except _DAMAGED as error:
        raise UserError(_damaged(path, name)) from error


def read_keras_config(path: Path) -> Any:
    """Read the `config.json` of a `.keras` file after checking every member's sizes and checksum.

    Args:
        path: A `.keras` file.

    Returns:
        The config, as it stands there: its class names are not checked here.

    Raises:
        UserError: The file is missing or no archive; as `read_json_member`; and where a member is
            no part of a `.keras` file, or its weights are not those that were stored or not all
            there.
    """
    if not path.is_file():
        raise UserError(f"{path} is not a file: give the path of a .keras model.")
    if path.suffix != ".keras" or not zipfile.is_zipfile(path):
        raise UserError(
            f"{path} is not a .keras archive: only that format is opened "
            "(.h5 and pickle files can carry code)."
        )
    try:
        with _open(path) as archive:
            _check_sizes(path, archive)
            config = _json(path, archive, CONFIG_FILE)
            foreign = sorted(set(archive.namelist()) - _KERAS_MEMBERS)
            if foreign:
                raise UserError(
                    f"{path} is refused, because it holds {foreign[0]!r}, which is no part of a "
                    ".keras model."
                )
            if WEIGHTS_FILE in archive.namelist():
                # Reading a member whole checks its CRC.
                _check_weights(path, archive.read(WEIGHTS_FILE))
            return config
    except _DAMAGED as error:
        raise UserError(_damaged(path, WEIGHTS_FILE)) from error


def _open(path: Path) -> zipfile.ZipFile:
    size = _directory_bytes(path)
    if size > _MAX_DIRECTORY_BYTES:
        raise UserError(
            f"{path} is refused, because the list of its members takes {size:,} bytes: a model "
            "has a few."
        )
    return zipfile.ZipFile(path)


def _directory_bytes(path: Path) -> int:
    """Size of the list of members, which `zipfile` reads whole, as it will find it."""
    with path.open("rb") as file:
        end = file.seek(0, io.SEEK_END)
        tail_start = file.seek(max(0, end - 2**16 - 22))
        tail = file.read()
        place = tail.rfind(b"PK\x05\x06")
        if place < 0 or len(tail) < place + 22:
            raise zipfile.BadZipFile("no end record")
        sizes = [struct.unpack_from("<L", tail, place + 12)[0]]
        # A ZIP64 record before it overrules it.
        file.seek(max(0, tail_start + place - 20 - 56))
        record = file.read(76)
        if record[:4] == b"PK\x06\x06" and record[56:60] == b"PK\x06\x07":
            sizes.append(struct.unpack_from("<Q", record, 40)[0])
        return max(sizes)


def _check_sizes(path: Path, archive: zipfile.ZipFile) -> None:
    names = archive.namelist()
    if len(names) != len(set(names)):
        raise UserError(f"{path} is refused, because it holds two members of one name.")
    members = archive.infolist()
    for member in members:
        if member.compress_type != zipfile.ZIP_STORED or member.file_size != member.compress_size:
            raise UserError(
                f"{path} is refused, because its {member.filename!r} is compressed, which can hide "
                "any size: save the model again with Keras or skops, which do not compress."
            )
    total, size = sum(member.file_size for member in members), path.stat().st_size
    if total > size:
        raise UserError(
            f"{path} is refused, because its members take {total:,} bytes, more than its {size:,}."
        )


def _json(path: Path, archive: zipfile.ZipFile, name: str) -> Any:
    if archive.getinfo(name).file_size > _MAX_JSON_BYTES:
        raise UserError(f"{path} is refused, because its {name} is too large.")
    return parse_json(archive.read(name))


def _check_weights(path: Path, content: bytes) -> None:
    """Refuse arrays that HDF5 would unpack, invent or fetch from elsewhere."""
    import h5py

    def link_refusal(name: str, link: Any) -> str | None:
        return None if isinstance(link, h5py.HardLink) else f"{name!r} lie elsewhere"

    def refusal(name: str, item: Any) -> str | None:
        if not isinstance(item, h5py.Dataset):
            return None
        if item.external or item.is_virtual:
            return f"{name!r} lie elsewhere"
        stored = item.id.get_storage_size()
        if item.nbytes <= stored:
            return None
        return f"{name!r} are said to take {item.nbytes:,} bytes, but {stored:,} are there"

    try:
        with h5py.File(io.BytesIO(content), "r") as file:
            # The first answer that is not None ends the walk.
            reason = file.visititems_links(link_refusal) or file.visititems(refusal)
    except Exception as error:  # what a damaged file makes HDF5 raise depends on the damage
        raise UserError(_damaged(path, WEIGHTS_FILE)) from error
    if reason is not None:
        raise UserError(f"{path} is refused, because its weights {reason}.")


def _damaged(path: Path, name: str) -> str:
    return f"{path} is damaged: its {name} cannot be read; copy or export it again."
