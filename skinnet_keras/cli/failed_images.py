"""What verbs say of photographs that have no answer, beside the answers of the others."""

from __future__ import annotations

from collections.abc import Sequence

import typer

from skinnet_keras.inference.photographs import FailedImage


def exit_for(failed: Sequence[FailedImage], answered: int) -> None:
    """Name the images that failed on stderr, and leave with exit code 2; go on where none did.

    Args:
        failed: The images and why.
        answered: Number of the others.
    """
    for image in failed:
        typer.echo(f"skinnet: {image.reason}", err=True)
    if failed and answered:
        typer.echo(
            f"skinnet: {len(failed)} of {len(failed) + answered} images failed; the results are "
            "those of the others.",
            err=True,
        )
    if failed:
        raise typer.Exit(2)
