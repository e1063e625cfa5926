"""Answers about the model and its training; each takes a card."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from skinnet_keras.evaluation.card.limits import INTENDED_USE

Card = Mapping[str, Any]


def technology(card: Card) -> str:
    """The kind of method and its outcome."""
    classes = card["model"]["classes"]
    return (
        f"{card['model']['technology'].capitalize()}: classification of skin-lesion images into "
        f"{len(classes)} diagnoses."
    )


def intended_use(card: Card) -> str:
    """What the package's models are for."""
    return " ".join(INTENDED_USE)


def architecture(card: Card) -> str:
    """The parts of the model, and where every layer is."""
    parts, given = card["model"]["architecture"], card["model"]["inputs"]
    commit = card["environment"]["git_commit"]
    code = f"the package's code at commit {commit}" if commit else "the package's code"
    return (
        f"{_sentence('; '.join(parts))} Input: {'; '.join(given)}. Every layer: {code} with "
        "config.yaml of the run."
    )


def inputs(card: Card) -> str:
    """What the model is given."""
    return _sentence("; ".join(card["model"]["inputs"]))


def output(card: Card) -> str:
    """What the model gives."""
    return _sentence(card["model"]["output"])


def classes(card: Card) -> str:
    """The classes."""
    return f"The classes of ISIC 2019: {', '.join(card['model']['classes'])}."


def preprocessing(card: Card) -> str:
    """From the file to the model."""
    return f"{_sentence(card['model']['inputs'][0])} {cleaning(card)}"


def cleaning(card: Card) -> str:
    """What was taken out of the images."""
    steps = card["model"]["cleaning"]
    return f"Cleaning of the images: {', '.join(steps) if steps else 'none'}."


def initialisation(card: Card) -> str | None:
    """How the weights began."""
    how = card["model"]["initialisation"]
    return None if how is None else _sentence(f"{how}; seed {card['recipe']['seed']}")


def training(card: Card) -> str:
    """Stages, optimiser, loss, augmentation."""
    recipe = card["recipe"]
    stages = [
        f"stage {stage['stage']}: {stage['epochs_done']} epochs, batches of "
        f"{stage['batch_size']}, {stage['optimizer']}, {stage['schedule']}"
        for stage in recipe["stages"]
    ]
    parts = [*stages, f"loss {recipe['loss']}", f"class balance {recipe['balance']}"]
    parts.append(f"augmentation {recipe['augmentation']}")
    if recipe["l2"] is not None:
        parts.append(f"L2 {recipe['l2']:g}")
    if recipe["metadata_dropout"] is not None:
        dropped = recipe["metadata_dropout"]
        parts.append(f"metadata dropped in training with probability {dropped:g}")
    return f"{_sentence('; '.join(parts))} All values: config.yaml of the run."


def class_balance(card: Card) -> str:
    """Images by class, and what was done about it."""
    counts = card["training_data"]["classes"]
    named = ", ".join(f"{label} {by_split['train']:,}" for label, by_split in counts.items())
    calibrated = "" if card["evaluation"]["calibration"] else "not "
    return (
        f"Training images: {named}. Method: {card['recipe']['balance']}. The probabilities were "
        f"{calibrated}recalibrated after it."
    )


def model_selection(card: Card) -> str | None:
    """How the epoch was chosen."""
    chosen = [
        f"stage {stage['stage']}: epoch {stage['best_epoch']} of {stage['epochs_done']}, by "
        f"{stage['monitor']}"
        for stage in card["recipe"]["stages"]
        if stage["best_epoch"] is not None
    ]
    if card["recipe"]["grid"] is not None:
        chosen.append(card["recipe"]["grid"])
    if not chosen:
        return None
    return f"{_sentence('; '.join(chosen))} The test split took no part."


def ensembling(card: Card) -> str:
    """A run is one model."""
    return "None: one model."


def software(card: Card) -> str:
    """Versions and commit."""
    environment = card["environment"]
    packages = ", ".join(f"{name} {version}" for name, version in environment["packages"].items())
    commit = environment["git_commit"] or "not recorded"
    return f"Python {environment['python']}; {packages}; commit {commit}."


def protocol(card: Card) -> str:
    """Where every setting is."""
    return (
        "Every setting is in config.yaml of the run; the catalogue's SHA-256 is "
        f"{card['environment']['catalogue_sha256']}."
    )


def availability(card: Card) -> str:
    """Code, model, and what the data's licences say about the model."""
    commit = card["environment"]["git_commit"]
    code = "Code: skinnet-keras, Apache-2.0" + (f", commit {commit}" if commit else "")
    known = card["training_data"]["sources"]
    terms = dict.fromkeys(source["model_terms"] for source in known if source["model_terms"])
    names = ", ".join(card["model"]["files"])
    model = f" Model: {names} of the run." if names else ""
    return f"{code}.{model}" + (f" Terms of the data: {'; '.join(terms)}." if terms else "")


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."
