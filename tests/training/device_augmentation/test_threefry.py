from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ks_2samp

from skinnet_keras.data.samples import augmentation_keys
from skinnet_keras.training.device_augmentation.threefry import threefry, uniform


@pytest.mark.parametrize(
    ("key", "counter", "expected"),
    # Known answers of the authors' library Random123 for threefry2x32 with 20 rounds.
    [
        ((0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
        ((0xFFFFFFFF,) * 2, (0xFFFFFFFF,) * 2, (0x1CB996FC, 0xBB002BE7)),
        ((0x13198A2E, 0x03707344), (0x243F6A88, 0x85A308D3), (0xC4923A9C, 0x483DF7A0)),
    ],
)
def test_published_answers(key, counter, expected):
    key, counter = ([np.array([word], dtype="uint32") for word in pair] for pair in (key, counter))
    assert tuple(int(np.asarray(word)[0]) for word in threefry(key, counter)) == expected


def test_numbers_are_uniform_and_belong_to_their_key():
    keys = augmentation_keys(seed=0, epoch=0, indices=np.arange(500))
    numbers = np.asarray(uniform(keys, 101))
    assert numbers.shape == (500, 101)
    assert numbers.min() >= 0
    assert numbers.max() < 1
    assert ks_2samp(numbers.ravel(), np.linspace(0, 1, 50_000)).pvalue > 1e-3
    correlation = np.corrcoef(numbers, rowvar=False) - np.eye(101)
    assert np.abs(correlation).max() < 5 / np.sqrt(500)
    np.testing.assert_array_equal(np.asarray(uniform(keys[7:9], 101)), numbers[7:9])
    np.testing.assert_array_equal(np.asarray(uniform(keys[:1], 1)), numbers[:1, :1])


def test_keys_differ_between_seeds_epochs_and_indices():
    indices = np.array([0, 1, 2**40])
    all_keys = [
        augmentation_keys(seed=seed, epoch=epoch, indices=indices)
        for seed in (0, 2**40)
        for epoch in (0, 1)
    ]
    assert len(np.unique(np.concatenate(all_keys), axis=0)) == 12
    assert all_keys[0].dtype == np.uint32
    np.testing.assert_array_equal(
        augmentation_keys(seed=0, epoch=0, indices=indices[1:2]), all_keys[0][1:2]
    )
