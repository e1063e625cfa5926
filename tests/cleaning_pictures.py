"""Generated dermoscopic pictures with artefacts at known places."""

from __future__ import annotations

import cv2
import numpy as np

SKIN = (205, 160, 140)


def skin(height: int = 300, width: int = 400, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Mottled skin with a round brown lesion: uint8 (H, W, 3) and its mask (H, W)."""
    rng = np.random.default_rng(seed)
    coarse = rng.normal(0, 1, (height // 20, width // 20)).astype(np.float32)
    mottle = 5 * cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    y, x = np.mgrid[:height, :width]
    radius = np.hypot(y - 0.5 * height, x - 0.5 * width) / height
    lesion = 1 / (1 + np.exp((radius - 0.22) * 60))
    colour = np.array(SKIN) + lesion[..., None] * (np.array([110, 70, 50]) - SKIN)
    pixels = colour + mottle[..., None] + rng.normal(0, 1.5, (height, width, 3))
    return pixels.round().clip(0, 255).astype(np.uint8), (lesion > 0.5).astype(np.uint8)


def draw(
    rgb: np.ndarray, curves: list[np.ndarray], width: float, colour: tuple[int, int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Draw antialiased curves, (N, 2) x y each; return the picture and bool (H, W) of the ink."""
    height, breadth = rgb.shape[:2]
    big = np.zeros((4 * height, 4 * breadth), np.uint8)
    points = [np.round(4 * 16 * curve).astype(np.int32) for curve in curves]
    cv2.polylines(big, points, False, 255, round(4 * width), cv2.LINE_AA, 4)
    alpha = cv2.resize(big, (breadth, height), interpolation=cv2.INTER_AREA)[..., None] / 255
    drawn = rgb + alpha * (np.array(colour) - rgb)
    return drawn.round().astype(np.uint8), alpha[..., 0] >= 0.5


def hairs(rgb: np.ndarray, count: int = 8, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Draw dark curved hairs 2.5 pixels wide; as `draw`."""
    rng = np.random.default_rng(seed)
    size = np.array(rgb.shape[1::-1])
    t = np.linspace(0, 1, 60)[:, None]
    curves = []
    for _ in range(count):
        start, end = rng.uniform(0.02, 0.98, (2, 2)) * size
        middle = (start + end) / 2 + rng.normal(0, 0.1, 2) * size
        curves.append((1 - t) ** 2 * start + 2 * t * (1 - t) * middle + t**2 * end)
    return draw(rgb, curves, 2.5, (45, 32, 28))


def vignette(rgb: np.ndarray, radius: float, centre: tuple[float, float] = (0.5, 0.5)):
    """Blacken everything off a circle; `radius` in heights, `centre` x y in shares of the sides."""
    height, width = rgb.shape[:2]
    y, x = np.mgrid[:height, :width]
    distance = np.hypot(y - centre[1] * height, x - centre[0] * width)
    light = 1 / (1 + np.exp((distance - radius * height) / 2))
    return (rgb * light[..., None] + 4).round().clip(0, 255).astype(np.uint8)
