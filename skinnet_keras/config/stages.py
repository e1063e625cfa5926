"""The stages of a training, each one call of `model.fit`."""

from __future__ import annotations

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


class StagesConfig(Section):
    """The paper's stages in their order; a stage that is left out is not run."""

    segmentation: StageConfig | None = None
    cnn: StageConfig | None = None
    head: HeadStageConfig | None = None
    joint: StageConfig | None = None
