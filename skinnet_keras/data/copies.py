"""Which copy of a picture is kept, and what it inherits from the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from skinnet_keras.data.duplicates import compare_pictures
from skinnet_keras.data.fingerprints import Fingerprint
from skinnet_keras.data.groups import components, equal_keys
from skinnet_keras.data.sources import SOURCES, source_named

CAUSES = ("same_id", "same_bytes", "same_pixels", "same_picture")
"""Why two images count as copies, the strongest cause first."""

SAME_VIEW = "same_view"
"""Why two images are of one lesion though neither is a copy: they agree after a small shift."""

_PATIENT = ("age", "sex", "site")
_IDS = ("lesion_id", "patient_id")
_TRUST = {name: rank for rank, name in enumerate(SOURCES)}


@dataclass(frozen=True)
class LabelConflict:
    """Copies of one picture with different labels.

    Attributes:
        kept: `image_id` of the kept copy.
        labels: `image_id` -> the label its own source gives it.
        resolved: The label the kept copy got.
    """

    kept: str
    labels: dict[str, str]
    resolved: str


@dataclass(frozen=True)
class Copies:
    """What was found about copies.

    Attributes:
        table: The rows with `duplicate_of`, the kept copies completed (see `resolve_copies`).
        pairs: Pairs of copies, and of images with the `cause` `SAME_VIEW`, which are both kept
            but must not be split: `image_id`, `other_id`, `source`, `other_source`, `cause` (the
            first of `CAUSES` that holds) and `similarity` (correlation of the pixels once laid on
            one another, 0..1; NaN where the pixels do not show that the id is right). Of many
            images with one key, each is paired with the first.
        causes: Cause -> the copies it adds to those of the causes before it.
        conflicts: Copies with different labels.
        kept_copies: Source -> its images that are kept though another copy is better, as an
            official test set is kept whole.
    """

    table: pd.DataFrame
    pairs: pd.DataFrame
    causes: dict[str, int]
    conflicts: list[LabelConflict]
    kept_copies: dict[str, int]


def find_copies(
    table: pd.DataFrame,
    prints: Sequence[Fingerprint],
    *,
    orientations: bool = False,
    keep_test: bool = False,
) -> Copies:
    """Find the copies of each picture: equal id, bytes or pixels, or pixels that agree.

    Args:
        table: Rows as `assemble` returns them.
        prints: The fingerprint of each row.
        orientations: Whether to look for flipped and rotated copies too.
        keep_test: Whether all images of official test sets are kept, copies or not.
    """
    keys = {
        "same_id": [
            f"{source_named(source).provider}:{stem.removesuffix('_downsampled')}"
            for source, stem in table[["source", "stem"]].itertuples(index=False)
        ],
        "same_bytes": [item.sha256 for item in prints],
        "same_pixels": [item.pixels_sha256 for item in prints],
    }
    compared = compare_pictures(prints, orientations=orientations)
    evidence = {cause: equal_keys(own) for cause, own in keys.items()}
    evidence[CAUSES[-1]] = compared.pairs[compared.copies]
    causes: dict[str, int] = {}
    linked: list[np.ndarray] = []
    pictures = np.arange(len(table))
    for cause, rows in evidence.items():
        before = pictures.max(initial=-1) + 1
        linked.append(rows)
        pictures = components(len(table), *linked)
        causes[cause] = int(before - (pictures.max(initial=-1) + 1))
    views = compared.pairs[compared.same_view]
    views = views[pictures[views[:, 0]] != pictures[views[:, 1]]]
    linked_rows = np.unique(np.concatenate([*linked, views]), axis=0)
    pairs = _pair_table(table, keys, linked_rows)
    seen = compared.copies | compared.same_view
    measured = dict(
        zip(
            map(tuple, compared.pairs[seen].tolist()),
            compared.correlation[seen].tolist(),
            strict=True,
        )
    )
    pairs["similarity"] = [measured.get(pair, np.nan) for pair in map(tuple, linked_rows.tolist())]
    pairs.loc[pairs["cause"].isin(["same_bytes", "same_pixels"]), "similarity"] = 1.0
    in_view = pictures[linked_rows[:, 0]] != pictures[linked_rows[:, 1]]
    pairs.loc[in_view, "cause"] = SAME_VIEW
    whole = (table["official_split"] == "test") if keep_test else None
    table, conflicts, kept_copies = resolve_copies(
        table, pictures, [item.width * item.height for item in prints], whole
    )
    return Copies(table, pairs, causes, conflicts, kept_copies)


def count_pairs(pairs: pd.DataFrame) -> dict[str, dict[str, int]]:
    """Count pairs of copies by cause and by their two sources.

    Args:
        pairs: `Copies.pairs`.

    Returns:
        Cause -> "source + source" (in alphabetical order) -> pairs; every cause is there.
    """
    counts: dict[str, dict[str, int]] = {cause: {} for cause in (*CAUSES, SAME_VIEW)}
    for cause, *sources in pairs[["cause", "source", "other_source"]].itertuples(index=False):
        name = " + ".join(sorted(sources))
        counts[cause][name] = counts[cause].get(name, 0) + 1
    return {cause: dict(sorted(own.items())) for cause, own in counts.items()}


def _pair_table(table: pd.DataFrame, keys: dict[str, list[str]], rows: np.ndarray) -> pd.DataFrame:
    left, right = (table.iloc[rows[:, side]].reset_index(drop=True) for side in (0, 1))
    cause = np.full(len(rows), CAUSES[-1], dtype=object)
    for name in reversed(keys):
        own = np.array(keys[name], dtype=object)
        cause[own[rows[:, 0]] == own[rows[:, 1]]] = name
    return pd.DataFrame(
        {
            "image_id": left["image_id"],
            "other_id": right["image_id"],
            "source": left["source"],
            "other_source": right["source"],
            "cause": cause,
        }
    )


def resolve_copies(
    table: pd.DataFrame,
    pictures: np.ndarray,
    pixels: Sequence[int],
    whole: pd.Series | None = None,
) -> tuple[pd.DataFrame, list[LabelConflict], dict[str, int]]:
    """Keep the best copy of each picture and complete it from the others.

    The best copy is the one with a mask; among those (or if none has one) the one with the most
    pixels, width x height; then the most values among age, sex, site, lesion and patient id; then
    the source that comes first in `SOURCES`; then the first `image_id`. Pixels are counted in the
    file, not in the lesion, so a crop can win: HAM10000 as centre crops of 224 x 224, half a
    pixel a pixel of the original 600 x 450, beats the whole picture squashed to 180 x 180, at
    0.3 and 0.4; it sees the lesion sharper and less of the skin around it.

    The kept copy's age, sex, site and (within one provider) lesion and patient ids are filled in
    where missing, from the next best copy that has them. Its label is that of the copy whose
    source comes first in `SOURCES`. Masks stay with their own image, whose geometry they have.

    The score on an official test set needs all its images: of a picture that is in `whole`, those
    copies are all kept, each with its own label where it has one, and no other copy is.

    Args:
        table: Rows as `assemble` returns them.
        pictures: int array of shape (N,): rows with one number show the same picture.
        pixels: Width x height of each row.
        whole: Bool, of each row: whether it is kept whatever its copies are; None: none is.

    Returns:
        The table with `duplicate_of` (the kept copy's `image_id`, or "") and the kept rows
        completed; the label conflicts; and source -> rows of `whole` that are kept though they
        are not the best copy.
    """
    if whole is None:
        whole = pd.Series(False, index=table.index)
    kept_copies: Counter[str] = Counter()
    table = table.assign(duplicate_of="", pixels=pixels)
    table["filled"] = (table[[*_PATIENT, *_IDS]] != "").sum(axis=1)
    table["trust"] = [_TRUST.get(name, _TRUST["folder"]) for name in table["source"]]
    table["provider"] = [source_named(name).provider for name in table["source"]]
    conflicts = []
    with_copies = table[pd.Series(pictures, index=table.index).duplicated(keep=False)]
    for _, copies in with_copies.groupby(pictures[with_copies.index]):
        ranked = copies.assign(mask=copies["mask_path"] != "").sort_values(
            ["mask", "pixels", "filled", "trust", "image_id"],
            ascending=[False, False, False, True, True],
        )
        in_test = whole[ranked.index]
        kept = ranked.index[in_test] if in_test.any() else ranked.index[:1]
        kept_copies.update(ranked["source"].iloc[1:][in_test.iloc[1:]])
        table.loc[ranked.index.difference(kept), "duplicate_of"] = table.loc[kept[0], "image_id"]
        by_trust = ranked.sort_values("trust", kind="stable")
        for row in kept:
            own_first = ranked.loc[[row, *ranked.index.drop(row)]]
            for column in _PATIENT:
                table.loc[row, column] = _first(own_first[column])
            own_provider = own_first[own_first["provider"] == own_first["provider"].iloc[0]]
            for column in _IDS:
                table.loc[row, column] = _first(own_provider[column])
            if not (in_test[row] and table.loc[row, "label"]):
                table.loc[row, "label"] = _first(by_trust["label"])
            if not table.loc[row, "diagnosis"]:
                table.loc[row, "diagnosis"] = _first(by_trust["diagnosis"])
        label = str(table.loc[kept[0], "label"])
        if copies["label"].replace("", label).nunique() > 1:
            labels = dict(zip(copies["image_id"], copies["label"], strict=True))
            conflicts.append(LabelConflict(str(table.loc[kept[0], "image_id"]), labels, label))
    table = table.drop(columns=["pixels", "filled", "trust", "provider"])
    return table, conflicts, dict(kept_copies)


def _first(values: pd.Series) -> str:
    return next((value for value in values if value), "")
