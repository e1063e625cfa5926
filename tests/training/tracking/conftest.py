"""Trackers without a key, without a network and without a service left behind."""

from __future__ import annotations

import sys

import pytest

from skinnet_keras.runs.run import Run
from tiny_run import make_catalogue
from tracking_config import tiny_config

NOWHERE = "http://127.0.0.1:9"  # the discard port: nothing answers


@pytest.fixture(scope="package", autouse=True)
def _isolated_wandb(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("WANDB_API_KEY", "WANDB_IDENTITY_TOKEN_FILE", "WANDB_DATA_DIR", "WANDB_MODE"):
            patch.delenv(name, raising=False)
        patch.setenv("NETRC", str(home / "netrc"))
        patch.setenv("WANDB_BASE_URL", NOWHERE)
        # The backend sets these for good where they are missing; here they end with the tests.
        patch.setenv("WANDB_SILENT", "true")
        patch.setenv("WANDB_ERROR_REPORTING", "false")
        patch.setenv("WANDB_CACHE_DIR", str(home / "cache"))
        yield
        if (wandb := sys.modules.get("wandb")) is not None:
            wandb.teardown()


# Not of the package: without an `__init__.py` that is the whole session.
@pytest.fixture(scope="module", autouse=True)
def _eager():
    tf = pytest.importorskip("tensorflow")
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture(scope="package")
def catalogue(tmp_path_factory):
    return make_catalogue(tmp_path_factory.mktemp("catalogue"))


@pytest.fixture
def new_run(catalogue, tmp_path):
    """A function that creates a run, not trained, with the given section `tracking`."""

    def new_run(**tracking) -> Run:
        return Run.create(tmp_path / "run", tiny_config(tracking), catalogue)

    return new_run
