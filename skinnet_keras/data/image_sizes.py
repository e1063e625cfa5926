"""Sizes of a catalogue's original images, from the files' headers."""

from __future__ import annotations

from collections.abc import Sequence

from skinnet_keras.data.catalogue import Catalogue
from skinnet_keras.data.image_io import read_size
from skinnet_keras.data.threads import map_in_threads
from skinnet_keras.errors import UserError


def read_sizes(
    catalogue: Catalogue, image_ids: Sequence[str], *, workers: int | None = None
) -> dict[str, tuple[int, int]]:
    """Read width and height of original images, with a progress bar; nothing is decoded.

    The catalogue and its cache do not keep them. A header takes a fraction of a millisecond.

    Args:
        catalogue: The catalogue.
        image_ids: Its images to look at.
        workers: Threads; by default one a CPU core.

    Returns:
        Image id -> (width, height) in pixels as stored; images whose file is missing or
        unreadable are left out.
    """

    def size(image_id: str) -> tuple[int, int] | None:
        try:
            return read_size(catalogue.image_path(image_id))
        except UserError:
            return None

    sizes = map_in_threads(size, image_ids, "Reading image sizes", workers)
    return {image_id: found for image_id, found in zip(image_ids, sizes, strict=True) if found}
