"""A catalogue as one training of a cross-validation sees it: with other splits."""

from __future__ import annotations

from skinnet_keras.config import CrossValidationConfig
from skinnet_keras.data.catalogue import Catalogue
from skinnet_keras.data.folds import assign_folds, fold_names
from skinnet_keras.data.splits import assign_groups
from skinnet_keras.errors import UserError

# Of folds that are not the catalogue's own: the same for every network and every seed.
_SEED = 0


def fold_view(catalogue: Catalogue, config: CrossValidationConfig) -> Catalogue:
    """Give a catalogue the splits of one training of a cross-validation.

    Test is the held-out fold. The groups of the other folds are shared out to train and val by
    class. Images in no fold (the catalogue's test split, unlabelled ones) have no split.

    Args:
        catalogue: The catalogue; where it has as many folds as asked for they are used, else the
            images of train and val are divided anew, groups whole and classes alike.
        config: Number of folds, the one held out, and the share of the validation images.

    Returns:
        The catalogue with another column `split`, `fold` where it was divided anew, and the
        `sha256` of the one it came from.

    Raises:
        UserError: The images have too few groups for that many folds, or for that val_share.
    """
    table = catalogue.table.copy()
    if len(fold_names(table)) != config.folds:
        learned = table[table["split"].isin(("train", "val"))]
        fold_of = assign_folds(learned["group"], learned["label"], config.folds, seed=_SEED)
        table["fold"] = ""
        table.loc[learned.index, "fold"] = learned["group"].map(fold_of)
        if len(fold_names(table)) < config.folds:
            raise UserError(
                f"{catalogue.root} has too few groups for {config.folds} folds: ask for less."
            )
    held_out = str(config.fold)
    others = table[~table["fold"].isin(("", held_out))]
    shares = {"train": 1.0 - config.val_share, "val": config.val_share}
    split_of = assign_groups(others["group"], others["label"], shares, seed=_SEED)
    table["split"] = ""
    table.loc[others.index, "split"] = others["group"].map(split_of)
    table.loc[table["fold"] == held_out, "split"] = "test"
    if not (table["split"] == "val").any():
        raise UserError(
            f"{catalogue.root}: a val_share of {config.val_share:g} leaves no validation image "
            f"beside fold {held_out}: it takes more groups, or a larger share."
        )
    return catalogue.with_table(table)
