"""What a training tells its trackers, and the rule that their failures do not end it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras

_INTERRUPTED = 255  # what wandb itself reports for Ctrl-C


class Backend:
    """One place where a training is shown; methods may raise whatever they like.

    Attributes:
        name: How the log calls it.
    """

    name = "tracker"

    def start(self) -> None:
        """Open it, before anything is trained."""

    def log_epoch(self, stage: str, epoch: int, figures: dict[str, float]) -> None:
        """Record the figures of an epoch (counted from 1) of a stage."""

    def finish(self, metrics: dict[str, Any]) -> None:
        """Record the content of `metrics.json`; all files of the run are there."""

    def close(self, exit_code: int) -> None:
        """Close it; `exit_code` is 0 unless the training failed or was interrupted."""


class Tracker:
    """Passes a training's figures on to any number of backends; none is the null object.

    A backend that raises is left out from then on, after one warning: a full disk, a network or
    a service that is down costs the record, not the training. Nothing here needs Keras, except
    for the callbacks of `fit`.

    Args:
        backends: Where to record.
        warn: Takes the warnings, such as `Run.log`.
    """

    def __init__(
        self, backends: Sequence[Backend] = (), warn: Callable[[str], None] = lambda message: None
    ):
        self._backends = list(backends)
        self._warn = warn

    def __enter__(self) -> Tracker:
        self._tell("starting", lambda backend: backend.start())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        exit_code = 0
        if kind is not None:
            exit_code = _INTERRUPTED if issubclass(kind, KeyboardInterrupt) else 1
        self._tell("closing", lambda backend: backend.close(exit_code))

    def callbacks(self, stage: str) -> list[keras.callbacks.Callback]:
        """Callbacks for `model.fit`; they belong after those that complete the epoch's logs."""
        if not self._backends:
            return []
        from skinnet_keras.training.tracking.callback import TrackEpochs

        return [TrackEpochs(self, stage)]

    def log_epoch(self, stage: str, epoch: int, figures: dict[str, float]) -> None:
        """Record an epoch.

        Args:
            stage: Name of the stage.
            epoch: Epochs done, from 1 on.
            figures: Losses, validation figures, learning rate, seconds.
        """
        self._tell("logging", lambda backend: backend.log_epoch(stage, epoch, figures))

    def finish(self, metrics: dict[str, Any]) -> None:
        """Record the final metrics and, where a backend keeps them, the run's files.

        Args:
            metrics: The content of `metrics.json`, written already.
        """
        self._tell("recording the result", lambda backend: backend.finish(metrics))

    def _tell(self, doing: str, call: Callable[[Backend], None]) -> None:
        for backend in list(self._backends):
            try:
                call(backend)
            except Exception as error:
                self._backends.remove(backend)
                said = " ".join(str(error).split()) or "no message"
                self._warn(
                    f"{backend.name}: {doing} failed, going on without it "
                    f"({type(error).__name__}: {said})"
                )
                with suppress(Exception):
                    backend.close(1)
