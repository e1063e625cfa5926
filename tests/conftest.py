"""Fixtures shared by all tests."""

from __future__ import annotations

import os
import signal
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import pytest

# Shells start background jobs, and with them all that they start, with interrupts ignored.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

REAL_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real dermoscopy data sets; its licences forbid shipping it with the project."""
    if not REAL_DATA.is_dir():
        pytest.skip("real dermoscopy data are not here (licences forbid shipping them)")
    return REAL_DATA


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory) -> Path:
    """A run with a classifier that takes the mask, and a segmenter."""
    from tiny_run import make_run

    return make_run(tmp_path_factory.mktemp("v2"))


@pytest.fixture(scope="session")
def tiny_export(tiny_run, tmp_path_factory):
    """The run exported in every format, and in the precisions that need no labelled images."""
    from skinnet_keras.export.artefacts import FORMATS
    from skinnet_keras.export.bundle import export_run

    return export_run(tiny_run, tmp_path_factory.mktemp("exported"), formats=FORMATS)
