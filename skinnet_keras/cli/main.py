"""The `skinnet` command: registers the verbs and turns user errors into exit code 2."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys

import typer

from skinnet_keras.errors import UserError

app = typer.Typer(
    name="skinnet",
    help="Skin-lesion analysis with image, mask and metadata (SkinNet, Keras 3). "
    "For research: not medical advice, not a medical device.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)

for _verb in ("data", "segment"):
    if importlib.util.find_spec(f"skinnet_keras.cli.{_verb}"):
        app.add_typer(importlib.import_module(f"skinnet_keras.cli.{_verb}").app, name=_verb)
for _verb in ("demo", "train", "evaluate", "compare", "predict", "export", "models"):
    if importlib.util.find_spec(f"skinnet_keras.cli.{_verb}"):
        app.command(_verb)(getattr(importlib.import_module(f"skinnet_keras.cli.{_verb}"), _verb))


def main() -> None:
    """Run the command line; exit 0 (done), 2 (the user's mistake) or 1 (our bug)."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    try:
        app()
    except UserError as error:
        print(f"skinnet: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
