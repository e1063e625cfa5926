"""Weights & Biases: one run a training, resumed with it, its artifact logged once."""

from __future__ import annotations

import json
import os
import uuid
from pathlib import Path
from typing import Any

from skinnet_keras.config import WandbConfig
from skinnet_keras.runs.run import Run
from skinnet_keras.training.tracking.credentials import Mode
from skinnet_keras.training.tracking.figures import flat_figures
from skinnet_keras.training.tracking.tracker import Backend

_INIT_SECONDS = 60
_FINISH_SECONDS = 300
_STATE = "wandb.json"
_ARTIFACT_FILES = (
    "best.*",
    "*.skops",
    "segmenter.keras",
    "metrics.json",
    "predictions_*.csv",
    "config.yaml",
)


class WandbBackend(Backend):
    """Records a training in `<run>/wandb/`, and on wandb's server when it is online.

    `wandb.json` in the run directory keeps the id of the wandb run, the epochs it has got and
    whether it is finished, so that a resumed training goes on with the same wandb run: epochs
    that are repeated after a crash are not sent again, and a finished training is not recorded
    twice. Offline, every attempt is a folder of its own with that same id; `wandb sync` uploads
    them in order.

    What wandb's own Keras callbacks do differently: they import TensorFlow, know one step axis
    for all calls of `fit`, and log an artifact with every checkpoint.

    Args:
        run: The run.
        config: Its section `tracking.wandb`.
        mode: `online` or `offline`.
    """

    name = "wandb"

    def __init__(self, run: Run, config: WandbConfig, mode: Mode):
        self._run, self._config, self._mode = run, config, mode
        self._state: dict[str, Any] = {"id": "", "epochs": {}, "finished": False}
        self._wandb: Any = None
        self._stages: set[str] = set()
        self._own_data_dir = False

    def start(self) -> None:
        path = self._run.directory / _STATE
        if path.is_file():
            self._state = json.loads(path.read_text(encoding="utf-8"))
        else:
            self._state["id"] = uuid.uuid4().hex[:8]
            self._keep_state()
        if self._state["finished"]:
            self._run.log(f"wandb: run {self._state['id']} is complete, nothing is added to it")
            return
        self._prepare_environment()
        try:
            self._wandb = self._open(self._mode)
        except Exception as error:
            if self._mode == "offline":
                raise
            said = " ".join(str(error).split())
            self._run.log(f"wandb: the server cannot be used, recording offline ({said})")
            self._mode = "offline"
            _free_run_ids()
            self._wandb = self._open("offline")
        if self._mode == "offline":
            self._run.log(f"wandb: offline; upload it with `{self._sync_command()}`")
        else:
            self._run.log(f"wandb: {self._wandb.url}")

    def log_epoch(self, stage: str, epoch: int, figures: dict[str, float]) -> None:
        epochs = self._state["epochs"]
        if self._wandb is None or epoch <= epochs.get(stage, 0):
            return
        if stage not in self._stages:
            # A stage counts its own epochs; wandb's step only goes up, over all stages.
            self._wandb.define_metric(f"{stage}/epoch")
            self._wandb.define_metric(f"{stage}/*", step_metric=f"{stage}/epoch")
            self._stages.add(stage)
        row = {f"{stage}/{name}": value for name, value in figures.items()}
        # An explicit step: offline, wandb would start from 0 again after a resume.
        step = sum(epochs.values())
        self._wandb.log({f"{stage}/epoch": epoch, **row}, step=step, commit=True)
        epochs[stage] = epoch
        self._keep_state()

    def finish(self, metrics: dict[str, Any]) -> None:
        if self._wandb is None:
            return
        figures = flat_figures(metrics)
        self._wandb.summary.update({f"final/{name}": value for name, value in figures.items()})
        if self._config.artifact:
            self._log_artifact()
        self._state["finished"] = True
        self._keep_state()

    def close(self, exit_code: int) -> None:
        run, self._wandb = self._wandb, None
        try:
            if run is not None:
                run.finish(exit_code=exit_code)
        except TimeoutError:
            self._run.log(
                f"wandb: not everything was uploaded within {_FINISH_SECONDS} s; upload the rest "
                f"with `{self._sync_command()}`"
            )
        finally:
            if self._own_data_dir:
                os.environ.pop("WANDB_DATA_DIR", None)

    def _open(self, mode: Mode) -> Any:
        import wandb

        config = self._config
        environment = self._run.directory / "environment.json"
        settings = wandb.Settings(
            console="off",  # stdout belongs to `--json`, stderr to the progress bar
            silent=True,
            disable_git=True,  # environment.json names the commit
            disable_code=True,
            use_dot_wandb=False,
            init_timeout=_INIT_SECONDS,
            finish_timeout=_FINISH_SECONDS,  # without, wandb waits for a dead network for ever
            finish_timeout_raises=True,
        )
        return wandb.init(
            project=config.project,
            entity=config.entity,
            group=config.group,
            tags=config.tags or None,
            name=self._run.config.name,
            job_type="train",
            id=self._state["id"],
            resume="allow",
            mode=mode,
            dir=self._run.directory.resolve(),
            config={
                **self._run.config.model_dump(mode="json"),
                "environment": json.loads(environment.read_text(encoding="utf-8")),
            },
            reinit="create_new",  # leaves a wandb run of the caller's alone
            settings=settings,
        )

    def _log_artifact(self) -> None:
        import wandb

        artifact = wandb.Artifact(self._run.config.name, type="model")
        # Copies, not references to the run's files: a later resume writes those again, and an
        # upload by `wandb sync` would find others than it has the digests of.
        for path in artifact_files(self._run.directory):
            artifact.add_file(str(path), skip_cache=True)
        self._wandb.log_artifact(artifact)

    def _prepare_environment(self) -> None:
        # These can be set by no other means. A variable the user has set stays as it is.
        os.environ.setdefault("WANDB_SILENT", "true")
        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
        if "WANDB_DATA_DIR" not in os.environ:
            # Where wandb copies an artifact's files to; by default outside of the run.
            os.environ["WANDB_DATA_DIR"] = str(self._run.directory.resolve() / "wandb")
            self._own_data_dir = True

    def _sync_command(self) -> str:
        prefix = "offline-run" if self._mode == "offline" else "run"
        return f"wandb sync {self._run.directory}/wandb/{prefix}-*"

    def _keep_state(self) -> None:
        self._run.write_text(_STATE, json.dumps(self._state, indent=2) + "\n")


def artifact_files(directory: Path) -> list[Path]:
    """The files of a finished run that its artifact holds: models, metrics, predictions, config."""
    found = {path for pattern in _ARTIFACT_FILES for path in directory.glob(pattern)}
    return sorted(path for path in found if path.is_file())


def _free_run_ids() -> None:
    """End the service, to which the id of a run that failed to start stays taken."""
    import wandb

    if wandb.run is None:  # not while the caller has a wandb run of its own
        wandb.teardown()
