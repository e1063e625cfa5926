"""How many images/s does a training step of SkinNet-v1 take, beside the same network in timm?

    python scripts/benchmarks/train_step.py --torch-python OTHER_VENV/bin/python --out step.json
    python scripts/benchmarks/train_step.py --profile      # where TensorFlow spends it

The same network (EfficientNet-B0, metadata network, one linear layer), batch, loss and optimiser in
Keras on TensorFlow and in PyTorch, on random images that are in memory already. Every measurement
is a process of its own, and the two take turns; the table gives the median. PyTorch and timm
(`pip install torch torchvision timm`) are not dependencies of the project: put them into an
environment of their own.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

CLASSES, METADATA = 8, 14
Step = Callable[[], object]


def keras_step(batch_size: int, image_size: int) -> tuple[Step, int]:
    """A training step of v1 as `skinnet train` compiles it, and the number of its weights."""
    import keras
    import numpy as np

    from skinnet_keras.models import build_skinnet

    model = build_skinnet("v1", image_size=image_size)
    model.compile(
        keras.optimizers.AdamW(1e-3, weight_decay=1e-4),
        keras.losses.CategoricalFocalCrossentropy(alpha=1.0, gamma=2.0),
        jit_compile=False,
    )
    generator = np.random.default_rng(0)
    images = generator.uniform(0, 255, (batch_size, image_size, image_size, 3)).astype("float32")
    metadata = generator.uniform(size=(batch_size, METADATA)).astype("float32")
    labels = np.eye(CLASSES, dtype="float32")[np.arange(batch_size) % CLASSES]
    inputs = {"image": images, "metadata": metadata}
    weights = sum(int(np.prod(w.shape)) for w in model.trainable_weights)
    return lambda: model.train_on_batch(inputs, {"diagnosis": labels}), weights


def torch_step(batch_size: int, image_size: int) -> tuple[Step, int]:
    """The same in PyTorch: timm's EfficientNet-B0, and the layers of v1 around it."""
    import timm
    import torch
    from torch import nn

    class SkinNetV1(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cnn = timm.create_model("efficientnet_b0", num_classes=0, drop_rate=0.2)
            layers: list[nn.Module] = []
            widths = [METADATA, 512, 512, 512, 256]
            for i, (before, after) in enumerate(pairwise(widths)):
                layers += [nn.Linear(before, after, bias=False), nn.BatchNorm1d(after), nn.ReLU()]
                layers += [nn.Dropout(0.2)] if i < 3 else []
            self.metadata = nn.Sequential(*layers)
            self.diagnosis = nn.Linear(1280 + 256, CLASSES)

        def forward(self, image: torch.Tensor, metadata: torch.Tensor) -> torch.Tensor:
            return self.diagnosis(torch.cat([self.cnn(image), self.metadata(metadata)], dim=1))

    model = SkinNetV1().train()
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3, weight_decay=1e-4)
    image = torch.rand(batch_size, 3, image_size, image_size)
    # PyTorch's fast layout on CPUs, too.
    model, image = (
        model.to(memory_format=torch.channels_last),
        image.contiguous(memory_format=torch.channels_last),
    )
    metadata, labels = torch.rand(batch_size, METADATA), torch.arange(batch_size) % CLASSES

    def step() -> None:
        optimizer.zero_grad()
        log_q = torch.log_softmax(model(image, metadata), dim=1)
        log_q = log_q.gather(1, labels[:, None])[:, 0]
        (-((1 - log_q.exp()) ** 2) * log_q).mean().backward()
        optimizer.step()

    return step, sum(weight.numel() for weight in model.parameters())


STEPS = {"keras": keras_step, "timm": torch_step}


def measure(framework: str, batch_size: int, image_size: int, steps: int) -> dict[str, float]:
    """Images/s of some steps after three that warm up."""
    start = time.perf_counter()
    step, weights = STEPS[framework](batch_size, image_size)
    step()
    first = time.perf_counter() - start
    for _ in range(2):
        step()
    start = time.perf_counter()
    for _ in range(steps):
        step()
    seconds = time.perf_counter() - start
    return {
        "images_per_second": steps * batch_size / seconds,
        "seconds_to_first_step": first,
        "trainable_weights": weights,
    }


def measure_in_child(python: str, framework: str, options: list[str]) -> dict[str, float]:
    """The same in a process of its own, which prints one JSON object."""
    command = [python, __file__, "--measure", framework, *options]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def profile(batch_size: int, image_size: int, steps: int = 5) -> list[tuple[str, float]]:
    """Milliseconds a step of each kind of TensorFlow kernel, summed over threads."""
    import tensorflow as tf
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    step, _ = keras_step(batch_size, image_size)
    for _ in range(3):
        step()
    with tempfile.TemporaryDirectory() as folder:
        with tf.profiler.experimental.Profile(folder):
            for _ in range(steps):
                step()
        trace = xplane_pb2.XSpace()
        trace.ParseFromString(next(Path(folder).rglob("*.xplane.pb")).read_bytes())
    spent: Counter[str] = Counter()
    for plane in trace.planes:
        for line in plane.lines:
            for event in line.events:
                # Kernels are called "node:Kind"; the rest are the calls around them.
                _, colon, kind = plane.event_metadata[event.metadata_id].name.rpartition(":")
                if colon and not kind.startswith(":"):
                    spent[kind.strip("_")] += event.duration_ps / 1e9 / steps
    return spent.most_common(20)


def main() -> None:
    """Measure, print the table, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--torch-python", help="Python of an environment with torch and timm")
    parser.add_argument("--profile", action="store_true", help="list the kernels instead")
    parser.add_argument("--measure", choices=STEPS, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help="JSON file to write")
    arguments = parser.parse_args()
    if arguments.measure:
        sizes = arguments.batch_size, arguments.image_size, arguments.steps
        print(json.dumps(measure(arguments.measure, *sizes)))
        return

    from rich.console import Console
    from rich.table import Table

    if arguments.profile:
        table = Table("kernel", "ms a step, over threads")
        for kind, milliseconds in profile(arguments.batch_size, arguments.image_size):
            table.add_row(kind, f"{milliseconds:.0f}")
        Console().print(table)
        return
    pythons = {"keras": sys.executable}
    if arguments.torch_python:
        pythons["timm"] = arguments.torch_python
    options = [
        f"--{name.replace('_', '-')}={getattr(arguments, name)}"
        for name in ("batch_size", "image_size", "steps")
    ]
    results: dict[str, list[dict[str, float]]] = {name: [] for name in pythons}
    for _ in range(arguments.rounds):
        for name, python in pythons.items():
            results[name].append(measure_in_child(python, name, options))
    table = Table("", "images/s", "smallest", "largest", "s to the first step", "weights")
    for name, rounds in results.items():
        speeds = [each["images_per_second"] for each in rounds]
        first = statistics.median(each["seconds_to_first_step"] for each in rounds)
        numbers = [statistics.median(speeds), min(speeds), max(speeds), first]
        weights = f"{rounds[0]['trainable_weights']:,}"
        table.add_row(name, *(f"{number:.2f}" for number in numbers), weights)
    Console().print(table)
    if arguments.out:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        result = {
            "batch_size": arguments.batch_size,
            "image_size": arguments.image_size,
            "cores": os.cpu_count(),
            "machine": platform.machine(),
            "results": results,
        }
        arguments.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
