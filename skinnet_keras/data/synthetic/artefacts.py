"""What lies between the lesion and the sensor: hairs, ink, rulers, gel bubbles, dark corners."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from skinnet_keras.data.synthetic.fields import Array

_SUBPIXEL_BITS = 4


def _strokes(
    size: tuple[int, int], lines: list[NDArray[np.float64]], width: float
) -> NDArray[np.float32]:
    """Opacity 0..1 (H, W) of antialiased polylines; points and width in short sides.

    Lines thinner than a pixel are drawn one pixel wide and proportionally fainter.
    """
    canvas = np.zeros(size, np.uint8)
    short = min(size)
    fixed = [np.round(p * short * 2**_SUBPIXEL_BITS).astype(np.int32) for p in lines]
    pixels = width * short
    thickness = max(1, round(pixels))
    cv2.polylines(canvas, fixed, False, 255, thickness, cv2.LINE_AA, _SUBPIXEL_BITS)
    return canvas.astype(np.float32) * np.float32(min(1.0, pixels) / 255)


def _blend(rgb: Array, opacity: Array, colour: tuple[float, float, float]) -> None:
    rgb += opacity[..., None] * (np.asarray(colour, np.float32) - rgb)


def _extent(rgb: Array) -> NDArray[np.float64]:
    """Width and height in short sides."""
    height, width = rgb.shape[:2]
    return np.array([width, height]) / min(height, width)


def add_hairs(rgb: Array, rng: np.random.Generator) -> None:
    """Draw 1..20 curved hairs, dark or pale, with one main direction, into `rgb` in place."""
    number = int(1 + 19 * rng.random() ** 2)
    direction = rng.uniform(0, 2 * np.pi)
    t = np.linspace(0, 1, 12)[:, None]
    lines = []
    for _ in range(number):
        start = rng.uniform(-0.1, 1.1, 2) * _extent(rgb)
        angle = direction + rng.normal(0, 0.7)
        step = rng.uniform(0.25, 1.0) * np.array([np.cos(angle), np.sin(angle)])
        bend = rng.normal(0, 0.12) * np.array([-step[1], step[0]])
        lines.append(start + t * step + 4 * t * (1 - t) * bend)
    pale = rng.random() < 0.15
    colour = (0.85, 0.78, 0.7) if pale else tuple(rng.uniform(0.05, 0.22) * np.array([1, 0.8, 0.7]))
    _blend(rgb, 0.85 * _strokes(rgb.shape[:2], lines, rng.uniform(0.004, 0.011)), colour)


def add_ruler(rgb: Array, rng: np.random.Generator) -> None:
    """Draw the millimetre ticks of a ruler along one edge, in place."""
    width, height = _extent(rgb)
    horizontal, far = rng.random(2) < 0.5
    length = width if horizontal else height
    edge = ((height if horizontal else width) - 0.02) if far else 0.02
    inward = -1 if far else 1
    along = np.arange(rng.uniform(0, 0.1), length, rng.uniform(0.05, 0.09))
    lines = []
    for k, position in enumerate(along):
        ends = np.array([edge, edge + inward * (0.09 if k % 5 == 0 else 0.05)])
        both = np.stack([np.full(2, position), ends], 1)
        lines.append(both if horizontal else both[:, ::-1])
    _blend(rgb, 0.9 * _strokes(rgb.shape[:2], lines, 0.008), (0.08, 0.08, 0.1))


def add_ink(rgb: Array, rng: np.random.Generator) -> None:
    """Draw a surgical marker's violet stroke near one border, in place."""
    extent = _extent(rgb)
    angle = rng.uniform(0, 2 * np.pi)
    outward = np.array([np.cos(angle), np.sin(angle)])
    middle = extent / 2 + outward * extent * rng.uniform(0.42, 0.52)
    t = np.linspace(-1, 1, 10)[:, None]
    along = np.array([-outward[1], outward[0]]) * rng.uniform(0.15, 0.35)
    line = middle + t * along - 0.05 * t**2 * outward
    _blend(rgb, 0.7 * _strokes(rgb.shape[:2], [line], rng.uniform(0.02, 0.05)), (0.3, 0.16, 0.5))


def add_bubbles(rgb: Array, rng: np.random.Generator) -> None:
    """Draw the rims and highlights of 1..6 gel bubbles, in place."""
    t = np.linspace(0, 2 * np.pi, 25)[:, None]
    circle = np.concatenate([np.cos(t), np.sin(t)], 1)
    rims, highlights = [], []
    for _ in range(int(rng.integers(1, 7))):
        centre, radius = rng.uniform(0, 1, 2) * _extent(rgb), rng.uniform(0.015, 0.07)
        rims.append(centre + radius * circle)
        highlights.append(centre + 0.7 * radius * circle[14:19])
    _blend(rgb, 0.3 * _strokes(rgb.shape[:2], rims, 0.008), (0.25, 0.2, 0.2))
    _blend(rgb, 0.8 * _strokes(rgb.shape[:2], highlights, 0.01), (1.0, 1.0, 1.0))


def add_dark_corners(rgb: Array, x: Array, y: Array, rng: np.random.Generator) -> None:
    """Black out what the dermatoscope's round aperture hides, in place.

    Args:
        rgb: float32 (H, W, 3) in 0..1.
        x: Horizontal distance from the image's centre in short sides, (H, W).
        y: Vertical distance likewise.
        rng: Source of the aperture's position, radius and blur.
    """
    dx, dy = rng.uniform(-0.05, 0.05, 2)
    radius, blur = rng.uniform((0.54, 0.008), (0.72, 0.04))
    distance = np.hypot(x - np.float32(dx), y - np.float32(dy))
    rgb *= np.clip((np.float32(radius) - distance) / np.float32(blur) + 0.5, 0.02, 1)[..., None]
