"""What a data set feeds to a model: cached images plus masks, metadata, labels and weights."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np

from skinnet_keras.data.metadata import METADATA_DIM, SEXES
from skinnet_keras.errors import UserError

if TYPE_CHECKING:
    from skinnet_keras.data.cache import ImageCache

INPUT_NAMES = ("image", "mask", "metadata")
_TARGETS = ("label", "mask", "label_and_mask")

# The floats of age, of sex and of the site; the last of each says "missing".
_METADATA_GROUPS = (slice(0, 2), slice(2, 3 + len(SEXES)), slice(3 + len(SEXES), METADATA_DIM))


@dataclass(frozen=True, eq=False, kw_only=True)
class Samples:
    """N images of a cache with everything that goes with them, in one order.

    Args:
        cache: The decoded images at training size S.
        image_ids: The N images, by `image_id`.
        input_names: The inputs the model declares, some of "image", "mask" and "metadata"; exactly
            these are fed.
        target: "label" (one-hot diagnosis), "mask" (segmentation), or "label_and_mask" for a model
            that learns both; the mask is then no input.
        mask_outputs: Outputs of the model that learn the mask, when it is a target.
        num_classes: Number of classes K of the one-hot labels.
        labels: int64 (N,), 0..K-1. None where there is nothing to learn or score (prediction).
        masks: uint8 (N, S, S) in {0, 1} in the order of `image_ids`, used in place of the cache's
            masks (a run's predicted masks; a memory map is fine). None: the cache's masks.
        metadata: float32 (N, 14) from `MetadataEncoder`.
        sample_weight: float32 (N,), weights of the loss; with the target "label_and_mask", of the
            diagnosis alone.
        mask_weight: float32 (N,), weights of the mask's loss for the target "label_and_mask"; 0 for
            images that have no mask.
        sampling_weights: float64 (N,), >= 0. When given, an epoch draws N images with replacement,
            each with a probability proportional to its weight (balanced sampling).

    Raises:
        ValueError: Two arrays do not fit together, or a needed one is missing.
        UserError: The cache's masks are to be used and an image has none.
    """

    cache: ImageCache
    image_ids: list[str]
    input_names: tuple[str, ...] = ("image",)
    target: Literal["label", "mask", "label_and_mask"] = "label"
    mask_outputs: tuple[str, ...] = ("mask_logits",)
    num_classes: int = 8
    labels: np.ndarray | None = None
    masks: np.ndarray | None = None
    metadata: np.ndarray | None = None
    sample_weight: np.ndarray | None = None
    mask_weight: np.ndarray | None = None
    sampling_weights: np.ndarray | None = None

    def __post_init__(self) -> None:
        unknown = set(self.input_names) - set(INPUT_NAMES)
        if unknown or not self.input_names:
            raise ValueError(f"input_names must be some of {INPUT_NAMES}, got {self.input_names}.")
        if self.target not in _TARGETS:
            raise ValueError(f"target must be one of {_TARGETS}, got {self.target!r}.")
        if (self.target == "label_and_mask") != (self.mask_weight is not None):
            raise ValueError("mask_weight goes with the target 'label_and_mask', and only with it.")
        if self.target == "label_and_mask" and "mask" in self.input_names:
            raise ValueError("A mask that is a target cannot be an input, too.")
        side = self.cache.image_size
        self._check_shape("labels", ())
        self._check_shape("masks", (side, side))
        self._check_shape("metadata", (METADATA_DIM,))
        self._check_shape("sample_weight", ())
        self._check_shape("mask_weight", ())
        self._check_shape("sampling_weights", ())
        if "metadata" in self.input_names and self.metadata is None:
            raise ValueError("The model takes metadata: pass metadata, float32 (N, 14).")
        if self.labels is not None and len(self.labels):
            low, high = int(np.min(self.labels)), int(np.max(self.labels))
            if low < 0 or high >= self.num_classes:
                raise ValueError(f"labels must lie in 0..{self.num_classes - 1}: {low}..{high}.")
        weights = self.sampling_weights
        if weights is not None and (np.min(weights) < 0 or not np.sum(weights) > 0):
            raise ValueError("sampling_weights must be >= 0 with a positive sum.")
        if self.needs_mask and self.masks is None:
            self._check_cached_masks()

    def __len__(self) -> int:
        return len(self.image_ids)

    @property
    def needs_mask(self) -> bool:
        """Whether a mask is an input or a target."""
        return self.target != "label" or "mask" in self.input_names

    @cached_property
    def rows(self) -> np.ndarray:
        """Rows of the images in the cache, int64 (N,)."""
        return np.asarray(self.cache.rows(self.image_ids), dtype=np.int64)

    def images_at(self, positions: np.ndarray) -> np.ndarray:
        """Read the images at `positions` (int64 (B,)): uint8 (B, S, S, 3)."""
        return np.asarray(self.cache.images[self.rows[positions]])

    def masks_at(self, positions: np.ndarray) -> np.ndarray | None:
        """Read the masks at `positions`: uint8 (B, S, S), or None when none is needed."""
        if not self.needs_mask:
            return None
        if self.masks is not None:
            return np.asarray(self.masks[positions], dtype=np.uint8)
        return np.asarray(self.cache.masks[self.rows[positions]])

    def _check_shape(self, name: str, item_shape: tuple[int, ...]) -> None:
        array = getattr(self, name)
        expected = (len(self.image_ids), *item_shape)
        if array is not None and array.shape != expected:
            raise ValueError(f"{name} has shape {array.shape}, expected {expected}.")

    def _check_cached_masks(self) -> None:
        needed = np.ones(len(self), bool) if self.mask_weight is None else self.mask_weight != 0
        missing = np.flatnonzero(needed & ~np.asarray(self.cache.has_mask)[self.rows])
        if len(missing):
            raise UserError(
                f"{len(missing)} of {len(self)} images have no lesion mask, the first is "
                f"{self.image_ids[missing[0]]}: leave them out or pass predicted masks."
            )


def draw_epoch(samples: Samples, *, seed: int, epoch: int) -> np.ndarray:
    """Draw the order of one epoch, a function of (seed, epoch) only.

    Returns:
        int64 (N,) positions: a permutation, or draws with replacement by `sampling_weights`.
    """
    generator = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(epoch,)))
    if samples.sampling_weights is None:
        return generator.permutation(len(samples))
    weights = np.asarray(samples.sampling_weights, dtype=np.float64)
    return generator.choice(len(samples), size=len(samples), p=weights / weights.sum())


def augmentation_indices(order: np.ndarray) -> np.ndarray:
    """Return the index each draw of an epoch is augmented under, int64 (N,).

    It is the image's own position; the k-th repetition of an image (balanced sampling) gets
    position + k * N, so that repetitions are augmented differently.
    """
    by_position = np.argsort(order, kind="stable")
    ordered = order[by_position]
    first = np.searchsorted(ordered, ordered, side="left")
    repetition = np.empty_like(order)
    repetition[by_position] = np.arange(len(order)) - first
    return order + repetition * len(order)


def augmentation_keys(*, seed: int, epoch: int, indices: np.ndarray) -> np.ndarray:
    """Derive the keys under which images are augmented on the accelerator.

    Args:
        seed: Seed of the run.
        epoch: Epoch.
        indices: int64 (B,), from `augmentation_indices`.

    Returns:
        uint32 (B, 2); each row depends on (seed, epoch, index) only.
    """
    # The third word keeps these apart from the streams of `Augmenter` and `drop_metadata`.
    sequences = [np.random.SeedSequence(seed, spawn_key=(epoch, int(i), 2)) for i in indices]
    return np.array([s.generate_state(2) for s in sequences], dtype=np.uint32).reshape(-1, 2)


def drop_metadata(
    metadata: np.ndarray, *, rate: float, seed: int, epoch: int, indices: np.ndarray
) -> np.ndarray:
    """Set age, sex and site to missing, each with probability `rate`.

    Args:
        metadata: float32 (B, 14) from `MetadataEncoder`; not changed.
        rate: Probability, 0..1.
        seed: Seed of the run.
        epoch: Epoch.
        indices: int64 (B,), from `augmentation_indices`. The result for each row depends on
            (seed, epoch, index) only.

    Returns:
        float32 (B, 14).
    """
    dropped = metadata.copy()
    for row, index in zip(dropped, indices, strict=True):
        # The third word keeps this stream apart from the image augmentation's.
        sequence = np.random.SeedSequence(seed, spawn_key=(epoch, int(index), 1))
        draws = np.random.default_rng(sequence).random(len(_METADATA_GROUPS))
        for group, draw in zip(_METADATA_GROUPS, draws, strict=True):
            if draw < rate:
                row[group] = 0.0
                row[group.stop - 1] = 1.0
    return dropped
