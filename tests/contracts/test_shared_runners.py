"""Every runner may be shared by threads: each gets the answers to its own questions."""

from __future__ import annotations

import importlib
import threading
from pathlib import Path

import numpy as np
import pytest

import skinnet_keras.inference
from coloured_lesions import make_lesion_catalogue
from skinnet_keras.inference.runner import Runner
from skinnet_keras.inference.runners import open_runner

FORMATS = ("keras", "onnx", "savedmodel", "skops", "tflite")
THREADS = 4
IMAGES = 16
FULL = 8  # a Keras model traces batches of this size, while other threads call it


@pytest.fixture(scope="module")
def classical_run(tmp_path_factory) -> Path:
    pytest.importorskip("skops", reason="skops is not installed")
    from skinnet_keras.config import load_config
    from skinnet_keras.experiment import run_experiment, start_run
    from skinnet_keras.presets import find_config

    root = tmp_path_factory.mktemp("shared")
    small = [
        "image_size=32",
        "workers=0",
        "classical.features.hog.cells=4",
        "classical.classifier={C: [1], gamma: [0.3]}",
    ]
    catalogue = make_lesion_catalogue(root / "data")
    run = start_run(load_config(find_config("classical"), small), catalogue, root / "run")
    run_experiment(run)
    return root / "run"


@pytest.fixture(scope="module")
def open_format(request):
    def open_(name: str) -> Runner:
        if name == "skops":
            return open_runner(request.getfixturevalue("classical_run"))
        if name == "keras":
            return open_runner(request.getfixturevalue("tiny_run"))
        folder = request.getfixturevalue("tiny_export").directory
        if name == "savedmodel":
            return open_runner(folder / "end_to_end")
        return open_runner(folder / f"tiny_v2_end_to_end_float32.{name}")

    return open_


def wrong_answers(runner: Runner, calls: int) -> list[int]:
    """Ask from several threads at once; return the questions whose answers were another's."""
    rng = np.random.default_rng(0)
    size, numbers = runner.image_size, runner.input_shapes.get("metadata", (1,))
    colours = rng.integers(0, 200, (IMAGES, 1, 1, 3))  # what the classical classifier minds
    images = {
        "image": colours + rng.integers(0, 56, (IMAGES, size, size, 3)),
        "metadata": rng.integers(0, 2, (IMAGES, *numbers)),
    }
    alone = [
        runner.predict({name: values[[row]] for name, values in images.items()})
        for row in range(IMAGES)
    ]
    answers = {name: np.concatenate([one[name] for one in alone]) for name in alone[0]}
    # The images must differ, or a mistaken answer would not be seen.
    assert np.ptp(answers["diagnosis"], axis=0).max() > 1e-2
    wrong: list[int] = []
    errors: list[BaseException] = []

    def ask(thread: int) -> None:
        try:
            for call in range(calls // THREADS):
                first = (call * 7 + thread * 5) % IMAGES
                together = FULL if call % 5 == 0 and runner.format == "keras" else 1
                rows = np.arange(first, first + together) % IMAGES
                found = runner.predict({name: values[rows] for name, values in images.items()})
                if not all(
                    np.allclose(values, answers[name][rows], atol=1e-4)
                    for name, values in found.items()
                ):
                    wrong.append(first)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=ask, args=(thread,)) for thread in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return wrong


@pytest.mark.parametrize("name", FORMATS)
def test_threads_get_their_own_answers(name, open_format):
    assert wrong_answers(open_format(name), 400) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMATS)
def test_threads_get_their_own_answers_in_4000_calls(name, open_format):
    assert wrong_answers(open_format(name), 4000) == []


def test_every_runner_is_under_this_contract():
    for file in Path(skinnet_keras.inference.__file__).parent.glob("*_runner.py"):
        importlib.import_module(f"skinnet_keras.inference.{file.stem}")
    own = {
        runner.format
        for runner in Runner.__subclasses__()
        if runner.__module__.startswith("skinnet_keras.")
    }
    assert own == set(FORMATS)
