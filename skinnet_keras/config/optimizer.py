"""Optimiser and learning-rate schedule of a stage, as data."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from skinnet_keras.config.base import Fraction, NamedSection

_Epochs = Annotated[float, Field(gt=0, le=100_000)]


class ScheduleConfig(NamedSection):
    """Learning rate over the steps of a stage.

    - `constant`: the learning rate itself.
    - `cosine_restarts`: cycles of `first_cycle_epochs`, each `cycle_factor` times as long as the
      one before, from the learning rate to `final_fraction` of it (SGDR, arXiv:1608.03983).
    - `cosine`: one such decay over the whole stage.
    - `polynomial`: (1 - share of the stage that is done) ** `power`, down to 0.
    - `linear`: constant, then in a straight line to 0 over the last `decay_epochs`.
    - `step`: times `factor` after every `step_epochs`.

    During the first `warmup_epochs` the rate is scaled down, in a straight line from almost
    nothing; the schedule itself runs on beneath it from the first step.
    """

    own_keys: ClassVar[dict[str, dict[str, Any]]] = {
        "cosine_restarts": {"first_cycle_epochs": 10, "cycle_factor": 2.0, "final_fraction": 0.01},
        "cosine": {"final_fraction": 0.01},
        "polynomial": {"power": 0.9},
        "linear": {"decay_epochs": None},
        "step": {"step_epochs": None, "factor": 0.1},
        "constant": {},
    }

    name: Literal["cosine_restarts", "cosine", "polynomial", "linear", "step", "constant"] = (
        "cosine_restarts"
    )
    warmup_epochs: float = Field(default=0, ge=0, le=100_000)
    first_cycle_epochs: _Epochs | None = None
    cycle_factor: float | None = Field(default=None, ge=1, le=1000)
    final_fraction: float | None = Field(default=None, ge=0, le=1)
    power: float | None = Field(default=None, gt=0, le=100)
    decay_epochs: _Epochs | None = None
    step_epochs: _Epochs | None = None
    factor: float | None = Field(default=None, gt=0, le=1)


class OptimizerConfig(NamedSection):
    """Optimiser of a stage (paper, section 2: AdamW with weight decay 1e-4; also Adam and SGD).

    `weight_decay` is decoupled from the gradient, as only AdamW has it (arXiv:1711.05101). What
    PyTorch calls `weight_decay` of Adam and SGD adds w * weight_decay to the gradient, and that is
    the gradient of the penalty weight_decay / 2 * sum(w ** 2): set the config's `l2`, the factor of
    sum(w ** 2), to half of it. (`l2` covers kernels only; PyTorch decays biases and norms too.)

    `clip_norm` limits the norm of all gradients together.
    """

    own_keys: ClassVar[dict[str, dict[str, Any]]] = {
        "adamw": {"weight_decay": 1e-4, "beta_1": 0.9, "beta_2": 0.999},
        "adam": {"beta_1": 0.9, "beta_2": 0.999},
        "sgd": {"momentum": 0.9, "nesterov": False},
    }
    hints: ClassVar[dict[str, str]] = {
        "weight_decay": "leave it out and set the config's l2 to half of PyTorch's weight_decay"
    }

    name: Literal["adamw", "adam", "sgd"] = "adamw"
    learning_rate: float = Field(default=1e-3, gt=0, le=100)
    weight_decay: float | None = Field(default=None, ge=0, le=10)
    beta_1: Fraction | None = None
    beta_2: Fraction | None = None
    momentum: Fraction | None = None
    nesterov: bool | None = None
    clip_norm: float | None = Field(default=None, gt=0, le=1e6)
    schedule: ScheduleConfig = ScheduleConfig()
