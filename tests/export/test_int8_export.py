"""int8 files of a network trained on generated lesions: kept, or refused with the table."""

from __future__ import annotations

import json

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from lesions_run import (
    make_lesions_catalogue,
    make_lesions_run,
    train_network,
    with_uneven_channels,
)
from skinnet_keras.export.bundle import export_run
from skinnet_keras.export.int8_gate import Int8RefusedError
from skinnet_keras.export.tflite import custom_operators
from skinnet_keras.inference.keras_runner import KerasRunner
from skinnet_keras.inference.runners import open_runner

pytestmark = pytest.mark.slow  # 1100 lesions are drawn, and a network is trained


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory):
    return make_lesions_catalogue(tmp_path_factory.mktemp("lesions"), lesions=1100, training=760)


@pytest.fixture(scope="module")
def network(catalogue):
    return train_network(catalogue)


def _export(tmp_path, catalogue, model, **arguments):
    run = make_lesions_run(tmp_path / "run", catalogue, model)
    return export_run(run, tmp_path / "out", formats=["tflite"], precisions=["int8"], **arguments)


def test_int8_that_decides_as_float32_does_is_kept(tmp_path, catalogue, network):
    report = _export(tmp_path, catalogue, network)
    (result,) = report.parity
    assert result.int8.images >= 500
    assert 0.98 <= result.int8.agreement < 1
    assert result.int8.reasons == []
    # The network has learned something: it is not its largest class that both agree on.
    recalls = {change.label: change.first for change in result.int8.recalls}
    assert sum(recall > 0.3 for recall in recalls.values()) >= 4, recalls
    path = report.directory / result.artefact
    assert custom_operators(path.read_bytes()) == []
    details = Interpreter(model_path=str(path)).get_tensor_details()
    kernels = [d for d in details if d["dtype"] is np.int8 and d["shape"].size == 4]
    assert max(len(d["quantization_parameters"]["scales"]) for d in kernels) == 32
    metadata = json.loads((report.directory / "metadata.json").read_text())
    assert metadata["artefacts"][result.artefact]["forced"] is False
    assert metadata["artefacts"][result.artefact]["delegation"]["partitions"] == 1


def test_collapsed_int8_is_refused_with_the_table_unless_forced(tmp_path, catalogue, network):
    uneven = with_uneven_channels(network, decades=3)
    image = np.random.default_rng(0).uniform(0, 255, (8, 32, 32, 3))
    inputs = {"image": image, "metadata": np.zeros((8, 14))}
    np.testing.assert_allclose(
        KerasRunner(uneven).predict(inputs)["diagnosis"],
        KerasRunner(network).predict(inputs)["diagnosis"],
        atol=1e-4,
    )
    with pytest.raises(Int8RefusedError, match=r"its top-1 is float32's on .* --force") as refused:
        _export(tmp_path, catalogue, uneven)
    assert list((tmp_path / "out").iterdir()) == []
    report = refused.value.report
    assert report.agreement < 0.9
    assert any("recall is lower beyond chance" in reason for reason in report.reasons)
    text = report.table().to_markdown()
    assert all(f"| {change.label} |" in text for change in report.recalls)

    forced = export_run(
        tmp_path / "run",
        tmp_path / "out",
        formats=["tflite"],
        precisions=["float32", "int8"],
        force=True,
    )
    written = json.loads((forced.directory / "parity.json").read_text())
    name = "lesions_classifier_int8.tflite"
    assert written[name]["int8"]["forced"]
    assert written[name]["int8"]["reasons"] == list(report.reasons)
    metadata = json.loads((forced.directory / "metadata.json").read_text())
    assert metadata["artefacts"][name]["forced"] is True
    assert "forced" not in metadata["artefacts"]["lesions_classifier_float32.tflite"]
    assert open_runner(forced.directory / name).output_names == ("diagnosis",)
