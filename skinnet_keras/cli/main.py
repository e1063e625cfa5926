"""The `skinnet` command: registers the verbs and turns user errors into exit code 2."""

from __future__ import annotations

import errno
import os
import sys

import typer

from skinnet_keras.cli import (
    benchmark,
    calibrate,
    card,
    compare,
    crossval,
    data,
    demo,
    ensemble,
    evaluate,
    explain,
    export,
    models,
    ood,
    predict,
    report,
    segment,
    subgroups,
    train,
    tta,
    webapp,
)
from skinnet_keras.cli.arguments import check_arguments
from skinnet_keras.errors import DiskFullError, UserError

app = typer.Typer(
    name="skinnet",
    help="Skin-lesion analysis with image, mask and metadata (SkinNet, Keras 3). "
    "For research: not medical advice, not a medical device.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)

for _verb in (data, segment, benchmark):
    app.add_typer(_verb.app, name=_verb.__name__.rpartition(".")[2])
for _function in (
    demo.demo,
    train.train,
    crossval.crossval,
    evaluate.evaluate,
    compare.compare,
    subgroups.subgroups,
    calibrate.calibrate,
    ood.ood,
    explain.explain,
    report.report,
    card.card,
    ensemble.ensemble,
    tta.tta,
    predict.predict,
    export.export,
    webapp.webapp,
    models.models,
):
    app.command()(_function)
check_arguments(app)


# What the user's machine refuses: no right to write there, no space left, no such names.
_REFUSED = (
    *(errno.EACCES, errno.EPERM, errno.EROFS),
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG),
    *(errno.ENAMETOOLONG, errno.ELOOP, errno.ENOTDIR),
)


_SHOWN = 120  # characters of a path


def main() -> None:
    """Run the command line; exit 0 (done), 2 (the user's mistake) or 1 (our bug)."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    try:
        app()
    except UserError as error:
        print(f"skinnet: {error}", file=sys.stderr)
        if isinstance(error, DiskFullError):
            # Files that libraries could not close can end the interpreter's own end by a signal.
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(2)
        sys.exit(2)
    except OSError as error:
        if error.errno not in _REFUSED:
            raise
        where = str(error.filename or "the output folder")
        where = where if len(where) <= _SHOWN else f"{where[:_SHOWN]}..."
        print(f"skinnet: {where}: {error.strerror}; choose another folder.", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
