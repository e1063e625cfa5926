"""The pictures every artefact is measured on: generated lesions, the same everywhere."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from skinnet_keras.data.metadata import MetadataEncoder
from skinnet_keras.data.synthetic import generate_lesion

COUNT = 8
"""Pictures there are; no artefact is given more at once."""


def make_inputs(image_size: int) -> dict[str, np.ndarray]:
    """Draw lesions, their masks and patients.

    Args:
        image_size: Side S in pixels.

    Returns:
        `image` float32 (8, S, S, 3) in 0..255, `mask` float32 (8, S, S, 1) in {0, 1}, `metadata`
        float32 (8, M).
    """
    encoder = MetadataEncoder()
    lesions = [generate_lesion(i, size=(image_size, image_size))[0] for i in range(COUNT)]
    patients = [
        encoder.encode(float(lesion.age) if lesion.age else None, lesion.sex, lesion.site)
        for lesion in lesions
    ]
    return {
        "image": np.stack([lesion.image for lesion in lesions]).astype(np.float32),
        "mask": np.stack([lesion.mask for lesion in lesions])[..., None].astype(np.float32),
        "metadata": np.stack(patients),
    }


class InputFiles:
    """The inputs as files, one an image size, drawn when they are first asked for.

    Files, because drawing takes memory that must not be counted as a model's.

    Args:
        folder: Where they go.
    """

    def __init__(self, folder: Path):
        self._folder = folder

    def of_size(self, image_size: int) -> Path:
        """The `.npz` with what `make_inputs` returns for a side of `image_size` pixels."""
        path = self._folder / f"{image_size}.npz"
        if not path.exists():
            np.savez(path, **make_inputs(image_size))  # type: ignore[arg-type]
        return path
