"""What fills the outlines: dermoscopic structures of each class, as maps of chromophores.

A class has a function that draws one lesion's structures and returns a `Pattern`: called with
lesion coordinates and level, it gives the layers there. Layers multiply or add to the lesion's
tone with means that hardly depend on the class, so that structure, not colour, is the signal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from skinnet_keras.data.synthetic.fields import CELLS_PER_TILE, Array, Field, Kind


@dataclass(frozen=True)
class Layers:
    """Maps (H, W) of one lesion.

    Attributes:
        pigment: Factor of the lesion's melanin and blood, about 1.
        blood: Added blood density, in units of the lesion's strength.
        deep: Added blue-grey pigment, in units of the lesion's strength.
        white: Opacity of scar, scale and keratin, 0..1.
    """

    pigment: Array
    blood: Array | None = None
    deep: Array | None = None
    white: Array | None = None


Pattern = Callable[[Array, Array, Array], Layers]


def _cells(rng: np.random.Generator, kind: Kind, spacing: float) -> Field:
    """A field of dots, meshes or ridges `spacing` lesion radii apart."""
    return Field.draw(rng, kind, spacing * CELLS_PER_TILE)


def _step(values: Array, edge: float, width: float) -> Array:
    """Smooth step 0 -> 1 around `edge`."""
    ramp = np.clip((values - np.float32(edge - width)) / np.float32(2 * width), 0, 1)
    return np.asarray(ramp * ramp * (3 - 2 * ramp), np.float32)


def _thin_lines(field: Array, width: float) -> Array:
    """1 on the zero lines of a noise field, falling to 0 beside them."""
    return np.asarray(np.exp(-((field / np.float32(width)) ** 2)), np.float32)


def melanoma(rng: np.random.Generator) -> Pattern:
    """Blotches of two or three tones, an atypical network, a blue-white veil, regression."""
    blotch = Field.draw(rng, "fractal", 5.0)
    network = _cells(rng, "network", rng.uniform(0.22, 0.34))
    veil = Field.draw(rng, "smooth", 4.5)
    contrast, mesh, depth = rng.uniform((0.3, 0.2, 0.15), (0.6, 0.6, 0.5))
    regression = rng.random() < 0.4

    def paint(u: Array, v: Array, level: Array) -> Layers:
        tones = blotch(u, v)
        where = veil(u, v)
        pigment = 1 + contrast * np.tanh(2 * tones) + mesh * (network(u, v) - 0.35) * (tones < 0.3)
        deep = np.float32(depth) * _step(where, 0.9, 0.3)
        white = 0.35 * _step(-where, 1.3, 0.3) if regression else None
        return Layers(pigment, deep=deep, white=white)

    return paint


def nevus(rng: np.random.Generator) -> Pattern:
    """An even network or even globules that thin out towards the border."""
    kind: Kind = "network" if rng.random() < 0.6 else "dots"
    structure = _cells(rng, kind, rng.uniform(0.15, 0.25))
    mottle = Field.draw(rng, "fractal", 6.0)
    amount, fade = rng.uniform((0.2, 0.1), (0.5, 0.4))

    def paint(u: Array, v: Array, level: Array) -> Layers:
        centre = np.clip(1.4 * level, 0, 1) - 0.5
        pigment = 1 + amount * (structure(u, v) - 0.35) + fade * centre + 0.15 * mottle(u, v)
        return Layers(pigment)

    return paint


def basal_cell_carcinoma(rng: np.random.Generator) -> Pattern:
    """Branching vessels and blue-grey ovoid nests on a translucent ground."""
    vessels = Field.draw(rng, "fractal", rng.uniform(4.5, 6.5))
    gate = Field.draw(rng, "smooth", 4.0)
    nests = _cells(rng, "dots", rng.uniform(0.5, 0.8))
    redness, blue = rng.uniform((0.5, 0.2), (1.1, 0.7))

    def paint(u: Array, v: Array, level: Array) -> Layers:
        where = gate(u, v)
        blood = np.float32(redness) * _thin_lines(vessels(u, v), 0.16) * _step(where, -0.6, 0.5)
        deep = np.float32(blue) * nests(u, v) * _step(-where, 0.4, 0.3)
        return Layers(0.85 + 0.1 * where, blood, deep)

    return paint


def actinic_keratosis(rng: np.random.Generator) -> Pattern:
    """A strawberry pattern (red between pale follicles) under patches of scale."""
    follicles = _cells(rng, "dots", rng.uniform(0.2, 0.3))
    scale = Field.draw(rng, "fractal", 3.0)
    amount, cover = rng.uniform((0.3, 0.3), (0.7, 0.7))

    def paint(u: Array, v: Array, level: Array) -> Layers:
        flakes = scale(u, v)
        pigment = 1.1 - amount * (follicles(u, v) - 0.25)
        return Layers(pigment, white=np.float32(cover) * _step(flakes, 1.1, 0.35))

    return paint


def benign_keratosis(rng: np.random.Generator) -> Pattern:
    """Cerebriform ridges, pale milia-like cysts and dark comedo-like openings."""
    ridges = _cells(rng, "ridges", rng.uniform(0.2, 0.3))
    cysts = _cells(rng, "dots", rng.uniform(0.45, 0.6))
    gate = Field.draw(rng, "smooth", 3.0)
    amount, openings = rng.uniform((0.08, 0.2), (0.22, 0.7))

    def paint(u: Array, v: Array, level: Array) -> Layers:
        where, spots = gate(u, v), cysts(u, v)
        pigment = 1 + amount * ridges(u, v) + openings * spots * (where > 0.6)
        return Layers(pigment, white=0.45 * spots * (where < -0.6))

    return paint


def dermatofibroma(rng: np.random.Generator) -> Pattern:
    """A white scar-like centre within a delicate network."""
    network = _cells(rng, "network", rng.uniform(0.18, 0.26))
    mottle = Field.draw(rng, "fractal", 3.0)
    scar, size, amount = rng.uniform((0.25, 0.5, 0.2), (0.7, 0.75, 0.5))

    def paint(u: Array, v: Array, level: Array) -> Layers:
        noise = mottle(u, v)
        white = np.float32(scar) * _step(level + 0.07 * noise, size, 0.2)
        return Layers(1.05 + amount * (network(u, v) - 0.35) + 0.08 * noise, white=white)

    return paint


def vascular_lesion(rng: np.random.Generator) -> Pattern:
    """Homogeneous lacunae, each deepest in its middle, some of them dark (thrombosed)."""
    thrombosis = Field.draw(rng, "smooth", 2.5)
    depth, dark = rng.uniform((0.2, 0.0), (0.6, 0.6))

    def paint(u: Array, v: Array, level: Array) -> Layers:
        middle = np.clip(3 * level, 0, 1)
        deep = np.float32(dark) * _step(thrombosis(u, v), 0.8, 0.4)
        return Layers(0.9 - depth / 2 + depth * middle, deep=deep)

    return paint


def squamous_cell_carcinoma(rng: np.random.Generator) -> Pattern:
    """A central crater of keratin with a dark rim, and vessels like hairpins around it."""
    centre = rng.uniform(-0.15, 0.15, 2)
    crater, keratin, redness = rng.uniform((0.25, 0.25, 0.3), (0.45, 0.65, 0.8))
    spokes = int(rng.integers(12, 20))
    crumble = Field.draw(rng, "fractal", 2.5)
    clots = Field.draw(rng, "fractal", 2.0)

    def paint(u: Array, v: Array, level: Array) -> Layers:
        x, y = u - np.float32(centre[0]), v - np.float32(centre[1])
        noise = crumble(u, v)
        radius = np.hypot(x, y) + 0.08 * noise
        hairpins = _step(np.cos(spokes * np.arctan2(y, x) + 1.5 * noise), 0.75, 0.25)
        white = np.float32(keratin) * _step(-radius, -crater, 0.1) * (1 + 0.25 * noise)
        rim = np.exp(-(((radius - crater - 0.06) / 0.09) ** 2))
        blood = np.float32(redness) * (
            hairpins * _step(radius, crater + 0.2, 0.1) + _step(clots(u, v), 1.5, 0.2) * white
        )
        return Layers(0.9 + 0.5 * rim, blood, white=white)

    return paint


def granuloma_annulare(rng: np.random.Generator) -> Pattern:
    """Structureless orange-red papules, paler on top."""
    mottle = Field.draw(rng, "fractal", 3.0)
    dome, redness = rng.uniform((0.2, 0.1), (0.5, 0.3))

    def paint(u: Array, v: Array, level: Array) -> Layers:
        noise = mottle(u, v)
        pigment = 1.1 - dome * np.clip(4 * level, 0, 1) + 0.1 * noise
        return Layers(pigment, np.float32(redness) * np.ones_like(level))

    return paint


PATTERNS: dict[str, Callable[[np.random.Generator], Pattern]] = {
    "MEL": melanoma,
    "NV": nevus,
    "BCC": basal_cell_carcinoma,
    "AK": actinic_keratosis,
    "BKL": benign_keratosis,
    "DF": dermatofibroma,
    "VASC": vascular_lesion,
    "SCC": squamous_cell_carcinoma,
    "UNK": granuloma_annulare,
}

BORDER_SOFTNESS: dict[str, tuple[float, float]] = {
    "MEL": (0.03, 0.07),
    "NV": (0.05, 0.10),
    "BCC": (0.04, 0.08),
    "AK": (0.04, 0.08),
    "BKL": (0.015, 0.03),
    "DF": (0.08, 0.14),
    "VASC": (0.015, 0.03),
    "SCC": (0.03, 0.05),
    "UNK": (0.04, 0.08),
}
"""Range of the scale of the border's logistic profile, in lesion radii."""
