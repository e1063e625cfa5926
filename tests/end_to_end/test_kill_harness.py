"""Killed at random moments, building, caching and training end as if they had not been.

`scripts/benchmarks/kill_harness.py` is the test; the other kinds of work it has take minutes.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "benchmarks" / "kill_harness.py"


@pytest.mark.skipif(sys.platform != "linux", reason="forks and looks into /proc")
@pytest.mark.parametrize(
    ("points", "work"),
    [
        (10, ["--only", "build,cache,stage,two builds"]),
        pytest.param(60, [], marks=pytest.mark.slow),
    ],
)
def test_killed_at_any_moment_everything_ends_as_undisturbed(points, work):
    command = [sys.executable, str(SCRIPT), "--points", str(points), "--seed", "1", *work]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr[-3000:]
    result = json.loads(ended.stdout.splitlines()[-1])
    assert result == {"points": points, "survived": points, "failed": []}
