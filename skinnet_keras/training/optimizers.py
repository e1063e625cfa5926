"""Optimisers and learning-rate schedules."""

from __future__ import annotations

import keras

from skinnet_keras.config import OptimizerConfig, ScheduleConfig


def learning_rate(rate: float, schedule: ScheduleConfig, steps_per_epoch: int):
    """The learning rate: a constant, or cosine annealing with warm restarts.

    Args:
        rate: Learning rate at the start of each cycle.
        schedule: Kind and cycle lengths, in epochs (SGDR, arXiv:1608.03983).
        steps_per_epoch: Optimiser steps an epoch.

    Returns:
        A float or a `keras.optimizers.schedules.CosineDecayRestarts`.
    """
    if schedule.name == "constant":
        return rate
    return keras.optimizers.schedules.CosineDecayRestarts(
        rate,
        first_decay_steps=max(1, round(schedule.first_cycle_epochs * steps_per_epoch)),
        t_mul=schedule.cycle_factor,
        alpha=schedule.final_fraction,
    )


def build_optimizer(config: OptimizerConfig, steps_per_epoch: int) -> keras.optimizers.Optimizer:
    """AdamW with decoupled weight decay on kernels; biases and normalisation are left out."""
    optimizer = keras.optimizers.AdamW(
        learning_rate(config.learning_rate, config.schedule, steps_per_epoch),
        weight_decay=config.weight_decay,
        global_clipnorm=config.clip_norm,
    )
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer
