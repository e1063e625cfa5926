"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import pytest

REAL_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real dermoscopy data sets; its licences forbid shipping it with the project."""
    if not REAL_DATA.is_dir():
        pytest.skip("real dermoscopy data are not here (licences forbid shipping them)")
    return REAL_DATA
