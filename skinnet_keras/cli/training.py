"""What `train`, `segment train` and `demo` share: from a config's name to a finished run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console

from skinnet_keras.cli.quiet import import_tensorflow_quietly
from skinnet_keras.config import load_config
from skinnet_keras.data.catalogue import Catalogue
from skinnet_keras.errors import UserError
from skinnet_keras.evaluation import tables
from skinnet_keras.locks import own_folder
from skinnet_keras.presets import find_config
from skinnet_keras.runs.run import Run, refuse_used
from skinnet_keras.runs.view_record import read_tta


def train_from_config(
    config_name: str, data: Path, out: Path | None, overrides: list[str], *, show: bool = True
) -> dict[str, Any]:
    """Start a run from a config and train it; what is wrong with them is told before TensorFlow is
    imported.

    Args:
        config_name: YAML file or preset name.
        data: Catalogue folder.
        out: Run directory; None for `runs/<name>`.
        overrides: `key=value` pairs.
        show: Whether to print the result on stdout.

    Returns:
        The run's metrics.
    """
    config = load_config(find_config(config_name), overrides)
    out = out or Path("runs") / config.name
    with own_folder(out):
        refuse_used(out)
    catalogue = Catalogue.load(data)
    import_tensorflow_quietly()
    from skinnet_keras.experiment import start_run

    return _train(start_run(config, catalogue, out), show=show)


def train_resumed(
    directory: Path, *, data: Path | None = None, show: bool = True
) -> dict[str, Any]:
    """Go on with an interrupted run; a finished one is only measured again.

    Args:
        directory: The run.
        data: Where its catalogue lies now; None for where it was.
        show: Whether to print the result on stdout.

    Returns:
        The run's metrics.
    """
    averaged = read_tta(directory)
    if averaged is not None:
        raise UserError(
            f"{directory} holds predictions averaged over views, no training: continue the run "
            f"they come from, {averaged.run}."
        )
    return _train(Run.open(directory, data=data), show=show)


def _empty_truths_note(count: int) -> str:
    """Say how many ground-truth masks are empty, where any are."""
    what = "of these true masks have no lesion pixel: Dice 1 where the prediction has none either"
    return f"; {count} {what}, else 0" if count else ""


def _train(run: Run, *, show: bool) -> dict[str, Any]:
    from skinnet_keras.experiment import run_experiment

    try:
        metrics = run_experiment(run)
    except KeyboardInterrupt:
        run.log(f"interrupted: continue with `skinnet train --resume {run.directory}`")
        raise
    run.log(f"done: {run.directory}")
    if show:
        print_metrics(metrics)
    return metrics


def print_metrics(metrics: dict[str, Any]) -> None:
    """Print segmentation scores, the per-class table and the loss beside the constant's."""
    console = Console()
    for split, scores in metrics.get("segmentation", {}).items():
        console.print(
            f"{metrics['name']}: segmentation {split}: Dice {scores['dice_per_image']:.4f}, "
            f"IoU {scores['iou_per_image']:.4f} (means over {scores['n']} images)"
            + _empty_truths_note(scores.get("empty_truths", 0))
        )
    for split, report in metrics.get("classification", {}).items():
        tables.per_class(report, f"{metrics['name']}, {split}").print(console)
        loss = metrics["loss"][split]
        console.print(
            f"{metrics['name']}: loss {split} {loss['model']:.4f}, best constant prediction "
            f"{loss['best_constant_prediction']:.4f}; balanced accuracy "
            f"{report['balanced_accuracy']:.4f}"
        )
