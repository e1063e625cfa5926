"""A sheet of sampled pairs of copies, side by side, for the eye to judge."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from skinnet_keras.data.catalogue import PAIRS_FILE, Catalogue
from skinnet_keras.data.copies import CAUSES, SAME_VIEW
from skinnet_keras.data.figures.canvas import canvas, show_image
from skinnet_keras.data.image_io import read_image
from skinnet_keras.errors import UserError

_PAIRS_A_ROW = 3
_LONGEST_SIDE = 240  # pixels
_CAPTION = 34  # letters


def draw_duplicates(catalogue: Catalogue, out: Path, *, count: int = 24, seed: int = 0) -> None:
    """Draw pairs of copies with their ids, labels, cause and similarity.

    The pairs are drawn from every cause and pair of sources in turn. Images are not squashed: a
    crop or another aspect is to be seen.

    Args:
        catalogue: A catalogue with its `duplicates.csv`.
        out: The PNG to write.
        count: How many pairs.
        seed: Decides which pairs.

    Raises:
        UserError: There is no table of pairs, it is empty, or an image cannot be read.
    """
    pairs = sample_pairs(_read_pairs(catalogue.root / PAIRS_FILE), count, seed)
    labels: dict[str, str] = dict(catalogue.table[["image_id", "label"]].itertuples(index=False))
    rows = -(-len(pairs) // _PAIRS_A_ROW)
    with canvas(out, 4.4 * _PAIRS_A_ROW, 2.6 * rows) as figure:
        cells = figure.subfigures(rows, _PAIRS_A_ROW, squeeze=False).ravel()
        columns = pairs[["image_id", "other_id", "cause", "similarity"]]
        for cell, (image_id, other_id, cause, similarity) in zip(
            cells, columns.to_numpy(), strict=False
        ):
            similar = "" if np.isnan(similarity) else f", similarity {similarity:.2f}"
            cell.suptitle(cause.replace("_", " ") + similar, fontsize=9, weight="bold")
            for axes, name in zip(cell.subplots(1, 2), (image_id, other_id), strict=True):
                rgb = _small(read_image(catalogue.image_path(name)))
                show_image(axes, rgb, _caption(name, labels.get(name, "")))


def sample_pairs(pairs: pd.DataFrame, count: int, seed: int) -> pd.DataFrame:
    """Choose pairs at random, one of each cause and pair of sources before a second of any.

    Args:
        pairs: The columns `cause`, `source` and `other_source`.
        count: How many; all where there are fewer.
        seed: Decides which.

    Returns:
        The chosen rows, the strongest cause first.
    """
    shuffled = pairs.sample(frac=1, random_state=seed)
    sources = [" ".join(sorted(own)) for own in shuffled[["source", "other_source"]].to_numpy()]
    strength = shuffled["cause"].map([*CAUSES, SAME_VIEW].index)
    turn = shuffled.assign(sources=sources, strength=strength)
    turn["turn"] = turn.groupby(["cause", "sources"]).cumcount()
    chosen = turn.sort_values(["turn", "strength", "sources"], kind="stable").head(count)
    chosen = chosen.sort_values(["strength", "sources"], kind="stable")
    return chosen[list(pairs.columns)].reset_index(drop=True)


def _read_pairs(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise UserError(f"{path} does not exist: build the catalogue again.")
    pairs = pd.read_csv(path, dtype={"similarity": float})
    if pairs.empty:
        raise UserError(f"{path} has no pairs: the catalogue has no duplicates to show.")
    return pairs


def _caption(image_id: str, label: str) -> str:
    source, _, stem = image_id.partition(":")
    short = stem if len(stem) <= _CAPTION else f"{stem[: _CAPTION - 3]}..."
    return f"{source}, {label or 'no label'}\n{short}"


def _small(rgb: np.ndarray) -> np.ndarray:
    step = max(1, max(rgb.shape[:2]) // _LONGEST_SIDE)
    return rgb[::step, ::step]
