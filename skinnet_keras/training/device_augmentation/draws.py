"""What each image of a batch gets: which operations, and how strong.

The distributions are those of `skinnet_keras.data.augmentation.Augmenter`, that is of
albumentations 2.0.8 with the strengths given there.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from keras import ops

from skinnet_keras.data import augmentation as paper
from skinnet_keras.training.device_augmentation.threefry import uniform

DISTORTIONS = ("none", "elastic", "grid", "lens")
GEOMETRIES = (
    "none",
    "quarter_turn",
    "horizontal_flip",
    "vertical_flip",
    "shift",
    "rotation",
    "scaling",
)
BLURS = ("none", "motion", "gaussian")

GRID_STEPS = 5
KERNEL = paper.BLUR_KERNEL[1]
GAUSSIAN_SIGMA = (0.5, 3.0)

_HOLES = paper.CUTOUT_HOLES[1]
_KERNEL_AXIS = np.arange(KERNEL, dtype="float32") - KERNEL // 2

# Uniform numbers an operation needs.
_COUNTS = {
    "cutout": 2 + 4 * _HOLES,
    "distortion": 2,
    "elastic": 2 * paper.ELASTIC_GRID**2,
    "grid": 2 * (GRID_STEPS + 1),
    "lens": 1,
    "geometry": 2,
    "affine": 5,
    "blur": 2,
    "motion": 5,
    "gaussian": 2,
    "brightness_contrast": 3,
}


class Draws(NamedTuple):
    """The random numbers of B images, float32.

    Attributes:
        holes: (B, 5, 4) black rectangles, x and y of the first pixel and of the one after the
            last; empty ones are (0, 0, 0, 0).
        distortion: (B,) index into `DISTORTIONS`.
        elastic: (B, 8, 8, 2) displacements in x and y on a coarse grid, in pixels.
        grid: (B, 2, 6) widths in x and height in y of the grid's cells, relative to each other.
        lens: (B,) coefficient of the radial distortion.
        geometry: (B,) index into `GEOMETRIES`.
        affine: (B, 2, 3) matrices that lead from an output to an input pixel (x, y), both counted
            from the centre of the image.
        blur: (B,) index into `BLURS`.
        kernel: (B, 7, 7) blur kernels of sum 1.
        contrast: (B,) factors.
        brightness: (B,) summands in grey levels.
    """

    holes: Any
    distortion: Any
    elastic: Any
    grid: Any
    lens: Any
    geometry: Any
    affine: Any
    blur: Any
    kernel: Any
    contrast: Any
    brightness: Any


def draw(key, augmenter: paper.Augmenter) -> Draws:
    """Draw for each image, as a function of its key only.

    Args:
        key: uint32 (B, 2).
        augmenter: Probabilities, and the side S of the images.
    """
    ends = np.cumsum(list(_COUNTS.values())).tolist()
    parts = ops.split(uniform(key, ends[-1]), ends[:-1], axis=1)
    u = dict(zip(_COUNTS, parts, strict=True))
    size = augmenter.image_size
    geometry = _one_of(u["geometry"], augmenter.geometry, GEOMETRIES)
    blur = _one_of(u["blur"], augmenter.blur, BLURS)
    brighter, contrast, brightness = ops.unstack(u["brightness_contrast"], 3, axis=1)
    fires = brighter < augmenter.brightness_contrast
    return Draws(
        holes=_holes(u["cutout"], augmenter.cutout, size),
        distortion=_one_of(u["distortion"], augmenter.distortion, DISTORTIONS),
        elastic=_elastic(u["elastic"], size),
        grid=1.0 + ops.reshape(_symmetric(u["grid"], paper.GRID_LIMIT), (-1, 2, GRID_STEPS + 1)),
        lens=_symmetric(u["lens"][:, 0], paper.LENS_LIMIT),
        geometry=geometry,
        affine=_affine(u["affine"], geometry, size),
        blur=blur,
        kernel=_kernel(u["motion"], u["gaussian"], blur),
        contrast=ops.where(fires, 1.0 + _symmetric(contrast, paper.CONTRAST_LIMIT), 1.0),
        brightness=ops.where(fires, 255.0 * _symmetric(brightness, paper.BRIGHTNESS_LIMIT), 0.0),
    )


def motion_kernel(length, angle, direction, shift):
    """Kernels of a motion along a straight line, as albumentations draws them pixel by pixel.

    Args:
        length: float32 (B,), half the side of the kernel without its centre, 1 to 3.
        angle: float32 (B,), radians.
        direction: float32 (B,), -1 (only backwards) to 1 (only forwards).
        shift: float32 (B, 2), shift of the line in x and y in units of `length`.

    Returns:
        float32 (B, 7, 7), not normalised: 1 on the line.
    """
    length, direction = length[:, None], direction[:, None]
    start = -length * (1.0 - ops.maximum(direction, 0.0))
    end = length * (1.0 - ops.maximum(-direction, 0.0))
    # Smaller kernels have fewer points; the last one is repeated, which draws it once.
    steps = ops.minimum(ops.arange(KERNEL, dtype="float32"), 2.0 * length)
    along = start + (end - start) * steps / (2.0 * length)
    x = along * ops.cos(angle)[:, None] + shift[:, :1] * length
    y = along * ops.sin(angle)[:, None] + shift[:, 1:] * length
    x, y = (ops.clip(ops.round(v), -length, length)[..., None] for v in (x, y))
    hit = ops.logical_and((y == _KERNEL_AXIS)[..., :, None], (x == _KERNEL_AXIS)[..., None, :])
    return ops.cast(ops.any(hit, axis=1), "float32")


def gaussian_kernel(sigma, radius):
    """Truncated Gaussian kernels, float32 (B, 7, 7), not normalised.

    Args:
        sigma: float32 (B,), pixels.
        radius: float32 (B,), 1 to 3.
    """
    weights = ops.exp(-0.5 * ops.square(_KERNEL_AXIS / sigma[:, None]))
    weights = ops.where(ops.abs(_KERNEL_AXIS) <= radius[:, None], weights, 0.0)
    return weights[:, :, None] * weights[:, None, :]


def _holes(u, probability: float, size: int):
    largest = max(1, round(paper.CUTOUT_SIDE * size))
    smallest = max(1, largest // 2)
    low, high = paper.CUTOUT_HOLES
    number = ops.where(u[:, :1] < probability, low + ops.floor(u[:, 1:2] * (high - low + 1)), 0.0)
    sides, corners = ops.split(ops.reshape(u[:, 2:], (-1, _HOLES, 4)), 2, axis=-1)
    sides = smallest + ops.floor(sides * (largest - smallest + 1))
    corners = ops.floor(corners * (size - sides + 1))
    holes = ops.concatenate([corners, corners + sides], axis=-1)
    exists = np.arange(_HOLES, dtype="float32") < number
    return ops.where(exists[..., None], holes, 0.0)


def _elastic(u, size: int):
    """Normal displacements by the transformation of Box and Muller (1958)."""
    radius, angle = ops.split(u, 2, axis=1)
    radius = ops.sqrt(-2.0 * ops.log(1.0 - radius))
    angle = 2.0 * math.pi * angle
    normal = ops.concatenate([radius * ops.cos(angle), radius * ops.sin(angle)], axis=1)
    nodes = paper.ELASTIC_GRID
    return paper.ELASTIC_STD * size * ops.reshape(normal, (-1, nodes, nodes, 2))


def _affine(u, geometry, size: int):
    def chosen(name: str):
        return geometry == GEOMETRIES.index(name)

    turns, shift_x, shift_y, angle, scale = ops.unstack(u, 5, axis=1)
    turn_sin = 1.0 - ops.floor(3.0 * turns)  # of 1, 2 or 3 quarter turns
    turn_cos = ops.abs(turn_sin) - 1.0
    angle = _symmetric(angle, math.radians(paper.ROTATE_LIMIT))
    zoom = ops.where(chosen("scaling"), 1.0 / (1.0 + _symmetric(scale, paper.SCALE_LIMIT)), 1.0)
    cos = ops.where(chosen("rotation"), ops.cos(angle), zoom)
    cos = ops.where(chosen("quarter_turn"), turn_cos, cos)
    sin = ops.where(chosen("rotation"), ops.sin(angle), 0.0)
    sin = ops.where(chosen("quarter_turn"), turn_sin, sin)
    flip_x = ops.where(chosen("horizontal_flip"), -1.0, 1.0)
    flip_y = ops.where(chosen("vertical_flip"), -1.0, 1.0)
    # Whole pixels, rounded towards zero.
    shift = [_symmetric(v, paper.SHIFT_LIMIT * size) for v in (shift_x, shift_y)]
    shift = [ops.where(chosen("shift"), ops.sign(v) * ops.floor(ops.abs(v)), 0.0) for v in shift]
    rows = [flip_x * cos, -sin, -shift[0], sin, flip_y * cos, -shift[1]]
    return ops.reshape(ops.stack(rows, axis=1), (-1, 2, 3))


def _kernel(motion, gaussian, blur):
    length, angle, direction, *shift = ops.unstack(motion, 5, axis=1)
    smallest, largest = paper.BLUR_KERNEL
    lengths = (largest - smallest) // 2 + 1
    moved = motion_kernel(
        smallest // 2 + ops.floor(lengths * length),
        2.0 * math.pi * angle,
        _symmetric(direction, 1.0),
        _symmetric(ops.stack(shift, axis=1), 0.5),
    )
    # albumentations draws the side from 3 to 7 and makes an even one odd by adding 1.
    side = smallest + ops.floor((largest - smallest + 1) * gaussian[:, 1])
    low, high = GAUSSIAN_SIGMA
    blurred = gaussian_kernel(low + (high - low) * gaussian[:, 0], ops.floor(side / 2.0))
    sharp = np.zeros((1, KERNEL, KERNEL), dtype="float32")
    sharp[0, KERNEL // 2, KERNEL // 2] = 1.0
    blur = blur[:, None, None]
    kernel = ops.where(blur == BLURS.index("motion"), moved, sharp)
    kernel = ops.where(blur == BLURS.index("gaussian"), blurred, kernel)
    return kernel / ops.sum(kernel, axis=(1, 2), keepdims=True)


def _one_of(u, probability: float, names: tuple[str, ...]):
    """Draw 0 (none), or with `probability` one of the others, all equally likely."""
    member = 1.0 + ops.floor(u[:, 1] * (len(names) - 1))
    return ops.where(u[:, 0] < probability, member, 0.0)


def _symmetric(u, limit: float):
    """Spread [0, 1) over [-limit, limit)."""
    return (2.0 * u - 1.0) * limit
