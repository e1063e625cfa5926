"""Another run's segmentation network in place of stage (a), and where the masks then come from."""

from __future__ import annotations

import shutil
from pathlib import Path

from skinnet_keras.atomic import atomic_file
from skinnet_keras.config import Config
from skinnet_keras.data.catalogue import Catalogue
from skinnet_keras.data.predicted_masks import StoredMasks
from skinnet_keras.errors import UserError
from skinnet_keras.runs.masks import holds_masks
from skinnet_keras.runs.run import Run
from skinnet_keras.training.context import TrainingContext
from skinnet_keras.training.masks import import_masks, link_masks

_NETWORK_FILE = "segmenter.keras"


def check_source(config: Config, catalogue: Catalogue) -> None:
    """Check that what `segmenter.run` and `segmenter.masks` name is there and fits.

    Args:
        config: The experiment.
        catalogue: What it trains on.

    Raises:
        UserError: `segmenter.masks` without `segmenter.run`; the run has no network, or no masks
            where the classifier takes its masks from there; the catalogue has no masks of that
            name, or not of every image; the run or the masks have another cleaning.
    """
    if config.segmenter is None or not config.segmenter.run:
        if config.segmenter is not None and config.segmenter.masks:
            raise UserError(
                "segmenter.masks needs segmenter.run, the run whose network goes into the "
                "exported model along with a classifier trained on these masks."
            )
        return
    source = config.segmenter.run
    stored = _stored_masks(config, catalogue)
    from_run = config.uses_mask and stored is None
    for name in (_NETWORK_FILE, *(("masks.npy", "masks.csv") if from_run else ())):
        if not (Path(source) / name).is_file():
            raise UserError(
                f"segmenter.run: {source} holds no {name}; if that run was moved, say where it "
                "lies now with segmenter.run=RUN."
            )
    if Run.open(Path(source)).config.cleaning != config.cleaning:
        raise UserError(
            f"segmenter.run: {source} was trained with another cleaning section; its masks do not "
            "fit these images. Use the same one."
        )


def take_segmenter(context: TrainingContext, source: Path) -> None:
    """Bring another run's network into this one, and the masks its classifier is to see.

    What the run holds already stays: a resumed run needs neither the other run's network nor the
    catalogue's masks again.

    Args:
        context: The run that takes them.
        source: The other run's directory.

    Raises:
        UserError: The masks are missing or do not fit.
    """
    run, config = context.run, context.config
    if not (run.directory / _NETWORK_FILE).is_file():
        if not (source / _NETWORK_FILE).is_file():
            raise UserError(
                f"segmenter.run: {source} holds no {_NETWORK_FILE}, and {run.directory} has not "
                "taken it over yet: put it back, or start a new run with segmenter.run=RUN; "
                "nothing of this one has been trained."
            )
        with atomic_file(run.directory / _NETWORK_FILE) as temporary:
            shutil.copyfile(source / _NETWORK_FILE, temporary)
    if not config.uses_mask or holds_masks(run.directory, context.cache.image_ids):
        return
    stored = _stored_masks(config, context.catalogue)
    if stored is None:
        link_masks(source, run.directory)
    else:
        import_masks(stored, context.cache, run.directory)


def _stored_masks(config: Config, catalogue: Catalogue) -> StoredMasks | None:
    """The catalogue's masks that the classifier is to see; None where it sees a run's, or none."""
    name = config.segmenter.masks if config.segmenter else None
    if not name or not config.uses_mask:
        return None
    stored = StoredMasks.open(catalogue, name)
    stored.check_fit(catalogue.usable()["image_id"], config.cleaning)
    return stored
