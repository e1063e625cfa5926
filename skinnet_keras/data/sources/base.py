"""What every reader returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class SourceRow:
    """One image of a data set; "" stands for a missing value.

    Attributes:
        stem: The image's name in its data set, without suffix; unique within the data set.
        path: Image file, POSIX path relative to the source's root.
        mask_path: Ground-truth lesion mask, likewise.
        diagnosis: The data set's own word.
        lesion_id: Lesion, in the provider's namespace.
        patient_id: Patient, in the provider's namespace.
        age: Years.
        sex: The data set's own word.
        site: The data set's own word for the anatomical site.
        skin_type: Fitzpatrick skin type, "1" to "6".
        official_split: "train", "val" or "test" where the data set fixes it.
        series: Images that one patient probably shares, by a sign weaker than an id; named within
            the source.
    """

    stem: str
    path: str
    mask_path: str = ""
    diagnosis: str = ""
    lesion_id: str = ""
    patient_id: str = ""
    age: str = ""
    sex: str = ""
    site: str = ""
    skin_type: str = ""
    official_split: str = ""
    series: str = ""


@dataclass(frozen=True)
class SourceTable:
    """What a reader found.

    Attributes:
        name: The source's name.
        rows: The rows whose image is there.
        without_image: Number of listed images that are absent.
        missing: Sentences on listed images that are absent, images that are not listed, and
            entries that cannot be read.
        notes: Other sentences for the user.
        diagnoses: Stem -> the data set's own word for every listed image, also for absent ones;
            "" where it gives none.
    """

    name: str
    rows: list[SourceRow]
    without_image: int = 0
    missing: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    diagnoses: Mapping[str, str] = field(default_factory=dict)


def join_tables(name: str, parts: list[SourceTable]) -> SourceTable:
    """Put the parts of a data set (training, validation, test) together."""
    return SourceTable(
        name,
        rows=[row for part in parts for row in part.rows],
        without_image=sum(part.without_image for part in parts),
        missing=[sentence for part in parts for sentence in part.missing],
        notes=[note for part in parts for note in part.notes],
        diagnoses={stem: word for part in parts for stem, word in part.diagnoses.items()},
    )
