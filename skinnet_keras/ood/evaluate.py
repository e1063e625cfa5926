"""A run's scores on known images, unseen classes, photographs of other things and textures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from skinnet_keras.config import CleaningConfig
from skinnet_keras.data.cleaning import clean
from skinnet_keras.data.image_io import read_image, resize_image
from skinnet_keras.errors import UserError
from skinnet_keras.evaluation.bootstrap import DEFAULT_RESAMPLES
from skinnet_keras.evaluation.ood import detection_report
from skinnet_keras.inference.run_models import RunModels
from skinnet_keras.ood.features import Computed, Computer
from skinnet_keras.ood.pictures import photograph_crops, textures
from skinnet_keras.ood.scores import FeatureScores, logit_scores
from skinnet_keras.runs.opened import OpenedRun
from skinnet_keras.runs.samples import labels_of
from skinnet_keras.taxonomy import UNK

PICTURES = 200
_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff")


def evaluate_run(
    models: RunModels,
    *,
    folder: Path | None = None,
    resamples: int = DEFAULT_RESAMPLES,
    seed: int = 0,
) -> dict[str, Any]:
    """Test how well a run's classifier notices images that it cannot know.

    The scores on features are fitted on the training split; known images are the labelled ones of
    the test split, the others: images of that split whose diagnosis is none of the classes
    (UNK; see `unseen` in the config), everyday photographs, textures, and a folder of the user's.

    Args:
        models: A run's models.
        folder: Further pictures, any format the package reads.
        resamples: Resamples of lesions behind the intervals; 0 = none.
        seed: Of pictures and bootstrap.

    Returns:
        Set -> as `evaluation.ood.detection_report`; the scores on features come first.

    Raises:
        UserError: The run has no classifier, its catalogue changed, or the folder has no picture.
    """
    run, classifier = models.run, models.classifier
    if classifier is None:
        raise UserError(f"{run.directory} has no classifier to test.")
    size = run.config.image_size
    own = None if folder is None else _read_folder(folder, size, run.config.cleaning)
    opened = OpenedRun(run)
    catalogue = opened.catalogue
    train, test = (opened.samples(split) for split in ("train", "test"))
    computer = Computer(models)
    of_train = computer.of_samples(train, "Training images")
    of_features = FeatureScores(of_train.features, labels_of(train))

    def score(computed: Computed) -> dict[str, np.ndarray]:
        return {**of_features(computed.features), **logit_scores(computed.logits)}

    inside = score(computer.of_samples(test, "Known images"))
    group_of = dict(zip(catalogue.table["image_id"], catalogue.table["group"], strict=True))
    outside: dict[str, dict[str, np.ndarray]] = {}
    groups: dict[str, list[str] | None] = {}
    rows = catalogue.usable(["test"])
    rows = rows[(rows["label"] == UNK) & rows["image_id"].isin(set(opened.cache.image_ids))]
    if len(rows) and run.config.num_classes == 8:
        unseen = opened.samples_of(rows)
        outside["unseen classes"] = score(computer.of_samples(unseen, "Unseen classes"))
        groups["unseen classes"] = [group_of[image_id] for image_id in unseen.image_ids]
    pictures = {
        "photographs": photograph_crops(PICTURES, size, seed),
        "textures": textures(PICTURES, size, seed),
        **({} if own is None or folder is None else {folder.name: own}),
    }
    for name, images in pictures.items():
        outside[name] = score(computer.of_pictures(images, name))
        groups[name] = None
    known_groups = [group_of[image_id] for image_id in test.image_ids]
    return detection_report(inside, outside, known_groups, groups, resamples=resamples, seed=seed)


def _read_folder(folder: Path, size: int, cleaning: CleaningConfig) -> np.ndarray:
    if not folder.is_dir():
        raise UserError(f"{folder} is not a folder: give one with pictures.")
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in _SUFFIXES)
    if not files:
        raise UserError(f"{folder} holds no picture ({', '.join(_SUFFIXES)}).")
    return np.stack(
        [resize_image(clean(read_image(file), None, cleaning)[0], size) for file in files]
    )
