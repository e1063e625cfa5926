"""Contrast of the page's colours, by WCAG 2.2 (success criteria 1.4.3 and 1.4.11)."""

from __future__ import annotations

import re

import pytest

from skinnet_keras.serving.webapp import build

TEXT = [
    (ink, ground)
    for ink in ("ink", "soft", "accent", "error")
    for ground in ("ground", "surface")
    if (ink, ground) != ("error", "ground")
] + [("on-accent", "accent"), ("warning-ink", "warning-ground")]
EDGES = [("edge", "surface"), ("edge", "ground"), ("bar", "line"), ("accent", "surface")]


def _schemes() -> dict[str, dict[str, str]]:
    css = (build.PAGE / "app.css").read_text()
    light, dark = re.findall(r":root \{(.*?)\}", css, re.DOTALL)
    colours = [dict(re.findall(r"--([\w-]+): (#\w{6});", block)) for block in (light, dark)]
    assert colours[0].keys() == colours[1].keys()
    return dict(zip(("light", "dark"), colours, strict=True))


def _luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def _contrast(one: str, other: str) -> float:
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_the_formula_on_known_values():
    assert _contrast("#000000", "#ffffff") == pytest.approx(21)
    assert _contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read(scheme):
    colours = _schemes()[scheme]
    for ink, ground in TEXT:
        assert _contrast(colours[ink], colours[ground]) >= 4.5, (ink, ground)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_controls_and_bars_can_be_seen(scheme):
    colours = _schemes()[scheme]
    for one, other in EDGES:
        assert _contrast(colours[one], colours[other]) >= 3.0, (one, other)


def test_motion_is_reduced_on_request():
    assert "@media (prefers-reduced-motion: reduce)" in (build.PAGE / "app.css").read_text()
