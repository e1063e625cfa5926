"""From the arrays of a batch to the tensors `model.fit` takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from skinnet_keras.data.batch_source import BatchSource
from skinnet_keras.data.samples import Samples

if TYPE_CHECKING:
    import tensorflow as tf


def batch_arrays(
    samples: Samples, positions: np.ndarray, images: np.ndarray, masks: np.ndarray | None
) -> dict[str, np.ndarray]:
    """Collect what a batch is made of, small dtypes, by name."""
    arrays: dict[str, np.ndarray] = {"image": images}
    if masks is not None:
        arrays["mask"] = masks
    if "metadata" in samples.input_names and samples.metadata is not None:
        arrays["metadata"] = samples.metadata[positions].astype(np.float32)
    if samples.target != "mask" and samples.labels is not None:
        arrays["label"] = samples.labels[positions].astype(np.int64)
    if samples.sample_weight is not None:
        arrays["sample_weight"] = samples.sample_weight[positions].astype(np.float32)
    if samples.mask_weight is not None:
        arrays["mask_weight"] = samples.mask_weight[positions].astype(np.float32)
    return arrays


def batch_dataset(
    steps: tf.data.Dataset,
    source: BatchSource,
    samples: Samples,
    *,
    batch_size: int | None,
    parallel_calls: int | None,
    with_keys: bool = False,
) -> tf.data.Dataset:
    """Map step numbers to batches of float tensors.

    Args:
        steps: The numbers of the batches.
        source: Loads the `batch_arrays` of a number.
        samples: What the batches are taken from.
        batch_size: Size of every batch, or None where it varies.
        parallel_calls: Batches loaded at the same time; None: one.
        with_keys: Whether the arrays end with "augmentation_key", uint32 (B, 2).

    Returns:
        A `tf.data.Dataset` of the elements that `training_dataset` describes.
    """
    import tensorflow as tf

    # The structure is that of a batch of one.
    first = np.zeros(1, dtype=np.int64)
    example = batch_arrays(samples, first, samples.images_at(first), samples.masks_at(first))
    if with_keys:
        example["augmentation_key"] = np.zeros((1, 2), dtype=np.uint32)

    def fetch(step: tf.Tensor) -> dict[str, tf.Tensor]:
        tensors = tf.numpy_function(
            source,
            [step],
            [tf.as_dtype(array.dtype) for array in example.values()],
        )
        for tensor, array in zip(tensors, example.values(), strict=True):
            tensor.set_shape((batch_size, *array.shape[1:]))
        return dict(zip(example, tensors, strict=True))

    def to_element(batch: dict[str, tf.Tensor]) -> Any:
        values = {"image": tf.cast(batch["image"], tf.float32)}
        if "mask" in batch:
            values["mask"] = tf.cast(batch["mask"], tf.float32)[..., tf.newaxis]
        if "metadata" in batch:
            values["metadata"] = batch["metadata"]
        x = {name: values[name] for name in samples.input_names}
        if with_keys:
            x["augmentation_key"] = batch["augmentation_key"]
        masks = dict.fromkeys(samples.mask_outputs, values["mask"]) if samples.needs_mask else {}
        weight = batch.get("sample_weight")
        if samples.target == "mask":
            y = masks
        elif "label" not in batch:
            return x
        else:
            y = tf.one_hot(batch["label"], samples.num_classes)
        if samples.target == "label_and_mask":
            if weight is None:
                weight = tf.ones_like(batch["mask_weight"])
            weight = {"diagnosis": weight, **dict.fromkeys(masks, batch["mask_weight"])}
            y = {"diagnosis": y, **masks}
        return (x, y) if weight is None else (x, y, weight)

    dataset = steps.map(lambda step: to_element(fetch(step)), num_parallel_calls=parallel_calls)
    return dataset.prefetch(2)
