"""The stages of a training, each one or more calls of `model.fit`."""

from __future__ import annotations

import itertools
from typing import Annotated, Literal, NamedTuple

from pydantic import Field, model_validator

from skinnet_keras.config.base import Count, Section
from skinnet_keras.config.optimizer import OptimizerConfig

Part = Literal["head", "stem", "last_block", "cnn", "all"]


class Segment(NamedTuple):
    """Consecutive epochs of a stage in which the same parts of the network are trained.

    Attributes:
        first: Epochs done before it.
        end: Epochs done after it.
        parts: What is trained; `("all",)` is the whole network.
    """

    first: int
    end: int
    parts: tuple[Part, ...]


class StageConfig(Section):
    """One stage: epochs, batches, optimiser, and which of its weights are kept.

    - `early_stopping`: the stage ends when its figure on the validation split (the loss; the Dice
      coefficient in `segmentation`) has not improved for so many epochs.
    - `ema`: validation, best and final weights are those of an exponential moving average over
      the optimiser steps, `average = ema * average + (1 - ema) * weights`, about 1 / (1 - ema)
      steps long (Polyak averaging). It starts at the weights after the first step. Training goes
      on with the weights themselves. Statistics of batch normalisation, which follow the
      weights, are not averaged.
    """

    epochs: Count
    batch_size: Count = 32
    optimizer: OptimizerConfig = OptimizerConfig()
    early_stopping: Count | None = None
    ema: Annotated[float, Field(gt=0, lt=1)] | None = None

    @property
    def segments(self) -> tuple[Segment, ...]:
        """The stage cut where other parts begin to be trained; here it is one piece."""
        return (Segment(0, self.epochs, ("all",)),)

    def ends_after(self, epoch: int, best_epoch: int) -> bool:
        """Tell whether the stage is over.

        Early stopping does not keep the last parts from being trained: its patience begins anew
        when they are.

        Args:
            epoch: Epochs done.
            best_epoch: The best of them, counted from 1; 0 when none improved on the start.
        """
        if epoch >= self.epochs:
            return True
        if self.early_stopping is None:
            return False
        return epoch - max(best_epoch, self.segments[-1].first) >= self.early_stopping


class UnfreezeConfig(Section):
    """The parts of a SkinNet that are trained from an epoch on, and no others.

    `from_epoch` counts the epochs done before. The parts, some of which overlap:

    - `stem`, `last_block`: of every convolutional network (`skinnet_keras.models.freezing`).
    - `cnn`: the CNN branches, up to the joined features.
    - `head`: every fully connected layer: each branch's, the metadata network and the classifier.
    - `all`: the whole network.
    """

    from_epoch: Annotated[int, Field(ge=0, lt=100_000)]
    parts: Annotated[list[Part], Field(min_length=1)]


class UnfreezingStageConfig(StageConfig):
    """A stage that can start with a part of the network, such as stem and last block first.

    `unfreeze` lists what is trained from which epoch on; None trains everything from the start.
    Batch normalisation of what is not trained keeps its statistics. Every entry starts a fresh
    optimiser over what it trains; learning rate, moving average and epochs go on.
    """

    unfreeze: list[UnfreezeConfig] | None = None

    @model_validator(mode="after")
    def _unfreezes_in_order(self) -> UnfreezingStageConfig:
        if self.unfreeze is None:
            return self
        starts = [entry.from_epoch for entry in self.unfreeze]
        if not starts or starts[0] != 0:
            raise ValueError("the first entry of unfreeze must have from_epoch 0")
        if any(a >= b for a, b in itertools.pairwise(starts)):
            raise ValueError(f"from_epoch of the entries of unfreeze must rise, not {starts}")
        if starts[-1] >= self.epochs:
            raise ValueError(
                f"unfreeze has an entry from_epoch {starts[-1]}, but the stage has "
                f"{self.epochs} epochs"
            )
        return self

    @property
    def segments(self) -> tuple[Segment, ...]:
        """The stage cut where other parts begin to be trained."""
        if self.unfreeze is None:
            return super().segments
        ends = [*(entry.from_epoch for entry in self.unfreeze[1:]), self.epochs]
        return tuple(
            Segment(entry.from_epoch, end, tuple(entry.parts))
            for entry, end in zip(self.unfreeze, ends, strict=True)
        )


class HeadStageConfig(StageConfig):
    """Stage (c): metadata network and head on cached features of augmented views."""

    views: Annotated[int, Field(gt=0, le=1000)] = 4


class JointStageConfig(UnfreezingStageConfig):
    """Stage (d): the whole classifier, and with `segmenter: true` the segmentation network, too.

    Without it, masks are inputs that do not change: those the other stages were trained on. With
    it, the classifier is trained on what the network makes of each augmented image; thresholding
    passes the straight-through gradient (arXiv:1308.3432), and the loss is

        diagnosis + `mask_loss_weight` * segmentation_loss.

    All labelled images count for the first term, those with a ground-truth mask for the second,
    which is scaled to the mean over these: its weight does not depend on how many there are. The
    run's `segmenter.keras` and masks are then those of the trained network, also where
    `segmenter.run` or `segmenter.masks` named others to start from, and predictions are made end
    to end. The network computes in float32 under `mixed_precision`, too; only `mask_logits` is
    trained of one with auxiliary outputs.
    """

    segmenter: bool = False
    mask_loss_weight: float = Field(default=1.0, ge=0, le=1e3)

    @model_validator(mode="after")
    def _goes_together(self) -> JointStageConfig:
        if self.mask_loss_weight != 1.0 and not self.segmenter:
            raise ValueError("mask_loss_weight needs segmenter: true")
        if self.unfreeze is not None and self.segmenter:
            raise ValueError("unfreeze is for the classifier alone: leave out segmenter: true")
        return self


class StagesConfig(Section):
    """The paper's stages in their order; a stage that is left out is not run."""

    segmentation: StageConfig | None = None
    cnn: UnfreezingStageConfig | None = None
    head: HeadStageConfig | None = None
    joint: JointStageConfig | None = None
