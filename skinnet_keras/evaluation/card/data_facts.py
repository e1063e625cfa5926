"""What a card says about the data: sources, licences, counts, groups, patients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from skinnet_keras.data.build_record import read_record
from skinnet_keras.data.catalogue import Catalogue
from skinnet_keras.data.citations import data_set_named
from skinnet_keras.data.metadata import SEXES, SITES
from skinnet_keras.data.shortcuts import measure_shortcuts
from skinnet_keras.data.splits import SPLITS
from skinnet_keras.errors import UserError


def describe_data(catalogue: Catalogue, classes: Sequence[str]) -> dict[str, Any]:
    """Describe the images a run was trained and tested on.

    Args:
        catalogue: The catalogue with the run's splits.
        classes: The classes the model predicts.

    Returns:
        By split: `images`, `groups`, `classes` (images by class) and `patients`. Counts of images:
        `copies` (left to a kept copy), `copies_by_cause` (None without a record of the build);
        `unlabelled`, `outside` and `without_split` (kept ones without a label, of a class the
        model does not have, and of its classes in no split). `groups_in_two_splits`,
        `largest_group` (images). `sources`: a dict each of `name, title, images` (by split),
        `citations, licence, licence_url, model_terms, attribution, home`, None where the source is
        no known data set. `build`: `listed, without_image, unreadable, fractions, seed,
        keep_official, splits`, None without a record. `skin_type`: whether the catalogue records
        it. `shortcuts`: sentences on what the sources give away.
    """
    table = catalogue.table
    kept = catalogue.usable()
    used = kept[kept["split"].isin(SPLITS) & kept["label"].isin(classes)]
    parts = {split: used[used["split"] == split] for split in SPLITS}
    splits_of_group = used.groupby("group")["split"].nunique()
    record = read_record(catalogue.root)
    shortcuts = measure_shortcuts(table)
    return {
        "sources": [_source(name, parts) for name in dict.fromkeys(table["source"])],
        "images": {split: len(part) for split, part in parts.items()},
        "groups": {split: part["group"].nunique() for split, part in parts.items()},
        "classes": {
            label: {split: int((part["label"] == label).sum()) for split, part in parts.items()}
            for label in classes
        },
        "groups_in_two_splits": int((splits_of_group > 1).sum()),
        "largest_group": int(used.groupby("group").size().max()) if len(used) else 0,
        "copies": int((table["duplicate_of"] != "").sum()),
        "copies_by_cause": record["report"]["duplicates"] if record else None,
        "unlabelled": int((kept["label"] == "").sum()),
        "without_split": int((kept["label"].isin(classes) & ~kept["split"].isin(SPLITS)).sum()),
        "outside": int((~kept["label"].isin((*classes, ""))).sum()),
        "build": _build(record),
        "patients": {split: _patients(part) for split, part in parts.items()},
        "skin_type": "skin_type" in table.columns,
        "shortcuts": shortcuts.warnings() if shortcuts else [],
    }


def _source(name: str, parts: dict[str, pd.DataFrame]) -> dict[str, Any]:
    images = {split: int((part["source"] == name).sum()) for split, part in parts.items()}
    try:
        known = data_set_named(name)
    except UserError:
        return {
            "name": name,
            "title": None,
            "images": images,
            "citations": [],
            **dict.fromkeys(("licence", "licence_url", "model_terms", "attribution", "home")),
        }
    return {
        "name": name,
        "title": known.title,
        "images": images,
        "citations": [work.citation for work in known.works],
        "licence": known.licence.name,
        "licence_url": known.licence.url or None,
        "model_terms": known.licence.model,
        "attribution": known.attribution or None,
        "home": known.home or None,
    }


def _build(record: dict[str, Any] | None) -> dict[str, Any] | None:
    if record is None:
        return None
    counts = record["report"]["sources"].values()
    totals = {
        key: sum(source[key] for source in counts)
        for key in ("listed", "without_image", "unreadable")
    }
    arguments = record["arguments"]
    return totals | {
        key: arguments.get(key) for key in ("fractions", "seed", "keep_official", "splits")
    }


def _patients(part: pd.DataFrame) -> dict[str, Any]:
    """Age, sex, site and skin type of a split's images; images, as patients are not all known."""
    ages = pd.to_numeric(part["age"], errors="coerce").dropna()
    quartiles = ages.quantile([0.25, 0.5, 0.75]).tolist() if len(ages) else None
    types = part["skin_type"].value_counts().sort_index() if "skin_type" in part.columns else None
    return {
        "images": len(part),
        "age_known": len(ages),
        "age_quartiles": quartiles,
        "sex": {word: int((part["sex"] == word).sum()) for word in (*SEXES, "")},
        "site": {word: int((part["site"] == word).sum()) for word in (*SITES, "")},
        "skin_type": None if types is None else {str(k): int(n) for k, n in types.items()},
    }
