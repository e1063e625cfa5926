"""Predicted masks of every image of a catalogue, for its classifiers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import ExifTags, Image
from rich.console import Console
from rich.progress import track

import skinnet_keras
from skinnet_keras.atomic import atomic_directory
from skinnet_keras.config import CleaningConfig
from skinnet_keras.data.cache import open_cache
from skinnet_keras.data.catalogue import Catalogue
from skinnet_keras.data.image_io import FORMATS
from skinnet_keras.data.predicted_masks import MaskRow, masks_folder, write_mask, write_tables
from skinnet_keras.errors import UserError
from skinnet_keras.evaluation.segmentation.overlap import dice_per_image
from skinnet_keras.inference.overlay import enlarge_mask
from skinnet_keras.inference.prediction import read_cleaned
from skinnet_keras.inference.segmenting import lesion_probability, open_segmenter
from skinnet_keras.runs.run import Run, file_sha256, is_run
from skinnet_keras.training.masks import network_origin, run_of_segmenter, training_images

NO_SPLIT = "none"
"""Key of the images that are in no split: the unlabelled ones."""

_LYING = (5, 6, 7, 8)  # EXIF orientations that swap width and height


@dataclass(frozen=True)
class SplitDice:
    """Agreement with the ground truth of one split.

    Attributes:
        n: Images with ground truth.
        dice_per_image: Mean of their Dice coefficients at the network's image size, 0..1.
        empty_truths: Images whose ground truth has no lesion pixel: their Dice is 1 where the
            prediction has none either, else 0.
    """

    n: int
    dice_per_image: float
    empty_truths: int


@dataclass(frozen=True)
class MaskSummary:
    """What was written.

    Attributes:
        folder: `<catalogue>/masks/NAME`.
        mask_origin: The network, as the table names it.
        images: Number of masks.
        in_sample: Images among them that the network was trained on; None where not known.
        mean_lesion_fraction: Mean share of lesion pixels, 0..1.
        empty: Masks without a lesion pixel.
        splits: Split (or `NO_SPLIT`) -> agreement with the ground truth, where there is any.
    """

    folder: Path
    mask_origin: str
    images: int
    in_sample: int | None
    mean_lesion_fraction: float
    empty: int
    splits: dict[str, SplitDice]

    def to_dict(self) -> dict[str, Any]:
        """Return the summary as plain JSON values."""
        return {**asdict(self), "folder": str(self.folder)}


def free_masks_folder(catalogue: Catalogue, name: str, *, overwrite: bool) -> Path:
    """Return the folder that masks called `name` would go to.

    Raises:
        UserError: The name is unusable, or taken and not to be replaced.
    """
    folder = masks_folder(catalogue, name)
    if folder.exists() and not overwrite:
        raise UserError(
            f"{catalogue.root} has masks called {name!r} already: choose another --name, or "
            "replace them with --overwrite."
        )
    return folder


@dataclass(frozen=True)
class _Part:
    """A network and the images it predicts.

    Attributes:
        model: The network, as for `open_segmenter`.
        image_ids: Its images.
        origin: `mask_origin` of their masks.
        trained_on: Images it was trained on; None where not known.
    """

    model: Path
    image_ids: list[str]
    origin: str
    trained_on: set[str] | None

    def row(self, image_id: str, path: str, image_sha256: str) -> MaskRow:
        in_sample = None if self.trained_on is None else image_id in self.trained_on
        return MaskRow(image_id, path, self.origin, in_sample, image_sha256)


def predict_catalogue(
    model: Path,
    catalogue: Catalogue,
    name: str,
    *,
    folds: Sequence[Path] = (),
    threshold: float | None = None,
    tta: str = "none",
    overwrite: bool = False,
    batch_size: int = 32,
) -> MaskSummary:
    """Predict the mask of every kept image into `<catalogue>/masks/NAME`, with a progress bar.

    Also images with ground truth get one, see `skinnet_keras.data.predicted_masks`, and
    `catalogue.csv` stays as it is. Duplicates get none: nothing is trained on them. The folder
    appears under its name when everything is there; whatever ends this earlier leaves nothing.

    Args:
        model: The segmentation network, as for `open_segmenter`.
        catalogue: The catalogue.
        name: How classifiers will ask for the masks (`segmenter.masks`).
        folds: The runs of a cross-validation of this network. Each predicts the images it held
            out, `model` those that no fold holds out: so no mask comes from a network that was
            trained on the image or another one of its group.
        threshold: Lesion probability from which a pixel is lesion; by default the model's.
        tta: Views to average over, one of `skinnet_keras.evaluation.segmentation.tta.TTA`.
        overwrite: Whether masks of that name may be replaced.
        batch_size: Images a prediction step.

    Raises:
        UserError: The name is taken or unusable, a model is no segmentation network, or an
            image cannot be read.
    """
    folder = free_masks_folder(catalogue, name, overwrite=overwrite)
    runner = open_segmenter(model)
    threshold = runner.mask_threshold if threshold is None else threshold
    cleaning = runner.cleaning
    cache = open_cache(catalogue, runner.image_size, cleaning=cleaning)
    split_of = dict(zip(catalogue.table["image_id"], catalogue.table["split"], strict=True))
    contents = cache.contents()
    parts = _parts(model, folds, catalogue.root, cache.image_ids)
    agreement: dict[str, list[tuple[float, bool]]] = {}
    table: dict[str, MaskRow] = {}
    areas: list[float] = []

    with atomic_directory(folder, replace=overwrite) as temporary, ThreadPoolExecutor() as pool:

        def write(image_id: str, probability: np.ndarray) -> tuple[str, float]:
            shape = _cleaned_shape(catalogue.image_path(image_id), cleaning)
            mask = enlarge_mask(probability, shape, threshold)
            return write_mask(temporary, image_id, mask), float(mask.mean())

        for part in parts:
            if part.model != model:
                runner = open_segmenter(part.model)
            rows = cache.rows(part.image_ids)
            written: list[tuple[str, float]] = []
            writing: Iterable[tuple[str, float]] = ()
            for batch in _batches(len(rows), batch_size):
                images = np.asarray(cache.images[rows[batch]])
                probability = lesion_probability(runner, images, tta=tta)
                written += writing  # the batch before, written while this one was predicted
                image_ids, known = part.image_ids[batch], cache.has_mask[rows[batch]]
                writing = pool.map(write, image_ids, probability)
                true = cache.masks[rows[batch]]
                scores = dice_per_image(probability >= threshold, true)
                for at in np.flatnonzero(known):
                    own = agreement.setdefault(split_of[image_ids[at]] or NO_SPLIT, [])
                    own.append((float(scores[at]), not true[at].any()))
            written += writing
            areas += [area for _, area in written]
            for image_id, (path, _) in zip(part.image_ids, written, strict=True):
                table[image_id] = part.row(image_id, path, contents[image_id].image)
        description = {
            "model": parts[-1].origin.removeprefix("predicted:"),
            "model_sha256": _file_hashes(model),
            "out_of_fold": {part.origin: _file_hashes(part.model) for part in parts[:-1]},
            "image_size": runner.image_size,
            "threshold": threshold,
            "tta": tta,
            "cleaning": cleaning.model_dump(),
            "catalogue_sha256": catalogue.sha256(),
            "package_version": skinnet_keras.__version__,
        }
        write_tables(temporary, [table[image_id] for image_id in cache.image_ids], description)
    known_in_sample = [row.in_sample for row in table.values() if row.in_sample is not None]
    return MaskSummary(
        folder,
        parts[-1].origin,
        len(areas),
        sum(known_in_sample) if len(known_in_sample) == len(table) else None,
        float(np.mean(areas)),
        sum(area == 0 for area in areas),
        {split: _split_dice(own) for split, own in sorted(agreement.items())},
    )


def _split_dice(images: list[tuple[float, bool]]) -> SplitDice:
    scores, empty = zip(*images, strict=True)
    return SplitDice(len(images), float(np.mean(scores)), sum(empty))


def _parts(model: Path, folds: Sequence[Path], data: Path, image_ids: Sequence[str]) -> list[_Part]:
    """Share the images out to the networks of the folds, the rest to the model, which is last."""
    rest = dict.fromkeys(image_ids)
    parts = []
    for fold in folds:
        run = Run.open(fold, data=data)
        held_out = set(run.load_catalogue().usable(["test"])["image_id"])
        own = [image_id for image_id in rest if image_id in held_out]
        parts.append(_Part(fold, own, f"{_provenance(fold)[0]}/{fold.name}", set()))
        rest = {image_id: None for image_id in rest if image_id not in held_out}
    origin, trained_on = _provenance(model)
    return [*parts, _Part(model, list(rest), origin, trained_on)]


def _batches(count: int, size: int) -> Iterable[slice]:
    console = Console(stderr=True)
    return track(
        [slice(start, min(start + size, count)) for start in range(0, count, size)],
        description="predicting masks",
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def _provenance(model: Path) -> tuple[str, set[str] | None]:
    """Name the network for `mask_origin`, and the images it was trained on where that is known."""
    if not is_run(model):
        return f"predicted:{model.name}", None
    run = Run.open(model)
    trainer = run_of_segmenter(run)
    if trainer is None or trainer.config.segmenter is None:
        return f"predicted:{run.config.name}", None
    return network_origin(trainer), training_images(trainer)


def _file_hashes(model: Path) -> dict[str, str]:
    """SHA-256 of the model's file, or of each file of a SavedModel."""
    if is_run(model):
        model = model / "segmenter.keras"
    files = [model] if model.is_file() else sorted(f for f in model.rglob("*") if f.is_file())
    folder = model.parent if model.is_file() else model
    return {file.relative_to(folder).as_posix(): file_sha256(file) for file in files}


def _cleaned_shape(path: Path, cleaning: CleaningConfig) -> tuple[int, int]:
    """Height and width of an image after its EXIF orientation and the cleaning.

    Most data sets are JPEG files, whose header is enough: decoding large ones again takes longer
    than predicting their masks. Other steps of the cleaning than the borders keep the size.
    """
    if not cleaning.borders:
        with Image.open(path, formats=FORMATS) as image:
            if image.format == "JPEG":
                width, height = image.size
                orientation = image.getexif().get(ExifTags.Base.Orientation)
                return (width, height) if orientation in _LYING else (height, width)
    rgb, _ = read_cleaned(path, CleaningConfig(borders=cleaning.borders))
    return rgb.shape[0], rgb.shape[1]
