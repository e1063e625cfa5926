"""Requests that TensorFlow Serving plays back while it loads a model, so the first one is fast.

`<version>/assets.extra/tf_serving_warmup_requests`: a TFRecord of `PredictionLog` messages, one a
signature, of a generated lesion. A model whose warm-up fails is not loaded by the server, so the
requests are replayed at export.
"""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
from PIL import Image

from skinnet_keras.data.image_io import resize_image, resize_mask
from skinnet_keras.data.metadata import MetadataEncoder
from skinnet_keras.data.synthetic import generate_lesion
from skinnet_keras.errors import UserError
from skinnet_keras.export.image_bytes.endpoint import image_bytes_inputs
from skinnet_keras.inference.savedmodel_runner import SavedModelRunner
from skinnet_keras.inference.signature_names import IMAGE_BYTES_SIGNATURE, SIGNATURE

WARMUP_FILE = "assets.extra/tf_serving_warmup_requests"
"""Where the server looks, below a version's folder."""

_AGE, _SEX, _SITE = 45.0, "female", "anterior torso"
_PHOTOGRAPH = (600, 450)


def can_write_warmup() -> bool:
    """Tell whether the messages' definitions (tensorflow-serving-api) are installed."""
    return importlib.util.find_spec("tensorflow_serving") is not None


def warmup_requests(model: keras.Model, *, image_bytes: bool) -> dict[str, dict[str, Any]]:
    """Make one request for each signature of a model.

    Args:
        model: The exported Keras model, of a fixed image size.
        image_bytes: Whether it has `serve_image_bytes`.

    Returns:
        Name of the signature -> name of the input -> array with a batch of 1.
    """
    size = next(tensor for tensor in model.inputs if tensor.name == "image").shape[1]
    lesion = generate_lesion(0, size=_PHOTOGRAPH)[0]
    tensors = {
        "image": resize_image(lesion.image, size).astype(np.float32),
        "mask": resize_mask(lesion.mask, size)[..., None].astype(np.float32),
        "metadata": MetadataEncoder().encode(_AGE, _SEX, _SITE),
    }
    requests = {SIGNATURE: {tensor.name: tensors[tensor.name][None] for tensor in model.inputs}}
    if image_bytes:
        stream = io.BytesIO()
        Image.fromarray(lesion.image).save(stream, format="JPEG", quality=90)
        values = {
            "image_bytes": np.array([stream.getvalue()], dtype=object),
            "age": np.array([_AGE], np.float32),
            "sex": np.array([_SEX.encode()], dtype=object),
            "site": np.array([_SITE.encode()], dtype=object),
        }
        requests[IMAGE_BYTES_SIGNATURE] = {name: values[name] for name in image_bytes_inputs(model)}
    return requests


def write_warmup(
    version: Path, model_name: str, requests: Mapping[str, Mapping[str, np.ndarray]]
) -> None:
    """Write the warm-up requests of a SavedModel.

    Args:
        version: Its folder.
        model_name: Name under which it is served.
        requests: As `warmup_requests` makes them.

    Raises:
        ImportError: tensorflow-serving-api (the extra `serving`) is not installed.
    """
    import tensorflow as tf
    from tensorflow_serving.apis import prediction_log_pb2

    file = version / WARMUP_FILE
    file.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(file)) as writer:
        for signature, inputs in requests.items():
            log = prediction_log_pb2.PredictionLog()
            request = log.predict_log.request
            request.model_spec.name = model_name
            request.model_spec.signature_name = signature
            for name, value in inputs.items():
                request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
            writer.write(log.SerializeToString())


def read_warmup(version: Path) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
    """Read warm-up requests back: name of the signature, and name -> array of its inputs."""
    import tensorflow as tf
    from tensorflow_serving.apis import prediction_log_pb2

    for record in tf.data.TFRecordDataset(str(version / WARMUP_FILE)).as_numpy_iterator():
        request = prediction_log_pb2.PredictionLog.FromString(record).predict_log.request
        inputs = {name: tf.make_ndarray(proto) for name, proto in request.inputs.items()}
        yield request.model_spec.signature_name, inputs


def replay_warmup(runner: SavedModelRunner, version: Path) -> int:
    """Run the warm-up requests as the server will.

    Args:
        runner: The SavedModel.
        version: Its folder.

    Returns:
        The number of requests.

    Raises:
        UserError: A request fails or its answer is not finite: the server would not load the
            model.
    """
    count = 0
    for signature, inputs in read_warmup(version):
        outputs = runner.call_signature(signature, inputs)
        if not all(np.isfinite(values).all() for values in outputs.values()):
            raise UserError(f"The warm-up of {signature!r} gives values that are not numbers.")
        count += 1
    return count
