"""The options that describe a patient; wrong values are told before TensorFlow is loaded."""

from typing import Annotated

import typer


def _age(text: str) -> float | None:
    from skinnet_keras.data.metadata import read_age

    return read_age(text)


def _sex(text: str) -> str:
    from skinnet_keras.data.metadata import read_sex

    return read_sex(text)


def _site(text: str) -> str:
    from skinnet_keras.data.metadata import read_site

    return read_site(text)


Age = Annotated[
    float | None, typer.Option(parser=_age, metavar="<years>", help="Age of the patient in years.")
]
Sex = Annotated[str | None, typer.Option(parser=_sex, metavar="<text>", help="female or male.")]
Site = Annotated[
    str | None,
    typer.Option(parser=_site, metavar="<text>", help='Anatomical site, such as "anterior torso".'),
]
