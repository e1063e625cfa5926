"""Grad-CAM of the CNN branches of a SkinNet.

Selvaraju et al. 2017, arXiv:1610.02391: the last feature maps of a branch, weighted by the mean
gradient of the class's logit over each map, where they speak for the class.
"""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import keras
import numpy as np
import tensorflow as tf

from skinnet_keras.errors import UserError

# The pooling layers of `build_skinnet`; what they average is the branch's last feature map.
BRANCHES = {"image": "image_vector", "lesion": "lesion_vector", "shape": "shape_vector"}


class GradCam:
    """Grad-CAM of one classifier.

    Args:
        classifier: A model as `build_skinnet` makes it, with any backbone.

    Attributes:
        branches: Names of its CNN branches: `image`, and `lesion` (v4) or `shape` (v3).

    Raises:
        UserError: The model has none of these branches.
    """

    def __init__(self, classifier: keras.Model):
        names = {layer.name for layer in classifier.layers}
        self.branches = tuple(name for name, layer in BRANCHES.items() if layer in names)
        if not self.branches:
            raise UserError(
                f"{classifier.name} has none of the layers {', '.join(BRANCHES.values())} that "
                "average a SkinNet's feature maps: there is no map to draw."
            )
        self._input_names = [tensor.name for tensor in classifier.inputs]
        maps = [classifier.get_layer(BRANCHES[name]).input for name in self.branches]
        logits = classifier.get_layer("diagnosis_logits").output
        inputs = {tensor.name: tensor for tensor in classifier.inputs}
        self._model = keras.Model(inputs, [*maps, logits])

    def raw(
        self, inputs: Mapping[str, np.ndarray], classes: np.ndarray
    ) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Sum over channels of weight x feature map, before negative parts are cut off.

        Args:
            inputs: What the classifier takes, by name; a batch of B images.
            classes: int (B,): the class that each image is asked about.

        Returns:
            Branch -> float32 (B, h, w) of the feature map's size, and the logits, float32 (B, K).
        """
        given = {name: tf.convert_to_tensor(inputs[name]) for name in self._input_names}
        chosen = tf.stack([tf.range(len(classes)), tf.cast(classes, tf.int32)], axis=1)
        with tf.GradientTape(persistent=True) as tape:
            for tensor in given.values():
                tape.watch(tensor)
            *maps, logits = self._model(given, training=False)
            # One image's logit does not depend on another's, so their sum serves all.
            asked = tf.reduce_sum(tf.gather_nd(logits, chosen))
        found = {}
        for branch, features in zip(self.branches, maps, strict=True):
            weights = tf.reduce_mean(tape.gradient(asked, features), axis=(1, 2), keepdims=True)
            found[branch] = tf.reduce_sum(weights * features, axis=-1).numpy().astype(np.float32)
        return found, logits.numpy()

    def maps(
        self, inputs: Mapping[str, np.ndarray], classes: np.ndarray
    ) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """The maps at the image's size, each scaled to a maximum of 1.

        Args:
            inputs: What the classifier takes, by name; `image` is (B, S, S, C).
            classes: int (B,): the class that each image is asked about.

        Returns:
            Branch -> float32 (B, S, S) in 0..1, all zeros where nothing speaks for the class; and
            the logits, float32 (B, K).
        """
        raw, logits = self.raw(inputs, classes)
        size = inputs["image"].shape[1]
        return {name: _at_size(np.maximum(maps, 0), size) for name, maps in raw.items()}, logits


def _at_size(maps: np.ndarray, size: int) -> np.ndarray:
    """Enlarge (B, h, w) to (B, size, size), smoothly, and divide by each map's maximum."""
    large = np.stack(
        [cv2.resize(each, (size, size), interpolation=cv2.INTER_LINEAR) for each in maps]
    )
    peak = large.max(axis=(1, 2), keepdims=True)
    return np.where(peak > 0, large / np.where(peak > 0, peak, 1), 0).astype(np.float32)
