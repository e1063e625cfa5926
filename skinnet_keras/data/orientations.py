"""The eight flips and rotations by 90 degrees, of pictures and of their perceptual hashes."""

from __future__ import annotations

import numpy as np

ORIENTATIONS = 8
"""Number of orientations; 0 is the picture as it is."""

_TRANSPOSED, _MIRRORED, _UPSIDE_DOWN = 4, 1, 2
_ODD_COLUMNS, _ODD_ROWS = np.uint64(0x5555555555555555), np.uint64(0x00FF00FF00FF00FF)


def orient(pictures: np.ndarray, orientation: int) -> np.ndarray:
    """Transpose, then mirror, then turn upside down, as the orientation's bits 4, 1, 2 say.

    Args:
        pictures: Array of shape (..., S, S).
        orientation: 0..7.
    """
    if orientation & _TRANSPOSED:
        pictures = pictures.swapaxes(-1, -2)
    if orientation & _MIRRORED:
        pictures = pictures[..., ::-1]
    if orientation & _UPSIDE_DOWN:
        pictures = pictures[..., ::-1, :]
    return pictures


def orient_hashes(hashes: np.ndarray, orientation: int) -> np.ndarray:
    """Turn perceptual hashes as if their pictures had been turned, but for a few bits.

    The bits are signs of cosine coefficients, frequencies down by frequencies across (compared
    with their median, which is almost 0). Mirroring a picture changes the sign of the odd
    frequencies across; transposing it transposes them.

    Args:
        hashes: uint64 array of shape (N,).
        orientation: As for `orient`.

    Returns:
        uint64 array of shape (N,).
    """
    if orientation & _TRANSPOSED:
        octets = hashes.astype(">u8").view(np.uint8).reshape(-1, 8, 1)
        bits = np.unpackbits(octets, axis=2).swapaxes(1, 2)
        hashes = np.packbits(bits, axis=2).reshape(-1, 8).view(">u8").ravel().astype(np.uint64)
    if orientation & _MIRRORED:
        hashes = hashes ^ _ODD_COLUMNS
    if orientation & _UPSIDE_DOWN:
        hashes = hashes ^ _ODD_ROWS
    return hashes


def orient_crop(crop: tuple[float, float], orientation: int) -> tuple[float, float]:
    """Turn a crop's (width, height)."""
    return crop[::-1] if orientation & _TRANSPOSED else crop
