"""One step of joint training on tiny networks; also a program, for other backends than Keras's."""

from __future__ import annotations

import json
import sys

import numpy as np


def joint_step(batch: dict[str, np.ndarray], mask_loss_weight: float) -> dict[str, object]:
    """Train classifier and segmenter on one batch, by SGD at a rate of 1.

    Args:
        batch: `image`, `metadata`, the targets `diagnosis` and `mask_logits`, and `weight`, the
            weight of each image's mask loss.
        mask_loss_weight: As in the config.

    Returns:
        `loss`: the losses by name; `change`: how much every weight of the segmenter changed.
    """
    import keras

    from skinnet_keras.config import SegmentationLossConfig
    from skinnet_keras.models import attach_segmenter
    from skinnet_keras.models.composite import joint_training_part
    from skinnet_keras.training.categorical_losses import CategoricalFocal
    from skinnet_keras.training.segmentation_losses import segmentation_loss
    from tiny_run import build_classifier, build_segmenter

    segmenter, classifier = build_segmenter(), build_classifier()
    # Initializers draw other numbers on another backend.
    random = np.random.default_rng(0)
    classifier.set_weights([random.normal(size=w.shape) for w in classifier.get_weights()])
    model = joint_training_part(attach_segmenter(classifier, segmenter))
    model.compile(
        optimizer=keras.optimizers.SGD(1.0),
        loss={
            "diagnosis": CategoricalFocal(),
            "mask_logits": segmentation_loss(SegmentationLossConfig()),
        },
        loss_weights={"diagnosis": 1.0, "mask_logits": mask_loss_weight},
    )
    before = segmenter.get_weights()
    ones = np.ones(len(batch["image"]), "float32")
    losses = model.train_on_batch(
        {name: batch[name] for name in ("image", "metadata")},
        {name: batch[name] for name in ("diagnosis", "mask_logits")},
        sample_weight={"diagnosis": ones, "mask_logits": batch["weight"]},
        return_dict=True,
    )
    changes = [b - a for a, b in zip(before, segmenter.get_weights(), strict=True)]
    return {
        "loss": {name: float(value) for name, value in losses.items()},
        "change": np.concatenate([change.ravel() for change in changes]).tolist(),
    }


if __name__ == "__main__":
    arrays = dict(np.load(sys.argv[1]))
    print(json.dumps([joint_step(arrays, float(weight)) for weight in sys.argv[2:]]))
