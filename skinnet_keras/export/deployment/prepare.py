"""Make a converted SavedModel ready for TensorFlow Serving, and see that it works there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import keras

from skinnet_keras.export.deployment.configs import served_name
from skinnet_keras.export.deployment.warmup import (
    can_write_warmup,
    replay_warmup,
    warmup_requests,
    write_warmup,
)
from skinnet_keras.export.image_bytes.check import (
    ImageBytesParity,
    Photograph,
    check_image_bytes,
)
from skinnet_keras.inference.savedmodel_runner import SavedModelRunner
from skinnet_keras.inference.signature_names import IMAGE_BYTES_SIGNATURE

NO_WARMUP = (
    "The SavedModels have no warm-up requests, so a server's first answers are slow: install "
    "tensorflow-serving-api (the extra 'serving') and export again to have them."
)


def prepare_serving(
    runner: SavedModelRunner,
    model: keras.Model,
    version: Path,
    *,
    name: str,
    kind: str,
    photographs: Sequence[Photograph],
) -> ImageBytesParity | None:
    """Add warm-up requests to a SavedModel, replay them, and check `serve_image_bytes`.

    Args:
        runner: The SavedModel, opened.
        model: The Keras model it was made from.
        version: Its folder.
        name: Name of the exported model.
        kind: "classifier" or "end_to_end".
        photographs: Original files for the check.

    Returns:
        How closely `serve_image_bytes` follows the Python path; None without that signature.

    Raises:
        UserError: A server would refuse the model, or it computes something else.
    """
    if can_write_warmup():
        image_bytes = IMAGE_BYTES_SIGNATURE in runner.signatures
        requests = warmup_requests(model, image_bytes=image_bytes)
        write_warmup(version, served_name(name, kind), requests)
        replay_warmup(runner, version)
    return check_image_bytes(runner, f"The SavedModel {kind!r}", photographs)
