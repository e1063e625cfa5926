"""The section on where the classifier looks, from what `skinnet explain` left."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from skinnet_keras.evaluation.explanation_plot import plot_curves
from skinnet_keras.evaluation.explanations import (
    RANDOM,
    StoredExplanations,
    explanation_table,
)
from skinnet_keras.reporting.blocks import (
    Block,
    Cards,
    Paragraph,
    Section,
    Sheet,
    TableBlock,
)
from skinnet_keras.reporting.drawings import figure_block, sheet_picture

_PER_SHEET = 24  # images a sheet, as `skinnet explain` draws them


def explanation_section(stored: StoredExplanations, name: str, pictures: int) -> Section:
    """Grad-CAM: how much of it lies on the lesion, whether it matters, and the sheets.

    Args:
        stored: What was stored of the run.
        name: Of the run.
        pictures: Images to show at most, in whole sheets; 0 for none.
    """
    maps = "the predicted class" if stored.asked is None else stored.asked
    drawn = "" if stored.split is None else f" of the split {stored.split}"
    drawn += ", classes in turn" if stored.split and stored.label is None else ""
    drawn += f", all of them {stored.label}" if stored.label else ""
    blocks: list[Block] = [
        Paragraph(
            f"Grad-CAM of {stored.images} images{drawn}, for {maps}. Such maps are coarse: they "
            "tell where the network looks, not what it sees there."
        )
    ]
    cards = _cards(stored.figures)
    if cards:
        blocks.append(Cards(cards))
    if stored.curves:
        blocks.append(
            figure_block(
                lambda path: plot_curves(stored.curves, path),
                "Mean probability of the class while patches go or come; the table below holds "
                "the areas under the curves",
                "Bands: 95 % interval over images. A map that matters falls faster and rises "
                "sooner than random order.",
                wide=True,
            )
        )
    blocks.append(TableBlock(explanation_table(stored.figures, name), folded=True))
    sheets = stored.sheets[: -(-pictures // _PER_SHEET)]
    blocks += [
        Sheet(
            sheet_picture(sheet),
            f"Contact sheet {number}: each image with the outline of the mask and the maps",
            "Image, true class and the class asked about with its probability (red: mistaken), "
            "then a map a branch with its share inside the lesion."
            if number == len(sheets)
            else "",
        )
        for number, sheet in enumerate(sheets, start=1)
    ]
    return Section("explanations", "Explanations", blocks)


def _cards(figures: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, str, str]]:
    """Share inside the lesion and the two areas of every branch, beside what chance gives."""
    cards = []
    suffix = "_inside"
    area = figures.get("area_of_lesion", {}).get("mean")
    for key, value in figures.items():
        branch = key.removesuffix(suffix)
        if not key.endswith(suffix) or value["mean"] is None:
            continue
        beside = "" if area is None else f"the lesion takes {100 * area:.0f} % of the image"
        title = f"Map inside the lesion ({branch})"
        cards.append((title, f"{100 * value['mean']:.0f} %", beside))
        for curve in ("deletion", "insertion"):
            own, chance = figures.get(f"{branch}_{curve}"), figures.get(f"{RANDOM}_{curve}")
            if own and chance and own["mean"] is not None and chance["mean"] is not None:
                note = f"random order {chance['mean']:.3f}"
                cards.append((f"Area, {curve} ({branch})", f"{own['mean']:.3f}", note))
    return cards
