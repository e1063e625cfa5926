"""Runs of the tiny networks, made once a session."""

from __future__ import annotations

from pathlib import Path

import pytest

from tiny_run import make_run


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory) -> Path:
    """A run with a classifier that takes the mask, and a segmenter."""
    return make_run(tmp_path_factory.mktemp("v2"))


@pytest.fixture(scope="session")
def tiny_export(tiny_run, tmp_path_factory):
    """The run exported in every format, and in the precisions that need no labelled images."""
    from skinnet_keras.export.artefacts import FORMATS
    from skinnet_keras.export.bundle import export_run

    return export_run(tiny_run, tmp_path_factory.mktemp("exported"), formats=FORMATS)
