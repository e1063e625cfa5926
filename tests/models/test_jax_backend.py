"""The networks on the JAX backend; Keras fixes its backend at import, hence other processes."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys

import numpy as np
import pytest

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("jax") is None, reason="jax is not installed"
)

BUILD = """
import sys
import keras
from skinnet_keras.models import SKINNETS, attach_segmenter, build_segmenter

assert keras.backend.backend() == "jax"
assert "tensorflow" not in sys.modules
segmenter = build_segmenter("split_attention_unet", image_size=224)
for variant, build in SKINNETS.items():
    model = attach_segmenter(build(image_size=224), segmenter)
    assert model.output["diagnosis"].shape == (None, 8)
    assert model.output["mask"].shape == (None, 224, 224, 1)
    print(variant, model.count_params())
"""

PREDICT = """
import sys
import numpy as np
from skinnet_keras.models import SKINNETS

model = SKINNETS["v3"](image_size=32, backbone="mbconv_tiny", metadata_units=(16, 8))
model.load_weights(sys.argv[1])
np.save(sys.argv[3], model.predict(dict(np.load(sys.argv[2])), verbose=0)["diagnosis"])
"""


def _run_on_jax(program: str, *arguments: object) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        env={**os.environ, "KERAS_BACKEND": "jax"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.mark.slow
def test_four_models_build_at_224():
    lines = _run_on_jax(BUILD).splitlines()
    assert [line.split()[0] for line in lines] == ["v1", "v2", "v3", "v4"]


def test_jax_gives_tensorflow_s_result(tmp_path):
    from skinnet_keras.models import SKINNETS

    model = SKINNETS["v3"](image_size=32, backbone="mbconv_tiny", metadata_units=(16, 8))
    generator = np.random.default_rng(1)
    x = {
        tensor.name: generator.uniform(0, 1, (3, *tensor.shape[1:])).astype("float32")
        for tensor in model.inputs
    }
    files = [tmp_path / "w.weights.h5", tmp_path / "x.npz", tmp_path / "y.npy"]
    model.save_weights(files[0])
    np.savez(files[1], **x)
    _run_on_jax(PREDICT, *files)
    np.testing.assert_allclose(np.load(files[2]), model(x)["diagnosis"], atol=1e-5)
