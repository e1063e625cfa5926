"""Every client makes the same of a patient: equal numbers, or one sentence and no answer."""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from odd_patients import AGES, NOT_WORDS, NUMBERS, REFUSED, SEXES, SITES, WORDED
from skinnet_keras.data.image_io import MAX_PIXELS
from skinnet_keras.data.metadata import MAX_AGE, MISSING, MetadataEncoder
from skinnet_keras.errors import UserError
from skinnet_keras.inference.prediction import predict_images
from skinnet_keras.inference.runners import open_runner
from skinnet_keras.serving.refusals import plain_refusal
from tiny_run import draw_picture

SCRIPT = Path(__file__).parents[2] / "scripts" / "predict_tflite.py"
LAYOUT = MetadataEncoder().layout()
NAMES = [entry["name"] for entry in LAYOUT]


def _vector(age, sex, site) -> np.ndarray:
    """The vector of a patient, by its definition."""
    vector = [0.0 if age is None else min(age / 100, 1), age is None]
    vector += [float(name == (sex or "sex_missing")) for name in NAMES[2:5]]
    return np.array(vector + [float(name == (site or "site_missing")) for name in NAMES[5:]])


def _check(encode, refusal, patients=WORDED) -> None:
    """Compare vectors, atol 1e-7, and count sentences; `encode` takes age, sex and site."""
    for given, meant in patients.items():
        if REFUSED in meant:
            with pytest.raises(refusal) as raised:
                encode(*given)
            sentence = str(raised.value)
            assert "\n" not in sentence, given
            assert any(word in sentence for word in ("age", "sex", "site")), given
        else:
            np.testing.assert_allclose(encode(*given), _vector(*meant), atol=1e-7, err_msg=given)


def test_the_encoder_of_predict():
    _check(MetadataEncoder().encode, UserError)


@pytest.mark.parametrize(("value", "years"), NUMBERS)
def test_ages_of_python_programs(value, years):
    if years == REFUSED:
        with pytest.raises(UserError, match=r"age .* is not a number of years between 0 and 120"):
            MetadataEncoder().encode(value, None, None)
    else:
        np.testing.assert_allclose(
            MetadataEncoder().encode(value, None, None), _vector(years, "", ""), atol=1e-7
        )


@pytest.mark.parametrize(("value", "word"), NOT_WORDS)
def test_words_of_python_programs(value, word):
    for patient in ((None, value, None), (None, None, value)):
        if word == REFUSED:
            with pytest.raises(UserError, match="is not known: use one of"):
                MetadataEncoder().encode(*patient)
        else:
            np.testing.assert_array_equal(MetadataEncoder().encode(*patient), _vector(None, "", ""))


def test_the_script():
    script = runpy.run_path(str(SCRIPT))
    assert script["MISSING"] == MISSING
    assert (script["MAX_AGE"], script["MAX_PIXELS"]) == (MAX_AGE, MAX_PIXELS)
    _check(lambda *patient: script["patient_vector"](LAYOUT, *patient), ValueError)


def test_the_serving_graph():
    import tensorflow as tf

    from skinnet_keras.export.image_bytes.metadata import UNKNOWN_AGE, encode_metadata

    specs = [tf.TensorSpec((None,), dtype) for dtype in (tf.float32, tf.string, tf.string)]
    in_graph = tf.function(encode_metadata, specs)

    def encode(age, sex, site):
        try:
            return in_graph(np.float32([age]), [sex], [site])[0]
        except tf.errors.InvalidArgumentError as error:
            raise ValueError(plain_refusal(error.message)) from error

    texts = {given: meant for given, meant in WORDED.items() if given[0] == "45"}
    _check(lambda age, sex, site: encode(45, sex, site), ValueError, texts)
    missing = (None, "", "")
    ages = {(age, "", ""): (age, "", "") for age in (0.0, 57.5, 120.0)}
    ages |= {(float("nan"), "", ""): missing, (UNKNOWN_AGE, "nan", "None"): missing}
    ages |= {(age, "", ""): (REFUSED, "", "") for age in (-5.0, -0.5, 120.5, 200.0, np.inf)}
    _check(encode, ValueError, ages)


def test_the_page(node):
    patients = [[*given, REFUSED not in meant] for given, meant in WORDED.items()]
    script = f"""
import {{encodePatient, readAge}} from './metadata.js';
const found = {json.dumps(patients)}.map(([text, sex, site]) => {{
  try {{
    return Array.from(encodePatient({json.dumps(NAMES)}, {{age: readAge(text), sex, site}}));
  }} catch (error) {{
    if (!(error instanceof RangeError)) throw error;
    return error.message;
  }}
}});
console.log(JSON.stringify(found));
"""
    found = dict(zip(WORDED, node(script), strict=True))

    def encode(*patient):
        if isinstance(found[patient], str):
            raise ValueError(found[patient])
        return found[patient]

    _check(encode, ValueError)


@pytest.fixture(scope="module")
def picture(tmp_path_factory) -> Path:
    file = tmp_path_factory.mktemp("picture") / "lesion.png"
    Image.fromarray(draw_picture(3)[0]).save(file)
    return file


@pytest.fixture(scope="module")
def probabilities(served_export, picture):
    """Python's probabilities for a patient of known values."""
    runner = open_runner(served_export / "end_to_end" / "1")

    def predict(age, sex, site):
        return predict_images(runner, [picture], age=age, sex=sex, site=site)[0].probabilities

    return predict


def _check_answers(answer, probabilities) -> None:
    """`answer` takes age, sex and site as text; gives exit code, probabilities and sentences."""
    texts = [(text, "", "") for text in AGES] + [("45", text, "") for text in SEXES]
    texts += [("45", "male", text) for text in SITES]
    for given in texts:
        code, found, said = answer(*given)
        if REFUSED in WORDED[given]:
            assert (code, found) == (2, None), given
            assert said.count("\n") == 1, said
            assert any(word in said for word in ("age", "sex", "site")), said
        else:
            assert code == 0, (given, said)
            assert found == pytest.approx(probabilities(*WORDED[given]), abs=1e-5), given


@pytest.mark.parametrize("protocol", ["rest", "grpc"])
def test_the_clients_of_tensorflow_serving(request, protocol, picture, probabilities, capsys):
    from skinnet_keras.serving.client import main

    url = request.getfixturevalue(f"{protocol}_url")

    def answer(age, sex, site):
        patient = [f"--age={age}", f"--sex={sex}", f"--site={site}"]
        code = main([url, str(picture), "--model", "m_end_to_end", "--json", *patient])
        captured = capsys.readouterr()
        found = json.loads(captured.out)["images"][0]["probabilities"] if code == 0 else None
        return code, found, captured.err

    _check_answers(answer, probabilities)


def test_skinnet_predict(served_export, picture, probabilities, capsys, monkeypatch):
    from skinnet_keras.cli.main import main
    from skinnet_keras.inference import runners

    model = served_export / "end_to_end" / "1"
    opened = open_runner(model)
    monkeypatch.setattr(runners, "open_runner", lambda *args, **options: opened)

    def answer(age, sex, site):
        patient = [f"--age={age}", f"--sex={sex}", f"--site={site}"]
        monkeypatch.setattr(
            sys, "argv", ["skinnet", "predict", str(model), str(picture), "--json", *patient]
        )
        with pytest.raises(SystemExit) as stopped:
            main()
        captured = capsys.readouterr()
        code = stopped.value.code or 0
        found = json.loads(captured.out)["images"][0]["probabilities"] if code == 0 else None
        return code, found, captured.err

    _check_answers(answer, probabilities)
