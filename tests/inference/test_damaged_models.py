"""Damaged model files: they predict something, or one sentence says that they are damaged.

What a flipped bit does to the weights of a file without checksums cannot be seen; what it does to
the process can. A SavedModel, an `.onnx` and a `.tflite` file are read by C++, so their mutations
are opened in a process of their own, which must come to its end.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from skinnet_keras.errors import UserError
from skinnet_keras.inference.runners import open_runner

# Child process -> (model in the export or the run, its file to damage, mutations by default)
JOBS = {
    "with TensorFlow": (
        ("best.keras", "", 40),
        ("end_to_end/1", "saved_model.pb", 8),
        ("end_to_end/1", "variables/variables.index", 4),
        ("end_to_end/1", "variables/variables.data-00000-of-00001", 4),
    ),
    "without": (
        ("tiny_v2_end_to_end_float32.tflite", "", 16),
        ("tiny_v2_end_to_end_float32.onnx", "", 100),
    ),
}


def mutate(content: bytes, seed: int) -> bytes:
    """Truncate, flip bits, blank a stretch or replace bytes, by a seed."""
    rng = np.random.default_rng(seed)
    changed = bytearray(content)
    kind = seed % 4
    if kind == 0:
        return content[: int(rng.integers(0, len(content)))]
    if kind == 1:
        for place in rng.integers(0, len(content), rng.integers(1, 9)):
            changed[place] ^= 1 << int(rng.integers(0, 8))
    elif kind == 2:
        start = int(rng.integers(0, len(content)))
        end = min(start + int(rng.integers(1, 64)), len(content))
        changed[start:end] = bytes(end - start)
    else:
        for place in rng.integers(0, len(content), rng.integers(1, 5)):
            changed[place] = int(rng.integers(0, 256))
    return bytes(changed)


def open_mutations(model: Path, file: Path, mutations: int) -> Iterator[str]:
    """Open and run each mutation of a file of the model: "runs", or the sentence."""
    intact = file.read_bytes()
    for seed in range(mutations):
        file.write_bytes(mutate(intact, seed))
        try:
            runner = open_runner(model)
            shapes = runner.input_shapes.items()
            runner.predict({name: np.zeros((1, *[n or 1 for n in s])) for name, s in shapes})
            yield "runs"
        except UserError as error:
            yield str(error)
    file.write_bytes(intact)


def check(jobs: str, tiny_run: Path, tiny_export, tmp_path: Path, mutations: int | None) -> None:
    orders = []
    for model, part, few in JOBS[jobs]:
        source = (tiny_run if model == "best.keras" else tiny_export.directory) / model
        copy = tmp_path / source.name
        # Without `SHA256SUMS` beside it, which would see all of this.
        if source.is_dir():
            shutil.copytree(source, copy, dirs_exist_ok=True)
        else:
            shutil.copy(source, copy)
        orders.append((str(copy), str(copy / part), mutations or few))
    folders = [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]
    child = subprocess.run(
        [sys.executable, __file__, json.dumps(orders)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(folders)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert child.returncode == 0, child.stderr[-2000:]
    for (model, _, count), said in zip(
        orders, json.loads(child.stdout.splitlines()[-1]), strict=True
    ):
        assert len(said) == count
        sentences = [words for words in said if words != "runs"]
        assert len(sentences) >= count / 4  # among them every truncated file
        for sentence in sentences:
            assert model in sentence
            assert "\n" not in sentence


@pytest.mark.parametrize("jobs", JOBS)
def test_mutations_predict_or_are_refused(jobs, tiny_run, tiny_export, tmp_path):
    check(jobs, tiny_run, tiny_export, tmp_path, None)


@pytest.mark.slow
@pytest.mark.parametrize("jobs", JOBS)
def test_a_thousand_mutations_predict_or_are_refused(jobs, tiny_run, tiny_export, tmp_path):
    check(jobs, tiny_run, tiny_export, tmp_path, 1000)


if __name__ == "__main__":
    orders = json.loads(sys.argv[1])
    said = [list(open_mutations(Path(model), Path(file), count)) for model, file, count in orders]
    print(json.dumps(said))
