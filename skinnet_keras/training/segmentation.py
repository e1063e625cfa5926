"""Stage (a): the segmentation network, and the mask of every image for the classifiers."""

from __future__ import annotations

from functools import partial

import keras
import numpy as np

from skinnet_keras.config import Config
from skinnet_keras.data.pipeline import evaluation_dataset
from skinnet_keras.data.samples import Samples
from skinnet_keras.models import build_segmenter
from skinnet_keras.training.context import TrainingContext
from skinnet_keras.training.distribution import scope
from skinnet_keras.training.fit import Stage, fit_stage
from skinnet_keras.training.losses import BCEDice
from skinnet_keras.training.masks import PredictedMasks, logit, predict_masks
from skinnet_keras.training.samples import segmentation_samples


def configured_segmenter(config: Config) -> keras.Model:
    """The segmentation network of a config, with fresh weights."""
    if config.segmenter is None:
        raise ValueError("the config has no segmenter section")
    arguments = config.segmenter.arguments
    model = build_segmenter(config.segmenter.name, image_size=config.image_size, **arguments)
    if len(model.output) > 1:
        # Stage (a) has one loss: auxiliary heads would stay as they were drawn.
        model = keras.Model(
            model.input, {"mask_logits": model.output["mask_logits"]}, name=model.name
        )
    return model


def train_segmenter(context: TrainingContext) -> None:
    """Stage (a): fit the segmentation network with BCE + Dice.

    Leaves `segmenter.keras` in the run, and the predicted masks of all images (`masks.npy`,
    `masks.csv`) for the run's own classifier or, where it has none, for other runs.

    Raises:
        UserError: The catalogue has no masks in the training or validation split.
    """
    run, config = context.run, context.config
    if config.segmenter is None or config.stages.segmentation is None:
        raise ValueError("the config has no segmentation stage")
    train = segmentation_samples(context.catalogue, context.cache, "train")
    val = segmentation_samples(context.catalogue, context.cache, "val")
    with scope(context.strategy):
        segmenter = configured_segmenter(config)
    stage = Stage(
        name="segmentation",
        model=segmenter,
        loss={"mask_logits": BCEDice()},
        config=config.stages.segmentation,
        data=context.batches(train, config.stages.segmentation.batch_size),
        validate=lambda: {
            f"val_{name}": value for name, value in score_segmenter(context, segmenter, val).items()
        },
        monitor="val_dice_per_image",
        higher_is_better=True,
        augmentation=context.device_augmentation,
    )
    fit_stage(run, stage, context.strategy)
    clean = context.save_clean(segmenter, partial(configured_segmenter, config), "segmenter.keras")
    if (config.uses_mask or config.model is None) and not _has_masks(context):
        run.log("segmentation: predicting the mask of every image")
        predict_masks(
            run,
            clean,
            context.cache,
            threshold=config.segmenter.threshold,
            trained_on=set(train.image_ids),
        )


def score_segmenter(
    context: TrainingContext, segmenter: keras.Model, samples: Samples, batch_size: int = 32
) -> dict[str, float]:
    """Mean BCE + Dice loss (`loss`) and the metrics of the thresholded masks on some images."""
    config = context.config
    threshold = logit(config.segmenter.threshold if config.segmenter else 0.5)
    n = len(samples)
    batches = evaluation_dataset(samples, batch_size=batch_size, pad=True)
    logits = segmenter.predict(batches, verbose=0)["mask_logits"][:n]
    truth = samples.masks_at(np.arange(n))
    if truth is None:
        raise ValueError("the samples have no masks")
    losses = [
        keras.ops.convert_to_numpy(
            BCEDice().call(truth[part, ..., None].astype("float32"), logits[part])
        )
        for part in (slice(i, i + batch_size) for i in range(0, n, batch_size))
    ]
    figures = context.segmentation_metrics(logits[..., 0] >= threshold, truth > 0)
    return {"loss": float(np.concatenate(losses).mean()), **figures}


def _has_masks(context: TrainingContext) -> bool:
    """Whether the run already holds masks for all cached images (a resumed run)."""
    directory = context.run.directory
    if not (directory / "masks.csv").is_file():
        return False
    return set(context.cache.image_ids) <= set(PredictedMasks.open(directory).row_of)
