"""`skinnet` commands in processes of their own: fresh memory, fresh TensorFlow, one at a time."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any

import typer

from skinnet_keras.errors import UserError


def run_each(
    jobs: Mapping[str, list[str]], done: Callable[[str, Any], None] | None = None
) -> dict[str, int]:
    """Run commands one after another; one that fails does not keep the others from running.

    What the commands say goes to stderr as they say it.

    Args:
        jobs: What a command is about -> arguments of `skinnet`, to which `--json` is added.
        done: Called after each success with the name and the object the command printed.

    Returns:
        The commands that failed: name -> exit code, negative for a signal; see `raise_failures`.
    """
    failed: dict[str, int] = {}
    for number, (name, arguments) in enumerate(jobs.items(), start=1):
        typer.echo(f"{name} ({number} of {len(jobs)})", err=True)
        code, printed = _run(arguments)
        if code:
            failed[name] = code
        elif done is not None:
            done(name, json.loads(printed))
    return failed


def raise_failures(failed: Mapping[str, int]) -> None:
    """Raise where commands failed.

    Args:
        failed: As `run_each` returns it.

    Raises:
        UserError: All failed with the user's mistake.
        RuntimeError: One at least failed otherwise.
    """
    if not failed:
        return
    names = ", ".join(
        name if code > 0 else f"{name} (ended by signal {-code})" for name, code in failed.items()
    )
    message = f"{names} failed: see the messages above."
    raise (UserError if set(failed.values()) == {2} else RuntimeError)(message)


def _run(arguments: list[str]) -> tuple[int, bytes]:
    """Exit code and stdout of one command."""
    command = [sys.executable, "-m", "skinnet_keras.cli.main", *arguments, "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)  # noqa: S603 - our own command line
    try:
        printed, _ = process.communicate()
    except BaseException:
        try:
            process.wait(timeout=10)  # Ctrl-C reached the child too: let it say where it stopped.
        except subprocess.TimeoutExpired:
            process.terminate()
            process.wait()
        raise
    return process.returncode, printed
