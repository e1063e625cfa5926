"""`data.metadata.MetadataEncoder` inside the serving graph."""

from __future__ import annotations

from typing import Any

from skinnet_keras.data.metadata import MAX_AGE, MISSING, SEXES, SITES

UNKNOWN_AGE = -1.0
"""Stands for a missing age, as JSON has no NaN; NaN does, too."""


def encode_metadata(age: Any, sex: Any, site: Any) -> Any:
    """Encode patients as `MetadataEncoder.encode` does, without lookup tables.

    Args:
        age: float32 tensor (B,), years 0..120; NaN or `UNKNOWN_AGE` when missing.
        sex: string tensor (B,), "female" or "male"; "" or "unknown" when missing.
        site: string tensor (B,), one of `SITES`; "" or "unknown" when missing. Case and
            surrounding spaces do not matter.

    Returns:
        float32 tensor (B, 14). A value that the Python encoder refuses makes the request fail
        with INVALID_ARGUMENT, which names it: a misspelt word must not pass for a missing one.
    """
    import tensorflow as tf

    missing = tf.math.is_nan(age) | tf.equal(age, UNKNOWN_AGE)
    possible = missing | ((age >= 0.0) & (age <= MAX_AGE))
    wrong = tf.strings.as_string(age, shortest=True)
    advice = f" is not a number of years between 0 and {MAX_AGE:g}: send -1 when it is not known."
    refusals = [_refuse(possible, "The age ", wrong, advice)]
    columns = [tf.where(missing, 0.0, tf.minimum(age / 100.0, 1.0)), tf.cast(missing, tf.float32)]
    parts = [tf.stack(columns, axis=1)]
    for field, words, known in (("sex", sex, SEXES), ("site", site, SITES)):
        plain = tf.strings.lower(tf.strings.strip(words))
        hits = tf.equal(plain[:, None], tf.constant(known)[None])
        absent = tf.reduce_any(tf.equal(plain[:, None], tf.constant(MISSING)[None]), axis=1)
        advice = f"' is not known: use one of {', '.join(known)}, or leave it empty."
        found = tf.reduce_any(hits, axis=1) | absent
        refusals.append(_refuse(found, f"The {field} '", plain, advice))
        parts += [tf.cast(hits, tf.float32), tf.cast(absent[:, None], tf.float32)]
    with tf.control_dependencies(refusals):
        return tf.concat(parts, axis=1)


def _refuse(good: Any, start: str, words: Any, end: str) -> Any:
    """Fail the request with a sentence about the first row that is not good."""
    import tensorflow as tf

    first = tf.strings.reduce_join(tf.boolean_mask(words, ~good)[:1])
    return tf.debugging.Assert(tf.reduce_all(good), [tf.strings.join([start, first, end])])
