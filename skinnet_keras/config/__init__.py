"""An experiment as data: pydantic models of the YAML configs, with errors that name the key."""

from __future__ import annotations

from skinnet_keras.config.classical import ClassicalClassifierConfig, ClassicalConfig
from skinnet_keras.config.cross_validation import CrossValidationConfig
from skinnet_keras.config.experiment import (
    CleaningConfig,
    Config,
    ModelConfig,
    SegmenterConfig,
)
from skinnet_keras.config.files import dump_config, load_config, parse_config
from skinnet_keras.config.losses import BalanceConfig, LossConfig, SegmentationLossConfig
from skinnet_keras.config.optimizer import OptimizerConfig, ScheduleConfig
from skinnet_keras.config.stages import (
    HeadStageConfig,
    JointStageConfig,
    Segment,
    StageConfig,
    StagesConfig,
    UnfreezeConfig,
    UnfreezingStageConfig,
)
from skinnet_keras.config.tracking import TrackingConfig, WandbConfig

__all__ = [
    "BalanceConfig",
    "ClassicalClassifierConfig",
    "ClassicalConfig",
    "CleaningConfig",
    "Config",
    "CrossValidationConfig",
    "HeadStageConfig",
    "JointStageConfig",
    "LossConfig",
    "ModelConfig",
    "OptimizerConfig",
    "ScheduleConfig",
    "Segment",
    "SegmentationLossConfig",
    "SegmenterConfig",
    "StageConfig",
    "StagesConfig",
    "TrackingConfig",
    "UnfreezeConfig",
    "UnfreezingStageConfig",
    "WandbConfig",
    "dump_config",
    "load_config",
    "parse_config",
]
