"""The one Keras callback of all trackers."""

from __future__ import annotations

import keras

from skinnet_keras.training.tracking.tracker import Tracker


class TrackEpochs(keras.callbacks.Callback):
    """Hand the epoch's logs to the tracker.

    Losses, validation figures, learning rate and seconds are in the logs by then, so this asks
    neither the optimiser nor the model for anything: wandb's own callback reads the learning rate
    through TensorFlow types, and Keras's TensorBoard callback writes graphs and profiles.

    Args:
        tracker: The tracker of the training.
        stage: Name of the stage.
    """

    def __init__(self, tracker: Tracker, stage: str):
        super().__init__()
        self._tracker, self._stage = tracker, stage

    def on_epoch_end(self, epoch, logs=None):
        figures = {name: float(value) for name, value in (logs or {}).items()}
        self._tracker.log_epoch(self._stage, epoch + 1, figures)
