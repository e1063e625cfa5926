"""Learning rates over the steps of a stage.

All of them look at the optimiser's step only, which checkpoints hold: a resumed training goes on
where it stopped, in the middle of a cycle too.
"""

from __future__ import annotations

import keras
from keras import ops

from skinnet_keras.config import ScheduleConfig


@keras.saving.register_keras_serializable("skinnet_keras")
class LinearDecay(keras.optimizers.schedules.LearningRateSchedule):
    """A constant rate, then a straight line that reaches 0 after the last step.

    Args:
        initial_learning_rate: The constant rate.
        total_steps: Steps of the whole training.
        decay_steps: Steps of the decay at its end, at most `total_steps`.
    """

    def __init__(self, initial_learning_rate, total_steps, decay_steps):
        super().__init__()
        self.initial_learning_rate = initial_learning_rate
        self.total_steps = total_steps
        self.decay_steps = decay_steps

    def __call__(self, step):
        left = ops.cast(self.total_steps - step, "float32")
        return self.initial_learning_rate * ops.clip(left / self.decay_steps, 0.0, 1.0)

    def get_config(self):
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "total_steps": self.total_steps,
            "decay_steps": self.decay_steps,
        }


@keras.saving.register_keras_serializable("skinnet_keras")
class WarmUp(keras.optimizers.schedules.LearningRateSchedule):
    """Another schedule, times (step + 1) / warmup_steps before that exceeds 1.

    The first step is not lost to a rate of 0, and the schedule is not put off.

    Args:
        schedule: A `LearningRateSchedule`, or a number for a constant rate.
        warmup_steps: Steps until the schedule's own rate is reached.
    """

    def __init__(self, schedule, warmup_steps):
        super().__init__()
        self.schedule = schedule
        self.warmup_steps = warmup_steps

    def __call__(self, step):
        rate = self.schedule(step) if callable(self.schedule) else self.schedule
        return rate * ops.minimum(ops.cast(step + 1, "float32") / self.warmup_steps, 1.0)

    def get_config(self):
        return {
            "schedule": keras.saving.serialize_keras_object(self.schedule),
            "warmup_steps": self.warmup_steps,
        }

    @classmethod
    def from_config(cls, config):
        schedule = keras.saving.deserialize_keras_object(config["schedule"])
        return cls(**{**config, "schedule": schedule})


def learning_rate(rate: float, schedule: ScheduleConfig, steps_per_epoch: int, epochs: int):
    """The learning rate of a stage.

    Args:
        rate: Learning rate at the start (of each cycle), before warm-up.
        schedule: Kind and lengths, in epochs.
        steps_per_epoch: Optimiser steps an epoch.
        epochs: Epochs of the stage. A decay longer than the stage takes all of it.

    Returns:
        A float for a constant rate, else a `keras.optimizers.schedules.LearningRateSchedule`.
    """

    def steps(number: float | None) -> int:
        return max(1, round((number or 0) * steps_per_epoch))

    schedules, total = keras.optimizers.schedules, steps(epochs)
    result = rate
    if schedule.name == "cosine_restarts":
        result = schedules.CosineDecayRestarts(
            rate,
            first_decay_steps=steps(schedule.first_cycle_epochs),
            t_mul=schedule.cycle_factor,
            alpha=schedule.final_fraction,
        )
    elif schedule.name == "cosine":
        result = schedules.CosineDecay(rate, total, alpha=schedule.final_fraction)
    elif schedule.name == "polynomial":
        result = schedules.PolynomialDecay(rate, total, end_learning_rate=0.0, power=schedule.power)
    elif schedule.name == "linear":
        result = LinearDecay(rate, total, min(steps(schedule.decay_epochs), total))
    elif schedule.name == "step":
        result = schedules.ExponentialDecay(
            rate, steps(schedule.step_epochs), schedule.factor, staircase=True
        )
    return WarmUp(result, steps(schedule.warmup_epochs)) if schedule.warmup_epochs else result
