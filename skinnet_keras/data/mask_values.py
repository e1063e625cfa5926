"""What the pixels of a mask file say: which of two values is the lesion.

Masks come as 0 and 255, 0 and 1, 0 and 65535, 0.0 and 1.0, as palettes, as a colour on black, as
transparency, with the noise of a JPEG file or with smooth edges. A threshold at one fixed value
reads some of them as "no lesion"; here the two values are looked for, and a file that has not
two is refused.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

_FEW = 16  # distinct values; noise and smooth edges of photographs' size have more
_LEAST_CONTRAST = 32  # of 255; below this a third value is a label and neither edge nor noise
_NEAR = 1 / 8  # of the contrast: a value this near to one of the two is noise on it
_STRAY_SHARE = 0.005  # of the pixels may be neither of the two nor beside an edge
_COMPARED_SIDE = 512  # pixels of the longer side on which stray pixels are counted
_EDGE_SHARE = 1 / 3  # of the pixels may be so beside edges: in noise more are
_EDGE = 8  # of these pixels: the reach of JPEG's ringing, and of the blur of an enlarged mask
_GREY = 32  # of 255: difference of the channels up to which a colour counts as grey
_SHOWN = 6  # values in a message


class MaskValuesError(Exception):
    """A file holds no mask of two values; the message ends a sentence that begins with the file."""


def lesion_pixels(image: Image.Image, *, lossy: bool) -> np.ndarray:
    """Tell which pixels of a mask are lesion.

    The file holds two values, whatever they are, and perhaps what lies between them beside edges
    (smoothed outlines) or near them (JPEG). Of two greys the brighter one is the lesion. A colour
    is the lesion on black, grey or white, except that a colour along most of the border on
    something bright might be the background. Where colours are equal and transparency differs,
    what is opaque is the lesion. In a palette the colours count, or the indices where all have one
    colour. A file of one value is empty if that is 0 (black), else all lesion.

    Args:
        image: The decoded file in its own mode.
        lossy: Whether it was compressed with losses (JPEG).

    Returns:
        bool array of shape (H, W).

    Raises:
        MaskValuesError: There are more than two values that are no edges or noise, or two of
            which either may be the lesion.
    """
    values = _values(image)
    if values.shape[2] != 4:
        return _lesion(values, lossy)
    colours, alpha = values[..., :3], values[..., 3:]
    if alpha.min() == alpha.max():
        return _lesion(colours, lossy)
    opaque = _lesion(alpha, lossy)
    shown, hidden = colours[opaque], colours[~opaque]
    if np.ptp(shown, axis=0).max() > _GREY:
        return _lesion((colours * (alpha / np.float32(255))).astype(np.uint8), lossy)
    shown, hidden = shown.mean(axis=0), hidden.mean(axis=0)
    if np.ptp(shown) <= _GREY and hidden.mean() > shown.mean() + _GREY:
        raise MaskValuesError("is bright where it is transparent and dark where it is opaque")
    return opaque


def _values(image: Image.Image) -> np.ndarray:
    """The pixels as numbers: (H, W, C), C is 1, 3 or, where there is transparency, 4."""
    mode = image.mode
    if mode == "1":
        return np.asarray(image).astype(np.uint8)[..., None]
    if mode == "L":
        return np.asarray(image)[..., None]
    if mode in ("I", "F") or mode.startswith("I;16"):
        numbers = np.asarray(image)[..., None]
        if not np.isfinite(numbers).all():
            raise MaskValuesError("holds values that are no numbers (NaN or infinite)")
        if numbers.dtype.kind == "f" and numbers.min() >= 0 and numbers.max() <= 1:
            return numbers * np.float32(255)
        return numbers
    if image.has_transparency_data:
        return np.asarray(image.convert("RGBA"))
    colours = np.asarray(image.convert("RGB"))
    if mode == "P":
        indices = np.asarray(image)[..., None]
        if _constant(colours) and not _constant(indices):
            return indices
    return colours


def _constant(values: np.ndarray) -> bool:
    return bool((values == values[:1, :1]).all())


@dataclass(frozen=True)
class _Pair:
    """Two colours that a mask is made of, float (C,) each."""

    first: np.ndarray
    second: np.ndarray

    def position(self, values: np.ndarray) -> np.ndarray:
        """Where colours (..., C) lie on the way from the first (0) to the second (1)."""
        way = (self.second - self.first).astype(np.float32)
        return (values.astype(np.float32) - self.first.astype(np.float32)) @ way / (way @ way)

    def distance(self, values: np.ndarray) -> np.ndarray:
        """Distance of colours (..., C) to the nearer of the two, in shares of the way."""
        way = np.linalg.norm(self.second - self.first)
        offsets = (values - colour for colour in (self.first, self.second))
        return np.minimum(*(np.linalg.norm(offset, axis=-1) for offset in offsets)) / way


def _lesion(values: np.ndarray, lossy: bool) -> np.ndarray:
    """Split (H, W, C), C is 1 or 3, into two and name the lesion."""
    if (values[..., :1] == values).all():
        values = values[..., :1]
    codes = _codes(values)
    distinct = _distinct(codes)
    if len(distinct) == 1:
        return np.full(codes.shape, bool(distinct[0] != 0))
    colours = _colours(distinct, values.shape[2])
    if not lossy and len(distinct) == 2:
        pair = _Pair(*colours)
    elif not lossy and len(distinct) <= _FEW and not _blurred_ends(colours):
        pair = _pair_of_labels(np.searchsorted(distinct, codes).astype(np.uint8), colours)
    else:
        pair = _pair_of_clouds(values, colours)
    if values.shape[2] == 1:
        return codes > (pair.first[0] + pair.second[0]) / 2
    if len(distinct) <= _FEW:
        second = np.isin(codes, distinct[pair.position(colours) > 0.5])
    else:
        second = pair.position(values) > 0.5
    return second if _second_is_lesion(pair, second) else ~second


def _codes(values: np.ndarray) -> np.ndarray:
    """One number a pixel, (H, W), 0 for black."""
    if values.shape[2] == 1:
        return values[..., 0]
    red, green, blue = (values[..., channel].astype(np.uint32) for channel in range(3))
    return red << 16 | green << 8 | blue


def _distinct(codes: np.ndarray) -> np.ndarray:
    """The sorted distinct numbers; for bytes, `np.unique` takes as long as decoding does."""
    if codes.dtype == np.uint8:
        return np.flatnonzero(cv2.calcHist([codes], [0], None, [256], [0, 256]).ravel())
    return np.unique(codes)


def _colours(codes: np.ndarray, channels: int) -> np.ndarray:
    """The inverse of `_codes` for N numbers: float (N, C)."""
    if channels == 1:
        return codes[:, None].astype(float)
    return np.stack([codes >> 16 & 255, codes >> 8 & 255, codes & 255], axis=1).astype(float)


def _blurred_ends(colours: np.ndarray) -> bool:
    """Whether several greys lie at either end: traces of JPEG in a file saved anew."""
    if colours.shape[1] > 1:
        return False
    low, high = colours.min(), colours.max()
    near = (high - low) / 16
    return near >= _LEAST_CONTRAST / 16 and all(
        (ends <= near).sum() > 1 for ends in (colours - low, high - colours)
    )


def _pair_of_labels(index: np.ndarray, colours: np.ndarray) -> _Pair:
    """Two of a few values; the others have to be smooth edges between them.

    Args:
        index: uint8 (H, W), the value of each pixel by its place in `colours`.
        colours: The distinct values, (N, C), 3 at least.
    """
    square = np.ones((3, 3), np.uint8)
    flat = cv2.erode(index, square) == cv2.dilate(index, square)
    areas = np.unique(index[flat])
    if len(areas) <= 2:
        first = areas[0] if len(areas) else np.bincount(index.ravel()).argmax()
        away = np.abs(colours - colours[first]).max(axis=1)
        second = areas[1] if len(areas) == 2 else away.argmax()
        pair = _Pair(colours[first], colours[second])
        position = pair.position(colours)[:, None]
        line = pair.first + position * (pair.second - pair.first)
        beside = np.abs(colours - line).max() / away[second]
        between = position.min() > -_NEAR / 4 and position.max() < 1 + _NEAR / 4
        if away[second] >= _LEAST_CONTRAST and between and beside <= _NEAR:
            return pair
    raise MaskValuesError(f"holds the values {_list(colours)}")


def _pair_of_clouds(values: np.ndarray, colours: np.ndarray) -> _Pair:
    """The two values that many are noise on; what is neither has to lie beside an edge."""
    refusal = MaskValuesError(
        f"holds {len(colours):,} values from {_name(colours[0])} to {_name(colours[-1])}, and "
        "too many of its pixels are neither of two main ones"
    )
    low, high = colours.min(), colours.max()
    step = -(-max(values.shape[:2]) // _COMPARED_SIDE)
    small = (values[::step, ::step].astype(np.float32) - np.float32(low)) * np.float32(
        255 / (high - low)
    )
    first = _commonest(small.reshape(-1, small.shape[2]))
    away = np.linalg.norm(small - first, axis=-1)
    if high - low < _LEAST_CONTRAST or not away.any():
        raise refusal
    second = _commonest(small[away > away.max() / 2])
    pair = _Pair(first, second)
    near = pair.distance(small) <= _NEAR
    of_second = pair.position(small) > 0.5
    square = np.ones((2 * _EDGE + 1, 2 * _EDGE + 1), np.uint8)
    reach = [cv2.dilate((near & part).astype(np.uint8), square) for part in (of_second, ~of_second)]
    stray = float((~near & ~(reach[0] & reach[1]).astype(bool)).mean())
    if stray > _STRAY_SHARE or near.mean() < 1 - _EDGE_SHARE:
        raise refusal
    scale = (high - low) / 255
    return _Pair(first * scale + low, second * scale + low)


def _commonest(colours: np.ndarray) -> np.ndarray:
    """Median of the most frequent of 16 steps a channel; (N, C) in 0..255 -> (C,)."""
    steps = (colours / 16).astype(np.int64).clip(0, 15) @ (16 ** np.arange(colours.shape[1]))
    return np.median(colours[steps == np.bincount(steps).argmax()], axis=0)


def _second_is_lesion(pair: _Pair, second: np.ndarray) -> bool:
    """Choose between two colours; bool (H, W) tells the pixels of the second."""
    grey = [np.ptp(colour) <= _GREY for colour in (pair.first, pair.second)]
    if all(grey):
        return bool(pair.second.mean() > pair.first.mean())
    plain, coloured = (pair.first, pair.second) if grey[0] else (pair.second, pair.first)
    lesion = second if grey[0] else ~second
    if not any(grey) or (plain.mean() > 127 and border_share(lesion) > 0.5):
        raise MaskValuesError(
            f"holds {_name(plain)} and {_name(coloured)}, of which either may be the lesion"
        )
    return bool(grey[0])


def border_share(lesion: np.ndarray) -> float:
    """Share of the pixels along the border of a mask (H, W) that are lesion."""
    edges = (lesion[0], lesion[-1], lesion[:, 0], lesion[:, -1])
    return float(np.concatenate(edges).astype(bool).mean())


def _name(colour: np.ndarray) -> str:
    parts = [f"{value:g}" for value in colour]
    return parts[0] if len(parts) == 1 else f"({', '.join(parts)})"


def _list(colours: np.ndarray) -> str:
    names = [_name(colour) for colour in colours]
    if len(names) > _SHOWN:
        names[_SHOWN - 1 :] = ["..."]
    return ", ".join(names)
