"""Masks compared as logits: how far two segmentation networks are apart, not just their masks."""

from __future__ import annotations

import numpy as np

LOGIT_BOUND = 4.0
"""Pixels whose logit is beyond this, either way, are not compared.

A float32 probability near 1 has steps of 6e-8, which for a logit l are steps of 6e-8 / p(1 - p):
3e-6 at 4, well under what is accepted, but 2e-4 at 8.
"""

_SMALLEST = 1e-12


def logits_of(probability: np.ndarray) -> np.ndarray:
    """Return log(p / (1 - p)) in float64; 0 and 1 give -28 and 28."""
    clipped = np.clip(probability.astype(np.float64), _SMALLEST, 1.0 - _SMALLEST)
    return np.log(clipped) - np.log1p(-clipped)


def relative_logit_difference(probability: np.ndarray, logits: np.ndarray) -> float | None:
    """Return the largest difference of logits, relative to their spread.

    Args:
        probability: Lesion probabilities of the one network, of any shape.
        logits: Logits of the other, of the same shape.

    Returns:
        Largest |difference| over the pixels whose logit in `logits` is within `LOGIT_BOUND`,
        divided by max - min of all `logits`; None where no pixel is within. NaN stays NaN.
    """
    compared = np.abs(logits) <= LOGIT_BOUND
    if not compared.any():
        return None
    largest = float(np.abs(logits_of(probability[compared]) - logits[compared]).max())
    spread = float(np.ptp(logits.astype(np.float64)))
    return largest / spread if spread else largest
