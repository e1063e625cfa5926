"""From the config's section to an open tracker."""

from __future__ import annotations

import importlib.util

from skinnet_keras.config import TrackingConfig
from skinnet_keras.errors import UserError
from skinnet_keras.runs.run import Run
from skinnet_keras.training.tracking.credentials import has_wandb_credentials, wandb_mode
from skinnet_keras.training.tracking.tracker import Backend, Tracker


def check_tracking(config: TrackingConfig) -> None:
    """Check that what the config asks for can be used here.

    Raises:
        UserError: wandb is asked for and not installed, or is to be online without an API key.
    """
    if config.wandb is None or wandb_mode(config.wandb) == "disabled":
        return
    if not _installed("wandb"):
        raise UserError(
            "tracking.wandb: wandb is not installed: run "
            '`pip install "skinnet-keras[wandb]"`, or set tracking.wandb to null.'
        )
    if config.wandb.mode == "online" and not has_wandb_credentials():
        # wandb would ask for the key on the terminal, and the training would wait for it.
        raise UserError(
            "tracking.wandb.mode: online needs an API key: run `wandb login` or set "
            "WANDB_API_KEY, or choose auto or offline."
        )


def open_tracker(run: Run) -> Tracker:
    """The tracker of a run, a context manager around its training.

    Args:
        run: The run; its `config.tracking` says where to record.

    Raises:
        UserError: As `check_tracking`.
    """
    config = run.config.tracking
    check_tracking(config)
    backends: list[Backend] = []
    if config.wandb is not None and (mode := wandb_mode(config.wandb)) != "disabled":
        from skinnet_keras.training.tracking.wandb_tracker import WandbBackend

        backends.append(WandbBackend(run, config.wandb, mode))
    if config.tensorboard:
        from skinnet_keras.training.tracking.tensorboard import TensorBoardBackend

        backends.append(TensorBoardBackend(run.directory / "tensorboard"))
    return Tracker(backends, run.log)


def _installed(package: str) -> bool:
    # A folder `wandb` in the working directory, which older wandb runs leave, is found as a
    # namespace package; that has no origin.
    spec = importlib.util.find_spec(package)
    return spec is not None and spec.origin is not None
