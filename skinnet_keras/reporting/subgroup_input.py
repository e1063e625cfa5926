"""What subgroups are made of: predictions, the catalogue's rows of their images, image sizes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from skinnet_keras.data.catalogue import Catalogue
from skinnet_keras.data.image_sizes import read_sizes
from skinnet_keras.errors import UserError
from skinnet_keras.evaluation.predictions import Predictions, predictions_path, read_predictions
from skinnet_keras.evaluation.subgroups.attributes import (
    ATTRIBUTES,
    Attribute,
    ImageRows,
    available_attributes,
    divide,
    join_rows,
)
from skinnet_keras.runs.masks import read_mask_table


@dataclass(frozen=True)
class SubgroupInput:
    """What a subgroup report is made from.

    Attributes:
        name: What is scored, for titles.
        scored: Its labelled predictions, with groups.
        attributes: The divisions.
        notes: Sentences on what could not be had.
    """

    name: str
    scored: Predictions
    attributes: list[Attribute]
    notes: list[str]


def read_subgroup_input(
    source: Path, data: Path | None, split: str, asked: Sequence[str] | None
) -> SubgroupInput:
    """Read predictions and divide their images.

    Args:
        source: A run directory or a predictions file.
        data: Catalogue folder, for a run where its own lies now; None for the run's own.
        split: Which predictions of a run.
        asked: Names of attributes; None for all that the images have.

    Raises:
        UserError: A file or the catalogue is missing or damaged, the catalogue is not the run's,
            an image is not in it, or an attribute is unknown or not recorded.
    """
    _names(asked)  # before anything slow is done
    predictions_path(source, split)
    if (source / "environment.json").is_file():
        from skinnet_keras.runs.run import Run  # brings scikit-learn, which a file does without

        catalogue = Run.open(source, data=data).load_catalogue()
    elif data is None:
        raise UserError(f"{source} is no run and names no catalogue: give it with --data.")
    else:
        catalogue = Catalogue.load(data)
    return subgroup_input(source, catalogue, split, asked)


def subgroup_input(
    source: Path, catalogue: Catalogue, split: str, asked: Sequence[str] | None
) -> SubgroupInput:
    """The same with a catalogue that has been read already."""
    names = _names(asked)
    file = predictions_path(source, split)
    scored = read_predictions(file).scored()
    if not scored.labels:
        raise UserError(f"{file} holds no labelled row: there is nothing to score.")
    table = join_rows(scored.image_ids, catalogue, file)
    if scored.groups is None:
        scored = replace(scored, groups=table["group"].tolist())
    notes = []
    if (source / "environment.json").is_file():
        split_rows = catalogue.usable([split])
        measured = split_rows[split_rows["label"].isin(scored.classes)]
        lacking = len(set(measured["image_id"]) - set(scored.image_ids))
        if lacking:
            notes.append(
                f"{file.name} lacks {lacking} of the {len(measured)} labelled images of the split "
                f"{split}: unless that is meant, let the run measure itself again with `skinnet "
                f"train --resume {source}`."
            )
    sizes = None
    if names is None or "size" in names:
        sizes = read_sizes(catalogue, scored.image_ids)
        unread = len(scored.image_ids) - len(sizes)
        if unread:
            notes.append(
                f"{unread} of {len(scored.image_ids)} original images could not be read, so their "
                "size is not known."
            )
    rows = ImageRows(table, sizes, mask_origins(source))
    if "skin_type" not in table.columns and names is None:
        notes.append("The catalogue does not record skin types, so nothing is said about them.")
    chosen = available_attributes(rows) if names is None else names
    title = f"{source.resolve().name} ({split})" if source.is_dir() else file.name
    return SubgroupInput(title, scored, [divide(name, rows) for name in chosen], notes)


def mask_origins(run: Path) -> dict[str, str] | None:
    """Where the masks came from that a run's classifier saw; None where it has no table of them.

    Args:
        run: The run directory.

    Returns:
        Image id -> the network, and whether it was trained on the image.
    """
    known = {"1": ", trained on it", "0": "", "": ""}
    rows = read_mask_table(run)
    if rows is None:
        return None
    return {row["image_id"]: row["mask_origin"] + known.get(row["in_sample"], "") for row in rows}


def _names(asked: Sequence[str] | None) -> list[str] | None:
    """The attributes asked for, each once."""
    if asked is None:
        return None
    for name in asked:
        if name not in ATTRIBUTES:
            raise UserError(f"--by: there is no attribute '{name}': use {', '.join(ATTRIBUTES)}.")
    if not asked:
        raise UserError(f"--by names no attribute: use some of {', '.join(ATTRIBUTES)}.")
    return list(dict.fromkeys(asked))
