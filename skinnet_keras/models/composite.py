"""Segmentation network and classifier as one model: image and metadata in, diagnosis out."""

from __future__ import annotations

import keras

from skinnet_keras.models.layers import HardThreshold


def attach_segmenter(
    classifier: keras.Model, segmenter: keras.Model, threshold: float = 0.5
) -> keras.Model:
    """Feed a classifier the mask of a segmentation network.

    Args:
        classifier: A SkinNet. Its `mask` input, if it has one, gets the thresholded mask.
        segmenter: A binary segmentation network (`mask_logits` with one channel).
        threshold: Lesion probability from which a pixel belongs to the mask, in (0, 1).

    Returns:
        A model from `image` (and `metadata`, if the classifier has it) to `diagnosis`, float32
        (B, K) probabilities (and what else the classifier gives), and `mask`, float32
        (B, S, S, 1), the lesion probability. The two networks are shared, not copied; jointly
        trained, the hard mask passes the straight-through gradient.

    Raises:
        ValueError: The two networks take images of different shapes, or the masks have more
            than one channel.
    """
    inputs = {tensor.name: tensor for tensor in classifier.inputs}
    shape, mask_shape = inputs["image"].shape[1:], segmenter.output["mask_logits"].shape
    if tuple(segmenter.inputs[0].shape[1:]) != tuple(shape):
        raise ValueError(
            f"the segmenter takes images of {tuple(segmenter.inputs[0].shape[1:])}, "
            f"the classifier of {tuple(shape)}: build both at one size."
        )
    if mask_shape[-1] != 1:
        raise ValueError(f"a binary segmenter is needed, this one has {mask_shape[-1]} classes.")
    image = keras.Input(shape, name="image")
    new_inputs = {"image": image}
    # The logits stay float32, so that the threshold does not move under mixed precision.
    probability = keras.layers.Activation("sigmoid", dtype="float32", name="mask")(
        segmenter({"image": image})["mask_logits"]
    )
    features = {"image": image}
    if "metadata" in inputs:
        new_inputs["metadata"] = keras.Input(inputs["metadata"].shape[1:], name="metadata")
        features["metadata"] = new_inputs["metadata"]
    if "mask" in inputs:
        features["mask"] = HardThreshold(threshold, dtype="float32", name="hard_mask")(probability)
    return keras.Model(
        new_inputs,
        {**classifier(features), "mask": probability},
        name=f"{classifier.name}_end_to_end",
    )


def joint_training_part(end_to_end: keras.Model) -> keras.Model:
    """What joint training fits: both networks, with the outputs that losses are defined on.

    Args:
        end_to_end: From `attach_segmenter`; its layers are shared.

    Returns:
        A model from the same inputs to `diagnosis`, float32 (B, K) probabilities, and
        `mask_logits`, float32 (B, S, S, 1).
    """
    outputs = {
        "diagnosis": end_to_end.output["diagnosis"],
        "mask_logits": end_to_end.get_layer("mask").input,
    }
    return keras.Model(_inputs(end_to_end), outputs, name=f"{end_to_end.name}_joint")


def with_mask_logits(end_to_end: keras.Model) -> keras.Model:
    """The end-to-end model with one more output, for comparisons: probabilities saturate.

    Args:
        end_to_end: From `attach_segmenter`; its layers are shared.

    Returns:
        A model from the same inputs to the same outputs and `mask_logits`, float32 (B, S, S, 1).
    """
    outputs = {**end_to_end.output, "mask_logits": end_to_end.get_layer("mask").input}
    return keras.Model(_inputs(end_to_end), outputs, name=end_to_end.name)


def diagnosis_part(end_to_end: keras.Model) -> keras.Model:
    """The end-to-end model without its mask: predictions of a whole split fit into memory.

    Args:
        end_to_end: From `attach_segmenter`; its layers are shared.

    Returns:
        A model from the same inputs to `diagnosis`, float32 (B, K) probabilities.
    """
    outputs = {"diagnosis": end_to_end.output["diagnosis"]}
    return keras.Model(_inputs(end_to_end), outputs, name=f"{end_to_end.name}_diagnosis")


def _inputs(model: keras.Model) -> dict:
    return {tensor.name: tensor for tensor in model.inputs}
