"""An export's files appear together, whatever moment its process is killed at."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from skinnet_keras.errors import UserError
from skinnet_keras.export.manifest import CHECKSUM_FILE, write_manifest
from skinnet_keras.export.publishing import finish_publishing, staged_export
from skinnet_keras.locks import own_name
from skinnet_keras.runs.run import file_sha256

MADE = ("classifier/2", "m_classifier_float32.tflite")


def export(directory: Path, version: int, made=MADE, *, card: bool = True) -> None:
    """What `export_run` does, with texts for models."""
    with own_name(directory):
        finish_publishing(directory)
        with staged_export(directory, made) as stage:
            for name in made:
                path = stage / name
                if not path.suffix:
                    path.mkdir(parents=True)
                    path /= "saved_model.pb"
                assert not path.exists()
                path.write_text(f"{name} of export {version}")
            (stage / "MODEL_CARD.md").unlink(missing_ok=True)
            if card:
                (stage / "MODEL_CARD.md").write_text(f"card {version}")
            write_manifest(stage, {"version": version}, [])


def content(directory: Path) -> dict[str, str]:
    files = [path for path in directory.rglob("*") if path.is_file()]
    return {path.relative_to(directory).as_posix(): path.read_text() for path in files}


def fits(directory: Path) -> bool:
    """Whether `SHA256SUMS` names every file with its hash, and no other."""
    lines = (line.split("  ") for line in (directory / CHECKSUM_FILE).read_text().splitlines())
    sums = {name: value for value, name in lines}
    found = {name: file_sha256(directory / name) for name in content(directory)}
    found.pop(CHECKSUM_FILE)
    return sums == found


@pytest.fixture
def first(tmp_path) -> Path:
    directory = tmp_path / "out" / "m"
    export(directory, 1, ("classifier/1", MADE[1], "m_classifier_int8.tflite"))
    return directory


def test_a_second_export_keeps_versions_and_what_it_does_not_make(first):
    before = first.stat().st_ino
    (first / "mine.txt").write_text("of the user")
    (first / ".export-abcd").mkdir()
    export(first, 2, card=False)
    found = content(first)
    assert found["classifier/1/saved_model.pb"] == "classifier/1 of export 1"
    assert found["classifier/2/saved_model.pb"] == "classifier/2 of export 2"
    assert found[MADE[1]] == f"{MADE[1]} of export 2"
    assert found["m_classifier_int8.tflite"] == "m_classifier_int8.tflite of export 1"
    assert found["mine.txt"] == "of the user"
    assert "MODEL_CARD.md" not in found
    assert fits(first)
    assert {path.name for path in first.iterdir() if path.name.startswith(".")} == set()
    assert [path.name for path in first.parent.iterdir()] == ["m"]
    assert first.stat().st_ino == before  # a server may have it mounted


def test_a_failed_export_changes_nothing(first):
    before = content(first)
    with pytest.raises(RuntimeError), own_name(first), staged_export(first, MADE) as stage:
        (stage / MADE[1]).write_text("half")
        raise RuntimeError
    assert content(first) == before
    assert [path.name for path in first.parent.iterdir()] == ["m"]


class _KilledError(BaseException):
    pass


@pytest.mark.parametrize("card", [True, False])
def test_killed_before_any_change_of_a_name_the_next_export_ends_the_same(
    first, tmp_path, monkeypatch, card
):
    whole = tmp_path / "whole" / "m"
    shutil.copytree(first, whole)
    export(whole, 2, card=card)
    expected, replace, unlink = content(whole), os.replace, Path.unlink
    moments = 0
    while True:
        moments += 1
        directory = tmp_path / f"{moments}" / "m"
        shutil.copytree(first, directory)
        left = moments

        def dying(change):
            def wrapped(path, *arguments, **keys):
                nonlocal left
                left -= 1
                if left <= 0 and Path(path).exists():  # from then on, nothing happens any more
                    raise _KilledError
                return change(path, *arguments, **keys)

            return wrapped

        with monkeypatch.context() as patch:
            patch.setattr(os, "replace", dying(replace))
            patch.setattr(Path, "unlink", dying(unlink))
            try:
                export(directory, 2, card=card)
            except _KilledError:
                pass
            else:
                break
        if not (directory / ".publish").exists():
            assert fits(directory)
            assert content(directory) in (content(first), expected)
        finish_publishing(directory)
        if not (directory / MADE[0]).exists():
            export(directory, 2, card=card)
        assert content(directory) == expected
        assert fits(directory)
    assert moments > 6


def test_two_exports_under_one_name_are_refused(first):
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, time\nfrom pathlib import Path\nfrom skinnet_keras.locks import own_name\n"
            "with own_name(Path(sys.argv[1])):\n    print('held', flush=True); time.sleep(60)",
            str(first),
        ],
        stdout=subprocess.PIPE,
    )
    try:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(UserError, match=rf"m is being written by process {holder.pid} on "):
            export(first, 2)
    finally:
        holder.kill()
        holder.communicate()
    export(first, 2)  # the lock went with its process
    assert fits(first)
