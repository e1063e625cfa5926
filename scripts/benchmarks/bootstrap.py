"""How long do 10,000 bootstrap resamples of every classification metric take, and how much memory?

    python scripts/benchmarks/bootstrap.py --out exported/bootstrap.json

Made predictions of 5,000 images of 3,500 lesions, 8 classes in the proportions of ISIC-2019. Ours
weighs lesions and computes all metrics of `skinnet evaluate`, intervals included. The naive path
copies the images of the drawn lesions and calls scikit-learn; it computes fewer metrics (no
partial AUC, no operating points), is timed on a few resamples and extrapolated. Each is a process
of its own; both times are also given as processor time, which other work on the machine does not
lengthen.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import resource
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from skinnet_keras.evaluation.bootstrap import group_counts, group_indices
from skinnet_keras.evaluation.metrics import evaluate_predictions
from skinnet_keras.evaluation.predictions import Predictions
from skinnet_keras.taxonomy import CLASSES

_LESIONS_PER_IMAGE = 0.7
# The 25,331 training images of ISIC-2019 by class (challenge.isic-archive.com/data, 2019).
_ISIC_2019 = np.array([4522, 12875, 3323, 867, 2624, 239, 253, 628])


def made_predictions(images: int, classes: int) -> Predictions:
    """Predictions of a mediocre model, all of them different."""
    rng = np.random.default_rng(0)
    share = _ISIC_2019[:classes] / _ISIC_2019[:classes].sum()
    true = rng.choice(classes, images, p=share)
    probabilities = rng.dirichlet(np.ones(classes), images)
    probabilities[np.arange(images), true] += rng.random(images)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    return Predictions(
        image_ids=[f"image{row}" for row in range(images)],
        labels=[CLASSES[k] for k in true],
        probabilities=probabilities,
        classes=CLASSES[:classes],
        groups=[f"lesion{g}" for g in rng.integers(0, int(_LESIONS_PER_IMAGE * images), images)],
    )


def ours(images: int, classes: int, resamples: int) -> Callable[[], object]:
    """Everything `skinnet evaluate` computes."""
    predictions = made_predictions(images, classes)
    return partial(evaluate_predictions, predictions, bootstrap=resamples)


def naive(images: int, classes: int, resamples: int) -> Callable[[], object]:
    """Copy the images of drawn lesions, call scikit-learn, again and again."""
    from sklearn import metrics as sk

    predictions = made_predictions(images, classes)
    index = group_indices(predictions.groups, images)
    order = np.argsort(index, kind="stable")
    members = np.split(order, np.cumsum(np.bincount(index))[:-1])
    all_true, labels = predictions.true_indices(), np.arange(classes)

    def score(rows: np.ndarray) -> list[object]:
        true, probabilities = all_true[rows], predictions.probabilities[rows]
        predicted = probabilities.argmax(axis=1)
        numbers: list[object] = [
            sk.balanced_accuracy_score(true, predicted),
            sk.precision_recall_fscore_support(true, predicted, labels=labels, zero_division=0),
            sk.f1_score(true, predicted, average="macro"),
            sk.cohen_kappa_score(true, predicted),
            sk.matthews_corrcoef(true, predicted),
        ]
        for k in labels:
            numbers.append(sk.roc_auc_score(true == k, probabilities[:, k]))
            numbers.append(sk.average_precision_score(true == k, probabilities[:, k]))
        return numbers

    def run() -> list[object]:
        warnings.simplefilter("ignore")  # a class that a resample lacks
        scores = []
        for counts in group_counts(len(members), resamples=resamples, seed=0, step=1):
            drawn = np.repeat(np.arange(len(members)), counts[:, 0].astype(int))
            scores.append(score(np.concatenate([members[g] for g in drawn])))
        return scores

    return run


def measured(
    prepare: Callable[[int, int, int], Callable[[], object]], *size: int
) -> dict[str, float]:
    """Run in a process of its own: seconds, processor seconds, and MiB beyond the preparation."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_measure, (prepare, size))


def _measure(
    prepare: Callable[[int, int, int], Callable[[], object]], size: tuple[int, int, int]
) -> dict[str, float]:
    run = prepare(*size)
    before = _peak_mib()
    wall, processor = time.perf_counter(), time.process_time()
    run()
    return {
        "seconds": time.perf_counter() - wall,
        "cpu_seconds": time.process_time() - processor,
        "peak_mib": _peak_mib(),
        "added_mib": _peak_mib() - before,
    }


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Measure, print the table, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--images", type=int, default=5000)
    parser.add_argument("--classes", type=int, default=8, choices=range(2, 9), metavar="2..8")
    parser.add_argument("--resamples", type=int, default=10_000)
    parser.add_argument("--naive", type=int, default=20, help="resamples of the naive path")
    parser.add_argument("--out", type=Path, help="JSON file to write")
    arguments = parser.parse_args()
    size = (arguments.images, arguments.classes)
    fast = measured(ours, *size, arguments.resamples)
    slow = measured(naive, *size, arguments.naive)
    for key in ("seconds", "cpu_seconds"):
        slow[key] *= arguments.resamples / arguments.naive
    table = Table(
        title=f"{arguments.resamples:,} resamples of {size[0]:,} images x {size[1]} classes"
    )
    for heading in ("what", "s", "CPU s", "peak MiB", "added MiB"):
        table.add_column(heading, justify="left" if heading == "what" else "right")
    names = {
        "weights of lesions (skinnet evaluate)": fast,
        f"copies and scikit-learn, extrapolated from {arguments.naive}": slow,
    }
    for name, row in names.items():
        cells = (row["seconds"], row["cpu_seconds"], row["peak_mib"], row["added_mib"])
        table.add_row(name, *(f"{cell:,.1f}" for cell in cells))
    console = Console()
    console.print(table)
    ratio = slow["cpu_seconds"] / fast["cpu_seconds"]
    console.print(f"{ratio:.0f} times less processor time")
    if arguments.out:
        result = {
            **{"images": size[0], "classes": size[1], "resamples": arguments.resamples},
            **{"cores": os.cpu_count(), "machine": platform.processor() or platform.machine()},
            **{"ours": fast, "naive": {**slow, "measured_resamples": arguments.naive}},
            "cpu_ratio": ratio,
        }
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
        console.print(f"Written to {arguments.out}.")


if __name__ == "__main__":
    main()
