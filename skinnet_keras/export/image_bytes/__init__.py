"""The signature `serve_image_bytes`: photographs and patients' words in, diagnosis out.

The canonical preprocessing (`data.image_io`, `data.metadata`) once more, as TensorFlow operators
inside the SavedModel, so that a client needs neither Pillow nor the package.
"""
