"""An export of two versions, and servers of it."""

from __future__ import annotations

import pytest

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
