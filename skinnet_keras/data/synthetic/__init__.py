"""Synthetic dermoscopy: lesions of the eight or nine ISIC-2019 classes with exact masks.

The demo and the tests run on these images; they stand for no patient and serve no diagnosis.
A lesion is a set of functions of lesion coordinates (outline, pigment, blood, scale), a view is
a map from pixels to those coordinates, so several photographs of one lesion agree and the mask
is exact at every image size. The classes share their colours (a brown and a pink family) and
differ in outline, border and texture; `scripts/benchmarks/synthetic_difficulty.py` measures it.
"""

from __future__ import annotations

from skinnet_keras.data.synthetic.generate import SyntheticImage, class_of, generate_lesion
from skinnet_keras.data.synthetic.writer import write_synthetic

__all__ = ["SyntheticImage", "class_of", "generate_lesion", "write_synthetic"]
