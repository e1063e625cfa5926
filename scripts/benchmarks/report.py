"""How long does a full `skinnet report` of 5,000 images x 8 classes take, and how much memory?

    python scripts/benchmarks/report.py --out exported/report.json

A made run: a catalogue of small generated pictures in three sources with lesions of several images,
age, sex and site as incomplete as in real collections, predicted masks, a history, predictions of
validation and test split, and what `skinnet explain` and `skinnet ood` leave. The page is written
as a user does it, by the command in a process of its own, with everything that it holds by default:
10,000 resamples for every interval, calibration, decisions, abstention, subgroups, 48 + 48
pictures. The time is also given as processor time (user and system), which other work on the
machine does not lengthen.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from rich.console import Console
from rich.table import Table

from skinnet_keras.config import Config
from skinnet_keras.data.cache import open_cache
from skinnet_keras.data.catalogue import COLUMNS, Catalogue
from skinnet_keras.data.metadata import SITES
from skinnet_keras.evaluation.bootstrap import DEFAULT_RESAMPLES
from skinnet_keras.evaluation.explanations import CURVES, FOLDER, RANDOM, SUMMARY_FILE
from skinnet_keras.evaluation.ood import DEFAULT_SCORE, detection_report
from skinnet_keras.evaluation.ood import FILE as OOD_FILE
from skinnet_keras.evaluation.predictions import write_predictions
from skinnet_keras.evaluation.stored_results import write_result
from skinnet_keras.runs.run import Run
from skinnet_keras.taxonomy import CLASSES

_LESIONS_PER_IMAGE = 0.7
# The 25,331 training images of ISIC-2019 by class (challenge.isic-archive.com/data, 2019).
_ISIC_2019 = np.array([4522, 12875, 3323, 867, 2624, 239, 253, 628])
_SOURCES = ("ham10000", "isic2017", "isic2019")
_SIZES = ((60, 45), (64, 64), (102, 68))  # pixels: thumbnails, as only headers are read
_SIZE = 96
SCORES = (DEFAULT_SCORE, "relative_mahalanobis", "nearest_neighbours", "max_probability", "energy")


def made_catalogue(root: Path, images: dict[str, int]) -> Catalogue:
    """A catalogue with a generated picture for every row, and its cache.

    Args:
        root: Where; the pictures lie beside it.
        images: Split -> number of images.
    """
    rng = np.random.default_rng(0)
    rows = []
    for split, number in images.items():
        labels = rng.choice(len(CLASSES), number, p=_ISIC_2019 / _ISIC_2019.sum())
        labels[: 4 * len(CLASSES)] = np.tile(np.arange(len(CLASSES)), 4)
        order = np.argsort(labels, kind="stable")  # a lesion's images are of one class
        lesions = (np.arange(number) * _LESIONS_PER_IMAGE).astype(int)
        for place, row in enumerate(order):
            source = _SOURCES[rng.integers(len(_SOURCES))]
            known = rng.random(3) < (0.98, 0.98, 0.9)
            path = f"{split}{row}.jpg"
            rows.append(
                dict.fromkeys(COLUMNS, "")
                | {
                    "image_id": f"{source}:{split}{row}",
                    "source": source,
                    "path": path,
                    "label": CLASSES[labels[row]],
                    "age": str(5 * rng.integers(3, 18)) if known[0] else "",
                    "sex": ("female", "male")[rng.integers(2)] if known[1] else "",
                    "site": SITES[rng.integers(len(SITES))] if known[2] else "",
                    "group": f"{split}{labels[row]}-{lesions[place]}",
                    "split": split,
                }
            )
            _write_picture(root / "pictures" / source / path, rng)
    sources = {name: root / "pictures" / name for name in _SOURCES}
    catalogue = Catalogue(root, pd.DataFrame(rows, columns=list(COLUMNS)), sources)
    catalogue.write(root)
    open_cache(catalogue, _SIZE)
    return catalogue


def _write_picture(path: Path, rng: np.random.Generator) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    width, height = _SIZES[rng.integers(len(_SIZES))]
    y, x = np.mgrid[:height, :width]
    inside = np.hypot(y - height / 2, x - width / 2) < rng.uniform(0.2, 0.4) * height
    skin, lesion = rng.uniform(170, 230, 3), rng.uniform(20, 120, 3)
    pixels = np.where(inside[..., None], lesion, skin) + rng.normal(0, 8, (height, width, 3))
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path, quality=85)


def made_run(root: Path, images: dict[str, int]) -> Run:
    """A finished run with all that a page is made of, but no network that works.

    Args:
        root: Folder of run and catalogue.
        images: Split -> number of images.
    """
    catalogue = made_catalogue(root / "catalogue", images)
    config = Config.model_validate(
        {
            "name": "made",
            "image_size": _SIZE,
            "model": {"variant": "v2"},
            "segmenter": {},
            "stages": {"segmentation": {"epochs": 20}, "cnn": {"epochs": 60}},
        }
    )
    run = Run.create(root / "run", config, catalogue)
    rng = np.random.default_rng(1)
    for split in ("val", "test"):
        rows = catalogue.usable([split])
        true = np.array([CLASSES.index(label) for label in rows["label"]])
        probabilities = rng.dirichlet(np.ones(len(CLASSES)), len(rows))
        probabilities[np.arange(len(rows)), true] += rng.random(len(rows))
        probabilities /= probabilities.sum(axis=1, keepdims=True)
        columns = [rows[name].tolist() for name in ("image_id", "label")]
        write_predictions(
            run.directory / f"predictions_{split}.csv",
            *columns,
            probabilities,
            CLASSES,
            groups=rows["group"].tolist(),
        )
    (run.directory / "best.keras").write_bytes(rng.bytes(60_000_000))
    (run.directory / "segmenter.keras").write_bytes(rng.bytes(4_000_000))
    _write_network_results(run)
    _write_masks(run, catalogue)
    stages = {"segmentation": 20, "cnn": 60}
    run.write_history(
        [
            {
                "stage": stage,
                "epoch": epoch,
                "loss": 1.0 / epoch,
                "val_loss": 1.1 / epoch,
                "val_balanced_accuracy": 0.6 - 0.4 / epoch,
                "seconds": 90,
            }
            for stage, epochs in stages.items()
            for epoch in range(1, epochs + 1)
        ]
    )
    return run


def _write_network_results(run: Run) -> None:
    """Two contact sheets with figures, and scores against three sets of other images."""
    rng = np.random.default_rng(2)
    folder, weights = run.directory / FOLDER, run.weight_hashes()
    folder.mkdir()
    sheets = [f"{FOLDER}_{number}.png" for number in (1, 2)]
    for name in sheets:
        small = Image.fromarray(rng.integers(0, 255, (180, 150, 3), dtype=np.uint8))
        small.resize((1500, 1800), Image.Resampling.BICUBIC).save(folder / name)
    mean = np.linspace(0.8, 0.1, 17).tolist()
    curve = {"mean": mean, "interval": [[value - 0.05, value + 0.05] for value in mean]}
    branches = ("image", RANDOM)
    names = ["area_of_lesion", "image_inside"]
    names += [f"{branch}_{name}" for branch in branches for name in CURVES]
    summary = {
        **{"images": 48, "split": "test", "label": None, "asked": None, "seed": 0},
        "figures": {name: {"mean": 0.4, "interval": [0.3, 0.5], "n": 48} for name in names},
        "curves": {branch: dict.fromkeys(CURVES, curve) for branch in branches},
        "sheets": sheets,
    }
    write_result(folder / SUMMARY_FILE, summary, weights)
    known = {name: rng.normal(1, 1, 5000) for name in SCORES}
    others = {
        name: {score: rng.normal(0, 1, 200) for score in SCORES}
        for name in ("unseen classes", "photographs", "textures")
    }
    sets = detection_report(known, others, None, {}, resamples=200)
    write_result(run.directory / OOD_FILE, {"bootstrap": 200, "seed": 0, "sets": sets}, weights)


def _write_masks(run: Run, catalogue: Catalogue) -> None:
    ids = catalogue.usable(("train", "val", "test"))["image_id"].tolist()
    masks = np.zeros((len(ids), _SIZE, _SIZE), np.uint8)
    masks[:, 24:72, 24:72] = 1
    np.save(run.directory / "masks.npy", masks)
    with (run.directory / "masks.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["image_id", "mask_origin", "in_sample"])
        writer.writerows([image_id, "predicted:made", "0"] for image_id in ids)


def measured(run: Path, arguments: list[str]) -> dict[str, float]:
    """Write the page in a process of its own: seconds, processor seconds, MiB, size of the page."""
    command = [sys.executable, "-m", "skinnet_keras.cli.main", "report", str(run), "--json"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    done = subprocess.run([*command, *arguments], capture_output=True, text=True)
    seconds = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(done.stderr)
    return {
        "seconds": seconds,
        "user_seconds": after.ru_utime - before.ru_utime,
        "system_seconds": after.ru_stime - before.ru_stime,
        # The largest of all children: this command is the only large one.
        "peak_mib": after.ru_maxrss / 1024,
        "page_bytes": json.loads(done.stdout)["bytes"],
    }


def main() -> None:
    """Make the run, write the page, print the table, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--images", type=int, default=5000, help="of the test split")
    parser.add_argument("--validation", type=int, default=2500, help="images of that split")
    parser.add_argument("--resamples", type=int, default=DEFAULT_RESAMPLES)
    parser.add_argument("--repeat", type=int, default=1, help="the fastest counts")
    parser.add_argument("--keep", type=Path, help="folder to make the run in, and to keep it")
    parser.add_argument("--out", type=Path, help="JSON file to write")
    arguments = parser.parse_args()
    console = Console()
    with tempfile.TemporaryDirectory() as temporary:
        root = arguments.keep or Path(temporary)
        if not (root / "run").exists():
            images = {"train": 1000, "val": arguments.validation, "test": arguments.images}
            made_run(root, images)
        options = ["--bootstrap", str(arguments.resamples)]
        rows = [measured(root / "run", options) for _ in range(arguments.repeat)]
    fastest = min(rows, key=lambda row: row["user_seconds"] + row["system_seconds"])
    table = Table(
        title=f"skinnet report: {arguments.images:,} images x {len(CLASSES)} classes, "
        f"{arguments.resamples:,} resamples"
    )
    for heading in ("s", "user CPU s", "system CPU s", "peak MiB", "page, MB"):
        table.add_column(heading, justify="right")
    cells = (fastest["seconds"], fastest["user_seconds"], fastest["system_seconds"])
    table.add_row(
        *(f"{cell:,.1f}" for cell in cells),
        f"{fastest['peak_mib']:,.0f}",
        f"{fastest['page_bytes'] / 1e6:.1f}",
    )
    console.print(table)
    if arguments.out:
        result = {
            **{"images": arguments.images, "validation": arguments.validation},
            **{"classes": len(CLASSES), "resamples": arguments.resamples},
            **{"cores": os.cpu_count(), "machine": platform.processor() or platform.machine()},
            **{"fastest": fastest, "all": rows},
        }
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
        console.print(f"Written to {arguments.out}.")


if __name__ == "__main__":
    main()
