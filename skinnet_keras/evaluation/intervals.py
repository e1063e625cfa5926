"""Intervals as reports hold them."""

from __future__ import annotations

import numpy as np

from skinnet_keras.evaluation.bootstrap import percentile_interval


def json_interval(values: np.ndarray) -> list[float] | None:
    """Bounds of the 95 % percentile interval of bootstrap values (R,); None = undefined."""
    interval = percentile_interval(values)
    return None if interval is None else list(interval)
