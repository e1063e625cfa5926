"""A finished run of a small network that was trained on generated lesions, in seconds."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pandas as pd
from keras import layers
from PIL import Image

from skinnet_keras.config import Config
from skinnet_keras.data.cache import open_cache
from skinnet_keras.data.catalogue import COLUMNS, Catalogue
from skinnet_keras.data.metadata import METADATA_DIM, MetadataEncoder
from skinnet_keras.data.synthetic.generate import generate_lesion
from skinnet_keras.models.layers import image_normalization
from skinnet_keras.runs.run import Run
from skinnet_keras.taxonomy import CLASSES

SIZE = 32
CHANNELS = 16


def make_lesions_catalogue(root: Path, *, lesions: int, training: int, size: int = SIZE):
    """Images of `lesions` generated lesions, the first `training` lesions in the training split."""
    source = root / "source"
    source.mkdir(parents=True)
    rows = []
    for index in range(lesions):
        for item in generate_lesion(index, seed=5, size=(size, size)):
            if item.copy_of:
                continue
            Image.fromarray(item.image).save(source / f"{item.name}.png")
            Image.fromarray(item.mask * 255).save(source / f"{item.name}_mask.png")
            rows.append(
                dict.fromkeys(COLUMNS, "")
                | {
                    "image_id": f"made:{item.name}",
                    "source": "made",
                    "path": f"{item.name}.png",
                    "mask_path": f"{item.name}_mask.png",
                    "label": item.diagnosis,
                    "age": item.age,
                    "sex": item.sex,
                    "site": item.site,
                    "group": item.lesion_id,
                    "split": "train" if index < training else "val",
                }
            )
    catalogue = Catalogue(root, pd.DataFrame(rows, columns=list(COLUMNS)), {"made": source})
    catalogue.write(root)
    return catalogue


def build_network() -> keras.Model:
    """Two convolutions on the image, and metadata."""
    keras.utils.set_random_seed(1)
    image = keras.Input((SIZE, SIZE, 3), name="image")
    metadata = keras.Input((METADATA_DIM,), name="metadata")
    x = image_normalization(3)(image)
    x = layers.Conv2D(CHANNELS, 3, strides=2, activation="relu", name="first")(x)
    x = layers.Conv2D(2 * CHANNELS, 3, strides=2, activation="relu", name="second")(x)
    x = layers.Dense(32, activation="relu")(layers.GlobalAveragePooling2D()(x))
    patient = layers.Dense(8, activation="relu")(metadata)
    x = layers.Concatenate()([x, patient])
    logits = layers.Dense(len(CLASSES), name="diagnosis_logits")(x)
    diagnosis = layers.Softmax(name="diagnosis")(logits)
    return keras.Model({"image": image, "metadata": metadata}, {"diagnosis": diagnosis})


def train_network(catalogue: Catalogue, *, epochs: int = 20) -> keras.Model:
    """Train on the training split."""
    model = build_network()
    table = catalogue.usable(["train"])
    cache = open_cache(catalogue, SIZE)
    inputs = {
        "image": cache.images[cache.rows(table["image_id"].tolist())].astype(np.float32),
        "metadata": MetadataEncoder().encode_table(table),
    }
    labels = np.array([CLASSES.index(label) for label in table["label"]])
    model.compile(keras.optimizers.Adam(3e-3), {"diagnosis": "sparse_categorical_crossentropy"})
    model.fit(inputs, {"diagnosis": labels}, epochs=epochs, batch_size=32, verbose=0)
    return model


def with_uneven_channels(model: keras.Model, decades: float) -> keras.Model:
    """The same function in float32, with channels whose ranges lie `decades` powers of ten apart.

    ReLU lets every channel be scaled and the next layer undo it; one scale for the whole tensor,
    as int8 has, then leaves nothing of the small ones.
    """
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    scale = np.logspace(0, decades, CHANNELS).astype(np.float32)
    kernel, bias = copy.get_layer("first").get_weights()
    copy.get_layer("first").set_weights([kernel * scale, bias * scale])
    kernel, bias = copy.get_layer("second").get_weights()
    copy.get_layer("second").set_weights([kernel / scale[:, None], bias])
    return copy


def make_lesions_run(folder: Path, catalogue: Catalogue, model: keras.Model) -> Path:
    """A finished run without a segmenter."""
    config = Config.model_validate(
        {
            "name": "lesions",
            "image_size": SIZE,
            "model": {"variant": "v1"},
            "stages": {"cnn": {"epochs": 1}},
        }
    )
    run = Run.create(folder, config, catalogue)
    model.save(run.directory / "best.keras")
    return run.directory
