"""The optimisers a config can name."""

from __future__ import annotations

import keras

from skinnet_keras.config import OptimizerConfig
from skinnet_keras.training.schedules import learning_rate


def build_optimizer(
    config: OptimizerConfig, steps_per_epoch: int, epochs: int, ema: float | None = None
) -> keras.optimizers.Optimizer:
    """The optimiser of a stage, with its learning-rate schedule.

    AdamW decays kernels only; biases and normalisation are left out. SGD keeps its momentum in
    units of the weights (Keras), not of the gradient (PyTorch): where the rate changes slowly the
    two agree.

    Args:
        config: Name, rate, schedule and the name's own arguments.
        steps_per_epoch: Optimiser steps an epoch.
        epochs: Epochs of the stage.
        ema: Momentum of the moving average of the weights that the optimiser keeps, or None.
    """
    rate = learning_rate(config.learning_rate, config.schedule, steps_per_epoch, epochs)
    common = {"learning_rate": rate, "global_clipnorm": config.clip_norm}
    if ema is not None:
        common |= {"use_ema": True, "ema_momentum": ema}
    if config.name == "sgd":
        return keras.optimizers.SGD(momentum=config.momentum, nesterov=config.nesterov, **common)
    betas = {"beta_1": config.beta_1, "beta_2": config.beta_2}
    if config.name == "adam":
        return keras.optimizers.Adam(**betas, **common)
    optimizer = keras.optimizers.AdamW(weight_decay=config.weight_decay, **betas, **common)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer
