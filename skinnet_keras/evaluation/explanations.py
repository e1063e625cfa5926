"""What `skinnet explain` leaves in a folder: figures, curves and sheets, and how they are shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skinnet_keras.evaluation.stored_results import UnusableResultError, read_result
from skinnet_keras.evaluation.table import UNDEFINED, Table, number

SUMMARY_FILE = "summary.json"
FOLDER = "explanations"
"""Of a run, where nobody names another one."""

CURVES = ("deletion", "insertion")

RANDOM = "random"
"""Name, among the branches' curves, of those of a random order."""


@dataclass(frozen=True)
class StoredExplanations:
    """A folder of explanations, as far as it is shown again.

    Attributes:
        images: How many were explained.
        split: Of the run that they are from; None for photographs.
        label: The only true class they were drawn from; None for classes in turn.
        asked: The class the maps are for; None for each image's predicted class.
        figures: Name -> `mean`, `interval`, `n`, None = undefined.
        curves: Branch, or "random" -> one of `CURVES` -> `mean` and `interval` along the curve,
            lists of the same length; empty without the perturbation.
        sheets: The contact sheets, those of them that are there.
    """

    images: int
    split: str | None
    label: str | None
    asked: str | None
    figures: Mapping[str, Mapping[str, Any]]
    curves: Mapping[str, Mapping[str, Mapping[str, Any]]]
    sheets: Sequence[Path]

    @classmethod
    def read(cls, folder: Path, weights: Mapping[str, str]) -> StoredExplanations:
        """Read a folder that `skinnet explain` wrote.

        Args:
            folder: It.
            weights: Hashes of the run's model files as they are now.

        Raises:
            UnusableResultError: It is missing, damaged or of other weights.
        """
        file = folder / SUMMARY_FILE
        content = read_result(file, weights)
        try:
            # A sheet's name is a name, wherever a damaged file would point.
            sheets = [folder / Path(name).name for name in content["sheets"]]
            found = cls(
                images=int(content["images"]),
                split=content["split"],
                label=content["label"],
                asked=content["asked"],
                figures=content["figures"],
                curves=content["curves"],
                sheets=[sheet for sheet in sheets if sheet.is_file()],
            )
            explanation_table(found.figures, "")
            for branch in found.curves.values():
                for curve in CURVES:
                    if len(branch[curve]["mean"]) != len(branch[curve]["interval"]):
                        raise ValueError(curve)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise UnusableResultError(file, f"{file.name} is damaged") from error
        return found


def explanation_table(figures: Mapping[str, Mapping[str, Any]], name: str) -> Table:
    """The means as a table.

    Args:
        figures: Name -> `mean`, `interval`, `n`.
        name: What was explained, for the title.
    """
    rows = []
    for key, value in figures.items():
        bounds = value["interval"]
        rows.append(
            (
                key.replace("_", " "),
                number(value["mean"]),
                UNDEFINED if bounds is None else f"{bounds[0]:.4f} .. {bounds[1]:.4f}",
                str(value["n"]),
            )
        )
    return Table(
        title=f"Explanations: {name}",
        headings=("Figure", "Mean", "95 % interval", "Images"),
        rows=tuple(rows),
        footnotes=(
            "inside: share of the map's sum inside the lesion; less area: minus the lesion's share "
            "of the image (0 = a map that ignores the lesion).",
            "deletion, insertion: area under the class's probability while the marked patches go "
            "or come; less random: minus patches in random order. A map that matters is below 0 "
            "and above 0. Intervals: bootstrap over images.",
        ),
    )
