"""The nine labels and the rare classes."""

from __future__ import annotations

CLASSES = ("MEL", "NV", "BCC", "AK", "BKL", "DF", "VASC", "SCC")
"""The eight classes of the result tables, in the order of ISIC-2019."""

UNK = "UNK"
"""A known diagnosis outside the eight classes: the ninth class of ISIC-2019."""

LABELS = (*CLASSES, UNK)

RARE_5 = ("AK", "BKL", "DF", "VASC", "SCC")
"""Rare classes as the paper's text lists them."""

RARE_4 = ("AK", "DF", "VASC", "SCC")
"""Rare classes that fit the counts of the paper's table 6: without BKL."""
