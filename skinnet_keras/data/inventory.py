"""Reads every image of the sources once: what is measured, what is unreadable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
from rich.console import Console
from rich.progress import track

from skinnet_keras.data.fingerprints import Fingerprint, fingerprint
from skinnet_keras.errors import UserError


def fingerprint_all(
    files: Sequence[tuple[Path, Path | None]], workers: int
) -> list[Fingerprint | UserError]:
    """Measure many images with a progress bar.

    Args:
        files: Image and mask of each row.
        workers: Threads. Pillow decodes without holding the interpreter lock.

    Returns:
        One fingerprint a row, or the error that says why the image is unreadable.
    """

    def measure(pair: tuple[Path, Path | None]) -> Fingerprint | UserError:
        try:
            return fingerprint(*pair)
        except UserError as error:
            return error

    console = Console(stderr=True)
    with ThreadPoolExecutor(workers) as pool:
        measured = pool.map(measure, files)
        return list(track(measured, "Reading images", len(files), console=console))


def read_images(
    table: pd.DataFrame, roots: Mapping[str, Path], workers: int
) -> tuple[pd.DataFrame, list[Fingerprint], list[str], list[str]]:
    """Measure the images of a table and leave out what cannot be used.

    Args:
        table: The columns `source`, `path` and `mask_path`.
        roots: Source name -> its folder.
        workers: Threads that read images.

    Returns:
        The readable rows, with `phash` and `mask_origin` added and useless masks removed; their
        fingerprints; a sentence for each unreadable image; a sentence for each useless mask.

    Raises:
        UserError: No image can be read.
    """
    files = [
        (roots[source] / path, roots[source] / mask_path if mask_path else None)
        for source, path, mask_path in table[["source", "path", "mask_path"]].itertuples(
            index=False
        )
    ]
    measured = fingerprint_all(files, workers)
    unreadable = [str(item) for item in measured if isinstance(item, UserError)]
    prints = [item for item in measured if isinstance(item, Fingerprint)]
    if not prints:
        reason = unreadable[0] if unreadable else "the sources list no image that is there."
        raise UserError(f"There is nothing to build a catalogue from: {reason}")
    table = table[[isinstance(item, Fingerprint) for item in measured]].reset_index(drop=True)
    masks_left_out = [item.mask_error for item in prints if item.mask_error]
    table.loc[[bool(item.mask_error) for item in prints], "mask_path"] = ""
    table["mask_origin"] = np.where(table["mask_path"] != "", "ground_truth", "")
    table["phash"] = [f"{int(item.hashes[0]):016x}" for item in prints]
    return table, prints, unreadable, masks_left_out
