"""Names of the signatures of exported SavedModels, for clients that have no TensorFlow."""

from __future__ import annotations

SIGNATURE = "serving_default"
"""Takes batched tensors by name."""

IMAGE_BYTES_SIGNATURE = "serve_image_bytes"
"""Takes photographs as files, and the patient's age, sex and site."""
