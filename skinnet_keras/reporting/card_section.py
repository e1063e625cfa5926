"""The section on the model card: its intended use, checklists and sources, in short."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from skinnet_keras.evaluation.card import tables as card_tables
from skinnet_keras.evaluation.table import Table
from skinnet_keras.reporting.blocks import Block, Paragraph, Section, TableBlock


def card_section(card: Mapping[str, Any]) -> Section:
    """What a model card says beyond the rest of the page.

    Args:
        card: As `evaluation.card.build.build_card` returns it.
    """
    model = card["model"]
    rows = [
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
        TableBlock(Table("Model", ("What", "Which"), tuple(rows)), words=True),
        TableBlock(card_tables.sources_table(card), words=True),
        TableBlock(_counts(card["checklists"])),
    ]
    return Section("card", "Model card", blocks)


def _counts(checklists: list[dict[str, Any]]) -> Table:
    rows = tuple(
        (each["title"], *(str(each["counts"][status]) for status in ("answered", "partly", "open")))
        for each in checklists
    )
    headings = ("Checklist", "Answered by the run", "In part", "Open for the authors")
    note = "skinnet card RUN --out FOLDER writes the card with the answers, as Markdown and JSON."
    return Table("Reporting checklists: items", headings, rows, (note,))
