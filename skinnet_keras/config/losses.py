"""Losses of all stages, and how rare classes are made to count."""

# ruff: noqa: RUF012  (pydantic copies the defaults; the base class is in another module)

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from skinnet_keras.config.base import Fraction, Section


class LossConfig(Section):
    """Classification loss (paper, section 2: focal, gamma 2)."""

    name: Literal["focal", "cross_entropy"] = "focal"
    gamma: float = Field(default=2.0, ge=0)
    label_smoothing: Fraction = 0.0


class BalanceConfig(Section):
    """How rare classes are made to count; weights are (1 / class share) ** power."""

    methods: list[Literal["focal_alpha", "class_weights", "balanced_sampling"]] = ["focal_alpha"]
    power: float = Field(default=0.5, ge=0, le=1)
    allow_stacking: bool = False

    @model_validator(mode="after")
    def _once(self) -> BalanceConfig:
        if len(self.methods) > 1 and not self.allow_stacking:
            raise ValueError(
                f"{' and '.join(self.methods)} balance the classes more than once; keep one, or "
                "set balance.allow_stacking: true"
            )
        return self


class SegmentationLossConfig(Section):
    """Loss of stage (a), on mask logits (paper, section 1.3: BCE + Dice).

    `output_weights` count where a network has auxiliary outputs (TransFuse, section 3.3 of
    arXiv:2102.08005).
    """

    name: Literal["bce_dice", "dice", "focal", "tversky", "boundary_bce_iou"] = "bce_dice"
    arguments: dict[str, Any] = {}
    output_weights: dict[str, float] = {
        "mask_logits": 0.5,
        "mask_logits_1": 0.3,
        "mask_logits_x": 0.2,
    }
