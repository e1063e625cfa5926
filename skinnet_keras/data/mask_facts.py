"""What is odd about a catalogue's masks: empty, full, perhaps inverted, turned like their image."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

_NAMED = 3
_BORDER = 0.9


@dataclass(frozen=True)
class MaskFact:
    """What was seen of one mask.

    Attributes:
        image_id: Its image.
        area: Share of its pixels that are lesion, 0..1.
        border: Likewise of the pixels along its border.
        turning: As in `skinnet_keras.data.image_masks`.
    """

    image_id: str
    area: float
    border: float
    turning: str


@dataclass(frozen=True)
class MaskFacts:
    """The masks of a catalogue that somebody should look at; lists name images.

    Attributes:
        masks: Number of all masks.
        empty: Without a lesion pixel.
        full: Without a pixel that is not lesion.
        bordered: Neither, with lesion along nearly all of their border, as inverted masks have.
        turned: Turned like their image, whose EXIF orientation they had not followed.
        undecided: On an image with an EXIF orientation, and as well one way as the other: left as
            they are.
    """

    masks: int
    empty: list[str]
    full: list[str]
    bordered: list[str]
    turned: list[str]
    undecided: list[str]

    @classmethod
    def collect(cls, facts: Iterable[MaskFact]) -> MaskFacts:
        """Sort out what was seen of the masks."""
        facts = list(facts)
        return cls(
            masks=len(facts),
            empty=[fact.image_id for fact in facts if fact.area == 0],
            full=[fact.image_id for fact in facts if fact.area == 1],
            bordered=[fact.image_id for fact in facts if fact.border >= _BORDER and fact.area < 1],
            turned=[fact.image_id for fact in facts if fact.turning == "turned"],
            undecided=[fact.image_id for fact in facts if fact.turning == "undecided"],
        )

    def sentences(self) -> list[str]:
        """One sentence for each kind there is, with a count and the first images."""
        kinds = (
            (self.empty, "without a lesion pixel"),
            (self.full, "with nothing but lesion"),
            (self.bordered, "with lesion along nearly all of their border (inverted?)"),
            (self.turned, "turned as the EXIF orientation turns their images"),
            (
                self.undecided,
                "left as stored, though EXIF turns their images: they fit both ways",
            ),
        )
        return [
            f"{len(ids):,} of {self.masks:,} masks {what}: {named(ids)}."
            for ids, what in kinds
            if ids
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return plain lists, text and numbers."""
        return asdict(self)


def named(ids: list[str]) -> str:
    """Return the first few names, and how many more there are."""
    more = len(ids) - _NAMED
    return ", ".join(ids[:_NAMED]) + (f" and {more:,} more" if more > 0 else "")
