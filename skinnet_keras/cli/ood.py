"""`skinnet ood`: does a run's classifier notice images that it cannot know?"""

from pathlib import Path
from typing import Annotated

import typer

from skinnet_keras.evaluation.resamples import DEFAULT_RESAMPLES


def ood(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A finished run with a classifier.")],
    data: Annotated[
        Path | None,
        typer.Option(help="Where the run's catalogue lies now; by default where it was."),
    ] = None,
    images: Annotated[
        Path | None, typer.Option(help="Folder of further pictures that show no lesion.")
    ] = None,
    bootstrap: Annotated[
        int, typer.Option(min=0, help="Resamples of lesions behind the 95 % intervals; 0 = none.")
    ] = DEFAULT_RESAMPLES,
    seed: Annotated[int, typer.Option(help="Of the pictures and the bootstrap.")] = 0,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="JSON to write; ood.json in the run by default."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object instead of the table.")
    ] = False,
) -> None:
    """Test scores that are to tell lesions of known classes from everything else.

    Against them: test images of no class of the model (UNK; train with `unseen=[DF]` to withhold
    a class), everyday photographs, textures. The scores: distances to the training images in
    feature space (Mahalanobis, plain and relative; nearest neighbours), largest probability,
    largest logit and energy. Which is best depends on what is unknown: look at all sets. The file
    names the weights it is of; `skinnet report` takes it into its page.

    Example: skinnet ood runs/skinnet_v2
    """
    import json

    from rich.console import Console

    from skinnet_keras.cli.quiet import import_tensorflow_quietly
    from skinnet_keras.runs.run import Run

    Run.open(run, data=data).load_catalogue()  # before TensorFlow is imported
    import_tensorflow_quietly()
    from skinnet_keras.evaluation.ood import FILE, detection_table
    from skinnet_keras.evaluation.stored_results import write_result
    from skinnet_keras.inference.run_models import RunModels
    from skinnet_keras.ood.evaluate import evaluate_run

    models = RunModels.load(run, data=data)
    sets = evaluate_run(models, folder=images, resamples=bootstrap, seed=seed)
    path = out or run / FILE
    found = {"bootstrap": bootstrap, "seed": seed, "sets": sets}
    write_result(path, found, models.weight_hashes())
    if as_json:
        typer.echo(json.dumps(found))
    else:
        detection_table(sets, run.resolve().name).print(Console())
        typer.echo(f"Wrote {path}")
