"""Random numbers without a state: Threefry-2x32, a counter-based generator, in `keras.ops`.

Each image brings a key of its own, so its numbers do not depend on the batch it is in, on the
number of devices or on the backend. Source: Salmon et al. (2011), "Parallel random numbers: as
easy as 1, 2, 3", section 3.2; 20 rounds, as `jax.random` has them.
"""

from __future__ import annotations

import numpy as np
from keras import ops

_ROTATIONS = (13, 15, 26, 6, 17, 29, 16, 24)
_PARITY = np.uint32(0x1BD11BDA)
_ROUNDS = 20


def threefry(key, counter):
    """Encrypt 64-bit counters.

    Args:
        key: Two uint32 tensors, the words of the key.
        counter: Two uint32 tensors, the words of the counter, of a shape that broadcasts.

    Returns:
        Two uint32 tensors of random bits.
    """
    keys = [*key, ops.bitwise_xor(ops.bitwise_xor(key[0], key[1]), _constant(_PARITY))]
    a, b = ops.add(counter[0], keys[0]), ops.add(counter[1], keys[1])
    for number in range(_ROUNDS):
        a = ops.add(a, b)
        b = ops.bitwise_xor(a, _rotate(b, _ROTATIONS[number % len(_ROTATIONS)]))
        if number % 4 == 3:
            injection = number // 4 + 1
            a = ops.add(a, keys[injection % 3])
            b = ops.add(b, keys[(injection + 1) % 3])
            b = ops.add(b, _constant(np.uint32(injection)))
    return a, b


def uniform(key, count: int):
    """Draw numbers that are uniform in [0, 1).

    Args:
        key: uint32 (B, 2).
        count: Numbers n for each key.

    Returns:
        float32 (B, n), multiples of 2**-24. Row b depends on `key[b]` only.
    """
    blocks = _constant(np.arange(-(-count // 2), dtype=np.uint32)[None])
    bits = threefry((key[:, :1], key[:, 1:]), (blocks, ops.zeros_like(blocks)))
    bits = ops.right_shift(ops.concatenate(bits, axis=1)[:, :count], _constant(np.uint32(8)))
    return ops.cast(bits, "float32") * 2.0**-24


def _rotate(words, distance: int):
    left = ops.left_shift(words, _constant(np.uint32(distance)))
    return ops.bitwise_or(left, ops.right_shift(words, _constant(np.uint32(32 - distance))))


def _constant(value: np.ndarray | np.uint32):
    return ops.convert_to_tensor(value, "uint32")
