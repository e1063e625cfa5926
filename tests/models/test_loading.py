"""`.keras` files from strangers: ours load, hostile ones are refused before anything runs."""

from __future__ import annotations

import copy
import json
import pickle
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest

from skinnet_keras.errors import UserError
from skinnet_keras.models.layers import HardThreshold, ImageNormalization
from skinnet_keras.models.loading import load_keras


def _model(*middle: keras.layers.Layer) -> keras.Model:
    image = keras.Input((8, 8, 3), name="image")
    x = image
    for layer in (*middle, keras.layers.ReLU(name="relu"), keras.layers.GlobalAveragePooling2D()):
        x = layer(x)
    x = keras.layers.Dense(4, activation="softmax", name="diagnosis")(x)
    return keras.Model({"image": image}, {"diagnosis": x})


def _rewrite(source: Path, target: Path, edit) -> Path:
    """Copy a `.keras` file with its config edited."""
    with zipfile.ZipFile(source) as archive, zipfile.ZipFile(target, "w") as copied:
        for name in archive.namelist():
            content = archive.read(name)
            if name == "config.json":
                config = json.loads(content)
                edit(config)
                content = json.dumps(config).encode()
            copied.writestr(name, content)
    return target


def _layer(config: dict, name: str) -> dict:
    return next(layer for layer in config["config"]["layers"] if layer["name"] == name)


@pytest.fixture(scope="module")
def plain(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("plain") / "plain.keras"
    _model().save(path)
    return path


@pytest.fixture
def hostile(plain, tmp_path):
    """Make a file in which the layer `relu` says it is something else."""

    def make(**changes) -> Path:
        return _rewrite(
            plain,
            tmp_path / "hostile.keras",
            lambda config: _layer(config, "relu").update(copy.deepcopy(changes)),
        )

    return make


@pytest.fixture
def witness(tmp_path) -> Path:
    """A file that exists only if something was executed."""
    return tmp_path / "EXECUTED"


def test_own_layers_operations_and_nested_models_round_trip(tmp_path):
    image = keras.Input((8, 8, 3), name="image")
    x = keras.ops.multiply(ImageNormalization(name="normalized")(image), 2.0)
    inner_input = keras.Input((8, 8, 3))
    inner = keras.Model(inner_input, HardThreshold(name="hard")(inner_input), name="inner")
    x = keras.layers.Conv2D(
        2, 3, kernel_regularizer="l2", activation=keras.activations.swish, name="conv"
    )(inner(x))
    model = keras.Model({"image": image}, {"diagnosis": keras.layers.Flatten()(x)})
    model.compile("adamw", "mse", metrics=["mae"])
    model.save(tmp_path / "own.keras")

    loaded = load_keras(tmp_path / "own.keras")

    batch = {"image": np.random.default_rng(0).uniform(0, 255, (2, 8, 8, 3)).astype("float32")}
    np.testing.assert_allclose(loaded(batch)["diagnosis"], model(batch)["diagnosis"], atol=1e-6)
    assert not loaded.compiled


def test_the_authors_own_loss_does_not_matter(tmp_path):
    model = _model()
    model.compile("sgd", lambda y, p: keras.ops.mean(y - p))
    model.save(tmp_path / "m.keras")
    assert load_keras(tmp_path / "m.keras").count_params() == model.count_params()


def test_lambda_with_code_is_refused_and_not_run(tmp_path, witness):
    touch = str(witness)
    layer = keras.layers.Lambda(
        lambda x: (__import__("pathlib").Path(touch).touch(), x)[1], name="evil"
    )
    path = tmp_path / "lambda.keras"
    _model(layer).save(path)
    witness.unlink()  # building the model ran it
    with pytest.raises(UserError, match=r"lambda\.keras is refused.*'evil' is a Lambda") as error:
        load_keras(path)
    assert not witness.exists()
    assert "\n" not in str(error.value)


def test_lambda_inside_a_nested_model_is_refused(tmp_path):
    inner_input = keras.Input((8, 8, 3))
    inner = keras.Model(
        inner_input, keras.layers.Lambda(lambda x: x, name="deep")(inner_input), name="inner"
    )
    _model(inner).save(tmp_path / "nested.keras")
    with pytest.raises(UserError, match="'deep' is a Lambda"):
        load_keras(tmp_path / "nested.keras")


@pytest.mark.parametrize(
    ("module", "class_name"),
    [
        ("os", "system"),
        ("builtins", "eval"),
        ("subprocess", "Popen"),
        ("keras.utils", "get_file"),
        ("keras.saving", "load_model"),
        ("keras.config", "enable_unsafe_deserialization"),
        ("keras.layers", "TFSMLayer"),
        ("keras.src.export.tfsm_layer", "TFSMLayer"),
        ("keras.src.layers.core.lambda_layer", "Lambda"),
        ("keras.src.utils.python_utils", "func_load"),
        ("keras.layers", "deserialize"),
        ("keras.layers", "StringLookup"),
        ("keras.layers", "TorchModuleWrapper"),
        ("keras.src.ops.numpy", "np"),
        ("keras_hub.models", "Backbone"),
        ("skinnet_keras.cli.main", "main"),
        (None, "Lambda"),
    ],
)
def test_foreign_classes_are_refused(hostile, witness, module, class_name):
    path = hostile(module=module, class_name=class_name, config={"command": f"touch {witness}"})
    with pytest.raises(UserError, match=r"hostile\.keras is refused, because its layer 'relu'"):
        load_keras(path)
    assert not witness.exists()


def test_registered_name_of_another_package_is_refused(hostile):
    with pytest.raises(UserError, match="is refused"):
        load_keras(hostile(registered_name="other>Thing"))


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("activation", {"module": "os", "class_name": "function", "config": "system"}),
        ("activation", {"module": "builtins", "class_name": "function", "config": "exec"}),
        ("activation", {"module": "builtins", "class_name": "function", "config": "deserialize"}),
        ("activation", {"class_name": "__lambda__", "config": {"value": "gASV"}}),
        ("kernel_initializer", {"module": "os", "class_name": "system", "config": {}}),
        ("kernel_initializer", {"module": "keras.utils", "class_name": "get_file", "config": {}}),
        ("kernel_regularizer", {"class_name": "system", "config": {}}),
        (
            "bias_initializer",
            {"module": "builtins", "class_name": "__typespec__", "config": [], "spec_name": "eval"},
        ),
    ],
)
def test_foreign_functions_inside_a_layer_are_refused(plain, tmp_path, part, value):
    path = _rewrite(
        plain,
        tmp_path / "h.keras",
        lambda config: _layer(config, "diagnosis")["config"].update({part: value}),
    )
    with pytest.raises(UserError, match=r"h\.keras is refused, because its layer 'diagnosis'"):
        load_keras(path)


def test_hostile_compile_config_of_a_nested_model_is_refused(plain, tmp_path):
    def edit(config):
        _layer(config, "relu")["compile_config"] = {
            "loss": {"module": "os", "class_name": "function", "config": "system"}
        }

    with pytest.raises(UserError, match="is refused"):
        load_keras(_rewrite(plain, tmp_path / "h.keras", edit))


def test_missing_file_and_other_formats(tmp_path, plain):
    with pytest.raises(UserError, match="is not a file"):
        load_keras(tmp_path / "absent.keras")
    (tmp_path / "text.keras").write_text("no archive")
    with pytest.raises(UserError, match=r"text\.keras is not a \.keras archive"):
        load_keras(tmp_path / "text.keras")
    (tmp_path / "model.h5").write_bytes(plain.read_bytes())
    with pytest.raises(UserError, match=r"model\.h5 is not a \.keras archive"):
        load_keras(tmp_path / "model.h5")
    (tmp_path / "model.pkl").write_bytes(pickle.dumps({}))
    with pytest.raises(UserError, match=r"model\.pkl is not a \.keras archive"):
        load_keras(tmp_path / "model.pkl")


def test_damaged_archives_give_one_sentence(tmp_path, plain):
    with zipfile.ZipFile(tmp_path / "empty.keras", "w") as archive:
        archive.writestr("other.txt", "")
    with pytest.raises(UserError, match=r"empty\.keras is damaged"):
        load_keras(tmp_path / "empty.keras")
    with zipfile.ZipFile(tmp_path / "deep.keras", "w") as archive:
        archive.writestr("config.json", "[" * 100_000)
    with pytest.raises(UserError, match=r"deep\.keras is damaged"):
        load_keras(tmp_path / "deep.keras")
    with (
        zipfile.ZipFile(plain) as source,
        zipfile.ZipFile(tmp_path / "weightless.keras", "w") as target,
    ):
        target.writestr("config.json", source.read("config.json"))
    with pytest.raises(UserError, match=r"weightless\.keras is a \.keras file that Keras"):
        load_keras(tmp_path / "weightless.keras")


def test_second_config_in_the_archive_is_refused(tmp_path, plain):
    path = tmp_path / "twice.keras"
    path.write_bytes(plain.read_bytes())
    with (
        pytest.warns(UserWarning, match="Duplicate name"),
        zipfile.ZipFile(path, "a") as archive,
    ):
        archive.writestr("config.json", "{}")
    with pytest.raises(UserError, match="two members of one name"):
        load_keras(path)


def test_config_that_does_not_fit_keras_gives_one_sentence(plain, tmp_path):
    path = _rewrite(
        plain,
        tmp_path / "odd.keras",
        lambda config: _layer(config, "diagnosis")["config"].update(units=-3),
    )
    with pytest.raises(UserError, match=r"odd\.keras is a \.keras file that Keras") as error:
        load_keras(path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("config", ["{}", "[]", "null", '{"config": {}}', '"text"'])
def test_config_that_is_no_model_gives_one_sentence(plain, tmp_path, config):
    path = tmp_path / "none.keras"
    with zipfile.ZipFile(plain) as source, zipfile.ZipFile(path, "w") as target:
        for name in source.namelist():
            target.writestr(name, config if name == "config.json" else source.read(name))
    with pytest.raises(UserError, match=r"none\.keras is a \.keras file that Keras"):
        load_keras(path)


def test_names_with_line_breaks_stay_in_one_sentence(hostile):
    with pytest.raises(UserError) as error:
        load_keras(hostile(module="os\nTraceback", class_name="system", name="a\nb"))
    assert "\n" not in str(error.value)
