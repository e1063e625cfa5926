"""Outputs of any runner as means over views of the images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from skinnet_keras.data.views import View
from skinnet_keras.errors import UserError
from skinnet_keras.inference.runner import Runner


class NotFiniteError(UserError):
    """A model's outputs are not numbers."""


def predict_views(
    runner: Runner, inputs: Mapping[str, np.ndarray], views: Sequence[View]
) -> dict[str, np.ndarray]:
    """Predict views of images and average, masks after they are brought back.

    Crops are taken of the image at the model's size, as `skinnet tta` takes them: what was
    evaluated is what predicts. A model that finds the mask itself finds one in every view.

    Args:
        runner: The model.
        inputs: "image", uint8 (N, S, S, 3), and what else the model takes: "mask", uint8
            (N, S, S, 1), which is moved with the image, and "metadata".
        views: The views, one of the whole image among them.

    Returns:
        Those that the model gives of "diagnosis", float32 (N, K), mean probabilities; "abstain",
        float32 (N, 1), the share of the views it abstains in; and "mask", float32 (N, S, S),
        lesion probabilities, means over the views that show the pixel.

    Raises:
        NotFiniteError: The outputs are not finite.
        UserError: The model cannot be run.
    """
    plain, mask = {name: _Mean() for name in ("diagnosis", "abstain")}, _Mean()
    for view in views:
        seen = {**inputs, "image": view.of_images(inputs["image"])}
        if "mask" in inputs:
            seen["mask"] = view.of_masks(inputs["mask"][..., 0])[..., np.newaxis]
        outputs = runner.predict(seen)
        if not all(np.isfinite(values).all() for values in outputs.values()):
            raise NotFiniteError("The model's outputs are not numbers: its training has diverged.")
        for name in plain.keys() & outputs.keys():
            plain[name].add(outputs[name], np.ones(1))
        found = _lesion_probability(outputs)
        if found is not None:
            mask.add(*view.back(found))
    means = {**{name: mean.value() for name, mean in plain.items()}, "mask": mask.value()}
    return {name: value for name, value in means.items() if value is not None}


class _Mean:
    """Mean of arrays under weights, summed up one by one."""

    def __init__(self) -> None:
        self._total: np.ndarray | None = None
        self._weight = np.zeros(1)

    def add(self, values: np.ndarray, weight: np.ndarray) -> None:
        values = values.astype(np.float64)
        self._total = values if self._total is None else self._total + values
        self._weight = self._weight + weight

    def value(self) -> np.ndarray | None:
        return None if self._total is None else (self._total / self._weight).astype(np.float32)


def _lesion_probability(outputs: Mapping[str, np.ndarray]) -> np.ndarray | None:
    """Return the lesion probabilities (N, S, S); None where the model makes no mask."""
    if "mask" in outputs:
        return outputs["mask"][..., 0]
    if "mask_logits" in outputs:
        # tanh does not overflow.
        return 0.5 * (1.0 + np.tanh(0.5 * outputs["mask_logits"][..., 0]))
    return None
