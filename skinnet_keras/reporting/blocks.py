"""What a report consists of: sections of paragraphs, tables, figures, cards and galleries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from skinnet_keras.evaluation.table import Table


@dataclass(frozen=True)
class Paragraph:
    """A paragraph of plain text; `tone` "warning" puts it into a box."""

    kind: ClassVar[str] = "paragraph"
    text: str
    tone: Literal["plain", "warning"] = "plain"


@dataclass(frozen=True)
class Notes:
    """Several warnings in one box."""

    kind: ClassVar[str] = "notes"
    lines: Sequence[str]


@dataclass(frozen=True)
class Cards:
    """The headline: a few figures in large type.

    Attributes:
        cards: Label, value and the small print under it.
    """

    kind: ClassVar[str] = "cards"
    cards: Sequence[tuple[str, str, str]]


@dataclass(frozen=True)
class TableBlock:
    """A table; the first column names the row.

    Attributes:
        table: It.
        folded: Whether it is hidden behind its title.
        words: Whether its cells are words, which wrap, and not numbers to be lined up.
    """

    kind: ClassVar[str] = "table"
    table: Table
    folded: bool = False
    words: bool = False


@dataclass(frozen=True)
class FigureBlock:
    """A drawing.

    Attributes:
        svg: The whole `<svg>` element; it is written into the page as it is.
        description: What it shows, for those who cannot see it.
        caption: A sentence under it.
        wide: Whether it takes the width of the page.
    """

    kind: ClassVar[str] = "figure"
    svg: str
    description: str
    caption: str = ""
    wide: bool = False


@dataclass(frozen=True)
class Picture:
    """A photograph of a gallery.

    Attributes:
        source: Its data URI.
        title: The line in bold type.
        lines: Further lines.
    """

    source: str
    title: str
    lines: Sequence[str]


@dataclass(frozen=True)
class Gallery:
    """Photographs side by side."""

    kind: ClassVar[str] = "gallery"
    pictures: Sequence[Picture]


@dataclass(frozen=True)
class Sheet:
    """A wide picture, such as a contact sheet; narrow screens scroll along it.

    Attributes:
        source: Its data URI.
        description: What it shows, for those who cannot see it.
        caption: A sentence under it.
    """

    kind: ClassVar[str] = "sheet"
    source: str
    description: str
    caption: str = ""


@dataclass(frozen=True)
class Listing:
    """Names and values, such as versions."""

    kind: ClassVar[str] = "listing"
    entries: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Code:
    """Text with its line breaks, such as a configuration, behind its title."""

    kind: ClassVar[str] = "code"
    title: str
    text: str


Block = Paragraph | Notes | Cards | TableBlock | FigureBlock | Gallery | Sheet | Listing | Code


@dataclass(frozen=True)
class Section:
    """A chapter of the page.

    Attributes:
        anchor: Its id, for links.
        title: Its heading.
        blocks: What it holds, in order.
    """

    anchor: str
    title: str
    blocks: Sequence[Block]
