"""The paper's augmentation with albumentations: same operations, same probabilities."""

from __future__ import annotations

import os
import random
import threading
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np

# albumentations asks the package index for a newer version when it is imported.
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")

import albumentations as A  # noqa: N812  (the name its documentation uses)

# Fixed strengths: the paper gives probabilities and the cutout's size only. The rest are the
# defaults of albumentations, but for the lens distortion, whose default is hardly visible.
CUTOUT_HOLES = (1, 5)
CUTOUT_SIDE = 16 / 224
SHIFT_LIMIT = 0.0625
SCALE_LIMIT = 0.1
ROTATE_LIMIT = 45.0
GRID_LIMIT = 0.3
LENS_LIMIT = 0.2
BLUR_KERNEL = (3, 7)
BRIGHTNESS_LIMIT = 0.2
CONTRAST_LIMIT = 0.2
ELASTIC_GRID = 8
ELASTIC_STD = 0.015

# Mirrored skin instead of a black wedge; image and mask get the same border.
_BORDER: Any = {"border_mode": cv2.BORDER_REFLECT_101, "mask_interpolation": cv2.INTER_NEAREST}

# A pipeline holds its random state between the seeding and the call.
_turn = threading.Lock()


class GridElastic(A.ElasticTransform):
    """Elastic deformation from Gaussian displacements on a coarse grid (U-Net, section 3.1).

    Ronneberger et al. (2015) draw displacement vectors on a coarse grid and interpolate them
    bicubically. `A.ElasticTransform` blurs a full-resolution noise field instead: equally smooth,
    but several times slower (it alone took half of the whole pipeline's time).
    """

    def get_params_dependent_on_data(
        self, params: dict[str, Any], data: dict[str, Any]
    ) -> dict[str, np.ndarray]:
        """Draw the map from output to input pixels, float32 (H, W) for x and for y."""
        height, width = params["shape"][:2]
        grid = self.random_generator.standard_normal(
            (ELASTIC_GRID, ELASTIC_GRID, 2), dtype=np.float32
        )
        displacement = cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)
        displacement *= np.float32(self.alpha)
        return {
            "map_x": displacement[..., 0] + np.arange(width, dtype=np.float32),
            "map_y": displacement[..., 1] + np.arange(height, dtype=np.float32)[:, None],
        }


class QuarterTurn(A.RandomRotate90):
    """Rotation by 90, 180 or 270 degrees; `A.RandomRotate90` also draws 0 degrees."""

    def get_params(self) -> dict[str, Any]:
        """Draw the number of quarter turns, 1 to 3."""
        return {"factor": self.py_random.randint(1, 3)}


@dataclass(frozen=True)
class Augmenter:
    """Paper augmentation of one image and its mask, a function of (seed, epoch, index) only.

    The operations run in the paper's order, each with its own probability and independent of the
    others: cutout; one of elastic, grid and lens distortion; one of quarter turn, horizontal flip,
    vertical flip, shift, rotation and scaling; one of motion and Gaussian blur; brightness with
    contrast. The two geometric steps move the mask with the image (nearest neighbour); cutout,
    blur and brightness leave the mask alone. Source: the paper's section on augmentation.

    Safe to call from several threads, which then take turns: use processes to go faster.

    Args:
        image_size: Side S of the square images in pixels. Sizes in pixels (cutout holes of at most
            16 x 16 at 224) scale with it.
        cutout: Probability of 1 to 5 black holes.
        distortion: Probability of one distortion.
        geometry: Probability of one geometric transform.
        blur: Probability of one blur.
        brightness_contrast: Probability of a change of brightness and contrast.
    """

    image_size: int
    cutout: float = 0.5
    distortion: float = 0.3
    geometry: float = 0.25
    blur: float = 0.15
    brightness_contrast: float = 0.05

    def __post_init__(self) -> None:
        if self.image_size < 1:
            raise ValueError(f"image_size must be positive, got {self.image_size}.")
        for name in ("cutout", "distortion", "geometry", "blur", "brightness_contrast"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"{name} must be a probability, got {getattr(self, name)}.")

    def __call__(
        self,
        image: np.ndarray,
        mask: np.ndarray | None,
        *,
        seed: int,
        epoch: int,
        index: int,
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Augment one image; the arguments are not changed.

        Args:
            image: uint8 (S, S, 3), 0..255.
            mask: uint8 (S, S) in {0, 1}, or None.
            seed: Seed of the run, >= 0.
            epoch: Epoch, >= 0.
            index: Index of the image, >= 0.

        Returns:
            The augmented image, uint8 (S, S, 3), and mask, uint8 (S, S) in {0, 1} or None. The
            image does not depend on whether a mask was given.
        """
        # One state for all operations. Compose.set_random_seed would give each operation a
        # generator with the same seed: they would all fire on the same images.
        sequence = np.random.SeedSequence(seed, spawn_key=(epoch, index))
        generator = np.random.Generator(np.random.PCG64(sequence))
        py_random = random.Random(int(sequence.generate_state(1, np.uint64)[0]))
        with _turn:
            self.pipeline.set_random_state(generator, py_random)
            result = self.pipeline(image=image, mask=mask)
        return result["image"], result["mask"]

    @cached_property
    def pipeline(self) -> A.Compose:
        """The albumentations pipeline itself, for use elsewhere (its seeding is the caller's)."""
        hole = max(1, round(CUTOUT_SIDE * self.image_size))
        hole_range = (max(1, hole // 2), hole)
        shift = (-SHIFT_LIMIT, SHIFT_LIMIT)
        return A.Compose(
            [
                A.CoarseDropout(CUTOUT_HOLES, hole_range, hole_range, p=self.cutout),
                A.OneOf(
                    [
                        GridElastic(alpha=ELASTIC_STD * self.image_size, p=1.0, **_BORDER),
                        A.GridDistortion(distort_limit=GRID_LIMIT, p=1.0, **_BORDER),
                        A.OpticalDistortion(distort_limit=LENS_LIMIT, p=1.0, **_BORDER),
                    ],
                    p=self.distortion,
                ),
                A.OneOf(
                    [
                        QuarterTurn(p=1.0),
                        A.HorizontalFlip(p=1.0),
                        A.VerticalFlip(p=1.0),
                        A.Affine(translate_percent={"x": shift, "y": shift}, p=1.0, **_BORDER),
                        A.Affine(rotate=(-ROTATE_LIMIT, ROTATE_LIMIT), p=1.0, **_BORDER),
                        A.Affine(
                            scale=(1 - SCALE_LIMIT, 1 + SCALE_LIMIT),
                            keep_ratio=True,
                            p=1.0,
                            **_BORDER,
                        ),
                    ],
                    p=self.geometry,
                ),
                A.OneOf(
                    [A.MotionBlur(BLUR_KERNEL, p=1.0), A.GaussianBlur(BLUR_KERNEL, p=1.0)],
                    p=self.blur,
                ),
                A.RandomBrightnessContrast(
                    BRIGHTNESS_LIMIT, CONTRAST_LIMIT, p=self.brightness_contrast
                ),
            ]
        )


def augment_batch(
    augmenter: Augmenter,
    images: np.ndarray,
    masks: np.ndarray | None,
    *,
    seed: int,
    epoch: int,
    indices: np.ndarray | list[int],
) -> tuple[np.ndarray, np.ndarray | None]:
    """Augment a batch, each image under its own index.

    Args:
        augmenter: Augmentation of one image.
        images: uint8 (B, S, S, 3); overwritten.
        masks: uint8 (B, S, S) in {0, 1}, or None; overwritten.
        seed: Seed of the run.
        epoch: Epoch.
        indices: B indices.

    Returns:
        `images` and `masks`.
    """
    for i, index in enumerate(indices):
        image, mask = augmenter(
            images[i],
            None if masks is None else masks[i],
            seed=seed,
            epoch=epoch,
            index=int(index),
        )
        images[i] = image
        if masks is not None:
            masks[i] = mask
    return images, masks
