"""The stages of a training, each one call of `model.fit`."""

from __future__ import annotations

from pydantic import Field, model_validator

from skinnet_keras.config.base import Positive, Section
from skinnet_keras.config.optimizer import OptimizerConfig


class StageConfig(Section):
    """One call of `model.fit`."""

    epochs: Positive
    batch_size: Positive = 32
    optimizer: OptimizerConfig = OptimizerConfig()


class HeadStageConfig(StageConfig):
    """Stage (c): metadata network and head on cached features of augmented views."""

    views: Positive = 4


class JointStageConfig(StageConfig):
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
    mask_loss_weight: float = Field(default=1.0, ge=0)

    @model_validator(mode="after")
    def _weight_has_a_term(self) -> JointStageConfig:
        if self.mask_loss_weight != 1.0 and not self.segmenter:
            raise ValueError("mask_loss_weight needs segmenter: true")
        return self


class StagesConfig(Section):
    """The paper's stages in their order; a stage that is left out is not run."""

    segmentation: StageConfig | None = None
    cnn: StageConfig | None = None
    head: HeadStageConfig | None = None
    joint: JointStageConfig | None = None
