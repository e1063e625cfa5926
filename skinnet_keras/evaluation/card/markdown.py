"""A model card as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from skinnet_keras.evaluation import interval_tables, tables
from skinnet_keras.evaluation.card import tables as card_tables
from skinnet_keras.evaluation.subgroups.tables import subgroup_tables
from skinnet_keras.evaluation.table import Table, with_interval


def card_markdown(card: Mapping[str, Any], *, picture: str | None = None) -> str:
    """Write a card as Markdown, in the order of Mitchell et al. (2019, arXiv:1810.03993).

    Args:
        card: As `build.build_card` returns it.
        picture: File name of the forest plot beside the card, or None.
    """
    sections = {
        "Model": _model(card),
        "Intended use": _bullets(card["intended_use"]),
        "Training data": _data(card),
        "Recipe": _recipe(card),
        "Evaluation": _evaluation(card),
        "Subgroups": _subgroups(card, picture),
        "Limits": _bullets(card["limits"]),
        "Environment": _environment(card),
        "Reporting checklists": _checklists(card),
    }
    parts = [
        f"# Model card: {card['name']}",
        "For research. Not a medical device and not medical advice. Written by `skinnet card` "
        '(form: Mitchell et al. 2019, arXiv:1810.03993); "open" is for the authors to fill in.',
    ]
    for heading, text in sections.items():
        parts += [f"## {heading}", text]
    return "\n\n".join(parts) + "\n"


def _model(card: Mapping[str, Any]) -> str:
    model = card["model"]
    lines = [
        *(f"Architecture: {part}" for part in model["architecture"]),
        *(f"Input: {part}" for part in model["inputs"]),
        f"Cleaning of the images: {', '.join(model['cleaning']) or 'none'}",
        f"Output: {model['output']}",
    ]
    if model["initialisation"]:
        lines.append(f"Start: {model['initialisation']}")
    lines += [
        f"File: {name}, {size['bytes']:,} bytes, SHA-256 {size['sha256']}"
        for name, size in model["files"].items()
    ]
    return _bullets(lines)


def _data(card: Mapping[str, Any]) -> str:
    data = card["training_data"]
    causes = data["copies_by_cause"] or {}
    named = ", ".join(f"{cause.replace('_', ' ')} {n:,}" for cause, n in causes.items() if n)
    groups = ", ".join(f"{split} {n:,}" for split, n in data["groups"].items())
    lines = [
        f"Copies removed: {data['copies']:,}" + (f" ({named})" if named else ""),
        f"Unlabelled, not used: {data['unlabelled']:,}; of other classes: {data['outside']:,}",
        f"Groups (lesions or patients, never divided): {groups}; in two splits: "
        f"{data['groups_in_two_splits']}",
    ]
    cited = dict.fromkeys(text for source in data["sources"] for text in source["citations"])
    credits = dict.fromkeys(s["attribution"] for s in data["sources"] if s["attribution"])
    return _joined(
        _text_table(card_tables.sources_table(card)),
        card_tables.classes_table(card),
        _bullets(lines),
        card_tables.patients_table(card),
        *([_bullets(f"Cite: {text}" for text in cited)] if cited else []),
        *([_bullets(f"Credit: {text}" for text in credits)] if credits else []),
    )


def _recipe(card: Mapping[str, Any]) -> str:
    recipe = card["recipe"]
    lines = [
        f"Recipe: {recipe['recipe']}, seed {recipe['seed']}"
        + (f", {recipe['fold']}" if recipe["fold"] else ""),
        f"Loss: {recipe['loss']}",
        f"Class balance: {recipe['balance']}",
        f"Augmentation: {recipe['augmentation']}",
    ]
    if recipe["grid"]:
        lines.append(f"Choice: {recipe['grid']}")
    stages = [_text_table(card_tables.stages_table(card))] if recipe["stages"] else []
    return _joined(_bullets(lines), *stages)


def _evaluation(card: Mapping[str, Any]) -> str:
    evaluation, overall = card["evaluation"], card["subgroups"]["overall"]
    name = f"{card['name']} ({evaluation['split']}, n = {evaluation['n']:,})"
    melanoma = [
        f"Melanoma {rate} (most probable class): "
        f"{with_interval(overall['metrics'][f'mel_{rate}'], overall['ci'][f'mel_{rate}'], '.3f')}"
        for rate in ("sensitivity", "specificity")
    ]
    confusion = tables.confusion(
        np.array(evaluation["confusion"]), tuple(card["model"]["classes"]), name
    )
    calibration = evaluation["calibration"]
    calibrated = f"Probabilities: calibrated on the validation split ({calibration})"
    return _joined(
        interval_tables.headline(evaluation["metrics"], name),
        *([_bullets([calibrated])] if calibration else []),
        _bullets(melanoma),
        card_tables.recalls_table(card),
        confusion,
    )


def _subgroups(card: Mapping[str, Any], picture: str | None) -> str:
    report = card["subgroups"]
    warnings = [line for part in report["attributes"].values() for line in part["warnings"]]
    shown = [f"![Subgroups]({picture})"] if picture else []
    return _joined(*shown, *subgroup_tables(report).values(), _bullets(warnings))


def _environment(card: Mapping[str, Any]) -> str:
    environment = card["environment"]
    packages = ", ".join(f"{name} {version}" for name, version in environment["packages"].items())
    return _bullets(
        [
            f"Commit: {environment['git_commit'] or 'open'}",
            f"Seed: {environment['seed']}",
            f"Catalogue, SHA-256: {environment['catalogue_sha256']}",
            f"Python {environment['python'] or 'open'}, {environment['platform'] or 'open'}",
            f"Packages: {packages or 'open'}",
        ]
    )


def _checklists(card: Mapping[str, Any]) -> str:
    return _joined(*(_text_table(card_tables.checklist_table(each)) for each in card["checklists"]))


def _text_table(table: Table) -> str:
    """A table of words: its columns are not numbers to be lined up at the right."""
    return table.to_markdown().strip().replace("|---:", "|---")


def _joined(*parts: Table | str) -> str:
    texts = [part if isinstance(part, str) else part.to_markdown().strip() for part in parts]
    return "\n\n".join(text for text in texts if text)


def _bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)
