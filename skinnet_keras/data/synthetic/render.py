"""One view of one lesion: pixels to lesion coordinates, light, artefacts, sensor."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from skinnet_keras.data.synthetic import artefacts
from skinnet_keras.data.synthetic.colours import Tone, transmit
from skinnet_keras.data.synthetic.fields import Array, Field
from skinnet_keras.data.synthetic.shapes import Outline
from skinnet_keras.data.synthetic.textures import Pattern

_WHITE = np.array([0.93, 0.88, 0.82], np.float32)


@dataclass(frozen=True)
class Skin:
    """The surroundings: tone, mottling, furrows, freckles and redness, in short sides."""

    tone: Tone
    mottle: Field
    furrows: Field
    redness: Field
    freckles: Field
    freckled: float

    @classmethod
    def draw(cls, rng: np.random.Generator, tone: Tone) -> Skin:
        """Draw the structures of a piece of skin."""
        return cls(
            tone,
            mottle=Field.draw(rng, "fractal", 1.5),
            furrows=Field.draw(rng, "network", rng.uniform(0.6, 1.1)),
            redness=Field.draw(rng, "smooth", 2.0),
            freckles=Field.draw(rng, "fractal", rng.uniform(0.5, 0.9)),
            freckled=float(rng.uniform(0.05, 0.25)) if rng.random() < 0.3 else 0.0,
        )

    def densities(self, x: Array, y: Array) -> tuple[Array, Array]:
        """Melanin and blood at (x, y)."""
        melanin = self.tone.melanin * (1 + 0.15 * self.mottle(x, y)) + 0.03 * self.furrows(x, y)
        if self.freckled:
            melanin += self.freckled * np.clip(2 * self.freckles(x, y) - 2.4, 0, 1)
        blood = self.tone.blood * (1 + 0.3 * self.redness(x, y))
        return np.clip(melanin, 0.01, None), np.clip(blood, 0.01, None)


@dataclass(frozen=True)
class Lesion:
    """What every view of one lesion shares.

    Attributes:
        outline: Level function, in lesion radii.
        pattern: Structures inside.
        tone: Densities that the lesion adds to the skin.
        softness: Scale of the border's profile in lesion radii.
        halo: Strength of a faint pigmented rim outside the border, 0 for none.
        radius: Lesion radius in short sides at zoom 1.
        skin: Surroundings.
    """

    outline: Outline
    pattern: Pattern
    tone: Tone
    softness: float
    halo: float
    radius: float
    skin: Skin


@dataclass(frozen=True)
class View:
    """Camera and light of one photograph.

    Attributes:
        angle: Rotation in radians.
        zoom: Magnification.
        shift: Position of the lesion from the image's centre, in short sides.
        shear: Obliqueness of the camera.
        gains: White balance, factors of R, G, B.
        slope: Light gradient per short side, horizontally and vertically.
        blur: Standard deviation of the defocus in short sides.
        noise: Standard deviation of the sensor noise in grey levels (0..255).
        artefact_seed: Seed of the artefacts and the noise.
    """

    angle: float
    zoom: float
    shift: tuple[float, float]
    shear: float
    gains: tuple[float, float, float]
    slope: tuple[float, float]
    blur: float
    noise: float
    artefact_seed: int

    @classmethod
    def draw(cls, rng: np.random.Generator) -> View:
        """Draw a camera and a light."""
        tint = rng.normal(0, 0.035, 3) + 0.06 * (rng.random() < 0.25) * np.array([-1.5, 0.0, 1.0])
        return cls(
            angle=float(rng.uniform(0, 2 * np.pi)),
            zoom=float(rng.uniform(0.85, 1.15)),
            shift=tuple(rng.uniform(-0.09, 0.09, 2)),
            shear=float(rng.normal(0, 0.05)),
            gains=tuple(rng.uniform(0.82, 1.08) * np.exp(tint)),
            slope=tuple(rng.normal(0, 0.1, 2)),
            blur=float(rng.uniform(0, 0.007)),
            noise=float(rng.uniform(1, 4)),
            artefact_seed=int(rng.integers(2**32)),
        )


def _expose(rgb: Array, x: Array, y: Array, view: View, rng: np.random.Generator) -> None:
    """Apply light, artefacts and aperture to reflectances `rgb` in place."""
    hair, ruler, ink, bubbles, corners = rng.random(5) < (0.45, 0.1, 0.06, 0.12, 0.25)
    light = 1.02 + np.float32(view.slope[0]) * x + np.float32(view.slope[1]) * y
    light -= 0.18 * (x * x + y * y)
    rgb *= light[..., None]
    if ink:
        artefacts.add_ink(rgb, rng)
    if hair:
        artefacts.add_hairs(rgb, rng)
    if bubbles:
        artefacts.add_bubbles(rgb, rng)
    if ruler:
        artefacts.add_ruler(rgb, rng)
    if corners:
        artefacts.add_dark_corners(rgb, x, y, rng)
    rgb *= np.asarray(view.gains, np.float32)


def render(
    lesion: Lesion, view: View, size: tuple[int, int]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Photograph a lesion.

    Args:
        lesion: The lesion.
        view: Camera and light.
        size: Width and height in pixels.

    Returns:
        The image, uint8 RGB (height, width, 3), and its exact mask, uint8 {0, 1} (height,
        width): 1 where the outline's level at the pixel's centre is positive.
    """
    width, height = size
    short = min(size)
    x, y = np.meshgrid(
        (np.arange(width, dtype=np.float32) + 0.5 - width / 2) / short,
        (np.arange(height, dtype=np.float32) + 0.5 - height / 2) / short,
    )
    c, s = np.float32(np.cos(view.angle) / view.zoom), np.float32(np.sin(view.angle) / view.zoom)
    left, down = x - np.float32(view.shift[0]), y - np.float32(view.shift[1])
    # Skin coordinates: those of the image, turned and zoomed with the camera.
    a = c * left - s * down
    b = s * left + c * down + np.float32(view.shear) * a
    u, v = a / np.float32(lesion.radius), b / np.float32(lesion.radius)

    level = lesion.outline.level(u, v)
    inside = 1 / (1 + np.exp(np.clip(level / np.float32(-lesion.softness), -30, 30)))
    layers = lesion.pattern(u, v, level)
    melanin, blood = lesion.skin.densities(a, b)
    amount = inside * np.clip(layers.pigment, 0.15, None)
    if lesion.halo:
        amount += lesion.halo * np.clip(1 + level / 0.45, 0, 1) * (1 - inside)
    strength = lesion.tone.melanin + lesion.tone.blood
    melanin += lesion.tone.melanin * amount
    blood += lesion.tone.blood * amount
    if layers.blood is not None:
        blood += strength * inside * layers.blood
    deep = None if layers.deep is None else strength * inside * layers.deep
    rgb = transmit(melanin, np.clip(blood, 0, None), deep)
    if layers.white is not None:
        rgb += (inside * layers.white)[..., None] * (_WHITE - rgb)

    rng = np.random.default_rng(view.artefact_seed)
    _expose(rgb, x, y, view, rng)
    if view.blur * short > 0.25:
        rgb = cv2.GaussianBlur(rgb, (0, 0), view.blur * short)
    rgb *= 255
    rgb += rng.standard_normal(rgb.shape, np.float32) * np.float32(view.noise)
    image = np.clip(np.rint(rgb), 0, 255).astype(np.uint8)
    return image, (level > 0).astype(np.uint8)
