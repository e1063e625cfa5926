"""The rule that a tracker's failure does not end a training, and what opens which tracker."""

from __future__ import annotations

import importlib.machinery
import sys

import pytest

from skinnet_keras.config import TrackingConfig, WandbConfig, dump_config
from skinnet_keras.errors import UserError
from skinnet_keras.training.tracking import Backend, Tracker, check_tracking, open_tracker
from skinnet_keras.training.tracking.credentials import wandb_mode
from skinnet_keras.training.tracking.figures import flat_figures

ASKED = TrackingConfig(wandb=WandbConfig())


class Recorder(Backend):
    """Remembers its calls and fails in those of the given names."""

    def __init__(self, name: str = "recorder", fails: str = ""):
        self.name, self._fails = name, fails
        self.calls: list[tuple] = []

    def _call(self, *call) -> None:
        self.calls.append(call)
        if call[0] == self._fails:
            raise OSError("no space\nleft")

    def start(self):
        self._call("start")

    def log_epoch(self, stage, epoch, figures):
        self._call("log_epoch", stage, epoch)

    def finish(self, metrics):
        self._call("finish", metrics)

    def close(self, exit_code):
        self._call("close", exit_code)


def train(tracker: Tracker) -> None:
    with tracker:
        for epoch in (1, 2):
            tracker.log_epoch("cnn", epoch, {"loss": 1.0})
        tracker.finish({"name": "tiny"})


@pytest.mark.parametrize(
    ("fails", "heard"),
    [
        ("start", ["start", "close"]),
        ("log_epoch", ["start", "log_epoch", "close"]),
        ("finish", ["start", "log_epoch", "log_epoch", "finish", "close"]),
        ("close", ["start", "log_epoch", "log_epoch", "finish", "close", "close"]),
    ],
)
def test_backend_that_fails_is_left_out_after_one_warning(fails, heard):
    warnings: list[str] = []
    broken, sound = Recorder("broken", fails), Recorder("sound")
    train(Tracker([broken, sound], warnings.append))
    assert [call[0] for call in broken.calls] == heard
    assert [call[0] for call in sound.calls] == [
        "start",
        "log_epoch",
        "log_epoch",
        "finish",
        "close",
    ]
    (warning,) = warnings
    assert warning.startswith("broken: ")
    assert warning.endswith("going on without it (OSError: no space left)")


@pytest.mark.parametrize(
    ("error", "exit_code"), [(None, 0), (UserError("x"), 1), (KeyboardInterrupt(), 255)]
)
def test_backends_are_closed_with_the_way_the_training_ended(error, exit_code):
    backend = Recorder()

    def end() -> None:
        with Tracker([backend]):
            if error is not None:
                raise error

    if error is None:
        end()
    else:
        with pytest.raises(type(error)):
            end()
    assert backend.calls[-1] == ("close", exit_code)


def test_without_backends_there_are_no_callbacks():
    assert Tracker().callbacks("cnn") == []
    assert len(Tracker([Recorder()]).callbacks("cnn")) == 1


def test_wandb_that_is_not_installed_is_a_user_error(monkeypatch, new_run):
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(UserError, match=r'pip install "skinnet-keras\[wandb\]"'):
        check_tracking(ASKED)
    with pytest.raises(UserError, match=r"tracking\.wandb"):
        open_tracker(new_run(wandb={}))
    check_tracking(TrackingConfig())
    check_tracking(TrackingConfig(wandb=WandbConfig(mode="disabled")))


def test_folder_called_wandb_is_not_the_package(monkeypatch):
    namespace = importlib.machinery.ModuleSpec("wandb", None, is_package=True)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: namespace)
    with pytest.raises(UserError, match="not installed"):
        check_tracking(ASKED)


def test_online_without_a_key_is_a_user_error(monkeypatch):
    online = TrackingConfig(wandb=WandbConfig(mode="online"))
    monkeypatch.setattr("skinnet_keras.training.tracking.opening._installed", lambda name: True)
    with pytest.raises(UserError, match="needs an API key"):
        check_tracking(online)
    monkeypatch.setenv("WANDB_API_KEY", "k")
    check_tracking(online)


@pytest.mark.parametrize(
    ("variables", "netrc", "mode"),
    [
        ({}, None, "offline"),
        ({"WANDB_API_KEY": "k"}, None, "online"),
        ({"WANDB_API_KEY": "k", "WANDB_MODE": "offline"}, None, "offline"),
        ({"WANDB_MODE": "disabled"}, None, "disabled"),
        ({}, "machine 127.0.0.1:9 login user password k", "online"),
        ({}, "machine example.org login user password k", "offline"),
        ({}, "default login user password k", "offline"),
        ({}, "machine", "offline"),
        ({"WANDB_BASE_URL": ""}, "machine api.wandb.ai login user password k", "online"),
    ],
)
def test_auto_is_online_where_there_is_a_key(monkeypatch, tmp_path, variables, netrc, mode):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    if netrc is not None:
        (tmp_path / "netrc").write_text(netrc + "\n")
        monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert wandb_mode(WandbConfig()) == mode
    assert wandb_mode(WandbConfig(mode="online")) == "online"


def test_figures_are_the_numbers_of_nested_metrics():
    metrics = {"name": "x", "a": {"val": {"f": 0.5, "n": 4, "ok": True, "m": [[1]], "none": None}}}
    assert flat_figures(metrics) == {"a/val/f": 0.5, "a/val/n": 4}


def test_older_run_without_the_section_opens_with_everything_off(new_run):
    run = new_run()
    text = dump_config(run.config)
    run.write_text("config.yaml", text[: text.index("tracking:")])
    config = type(run).open(run.directory).config
    assert config == run.config
    assert config.tracking.wandb is None
    assert not config.tracking.tensorboard
