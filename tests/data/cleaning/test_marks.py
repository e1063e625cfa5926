"""Hairs, rulers and ink are found where they were drawn, and little else is."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from cleaning_pictures import draw, hairs, skin
from skinnet_keras.data.cleaning.hair import find_hair
from skinnet_keras.data.cleaning.ink import find_ink
from skinnet_keras.data.cleaning.lines import WORKING_SIDE, to_working_size
from skinnet_keras.data.cleaning.rulers import find_rulers

VIOLET, BLUE = (95, 50, 140), (30, 120, 200)


def _grow(mask: np.ndarray, pixels: int) -> np.ndarray:
    side = 2 * pixels + 1
    return cv2.dilate(mask.astype(np.uint8), np.ones((side, side), np.uint8)) > 0


def _found(find, rgb: np.ndarray) -> np.ndarray:
    """What `find` marks, at the size of the picture."""
    marks = find(to_working_size(rgb)).astype(np.float32)
    return cv2.resize(marks, rgb.shape[1::-1], interpolation=cv2.INTER_AREA) >= 0.5


def _recall_and_precision(found: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    return found[truth].mean(), _grow(truth, 2)[found].mean()


@pytest.mark.parametrize("size", [(300, 400), (450, 600), (224, 224)])
def test_hairs(size):
    rgb, truth = hairs(skin(*size)[0])
    recall, precision = _recall_and_precision(_found(find_hair, rgb), truth)
    assert recall > 0.85
    assert precision > 0.85


def test_fainter_hairs_need_a_lower_contrast():
    rgb, _ = skin()
    pale, truth = draw(rgb, [np.array([[20.0, 30], [380, 60]])], 2.5, (192, 147, 127))
    found = [_found(lambda w, c=c: find_hair(w, contrast=c), pale)[truth].mean() for c in (4, 20)]
    assert found[0] > 0.8
    assert found[1] < 0.05


def test_working_size_is_the_same_for_all_pictures():
    assert to_working_size(np.zeros((100, 200, 3), np.uint8)).shape == (256, WORKING_SIDE, 3)
    assert to_working_size(np.zeros((3000, 1500, 3), np.uint8)).shape == (WORKING_SIDE, 256, 3)


def _network(rgb: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """A honeycomb of brown lines inside the lesion."""
    y, x = np.mgrid[: rgb.shape[0], : rgb.shape[1]]
    holes = np.cos(x / 2.2) + np.cos(x / 4.4 + y / 2.54) + np.cos(x / 4.4 - y / 2.54)
    depth = (holes < 0.2) * (mask == 1) * 45
    return (rgb - depth[..., None].clip(0, rgb.min())).astype(np.uint8)


def _globules(rgb: np.ndarray, mask: np.ndarray) -> np.ndarray:
    dotted = rgb.copy()
    for y, x in np.random.default_rng(0).integers(0, 300, (300, 2)):
        if mask[y, x]:
            cv2.circle(dotted, (int(x), int(y)), 3, (60, 35, 25), -1, cv2.LINE_AA)
    return dotted


@pytest.mark.parametrize("texture", [None, _network, _globules])
@pytest.mark.parametrize("find", [find_hair, find_rulers, find_ink])
def test_lesions_without_artefacts_are_hardly_touched(find, texture):
    rgb, mask = skin()
    if texture is not None:
        rgb = texture(rgb, mask)
    assert _found(find, rgb)[mask == 1].mean() < 0.01
    assert _found(find, rgb)[mask == 0].mean() < 0.001


@pytest.mark.parametrize("arc", [0.0, 0.0012])
def test_ticks_of_a_ruler(arc):
    ticks = []
    for k in range(12):
        x = 30 + 28 * k
        y = 20 + arc * (x - 200) ** 2
        ticks.append(np.array([[x, y], [x, y + (18 if k % 5 == 0 else 12)]]))
    rgb, truth = draw(skin()[0], ticks, 2, (40, 35, 35))
    recall, precision = _recall_and_precision(_found(find_rulers, rgb), truth)
    assert recall > 0.85
    assert precision > 0.9


def test_three_ticks_are_no_ruler():
    ticks = [np.array([[x, 20.0], [x, 32.0]]) for x in (30, 58, 86)]
    rgb, _ = draw(skin()[0], ticks, 2, (40, 35, 35))
    assert not _found(find_rulers, rgb).any()


def test_scale_line_with_small_ticks():
    base = np.array([[120.0, 262], [300, 270]])
    steps = np.linspace(base[0], base[1], 16)
    ticks = [np.array([p, p - (0, 6)]) for p in steps]
    rgb, truth = draw(skin()[0], [base, *ticks], 1.5, (40, 38, 40))
    recall, precision = _recall_and_precision(_found(find_rulers, rgb), truth)
    assert recall > 0.8
    assert precision > 0.8


def test_hairs_are_no_rulers():
    rgb, truth = hairs(skin()[0], count=12)
    assert _found(find_rulers, rgb)[truth].mean() < 0.05


@pytest.mark.parametrize("cast", [(1, 1, 1), (0.8, 0.9, 1.15)])
def test_pen_strokes_also_under_a_blue_light(cast):
    strokes = [np.array([[30.0, 40], [80, 60], [60, 90]]), np.array([[340.0, 200], [380, 260]])]
    rgb, truth = draw(skin()[0], strokes, 9, VIOLET)
    rgb = (rgb * cast).clip(0, 255).astype(np.uint8)
    recall, precision = _recall_and_precision(_found(find_ink, rgb), truth)
    assert recall > 0.95
    assert precision > 0.6  # the rim is blurred ink


def test_sticker_that_reaches_in():
    rgb, _ = skin()
    sticker = np.zeros(rgb.shape[:2], np.uint8)
    cv2.circle(sticker, (410, 140), 70, 1, -1)
    rgb[sticker == 1] = BLUE
    recall, precision = _recall_and_precision(_found(find_ink, rgb), sticker == 1)
    assert recall > 0.99
    assert precision > 0.9


def test_blue_white_veil_and_blue_lesions_stay():
    rgb, mask = skin()
    y, x = np.mgrid[: rgb.shape[0], : rgb.shape[1]]
    veil = (np.hypot(y - 140, x - 215) < 30) & (mask == 1)
    veiled = rgb.copy()
    veiled[veil] = (118, 122, 140)
    assert not _found(find_ink, veiled)[mask == 1].any()
    blue = rgb.copy()
    blue[mask == 1] = (70, 75, 130)
    assert not _found(find_ink, blue).any()
