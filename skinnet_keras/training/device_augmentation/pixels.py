"""Operations on the pixels of a batch: holes, warps, blur, brightness."""

from __future__ import annotations

from functools import cache

import cv2
import keras
import numpy as np
from keras import ops

from skinnet_keras.data import augmentation as paper
from skinnet_keras.training.device_augmentation.draws import (
    DISTORTIONS,
    GRID_STEPS,
    KERNEL,
    Draws,
)


def cut_out(images, holes):
    """Blacken rectangles.

    Args:
        images: float32 (B, S, S, C).
        holes: float32 (B, H, 4), see `Draws`.
    """
    axis = np.arange(images.shape[1], dtype="float32")
    x0, y0, x1, y1 = (edge[..., None] for edge in ops.unstack(holes, 4, axis=-1))
    columns = ops.logical_and(axis >= x0, axis < x1)
    rows = ops.logical_and(axis >= y0, axis < y1)
    inside = ops.any(ops.logical_and(rows[..., :, None], columns[..., None, :]), axis=1)
    return ops.where(inside[..., None], 0.0, images)


def sampling_map(draws: Draws, size: int):
    """Where each output pixel is taken from when the distortion and then the geometry act.

    Two warps one after the other would interpolate twice; here the second one samples the map of
    the first, and the image is interpolated once.

    Returns:
        float32 (B, S, S, 2), x and y in pixels; may lie outside the image.
    """
    centre = (size - 1) / 2
    offset = np.arange(size, dtype="float32") - centre
    y, x = offset[None, :, None], offset[None, None, :]
    rows = draws.affine[..., None, None]
    moved = [rows[:, i, 0] * x + rows[:, i, 1] * y + (rows[:, i, 2] + centre) for i in range(2)]
    return bilinear(_distortion_map(draws, size), ops.stack(moved, axis=-1))


def bilinear(images, points):
    """Sample images between the pixels; beyond the border they are mirrored (reflect-101).

    Args:
        images: float32 (B, S, S, C).
        points: float32 (B, S, S, 2), x and y in pixels.

    Returns:
        float32 (B, S, S, C).
    """
    corner = ops.floor(points)
    x, y = corner[..., 0], corner[..., 1]
    weight = points - corner
    right, down = weight[..., :1], weight[..., 1:]
    top = _lerp(_pixels(images, x, y), _pixels(images, x + 1.0, y), right)
    bottom = _lerp(_pixels(images, x, y + 1.0), _pixels(images, x + 1.0, y + 1.0), right)
    return _lerp(top, bottom, down)


def nearest(images, points):
    """Sample the nearest pixel; arguments and border as for `bilinear`."""
    whole = ops.floor(points + 0.5)
    return _pixels(images, whole[..., 0], whole[..., 1])


def blur(images, kernel):
    """Correlate each image with a kernel of its own, over mirrored borders.

    Args:
        images: float32 (B, S, S, C).
        kernel: float32 (B, 7, 7).
    """
    size, margin = images.shape[1], KERNEL // 2
    padded = ops.pad(images, ((0, 0), (margin, margin), (margin, margin), (0, 0)), mode="reflect")
    weights = kernel[..., None, None, None]

    def add_row(dy, total):
        rows = ops.slice(padded, (0, dy, 0, 0), (ops.shape(images)[0], size, *padded.shape[2:]))
        row_weights = ops.take(weights, dy, axis=1)
        for dx in range(KERNEL):
            total = total + row_weights[:, dx] * rows[:, :, dx : dx + size]
        return total

    # A sum of shifted images: grouped convolutions are slow on some devices. A loop, because XLA
    # would merge one long sum with the warp and interpolate each pixel many times.
    return ops.fori_loop(0, KERNEL, add_row, ops.zeros_like(images))


def brighten(images, contrast, brightness):
    """`contrast * images + brightness`, clipped to 0..255."""
    contrast, brightness = (value[:, None, None, None] for value in (contrast, brightness))
    return ops.clip(contrast * images + brightness, 0.0, 255.0)


def elastic_field(nodes, size: int):
    """Displacements between coarse nodes, bicubic: float32 (B, S, S, 2)."""
    weights = _cubic_weights(size)
    return ops.einsum("yi,bijc,xj->byxc", weights, nodes, weights)


def grid_map(cells, size: int):
    """The map of albumentations' grid distortion.

    Args:
        cells: float32 (B, 2, 6), see `Draws`.
        size: Side S.

    Returns:
        float32 (B, S, S, 2).
    """
    ramps, share = _grid_cells(size)
    widths = cells * share
    widths = size * widths / ops.sum(widths, axis=-1, keepdims=True)
    # A sum over six cells, not a matrix product: GPUs round the factors of those to 10 bits.
    x, y = ops.unstack(ops.sum(widths[:, :, None] * ramps, axis=-1), 2, axis=1)
    ones = np.ones(size, dtype="float32")
    return ops.stack([x[:, None, :] * ones[:, None], y[:, :, None] * ones], axis=-1)


def lens_map(coefficient, size: int):
    """The map of OpenCV's radial distortion with k1 = k2 = `coefficient`, focal length S.

    Args:
        coefficient: float32 (B,).
        size: Side S.

    Returns:
        float32 (B, S, S, 2).
    """
    axis = (np.arange(size, dtype="float32") - (size - 1) / 2) / size
    x, y = np.meshgrid(axis, axis)
    square = x**2 + y**2
    radial = 1.0 + coefficient[:, None, None] * (square + square**2)
    # OpenCV's new principal point is (S - 1) / 2, the old one S / 2.
    return ops.stack([size * x * radial, size * y * radial], axis=-1) + size / 2


def _distortion_map(draws: Draws, size: int):
    """The map of each image's distortion, float32 (B, S, S, 2)."""
    kind = draws.distortion[:, None, None, None]
    identity = np.stack(np.meshgrid(*[np.arange(size, dtype="float32")] * 2), axis=-1)
    elastic = kind == DISTORTIONS.index("elastic")
    points = identity + ops.where(elastic, elastic_field(draws.elastic, size), 0.0)
    points = ops.where(kind == DISTORTIONS.index("grid"), grid_map(draws.grid, size), points)
    return ops.where(kind == DISTORTIONS.index("lens"), lens_map(draws.lens, size), points)


@cache
def _cubic_weights(size: int) -> np.ndarray:
    """OpenCV's bicubic interpolation from the elastic grid to S pixels, float32 (S, 8)."""
    nodes = np.eye(paper.ELASTIC_GRID, dtype="float32")
    return cv2.resize(nodes, (paper.ELASTIC_GRID, size), interpolation=cv2.INTER_CUBIC)


@cache
def _grid_cells(size: int) -> tuple[np.ndarray, np.ndarray]:
    """How far each pixel has come in each cell, (S, 6) in 0..1, and the cells' shares, (6,)."""
    side = size // GRID_STEPS
    ramps = np.zeros((size, GRID_STEPS + 1), dtype="float32")
    for cell in range(GRID_STEPS + 1):
        # The last cell holds the S modulo 5 pixels that remain.
        pixels = np.arange(cell * side, min((cell + 1) * side, size))
        ramps[pixels, cell] = np.linspace(0.0, 1.0, len(pixels))
        ramps[(cell + 1) * side :, cell] = 1.0
    share = np.ones(GRID_STEPS + 1, dtype="float32")
    share[-1] = size % GRID_STEPS / side
    return ramps, share


def _lerp(start, end, weight):
    return start + weight * (end - start)


def _pixels(images, x, y):
    """Pixels at whole coordinates float32 (B, S, S), beyond the border mirrored ones."""
    size, channels = images.shape[1], images.shape[-1]
    # Below 2**24, hence exact. TensorFlow keeps int32 in the memory of the host.
    index_type = "int64" if keras.backend.backend() == "tensorflow" else "int32"
    within = ops.cast(_mirror(y, size) * size + _mirror(x, size), index_type)
    first = ops.arange(ops.shape(images)[0], dtype=index_type) * (size * size)
    pixels = ops.reshape(images, (-1, channels))
    return ops.take(pixels, first[:, None, None] + within, axis=0)


def _mirror(coordinate, size: int):
    """Reflect about the first and the last pixel."""
    last = size - 1
    return last - ops.abs(ops.mod(ops.abs(coordinate), 2 * last) - last)
