"""The model card of a run: read what it says, and write it down."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skinnet_keras.atomic import atomic_file
from skinnet_keras.evaluation.calibration.scaling import Calibration
from skinnet_keras.evaluation.card.build import build_card
from skinnet_keras.evaluation.card.markdown import card_markdown
from skinnet_keras.evaluation.resamples import DEFAULT_RESAMPLES
from skinnet_keras.evaluation.subgroups.plot import plot_subgroups
from skinnet_keras.evaluation.subgroups.report import subgroup_report
from skinnet_keras.reporting.subgroup_input import subgroup_input
from skinnet_keras.runs.run import Run

CARD_FILES = ("MODEL_CARD.md", "card.json", "subgroups.png")
"""What `write_card` writes."""


@dataclass(frozen=True)
class RunCard:
    """A model card.

    Attributes:
        title: What is scored, for the figure.
        content: As `evaluation.card.build.build_card` gives it.
    """

    title: str
    content: dict[str, Any]

    def markdown(self, *, picture: str | None = None) -> str:
        """The card as Markdown; `picture` is the file name of the forest plot beside it."""
        return card_markdown(self.content, picture=picture)

    def write(self, directory: Path) -> None:
        """Write `CARD_FILES` to a folder, each whole or not at all."""
        markdown, data, picture = CARD_FILES
        texts = {
            markdown: self.markdown(picture=picture),
            data: json.dumps(self.content, indent=2, allow_nan=False) + "\n",
        }
        for name, text in texts.items():
            with atomic_file(directory / name) as temporary:
                temporary.write_text(text, encoding="utf-8")
        plot_subgroups(self.content["subgroups"], directory / picture, title=self.title)


def read_card(
    run: Path,
    *,
    split: str = "test",
    bootstrap: int = DEFAULT_RESAMPLES,
    seed: int = 0,
    data: Path | None = None,
    calibration: Calibration | None = None,
) -> RunCard:
    """Compose the card of a finished run of a classifier.

    Args:
        run: The run directory.
        split: Which of its predictions are reported.
        bootstrap: Resamples of lesions behind the intervals; 0 = none.
        seed: Seed of the bootstrap.
        data: Where its catalogue lies now, as for `Run.open`.
        calibration: What the probabilities are calibrated with before they are scored.

    Raises:
        UserError: The run has no such predictions, or a file of it is damaged.
    """
    opened = Run.open(run, data=data)
    catalogue = opened.load_catalogue()
    given = subgroup_input(run, catalogue, split, None)
    scored, kind = given.scored, None
    if calibration is not None:
        scored, kind = calibration.apply_to(scored), calibration.kind
    report = subgroup_report(scored, given.attributes, bootstrap=bootstrap, seed=seed)
    content = build_card(run, opened.config, catalogue, split, scored, report, calibration=kind)
    return RunCard(given.name, content)
