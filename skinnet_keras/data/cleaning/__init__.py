"""Cleaning of dermoscopic images: every step an option of the config, all off by default.

The paper removes "black areas, markings and other medical attributes" from some images without
saying how; here each step is an ablation.
"""

from skinnet_keras.data.cleaning.apply import METHODS_VERSION, clean

__all__ = ["METHODS_VERSION", "clean"]
