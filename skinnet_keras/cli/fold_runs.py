"""The trainings of a cross-validation: `<folder>/fold_0`, `fold_1`, ..., each a run of its own."""

from __future__ import annotations

from pathlib import Path

from skinnet_keras.atomic import atomic_file, is_free
from skinnet_keras.cli.child import raise_failures, run_each
from skinnet_keras.cli.pending import pending_job
from skinnet_keras.config import (
    Config,
    CrossValidationConfig,
    StagesConfig,
    dump_config,
    load_config,
)
from skinnet_keras.data.cache import open_cache
from skinnet_keras.data.catalogue import Catalogue
from skinnet_keras.data.folds import fold_names
from skinnet_keras.errors import UserError
from skinnet_keras.locks import own_folder
from skinnet_keras.runs.run import Run


def train_folds(config: Config, data: Path, out: Path, *, folds: int) -> list[Path]:
    """Train a config once for every fold, one after another, each in a process of its own.

    Called again, finished folds are taken as they are and an interrupted one goes on.

    Args:
        config: The experiment, without a section `cross_validation`.
        data: Catalogue folder.
        out: Folder of the fold runs; `config.yaml` in it is the experiment.
        folds: K.

    Returns:
        The K run directories, by fold.

    Raises:
        UserError: The folder holds something else, or was started with another config, catalogue
            or number of folds; the images changed on disk since a fold was trained; another
            process is training them; or trainings failed (the others are finished first).
    """
    file = out / "config.yaml"
    if not file.is_file():
        if not is_free(out):
            raise UserError(f"{out} already exists and is not empty: choose another --out.")
        with atomic_file(file) as temporary:
            temporary.write_text(dump_config(config), encoding="utf-8")
    if (out / f"fold_{folds}").exists():
        raise UserError(f"{out} holds more than {folds} folds: choose another --out.")
    directories = {f"fold_{fold}": out / f"fold_{fold}" for fold in range(folds)}
    jobs = {}
    for fold, (name, directory) in enumerate(directories.items()):
        section = CrossValidationConfig(folds=folds, fold=fold)
        held_out = config.model_copy(update={"cross_validation": section})
        override = f"cross_validation={{folds: {folds}, fold: {fold}}}"
        job = pending_job(directory, held_out, data, [str(file), override])
        if job is not None:
            jobs[name] = job
    if jobs and load_config(file) != config:
        raise UserError(
            f"{file} is another experiment: repeat the command it was started with, or choose "
            "another --out."
        )
    with own_folder(out):
        if jobs:
            finished = [path for name, path in directories.items() if name not in jobs]
            _check_pixels(finished, config, data)
        raise_failures(run_each(jobs))
    return list(directories.values())


def _check_pixels(finished: list[Path], config: Config, data: Path) -> None:
    """Check that the other folds will be trained on the files that these were."""
    if not finished:
        return
    cache = open_cache(Catalogue.load(data), config.image_size, cleaning=config.cleaning)
    for directory in finished:
        Run.open(directory).check_pixels(cache, masks=config.segmenter is not None)


def train_segmenter_folds(model: Path, catalogue: Catalogue, folds: int | None) -> list[Path]:
    """Train a run's segmentation network once for every fold, into `<run>/folds`.

    Args:
        model: Directory of the run that trained the network on the whole train split.
        catalogue: The catalogue, the one the run was trained on.
        folds: K; None for the catalogue's own folds.

    Returns:
        The run directories, by fold.

    Raises:
        UserError: `model` is no run that trained a segmentation network on this catalogue, or the
            catalogue has no folds of its own and K is not given; and as `train_folds`.
    """
    run = Run.open(model, data=catalogue.root)
    config = run.config
    if config.segmenter is None or config.stages.segmentation is None:
        raise UserError(f"{model} trained no segmentation network: its folds cannot be trained.")
    if run.catalogue_sha256() != catalogue.sha256():
        raise UserError(
            f"{model} was trained on another catalogue than {catalogue.root}: which images it has "
            "seen there cannot be told."
        )
    folds = folds or len(fold_names(catalogue.table))
    if folds < 2:
        raise UserError(f"{catalogue.root} has no folds of its own: give --folds.")
    # The network alone: a classifier of the run plays no part.
    stages = StagesConfig(segmentation=config.stages.segmentation)
    alone = config.model_copy(update={"model": None, "stages": stages})
    return train_folds(alone, catalogue.root, model / "folds", folds=folds)
