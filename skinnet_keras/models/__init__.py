"""Networks: builders from registries to plain Keras Functional models."""

from skinnet_keras.models.backbones import BACKBONES, build_backbone
from skinnet_keras.models.composite import attach_segmenter
from skinnet_keras.models.segmentation import SEGMENTERS, build_segmenter
from skinnet_keras.models.skinnet import SKINNETS, build_skinnet

__all__ = [
    "BACKBONES",
    "SEGMENTERS",
    "SKINNETS",
    "attach_segmenter",
    "build_backbone",
    "build_segmenter",
    "build_skinnet",
]
