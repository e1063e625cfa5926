"""Which images must stay together: connected components over shared keys and copies."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from skinnet_keras.data.sources import source_named


def name_groups(table: pd.DataFrame, pairs: pd.DataFrame) -> list[str]:
    """Group images of one lesion or patient, and their copies, so that no split parts them.

    Args:
        table: The columns `image_id`, `source`, `lesion_id`, `patient_id` and `series`.
        pairs: `Copies.pairs`: the columns `image_id` and `other_id`.

    Returns:
        Group of each row: the connected component, named by its alphabetically first image.
        Lesion and patient ids link rows of one provider only, series those of one source.
    """
    row_of = {image_id: row for row, image_id in enumerate(table["image_id"])}
    linked = pairs[["image_id", "other_id"]].map(row_of.__getitem__).to_numpy(dtype=np.int64)
    providers = [source_named(source).provider for source in table["source"]]
    lesions, patients = (
        equal_keys(
            f"{provider}:{own}" if own else ""
            for provider, own in zip(providers, table[column], strict=True)
        )
        for column in ("lesion_id", "patient_id")
    )
    series = equal_keys(
        f"{source}:{own}" if own else ""
        for source, own in zip(table["source"], table["series"], strict=True)
    )
    component = components(len(table), linked, lesions, patients, series)
    return table.groupby(component)["image_id"].transform("min").tolist()


def equal_keys(keys: Iterable[str]) -> np.ndarray:
    """Link rows that share a key.

    Args:
        keys: One a row; "" links nothing.

    Returns:
        int64 array of shape (P, 2): each row with the first one of its key.
    """
    first: dict[str, int] = {}
    pairs = [
        (first[key], row)
        for row, key in enumerate(keys)
        if key and first.setdefault(key, row) != row
    ]
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)


def components(count: int, *evidence: np.ndarray) -> np.ndarray:
    """Number the connected components of a graph over rows.

    Args:
        count: Number of rows.
        evidence: int64 arrays of shape (P, 2): linked rows.

    Returns:
        int array of shape (count,): the component of each row.
    """
    pairs = np.concatenate([np.empty((0, 2), dtype=np.int64), *evidence])
    graph = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    return connected_components(graph, directed=False)[1]
