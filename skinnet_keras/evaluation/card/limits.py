"""What a run's figures do not show, as far as the run itself can tell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from skinnet_keras.evaluation.subgroups.attributes import HEADINGS
from skinnet_keras.evaluation.subgroups.metrics import METRICS

INTENDED_USE = (
    "Research on skin-lesion classification: comparing methods on images of the same kind.",
    "Not a medical device and not medical advice: not for diagnosis, triage or screening, alone or "
    "beside a physician.",
    "Not for images of another kind than those it was trained on, nor for diagnoses outside its "
    "classes, which it would call by one of them.",
)
"""Sentences that hold for every model of this package."""

ALPHA = 0.05


def external_sources(card: Mapping[str, Any]) -> list[str]:
    """Sources of the evaluated images without training images."""
    split = card["evaluation"]["split"]
    return [
        source["name"]
        for source in card["training_data"]["sources"]
        if source["images"][split] and not source["images"]["train"]
    ]


def significant_gaps(card: Mapping[str, Any]) -> list[str]:
    """Largest gaps between subgroups whose p value, adjusted for all tests, is below `ALPHA`."""
    return [
        f"{METRICS[metric]} by {HEADINGS[name].lower()}: {gap['high']} less {gap['low']} "
        f"{gap['difference']:.3f} (p {gap['p_holm']:.4f}, Holm)"
        for name, part in card["subgroups"]["attributes"].items()
        for metric, gap in part["gaps"].items()
        if gap and gap["p_holm"] is not None and gap["p_holm"] < ALPHA
    ]


def limits(card: Mapping[str, Any]) -> list[str]:
    """Sentences on what the figures leave open.

    Args:
        card: A card with the sections `training_data`, `model`, `recipe`, `evaluation` and
            `subgroups`.
    """
    data, model, subgroups = card["training_data"], card["model"], card["subgroups"]
    least = subgroups["min_class_lesions"]
    sentences = [
        "Skin tone: "
        + (
            "recorded for some images, see the subgroups."
            if data["skin_type"]
            else "not recorded, so nothing is known about dark skin."
        )
    ]
    if card["evaluation"]["split"] != "test":
        sentences.append(
            "The figures are of the validation split, which chose the epoch: they are optimistic."
        )
    if not external_sources(card):
        sentences.append(
            "No external test: every source of evaluated images is also one of training images, so "
            "nothing is known about images of other origin."
        )
    few = [
        f"{label} ({lesions})"
        for label, lesions in subgroups["overall"]["lesions_by_class"].items()
        if lesions < least
    ]
    if few:
        sentences.append(f"Fewer than {least} test lesions of {', '.join(few)}.")
    sentences.append(
        "One training with one seed: intervals show the chance of the test lesions, not that of "
        "another training."
    )
    sentences.append("How each reference diagnosis was confirmed is not recorded in the catalogue.")
    if data["groups_in_two_splits"]:
        sentences.append(
            f"{data['groups_in_two_splits']} groups (lesions or patients) have images in two "
            "splits: test figures are too high."
        )
    sentences += data["shortcuts"]
    if model["masks_in_sample"]:
        sentences.append(
            f"{model['masks_in_sample']} masks are of images the segmentation network was trained "
            "on: the classifier saw better masks in training than it will see in use."
        )
    gaps = significant_gaps(card)
    if gaps:
        sentences.append(f"It does not do equally well everywhere: {'; '.join(gaps)}.")
    return sentences
