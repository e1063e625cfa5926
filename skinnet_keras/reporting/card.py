"""The section on the model card: its intended use, checklists and sources, in short."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from skinnet_keras.evaluation.card import tables as card_tables
from skinnet_keras.evaluation.table import Table
from skinnet_keras.reporting.blocks import Block, Listing, Paragraph, Section, TableBlock


def card_section(card: Mapping[str, Any]) -> Section:
    """What a model card says beyond the rest of the page.

    Args:
        card: As `evaluation.card.build.build_card` returns it.
    """
    model = card["model"]
    entries = [
        *(("architecture", part) for part in model["architecture"]),
        *(("input", part) for part in model["inputs"]),
        ("output", model["output"]),
        *(
            (name, f"{size['bytes']:,} bytes, SHA-256 {size['sha256']}")
            for name, size in model["files"].items()
        ),
    ]
    blocks: list[Block] = [
        *(Paragraph(text) for text in card["intended_use"]),
        Listing(entries),
        TableBlock(_counts(card["checklists"])),
        TableBlock(card_tables.sources_table(card), folded=True, words=True),
        *(
            TableBlock(card_tables.checklist_table(checklist), folded=True, words=True)
            for checklist in card["checklists"]
        ),
        Paragraph("skinnet card RUN --out FOLDER writes the whole card as Markdown and JSON."),
    ]
    return Section("card", "Model card", blocks)


def _counts(checklists: list[dict[str, Any]]) -> Table:
    rows = tuple(
        (each["title"], *(str(each["counts"][status]) for status in ("answered", "partly", "open")))
        for each in checklists
    )
    headings = ("Checklist", "Answered by the run", "In part", "Open for the authors")
    return Table("Reporting checklists: items", headings, rows)
