"""Reads the `.wandb` files of offline runs: records in LevelDB's log format."""

from __future__ import annotations

import json
import struct
import time
from pathlib import Path
from typing import Any

_BLOCK = 32768
_HEADER = 7
_FULL, _FIRST, _LAST = 1, 2, 4


def read_records(directory: Path) -> list[Any]:
    """All records of the one `.wandb` file in a folder such as `wandb/offline-run-...`.

    `finish` returns a moment before wandb's service has written its last records; this waits.
    """
    (path,) = directory.glob("*.wandb")
    deadline = time.monotonic() + 20
    while not of_kind(records := _parse(path.read_bytes()), "exit"):
        assert time.monotonic() < deadline, f"{path} has no exit record"
        time.sleep(0.05)
    return records


def _parse(data: bytes) -> list[Any]:
    from wandb.proto.wandb_internal_pb2 import Record

    records, position, parts = [], _HEADER, b""
    while position + _HEADER <= len(data):
        left = _BLOCK - position % _BLOCK
        if left < _HEADER:  # the rest of a block is padding
            position += left
            continue
        _, length, kind = struct.unpack_from("<IHB", data, position)
        position += _HEADER
        chunk = data[position : position + length]
        if len(chunk) < length:  # still being written
            break
        position += length
        parts = chunk if kind in (_FULL, _FIRST) else parts + chunk
        if kind in (_FULL, _LAST):
            records.append(Record.FromString(parts))
    return records


def of_kind(records: list[Any], kind: str) -> list[Any]:
    """The content of the records of one kind: `history`, `artifact`, `run`, ..."""
    return [getattr(record, kind) for record in records if record.WhichOneof("record_type") == kind]


def as_dict(items: Any) -> dict[str, Any]:
    """Items of a history, summary, config or stats record as a dictionary."""
    values = {}
    for item in items:
        key = "/".join(getattr(item, "nested_key", ())) or item.key
        values[key] = json.loads(item.value_json)
    return values
