"""Experiment trackers beside `history.csv`, which every run writes."""

# ruff: noqa: RUF012  (pydantic copies the defaults; the base class is in another module)

from __future__ import annotations

from typing import Literal

from pydantic import Field

from skinnet_keras.config.base import Section


class WandbConfig(Section):
    """Weights & Biases: one run a training, for all of its stages.

    `mode` auto is online where there is an API key and offline where there is none; the
    environment variable WANDB_MODE decides before that. `artifact` uploads the models, the
    metrics and the predictions once, at the end.
    """

    project: str = Field(default="skinnet", min_length=1, max_length=128, pattern=r"^[^/\\#?%:]+$")
    entity: str | None = None
    group: str | None = None
    tags: list[str] = []
    mode: Literal["auto", "online", "offline", "disabled"] = "auto"
    artifact: bool = True


class TrackingConfig(Section):
    """Where a training is shown besides its run directory; nowhere by default."""

    wandb: WandbConfig | None = None
    tensorboard: bool = False
