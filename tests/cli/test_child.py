from __future__ import annotations

import json

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


def test_an_interrupted_child_is_waited_for(monkeypatch):
    class Process:
        def __init__(self, *_, **__):
            self.ended = []

        def communicate(self):
            raise KeyboardInterrupt

        def wait(self, timeout=None):
            self.ended.append("waited")

    started = Process()
    monkeypatch.setattr(child.subprocess, "Popen", lambda *_, **__: started)
    with pytest.raises(KeyboardInterrupt):
        child.run_each({"unet": ["models"]}, json.dumps)
    assert started.ended == ["waited"]
