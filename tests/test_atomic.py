from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from skinnet_keras import atomic
from skinnet_keras.atomic import atomic_directory, atomic_file, is_free
from skinnet_keras.errors import UserError


def test_file_appears_only_when_the_block_succeeds(tmp_path):
    path = tmp_path / "deep" / "a.txt"
    with atomic_file(path) as temporary:
        temporary.write_text("new")
        assert not path.exists()
        assert temporary.suffix == ".txt"
    assert path.read_text() == "new"
    assert [file.name for file in path.parent.iterdir()] == ["a.txt"]


def test_failure_leaves_the_old_file_and_no_temporary(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError), atomic_file(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


def test_directory_appears_whole_or_not_at_all(tmp_path):
    with pytest.raises(RuntimeError), atomic_directory(tmp_path / "d") as temporary:
        (temporary / "a").write_text("half")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []
    with atomic_directory(tmp_path / "d") as temporary:
        (temporary / "a").write_text("whole")
    assert (tmp_path / "d" / "a").read_text() == "whole"


def test_directory_in_use_is_kept_unless_replaced(tmp_path):
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "mine").write_text("x")
    with pytest.raises(UserError, match="not empty"), atomic_directory(tmp_path / "d"):
        pass
    with atomic_directory(tmp_path / "d", replace=True) as temporary:
        (temporary / "new").write_text("y")
    assert [file.name for file in (tmp_path / "d").iterdir()] == ["new"]


def test_file_in_the_place_of_a_directory_is_named(tmp_path):
    (tmp_path / "f").write_text("x")
    with pytest.raises(UserError, match="is a file"), atomic_directory(tmp_path / "f"):
        pass


_DIES = """
import os, signal, sys
from pathlib import Path
from skinnet_keras import atomic
path = Path(sys.argv[1])
with atomic.atomic_file(path / "a.txt") as temporary, atomic.atomic_directory(path / "d") as folder:
    temporary.write_text("half")
    (folder / "b").write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_writer_left_goes_with_the_next_one(tmp_path):
    subprocess.run([sys.executable, "-c", _DIES, str(tmp_path)], check=False)
    left = {path.name.rpartition(".")[2] for path in tmp_path.iterdir()}
    assert left == {"txt", "d", "lock", "json"}
    (tmp_path / ".~000000-1-abcdef.a.txt").write_text("of a machine that may be alive")
    alive = tmp_path / f".~{atomic._machine()}-{os.getppid()}-abcdef.a.txt"
    alive.write_text("of a process that is")
    before = tmp_path / f".~{atomic._machine()}-{os.getpid()}-abcdef.a.txt"
    before.write_text("of one that had our number, in this container's last life")
    with atomic_file(tmp_path / "a.txt") as temporary:
        temporary.write_text("whole")
    kept = {".~000000-1-abcdef.a.txt", alive.name, "a.txt"}
    assert {path.name for path in tmp_path.iterdir()} == kept
    os.utime(tmp_path / ".~000000-1-abcdef.a.txt", (1, 1))
    atomic._remove_leftovers.cache_clear()
    assert not is_free(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {alive.name, "a.txt"}


def test_everything_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    done = []

    def fsync(descriptor):
        done.append(Path(os.readlink(f"/proc/self/fd/{descriptor}")).name.rpartition(".")[2])

    def replace(old, new, _replace=os.replace):
        done.append(f"-> {Path(new).name}")
        _replace(old, new)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", replace)
    with atomic_file(tmp_path / "a.txt") as temporary:
        temporary.write_text("a")
    assert done == ["txt", "-> a.txt", tmp_path.name]
    done.clear()
    with atomic_directory(tmp_path / "d") as folder:
        (folder / "b").write_text("b")
    assert done == ["b", "d", "-> d", tmp_path.name]


@pytest.mark.parametrize("system_exchanges", [True, False])
def test_a_folder_takes_the_place_of_another(tmp_path, monkeypatch, system_exchanges):
    if not system_exchanges:
        monkeypatch.setattr(atomic, "_rename_exchange", lambda a, b: False)
    for text in ("first", "second"):
        with atomic_directory(tmp_path / "d", replace=True) as folder:
            (folder / text).write_text(text)
    assert [path.name for path in tmp_path.rglob("*")] == ["d", "second"]


def test_killed_between_two_renames_the_old_folder_comes_back(tmp_path):
    old = tmp_path / f".+{atomic._machine()}-{2**22 + 1}-abcdef.d"
    old.mkdir()
    (old / "mine").write_text("old")
    (tmp_path / f".~{atomic._machine()}-{2**22 + 1}-abcdef.d").mkdir()
    with pytest.raises(UserError, match="not empty"), atomic_directory(tmp_path / "d"):
        pass
    assert [path.name for path in tmp_path.rglob("*")] == ["d", "mine"]
