"""Memory of this process, as the system counts it."""

from __future__ import annotations

from pathlib import Path

_STATUS = Path("/proc/self/status")


def resident_bytes() -> int | None:
    """The resident set, memory held now; None where there is no /proc (not Linux)."""
    return _field("VmRSS")


def peak_bytes() -> int | None:
    """The most it ever held; None where there is no /proc.

    Not `getrusage`: on Linux its maximum starts at what the parent process held.
    """
    return _field("VmHWM")


def _field(name: str) -> int | None:
    try:
        lines = _STATUS.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    for line in lines:
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024  # "VmRSS:     1234 kB"
    return None
