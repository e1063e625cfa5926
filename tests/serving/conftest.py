"""An export of two versions, servers of it, and the page's modules for Node.js."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest

from skinnet_keras.serving.webapp import build
from tiny_run import build_classifier, make_run


@pytest.fixture(scope="session")
def served_export(tmp_path_factory):
    """Version 1, and a version 2 with other weights."""
    from skinnet_keras.export.bundle import export_run

    root = tmp_path_factory.mktemp("served")
    for number, spread in enumerate((1.0, 2.0)):
        run = make_run(root / str(number), classifier=build_classifier(spread=spread))
        report = export_run(run, root / "exported", formats=["savedmodel"], name="m")
    return report.directory


@pytest.fixture(scope="session")
def models(served_export):
    pytest.importorskip("tensorflow_serving", reason="the extra 'serving' is not installed")
    from serving_stand_in import Models

    config = (served_export / "serving" / "models.config").read_text()
    return Models(config, served_export.parent)


@pytest.fixture(scope="session")
def rest_url(models):
    from serving_stand_in import rest_server

    with rest_server(models) as url:
        yield url


@pytest.fixture(scope="session")
def grpc_url(models):
    from serving_stand_in import grpc_server

    with grpc_server(models) as target:
        yield f"grpc://{target}"


@pytest.fixture(scope="session")
def node(tmp_path_factory):
    """Run a script beside the page's modules; what it prints as JSON is returned."""
    if shutil.which("node") is None:
        pytest.skip("Node.js is not installed")
    folder = tmp_path_factory.mktemp("modules")
    for module in build.PAGE.glob("*.js"):
        shutil.copy(module, folder)
    (folder / "package.json").write_text('{"type": "module"}')

    def run(script: str):
        (folder / "test-script.js").write_text(script)
        done = subprocess.run(
            ["node", "test-script.js"], cwd=folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run
