"""A model whose training step augments its batch first."""

from __future__ import annotations

from typing import Any

import keras


class AugmentedModel(keras.Model):
    """The graph of a model with the augmentation in front of it, in training only.

    It shares layers, and so weights, with the model; both write and read the same weights files.
    The augmentation is part of the compiled training step: it runs on the device, under
    `MirroredStrategy` in each replica on its share of the batch. Build it where the model was
    built, in the strategy's scope.

    The training batches come from `training_dataset(..., with_keys=True)`. Where the mask
    is a target, the target is the augmented mask.

    Args:
        model: A Functional model with an input `image`.
        augmentation: `PaperAugmentation`, or a layer with its inputs and outputs.
    """

    def __init__(self, model: keras.Model, augmentation: keras.layers.Layer):
        inputs = {tensor.name: tensor for tensor in model.inputs}
        super().__init__(inputs=inputs, outputs=model.output, name=model.name)
        self._names = tuple(inputs)
        self._augmentation = augmentation

    def call(self, inputs, training=None, mask=None):
        inputs = {name: inputs[name] for name in self._names}
        return super().call(inputs, training=training, mask=mask)

    def train_step(self, *arguments):
        # TensorFlow passes (data), JAX (state, data).
        *state, data = arguments
        return super().train_step(*state, self._augment(data))

    def _augment(self, data: Any) -> Any:
        x, y, weight = keras.utils.unpack_x_y_sample_weight(data)
        batch = {name: x[name] for name in ("image", "mask", "augmentation_key") if name in x}
        mask_is_target = isinstance(y, dict) and "mask_logits" in y
        if mask_is_target:
            batch["mask"] = y["mask_logits"]
        augmented = self._augmentation(batch)
        if mask_is_target:
            # Auxiliary outputs learn the same mask; a diagnosis stays what it is.
            mask = augmented.pop("mask")
            y = {name: y[name] if name == "diagnosis" else mask for name in y}
        x = {name: augmented.get(name, x[name]) for name in self._names}
        return keras.utils.pack_x_y_sample_weight(x, y, weight)
