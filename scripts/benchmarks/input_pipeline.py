"""How fast do augmented training batches arrive? Six input pipelines, one network-free consumer.

    python scripts/benchmarks/input_pipeline.py --out exported/input_pipeline.json

Generated 600 x 450 JPEG files, augmented 224 x 224 images in batches of 32, the same augmentation
everywhere. The pipelines take turns, round after round; the table gives the median of the rounds.
Ratios from one run are comparable, images/s of different runs on a shared machine are not.
The last pipeline augments in the training step, on the accelerator where there is one.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import cv2
import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from rich.console import Console
from rich.table import Table

from skinnet_keras.data.augmentation import Augmenter, augment_batch
from skinnet_keras.data.cache import ImageCache, open_cache
from skinnet_keras.data.catalogue import COLUMNS, Catalogue
from skinnet_keras.data.pipeline import Samples, training_dataset
from skinnet_keras.training.device_augmentation import PaperAugmentation

Measurement = Callable[[], float]


def write_pictures(folder: Path, count: int) -> list[Path]:
    """Write JPEG files of 600 x 450: noisy skin with blobs, about as large as dermoscopy files."""
    generator = np.random.default_rng(0)
    paths = []
    for number in range(count):
        noise = generator.normal(0, 8, (450, 600, 3)).astype(np.float32)
        picture = 180 + cv2.GaussianBlur(noise, (0, 0), 1.0) * 2
        for _ in range(4):
            centre = tuple(int(v) for v in generator.integers((100, 80), (500, 370)))
            axes = tuple(int(v) for v in generator.integers(20, 130, 2))
            colour = [float(v) for v in generator.integers(40, 160, 3)]
            cv2.ellipse(picture, centre, axes, float(generator.uniform(0, 180)), 0, 360, colour, -1)
        paths.append(folder / f"{number:05d}.jpg")
        picture = np.clip(cv2.GaussianBlur(picture, (0, 0), 1.5) + noise, 0, 255).astype(np.uint8)
        cv2.imwrite(str(paths[-1]), picture, [cv2.IMWRITE_JPEG_QUALITY, 90])
    return paths


def build_cache(root: Path, paths: list[Path], size: int) -> tuple[ImageCache, float]:
    """Cache the files; return the cache and the seconds it took."""
    table = pd.DataFrame({name: [""] * len(paths) for name in COLUMNS})
    table["image_id"] = [f"made:{path.stem}" for path in paths]
    table["source"], table["path"] = "made", [path.name for path in paths]
    catalogue = Catalogue(root / "catalogue", table, {"made": paths[0].parent})
    start = time.perf_counter()
    cache = open_cache(catalogue, size)
    return cache, time.perf_counter() - start


class Consumer(keras.Model):
    """A model whose training step only looks at its batch."""

    def call(self, inputs: Any) -> Any:
        return inputs

    def train_step(self, data: Any) -> dict[str, Any]:
        image = data[0]["image"] if isinstance(data[0], dict) else data[0]
        return {"loss": tf.reduce_mean(tf.cast(image[:, ::16, ::16], tf.float32))}


class AugmentingConsumer(Consumer):
    """Augments its batch first, as `AugmentedModel` does, and looks at all of it."""

    def __init__(self, size: int):
        super().__init__()
        self.augmentation = PaperAugmentation(size)

    def train_step(self, data: Any) -> dict[str, Any]:
        return {"loss": tf.reduce_mean(self.augmentation(data[0])["image"])}


class Clock(keras.callbacks.Callback):
    """Times the batches after the first `warmup` of a fit."""

    def __init__(self, warmup: int):
        super().__init__()
        self.warmup, self.batches, self.start, self.end = warmup, 0, 0.0, 0.0

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Note the time."""
        self.batches += 1
        self.end = time.perf_counter()
        if self.batches == self.warmup:
            self.start = self.end


def images_per_second(
    data: Any, arguments: argparse.Namespace, model: keras.Model | None = None
) -> float:
    """Let `Model.fit` draw the batches; return images/s after the warm-up."""
    model = model or Consumer()
    # Keras leaves XLA off on CPUs; the layer is three times faster with it.
    jit_compile = True if isinstance(model, AugmentingConsumer) else "auto"
    model.compile(optimizer="sgd", loss="mse", jit_compile=jit_compile)
    clock = Clock(arguments.warmup)
    steps = arguments.warmup + arguments.steps
    model.fit(data, steps_per_epoch=steps, verbose=0, shuffle=False, callbacks=[clock])
    return arguments.steps * arguments.batch_size / (clock.end - clock.start)


class ArrayBatches(keras.utils.PyDataset):
    """Keras's own multi-process loading over the same cache."""

    def __init__(self, images: np.ndarray, augmenter: Augmenter, batch_size: int, batches: int):
        super().__init__(workers=os.cpu_count() or 1, use_multiprocessing=True, max_queue_size=10)
        self.images, self.augmenter = images, augmenter
        self.batch_size, self.batches = batch_size, batches

    def __len__(self) -> int:
        return self.batches

    def __getitem__(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Read and augment one batch in a worker process."""
        indices = np.random.default_rng(number).integers(len(self.images), size=self.batch_size)
        batch = np.array(self.images[indices])
        augment_batch(self.augmenter, batch, None, seed=0, epoch=0, indices=indices)
        # Left as uint8, which spares it the four times larger float32 message.
        return batch, np.eye(8, dtype=np.float32)[indices % 8]


def candidates(
    paths: list[Path], cache: ImageCache, arguments: argparse.Namespace
) -> dict[str, Measurement]:
    """Name -> function that measures one round."""
    size, batch_size = arguments.size, arguments.batch_size
    augmenter = Augmenter(size)
    labels = np.arange(len(paths)) % 8

    def augment(image: np.ndarray) -> np.ndarray:
        # As it is usually written: one pipeline, shared by tf.data's threads, unseeded.
        return augmenter.pipeline(image=image)["image"]

    def per_image(dataset: tf.data.Dataset) -> float:
        def augmented(image: tf.Tensor, label: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            image = tf.numpy_function(augment, [image], tf.uint8)
            image.set_shape((size, size, 3))
            return tf.cast(image, tf.float32), tf.one_hot(label, 8)

        dataset = dataset.map(augmented, tf.data.AUTOTUNE).batch(batch_size, drop_remainder=True)
        return images_per_second(dataset.prefetch(tf.data.AUTOTUNE), arguments)

    def from_files(antialias: bool) -> Measurement:
        def read(path: tf.Tensor, label: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            image = tf.io.decode_jpeg(tf.io.read_file(path), channels=3)
            image = tf.image.resize(image, (size, size), antialias=antialias)
            return tf.cast(tf.round(image), tf.uint8), label

        def measure() -> float:
            files = tf.data.Dataset.from_tensor_slices(([str(path) for path in paths], labels))
            files = files.shuffle(len(paths), seed=0).repeat()
            return per_image(files.map(read, tf.data.AUTOTUNE))

        return measure

    def from_arrays() -> float:
        def read(row: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            image = tf.numpy_function(lambda i: np.array(cache.images[i]), [row], tf.uint8)
            return image, row % 8

        rows = tf.data.Dataset.range(len(paths)).shuffle(len(paths), seed=0).repeat()
        return per_image(rows.map(read, tf.data.AUTOTUNE))

    def from_py_dataset() -> float:
        batches = arguments.warmup + arguments.steps
        data = ArrayBatches(cache.images, augmenter, batch_size, batches)
        return images_per_second(data, arguments)

    def from_workers() -> float:
        samples = Samples(cache=cache, image_ids=cache.image_ids, labels=labels)
        with training_dataset(
            samples, batch_size=batch_size, augmenter=augmenter, seed=0, workers=arguments.workers
        ) as data:
            return images_per_second(data.dataset, arguments)

    def from_arrays_augmented_on_device() -> float:
        samples = Samples(cache=cache, image_ids=cache.image_ids, labels=labels)
        with training_dataset(
            samples, batch_size=batch_size, augmenter=None, seed=0, with_keys=True
        ) as data:
            return images_per_second(data.dataset, arguments, AugmentingConsumer(size))

    device = "GPU" if tf.config.list_physical_devices("GPU") else "CPU"
    return {
        "tf.data from files": from_files(antialias=True),
        "tf.data from files, resize not antialiased": from_files(antialias=False),
        "tf.data over cached arrays": from_arrays,
        "keras PyDataset, processes, cached arrays": from_py_dataset,
        "skinnet_keras (cache + worker processes)": from_workers,
        f"skinnet_keras (cache + Keras layer on the {device})": from_arrays_augmented_on_device,
    }


def augmentation_profile(size: int) -> dict[str, float]:
    """Milliseconds each operation takes alone, on one core."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(0)
    image = cv2.resize(np.random.default_rng(0).integers(0, 255, (9, 9, 3), np.uint8), (size, size))
    profile: dict[str, float] = {}
    for step in Augmenter(size).pipeline.transforms:
        for number, operation in enumerate(getattr(step, "transforms", [step])):
            start = time.perf_counter()
            for _ in range(50):
                operation(image=image, force_apply=True)
            name = f"{type(operation).__name__} {number}"
            profile[name] = (time.perf_counter() - start) * 1000 / 50
    cv2.setNumThreads(threads)
    return profile


def main() -> None:
    """Measure, print the table, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--images", type=int, default=800)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--warmup", type=int, default=10, help="batches before the clock starts")
    parser.add_argument("--steps", type=int, default=60, help="batches timed in a round")
    parser.add_argument("--workers", type=int, default=None, help="of skinnet_keras; one a core")
    parser.add_argument("--out", type=Path, help="JSON file to write")
    arguments = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "pictures").mkdir()
        paths = write_pictures(root / "pictures", arguments.images)
        kilobytes = statistics.mean(path.stat().st_size for path in paths) / 1024
        cache, build_seconds = build_cache(root, paths, arguments.size)
        measurements = candidates(paths, cache, arguments)
        rates: dict[str, list[float]] = {name: [] for name in measurements}
        for _ in range(arguments.rounds):
            for name, measure in measurements.items():
                rates[name].append(measure())

    medians = {name: statistics.median(values) for name, values in rates.items()}
    baseline = medians["tf.data from files"]
    table = Table(title=f"Augmented {arguments.size} x {arguments.size} images, one machine")
    for heading in ("pipeline", "images/s (median)", "rounds", "x baseline"):
        table.add_column(heading, justify="left" if heading == "pipeline" else "right")
    for name, median in medians.items():
        rounds = " ".join(f"{rate:.0f}" for rate in rates[name])
        table.add_row(name, f"{median:.0f}", rounds, f"{median / baseline:.2f}")
    console = Console()
    console.print(table)
    console.print(
        f"Cache of {arguments.images} files of {kilobytes:.0f} KiB: {build_seconds:.1f} s, "
        f"{arguments.images / build_seconds:.0f} images/s, once."
    )
    if arguments.out:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        result = {
            "cores": os.cpu_count(),
            "machine": platform.machine(),
            "settings": {k: v for k, v in vars(arguments).items() if k != "out"},
            "images_per_second": {name: {"rounds": rates[name], "median": medians[name]}
                                  for name in medians},
            "ratio_to_baseline": {name: median / baseline for name, median in medians.items()},
            "cache_build": {"seconds": build_seconds, "images": arguments.images},
            "augmentation_ms": augmentation_profile(arguments.size),
        }  # fmt: skip
        arguments.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
