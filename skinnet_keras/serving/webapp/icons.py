"""The page's icon, a lesion and its outline: one geometry, drawn as SVG and as PNG."""

from __future__ import annotations

import math
from pathlib import Path

from PIL import Image, ImageDraw

_GROUND, _LESION, _OUTLINE = "#0f4c5c", "#e8c9b5", "#7fe0e6"
_OVERSAMPLING = 4
_CORNER = 0.22  # radius of the corners, a share of the side
_SIZES = {"icon-180": 180, "icon-192": 192, "icon-512": 512}


def write_icons(folder: Path) -> None:
    """Write `icon.svg`, `icon-{180,192,512}.png` and `icon-maskable-512.png`.

    Args:
        folder: Folder to create. The maskable icon fills its square and keeps the drawing within
            the inner 80 % that every mask leaves; so does the 180 px one, which iOS rounds itself.
    """
    folder.mkdir(parents=True)
    (folder / "icon.svg").write_text(_svg(), encoding="utf-8")
    for name, size in _SIZES.items():
        _png(size, rounded=size != 180).save(folder / f"{name}.png", optimize=True)
    _png(512, rounded=False).save(folder / "icon-maskable-512.png", optimize=True)


def _curve(scale: float) -> list[tuple[float, float]]:
    """Return a closed, slightly irregular curve around the centre of the unit square."""
    points = []
    for degree in range(0, 360, 3):
        angle = math.radians(degree)
        radius = 1 + 0.10 * math.cos(2 * angle + 0.6) + 0.06 * math.sin(3 * angle)
        radius *= scale
        points.append((0.5 + radius * math.cos(angle), 0.5 + radius * math.sin(angle)))
    return points


def _svg() -> str:
    lesion, outline = (
        " ".join(f"{512 * x:.1f},{512 * y:.1f}" for x, y in _curve(scale)) for scale in (0.19, 0.30)
    )
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 512 512">\n'
        f'<rect width="512" height="512" rx="{512 * _CORNER:.0f}" fill="{_GROUND}"/>\n'
        f'<polygon points="{lesion}" fill="{_LESION}"/>\n'
        f'<polygon points="{outline}" fill="none" stroke="{_OUTLINE}" stroke-width="20" '
        'stroke-linejoin="round"/>\n</svg>\n'
    )


def _png(size: int, *, rounded: bool) -> Image.Image:
    side = size * _OVERSAMPLING
    image = Image.new("RGBA", (side, side), (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    radius = _CORNER * side if rounded else 0
    draw.rounded_rectangle((0, 0, side - 1, side - 1), radius, fill=_GROUND)
    lesion, outline = ([(side * x, side * y) for x, y in _curve(s)] for s in (0.19, 0.30))
    draw.polygon(lesion, fill=_LESION)
    draw.line([*outline, *outline[:2]], fill=_OUTLINE, width=round(side * 20 / 512), joint="curve")
    return image.resize((size, size), Image.Resampling.LANCZOS)
