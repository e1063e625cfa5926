"""Skin-lesion analysis with image, mask and metadata: the SkinNet paper in Keras 3."""

__version__ = "0.1.0"
