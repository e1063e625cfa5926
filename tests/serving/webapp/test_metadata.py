"""The page encodes a patient as `MetadataEncoder` does."""

from __future__ import annotations

import itertools
import json

import numpy as np

from skinnet_keras.data.metadata import MAX_AGE, SEXES, SITES, MetadataEncoder

LAYOUT = [entry["name"] for entry in MetadataEncoder().layout()]


def test_equals_the_encoder_on_every_kind_of_patient(node):
    ages = (None, 0, 0.5, 33, 57.3, 99, 100, 101, MAX_AGE)
    patients = [
        {"age": age, "sex": sex, "site": site}
        for age, sex, site in itertools.product(ages, ("", *SEXES), ("", *SITES))
    ]
    script = f"""
import {{encodePatient}} from './metadata.js';
const found = {json.dumps(patients)}.map((patient) =>
  Array.from(encodePatient({json.dumps(LAYOUT)}, patient)));
console.log(JSON.stringify(found));
"""
    expected = [MetadataEncoder().encode(p["age"], p["sex"], p["site"]) for p in patients]
    np.testing.assert_array_equal(np.array(node(script), np.float32), np.array(expected))


def test_knows_the_sites_the_sexes_and_the_oldest_age(node):
    script = f"""
import {{MAX_AGE, SEXES, sitesOf}} from './metadata.js';
console.log(JSON.stringify([MAX_AGE, SEXES, sitesOf({json.dumps(LAYOUT)})]));
"""
    assert node(script) == [MAX_AGE, list(SEXES), list(SITES)]


def test_an_impossible_age_is_an_error(node):
    script = f"""
import {{encodePatient}} from './metadata.js';
const refused = [-1, 121, NaN].map((age) => {{
  try {{
    encodePatient({json.dumps(LAYOUT)}, {{age, sex: '', site: ''}});
    return false;
  }} catch (error) {{
    return error instanceof RangeError;
  }}
}});
console.log(JSON.stringify(refused));
"""
    assert node(script) == [True, True, True]
