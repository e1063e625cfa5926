"""`SHA256SUMS` beside a model: are the files still what was exported?"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from skinnet_keras.errors import UserError
from skinnet_keras.runs.run import file_sha256

CHECKSUM_FILE = "SHA256SUMS"
"""In the folder of an export, as `sha256sum` writes and checks it: paths are relative to it."""

_LINE = re.compile(r"([0-9a-fA-F]{64}) [ *](.+)")


def check_listed(files: Sequence[Path], folders: Sequence[Path]) -> bool | None:
    """Compare files with the first `SHA256SUMS` of some folders.

    Args:
        files: The files a model consists of.
        folders: Where the list may lie: in one of these, each above all files.

    Returns:
        Whether the list has every file's content, under its name or, as for a renamed copy, under
        another; None where there is no list.

    Raises:
        UserError: A file is not what the list says of it, or the list cannot be read.
    """
    sums = next((f / CHECKSUM_FILE for f in folders if (f / CHECKSUM_FILE).is_file()), None)
    if sums is None:
        return None
    hashes = _read(sums)
    whole = True
    for file in files:
        found = file_sha256(file)
        expected = hashes.get(file.relative_to(sums.parent).as_posix())
        if expected not in (None, found):
            raise UserError(
                f"{file} was changed or damaged since its export: {sums} lists other content; copy "
                "or export it again, or take its line out of the list."
            )
        whole = whole and found in hashes.values()
    return whole


def _read(sums: Path) -> dict[str, str]:
    try:
        lines = sums.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise UserError(f"{sums} cannot be read: export the model again, or remove it.") from error
    matches = (_LINE.fullmatch(line) for line in lines)
    return {match[2].removeprefix("./"): match[1].lower() for match in matches if match}
