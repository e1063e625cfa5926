"""The sections that need the run's networks, made from what other verbs left: nothing is run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from skinnet_keras.evaluation.explanations import FOLDER, StoredExplanations
from skinnet_keras.evaluation.ood import FILE
from skinnet_keras.evaluation.stored_results import UnusableResultError
from skinnet_keras.reporting.blocks import Paragraph, Section
from skinnet_keras.reporting.explanations import explanation_section
from skinnet_keras.reporting.unknown_input import read_detection, unknown_input_section
from skinnet_keras.runs.files import BEST_FILE
from skinnet_keras.runs.run import Run

_Found = TypeVar("_Found")


def network_sections(
    run: Run, name: str, pictures: int, *, explanations: Path | None, ood: Path | None
) -> list[Section]:
    """Explanations and unknown input, or which command would add them.

    Args:
        run: The run.
        name: Its name.
        pictures: Images of a contact sheet to show at most.
        explanations: Folder of explanations; None for the run's own, if there are any.
        ood: Likewise the file on unknown input.

    Returns:
        Two sections; none for a run without a network.

    Raises:
        UnusableResultError: One that is named is missing, damaged or of other weights.
    """
    weights = run.weight_hashes()
    if BEST_FILE not in weights:
        return []
    return [
        _section(
            lambda: StoredExplanations.read(explanations or run.directory / FOLDER, weights),
            lambda stored: explanation_section(stored, name, pictures),
            ("explanations", "Explanations", "explain"),
            named=explanations is not None,
        ),
        _section(
            lambda: read_detection(ood or run.directory / FILE, weights),
            lambda sets: unknown_input_section(sets, name),
            ("unknown", "Unknown input", "ood"),
            named=ood is not None,
        ),
    ]


def _section(
    read: Callable[[], _Found],
    show: Callable[[_Found], Section],
    heading: tuple[str, str, str],
    *,
    named: bool,
) -> Section:
    anchor, title, verb = heading
    try:
        found = read()
    except UnusableResultError as error:
        if named:
            raise
        sentence = f"Not here, as {error.reason}: skinnet {verb} RUN adds it to the next page."
        return Section(anchor, title, [Paragraph(sentence)])
    return show(found)
