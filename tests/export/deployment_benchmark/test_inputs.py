"""The pictures that artefacts are measured on."""

from __future__ import annotations

import numpy as np

from skinnet_keras.data.metadata import METADATA_DIM
from skinnet_keras.export.deployment_benchmark.inputs import COUNT, InputFiles, make_inputs


def test_inputs_are_pictures_of_the_size_and_always_the_same():
    inputs = make_inputs(40)
    assert {name: values.shape for name, values in inputs.items()} == {
        "image": (COUNT, 40, 40, 3),
        "mask": (COUNT, 40, 40, 1),
        "metadata": (COUNT, METADATA_DIM),
    }
    assert all(values.dtype == np.float32 for values in inputs.values())
    assert inputs["image"].max() > 100
    assert len({image.tobytes() for image in inputs["image"]}) == COUNT
    assert set(np.unique(inputs["mask"])) == {0.0, 1.0}
    again = make_inputs(40)
    for name, values in inputs.items():
        np.testing.assert_array_equal(again[name], values)


def test_a_file_is_written_once_a_size(tmp_path):
    files = InputFiles(tmp_path)
    path = files.of_size(24)
    written = path.stat().st_mtime_ns
    assert files.of_size(24) == path
    assert path.stat().st_mtime_ns == written
    assert files.of_size(16) != path
    with np.load(path) as arrays:
        np.testing.assert_array_equal(arrays["image"], make_inputs(24)["image"])
