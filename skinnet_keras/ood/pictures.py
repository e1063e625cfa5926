"""Pictures that show no lesion: crops of everyday photographs, and generated textures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import skimage
from scipy.ndimage import gaussian_filter

from skinnet_keras.data.image_io import read_image, resize_image

# What scikit-image has in its package: photographs of things, animals, fabrics, the sky, text.
# Not its histology and retina pictures: medical, and closer to a dermoscope's than the others.
PHOTOGRAPHS = (
    "astronaut.png",
    "brick.png",
    "camera.png",
    "chelsea.png",
    "coffee.png",
    "coins.png",
    "grass.png",
    "gravel.png",
    "hubble_deep_field.jpg",
    "motorcycle_left.png",
    "page.png",
    "rocket.jpg",
    "text.png",
)
_SMALLEST_CROP = 96  # pixels


def photograph_crops(count: int, size: int, seed: int = 0) -> np.ndarray:
    """Square crops of the photographs, each photograph in turn.

    Args:
        count: Crops.
        size: Side S of the result in pixels.
        seed: Of the crops.

    Returns:
        uint8 (count, S, S, 3).
    """
    folder = Path(skimage.__file__).parent / "data"
    pictures = [read_image(folder / name) for name in PHOTOGRAPHS]
    rng = np.random.default_rng(seed)
    crops = np.empty((count, size, size, 3), np.uint8)
    for n in range(count):
        picture = pictures[n % len(pictures)]
        height, width = picture.shape[:2]
        side = int(rng.integers(min(_SMALLEST_CROP, height, width), min(height, width) + 1))
        top, left = (int(rng.integers(0, end - side + 1)) for end in (height, width))
        crops[n] = resize_image(picture[top : top + side, left : left + side], size)
    return crops


def textures(count: int, size: int, seed: int = 0) -> np.ndarray:
    """Noise, stripes, gradients and plain areas, each kind in turn.

    Args:
        count: Pictures.
        size: Side S in pixels.
        seed: Of the pictures.

    Returns:
        uint8 (count, S, S, 3).
    """
    rng = np.random.default_rng(seed)
    kinds: tuple[Callable[[np.random.Generator, int], np.ndarray], ...] = (
        _noise,
        _clouds,
        _stripes,
        _gradient,
        _plain,
    )
    made = np.empty((count, size, size, 3), np.uint8)
    for n in range(count):
        picture = kinds[n % len(kinds)](rng, size)
        made[n] = np.round(255 * np.clip(picture, 0, 1)).astype(np.uint8)
    return made


def _noise(rng: np.random.Generator, size: int) -> np.ndarray:
    return rng.random((size, size, 3))


def _clouds(rng: np.random.Generator, size: int) -> np.ndarray:
    smooth = gaussian_filter(rng.normal(size=(size, size, 3)), (size / 16, size / 16, 0))
    return 0.5 + smooth / (4 * smooth.std())


def _stripes(rng: np.random.Generator, size: int) -> np.ndarray:
    angle, period = rng.uniform(0, np.pi), rng.uniform(4, size / 3)
    y, x = np.mgrid[:size, :size]
    wave = 0.5 + 0.5 * np.sin(2 * np.pi * (x * np.cos(angle) + y * np.sin(angle)) / period)
    first, second = rng.random((2, 3))
    return wave[..., None] * first + (1 - wave[..., None]) * second


def _gradient(rng: np.random.Generator, size: int) -> np.ndarray:
    corners = rng.random((2, 2, 3))
    t = np.linspace(0, 1, size)
    rows = (1 - t)[:, None, None] * corners[0] + t[:, None, None] * corners[1]
    return (1 - t)[None, :, None] * rows[:, :1] + t[None, :, None] * rows[:, 1:]


def _plain(rng: np.random.Generator, size: int) -> np.ndarray:
    return np.broadcast_to(rng.random(3), (size, size, 3)).copy()
