"""TFLite files for phones and browsers: static batch of 1, built-in operators only."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import keras

from skinnet_keras.errors import UserError
from skinnet_keras.export.nearest_upsampling import with_delegated_upsampling
from skinnet_keras.export.quantization import Representative, quantize
from skinnet_keras.export.savedmodel import write_savedmodel
from skinnet_keras.inference.signature_names import SIGNATURE

PRECISIONS = ("float32", "float16", "int8")
"""How the weights are stored; with int8 the activations, too. Inputs and outputs are float32."""

DEFAULT_PRECISIONS = ("float32", "float16")
"""Those that need no labelled images to be judged by."""


def write_tflite(
    model: keras.Model,
    path: Path,
    *,
    precision: str,
    representative: Representative | None = None,
) -> None:
    """Convert a model to one `.tflite` file.

    The batch is fixed to 1, because a dynamic one splits the graph into many delegate pieces.
    The signature `serving_default` finds inputs and outputs by the model's names.

    Args:
        model: A Functional model with float32 inputs and outputs.
        path: File to write.
        precision: "float32", "float16" for weights of half the size, or "int8" for weights of a
            quarter and integer arithmetic.
        representative: Images to measure the ranges of activations on, for int8.

    Raises:
        UserError: The model needs operators that TFLite does not have built in.
        ValueError: An unknown precision, int8 without images, or images without int8.
    """
    import tensorflow as tf
    from tensorflow.lite.python.convert_phase import ConverterError

    if precision not in PRECISIONS:
        raise ValueError(f"unknown precision {precision!r}: choose one of {list(PRECISIONS)}.")
    if (precision == "int8") != (representative is not None):
        raise ValueError("representative images go with int8, and only with it.")
    with tempfile.TemporaryDirectory() as folder:
        model = with_delegated_upsampling(model)
        # Straight from the Keras model the converter loses the names of inputs and outputs.
        write_savedmodel(model, Path(folder), batch_size=1)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=[SIGNATURE])
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        if precision == "float16":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.target_spec.supported_types = [tf.float16]
        try:
            content = quantize(converter, representative) if representative else converter.convert()
        except ConverterError as error:
            operators = sorted(set(re.findall(r"'(tf\.\w+)' op is neither", str(error))))
            raise UserError(
                f"The model {model.name!r} cannot be converted to TFLite: it needs operators that "
                f"are not built in ({', '.join(operators) or 'see the messages above'})."
            ) from error
    foreign = custom_operators(content)
    if foreign:
        raise UserError(
            f"The model {model.name!r} needs operators that are not built into TFLite "
            f"({', '.join(foreign)}): phones and browsers could not run it."
        )
    path.write_bytes(content)


def custom_operators(content: bytes) -> list[str]:
    """List the operators of a `.tflite` file that are not built in (Flex and custom ones)."""
    from ai_edge_litert import schema_py_generated as schema

    model = schema.Model.GetRootAs(content, 0)
    codes = [model.OperatorCodes(i) for i in range(model.OperatorCodesLength())]
    return sorted(code.CustomCode().decode() for code in codes if code.CustomCode())
