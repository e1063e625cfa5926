"""Stage (a): the segmentation network, and the mask of every image for the classifiers."""

from __future__ import annotations

from dataclasses import replace

import keras
import numpy as np

from skinnet_keras.config import Config
from skinnet_keras.data.pipeline import evaluation_dataset
from skinnet_keras.data.samples import Samples
from skinnet_keras.errors import UserError
from skinnet_keras.models import build_segmenter
from skinnet_keras.runs.masks import holds_masks
from skinnet_keras.runs.samples import segmentation_samples
from skinnet_keras.training.context import TrainingContext
from skinnet_keras.training.distribution import scope
from skinnet_keras.training.fit import Stage, fit_stage
from skinnet_keras.training.masks import logit, predict_masks
from skinnet_keras.training.segmentation_losses import segmentation_loss


def configured_segmenter(config: Config) -> keras.Model:
    """The segmentation network of a config, with fresh weights and all its outputs."""
    if config.segmenter is None:
        raise ValueError("the config has no segmenter section")
    arguments = config.segmenter.arguments
    return build_segmenter(config.segmenter.name, image_size=config.image_size, **arguments)


def prediction_part(segmenter: keras.Model) -> keras.Model:
    """The network without its auxiliary outputs, which serve training only.

    Args:
        segmenter: A network of `SEGMENTERS`; its layers are shared.

    Returns:
        A model whose only output is `mask_logits`.
    """
    if len(segmenter.output) == 1:
        return segmenter
    outputs = {"mask_logits": segmenter.output["mask_logits"]}
    return keras.Model(segmenter.input, outputs, name=segmenter.name)


def train_segmenter(context: TrainingContext) -> None:
    """Stage (a): fit the segmentation network, auxiliary outputs (deep supervision) included.

    Leaves `segmenter.keras` (without those) in the run, and the predicted masks of all images
    (`masks.npy`, `masks.csv`) for the run's own classifier or, where it has none, for other runs.

    Raises:
        UserError: The catalogue has no masks in the training or validation split, or an output
            of the network has no weight in the config.
    """
    run, config = context.run, context.config
    if config.segmenter is None or config.stages.segmentation is None:
        raise ValueError("the config has no segmentation stage")
    train = segmentation_samples(context.catalogue, context.cache, "train")
    val = segmentation_samples(context.catalogue, context.cache, "val")
    with scope(context.strategy):
        segmenter = configured_segmenter(config)
    loss = segmentation_loss(config.segmentation_loss)
    outputs = tuple(segmenter.output)
    stage = Stage(
        name="segmentation",
        model=segmenter,
        loss=dict.fromkeys(outputs, loss),
        loss_weights=_output_weights(config, outputs),
        config=config.stages.segmentation,
        data=context.batches(
            replace(train, mask_outputs=outputs), config.stages.segmentation.batch_size
        ),
        validate=lambda epoch: {
            f"val_{name}": value
            for name, value in score_segmenter(
                context, segmenter, val, **context.validation_view(epoch)
            ).items()
        },
        monitor="val_dice_per_image",
        higher_is_better=True,
        augmentation=context.device_augmentation,
        callbacks=context.tracker.callbacks("segmentation"),
    )
    fit_stage(run, stage, context.strategy)
    clean = context.save_clean(
        prediction_part(segmenter),
        lambda: prediction_part(configured_segmenter(config)),
        "segmenter.keras",
    )
    # Nobody asks the network of a fold for the masks of all images.
    for_others = config.model is None and config.cross_validation is None
    if (config.uses_mask or for_others) and not holds_masks(run.directory, context.cache.image_ids):
        run.log("segmentation: predicting the mask of every image")
        predict_masks(
            run,
            clean,
            context.cache,
            threshold=config.segmenter.threshold,
            trained_on=set(train.image_ids),
        )


def score_segmenter(
    context: TrainingContext,
    segmenter: keras.Model,
    samples: Samples,
    batch_size: int = 32,
    **augmentation,
) -> dict[str, float]:
    """Mean of the configured loss (`loss`) and the metrics of the thresholded masks.

    Auxiliary outputs are left aside: they serve training only.

    Args:
        context: The run, its loss and its metrics.
        segmenter: The network.
        samples: Images with masks.
        batch_size: Images a prediction step.
        **augmentation: `augmenter`, `seed` and `epoch` of `evaluation_dataset`, for augmented
            images and masks.
    """
    config = context.config
    threshold = logit(config.segmenter.threshold if config.segmenter else 0.5)
    loss = segmentation_loss(config.segmentation_loss)
    n = len(samples)
    batches = evaluation_dataset(samples, batch_size=batch_size, pad=True, **augmentation)
    logits = segmenter.predict(batches, verbose=0)["mask_logits"][:n]
    if augmentation.get("augmenter") is None:
        truth = samples.masks_at(np.arange(n))
        if truth is None:
            raise ValueError("the samples have no masks")
    else:
        # A second pass moves the masks as it moved them in the first.
        masks = [keras.ops.convert_to_numpy(y["mask_logits"]) for _, y in batches]
        truth = np.concatenate(masks)[:n, ..., 0]
    losses = [
        keras.ops.convert_to_numpy(
            loss.call(truth[part, ..., None].astype("float32"), logits[part])
        )
        for part in (slice(i, i + batch_size) for i in range(0, n, batch_size))
    ]
    figures = context.segmentation_metrics(logits[..., 0] >= threshold, truth > 0)
    return {"loss": float(np.concatenate(losses).mean()), **figures}


def _output_weights(config: Config, outputs: tuple[str, ...]) -> dict[str, float] | None:
    """The weight of each output's loss; None for a single output."""
    if len(outputs) == 1:
        return None
    known = config.segmentation_loss.output_weights
    missing = [name for name in outputs if name not in known]
    if missing:
        raise UserError(
            f"segmentation_loss.output_weights has no weight for {', '.join(missing)}, an output "
            f"of {config.segmenter.name if config.segmenter else 'the network'}."
        )
    return {name: known[name] for name in outputs}
