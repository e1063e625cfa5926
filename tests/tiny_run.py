"""A finished run on a dozen generated pictures, with networks of a few hundred parameters."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from skinnet_keras.config import CleaningConfig, Config
from skinnet_keras.data.catalogue import COLUMNS, Catalogue
from skinnet_keras.taxonomy import CLASSES

SIZE = 32
IMAGES = 12


def draw_picture(seed: int, shape: tuple[int, int] = (48, 64)) -> tuple[np.ndarray, np.ndarray]:
    """A dark disc on bright skin, and its mask."""
    rng = np.random.default_rng(seed)
    height, width = shape
    y, x = np.mgrid[:height, :width]
    centre = rng.uniform(0.4, 0.6, 2) * shape
    disc = np.hypot(y - centre[0], x - centre[1]) < rng.uniform(0.15, 0.3) * height
    skin, lesion = rng.uniform(170, 230, 3), rng.uniform(20, 90, 3)
    pixels = np.where(disc[..., None], lesion, skin) + rng.normal(0, 2, (*shape, 3))
    return pixels.clip(0, 255).astype(np.uint8), disc.astype(np.uint8)


def make_catalogue(root: Path, images: int = IMAGES) -> Catalogue:
    """A catalogue of a few pictures with masks, in all three splits."""
    source = root / "source"
    source.mkdir(parents=True)
    rows = []
    for i in range(images):
        pixels, mask = draw_picture(i)
        Image.fromarray(pixels).save(source / f"p{i}.png")
        Image.fromarray(mask * 255).save(source / f"p{i}_mask.png")
        rows.append(
            dict.fromkeys(COLUMNS, "")
            | {
                "image_id": f"tiny:p{i}",
                "source": "tiny",
                "path": f"p{i}.png",
                "mask_path": f"p{i}_mask.png",
                "label": CLASSES[i % len(CLASSES)],
                "age": str(30 + i) if i % 3 else "",
                "sex": ("female", "male", "")[i % 3],
                "group": str(i),
                "split": ("train", "val", "test")[i % 3],
            }
        )
    catalogue = Catalogue(root, pd.DataFrame(rows, columns=list(COLUMNS)), {"tiny": source})
    catalogue.write(root)
    return catalogue


def build_classifier(*, with_mask: bool = True, spread: float = 1.0, dtype: str = "float32"):
    """Mean colour, mean of the masked image and metadata to 8 classes."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(0)
    inputs = {"image": keras.Input((SIZE, SIZE, 3), name="image")}
    scaled = layers.Rescaling(1 / 255, dtype=dtype)(inputs["image"])
    x = layers.Conv2D(4, 3, strides=2, activation="relu", dtype=dtype)(scaled)
    vectors = [layers.GlobalAveragePooling2D(dtype=dtype)(x)]
    if with_mask:
        inputs["mask"] = keras.Input((SIZE, SIZE, 1), name="mask")
        lesion = layers.Multiply(dtype=dtype)([scaled, inputs["mask"]])
        vectors.append(layers.GlobalAveragePooling2D(dtype=dtype)(lesion))
    inputs["metadata"] = keras.Input((14,), name="metadata")
    x = layers.Concatenate(dtype=dtype)([*vectors, inputs["metadata"]])
    initializer = keras.initializers.RandomNormal(stddev=spread, seed=1)
    logits = layers.Dense(
        8, kernel_initializer=initializer, dtype="float32", name="diagnosis_logits"
    )(x)
    diagnosis = layers.Softmax(dtype="float32", name="diagnosis")(logits)
    return keras.Model(inputs, {"diagnosis": diagnosis}, name="tiny_classifier")


def build_positional_classifier(*, with_mask: bool = True):
    """Colours and mask of each of 16 squares to 8 classes: it minds how an image is turned."""
    import keras
    from keras import layers

    inputs = {"image": keras.Input((SIZE, SIZE, 3), name="image")}
    pixels = layers.Rescaling(1 / 255)(inputs["image"])
    if with_mask:
        inputs["mask"] = keras.Input((SIZE, SIZE, 1), name="mask")
        pixels = layers.Concatenate()([pixels, inputs["mask"]])
    inputs["metadata"] = keras.Input((14,), name="metadata")
    squares = layers.Flatten()(layers.AveragePooling2D(SIZE // 4)(pixels))
    initializer = keras.initializers.RandomNormal(stddev=0.5, seed=2)
    diagnosis = layers.Dense(8, "softmax", kernel_initializer=initializer, name="diagnosis")(
        layers.Concatenate()([squares, inputs["metadata"]])
    )
    return keras.Model(inputs, {"diagnosis": diagnosis}, name="positional_classifier")


def build_segmenter(*, level: float = 0.5, size: int = SIZE):
    """Dark pixels are lesion: logit = 10 (level - mean of the channels in 0..1)."""
    import keras
    from keras import layers

    image = keras.Input((size, size, 3), name="image")
    scaled = layers.Rescaling(1 / 255)(image)
    logits = layers.Conv2D(
        1,
        1,
        kernel_initializer=keras.initializers.Constant(-10 / 3),
        bias_initializer=keras.initializers.Constant(10 * level),
        name="mask_logits",
    )(scaled)
    return keras.Model({"image": image}, {"mask_logits": logits}, name="tiny_segmenter")


def make_run(
    root: Path,
    *,
    variant: str = "v2",
    segmenter: bool = True,
    classifier=None,
    cleaning: CleaningConfig | None = None,
) -> Path:
    """A finished run directory; `classifier` replaces the tiny one."""
    from skinnet_keras.runs.run import Run

    catalogue = make_catalogue(root / "data")
    stages = {"cnn": {"epochs": 1}} | ({"segmentation": {"epochs": 1}} if segmenter else {})
    config = Config.model_validate(
        {
            "name": f"tiny_{variant}",
            "image_size": SIZE,
            "cleaning": cleaning or CleaningConfig(),
            "model": {"variant": variant},
            "segmenter": {} if segmenter else None,
            "stages": stages,
        }
    )
    run = Run.create(root / "run", config, catalogue)
    model = classifier or build_classifier(with_mask=variant != "v1")
    model.save(run.directory / "best.keras")
    if segmenter:
        build_segmenter().save(run.directory / "segmenter.keras")
    return run.directory
