"""Colour by absorption: light times exp(-sum of chromophore density x absorption), Beer-Lambert.

Skin and lesions differ only in how much melanin, blood and deep (blue-grey) pigment they hold,
which keeps every mixture within plausible dermoscopic colours. Classes fall into two families
(brown, pink) with the SAME distribution within a family: colour alone cannot tell them apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from skinnet_keras.data.synthetic.fields import Array

# Optical density per unit of density in R, G, B: shapes of the absorption spectra (melanin rises
# steadily to blue, haemoglobin peaks in green), levels fitted by eye to dermoscopic colours.
MELANIN = np.array([0.55, 0.92, 1.2], np.float32)
BLOOD = np.array([0.17, 1.0, 0.76], np.float32)
DEEP_PIGMENT = np.array([1.15, 0.85, 0.5], np.float32)

BROWN_FAMILY = ("MEL", "NV", "BKL", "DF")
PINK_FAMILY = ("BCC", "AK", "VASC", "SCC")


@dataclass(frozen=True)
class Tone:
    """Mean densities of a tissue."""

    melanin: float
    blood: float


def draw_skin(rng: np.random.Generator) -> Tone:
    """Normal skin; one in ten is dark."""
    dark = rng.random() < 0.1
    melanin = rng.uniform(0.4, 0.8) if dark else rng.uniform(0.05, 0.3)
    return Tone(float(melanin), float(rng.uniform(0.06, 0.26)))


def draw_tone(rng: np.random.Generator, label: str) -> Tone:
    """What the lesion adds to its skin.

    One lesion in seven takes the other family's colours (pink melanoma, pigmented basal cell
    carcinoma); strength varies from faint to dark in every class alike.
    """
    brown = (label in BROWN_FAMILY) != (rng.random() < 0.15)
    strength = float(np.clip(np.exp(rng.normal(-0.3, 0.5)), 0.28, 1.5))
    if brown:
        return Tone(strength, strength * float(rng.uniform(-0.05, 0.35)))
    return Tone(
        strength * float(rng.uniform(0.05, 0.45)), strength * float(rng.uniform(0.35, 0.85))
    )


def transmit(melanin: Array, blood: Array, deep: Array | None) -> Array:
    """Reflected light of densities (H, W): float32 (H, W, 3) in 0..1."""
    density = melanin[..., None] * MELANIN + blood[..., None] * BLOOD
    if deep is not None:
        density += deep[..., None] * DEEP_PIGMENT
    return np.asarray(np.exp(-density), np.float32)
