"""Who owns a folder: refused with a name, taken over from the dead, never held twice."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import filelock
import pytest

from skinnet_keras import locks
from skinnet_keras.atomic import atomic_directory, is_free
from skinnet_keras.errors import UserError
from skinnet_keras.locks import is_lock_file, own_folder, own_name

_HOLD = """
import sys, time
from pathlib import Path
from skinnet_keras import locks
with getattr(locks, sys.argv[1])(Path(sys.argv[2])):
    print("held", flush=True)
    time.sleep(float(sys.argv[3]))
"""


@contextmanager
def held(kind: str, path: Path, seconds: float = 60):
    """Another process that owns a folder or a name."""
    command = [sys.executable, "-c", _HOLD, kind, str(path), str(seconds)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        assert process.stdout.readline() == b"held\n"
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(("own", "kind"), [(own_folder, "own_folder"), (own_name, "own_name")])
def test_another_process_is_named_and_a_dead_one_is_taken_over_from(tmp_path, capfd, own, kind):
    path = tmp_path / "run"
    with held(kind, path) as process:
        with (
            pytest.raises(UserError, match=rf"run is being written by process {process.pid} on "),
            own(path),
        ):
            pytest.fail("two owners")
        process.send_signal(signal.SIGKILL)
        process.wait()
        with own(path):
            assert f"run was left by process {process.pid} on " in capfd.readouterr().err
    with own(path):
        assert capfd.readouterr().err == ""
    assert not any(is_lock_file(file) for file in tmp_path.rglob("*"))


def test_the_owner_may_own_once_more_and_another_thread_may_not(tmp_path):
    refused = []

    def second():
        try:
            with own_folder(tmp_path):
                pass
        except UserError as error:
            refused.append(str(error))

    with own_folder(tmp_path), own_folder(tmp_path):
        # What is made in an owned folder has its owner.
        with atomic_directory(tmp_path / "inside") as folder:
            assert [path.name for path in tmp_path.glob(".*lock")] == [".lock"]
            (folder / "a").write_text("a")
        thread = threading.Thread(target=second)
        thread.start()
        thread.join()
    assert len(refused) == 1
    with own_folder(tmp_path):
        pass


def test_a_folder_that_stays_empty_goes_again(tmp_path):
    with own_folder(tmp_path / "deep" / "new"):
        assert is_free(tmp_path / "deep" / "new")
    assert not (tmp_path / "deep" / "new").exists()
    with own_folder(tmp_path / "kept"):
        (tmp_path / "kept" / "a").write_text("a")
    assert [path.name for path in (tmp_path / "kept").iterdir()] == ["a"]
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match="is a file"), own_folder(tmp_path / "file"):
        pass


def test_who_waits_comes_next(tmp_path, capfd):
    with held("own_name", tmp_path / "cache", 2.5) as process:
        started = time.monotonic()
        with own_name(tmp_path / "cache", wait=True):
            assert 1 < time.monotonic() - started < 30
        assert process.wait() == 0
    assert "Waiting for process" in capfd.readouterr().err


def test_waiting_owners_never_meet(tmp_path):
    """Four processes add 1 to a number 20 times each, and remove the lock each time."""
    file = tmp_path / "number"
    file.write_text("0")
    program = (
        "import sys\nfrom pathlib import Path\nfrom skinnet_keras.locks import own_name\n"
        "file = Path(sys.argv[1])\n"
        "for _ in range(20):\n"
        "    with own_name(file, wait=True):\n"
        "        file.write_text(str(int(file.read_text()) + 1))\n"
    )
    command = [sys.executable, "-c", program, str(file)]
    processes = [subprocess.Popen(command, stderr=subprocess.DEVNULL) for _ in range(4)]
    assert [process.wait(timeout=120) for process in processes] == [0] * 4
    assert file.read_text() == "80"
    assert [path.name for path in tmp_path.iterdir()] == ["number"]


def test_on_a_filesystem_without_flock_marker_files_do(tmp_path, monkeypatch):
    class NoFlock(filelock.FileLock):
        def acquire(self, *_, **__):
            raise OSError(locks.errno.ENOLCK, "No locks available")

    monkeypatch.setattr(filelock, "FileLock", NoFlock)
    refused = []
    with own_folder(tmp_path):
        marker = (tmp_path / ".lock").read_text()
        assert str(locks.os.getpid()) in marker
        thread = threading.Thread(target=lambda: refused.append(_refusal(tmp_path)))
        thread.start()
        thread.join()
    assert "is being written by process" in refused[0]
    assert list(tmp_path.iterdir()) == []


def test_the_owner_on_another_machine_comes_with_the_way_to_remove_it(tmp_path, monkeypatch):
    with held("own_folder", tmp_path):
        note = tmp_path / ".lock.json"
        owner = json.loads(note.read_text())
        note.write_text(json.dumps({**owner, "host": "elsewhere"}))
        message = _refusal(tmp_path)
    assert "on elsewhere" in message
    assert f"if it has long been gone there, remove {tmp_path / '.lock'}" in message


def _refusal(folder: Path) -> str:
    try:
        with own_folder(folder):
            return ""
    except UserError as error:
        return str(error)
