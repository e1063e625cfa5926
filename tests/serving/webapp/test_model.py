"""Which model a page is built around, and which are refused."""

from __future__ import annotations

import json
import shutil

import pytest

from skinnet_keras.config import CleaningConfig
from skinnet_keras.errors import UserError
from skinnet_keras.serving.webapp.model import open_model, read_model
from skinnet_keras.taxonomy import CLASSES

END_TO_END = "tiny_v2_end_to_end_float32.tflite"


@pytest.fixture
def copy(export, tmp_path):
    """A copy of the export to change: without the list of its files' hashes."""
    ignore = shutil.ignore_patterns("SHA256SUMS")
    return shutil.copytree(export, tmp_path / "export", ignore=ignore)


def _edit(folder, **changes):
    file = folder / "metadata.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def test_the_end_to_end_model_of_an_export(export):
    with open_model(export, "float32") as model:
        assert model.file == export / END_TO_END
        assert (model.name, model.precision, model.image_size) == ("tiny_v2", "float32", 32)
        assert model.outputs == {"diagnosis": (1, 8), "mask": (1, 32, 32, 1)}
        assert model.thresholds is None


def test_a_file_itself(export):
    with open_model(export / END_TO_END) as model:
        assert model.file.name == END_TO_END


def test_a_run_is_exported_first(export):
    run = export.parent.parent / "v2" / "run"
    with open_model(run, "float16") as model:
        assert model.file.name == "tiny_v2_end_to_end_float16.tflite"
        assert model.precision == "float16"
        file = model.file
    assert not file.exists()


def test_thresholds_are_found_by_name(copy):
    values = [0.5 + i for i in range(8)]
    given = dict(reversed(list(zip(CLASSES, values, strict=True))))
    _edit(copy, decision={"thresholds": given})
    assert read_model(copy / END_TO_END).thresholds == tuple(values)


@pytest.mark.parametrize("given", [[1.0], {"MEL": 1.0}, dict.fromkeys(CLASSES, 0.0), "all", 3])
def test_other_thresholds_are_refused(copy, given):
    _edit(copy, decision={"thresholds": given})
    with pytest.raises(UserError, match="a number above 0 for each class"):
        read_model(copy / END_TO_END)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cleaning": CleaningConfig(hair=True).model_dump()}, r"cleaned images \(hair\)"),
        ({"classes": ["A", "B"]}, "not the probabilities of the 2 classes"),
        ({"metadata_layout": [{"name": "age"}]}, "lays the metadata vector out in another way"),
        ({"metadata_layout": None}, "is damaged"),
    ],
)
def test_metadata_the_page_cannot_follow(copy, changes, message):
    _edit(copy, **changes)
    with pytest.raises(UserError, match=message):
        read_model(copy / END_TO_END)


def test_a_classifier_that_takes_the_mask_is_refused(copy):
    with pytest.raises(UserError, match=r"takes .*mask.*: give its end-to-end model"):
        read_model(copy / "tiny_v2_classifier_float32.tflite")


def test_what_is_no_model(copy, tmp_path):
    with pytest.raises(UserError, match="choose --precision float32"), open_model(copy, "float16"):
        pass
    with pytest.raises(UserError, match="holds no exported TFLite"), open_model(tmp_path / "none"):
        pass
    with pytest.raises(UserError, match="does not exist"), open_model(tmp_path / "none.tflite"):
        pass
    (copy / END_TO_END).write_bytes(b"no model")
    with pytest.raises(UserError, match="is not a TFLite model"), open_model(copy, "float32"):
        pass
    (copy / "metadata.json").unlink()
    with pytest.raises(UserError, match="has no metadata"), open_model(copy, "float32"):
        pass
