"""How far an image's origin alone predicts its class: what a network can learn in place of lesions.

Public sets were collected for different purposes: where one class comes from one set, its colours,
borders and file sizes name the class, and a test split of the same sets cannot show that nothing
else was learned (Geirhos et al. 2020, "Shortcut learning in deep neural networks").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats.contingency import association

from skinnet_keras.taxonomy import LABELS

ONE_SOURCE = 0.9
"""From this share of its images on, a class is said to come from one source."""

_METADATA = ("age", "sex", "site")


@dataclass(frozen=True)
class ClassOrigin:
    """Where the kept images of a class come from.

    Attributes:
        images: Kept images of the class.
        shares: Source -> share (0..1) of them that the source holds, itself or as a copy; largest
            first. Copies make the shares sum to more than 1.
    """

    images: int
    shares: dict[str, float]

    @property
    def main_source(self) -> str:
        """The source that holds most of the class."""
        return next(iter(self.shares))


@dataclass(frozen=True)
class Shortcut:
    """How well one attribute of an image, known by itself, guesses the class.

    The accuracy is that of guessing the most frequent class of each value, the balanced accuracy
    (mean recall of the classes) that of guessing the class that has the largest share of its images
    at the value: each is the best such a guess can reach.

    Attributes:
        values: Number of different values.
        accuracy: On the images the guess was made from.
        balanced_accuracy: Likewise.
        cross_validated_accuracy: On each fold, guessing from the other folds; None without folds.
        cross_validated_balanced_accuracy: Likewise.
        cramers_v: Cramér's V of the attribute and the class: 0 independent, 1 one decides the
            other; None where the attribute or the class has one value only.
    """

    values: int
    accuracy: float
    balanced_accuracy: float
    cross_validated_accuracy: float | None
    cross_validated_balanced_accuracy: float | None
    cramers_v: float | None


@dataclass(frozen=True)
class ShortcutReport:
    """How far sources predict classes in a catalogue.

    Attributes:
        images: Kept, labelled images: what the report is about.
        majority_class: The most frequent class.
        chance_accuracy: Accuracy of always guessing it.
        chance_balanced_accuracy: 1 / number of classes: the balanced accuracy of any guess that
            does not depend on the image.
        classes: Label -> where its images come from.
        one_source: Label -> source, for classes that come to `ONE_SOURCE` or more from it, where
            the catalogue as a whole does not.
        shortcuts: "source" (of the kept file), "holders" (all sources that hold the image or a
            copy), where sizes were given "image size", and where the table has them "metadata"
            (decade of age, sex and site together: knowledge about the patient, and a trace of the
            source) and "missing metadata" (which of the three are unknown: the trace alone) ->
            how well it guesses the class.
    """

    images: int
    majority_class: str
    chance_accuracy: float
    chance_balanced_accuracy: float
    classes: dict[str, ClassOrigin]
    one_source: dict[str, str]
    shortcuts: dict[str, Shortcut]

    def to_dict(self) -> dict[str, Any]:
        """Return plain dicts, text and numbers."""
        return asdict(self)

    def warnings(self) -> list[str]:
        """Return sentences on what the sources give away; none where there is one source only."""
        known = self.shortcuts["holders"]
        if known.values == 1:
            return []
        reached = known.cross_validated_balanced_accuracy
        if reached is None:
            reached = known.balanced_accuracy
        by_source: dict[str, list[str]] = {}
        for label, source in self.one_source.items():
            by_source.setdefault(source, []).append(
                f"{label} ({100 * self.classes[label].shares[source]:.0f} %)"
            )
        return [
            "The sources of an image alone, copies counted, guess its class with a balanced "
            f"accuracy of {100 * reached:.1f} % (chance: "
            f"{100 * self.chance_balanced_accuracy:.1f} %).",
            *(
                f"Copies counted, {source} holds {', '.join(labels)}: a model can learn the source "
                "in place of the lesion, so test it on a source it was not trained on."
                for source, labels in by_source.items()
            ),
        ]


def measure_shortcuts(
    table: pd.DataFrame, sizes: Mapping[str, tuple[int, int]] | None = None
) -> ShortcutReport | None:
    """Measure how far the sources of a catalogue predict its classes.

    Args:
        table: A catalogue's table: the columns `image_id`, `source`, `label`, `duplicate_of` and
            `fold`, and perhaps `age`, `sex` and `site`.
        sizes: Image id -> width and height of the file in pixels (`file_checks.check_files`).

    Returns:
        The report; None when no kept image has a label.
    """
    kept = table[(table["duplicate_of"] == "") & (table["label"] != "")].set_index("image_id")
    if kept.empty:
        return None
    held = _holders(table)
    held["label"] = held["holder"].map(kept["label"])
    attributes = {
        "source": kept["source"],
        "holders": held.groupby("holder")["source"].agg("+".join).reindex(kept.index),
    }
    if sizes:
        attributes["image size"] = kept.index.to_series().map(lambda own: str(sizes.get(own)))
    if set(_METADATA) <= set(kept.columns):
        given = kept[list(_METADATA)]
        decades = pd.to_numeric(given["age"], errors="coerce").floordiv(10).fillna(-1).astype(int)
        attributes["metadata"] = decades.astype(str) + " " + given["sex"] + " " + given["site"]
        attributes["missing metadata"] = (given == "").astype(str).agg(" ".join, axis=1)
    images = kept["label"].value_counts()
    classes = {
        label: _origin(held.loc[held["label"] == label, "source"], int(images[label]))
        for label in LABELS
        if label in images
    }
    everything = _origin(held.loc[held["label"].notna(), "source"], len(kept))
    return ShortcutReport(
        images=len(kept),
        majority_class=str(images.index[0]),
        chance_accuracy=float(images.iloc[0] / len(kept)),
        chance_balanced_accuracy=1 / len(classes),
        classes=classes,
        one_source={
            label: origin.main_source
            for label, origin in classes.items()
            if origin.shares[origin.main_source] >= ONE_SOURCE
            and everything.shares[origin.main_source] < ONE_SOURCE
        },
        shortcuts={
            name: measure_shortcut(values.tolist(), kept["label"].tolist(), kept["fold"].tolist())
            for name, values in attributes.items()
        },
    )


def measure_shortcut(
    values: Sequence[str], labels: Sequence[str], folds: Sequence[str]
) -> Shortcut:
    """Measure how well an attribute guesses the class.

    Args:
        values: The attribute of each image.
        labels: Its class.
        folds: Its fold, "" = in none (not used for cross-validation).
    """
    value_codes, value_names = pd.factorize(np.asarray(values, dtype=object))
    label_codes, label_names = pd.factorize(np.asarray(labels, dtype=object))
    fold_codes, fold_names = pd.factorize(np.asarray(folds, dtype=object))
    by_fold = np.zeros((len(fold_names), len(value_names), len(label_names)), dtype=np.int64)
    np.add.at(by_fold, (fold_codes, value_codes, label_codes), 1)
    counts = by_fold.sum(axis=0)
    accuracy, balanced = _score([(counts, counts)])
    held_out = by_fold[np.asarray(fold_names) != ""]
    pairs = [(held_out.sum(axis=0) - own, own) for own in held_out]
    cross_validated = _score(pairs) if len(pairs) > 1 else (None, None)
    return Shortcut(
        values=len(value_names),
        accuracy=accuracy,
        balanced_accuracy=balanced,
        cross_validated_accuracy=cross_validated[0],
        cross_validated_balanced_accuracy=cross_validated[1],
        cramers_v=float(association(counts, "cramer")) if min(counts.shape) > 1 else None,
    )


def _score(pairs: list[tuple[np.ndarray, np.ndarray]]) -> tuple[float, float]:
    """Accuracy and balanced accuracy of guesses learned on one table and scored on another.

    A value that was not seen guesses the most frequent class.

    Args:
        pairs: Each the counts learned from and the counts scored, int64 (values, classes).
    """
    hits = np.zeros(pairs[0][0].shape[1])
    balanced_hits = np.zeros_like(hits)
    total = sum(scored.sum(axis=0) for _, scored in pairs)
    for learned, scored in pairs:
        majority = learned.sum(axis=0).argmax()
        seen = learned.any(axis=1)
        shares = learned / np.maximum(learned.sum(axis=0), 1)
        for guessed, by_class in ((learned, hits), (shares, balanced_hits)):
            guess = np.where(seen, guessed.argmax(axis=1), majority)
            np.add.at(by_class, guess, scored[np.arange(len(guess)), guess])
    present = total > 0
    recall = balanced_hits[present] / total[present]
    return float(hits.sum() / total.sum()), float(recall.mean())


def _holders(table: pd.DataFrame) -> pd.DataFrame:
    """Return each kept image (`holder`) with every `source` that has it or a copy, sorted."""
    kept_id = table["duplicate_of"].where(table["duplicate_of"] != "", table["image_id"])
    held = pd.DataFrame({"holder": kept_id, "source": table["source"]})
    return held.drop_duplicates().sort_values("source", ignore_index=True)


def _origin(sources: pd.Series, images: int) -> ClassOrigin:
    counts = sources.value_counts()
    return ClassOrigin(images, {str(source): int(n) / images for source, n in counts.items()})
