"""Tables of a model card."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from skinnet_keras.data.metadata import SITES
from skinnet_keras.evaluation.table import UNDEFINED, Table, with_interval

_NUMBER = "{:,}".format


def sources_table(card: Mapping[str, Any]) -> Table:
    """Sources, licences and images by split."""
    return Table(
        title="Sources",
        headings=("Source", "Licence", "Train", "Val", "Test", "What it means for the model"),
        rows=tuple(
            (
                source["name"],
                source["licence"] or "open: not known",
                *map(_NUMBER, source["images"].values()),
                source["model_terms"] or "open",
            )
            for source in card["training_data"]["sources"]
        ),
    )


def classes_table(card: Mapping[str, Any]) -> Table:
    """Images by class and split."""
    data = card["training_data"]
    rows = [(label, *map(_NUMBER, counts.values())) for label, counts in data["classes"].items()]
    return Table(
        title="Images by class",
        headings=("Class", "Train", "Val", "Test"),
        rows=(*rows, ("all", *map(_NUMBER, data["images"].values()))),
        last_is_total=True,
    )


def patients_table(card: Mapping[str, Any]) -> Table:
    """Age, sex and site by split."""
    patients = card["training_data"]["patients"]
    columns = [_patients(part) for part in patients.values()]
    return Table(
        title="Patients (images)",
        headings=("", *(split.capitalize() for split in patients)),
        rows=tuple((name, *(column[name] for column in columns)) for name in columns[0]),
    )


def _patients(part: Mapping[str, Any]) -> dict[str, str]:
    def share(number: int) -> str:
        return f"{number:,} ({100 * number / part['images']:.1f} %)" if part["images"] else "0"

    ages = part["age_quartiles"]
    rows = {
        "age, median (quartiles)": UNDEFINED
        if ages is None
        else f"{ages[1]:g} ({ages[0]:g}-{ages[2]:g})",
        "age not recorded": share(part["images"] - part["age_known"]),
        "female": share(part["sex"]["female"]),
        "male": share(part["sex"]["male"]),
        "sex not recorded": share(part["sex"][""]),
    }
    rows |= {site: share(part["site"][site]) for site in SITES}
    return rows | {"site not recorded": share(part["site"][""])}


def stages_table(card: Mapping[str, Any]) -> Table:
    """Epochs and optimisers of the stages."""
    keys = ("epochs_done", "best_epoch", "monitor", "best_value", "batch_size")
    return Table(
        title="Stages",
        headings=(
            *("Stage", "Epochs", "Best epoch", "By", "Value", "Batch", "Minutes"),
            *("Optimiser", "Schedule"),
        ),
        rows=tuple(
            (
                stage["stage"],
                *(_cell(stage[key]) for key in keys),
                UNDEFINED if stage["seconds"] is None else f"{stage['seconds'] / 60:.1f}",
                stage["optimizer"],
                stage["schedule"],
            )
            for stage in card["recipe"]["stages"]
        ),
    )


def recalls_table(card: Mapping[str, Any]) -> Table:
    """Recall with interval, and the other figures, of every class."""
    overall, report = card["subgroups"]["overall"], card["evaluation"]["metrics"]["per_class"]
    return Table(
        title="Classes",
        headings=("Class", "Images", "Lesions", "Recall", "Specificity", "Precision", "AUC"),
        rows=tuple(
            (
                label,
                str(values["support"]),
                str(overall["lesions_by_class"][label]),
                with_interval(overall["recall"][label], overall["recall_ci"][label], ".3f"),
                *(_cell(values[key]) for key in ("specificity", "precision", "auc")),
            )
            for label, values in report.items()
        ),
        footnotes=(f"Recall is not shown below {card['subgroups']['min_class_lesions']} lesions.",),
    )


def checklist_table(checklist: Mapping[str, Any]) -> Table:
    """A checklist's items, their answers, and what is left to the authors."""
    return Table(
        title=f"{checklist['title']}: {_counted(checklist['counts'])}",
        headings=("Item", "Section", "Asks for", "Answer", "Open for the authors"),
        rows=tuple(
            (
                item["item"],
                item["section"],
                item["topic"],
                item["answer"] or "",
                item["authors"] or "",
            )
            for item in checklist["items"]
        ),
        footnotes=(
            f"{checklist['citation']}, doi:{checklist['doi']}. Items in our words. "
            f"{checklist['numbering']}",
        ),
    )


def _counted(counts: Mapping[str, int]) -> str:
    return f"{counts['answered']} items answered, {counts['partly']} in part, {counts['open']} open"


def _cell(value: Any) -> str:
    if value is None:
        return UNDEFINED
    return f"{value:.4f}" if isinstance(value, float) else str(value)
