"""How hard are the synthetic lesions, and what does the mask carry?

    python scripts/benchmarks/synthetic_difficulty.py --json difficulty.json
    python scripts/benchmarks/synthetic_difficulty.py --run RUN --data CATALOGUE

Balanced accuracy on held-out lesions of
  1. colour histograms alone (must stay below 0.60),
  2. the outline of the exact mask alone (0.40 or more), and with the colours (0.70 or more),
  3. SkinNet-v3 with each image's own mask and with the masks shuffled among the test images
     (must cost 0.10 or more): a network trained here on exact masks at 64 px, or the
     `best.keras` of a run with the run's masks, on the test images of the run's catalogue.
Ends with status 1 when a limit is missed. Seen with the defaults (15 minutes on two busy cores):
colour 0.32, outline 0.76, both 0.75, v3 0.64, with shuffled masks 0.31.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
from sklearn.svm import SVC

from skinnet_keras.data.image_io import resize_image, resize_mask
from skinnet_keras.data.metadata import MetadataEncoder
from skinnet_keras.data.synthetic import SyntheticImage, generate_lesion
from skinnet_keras.taxonomy import CLASSES

V3_SIZE = 64
SHUFFLES = 5
CONSOLE = Console(stderr=True)
Features = NDArray[np.float64]


def colour_features(image: NDArray[np.uint8]) -> Features:
    """Histograms of an RGB image: each channel of RGB and HSV, and RGB and HSV jointly."""
    histograms = []
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
    for space, tops in ((image, (256, 256, 256)), (hsv, (180, 256, 256))):
        for channel, top in enumerate(tops):
            histograms.append(np.histogram(space[..., channel], bins=16, range=(0, top))[0])
        limits = [edge for top in tops for edge in (0, top)]
        histograms.append(cv2.calcHist([space], [0, 1, 2], None, [4, 4, 4], limits).ravel())
    # Square roots of frequencies: Euclidean distances become Hellinger distances.
    return np.sqrt(np.concatenate(histograms) / image[..., 0].size)


def shape_features(mask: NDArray[np.uint8]) -> Features:
    """Areas, solidity, roundness, number of parts, moments and Fourier descriptors of a mask."""
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    outline, everything = max(contours, key=cv2.contourArea), np.concatenate(contours)
    hull = cv2.convexHull(everything)
    area, largest = float(mask.sum()), cv2.contourArea(outline) + 1.0
    perimeter = sum(cv2.arcLength(contour, True) for contour in contours)
    _, (width, height), _ = cv2.minAreaRect(everything)
    scalars = [
        area / mask.size,
        area / (cv2.contourArea(hull) + 1.0),
        largest / (cv2.contourArea(cv2.convexHull(outline)) + 1.0),
        largest / area,
        perimeter**2 / area,
        cv2.arcLength(hull, True) / (perimeter + 1.0),
        min(width, height) / (max(width, height) + 1.0),
        sum(cv2.contourArea(contour) > 0.03 * area for contour in contours),
    ]
    moments = cv2.HuMoments(cv2.moments(mask, binaryImage=True)).ravel()
    # 128 points along the outline, so that descriptor k is the same frequency for every length.
    along = np.linspace(0, len(outline), 128, endpoint=False).astype(int)
    points = outline[along, 0, 0] + 1j * outline[along, 0, 1]
    spectrum = np.abs(np.fft.fft(points - points.mean()))
    descriptors = np.concatenate([spectrum[1:17], spectrum[-16:]]) / (spectrum.max() + 1e-9)
    return np.concatenate([scalars, np.log10(np.abs(moments) + 1e-12), descriptors])


def classical_scores(items: list[SyntheticImage]) -> dict[str, float]:
    """Balanced accuracy of classical classifiers, cross-validated over thirds of the lesions."""
    colour = np.stack([colour_features(item.image) for item in items])
    shape = np.stack([shape_features(item.mask) for item in items])
    both = np.hstack([colour, shape])
    labels = [item.diagnosis for item in items]
    groups = [item.lesion_id for item in items]
    svm = SVC(C=10.0, class_weight="balanced")
    boosting = HistGradientBoostingClassifier(
        max_iter=60, max_bins=63, class_weight="balanced", random_state=0
    )
    forest = RandomForestClassifier(
        300, min_samples_leaf=2, class_weight="balanced", random_state=0, n_jobs=2
    )
    plans = {
        "colour, SVM": (colour, svm),
        "colour, boosting": (colour, boosting),
        "outline, random forest": (shape, forest),
        "colour and outline, random forest": (both, forest),
    }
    folds = StratifiedGroupKFold(3, shuffle=True, random_state=0)
    scores = {}
    for name in track(plans, "classical classifiers", console=CONSOLE):
        features, model = plans[name]
        predicted = cross_val_predict(model, features, labels, groups=groups, cv=folds)
        scores[name] = float(balanced_accuracy_score(labels, predicted))
    return scores


@dataclass(frozen=True)
class Examples:
    """Inputs of a classifier.

    Attributes:
        images: uint8 (N, S, S, 3).
        masks: uint8 {0, 1} (N, S, S).
        metadata: float32 (N, 14).
        labels: Class indices, int (N,).
    """

    images: NDArray[np.uint8]
    masks: NDArray[np.uint8]
    metadata: NDArray[np.float32]
    labels: NDArray[np.int64]

    def take(self, rows: NDArray) -> Examples:
        """The examples at `rows`."""
        return Examples(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))

    def inputs(self, masks: NDArray[np.uint8] | None = None) -> dict[str, NDArray[np.float32]]:
        """Named inputs of a SkinNet, with other masks if given."""
        masks = self.masks if masks is None else masks
        return {
            "image": self.images.astype(np.float32),
            "mask": masks[..., None].astype(np.float32),
            "metadata": self.metadata,
        }


def synthetic_examples(items: list[SyntheticImage]) -> Examples:
    """Generated lesions with their exact masks at 64 px."""
    table = pd.DataFrame([(item.age, item.sex, item.site) for item in items])
    table.columns = ["age", "sex", "site"]
    return Examples(
        np.stack([resize_image(item.image, V3_SIZE) for item in items]),
        np.stack([resize_mask(item.mask, V3_SIZE) for item in items]),
        MetadataEncoder().encode_table(table),
        np.array([CLASSES.index(item.diagnosis) for item in items]),
    )


def run_examples(run: Path, data: Path) -> Examples:
    """The test images of a run's catalogue, with the masks the run used."""
    from skinnet_keras.data.cache import open_cache
    from skinnet_keras.data.catalogue import Catalogue
    from skinnet_keras.runs.masks import PredictedMasks

    catalogue = Catalogue.load(data)
    table = catalogue.usable(("test",))
    table = table[table["label"].isin(CLASSES)]
    predicted = PredictedMasks.open(run)
    cache = open_cache(catalogue, predicted.masks.shape[1])
    names = list(table["image_id"])
    return Examples(
        np.asarray(cache.images[cache.rows(names)]),
        predicted.of(names),
        MetadataEncoder().encode_table(table),
        np.array([CLASSES.index(label) for label in table["label"]]),
    )


def train_v3(train: Examples, epochs: int):
    """Train a SkinNet-v3 from scratch with class weights."""
    import keras

    from skinnet_keras.models import build_skinnet

    keras.utils.set_random_seed(0)
    model = build_skinnet("v3", image_size=V3_SIZE)
    steps = epochs * -(-len(train.labels) // 32)
    rate = keras.optimizers.schedules.CosineDecay(1e-3, steps)
    model.compile(
        keras.optimizers.AdamW(rate, weight_decay=1e-4),
        loss={"diagnosis": keras.losses.SparseCategoricalCrossentropy()},
    )
    counts = np.bincount(train.labels, minlength=len(CLASSES))
    weights = len(train.labels) / (len(CLASSES) * np.maximum(counts, 1))
    model.fit(
        train.inputs(),
        {"diagnosis": train.labels},
        sample_weight={"diagnosis": weights[train.labels].astype(np.float32)},
        batch_size=32,
        epochs=epochs,
        verbose=0,
        callbacks=[
            keras.callbacks.LambdaCallback(
                on_epoch_end=lambda epoch, logs: CONSOLE.print(
                    f"v3: epoch {epoch + 1}/{epochs}, loss {logs['loss']:.3f}"
                )
            )
        ],
    )
    return model


def mask_scores(model, test: Examples) -> dict[str, float]:
    """Balanced accuracy of a classifier with the right masks and with shuffled ones."""

    def score(masks: NDArray[np.uint8]) -> float:
        predicted = model.predict(test.inputs(masks), verbose=0)["diagnosis"].argmax(1)
        return float(balanced_accuracy_score(test.labels, predicted))

    rng = np.random.default_rng(0)
    shuffled = [score(test.masks[rng.permutation(len(test.masks))]) for _ in range(SHUFFLES)]
    return {"v3, own masks": score(test.masks), "v3, shuffled masks": float(np.mean(shuffled))}


def verdicts(scores: dict[str, float]) -> dict[str, bool]:
    """Which of the promises hold."""

    def best(prefix: str) -> float:
        return max(score for name, score in scores.items() if name.startswith(prefix))

    promises = {}
    if "colour, SVM" in scores:
        promises["colour alone below 0.60"] = best("colour, ") < 0.60
        promises["outline alone 0.40 or more"] = best("outline, ") >= 0.40
        promises["colour and outline 0.70 or more"] = best("colour and outline, ") >= 0.70
    if "v3, own masks" in scores:
        cost = scores["v3, own masks"] - scores["v3, shuffled masks"]
        promises["shuffled masks cost v3 0.10 or more"] = cost >= 0.10
    return promises


def main() -> int:
    """Measure, print a table, write JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--lesions", type=int, default=800)
    parser.add_argument("--size", type=int, default=96, help="width of the images, at 4:3")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=15, help="of v3; 0 leaves it out")
    parser.add_argument("--run", type=Path, help="run directory of a trained v3")
    parser.add_argument("--data", type=Path, help="the run's catalogue")
    parser.add_argument("--json", type=Path, help="file for the results")
    options = parser.parse_args()
    if (options.run is None) != (options.data is None):
        parser.error("--run and --data go together")

    if options.run:
        from skinnet_keras.models.loading import load_keras

        scores = mask_scores(
            load_keras(options.run / "best.keras"), run_examples(options.run, options.data)
        )
    else:
        size = (options.size, round(options.size * 3 / 4))
        lesions = track(range(options.lesions), "synthetic lesions", console=CONSOLE)
        items = [
            item
            for index in lesions
            for item in generate_lesion(index, seed=options.seed, size=size)
        ]
        scores = classical_scores(items)
        if options.epochs:
            examples = synthetic_examples(items)
            # Lesions are numbered at random over the classes: the last quarter is held out.
            lesion = np.array([int(item.lesion_id.removeprefix("SYN_")) for item in items])
            held_out = lesion >= options.lesions * 3 // 4
            model = train_v3(examples.take(~held_out), options.epochs)
            scores |= mask_scores(model, examples.take(held_out))

    table = Table("held-out lesions", "balanced accuracy")
    for name, score in scores.items():
        table.add_row(name, f"{score:.3f}")
    promises = verdicts(scores)
    for name, holds in promises.items():
        table.add_row(name, "yes" if holds else "NO")
    Console().print(table)
    if options.json:
        settings = {name: getattr(options, name) for name in ("lesions", "size", "seed", "epochs")}
        settings["run"] = str(options.run) if options.run else None
        report = {"settings": settings, "balanced_accuracy": scores, "promises": promises}
        options.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return 0 if all(promises.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
