"""Trainable parameters of the twelve networks at 224, RGB, one class.

The counts of eleven are those of the authors' own code, less the weights that no output of it
uses (TransCeption, TransFuse-S, MISSFormer); the Split-Attention U-Net has no public code.
"""

from __future__ import annotations

import pytest

from parameter_counts import build_shapes, trainable
from skinnet_keras.models import SEGMENTERS

COUNTS = {
    "unet": 34_527_041,
    "r2_unet": 39_091_393,
    "attention_unet": 34_878_573,
    "attention_r2_unet": 39_442_925,
    "transunet": 105_275_921,
    "transception": 38_141_249,
    "transfuse": 26_249_877,
    "transdeeplab": 21_142_140,
    "malunet": 177_943,
    "dcsau_net": 2_598_785,
    "missformer": 35_452_225,
    "split_attention_unet": 1_039_427,
}


def test_registry_holds_the_twelve_networks():
    assert set(SEGMENTERS) == set(COUNTS)


@pytest.mark.parametrize("name", COUNTS)
def test_network_has_the_reference_s_number_of_parameters(name, record_property):
    parameters = trainable(build_shapes(name))
    record_property("parameters", parameters)
    record_property("reference", COUNTS[name])
    assert parameters == COUNTS[name]
