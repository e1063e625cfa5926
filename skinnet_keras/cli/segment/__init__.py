"""`skinnet segment`: one module a verb."""

import typer

from skinnet_keras.cli.segment import benchmark, compare, evaluate, predict, train

app = typer.Typer(no_args_is_help=True, help="Segmentation networks on their own.")

for _function in (
    train.train,
    evaluate.evaluate,
    predict.predict,
    benchmark.benchmark,
    compare.compare,
):
    app.command()(_function)
