"""What `build_catalogue` found and did, for people and for `--json`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from skinnet_keras.data.copies import LabelConflict
from skinnet_keras.data.sources import SourceTable
from skinnet_keras.data.splits import SPLITS
from skinnet_keras.taxonomy import LABELS


@dataclass(frozen=True)
class BuildReport:
    """The counts of a build.

    Attributes:
        rows: Images in the catalogue, copies among them.
        kept: Images that are nobody's copy.
        sources: Source -> `rows`, `without_image` (listed, but the file is absent), `unreadable`,
            `duplicates`, `kept`, `unlabelled` (of the kept).
        classes: Label -> split -> kept images.
        duplicates: Cause -> images left to a kept copy because of it: `same_id`, `same_bytes`,
            `same_picture`.
        label_conflicts: Copies whose labels disagreed, and what was decided.
        unreadable: One sentence for each image left out.
        masks_left_out: One sentence for each mask that does not fit its image.
        largest_group: Name of the group with most images.
        largest_group_images: Its images, copies among them.
        notes: Sentences for the user.
    """

    rows: int
    kept: int
    sources: dict[str, dict[str, int]]
    classes: dict[str, dict[str, int]]
    duplicates: dict[str, int]
    label_conflicts: list[LabelConflict]
    unreadable: list[str]
    masks_left_out: list[str]
    largest_group: str
    largest_group_images: int
    notes: list[str]

    def to_dict(self) -> dict[str, Any]:
        """Return plain dicts, lists, text and numbers."""
        return asdict(self)


def class_counts(table: pd.DataFrame) -> dict[str, dict[str, int]]:
    """Count kept images by label and split; labels without images are left out."""
    kept = table[table["duplicate_of"] == ""]
    counts = kept.groupby(["label", "split"]).size()
    return {
        label: {split: int(counts.get((label, split), 0)) for split in SPLITS}
        for label in LABELS
        if (kept["label"] == label).any()
    }


def source_counts(
    table: pd.DataFrame, tables: Mapping[str, SourceTable]
) -> dict[str, dict[str, int]]:
    """Count what became of each source's images.

    Args:
        table: The catalogue's table, without the unreadable images.
        tables: Source name -> what its reader returned.
    """
    counts = {}
    for name, source in tables.items():
        own = table[table["source"] == name]
        kept = own[own["duplicate_of"] == ""]
        counts[name] = {
            "rows": len(own),
            "without_image": source.without_image,
            "unreadable": len(source.rows) - len(own),
            "duplicates": len(own) - len(kept),
            "kept": len(kept),
            "unlabelled": int((kept["label"] == "").sum()),
        }
    return counts
