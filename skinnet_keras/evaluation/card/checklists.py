"""Fill the reporting checklists (`checklists/*.yaml`) from a card."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import yaml

from skinnet_keras.evaluation.card.answers import ANSWERS

NAMES = ("claim_2024", "clear_derm_2022", "tripod_ai_2024")

STATUSES = ("answered", "partly", "open")


@dataclass(frozen=True)
class Item:
    """An item of a checklist, in our words.

    Attributes:
        section: Its part of the checklist.
        topic: What it asks for.
        item: Its number, "" where it could not be verified.
        answer: Name in `answers.ANSWERS` of what of a run answers it, "" = nothing.
        authors: What is left to the authors, "" = nothing.
    """

    section: str
    topic: str
    item: str = ""
    answer: str = ""
    authors: str = ""


@dataclass(frozen=True)
class Checklist:
    """A checklist.

    Attributes:
        title: Its name and year.
        citation: Where it was published.
        doi: Its DOI.
        numbering: What the item numbers are.
        items: Its items.
    """

    title: str
    citation: str
    doi: str
    numbering: str
    items: tuple[Item, ...]


def load_checklist(name: str) -> Checklist:
    """Read a packaged checklist.

    Args:
        name: One of `NAMES`.
    """
    file = files(__package__) / "checklists" / f"{name}.yaml"
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    items = tuple(Item(**entry) for entry in content.pop("items"))
    return Checklist(items=items, **content)


def fill_checklist(name: str, card: Mapping[str, Any]) -> dict[str, Any]:
    """Answer the items that a card can answer and list the others as open.

    Args:
        name: One of `NAMES`.
        card: A card with all other sections.

    Returns:
        `title, citation, doi, numbering`, `counts` (status -> items) and `items`: a dict each of
        `item, section, topic, status` (one of `STATUSES`), `answer` and `authors` (None = nothing).
        Where a run does not know the answer, the item is open.
    """
    checklist = load_checklist(name)
    items = []
    for item in checklist.items:
        answer = ANSWERS[item.answer](card) if item.answer else None
        left = item.authors or (None if answer else item.topic)
        status = "open" if answer is None else "partly" if left else "answered"
        items.append(
            {
                "item": item.item,
                "section": item.section,
                "topic": item.topic,
                "status": status,
                "answer": answer,
                "authors": left,
            }
        )
    return {
        "title": checklist.title,
        "citation": checklist.citation,
        "doi": checklist.doi,
        "numbering": checklist.numbering,
        "counts": {status: sum(item["status"] == status for item in items) for status in STATUSES},
        "items": items,
    }
