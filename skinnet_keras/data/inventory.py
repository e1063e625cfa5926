"""Reads every image of the sources once: what is measured, what is unreadable."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from skinnet_keras.data.fingerprint_store import FingerprintStore, file_key
from skinnet_keras.data.fingerprints import Fingerprint, fingerprint
from skinnet_keras.data.mask_facts import MaskFact
from skinnet_keras.data.threads import map_in_threads
from skinnet_keras.errors import UserError


@dataclass(frozen=True)
class Inventory:
    """The images of a table as found on disk.

    Attributes:
        table: The readable rows, with `phash` and `mask_origin` added and useless masks removed.
        prints: The fingerprint of each row.
        unreadable: One sentence for each image left out.
        masks_left_out: One sentence for each mask that does not fit its image or cannot be read.
        reused: Images whose fingerprint was known already.
    """

    table: pd.DataFrame
    prints: list[Fingerprint]
    unreadable: list[str]
    masks_left_out: list[str]
    reused: int

    def mask_facts(self) -> Iterator[MaskFact]:
        """What was seen of each mask that is of use."""
        rows = zip(self.table["image_id"], self.table["mask_path"], self.prints, strict=True)
        for image_id, mask_path, item in rows:
            if mask_path:
                yield MaskFact(image_id, item.mask_area, item.mask_border, item.mask_turning)


def take_inventory(
    table: pd.DataFrame, roots: Mapping[str, Path], store: FingerprintStore, workers: int | None
) -> Inventory:
    """Measure the images of a table, with a progress bar, and leave out what cannot be used.

    Args:
        table: The columns `image_id`, `source`, `path` and `mask_path`.
        roots: Source name -> its folder.
        store: Known fingerprints; new ones are added to it, so that an interrupted call is not
            lost.
        workers: Threads; by default one a CPU core.

    Raises:
        UserError: No image can be read.
    """
    files = list(table[["source", "path", "mask_path"]].itertuples(index=False, name=None))
    keys = [file_key(source, roots[source], path, mask) for source, path, mask in files]
    known = [store.get(key) for key in keys]

    def measure(row: int) -> Fingerprint | UserError:
        if (item := known[row]) is not None:
            return item
        source, path, mask = files[row]
        try:
            return fingerprint(roots[source] / path, roots[source] / mask if mask else None)
        except UserError as error:
            return error

    measured: list[Fingerprint | UserError] = []
    results = map_in_threads(measure, range(len(files)), "Reading images", workers)
    try:
        for row, item in enumerate(results):
            measured.append(item)
            if known[row] is None and isinstance(item, Fingerprint):
                store.add(keys[row], item)
    finally:
        store.flush()

    unreadable = [str(item) for item in measured if isinstance(item, UserError)]
    prints = [item for item in measured if isinstance(item, Fingerprint)]
    if not prints:
        reason = unreadable[0] if unreadable else "the sources list no image that is there."
        raise UserError(f"There is nothing to build a catalogue from: {reason}")
    store.keep_only(keys)
    table = table[[isinstance(item, Fingerprint) for item in measured]].reset_index(drop=True)
    table.loc[[bool(item.mask_error) for item in prints], "mask_path"] = ""
    table["mask_origin"] = np.where(table["mask_path"] != "", "ground_truth", "")
    table["phash"] = [f"{int(item.hashes[0]):016x}" for item in prints]
    return Inventory(
        table,
        prints,
        unreadable,
        masks_left_out=[item.mask_error for item in prints if item.mask_error],
        reused=sum(item is not None for item in known),
    )
