from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from skinnet_keras.cli.main import app
from skinnet_keras.errors import UserError


def invoke(*arguments):
    return CliRunner().invoke(app, ["models", *map(str, arguments)])


def test_lists_the_registries():
    listed = json.loads(invoke("--json").stdout)
    assert set(listed["SkinNet"]) == {"v1", "v2", "v3", "v4"}
    assert "split_attention_unet" in listed["segmentation network"]
    assert "efficientnet_b0" in listed["backbone"]
    text = invoke().stdout
    for name in ("v4", "split_attention_unet", "efficientnet_b3"):
        assert name in text


def test_draws_a_skinnet_with_its_segmenter(tmp_path):
    path = tmp_path / "v2.svg"
    result = invoke("--plot", "v2", "--out", path, "--image-size", 32)
    assert result.exit_code == 0, result.output
    text = path.read_text().replace("\u00a0", " ")
    for words in (
        *("input: image", "input: metadata", "split attention unet", "hard threshold"),
        *("concatenate: image and mask", "32x32x4", "EfficientNet-B0", "output: diagnosis"),
    ):
        assert words in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--plot", "v9"), "unknown network 'v9': choose one of v1, v2"),
        (("--plot", "split_attention_unet", "--image-size", "50"), "multiple of 16"),
        (("--plot", "split_attention_unet", "--out", "net.jpg", "--image-size", "32"), r".svg"),
    ],
)
def test_mistakes_are_user_errors(arguments, message):
    result = invoke(*arguments)
    assert isinstance(result.exception, UserError)
    assert message in str(result.exception)
