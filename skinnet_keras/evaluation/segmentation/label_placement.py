"""Where names can stand beside the points of a picture without covering each other."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.transforms import Bbox

_SIDES = tuple(  # sixteen directions, right and left first
    np.array([np.cos(angle), np.sin(angle)])
    for angle in sorted(np.arange(16) * np.pi / 8, key=lambda angle: abs(np.sin(angle)))
)
_SWEEPS = 3  # a label may move after the others have found their places


@dataclass(frozen=True)
class Label:
    """A name to place.

    Attributes:
        centre: Its point, float (2,), pixels.
        size: Width and height of the text, float (2,), pixels.
        radius: Radius of the point's own disc, which the name may stand on but for the middle.
    """

    centre: np.ndarray
    size: np.ndarray
    radius: float = 0.0


@dataclass(frozen=True)
class Place:
    """Where a name stands.

    Attributes:
        box: The text's box, pixels.
        distance: From its disc, pixels; one of those asked for.
    """

    box: Bbox
    distance: float


def place_labels(
    labels: Sequence[Label],
    obstacles: Sequence[Bbox],
    frame: Bbox,
    distances: Sequence[float],
) -> list[Place]:
    """Choose for each name the place where it covers least, is nearest, and is no other's.

    One name at a time takes its best place, with the others where they stand at that time; a few
    rounds do for some dozen names.

    Args:
        labels: The names.
        obstacles: What they should not cover, such as dots and intervals, pixels.
        frame: What they should stay inside of, pixels.
        distances: Distances from the disc to try, pixels, the nearest first.
    """
    choices = [list(_places(label, distances)) for label in labels]
    placed = [places[0] for places in choices]
    for _ in range(_SWEEPS):
        for index, places in enumerate(choices):
            taken = [*obstacles, *(p.box for i, p in enumerate(placed) if i != index)]
            scores = [_penalty(place, labels, index, taken, frame) for place in places]
            placed[index] = places[int(np.argmin(scores))]
    return placed


def _places(label: Label, distances: Sequence[float]) -> Iterator[Place]:
    reach = np.array([0.5, 0.7]) * label.radius
    for distance, side in itertools.product(distances, _SIDES):
        corner = np.clip(1.4 * side, -1, 1)  # slantwise its corner, else its side is nearest
        middle = label.centre + side * (distance + reach) + corner * label.size / 2
        yield Place(Bbox([middle - label.size / 2, middle + label.size / 2]), distance)


def _penalty(
    place: Place, labels: Sequence[Label], own: int, taken: Sequence[Bbox], frame: Bbox
) -> float:
    """Square pixels covered or outside the frame; more where another point is as near."""
    box = place.box

    def common(other: Bbox) -> float:
        overlap = Bbox.intersection(box, other)
        return 0.0 if overlap is None else overlap.width * overlap.height

    away = [
        float(np.hypot(*(label.centre - np.clip(label.centre, box.p0, box.p1)))) for label in labels
    ]
    rivals = sum(other < 1.2 * away[own] for i, other in enumerate(away) if i != own)
    outside = box.width * box.height - common(frame)
    return 2 * sum(map(common, taken)) + 10 * outside + 120 * rivals + 4 * place.distance
