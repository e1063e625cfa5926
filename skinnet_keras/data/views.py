"""Views of an image for test-time augmentation: mirrored, turned, cropped, with the mask alike.

Skin has no up and down: a mirrored or turned image is as likely as the one that was taken. A crop
is what a photographer would have taken from nearer.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from PIL import Image

from skinnet_keras.data.image_io import resize_image
from skinnet_keras.errors import UserError

VIEW_SETS = ("none", "flips", "dihedral", "multi_crop")
"""The image alone, with its mirror images (4 views), with its quarter turns too (8), with crops."""

DEFAULT_CROP = 0.875
"""Side of a crop over that of the image: 224 of 256 pixels, as in Krizhevsky et al. 2012."""

# Where the crops lie, rows and columns from 0 (top, left) to 1: centre and corners.
_PLACES = ((0.5, 0.5), (0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0))


@dataclass(frozen=True)
class View:
    """One way to look at square images of S pixels; the default is the image itself.

    The crop comes first, then the mirror, then the turns.

    Attributes:
        turns: Quarter turns counter-clockwise.
        mirrored: Whether left and right are exchanged.
        crop: Side of the crop over S, in (0, 1]; it is rounded to pixels.
        row: Place of the crop, 0 (top) to 1 (bottom).
        column: Place of the crop, 0 (left) to 1 (right).
    """

    turns: int = 0
    mirrored: bool = False
    crop: float = 1.0
    row: float = 0.5
    column: float = 0.5

    def of_images(self, images: np.ndarray) -> np.ndarray:
        """Show images in this view.

        Args:
            images: uint8 (N, S, S, 3); without a crop any dtype and channels will do.

        Returns:
            The same shape and dtype. Crops are brought back to S by the filter of the canonical
            preprocessing (`resize_image`).
        """
        size = images.shape[1]
        rows, columns = self._box(size)
        if rows.stop - rows.start < size:
            cropped = images[:, rows, columns]
            images = np.stack([resize_image(np.ascontiguousarray(i), size) for i in cropped])
        return self._turn(images)

    def of_masks(self, masks: np.ndarray) -> np.ndarray:
        """Show the masks of images in this view.

        Args:
            masks: uint8 (N, S, S) in {0, 1}.

        Returns:
            The same shape and dtype, in {0, 1}: crops are enlarged by the nearest pixel.
        """
        size = masks.shape[1]
        rows, columns = self._box(size)
        if rows.stop - rows.start < size:
            masks = np.stack(
                [
                    np.asarray(
                        Image.fromarray(np.ascontiguousarray(mask)).resize(
                            (size, size), Image.Resampling.NEAREST
                        )
                    )
                    for mask in masks[:, rows, columns]
                ]
            )
        return self._turn(masks)

    def back(self, maps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Bring maps that were predicted of this view back to where their pixels come from.

        Args:
            maps: float (N, S, S), such as lesion probabilities.

        Returns:
            float32 (N, S, S), 0 outside of the crop, and bool (S, S): what the view shows.
        """
        maps = np.rot90(np.asarray(maps, np.float32), -self.turns, axes=(1, 2))
        maps = maps[:, :, ::-1] if self.mirrored else maps
        size = maps.shape[1]
        rows, columns = self._box(size)
        side = rows.stop - rows.start
        shown = np.zeros((size, size), bool)
        shown[rows, columns] = True
        if side == size:
            return np.ascontiguousarray(maps), shown
        whole = np.zeros_like(maps)
        for target, source in zip(whole, maps, strict=True):
            small = Image.fromarray(np.ascontiguousarray(source))
            target[rows, columns] = small.resize((side, side), Image.Resampling.BILINEAR)
        return whole, shown

    def describe(self) -> dict[str, int | bool | float]:
        """Return the attributes as JSON values."""
        return asdict(self)

    def _box(self, size: int) -> tuple[slice, slice]:
        side = min(max(round(self.crop * size), 1), size)
        top, left = (round(place * (size - side)) for place in (self.row, self.column))
        return slice(top, top + side), slice(left, left + side)

    def _turn(self, batch: np.ndarray) -> np.ndarray:
        batch = batch[:, :, ::-1] if self.mirrored else batch
        return np.ascontiguousarray(np.rot90(batch, self.turns, axes=(1, 2)))


def view_set(name: str, *, crop: float | None = None, mirror: bool = False) -> tuple[View, ...]:
    """The views of a name, the image itself first.

    Args:
        name: One of `VIEW_SETS`. `multi_crop`: the whole image, its centre and its four corners.
        crop: Side of a crop of `multi_crop` over that of the image, in (0, 1); None for
            `DEFAULT_CROP`.
        mirror: Whether `multi_crop` also takes the mirror image of each (12 views).

    Raises:
        UserError: An unknown name, a crop out of range, or one of the options with other views.
    """
    if name not in VIEW_SETS:
        raise UserError(
            f"there are no views called {name!r}: choose one of {', '.join(VIEW_SETS)}."
        )
    if name != "multi_crop" and (crop is not None or mirror):
        raise UserError(f"--crop and --mirror belong to multi_crop, not to {name}: drop them.")
    if name == "multi_crop":
        crop = DEFAULT_CROP if crop is None else crop
        if not 0.0 < crop < 1.0:
            raise UserError(
                f"--crop {crop:g}: give the share of the side to keep, between 0 and 1."
            )
        whole = [View(), *(View(crop=crop, row=row, column=column) for row, column in _PLACES)]
        mirrored = [
            View(mirrored=True, crop=v.crop, row=v.row, column=v.column) for v in whole if mirror
        ]
        return (*whole, *mirrored)
    turns = {"none": (0,), "flips": (0, 2), "dihedral": range(4)}[name]
    both = (False,) if name == "none" else (False, True)
    return tuple(View(turns=turn, mirrored=mirrored) for turn in turns for mirrored in both)
