"""Moving averages of the weights: the optimiser keeps them, validation and the best epoch see them.

`keras.callbacks.SwapEMAWeights` is not used: it swaps by adding and subtracting, which rounds, and
swaps back only when the next epoch begins, after the checkpoint.
"""

from __future__ import annotations

import keras
import numpy as np
from keras import ops


class LoadAverages(keras.callbacks.Callback):
    """Put the averaged weights into the model at the end of an epoch.

    The callbacks after this one see them, up to `RestoreWeights`.
    """

    def __init__(self):
        super().__init__()
        self._weights: list[np.ndarray] = []

    def on_epoch_end(self, epoch, logs=None):
        variables = self.model.trainable_variables
        self._weights = [ops.convert_to_numpy(v) for v in variables]
        self.model.optimizer.finalize_variable_values(variables)

    def restore(self) -> None:
        """Put the weights of before back."""
        for variable, value in zip(self.model.trainable_variables, self._weights, strict=True):
            variable.assign(value)
        self._weights = []


class RestoreWeights(keras.callbacks.Callback):
    """Undo `LoadAverages`, so that training goes on and is resumed with the weights themselves.

    Args:
        averages: What is undone.
    """

    def __init__(self, averages: LoadAverages):
        super().__init__()
        self._averages = averages

    def on_epoch_end(self, epoch, logs=None):
        self._averages.restore()


def continue_averages(
    optimizer: keras.optimizers.Optimizer, previous: keras.optimizers.Optimizer
) -> None:
    """Start the averages of a fresh optimiser that takes over in the middle of a training.

    Averages of weights that both train go on, those of the others start at their weights. (Keras
    does that itself in an optimiser's first step, which this one believes to be past.)

    Args:
        optimizer: Built, with `use_ema`.
        previous: The optimiser it follows, likewise.
    """
    known = {id(variable): average for variable, average in _averages(previous)}
    for variable, average in _averages(optimizer):
        average.assign(ops.convert_to_numpy(known.get(id(variable), variable)))


def _averages(optimizer) -> list[tuple[keras.Variable, keras.Variable]]:
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)  # mixed precision
    averages = optimizer._model_variables_moving_average
    return list(zip(optimizer._trainable_variables, averages, strict=True))
