"""Segmentation networks on the JAX backend: one other process for any number of them.

Keras fixes its backend when it is imported. Run as a program, this file is that process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from segmenter_parity import Network
from skinnet_keras.models import build_segmenter


def run_on_jax(networks: Iterable[Network], folder: Path) -> None:
    """Rebuild networks on JAX, with the weights they have here, and run them on their pixels.

    Args:
        networks: Networks of different names.
        folder: Empty folder for what the two processes exchange; see `outputs_on_jax`.
    """
    arguments = {}
    for network in networks:
        model = network.model
        arguments[network.name] = network.arguments
        weights = [*model.trainable_variables, *model.non_trainable_variables]
        np.savez(folder / f"{network.name}.weights.npz", *(np.asarray(w) for w in weights))
        np.save(folder / f"{network.name}.pixels.npy", network.pixels)
    (folder / "arguments.json").write_text(json.dumps(arguments))
    done = subprocess.run(
        [sys.executable, __file__, str(folder)],
        env={**os.environ, "KERAS_BACKEND": "jax", "JAX_DISABLE_MOST_OPTIMIZATIONS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]


def outputs_on_jax(folder: Path, name: str) -> dict[str, np.ndarray]:
    """Read what a network gave on JAX; fails if it failed there.

    Args:
        folder: The folder `run_on_jax` was given.
        name: Name of the network.

    Returns:
        Name -> float32 logits (N, S, S, num_classes) of every output.
    """
    error = folder / f"{name}.error"
    assert not error.exists(), error.read_text()
    return dict(np.load(folder / f"{name}.outputs.npz"))


def _outputs(folder: Path, name: str, arguments: dict[str, Any]) -> dict[str, np.ndarray]:
    import jax

    # Shapes only: drawing the fresh weights, which nobody needs, takes longer than all the rest.
    with keras.StatelessScope(initialize_variables=False):
        model = build_segmenter(name, **arguments)
    count = len(model.trainable_variables)

    @jax.jit
    def run(weights, pixels):
        outputs, _ = model.stateless_call(
            weights[:count], weights[count:], {"image": pixels}, training=False
        )
        return outputs

    weights = list(np.load(folder / f"{name}.weights.npz").values())
    outputs = run(weights, np.load(folder / f"{name}.pixels.npy"))
    return {output: np.asarray(logits) for output, logits in outputs.items()}


def _main(folder: Path) -> None:
    assert keras.backend.backend() == "jax"
    for name, arguments in json.loads((folder / "arguments.json").read_text()).items():
        try:
            np.savez(folder / f"{name}.outputs.npz", **_outputs(folder, name, arguments))
        except Exception:  # of this network only
            (folder / f"{name}.error").write_text(traceback.format_exc())


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
