"""Answers about the data; each takes a card and returns None where the run does not know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Card = Mapping[str, Any]

_NOT_PUBLISHED = ("private", "your own")
_GENERATED = "synthetic"


def sources(card: Card) -> str:
    """Names, counts and licences of the sources."""
    named = [
        f"{source['name']} ({sum(source['images'].values()):,} images, "
        f"{source['licence'] or 'licence not known'})"
        for source in card["training_data"]["sources"]
    ]
    return f"{', '.join(named)}. References: under Training data."


def retrospective(card: Card) -> str | None:
    """Published sets are older than the run; of others nothing is known."""
    known = card["training_data"]["sources"]
    if not known or any(s["licence"] in (None, *_NOT_PUBLISHED) for s in known):
        return None
    return "Retrospective: data sets that were there before the run."


def eligibility(card: Card) -> str | None:
    """What the build of the catalogue took and left."""
    if card["training_data"]["build"] is None:
        return None
    return (
        "Every image of the sources that has a file, can be read, has a diagnosis of a class of "
        f"the model and is no copy of another. {flow(card)}"
    )


def flow(card: Card) -> str | None:
    """Images listed, left out and used."""
    part, build = card["training_data"], card["training_data"]["build"]
    if build is None:
        return None
    used = part["images"]
    return (
        f"Listed {build['listed']:,}; without a file {build['without_image']:,}, unreadable "
        f"{build['unreadable']:,}, copies {part['copies']:,}, unlabelled {part['unlabelled']:,}, "
        f"of other classes {part['outside']:,}, in no split {part['without_split']:,}; used "
        f"{sum(used.values()):,}: train {used['train']:,}, val {used['val']:,}, test "
        f"{used['test']:,}."
    )


def subsets(card: Card) -> str | None:
    """Whether images were chosen by their content."""
    if card["training_data"]["build"] is None:
        return None
    fold = card["recipe"]["fold"]
    return (
        "None was chosen by content: every usable image is in a split."
        if fold is None
        else f"Cross-validation, {fold}: the catalogue's own test split takes no part."
    )


def missing_data(card: Card) -> str:
    """How missing age, sex and site are handled, and how often they are missing."""
    patients = card["training_data"]["patients"]
    total = sum(part["images"] for part in patients.values())
    unknown = {
        "age": total - sum(part["age_known"] for part in patients.values()),
        "sex": sum(part["sex"][""] for part in patients.values()),
        "site": sum(part["site"][""] for part in patients.values()),
    }
    shares = ", ".join(f"{name} {100 * n / max(total, 1):.1f} %" for name, n in unknown.items())
    how = (
        "A missing value enters as 0 with an indicator of its own"
        if card["model"]["uses_metadata"]
        else "Age, sex and site are not used by the model"
    )
    return f"{how}; missing: {shares} of the images. No image is left out for it."


def labels(card: Card) -> str:
    """Where the labels come from."""
    return (
        "The diagnosis or label each data set gives, mapped onto the classes by the package's "
        f"hierarchy of diagnoses ({', '.join(card['model']['classes'])})."
    )


def partitions(card: Card) -> str:
    """How images were shared out."""
    part, build, fold = (
        card["training_data"],
        card["training_data"]["build"],
        card["recipe"]["fold"],
    )
    counts = ", ".join(f"{split} {n:,}" for split, n in part["images"].items())
    if fold is not None:
        how = f"Test is {fold}, stratified by class, groups whole"
    elif build is None:
        return f"Images: {counts}."
    elif build["splits"]:
        how = "By a list given to the build of the catalogue"
    else:
        shares = ", ".join(f"{100 * share:g} %" for share in build["fractions"])
        how = f"At random (seed {build['seed']}), {shares}, stratified by class, groups whole"
        how += "; official test sets kept" * bool(build["keep_official"])
    return f"{how}. Images: {counts}."


def disjoint(card: Card) -> str:
    """The level of the partitions, checked on the table."""
    part = card["training_data"]
    divided = part["groups_in_two_splits"]
    found = "no group is" if not divided else f"{divided} groups are"
    level = "Groups of the catalogue"
    if part["build"] is not None:
        level += ": images of one lesion or patient, where the sources name them, and copies"
    return (
        f"{level}. Checked: {found} in two splits; the largest has {part['largest_group']} images."
    )


def sample_sizes(card: Card) -> str:
    """Images, groups and images by class of each split."""
    part = card["training_data"]
    sizes = ", ".join(
        f"{split} {part['images'][split]:,} images of {part['groups'][split]:,} groups"
        for split in part["images"]
    )
    by_class = "; ".join(
        f"{label} {'/'.join(str(n) for n in counts.values())}"
        for label, counts in part["classes"].items()
    )
    return f"{sizes}. By class (train/val/test): {by_class}."


def demographics(card: Card) -> str:
    """Age and sex of each split; sites are in the card's table."""
    parts = []
    for split, part in card["training_data"]["patients"].items():
        ages = part["age_quartiles"]
        age = "age not recorded" if ages is None else f"median age {ages[1]:g}"
        if ages is not None:
            age += f" (quartiles {ages[0]:g}-{ages[2]:g})"
        sex = part["sex"]
        parts.append(
            f"{split}: {age}, {sex['female']:,} images of women, {sex['male']:,} of men, "
            f"{sex['']:,} not recorded"
        )
    return ". ".join(parts) + ". Anatomical sites: see the table of patients."


def skin_tone(card: Card) -> str | None:
    """Skin types, where the catalogue records them."""
    if not card["training_data"]["skin_type"]:
        return "Not recorded in the catalogue, so not assessed."
    counts: dict[str, int] = {}
    for part in card["training_data"]["patients"].values():
        for word, n in (part["skin_type"] or {}).items():
            counts[word] = counts.get(word, 0) + n
    words = {word: f"type {word}" if word else "not recorded" for word in sorted(counts)}
    named = ", ".join(f"{name} {counts[word]:,}" for word, name in words.items())
    return f"Fitzpatrick skin type, images: {named}."


def synthetic(card: Card) -> str | None:
    """Whether images are generated."""
    known = card["training_data"]["sources"]
    generated = [s for s in known if s["name"] == _GENERATED]
    if generated:
        count = sum(sum(s["images"].values()) for s in generated)
        return f"{count:,} images are drawn by the package's own generator."
    if any(s["licence"] in (None, *_NOT_PUBLISHED) for s in known):
        return None
    return "None: the images are those of the data sets, augmented in training only."


def outside(card: Card) -> str:
    """Images of classes the model does not have."""
    return (
        f"{card['training_data']['outside']:,} images of other diagnoses are in the catalogue and "
        "were left out of training and of these figures."
    )
