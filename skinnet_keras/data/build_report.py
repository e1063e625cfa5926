"""What `build_catalogue` found and did, for people and for `--json`."""

from __future__ import annotations

from collections import Counter
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
        reused: Images that an earlier build had read.
        sources: Source -> `listed` images, `without_image` (the file is absent), `unreadable`,
            `rows` in the catalogue, `duplicates`, `kept`, `unlabelled` (of the kept).
        listed: Source -> what its lists say, images or not: `diagnoses` (its own word -> images)
            and `downsampled_names` (image names that end in `_downsampled`).
        classes: Label -> split -> kept images.
        duplicates: Cause -> images left to a kept copy because of it: `same_id`, `same_bytes`,
            `same_pixels`, `same_picture`.
        duplicate_pairs: Cause -> pair of sources -> pairs of copies.
        label_conflicts: Copies whose labels disagreed, and what was decided.
        unreadable: One sentence for each image left out.
        masks_left_out: One sentence for each mask that does not fit its image or is of more than
            two values.
        masks: What is odd about the others, see `skinnet_keras.data.mask_facts.MaskFacts`.
        largest_group: Name of the group with most images.
        largest_group_images: Its images, copies among them.
        notes: Sentences for the user.
    """

    rows: int
    kept: int
    reused: int
    sources: dict[str, dict[str, int]]
    listed: dict[str, dict[str, Any]]
    classes: dict[str, dict[str, int]]
    duplicates: dict[str, int]
    duplicate_pairs: dict[str, dict[str, int]]
    label_conflicts: list[LabelConflict]
    unreadable: list[str]
    masks_left_out: list[str]
    masks: dict[str, Any]
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
            "listed": len(source.rows) + source.without_image,
            "without_image": source.without_image,
            "unreadable": len(source.rows) - len(own),
            "rows": len(own),
            "duplicates": len(own) - len(kept),
            "kept": len(kept),
            "unlabelled": int((kept["label"] == "").sum()),
        }
    return counts


def listed_counts(tables: Mapping[str, SourceTable]) -> dict[str, dict[str, Any]]:
    """Count what the sources' own lists say, for comparison with the official totals.

    Args:
        tables: Source name -> what its reader returned.
    """
    return {
        name: {
            "diagnoses": dict(sorted(Counter(source.diagnoses.values()).items())),
            "downsampled_names": sum(stem.endswith("_downsampled") for stem in source.diagnoses),
        }
        for name, source in tables.items()
    }
