"""May threads share a runner, what does it gain them, and does predicting keep memory?

    python scripts/benchmarks/shared_runner.py --out shared_runner.json

Makes one model in every format that `open_runner` opens (SkinNet-v1, untrained, as
`.keras`, SavedModel, `.tflite` and `.onnx`; a classical run on generated lesions) and, each in a
process of its own, prints

- `wrong`: answers of `--calls` calls by 4 threads at once on 16 different images that are not those
  of one thread alone,
- calls a second with 1, 2 and 4 threads,
- how much larger the process is after `--calls` / 2 predictions of a photograph's file, those that
  warmed it up not counted.

`--run-on MODEL` measures a model of yours instead.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

THREADS = (1, 2, 4)
IMAGES = 16
WARM_UP = 300
TOLERANCE = 1e-5  # batches of one size, one machine: what is left is the order of sums


def make_models(folder: Path, image_size: int, backbone: str) -> list[Path]:
    """One model in every format."""
    from skinnet_keras.config import load_config
    from skinnet_keras.data.building import build_catalogue
    from skinnet_keras.data.catalogue import Catalogue
    from skinnet_keras.data.synthetic import write_synthetic
    from skinnet_keras.experiment import run_experiment, start_run
    from skinnet_keras.export.onnx import write_onnx
    from skinnet_keras.export.savedmodel import write_savedmodel
    from skinnet_keras.export.tflite import write_tflite
    from skinnet_keras.models import build_skinnet
    from skinnet_keras.presets import find_config

    model = build_skinnet("v1", image_size=image_size, backbone=backbone)
    model.save(folder / "model.keras")
    write_savedmodel(model, folder / "saved" / "1")
    write_tflite(model, folder / "model.tflite", precision="float32")
    write_onnx(model, folder / "model.onnx")
    write_synthetic(folder / "lesions", lesions=60, image_size=image_size, seed=0)
    build_catalogue({"synthetic": folder / "lesions"}, folder / "catalogue", seed=0)
    small = ["image_size=64", "workers=0", "classical.classifier={C: [1], gamma: [0.3]}"]
    config = load_config(find_config("classical"), small)
    run_experiment(start_run(config, Catalogue.load(folder / "catalogue"), folder / "classical"))
    names = ("model.keras", "saved", "model.tflite", "model.onnx", "classical")
    return [folder / name for name in names]


def measure(path: Path, calls: int) -> dict[str, Any]:
    """Measure one model in this process."""
    from skinnet_keras.inference.runners import open_runner

    runner = open_runner(path)
    rng = np.random.default_rng(0)
    shapes = {name: [n or 1 for n in shape] for name, shape in runner.input_shapes.items()}
    questions = [
        {
            name: rng.integers(0, 256, (1, *shape)).astype(np.float32)
            if name == "image"
            else rng.integers(0, 2, (1, *shape)).astype(np.float32)
            for name, shape in shapes.items()
        }
        for _ in range(IMAGES)
    ]
    answers = [runner.predict(question) for question in questions]
    result: dict[str, Any] = {"format": runner.format, "calls": calls}
    for threads in THREADS:
        wrong, seconds = _ask(runner, questions, answers, calls, threads)
        result[f"calls_per_second_{threads}"] = calls / seconds
        result[f"wrong_{threads}"] = wrong
    result["kept_megabytes"] = _kept_megabytes(runner, calls // 2)
    return result


def _ask(
    runner: Any, questions: list[Any], answers: list[Any], calls: int, threads: int
) -> tuple[int, float]:
    """Ask from several threads: wrong answers, and the seconds it took."""
    wrong = [0] * threads

    def work(thread: int) -> None:
        for call in range(calls // threads):
            asked = (call * 7 + thread) % IMAGES
            found = runner.predict(questions[asked])
            wrong[thread] += not all(
                np.allclose(values, answers[asked][name], atol=TOLERANCE)
                for name, values in found.items()
            )

    workers = [threading.Thread(target=work, args=(thread,)) for thread in range(threads)]
    start = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return sum(wrong), time.perf_counter() - start


def _kept_megabytes(runner: Any, predictions: int) -> float | None:
    from PIL import Image

    from skinnet_keras.export.deployment_benchmark.memory import resident_bytes
    from skinnet_keras.inference.prediction import predict_images

    with tempfile.TemporaryDirectory() as folder:
        photograph, mask = Path(folder, "photograph.png"), Path(folder, "mask.png")
        pixels = np.random.default_rng(1).integers(0, 256, (120, 160, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(photograph)
        Image.fromarray((pixels[..., 0] // 128 * 255).astype(np.uint8)).save(mask)
        given = mask if "mask" in runner.input_names else None
        sizes = []
        for count in (WARM_UP, predictions):
            for _ in range(count):
                predict_images(runner, [photograph], age=50, mask=given)
            sizes.append(resident_bytes())
    before, after = sizes
    return None if before is None or after is None else (after - before) / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=4000)
    parser.add_argument("--image-size", type=int, default=64)
    parser.add_argument("--backbone", default="mbconv_tiny")
    parser.add_argument("--run-on", type=Path, help="a model to measure instead")
    parser.add_argument("--out", type=Path, help="JSON file")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.measure, options.calls)))
        return
    results = []
    with tempfile.TemporaryDirectory() as folder:
        models = [options.run_on] if options.run_on else None
        for path in models or make_models(Path(folder), options.image_size, options.backbone):
            child = [
                sys.executable,
                __file__,
                "--calls",
                str(options.calls),
                "--measure",
                str(path),
            ]
            said = subprocess.run(child, stdout=subprocess.PIPE, text=True, check=True).stdout
            results.append(json.loads(said.splitlines()[-1]))
            found = results[-1]
            rates = ", ".join(f"{found[f'calls_per_second_{n}']:.0f}" for n in THREADS)
            print(
                f"{found['format']:10} wrong {found['wrong_4']} of {found['calls']}; "
                f"{rates} calls/s with 1, 2, 4 threads; {found['kept_megabytes']:+.1f} MB",
                flush=True,
            )
    if options.out:
        options.out.write_text(
            json.dumps({"arguments": vars(options), "results": results}, default=str)
        )


if __name__ == "__main__":
    main()
