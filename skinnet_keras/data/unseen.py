"""A catalogue in which some classes are unknown: to test how a model meets what it never saw."""

from __future__ import annotations

from collections.abc import Sequence

from skinnet_keras.data.catalogue import Catalogue
from skinnet_keras.taxonomy import UNK


def unseen_view(catalogue: Catalogue, classes: Sequence[str]) -> Catalogue:
    """The same images, those of some classes relabelled UNK and moved to the test split.

    A model of the other classes trains on none of them, and its tables do not count them: UNK is
    a known diagnosis outside its classes.

    Args:
        catalogue: The catalogue.
        classes: Labels to withhold.
    """
    table = catalogue.table
    withheld = table["label"].isin(list(classes)) & (table["split"] != "")
    changed = table.copy()
    changed.loc[withheld, ["label", "split"]] = [UNK, "test"]
    return catalogue.with_table(changed)
