"""Nested metrics as flat, named numbers."""

from __future__ import annotations

from typing import Any


def flat_figures(metrics: dict[str, Any], prefix: str = "") -> dict[str, float]:
    """The numbers in nested dictionaries, keys joined by slashes.

    Args:
        metrics: Such as the content of `metrics.json`; text, lists and None are left out.
        prefix: Comes before every key.

    Returns:
        `{"classification/val/accuracy": 0.9, ...}`.
    """
    figures: dict[str, float] = {}
    for key, value in metrics.items():
        if isinstance(value, dict):
            figures |= flat_figures(value, f"{prefix}{key}/")
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            figures[f"{prefix}{key}"] = value
    return figures
