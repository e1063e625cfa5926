"""The client against a stand-in that follows the documented APIs on the exported SavedModels."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from photograph_files import ORIENTATION, cmyk_without_adobe, served_files
from skinnet_keras.config import CleaningConfig
from skinnet_keras.errors import UserError
from skinnet_keras.inference.prediction import predict_images
from skinnet_keras.inference.runners import open_runner
from skinnet_keras.inference.sidecar import read_sidecar
from skinnet_keras.serving.client import main, open_client, read_sidecar_of
from skinnet_keras.serving.photographs import predict_photographs
from skinnet_keras.serving.rest import RestClient, request_body
from skinnet_keras.serving.served_model import Description, ServedModel, Signature
from skinnet_keras.taxonomy import CLASSES
from tiny_run import draw_picture
from turned_files import turned_files

PATIENT = {"age": 45.0, "sex": "female", "site": "anterior torso"}
MODEL = "m_end_to_end"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A JPEG, a PNG, and a JPEG that the camera turned."""
    folder = tmp_path_factory.mktemp("files")
    exif = Image.Exif()
    exif[ORIENTATION] = 8
    for number, (suffix, options) in enumerate((("jpg", {}), ("png", {}), ("jpg", {"exif": exif}))):
        Image.fromarray(draw_picture(20 + number)[0]).save(folder / f"{number}.{suffix}", **options)
    return sorted(folder.iterdir())


@pytest.fixture(scope="module")
def expected(served_export, files):
    """Version -> what the Python path predicts."""
    return {
        version: predict_images(
            open_runner(served_export / "end_to_end" / str(version)), files, **PATIENT
        )
        for version in (1, 2)
    }


@pytest.fixture(params=["rows", "columns", "grpc"])
def connect(request):
    """Open a client of the model over each protocol and format."""
    url = request.getfixturevalue("grpc_url" if request.param == "grpc" else "rest_url")
    columnar = request.param == "columns"

    def open_(name=MODEL, **spec):
        return open_client(url, ServedModel(name, **spec), columnar=columnar)

    return open_


@pytest.fixture(scope="module")
def predict_images_of(served_export):
    """Probabilities of Python for an unknown patient, by version."""

    def predict(version, images):
        runner = open_runner(served_export / "end_to_end" / str(version))
        return predict_images(runner, images)[0].probabilities

    return predict


def _variables(folder, names):
    """Leave a copied SavedModel's weights behind."""
    return [name for name in names if name == "variables"]


def _assert_equal(predictions, expected, *, with_mask=True):
    for found, wanted in zip(predictions, expected, strict=True):
        assert found.image == wanted.image
        assert found.probabilities == pytest.approx(wanted.probabilities, abs=1e-5)
        if with_mask:
            np.testing.assert_allclose(found.mask, wanted.mask, atol=1e-5)


@pytest.mark.parametrize("signature", ["serve_image_bytes", "serving_default"])
def test_both_signatures_predict_what_python_predicts(connect, files, expected, signature):
    predictions = predict_photographs(connect(), files, **PATIENT, signature=signature)
    _assert_equal(predictions, expected[2])  # without a label: the highest version


def test_every_kind_of_file_is_sent_so_that_the_server_sees_pythons_pixels(
    rest_url, served_export, tmp_path
):
    kinds = served_files() | turned_files() | {"cmyk without Adobe": cmyk_without_adobe()}
    files = [tmp_path / str(number) for number in range(len(kinds))]
    for file, content in zip(files, kinds.values(), strict=True):
        file.write_bytes(content)
    client = open_client(rest_url, ServedModel(MODEL, version=1))
    wanted = predict_images(open_runner(served_export / "end_to_end" / "1"), files)
    for signature in ("serve_image_bytes", "serving_default"):
        _assert_equal(predict_photographs(client, files, signature=signature), wanted)


def test_two_versions_side_by_side(connect, files, expected):
    assert connect().versions() == {1: "AVAILABLE", 2: "AVAILABLE"}
    for version, spec in (
        (1, {"version": 1}),
        (2, {"version": 2}),
        (1, {"label": "stable"}),
        (2, {"label": "canary"}),
    ):
        client = connect(**spec)
        assert client.versions() == ({version: "AVAILABLE"})
        _assert_equal(predict_photographs(client, files, **PATIENT), expected[version])
    differences = [
        abs(a.probabilities["MEL"] - b.probabilities["MEL"])
        for a, b in zip(expected[1], expected[2], strict=True)
    ]
    assert max(differences) > 1e-3


def test_unknown_patient_and_no_mask(connect, files, served_export):
    runner = open_runner(served_export / "end_to_end" / "1")
    predictions = predict_photographs(connect(version=1), files[:1], with_mask=False)
    _assert_equal(predictions, predict_images(runner, files[:1]), with_mask=False)
    assert predictions[0].mask is None


def test_one_output_has_no_name_in_json(connect):
    client = connect("m_classifier", label="stable")
    rng = np.random.default_rng(0)
    inputs = {
        "image": rng.uniform(0, 255, (2, 32, 32, 3)).astype(np.float32),
        "mask": np.ones((2, 32, 32, 1), np.float32),
        "metadata": np.zeros((2, 14), np.float32),
    }
    outputs = client.predict(inputs, "serving_default")
    assert set(outputs) == {"diagnosis"}
    np.testing.assert_allclose(outputs["diagnosis"].sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "spec", "message"),
    [
        ("absent", {}, "serves no model 'absent' .*check its name"),
        (MODEL, {"version": 7}, "serves no model 'm_end_to_end', version 7"),
        (MODEL, {"label": "beta"}, "refuses the request: Unrecognized .*label: beta"),
    ],
)
def test_models_that_are_not_served(connect, files, name, spec, message):
    client = connect(name, **spec)
    for call in (client.versions, lambda: predict_photographs(client, files)):
        with pytest.raises(UserError, match=message):
            call()


def test_a_label_that_is_not_there_is_never_another_version(connect, files, rest_url, capsys):
    with pytest.raises(
        UserError, match=r"Unrecognized .*label: beta: ask for a version by its num"
    ):
        predict_photographs(connect(label="beta"), files)
    arguments = [rest_url, str(files[0]), "--model", MODEL, "--label", "beta"]
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1


@pytest.mark.parametrize("protocol", ["rest", "grpc"])
def test_the_command_line_asks_the_stable_version(
    request, protocol, files, predict_images_of, capsys
):
    url = request.getfixturevalue(f"{protocol}_url")
    for options, version, asked in (
        ([], 1, (None, "stable")),
        (["--label", "canary"], 2, (None, "canary")),
        (["--version", "2"], 2, (2, None)),
    ):
        assert main([url, str(files[0]), "--model", MODEL, "--json", *options]) == 0
        report = json.loads(capsys.readouterr().out)
        assert (report["version"], report["label"]) == asked
        unknown = predict_images_of(version, files[:1])
        assert report["images"][0]["probabilities"] == pytest.approx(unknown, abs=1e-5)


def test_metadata_are_those_of_the_version_that_answers(
    rest_url, served_export, files, tmp_path, monkeypatch
):
    export = shutil.copytree(served_export, tmp_path / "renamed", ignore=_variables)
    monkeypatch.chdir(export)
    for number, favourite in ((1, "MEL"), (2, "DF")):
        file = export / f"end_to_end/{number}/assets.extra/metadata.json"
        thresholds = {name: 1e-9 if name == favourite else 1.0 for name in CLASSES}
        content = json.loads(file.read_text()) | {"decision": {"thresholds": thresholds}}
        file.write_text(json.dumps(content))
    newest = export / "end_to_end/2/assets.extra/metadata.json"
    shutil.copy(newest, export / "metadata.json")
    for spec, decision in (({"label": "stable"}, "MEL"), ({"label": "canary"}, "DF")):
        client = open_client(rest_url, ServedModel(MODEL, **spec))
        for given in (export, export / "metadata.json", Path("."), Path("metadata.json")):
            sidecar = read_sidecar_of(client, given)
            (prediction,) = predict_photographs(client, files[:1], sidecar=sidecar)
            assert prediction.decision == decision
    stable = open_client(rest_url, ServedModel(MODEL, label="stable"))
    for given in (newest, export / "end_to_end/2"):
        with pytest.raises(
            UserError, match="is of version 2, but the server answers with version 1"
        ):
            read_sidecar_of(stable, given)
    with pytest.raises(UserError, match=r"There is no metadata\.json at"):
        read_sidecar_of(stable, tmp_path / "nothing")


def test_a_model_that_may_see_cleaned_images_is_refused(served_export, files):
    class CleaningModel(RestClient):
        def _describe(self):
            shapes = {"image": (-1, 32, 32, 3), "metadata": (-1, 14)}
            return Description(1, {"serving_default": Signature(shapes, {"diagnosis": (-1, 8)})})

    client = CleaningModel("http://127.0.0.1:9", ServedModel(MODEL))
    with pytest.raises(UserError, match="may see cleaned images, which this client does not clean"):
        predict_photographs(client, files, signature="serving_default")
    sidecar = read_sidecar(served_export)
    with pytest.raises(UserError, match="cannot be reached"):  # its export says: no cleaning
        predict_photographs(client, files, signature="serving_default", sidecar=sidecar)
    cleaned = replace(sidecar, cleaning=CleaningConfig(hair=True))
    with pytest.raises(UserError, match=r"trained on cleaned images \(hair\)"):
        predict_photographs(client, files, signature="serving_default", sidecar=cleaned)


def test_what_json_has_no_word_for_is_one_sentence(rest_url):
    client = open_client(rest_url, ServedModel("m_classifier"))
    inputs = {
        "image": np.full((1, 32, 32, 3), np.nan, np.float32),
        "mask": np.ones((1, 32, 32, 1), np.float32),
        "metadata": np.zeros((1, 14), np.float32),
    }
    with pytest.raises(UserError, match="NaN and infinity cannot be sent to a REST API"):
        client.predict(inputs, "serving_default")


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf")])
def test_a_timeout_is_a_number_of_seconds(timeout):
    with pytest.raises(UserError, match="timeout must be a number of seconds above 0"):
        open_client("http://localhost:8501", ServedModel(MODEL), timeout=timeout)


def test_signatures_that_are_not_there_or_need_a_mask(connect, files):
    with pytest.raises(UserError, match="has no signature 'serve_image_bytes', only serving_def"):
        predict_photographs(connect("m_classifier"), files)
    with pytest.raises(UserError, match=r"needs mask.*use the end-to-end model"):
        predict_photographs(connect("m_classifier"), files, signature="serving_default")


def test_mistakes_are_found_before_anything_is_sent(files, tmp_path):
    client = RestClient("http://127.0.0.1:9", ServedModel(MODEL))
    (tmp_path / "a.jpg").write_bytes(b"no image")
    with pytest.raises(UserError, match="sex 'femal' is not known"):
        predict_photographs(client, files, sex="femal")
    with pytest.raises(UserError, match=r"a\.jpg cannot be read"):
        predict_photographs(client, [tmp_path / "a.jpg"])
    with pytest.raises(UserError, match="not for both"):
        ServedModel(MODEL, version=1, label="stable")


def test_what_the_graph_refuses_is_one_sentence(connect):
    inputs = {
        "image_bytes": [b"\xff\xd8\xffno JPEG"],
        "age": np.array([50.0], np.float32),
        "sex": ["femal"],
        "site": [""],
    }
    with pytest.raises(UserError) as raised:
        connect().predict(inputs | {"image_bytes": [b"GIF89a"], "sex": [""]}, "serve_image_bytes")
    assert str(raised.value).endswith(
        "refuses the request: image_bytes[0] is neither a JPEG nor a PNG file: convert it first."
    )


def test_servers_that_are_not_there_or_something_else(files):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for url in (f"http://127.0.0.1:{port}", f"grpc://127.0.0.1:{port}"):
        if url.startswith("grpc"):
            pytest.importorskip("tensorflow_serving", reason="no extra 'serving'")
        client = open_client(url, ServedModel(MODEL), timeout=20)
        with pytest.raises(UserError, match=f"127.0.0.1:{port} cannot be reached .*is the server"):
            predict_photographs(client, files)
    with pytest.raises(UserError, match="is no address of a server"):
        open_client("localhost:8501", ServedModel(MODEL))


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"HTTP/1.0 200 OK\r\n\r\nhello", "does not answer as TensorFlow Serving"),
        (b"HTTP/1.0 200 OK\r\n\r\n[]", "does not answer as TensorFlow Serving"),
        (
            b'HTTP/1.0 200 OK\r\n\r\n{"model_version_status": [{"version": "a"}]}',
            "does not answer as",
        ),
        (b'HTTP/1.0 200 OK\r\n\r\n{"model_version_status": 3}', "does not answer as"),
        (b"HTTP/1.0 502 Bad\r\n\r\n<html>", "HTTP status 502 and does not say why"),
        (b"SSH-2.0\r\n", "cannot be reached"),
        (None, "did not answer within 0.3 seconds"),
    ],
)
def test_answers_of_other_programs(answer, message):
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            connection, _ = server.accept()
            with connection:
                connection.recv(1000)
                if answer is None:
                    done.wait(10)
                else:
                    connection.sendall(answer)

        done = threading.Event()
        threading.Thread(target=serve, daemon=True).start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        timeout = 0.3 if answer is None else 10
        with pytest.raises(UserError, match=message):
            RestClient(url, ServedModel(MODEL), timeout=timeout).versions()
        done.set()


@pytest.mark.parametrize(
    "outputs",
    [
        {},
        {"diagnosis": None},
        {"diagnosis": [["a"] * 8]},
        {"diagnosis": [[0.5] * 8] * 2},
        {"diagnosis": [0.5] * 8},
        {"diagnosis": [[0.5] * 7]},
        {"diagnosis": [[float("nan")] * 8]},
        {"diagnosis": [[0.5] * 8], "mask": [[0.5]]},
        {"diagnosis": [[0.5] * 8], "abstain": [[]]},
        {"diagnosis": [[0.5, 0.5], [0.5]]},
    ],
)
def test_answers_of_other_shapes(files, outputs, monkeypatch):
    client = RestClient("http://127.0.0.1:9", ServedModel(MODEL), columnar=True)
    names = ("diagnosis", "mask", "abstain")
    inputs = dict.fromkeys(("image_bytes", "age", "sex", "site"), (-1,))
    shapes = {name: (-1,) for name in names if name in outputs or name != "abstain"}
    signature = Signature(inputs, shapes)
    client._described = Description(1, {"serve_image_bytes": signature})
    complete = {"mask": [[[[0.5]]]], **outputs}
    monkeypatch.setattr(client, "_get", lambda *arguments: {"outputs": complete})
    message = "does not answer as|other shapes|not finite|classes are not known|no probabilities"
    with pytest.raises(UserError, match=message):
        predict_photographs(client, files[:1])


def test_request_bodies_follow_the_rules_of_the_rest_api():
    inputs = {
        "image_bytes": [b"\xff\x00", b"a"],
        "age": np.array([45, -1], np.float32),
        "sex": ["male", ""],
    }
    assert request_body(inputs, "s") == {
        "signature_name": "s",
        "instances": [
            {"image_bytes": {"b64": "/wA="}, "age": 45.0, "sex": "male"},
            {"image_bytes": {"b64": "YQ=="}, "age": -1.0, "sex": ""},
        ],
    }
    assert request_body(inputs, "s", columnar=True) == {
        "signature_name": "s",
        "inputs": {
            "image_bytes": [{"b64": "/wA="}, {"b64": "YQ=="}],
            "age": [45.0, -1.0],
            "sex": ["male", ""],
        },
    }


def test_classes_come_from_the_exports_metadata(rest_url, files, served_export):
    sidecar = read_sidecar(served_export / "end_to_end" / "1")
    client = open_client(rest_url, ServedModel(MODEL, version=1))
    (named,) = predict_photographs(client, files[:1], sidecar=sidecar)
    assert tuple(named.probabilities) == CLASSES
    assert named.decision is None
    assert named.abstain is None


def test_the_command_line(rest_url, files, expected, capsys, served_export):
    arguments = [rest_url, *map(str, files), "--model", MODEL, "--label", "stable"]
    patient = ["--age", "45", "--sex", "female", "--site", "anterior torso"]
    metadata = ["--metadata", str(served_export / "metadata.json")]
    assert main([*arguments, *patient, *metadata, "--json"]) == 0
    captured = capsys.readouterr()
    report = json.loads(captured.out)
    for found, wanted in zip(report["images"], expected[1], strict=True):
        assert found["probabilities"] == pytest.approx(wanted.probabilities, abs=1e-5)
    assert "not medical advice" in captured.err
    assert "Without --metadata" not in captured.err
    assert main([*arguments, "--sex", "femal"]) == 2
    assert "Error: The sex 'femal'" in capsys.readouterr().err
    assert main(arguments) == 0
    best = expected[1][0].top(1)[0][0]
    captured = capsys.readouterr()
    assert best in captured.out
    assert "Without --metadata the classes are taken for those of ISIC-2019" in captured.err


def test_rest_needs_neither_tensorflow_nor_keras(rest_url, files):
    code = (
        "import sys; from skinnet_keras.serving.client import main\n"
        "code = main()\n"
        "assert not {'tensorflow', 'keras', 'jax', 'grpc'} & set(sys.modules)\n"
        "sys.exit(code)"
    )
    command = [sys.executable, "-c", code, rest_url, str(files[0]), "--model", MODEL]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert str(files[0]) in result.stdout
