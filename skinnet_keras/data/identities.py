"""What a catalogue knows of whose lesion an image shows, and what it cannot know."""

from __future__ import annotations

import pandas as pd

_IDS = {"lesion_id": "lesion", "patient_id": "patient"}

LARGE_SHARE = 0.05
"""Share of a source's images above which one id is suspicious: a placeholder looks like that."""

_FEW = 5  # images that any lesion or patient may have
_FAR_AHEAD = 3  # times as many images as the next id


def unknown_identities(table: pd.DataFrame) -> list[str]:
    """Say of which sources lesions or patients are not known: what no leak check can see.

    Args:
        table: The columns `image_id`, `source`, `lesion_id`, `patient_id` and `duplicate_of`. An
            id of an image's copy counts as its own.

    Returns:
        One clause a source, without full stop.
    """
    holder = table["duplicate_of"].where(table["duplicate_of"] != "", table["image_id"])
    known = pd.DataFrame(
        {column: (table[column] != "").groupby(holder).transform("any") for column in _IDS}
    )
    clauses = []
    for source, own in known.groupby(table["source"], sort=False):
        neither = int((~own["lesion_id"] & ~own["patient_id"]).sum())
        no_patient = int((~own["patient_id"]).sum())
        some = f"of {len(own):,} images of {source} have"
        if neither == len(own):
            clauses.append(f"{source} has neither lesion nor patient ids")
        elif neither:
            clauses.append(f"{neither:,} {some} neither a lesion nor a patient id")
        elif no_patient == len(own):
            clauses.append(f"{source} has no patient ids")
        elif no_patient:
            clauses.append(f"{no_patient:,} {some} no patient id")
    return clauses


def identity_notes(table: pd.DataFrame) -> list[str]:
    """Return `unknown_identities` as a sentence, where there are any, and `wide_ids`."""
    clauses = unknown_identities(table)
    notes = wide_ids(table)
    if clauses:
        notes.insert(
            0,
            f"Not known: {'; '.join(clauses)}: what shows one lesion or person without an id may "
            "lie in several splits.",
        )
    return notes


def wide_ids(table: pd.DataFrame) -> list[str]:
    """Warn of ids that cover a large share of a source's images.

    Args:
        table: The columns `source`, `lesion_id` and `patient_id`.

    Returns:
        At most one sentence a source and kind of id.
    """
    warnings = []
    for source, own in table.groupby("source", sort=False):
        for column, what in _IDS.items():
            counts = own[column][own[column] != ""].value_counts()
            wide = counts[(counts > _FEW) & (counts > LARGE_SHARE * len(own))]
            if wide.empty:
                continue
            others = f" (and {len(wide) - 1} more such ids)" if len(wide) > 1 else ""
            warnings.append(
                f"{source}: the {what} {wide.index[0]!r} covers {wide.iloc[0]:,} of {len(own):,} "
                f"images{others}, which stay in one split: if it means that the {what} is not "
                "known, leave its cells empty."
            )
    return warnings


def drop_zero_ids(table: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Empty the ids "0" of sources in which it stands for many images and no other id does.

    Args:
        table: The columns `source`, `lesion_id` and `patient_id`.

    Returns:
        The table, and a sentence for each source and kind of id.
    """
    table = table.copy()
    notes = []
    for source, own in table.groupby("source", sort=False):
        for column, what in _IDS.items():
            ids = own[column][own[column] != ""]
            zero = ids.str.strip("0.") == ""
            most = ids[~zero].value_counts().max() if not zero.all() else 0
            if zero.sum() <= max(_FEW, LARGE_SHARE * len(own), _FAR_AHEAD * most - 1):
                continue
            table.loc[ids.index[zero], column] = ""
            notes.append(
                f"{source}: the {what} id {ids[zero].iloc[0]!r} stands for {zero.sum():,} of "
                f"{len(own):,} images and counts as missing."
            )
    return table, notes
