"""What the page reads about its model: `model/model.json`."""

from __future__ import annotations

from typing import Any

import skinnet_keras
from skinnet_keras.data.image_io import MAX_PIXELS
from skinnet_keras.serving.webapp.model import WebModel

MODEL_FOLDER = "model"
SETTINGS_FILE = f"{MODEL_FOLDER}/model.json"


def page_settings(model: WebModel) -> dict[str, Any]:
    """Pick what the page needs; the rest of `metadata.json` stays at home.

    Args:
        model: The model of the page.

    Returns:
        Plain JSON values: `name`, `precision`, `file` (relative to the page), `bytes`, `classes`,
        `image_size` (pixels), `max_pixels` (of a photograph), `mask_threshold` (lesion
        probability), `outputs` (names), `metadata_layout` (names of the floats in order),
        `decision_thresholds` (one a class, or null) and `package_version`.
    """
    return {
        "name": model.name,
        "precision": model.precision,
        "file": f"{MODEL_FOLDER}/{model.file.name}",
        "bytes": model.file.stat().st_size,
        "classes": model.metadata["classes"],
        "image_size": model.image_size,
        "max_pixels": MAX_PIXELS,
        "mask_threshold": model.metadata["mask_threshold"],
        "outputs": sorted(model.outputs),
        "metadata_layout": [entry["name"] for entry in model.metadata["metadata_layout"]],
        "decision_thresholds": None if model.thresholds is None else list(model.thresholds),
        "package_version": skinnet_keras.__version__,
    }
