"""The mean over mirrored and turned views, worked out without the package's own views."""

from __future__ import annotations

import numpy as np

from skinnet_keras.data.cache import open_cache
from skinnet_keras.data.metadata import MetadataEncoder
from skinnet_keras.runs.masks import PredictedMasks
from skinnet_keras.runs.run import Run


def mean_over_eight_views(run: Run, image_ids: list[str]) -> np.ndarray:
    """Eight views turned with NumPy, image by image, through the model files."""
    from skinnet_keras.inference.run_models import RunModels

    models = RunModels.load(run.directory)
    catalogue = run.load_catalogue()
    cache = open_cache(catalogue, run.config.image_size, cleaning=run.config.cleaning)
    table = catalogue.table.set_index("image_id").loc[image_ids]
    images = cache.images[cache.rows(image_ids)]
    joint = run.config.tunes_segmenter
    model = models.end_to_end() if joint else models.classifier
    names = [tensor.name for tensor in model.inputs]
    assert ("mask" in names) == (run.config.uses_mask and not joint)
    masks = PredictedMasks.open(run.directory).of(image_ids) if "mask" in names else []
    total = 0.0
    for turns in range(4):
        for flip in (np.array, np.fliplr):
            inputs = {
                "image": [np.rot90(flip(image), turns) for image in images],
                "mask": [np.rot90(flip(mask), turns)[..., None] for mask in masks],
                "metadata": MetadataEncoder().encode_table(table),
            }
            batch = {name: np.array(inputs[name], "float32") for name in names}
            total = total + np.asarray(model(batch, training=False)["diagnosis"])
    return total / 8
