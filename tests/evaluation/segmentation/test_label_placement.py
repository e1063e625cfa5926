from __future__ import annotations

import itertools

import numpy as np
from matplotlib.transforms import Bbox

from skinnet_keras.evaluation.segmentation.label_placement import Label, place_labels

FRAME = Bbox([[0, 0], [800, 500]])
DISTANCES = (10, 25, 50, 75, 100)


def box(x, y, half=5):
    return Bbox([[x - half, y - half], [x + half, y + half]])


def overlap(one, other) -> float:
    common = Bbox.intersection(one, other)
    return 0.0 if common is None else common.width * common.height


def test_a_lonely_name_stands_beside_its_point():
    label = Label(np.array([400.0, 250.0]), np.array([60.0, 16.0]))
    (place,) = place_labels([label], [box(400, 250)], FRAME, DISTANCES)
    assert place.distance == 10
    assert (place.box.x0, place.box.y0, place.box.y1) == (410, 242, 258)


def test_crowded_names_cover_neither_each_other_nor_points():
    centres = np.random.default_rng(1).normal((400, 250), (60, 25), (12, 2))
    labels = [Label(centre, np.array([90.0, 16.0])) for centre in centres]
    points = [box(*centre) for centre in centres]
    boxes = [place.box for place in place_labels(labels, points, FRAME, DISTANCES)]
    assert all(overlap(*pair) == 0 for pair in itertools.combinations(boxes, 2))
    assert all(overlap(name, point) == 0 for name in boxes for point in points)


def test_names_stay_inside_the_frame():
    corners = [(2, 2), (798, 2), (2, 498), (798, 498)]
    labels = [Label(np.array(corner, float), np.array([90.0, 16.0])) for corner in corners]
    for place in place_labels(labels, [], FRAME, DISTANCES):
        assert overlap(place.box, FRAME) == place.box.width * place.box.height


def test_a_name_keeps_away_from_a_rival_point():
    labels = [
        Label(np.array([400.0, 250.0]), np.array([40.0, 16.0])),
        Label(np.array([460.0, 250.0]), np.array([40.0, 16.0])),
    ]
    left, right = place_labels(labels, [box(400, 250), box(460, 250)], FRAME, DISTANCES)
    assert left.box.x1 < 400
    assert right.box.x0 > 460
