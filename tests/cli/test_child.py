from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from skinnet_keras.cli import child
from skinnet_keras.errors import UserError


def test_a_command_that_fails_leaves_the_others_to_run(tmp_path, capfd):
    table = tmp_path / "p.csv"
    table.write_text("image_id,label,MEL,NV,BCC,AK,BKL,DF,VASC,SCC\na,NV,0,1,0,0,0,0,0,0\n")
    printed = {}
    failed = child.run_each(
        {
            "missing": ["evaluate", str(tmp_path / "nowhere")],
            "there": ["evaluate", str(table), "--bootstrap", "0"],
        },
        printed.__setitem__,
    )
    assert failed == {"missing": 2}
    assert printed["there"]["n"] == 1
    out, err = capfd.readouterr()
    assert out == ""
    assert "missing (1 of 2)" in err
    assert "does not exist" in err


def test_failures_raise_what_they_are():
    child.raise_failures({})
    with pytest.raises(UserError, match="unet, malunet failed"):
        child.raise_failures({"unet": 2, "malunet": 2})
    with pytest.raises(RuntimeError, match=r"malunet \(ended by signal 9\)"):
        child.raise_failures({"unet": 2, "malunet": -9})


def sleeping(tmp_path) -> list[str]:
    """A program in place of `skinnet`, which says its number and then does nothing for long."""
    program = tmp_path / "sleeping.py"
    program.write_text(
        "import os, sys, time\n"
        "from skinnet_keras.cli import child, main\n"
        "def run():\n"
        f"    open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\n"
        "    try:\n"
        "        time.sleep(600)\n"
        "    except KeyboardInterrupt:\n"
        f"        open({str(tmp_path / 'said')!r}, 'w').write('interrupted')\n"
        "main.main = run\n"
        "child.main()\n"
    )
    return [sys.executable, str(program)]


def wait_for(file: Path) -> str:
    started = time.monotonic()
    while not file.is_file() or not file.read_text():
        assert time.monotonic() - started < 60
        time.sleep(0.02)
    return file.read_text()


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_child_ends_with_its_parent_however_that_ends(tmp_path, end):
    parent = tmp_path / "parent.py"
    parent.write_text(
        "import subprocess\n"
        "from skinnet_keras.cli import child\n"
        f"started = subprocess.Popen({sleeping(tmp_path)!r}, stdin=subprocess.PIPE)\n"
        "try:\n"
        "    started.wait()\n"
        "except BaseException:\n"
        "    child.stop(started)\n"
        "    raise\n"
    )
    process = subprocess.Popen([sys.executable, str(parent)], stderr=subprocess.DEVNULL)
    pid = int(wait_for(tmp_path / "pid"))
    assert is_running(pid)
    process.send_signal(end)
    process.wait(timeout=60)
    started = time.monotonic()
    while is_running(pid):
        assert time.monotonic() - started < 5
        time.sleep(0.02)


def test_an_interrupted_child_has_the_time_to_say_so(tmp_path, monkeypatch):
    started: list[subprocess.Popen] = []

    def start(arguments, **streams):
        command = sleeping(tmp_path)
        started.append(subprocess.Popen(command, stdin=subprocess.PIPE, **streams))
        wait_for(tmp_path / "pid")
        raise KeyboardInterrupt

    monkeypatch.setattr(child, "start", start)
    with pytest.raises(KeyboardInterrupt):
        child.run_each({"unet": ["models"]}, json.dumps)
    child.stop(started[0])
    assert (tmp_path / "said").read_text() == "interrupted"
    assert started[0].returncode == 0
