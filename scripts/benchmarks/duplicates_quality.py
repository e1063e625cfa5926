"""The quality part of duplicates.py: recall and precision on real images, and on distorted ones."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageEnhance, ImageFilter
from rich.console import Console
from rich.table import Table

from skinnet_keras.data.duplicates import MIN_CORRELATION, compare_pictures
from skinnet_keras.data.fingerprints import Fingerprint, fingerprint
from skinnet_keras.data.sources import source_named

_SETS = ("isic2017", "ham10000", "isic2019", "isic2020")


@dataclass(frozen=True)
class Images:
    """Real images: the truth about them apart from what the search sees."""

    paths: list[Path]
    names: list[str]
    ids: np.ndarray
    lesions: np.ndarray
    prints: list[Fingerprint]
    seconds: float


def read_prints(data: Path) -> Images:
    """Measure every image of the four sets."""
    rows = [(name, row) for name in _SETS for row in source_named(name).read(data / name).rows]
    paths = [data / name / row.path for name, row in rows]
    start = time.perf_counter()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        prints = list(pool.map(fingerprint, paths))
    return Images(
        paths,
        [f"{name}:{row.stem}" for name, row in rows],
        np.array([row.stem.removesuffix("_downsampled") for _, row in rows]),
        np.array([row.lesion_id for _, row in rows]),
        prints,
        time.perf_counter() - start,
    )


def halves_table(images: Images, console: Console) -> dict[str, Any]:
    """Threshold from one half, recall and precision on the other; and over all images."""
    console.print(f"{len(images.paths):,} fingerprints: {images.seconds:.1f} s")
    unique = np.unique(images.ids)
    first = set(np.random.default_rng(0).permutation(unique)[: len(unique) // 2])
    in_first = np.array([own in first for own in images.ids])
    table = Table(title="Names withheld; a threshold is the middle of the widest gap of best F1")
    for heading in ("chosen on", "threshold", "counted on", "true", "recall", "precision", "more"):
        table.add_column(heading)
    results: dict[str, Any] = {}
    scores = {
        half: _scores(images, np.flatnonzero(in_first == (half == "A"))) for half in ("A", "B")
    }
    scores["all"] = _scores(images, np.arange(len(images.ids)))
    for chosen, counted in (("A", "B"), ("B", "A"), ("package", "all")):
        threshold = _threshold(*scores[chosen][:3]) if chosen in scores else MIN_CORRELATION
        pairs, similarity, same, total = scores[counted]
        found = similarity >= threshold
        hits, more = int((found & same).sum()), pairs[found & ~same]
        known = images.lesions[more[:, 0]] == images.lesions[more[:, 1]]
        known &= images.lesions[more[:, 0]] != ""
        row = {
            "threshold": threshold,
            "true": total,
            "recall": hits / total,
            "precision": hits / max(1, int(found.sum())),
            "other_ids": [[images.names[i], images.names[j]] for i, j in more],
            "other_ids_one_lesion": int(known.sum()),
            "missed": total - hits,
            "rejected": [[images.names[i], images.names[j]] for i, j in pairs[same & ~found]],
        }
        results[f"chosen on {chosen}, counted on {counted}"] = row
        table.add_row(
            chosen,
            f"{threshold:.2f}",
            counted,
            str(total),
            f"{row['recall']:.4f}",
            f"{row['precision']:.4f}",
            f"{len(more)} under two ids, {int(known.sum())} of one lesion id",
        )
    console.print(table)
    for i, j in results["chosen on package, counted on all"]["other_ids"]:
        console.print(f"  under two ids: {i} {j}")
    return results


def _scores(images: Images, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    compared = compare_pictures([images.prints[row] for row in rows])
    pairs, similarity = compared.pairs, compared.similarity
    pairs = rows[pairs]
    same = images.ids[pairs[:, 0]] == images.ids[pairs[:, 1]]
    _, counts = np.unique(images.ids[rows], return_counts=True)
    return pairs, similarity, same, int((counts * (counts - 1) // 2).sum())


def _threshold(pairs: np.ndarray, similarity: np.ndarray, same: np.ndarray) -> float:
    order = np.argsort(-similarity)
    ranked, hits = similarity[order], np.cumsum(same[order])
    f1 = 2 * hits / (np.arange(1, len(hits) + 1) + same.sum())
    gaps = ranked[:-1] - ranked[1:]
    best = np.flatnonzero(f1[:-1] == f1[:-1].max())
    at = best[gaps[best].argmax()]
    return float((ranked[at] + ranked[at + 1]) / 2)


def _crop(share: float, other: float | None = None) -> Callable[[Image.Image, int], Image.Image]:
    def crop(image: Image.Image, seed: int) -> Image.Image:
        left = image.width * (1 - share) / 2
        top = image.height * (1 - (share if other is None else other)) / 2
        box = (round(left), round(top), round(image.width - left), round(image.height - top))
        return image.crop(box).resize((200, 200), Image.Resampling.BILINEAR)

    return crop


def _jpeg(quality: int) -> Callable[[Image.Image, int], Image.Image]:
    def recompress(image: Image.Image, seed: int) -> Image.Image:
        buffer = BytesIO()
        image.save(buffer, "JPEG", quality=quality)
        return Image.open(buffer).convert("RGB")

    return recompress


def _hair(image: Image.Image, seed: int) -> Image.Image:
    rgb, rng = np.array(image), np.random.default_rng(seed)
    along = np.linspace(0, 1, 40)[:, None]
    for _ in range(12):
        a, b, c = rng.uniform(0, 1, (3, 2)) * image.size
        curve = (1 - along) ** 2 * a + 2 * along * (1 - along) * b + along**2 * c
        width = max(1, image.width // 200)
        cv2.polylines(rgb, [curve.astype(np.int32)], False, (40, 25, 20), width, cv2.LINE_AA)
    return Image.fromarray(rgb)


def _shifted(image: Image.Image, seed: int) -> Image.Image:
    across, down = np.random.default_rng(seed).uniform(0, 0.1, 2) * image.size
    size = (across + 0.9 * image.width, down + 0.9 * image.height)
    return image.crop((round(across), round(down), round(size[0]), round(size[1])))


_T = Image.Transpose
DISTORTIONS: dict[str, Callable[[Image.Image, int], Image.Image]] = {
    "half the size": lambda image, _: image.reduce(2),
    "squashed to 96 x 96": lambda image, _: image.resize((96, 96), Image.Resampling.BILINEAR),
    "JPEG 30": _jpeg(30),
    "JPEG 10": _jpeg(10),
    "blur, 1/120 of the width": lambda image, _: image.filter(
        ImageFilter.GaussianBlur(image.width / 120)
    ),
    "brightness 0.6": lambda image, _: ImageEnhance.Brightness(image).enhance(0.6),
    "brightness 1.3": lambda image, _: ImageEnhance.Brightness(image).enhance(1.3),
    "contrast 1.5": lambda image, _: ImageEnhance.Contrast(image).enhance(1.5),
    "grey": lambda image, _: ImageEnhance.Color(image).enhance(0),
    "12 hairs drawn": _hair,
    "crop 95 %": _crop(0.95),
    "crop 90 %": _crop(0.9),
    "crop 85 %": _crop(0.85),
    "crop 80 %": _crop(0.8),
    "crop 70 %": _crop(0.7),
    "width 7/8": _crop(7 / 8, 1),
    "width 3/4": _crop(3 / 4, 1),
    "width 2/3": _crop(2 / 3, 1),
    "height 3/4": _crop(1, 3 / 4),
    "crop 90 %, off centre": _shifted,
    "flipped": lambda image, _: image.transpose(_T.FLIP_LEFT_RIGHT),
    "upside down": lambda image, _: image.transpose(_T.FLIP_TOP_BOTTOM),
    "rotated by 90 degrees": lambda image, _: image.transpose(_T.ROTATE_90),
    "rotated by 180 degrees": lambda image, _: image.transpose(_T.ROTATE_180),
    "transposed": lambda image, _: image.transpose(_T.TRANSPOSE),
    "flipped, width 3/4, JPEG 60": lambda image, seed: _jpeg(60)(
        _crop(3 / 4, 1)(image, seed).transpose(_T.FLIP_LEFT_RIGHT), seed
    ),
}


def distortion_table(images: Images, count: int, console: Console) -> dict[str, Any]:
    """Recall by distortion, and pairs of different originals that are taken for copies."""
    rng = np.random.default_rng(1)
    _, first = np.unique(images.ids, return_index=True)
    chosen = rng.permutation(first)[:count]
    results: dict[str, Any] = {}
    table = Table(title=f"Distorted copies of {len(chosen)} images, threshold {MIN_CORRELATION}")
    for heading in ("distortion", "recall", "recall, orientations", "false, without / with"):
        table.add_column(heading, justify="left" if heading == "distortion" else "right")
    for name, distort in DISTORTIONS.items():
        prints = [images.prints[row] for row in chosen] + _distorted(images, chosen, distort)
        row = {}
        for option in (False, True):
            compared = compare_pictures(prints, orientations=option)
            pairs = compared.pairs[compared.copies]
            same = pairs[:, 1] - pairs[:, 0] == len(chosen)
            row[option] = (float(same.sum() / len(chosen)), pairs[~same] % len(chosen))
        results[name] = {
            "recall": row[False][0],
            "recall_orientations": row[True][0],
            "false": len(row[False][1]),
            "false_orientations": len(row[True][1]),
        }
        own = results[name]
        table.add_row(
            name,
            f"{own['recall']:.3f}",
            f"{own['recall_orientations']:.3f}",
            f"{own['false']} / {own['false_orientations']}",
        )
    console.print(table)
    return results


def _distorted(images: Images, rows: np.ndarray, distort: Any) -> list[Fingerprint]:
    with tempfile.TemporaryDirectory() as folder:

        def measure(row: int) -> Fingerprint:
            path = Path(folder) / f"{row}.png"
            distort(Image.open(images.paths[row]).convert("RGB"), int(row)).save(
                path, compress_level=1
            )
            return fingerprint(path)

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            return list(pool.map(measure, rows.tolist()))
