"""An experiment as data: pydantic models of the YAML configs, with errors that name the key."""

from __future__ import annotations

from skinnet_keras.config.experiment import (
    CleaningConfig,
    Config,
    ModelConfig,
    SegmenterConfig,
)
from skinnet_keras.config.files import dump_config, load_config, parse_config
from skinnet_keras.config.losses import BalanceConfig, LossConfig, SegmentationLossConfig
from skinnet_keras.config.optimizer import OptimizerConfig, ScheduleConfig
from skinnet_keras.config.stages import HeadStageConfig, StageConfig, StagesConfig
from skinnet_keras.config.tracking import TrackingConfig, WandbConfig

__all__ = [
    "BalanceConfig",
    "CleaningConfig",
    "Config",
    "HeadStageConfig",
    "LossConfig",
    "ModelConfig",
    "OptimizerConfig",
    "ScheduleConfig",
    "SegmentationLossConfig",
    "SegmenterConfig",
    "StageConfig",
    "StagesConfig",
    "TrackingConfig",
    "WandbConfig",
    "dump_config",
    "load_config",
    "parse_config",
]
