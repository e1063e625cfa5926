"""The configured features of a split's images, kept on disk while a run is not finished."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np

from skinnet_keras.atomic import atomic_file
from skinnet_keras.classical.features import colour_histogram, hog_features, lbp_histogram
from skinnet_keras.config import ClassicalConfig
from skinnet_keras.data.predicted_masks import StoredMasks
from skinnet_keras.data.samples import Samples
from skinnet_keras.data.threads import map_in_threads

_CHUNK = 512


def feature_blocks(
    config: ClassicalConfig,
    rgb: np.ndarray,
    *,
    mask: np.ndarray | None = None,
    metadata: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """Everything a config asks for of one image, by name and always in the same order.

    Args:
        config: The features; with `masks`, LBP and colours are taken inside the lesion, too.
        rgb: uint8 (S, S, 3).
        mask: Lesion mask, uint8 (S, S) in {0, 1}; needed with `config.masks`.
        metadata: float32 (14,) from `MetadataEncoder`; needed with `config.metadata`.

    Returns:
        Name -> float32 (n,).
    """
    hog, lbp, colour = config.features.hog, config.features.lbp, config.features.colour
    blocks = {}
    if hog:
        blocks["hog"] = hog_features(rgb, **hog.model_dump())
    regions = {"": None, "lesion_": mask} if config.masks else {"": None}
    for region, pixels in regions.items():
        if lbp:
            blocks[f"{region}lbp"] = lbp_histogram(rgb, **lbp.model_dump(), mask=pixels)
        if colour:
            blocks[f"{region}colour"] = colour_histogram(rgb, **colour.model_dump(), mask=pixels)
    if config.metadata:
        if metadata is None:
            raise ValueError("the config asks for metadata")
        blocks["metadata"] = np.asarray(metadata, np.float32)
    return blocks


def cached_features(
    directory: Path,
    split: str,
    config: ClassicalConfig,
    samples: Samples,
    *,
    masks: StoredMasks | None,
    workers: int | None,
) -> tuple[np.ndarray, dict[str, int]]:
    """Features of a split's images; what an interrupted run has computed is read again.

    Threads do the work: nearly all of it runs outside the interpreter lock, and on 2 cores
    processes were no faster.

    Args:
        directory: Folder for `<split>_<first image>.npy`.
        split: Name of the split.
        config: The features.
        samples: The images, with metadata where the config asks for it.
        masks: The lesion masks where the config asks for them.
        workers: Threads; None for one a CPU core.

    Returns:
        float32 (N, D), and the length of each block of columns by name.
    """

    def blocks_of(position: int) -> dict[str, np.ndarray]:
        image_id = samples.image_ids[position]
        size = samples.cache.image_size
        return feature_blocks(
            config,
            samples.images_at(np.array([position]))[0],
            mask=masks.read(image_id, size) if masks else None,
            metadata=None if samples.metadata is None else samples.metadata[position],
        )

    def vector_of(position: int) -> np.ndarray:
        return np.concatenate(list(blocks_of(position).values()))

    starts = range(0, len(samples), _CHUNK)
    chunks = {start: range(start, min(start + _CHUNK, len(samples))) for start in starts}
    paths = {start: directory / f"{split}_{start:06d}.npy" for start in starts}
    absent = [start for start in starts if not paths[start].is_file()]
    positions = [position for start in absent for position in chunks[start]]
    if positions:
        vectors = map_in_threads(vector_of, positions, f"Features of {split}", workers)
        for start in absent:
            rows = np.stack(list(islice(vectors, len(chunks[start]))))
            with atomic_file(paths[start]) as temporary:
                np.save(temporary, rows)
    features = np.concatenate([np.load(path) for path in paths.values()])
    lengths = {name: len(block) for name, block in blocks_of(0).items()}
    return features, lengths
