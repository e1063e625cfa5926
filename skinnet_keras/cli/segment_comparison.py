"""The paper's comparison of segmentation networks: train, time, score, each run by itself."""

from __future__ import annotations

import gc
import inspect
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import typer

from skinnet_keras.cli.child import raise_failures, run_each
from skinnet_keras.cli.pending import pending_job
from skinnet_keras.cli.segment_benchmarks import benchmark_options
from skinnet_keras.config import SegmenterConfig, StageConfig, load_config
from skinnet_keras.errors import UserError
from skinnet_keras.evaluation.segmentation.comparison import ComparedRun
from skinnet_keras.export.complexity import multiply_accumulates, trainable_parameters
from skinnet_keras.export.segmentation_scoring import score_on_catalogue
from skinnet_keras.inference.segmenting import open_segmenter
from skinnet_keras.locks import own_folder
from skinnet_keras.models import SEGMENTERS
from skinnet_keras.presets import find_config
from skinnet_keras.runs.run import Run
from skinnet_keras.training.segmentation import configured_segmenter, prediction_part


def train_networks(
    networks: Sequence[str], data: Path, out: Path, overrides: Sequence[str]
) -> list[Path]:
    """Train each network from its packaged config, one after another.

    Finished runs are taken as they are, interrupted ones are resumed.

    Args:
        networks: Names in `SEGMENTERS`.
        data: Catalogue folder.
        out: Folder of the run directories, `<out>/<network>`.
        overrides: `key=value` pairs for every config.

    Returns:
        The run directories.

    Raises:
        UserError: An unknown key; a run that is there already has another config or catalogue;
            another process is training into the folder; or trainings failed (the others are
            finished first).
    """
    runs = {name: out / name for name in networks}
    jobs = {}
    for name, directory in runs.items():
        config_name = f"segmentation/{name}"
        config = load_config(find_config(config_name), list(overrides))
        job = pending_job(directory, config, data, [config_name, *overrides])
        if job is not None:
            jobs[name] = job
    with own_folder(out):
        raise_failures(run_each(jobs))
    return list(runs.values())


def named_runs(directories: Sequence[Path], *, data: Path | None = None) -> dict[str, Path]:
    """Name every run by its folder; two of the same name by their paths.

    Args:
        directories: The runs.
        data: Where their catalogue lies now, as for `Run.open`.

    Raises:
        UserError: A run is named twice, or is no finished run that trained a segmentation network.
    """
    named: dict[str, Path] = {}
    for directory in directories:
        run = Run.open(directory, data=data)
        _trained_segmenter(run)
        if not (directory / "segmenter.keras").is_file():
            raise UserError(
                f"{directory} is not finished: continue it with "
                f"`skinnet train --resume {directory}`."
            )
        name = directory.resolve().name
        name = str(directory) if name in named else name
        if name in named:
            raise UserError(f"{directory} is named twice: name every run once.")
        named[name] = directory
    return named


def time_runs(
    runs: Mapping[str, Path],
    *,
    batch_size: int,
    seconds: float,
    threads: int,
    data: Path | None = None,
) -> dict[str, Mapping[str, Any]]:
    """Measure the speed of each run's network, each in a process of its own.

    Args:
        runs: As `named_runs` returns them.
        batch_size: Images of a training step, the same for all.
        seconds: See `benchmark_segmenter`.
        threads: Threads.
        data: Where their catalogue lies now, as for `Run.open`.

    Returns:
        Name -> `SegmenterSpeed.to_dict`; a run that could not be measured is left out.
    """
    jobs = {}
    for name, directory in runs.items():
        run = Run.open(directory, data=data)
        segmenter, _ = _trained_segmenter(run)
        arguments, size = json.dumps(segmenter.arguments), run.config.image_size
        options = benchmark_options(size, batch_size, arguments, seconds, threads)
        jobs[name] = ["segment", "benchmark", segmenter.name, *options]
    speeds: dict[str, Mapping[str, Any]] = {}
    failed = run_each(jobs, lambda name, printed: speeds.update({name: printed["networks"][0]}))
    if failed:
        typer.echo(f"Not timed: {', '.join(failed)}.", err=True)
    return speeds


def score_runs(
    runs: Mapping[str, Path],
    split: str,
    speeds: Mapping[str, Mapping[str, Any]],
    *,
    data: Path | None = None,
    original_size: bool = False,
) -> list[ComparedRun]:
    """Score the segmentation networks of finished runs on a split of their catalogues.

    Args:
        runs: As `named_runs` returns them.
        split: `train`, `val` or `test`.
        speeds: As `time_runs` returns them.
        data: Where their catalogue lies now, as for `Run.open`.
        original_size: Whether to score at the photographs' size.

    Raises:
        UserError: A catalogue has no masks in the split.
    """
    compared = []
    for name, directory in runs.items():
        typer.echo(f"Scoring {name}", err=True)
        run = Run.open(directory, data=data)
        compared.append(_score_run(name, run, split, speeds.get(name), original_size=original_size))
        keras.backend.clear_session()
        gc.collect()  # Functional models are cycles: a dozen of them would stay in memory
    return compared


def _score_run(
    name: str,
    run: Run,
    split: str,
    speed: Mapping[str, Any] | None,
    *,
    original_size: bool,
) -> ComparedRun:
    segmenter, stage = _trained_segmenter(run)
    network = configured_segmenter(run.config)
    scored = score_on_catalogue(
        open_segmenter(run.directory, data=run.catalogue),
        run.load_catalogue(),
        split,
        original_size=original_size,
    )
    return ComparedRun(
        name=name,
        network=segmenter.name,
        arguments=_changed_arguments(segmenter),
        image_size=run.config.image_size,
        epochs=stage.epochs,
        parameters=trainable_parameters(network),
        macs=multiply_accumulates(prediction_part(network)),
        scores=scored.scores,
        speed=speed,
    )


def _trained_segmenter(run: Run) -> tuple[SegmenterConfig, StageConfig]:
    """The network a run trained itself, and its stage."""
    config = run.config
    if config.segmenter is None or config.stages.segmentation is None:
        raise UserError(
            f"{run.directory} trained no segmentation network: give a run of `segment train`."
        )
    return config.segmenter, config.stages.segmentation


def _changed_arguments(segmenter: SegmenterConfig) -> dict[str, Any]:
    """Arguments of the network's builder that differ from its defaults."""
    parameters = inspect.signature(SEGMENTERS[segmenter.name]).parameters
    return {
        name: value
        for name, value in segmenter.arguments.items()
        if json.dumps(value) != json.dumps(parameters[name].default)  # a list equals a tuple
    }
