"""What do cached features of the frozen CNN save, and what do they cost in accuracy?

    python scripts/benchmarks/frozen_features.py RUN --seeds 0 1 2 --out frozen.json

RUN is a finished run with the stage cnn. Its head stage (the run's own, or `--epochs`) is trained
twice from the same start with the same order of images, batches and learning rates:

- cached: as `skinnet train` does it, on features of V augmented views that the CNN computes once.
- recomputed: the whole network with its CNN frozen, on newly augmented images every epoch, which
  worker processes prepare meanwhile.

An epoch is timed without validation; the first, which compiles, is left out. Accuracy is the
balanced accuracy on the validation split after the epoch with the smallest validation loss.
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
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from rich.console import Console
from rich.table import Table

from skinnet_keras.config import HeadStageConfig
from skinnet_keras.data.augmentation import Augmenter
from skinnet_keras.data.pipeline import training_dataset
from skinnet_keras.errors import UserError
from skinnet_keras.evaluation.confusion import confusion_matrix, headline_metrics
from skinnet_keras.models.parts import cnn_part, head_part, with_temporary_head
from skinnet_keras.runs.opened import OpenedRun
from skinnet_keras.runs.samples import classes_of, labels_of
from skinnet_keras.training import features
from skinnet_keras.training.fit import Batches, load_weights
from skinnet_keras.training.losses import set_l2
from skinnet_keras.training.optimizers import build_optimizer
from skinnet_keras.training.stages import (
    balanced_samples,
    configured_classifier,
    configured_loss,
)

MIN_SPEEDUP = 50.0
MAX_POINTS = 0.5


class Clock(keras.callbacks.Callback):
    """Seconds of each epoch, and validation figures after it."""

    def __init__(self, validate: Callable[[], dict[str, float]]):
        super().__init__()
        self.seconds: list[float] = []
        self.figures: list[dict[str, float]] = []
        self._validate, self._start = validate, 0.0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Start the clock."""
        self._start = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Stop it, then validate."""
        self.seconds.append(time.perf_counter() - self._start)
        self.figures.append(self._validate())

    def result(self) -> dict[str, float]:
        """Median seconds an epoch, and the best epoch's balanced accuracy."""
        best = min(self.figures, key=lambda figures: figures["loss"])
        timed = self.seconds[1:] or self.seconds
        return {"seconds_per_epoch": statistics.median(timed), **best}


class Comparison:
    """The data and the frozen CNN of a run, and the two ways to train a head on them.

    Args:
        opened: A run whose stage cnn is finished.
        head: The head stage to time.
    """

    def __init__(self, opened: OpenedRun, head: HeadStageConfig):
        self.run, self.config, self.head = opened.run, opened.config, head
        train, self.val = (opened.training_samples(split) for split in ("train", "val"))
        self.loss = configured_loss(self.config, train)
        self.train = balanced_samples(train, self.config)
        self.augmenter = Augmenter(self.config.image_size)

    def cached(self, seed: int) -> dict[str, float]:
        """Train the head on features of views, and time what they cost once."""
        model = self._model(seed)
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            views = features.cached_views(
                Path(folder),
                cnn_part(model),
                self.train,
                augmenter=self.augmenter,
                views=self.head.views,
                seed=seed,
            )
            once = time.perf_counter() - start
            data = features.FeatureBatches(
                views,
                self.train,
                batch_size=self.head.batch_size,
                seed=seed,
                first_epoch=0,
                metadata_dropout=self.config.metadata_dropout,
            )
            return {"seconds_once": once, **self._fit(model, head_part(model), data)}

    def recomputed(self, seed: int) -> dict[str, float]:
        """Train the same head behind the frozen CNN."""
        model = self._model(seed)
        for layer in cnn_part(model).layers:
            layer.trainable = False
        data = training_dataset(
            self.train,
            batch_size=min(self.head.batch_size, len(self.train)),
            augmenter=self.augmenter,
            seed=seed,
            workers=self.config.workers,
            metadata_dropout=self.config.metadata_dropout,
        )
        return {"seconds_once": 0.0, **self._fit(model, model, data)}

    def _model(self, seed: int) -> keras.Model:
        """The trained CNN under a head that was drawn by the seed."""
        keras.utils.set_random_seed(seed)
        model = configured_classifier(self.config)
        if self.config.stages.head:
            load_weights(self.run, "cnn", with_temporary_head(model), best=True)
        else:  # Stage cnn has trained the network's own head: draw it again.
            fresh = head_part(model).get_weights()
            load_weights(self.run, "cnn", model, best=True)
            head_part(model).set_weights(fresh)
        return model

    def _fit(
        self, model: keras.Model, fitted: keras.Model, data: AbstractContextManager[Batches]
    ) -> dict[str, float]:
        """Fit the head, alone or as a part of the whole model, for the epochs of the stage."""
        (plain,) = features.validation_views(
            cnn_part(model), self.val, augmenter=None, views=1, seed=0
        )
        head = head_part(model)
        inputs = {"cnn_features": plain}
        if "metadata" in self.val.input_names and self.val.metadata is not None:
            inputs["metadata"] = self.val.metadata
        labels = labels_of(self.val)
        one_hot = np.eye(self.config.num_classes, dtype="float32")[labels]

        def validate() -> dict[str, float]:
            probabilities = head.predict(inputs, batch_size=256, verbose=0)["diagnosis"]
            predicted = probabilities.argmax(axis=1)
            matrix = confusion_matrix(labels, predicted, self.config.num_classes)
            figures = headline_metrics(matrix, classes_of(self.config.num_classes))
            return {
                "loss": float(self.loss(one_hot, probabilities)),
                "balanced_accuracy": float(figures["balanced_accuracy"]),
            }

        clock = Clock(validate)
        set_l2(fitted, self.config.l2)
        with data as batches:
            steps, epochs = batches.steps_per_epoch, self.head.epochs
            fitted.compile(build_optimizer(self.head.optimizer, steps, epochs), loss=self.loss)
            fitted.fit(
                batches.dataset,
                steps_per_epoch=steps,
                epochs=epochs,
                shuffle=False,
                verbose=0,
                callbacks=[clock],
            )
        return clock.result()


def summarize(results: dict[str, list[dict[str, float]]], epochs: int) -> dict[str, float]:
    """Speed-up of an epoch and of the whole stage; balanced accuracy lost, in points."""

    def median(name: str, key: str) -> float:
        return statistics.median(result[key] for result in results[name])

    cached, recomputed = (median(name, "seconds_per_epoch") for name in ("cached", "recomputed"))
    points = [
        100 * (b["balanced_accuracy"] - a["balanced_accuracy"])
        for a, b in zip(results["cached"], results["recomputed"], strict=True)
    ]
    whole = median("cached", "seconds_once") + epochs * cached
    return {
        "speedup_of_an_epoch": recomputed / cached,
        "speedup_of_the_stage": epochs * recomputed / whole,
        "points_lost": statistics.mean(points),
        "standard_error": statistics.stdev(points) / len(points) ** 0.5 if len(points) > 1 else 0.0,
    }


def print_results(
    results: dict[str, list[dict[str, float]]], seeds: list[int], summary: dict[str, float]
) -> None:
    """The table, and the two figures beside what is asked of them."""
    table = Table("features", "seed", "s once", "s an epoch", "balanced accuracy", "val loss")
    for name, rows in results.items():
        for seed, row in zip(seeds, rows, strict=True):
            numbers = f"{row['seconds_once']:.2f}", f"{row['seconds_per_epoch']:.3f}"
            scores = f"{row['balanced_accuracy']:.4f}", f"{row['loss']:.4f}"
            table.add_row(name, str(seed), *numbers, *scores)
    console = Console()
    console.print(table)
    console.print(
        f"An epoch is {summary['speedup_of_an_epoch']:.3g} times faster (asked: {MIN_SPEEDUP:g}), "
        f"the stage {summary['speedup_of_the_stage']:.3g} times. Balanced accuracy lost: "
        f"{summary['points_lost']:+.2f} points, standard error {summary['standard_error']:.2f} "
        f"over {len(seeds)} seeds (allowed: {MAX_POINTS:g})."
    )


def main() -> None:
    """Measure, print the table, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("run", type=Path, help="a finished run with the stage cnn")
    parser.add_argument("--data", type=Path, help="where the run's catalogue lies now")
    parser.add_argument("--epochs", type=int, help="of the head stage; the run's own by default")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--out", type=Path, help="JSON file to write")
    arguments = parser.parse_args()
    try:
        opened = OpenedRun.open(arguments.run, data=arguments.data)
        run = opened.run
        if run.config.stages.cnn is None or not run.stage_directory("cnn").is_dir():
            raise UserError(f"{arguments.run} has no finished stage cnn: train one first.")
        head = run.config.stages.head or HeadStageConfig(epochs=10)
        if arguments.epochs:
            head = HeadStageConfig.model_validate({**dict(head), "epochs": arguments.epochs})
        comparison = Comparison(opened, head)
    except UserError as error:
        parser.error(str(error))
    results: dict[str, list[dict[str, float]]] = {"cached": [], "recomputed": []}
    # In turns: a shared machine is not equally fast all the time.
    for seed in arguments.seeds:
        results["cached"].append(comparison.cached(seed))
        results["recomputed"].append(comparison.recomputed(seed))
    summary = summarize(results, head.epochs)
    print_results(results, arguments.seeds, summary)
    if arguments.out:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        result = {
            "run": run.config.name,
            "images": len(comparison.train),
            "image_size": run.config.image_size,
            "views": head.views,
            "epochs": head.epochs,
            "batch_size": head.batch_size,
            "cores": os.cpu_count(),
            "machine": platform.machine(),
            "backend": keras.backend.backend(),
            "seeds": arguments.seeds,
            "results": results,
            **summary,
        }
        arguments.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
