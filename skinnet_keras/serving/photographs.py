"""Photographs and a patient as the inputs of a served signature, and its outputs by class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from skinnet_keras.data.image_io import read_image, resize_image
from skinnet_keras.data.metadata import MetadataEncoder, read_age, read_sex, read_site
from skinnet_keras.data.photograph_bytes import upright_bytes
from skinnet_keras.errors import UserError
from skinnet_keras.export.image_bytes.metadata import UNKNOWN_AGE
from skinnet_keras.inference.sidecar import METADATA_FILE, Sidecar
from skinnet_keras.inference.signature_names import IMAGE_BYTES_SIGNATURE, SIGNATURE
from skinnet_keras.serving.served_model import ServingClient, Signature
from skinnet_keras.taxonomy import CLASSES, LABELS


@dataclass(frozen=True)
class ServedPrediction:
    """What a server says about one photograph.

    Attributes:
        image: The image file.
        probabilities: Class -> probability.
        mask: float32 array (S, S), lesion probability of each pixel; None for a bare classifier,
            or where it was not asked for.
        decision: What the thresholds of a calibrated model decide for; None where they are not
            known.
        abstain: Whether the model is too uncertain to decide; None where it does not say.
    """

    image: Path
    probabilities: dict[str, float]
    mask: np.ndarray | None
    decision: str | None
    abstain: bool | None


def predict_photographs(
    client: ServingClient,
    images: Sequence[Path],
    *,
    age: float | str | None = None,
    sex: str | None = None,
    site: str | None = None,
    signature: str = IMAGE_BYTES_SIGNATURE,
    with_mask: bool = True,
    sidecar: Sidecar | None = None,
) -> list[ServedPrediction]:
    """Let a server predict photographs of one patient's lesion.

    Everything the server would refuse, and with it a batch of others' requests, is checked here.

    Args:
        client: The connection.
        images: JPEG, PNG, BMP or TIFF files; the EXIF orientation is applied here.
        age: Age in years, by the rules of `skinnet_keras.data.metadata`; None when unknown.
        sex: "female" or "male"; None when unknown.
        site: One of `skinnet_keras.data.metadata.SITES`; None when unknown.
        signature: "serve_image_bytes" sends files, "serving_default" the tensors of the canonical
            preprocessing.
        with_mask: Whether the lesion's mask is asked for.
        sidecar: Of the export's `metadata.json`: classes and thresholds; None for the classes of
            ISIC-2019 alone.

    Raises:
        UserError: An unreadable file, an unknown word, a model that takes a mask or was trained
            on cleaned images, or any trouble with the server.
    """
    # Sent as read: servers of earlier exports know fewer words for what is missing.
    years, sex, site = read_age(age), read_sex(sex), read_site(site)
    inputs: dict[str, Any]
    if signature == IMAGE_BYTES_SIGNATURE:
        inputs = {
            "image_bytes": [upright_bytes(image) for image in images],
            "age": np.full(len(images), UNKNOWN_AGE if years is None else years, np.float32),
            "sex": [sex] * len(images),
            "site": [site] * len(images),
        }
    else:
        size = _image_size(client.signature(signature))
        pixels = [resize_image(read_image(image), size) for image in images]
        inputs = {
            "image": np.stack(pixels).astype(np.float32),
            "metadata": np.tile(MetadataEncoder().encode(years, sex, site), (len(images), 1)),
        }
    asked = client.signature(signature)
    _refuse_cleaning(client, signature, sidecar)
    if unknown := sorted(set(asked.inputs) - set(inputs)):
        raise UserError(
            f"The signature {signature!r} of {client.model} needs {', '.join(unknown)}, which a "
            "photograph does not give: use the end-to-end model."
        )
    inputs = {name: inputs[name] for name in asked.inputs}
    names = [name for name in asked.outputs if with_mask or name != "mask"]
    outputs = client.predict(inputs, signature, outputs=names)
    return _predictions(images, outputs, sidecar)


def _refuse_cleaning(client: ServingClient, signature: str, sidecar: Sidecar | None) -> None:
    """Refuse a model that sees cleaned images, which this client does not clean."""
    if sidecar is not None:
        if steps := sidecar.cleaning.steps:
            raise UserError(
                f"The model was trained on cleaned images ({', '.join(steps)}), which this client "
                "does not clean: use `skinnet predict`."
            )
        return
    if signature != SIGNATURE or client.has_signature(IMAGE_BYTES_SIGNATURE):
        return
    # Exports leave it out for models that take the mask, which their inputs tell, and for those
    # that were trained with cleaning (`export.image_bytes.endpoint`).
    if "mask" not in client.signature(signature).inputs:
        raise UserError(
            f"{client.model} has no signature {IMAGE_BYTES_SIGNATURE!r}, so it may see cleaned "
            f"images, which this client does not clean: give the {METADATA_FILE} of its export."
        )


def _image_size(signature: Signature) -> int:
    shape = signature.inputs.get("image", ())
    if len(shape) != 4 or shape[1] != shape[2] or shape[1] < 1:
        raise UserError("The served model takes no square image of a fixed size.")
    return shape[1]


def _predictions(
    images: Sequence[Path], outputs: dict[str, np.ndarray], sidecar: Sidecar | None
) -> list[ServedPrediction]:
    diagnosis, mask, abstain = (outputs.get(name) for name in ("diagnosis", "mask", "abstain"))
    for output, dimensions in ((diagnosis, 2), (mask, 4), (abstain, 2)):
        if output is None:
            continue
        if output.ndim != dimensions or len(output) != len(images) or not output.size:
            raise UserError("The server's answer has other shapes than those of our models.")
    if diagnosis is None:
        raise UserError("The server gives no probabilities of these images: is it our model?")
    if not np.isfinite(diagnosis).all():
        raise UserError("The server gives probabilities that are not finite: the model is broken.")
    classes = _class_names(diagnosis.shape[1], sidecar)
    thresholds = sidecar.thresholds if sidecar else None
    predictions = []
    for i, image in enumerate(images):
        values = [float(value) for value in diagnosis[i]]
        probabilities = dict(zip(classes, values, strict=True))
        predictions.append(
            ServedPrediction(
                image=image,
                probabilities=probabilities,
                mask=None if mask is None else mask[i, ..., 0],
                decision=None if thresholds is None else thresholds.choose(probabilities),
                abstain=None if abstain is None else bool(abstain[i, 0] >= 0.5),
            )
        )
    return predictions


def _class_names(count: int, sidecar: Sidecar | None) -> tuple[str, ...]:
    for names in (sidecar.classes,) if sidecar else (CLASSES, LABELS):
        if len(names) == count:
            return names
    raise UserError(
        f"The server gives {count} probabilities, and their classes are not known: give the "
        f"{METADATA_FILE} of the export it serves."
    )
