"""`skinnet` commands in processes of their own: fresh memory, fresh TensorFlow, one at a time.

`python -m skinnet_keras.cli.child ARGUMENTS` is `skinnet ARGUMENTS` that ends with the process that
started it, however that ends: the end of its standard input tells.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any

import typer

from skinnet_keras.errors import UserError

_ORPHANED = 1


def start(arguments: list[str], **streams: Any) -> subprocess.Popen[bytes]:
    """Start a command that ends with this process.

    Args:
        arguments: Of `skinnet`.
        **streams: `stdout` and `stderr` of `subprocess.Popen`.
    """
    command = [sys.executable, "-m", "skinnet_keras.cli.child", *arguments]
    return subprocess.Popen(  # noqa: S603 - our own command line
        command, stdin=subprocess.PIPE, **streams
    )


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a command that is no longer wanted, and wait until it has ended.

    After Ctrl-C, which reaches the child too, it has the time to say where it stopped.
    """
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=2)
    if os.name == "posix":
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=8)
    process.kill()
    process.wait()


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
    with start([*arguments, "--json"], stdout=subprocess.PIPE) as process:
        try:
            # Not `communicate`, which closes the child's standard input.
            printed = process.stdout.read() if process.stdout else b""
            process.wait()
        except BaseException:
            stop(process)
            raise
    return process.returncode, printed


def _end_with_parent() -> None:
    """Wait for the end of the standard input, then end this process at once.

    Whatever it writes is whole or not there, as after any kill.
    """
    while os.read(0, 1):
        pass
    os._exit(_ORPHANED)


def main() -> None:
    """Run a command as `skinnet` does, while the parent process lives."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    from skinnet_keras.cli.main import main as run

    run()


if __name__ == "__main__":
    main()
