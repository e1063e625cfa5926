"""Whatever a file or an argument holds: a value of the right kind, or one sentence. Never else.

Each surface has inputs made by damaging what is right (bytes changed, cut out, doubled) and inputs
made from nothing. 100 of each kind run by default, 1,000 in the slow suite.
"""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from layouts import WRITERS, picture
from skinnet_keras.config import Config, load_config
from skinnet_keras.data.catalogue import COLUMNS, Catalogue
from skinnet_keras.data.image_io import read_image, read_mask, read_size
from skinnet_keras.data.metadata import METADATA_DIM, MetadataEncoder
from skinnet_keras.data.sources import SOURCES
from skinnet_keras.data.splits import read_folds, read_splits
from skinnet_keras.errors import UserError
from skinnet_keras.evaluation.calibration.files import read_calibration, read_thresholds
from skinnet_keras.evaluation.decisions.costs import read_costs
from skinnet_keras.evaluation.predictions import read_predictions
from skinnet_keras.inference.sidecar import Sidecar, read_sidecar
from skinnet_keras.presets import find_config, find_costs
from skinnet_keras.runs.masks import read_mask_table
from skinnet_keras.runs.run import read_environment, read_history
from skinnet_keras.runs.view_record import read_tta
from small_catalogue import write_small_catalogue

# Words that mean something to one parser or another.
TOKENS = (
    *(b"", b"\0", b"\n", b"\r\n", b",", b";", b"\t", b'"', b"'", b"nan", b"NaN", b"-1", b"1e999"),
    *(b"-Infinity", b"null", b"[]", b"{}", b"[[[[", b"&a", b"*a", b"<<:", b"!!python/name:os.x"),
    *(rb'"\ud800"', b"[" * 600, b"Infinity", b"0_1", b"2" * 5000),
    *(rb'"\ud800"', b"[" * 600, b"Infinity", b"0_1", b"2" * 5000),
    *(b"../../etc/passwd", b"\xff\xfe", b"\xef\xbb\xbf", b"2024-13-45", b"0" * 400, b"\xf0\x28"),
)
_DEADLINE_MS = 10_000  # the machine is shared; a hang is far longer


@dataclass(frozen=True)
class Damage:
    """Changes to a file: at a share of its length, so many bytes are replaced by others."""

    changes: tuple[tuple[float, int, bytes], ...]
    keep: float

    def of(self, content: bytes) -> bytes:
        """The damaged content."""
        for place, length, new in self.changes:
            start = int(place * len(content))
            content = content[:start] + new + content[start + length :]
        return content[: int(self.keep * len(content))] if self.keep < 1 else content


CHANGE = st.tuples(
    st.floats(0, 1),
    st.integers(0, 12),
    st.one_of(st.sampled_from(TOKENS), st.binary(max_size=8)),
)
DAMAGE = st.builds(
    Damage,
    st.lists(CHANGE, min_size=1, max_size=4).map(tuple),
    st.one_of(st.just(1.0), st.just(1.0), st.floats(0, 1)),
)


ODD_VALUES = st.one_of(
    st.sampled_from([None, True, "", "NV", -1, 0, 1e308, float("nan"), float("inf"), 10**299]),
    st.sampled_from([[], {}, [[]], {"": None}, [None], {"a": [1]}, "\0", "\u2028", "../x"]),
    st.integers(),
    st.text(max_size=5),
)


def replaced(content: bytes, place: float, value: Any) -> bytes:
    """JSON with another value in one place, anywhere from the whole to a leaf."""
    whole = {"": json.loads(content)}
    places: list[tuple[Any, Any]] = [(whole, "")]
    for holder, key in places:
        inner = holder[key]
        keys = range(len(inner)) if isinstance(inner, list) else inner
        places += [(inner, k) for k in keys] if isinstance(inner, list | dict) else []
    holder, key = places[int(place * (len(places) - 1))]
    holder[key] = value
    return json.dumps(whole[""]).encode()


def damaged(files: dict[str, bytes]) -> st.SearchStrategy[tuple[str, bytes]]:
    """One of some right files, damaged; now and then bytes that were never right."""

    def of(name: str) -> st.SearchStrategy[tuple[str, bytes]]:
        bytes_changed = DAMAGE.map(lambda damage: (name, damage.of(files[name])))
        if not name.endswith(".json"):
            return bytes_changed
        changes = st.tuples(st.floats(0, 1), ODD_VALUES)
        values_changed = changes.map(lambda change: (name, replaced(files[name], *change)))
        return st.one_of(bytes_changed, values_changed)

    right = st.sampled_from(sorted(files)).flatmap(of)
    return st.one_of(right, right, right, st.tuples(st.just("x.bin"), st.binary(max_size=200)))


def fuzz(strategy: st.SearchStrategy, check: Callable[[Any], Any], examples: int) -> None:
    """Feed examples to a check; refusals must be one line that says something."""

    @settings(
        max_examples=examples,
        deadline=_DEADLINE_MS,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def run(value: Any) -> None:
        try:
            check(value)
        except UserError as error:
            _check_sentence(error)

    run()


def _check_sentence(error: UserError) -> None:
    said = str(error)
    assert said
    assert "\n" not in said
    said.encode("utf-8")  # it can be printed
    said.encode("utf-8")  # it can be printed
    assert "Traceback" not in said


EXAMPLES = [
    pytest.param(100, id="100"),
    pytest.param(1000, id="1000", marks=pytest.mark.slow),
]


def images() -> dict[str, bytes]:
    """Small files of every format, bit depth and oddity that cameras and editors write."""
    rgb = Image.fromarray(picture(1, 24, 16))
    exif = Image.Exif()
    exif[0x0112] = 6
    grey = Image.fromarray(np.arange(384, dtype=np.uint16).reshape(16, 24) * 170)
    made = {
        "plain.jpg": (rgb, "JPEG", {}),
        "turned.jpg": (rgb, "JPEG", {"exif": exif}),
        "cmyk.jpg": (rgb.convert("CMYK"), "JPEG", {}),
        "plain.png": (rgb, "PNG", {}),
        "alpha.png": (rgb.convert("RGBA"), "PNG", {}),
        "palette.png": (rgb.quantize(8), "PNG", {}),
        "grey16.png": (grey, "PNG", {}),
        "one_bit.png": (rgb.convert("1"), "PNG", {}),
        "plain.bmp": (rgb, "BMP", {}),
        "plain.tif": (rgb, "TIFF", {"compression": "tiff_lzw"}),
        "float.tif": (Image.fromarray(np.eye(16, dtype=np.float32)), "TIFF", {}),
    }
    files = {}
    for name, (image, kind, options) in made.items():
        buffer = io.BytesIO()
        image.save(buffer, kind, **options)
        files[name] = buffer.getvalue()
    huge = bytearray(files["plain.png"])
    huge[16:24] = struct.pack(">II", 2**31 - 1, 2**31 - 1)
    return {**files, "huge.png": bytes(huge)}


@pytest.mark.parametrize("examples", EXAMPLES)
def test_images_and_masks(examples, tmp_path):
    def check(case: tuple[str, bytes]) -> None:
        name, content = case
        path = tmp_path / name
        path.write_bytes(content)
        read: list[Any] = []
        for reader in (read_image, read_mask, read_size):
            try:
                read.append(reader(path))
            except UserError as error:
                _check_sentence(error)
                read.append(None)
        image, mask, size = read
        if image is not None:
            assert image.dtype == np.uint8
            assert image.ndim == 3
            assert image.shape[2] == 3
            assert size is not None
        if mask is not None:
            assert mask.ndim == 2
            assert set(np.unique(mask)) <= {0, 1}

    fuzz(damaged(images()), check, examples)


@pytest.fixture(scope="module")
def layouts_on_disk(tmp_path_factory) -> dict[str, tuple[str, Path, Path]]:
    """ "source/file" -> source, its root, and a table of it."""
    found = {}
    for name, write in WRITERS.items():
        root = write(tmp_path_factory.mktemp(name))
        for path in sorted(root.rglob("*")):
            if path.suffix in (".csv", ".txt", ".tab", ".xlsx") and path.is_file():
                found[f"{name}/{path.relative_to(root)}"] = (name, root, path)
    assert len(found) > 15
    return found


@pytest.mark.parametrize("examples", EXAMPLES)
def test_tables_of_every_data_set(examples, layouts_on_disk):
    files = {key: path.read_bytes() for key, (_, _, path) in layouts_on_disk.items()}

    def check(case: tuple[str, bytes]) -> None:
        key, content = case
        if key not in layouts_on_disk:
            key = "folder/labels.csv"
        name, root, path = layouts_on_disk[key]
        path.write_bytes(content)
        try:
            table = SOURCES[name].read(root)
        finally:
            path.write_bytes(files[key])
        assert len({row.stem for row in table.rows}) == len(table.rows)
        for row in table.rows:
            assert (root / row.path).resolve().is_relative_to(root.resolve())
            assert (root / row.path).is_file()

    fuzz(damaged(files), check, examples)


@pytest.mark.parametrize("examples", EXAMPLES)
def test_catalogues(examples, tmp_path):
    root = tmp_path / "catalogue"
    root.mkdir()
    write_small_catalogue(tmp_path / "made").write(root)
    files = {path.name: path.read_bytes() for path in root.iterdir()}

    def check(case: tuple[str, bytes]) -> None:
        name, content = case
        name = name if name in files else "catalogue.csv"
        (root / name).write_bytes(content)
        try:
            catalogue = Catalogue.load(root)
            assert set(COLUMNS) <= set(catalogue.table.columns)
            assert catalogue.table["image_id"].is_unique
            for image_id in catalogue.table["image_id"]:
                catalogue.image_path(image_id)
                catalogue.mask_path(image_id)
        finally:
            (root / name).write_bytes(files[name])

    fuzz(damaged(files), check, examples)


CELLS = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(max_size=12),
        st.sampled_from(["adamw", "cosine", "v1", "v4", "none", "1e300", "2024-13-45"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["name", "epochs", "schedule", "methods"]), inner),
    ),
    max_leaves=6,
)


@pytest.mark.parametrize("examples", EXAMPLES)
def test_configs(examples, tmp_path):
    files = {
        f"{name}.yaml": find_config(name).read_bytes()
        for name in ("skinnet_v4", "demo", "classical", "ablations/losses")
    }

    def check(case: tuple[str, bytes]) -> None:
        path = tmp_path / case[0].replace("/", "_")
        path.write_bytes(case[1])
        assert isinstance(load_config(path), Config)

    fuzz(damaged(files), check, examples)


KEYS = (
    *("image_size", "seed", "stages.cnn.optimizer.learning_rate", "stages.head.views", "balance"),
    *("model.variant", "stages.cnn", "loss.gamma", "cleaning.hair", "unseen", "model.head_units"),
)


@pytest.mark.parametrize("examples", EXAMPLES)
def test_values_on_the_command_line(examples):
    config = find_config("skinnet_v4")
    value = st.one_of(
        CELLS.map(lambda cell: json.dumps(cell, ensure_ascii=False)),
        st.text(max_size=30),
        st.sampled_from(TOKENS).map(lambda token: token.decode("latin-1")),
    )
    override = st.one_of(st.builds("{}={}".format, st.sampled_from(KEYS), value), st.text())

    def check(override: str) -> None:
        assert isinstance(load_config(config, [override]), Config)

    fuzz(override, check, examples)


@pytest.mark.parametrize("examples", EXAMPLES)
def test_patients(examples):
    encoder = MetadataEncoder()
    words = st.one_of(
        st.none(),
        st.text(max_size=12),
        st.sampled_from(["female", " Male ", "female male", "torso", "back", "nan", "unknown"]),
    )
    ages = st.one_of(st.none(), st.floats(), st.integers(), st.booleans(), st.text(max_size=8))

    def check(patient: tuple[Any, Any, Any]) -> None:
        vector = encoder.encode(*patient)
        assert vector.shape == (METADATA_DIM,)
        assert np.isfinite(vector).all()
        assert vector.min() >= 0
        assert vector.max() <= 1.2  # 120 years

    fuzz(st.tuples(ages, words, words), check, examples)


@pytest.mark.parametrize("examples", EXAMPLES)
def test_predictions_files(examples, tmp_path):
    rows = "".join(f"a:{n},{'MEL' if n % 2 else 'NV'},0.{n}5,0.{9 - n}5,g{n}\n" for n in range(6))
    files = {"predictions.csv": f"image_id,label,MEL,NV,group\n{rows}".encode()}

    def check(case: tuple[str, bytes]) -> None:
        path = tmp_path / case[0]
        path.write_bytes(case[1])
        read = read_predictions(path)
        assert read.probabilities.shape == (len(read.image_ids), len(read.classes))
        assert np.isfinite(read.probabilities).all()
        assert read.probabilities.min() >= 0

    fuzz(damaged(files), check, examples)


@pytest.mark.parametrize("examples", EXAMPLES)
def test_metadata_of_models(examples, tmp_path):
    classes = ["MEL", "NV", "BCC"]
    content = {
        "classes": classes,
        "mask_threshold": 0.5,
        "image_size": 32,
        "cleaning": {"hair": True, "hair_contrast": 11},
        "decision": {"thresholds": dict.fromkeys(classes, 0.5)},
    }
    files = {"metadata.json": json.dumps(content).encode()}
    model = tmp_path / "model.tflite"

    def check(case: tuple[str, bytes]) -> None:
        (tmp_path / "metadata.json").write_bytes(case[1])
        sidecar = read_sidecar(model)
        assert isinstance(sidecar, Sidecar)
        assert len(set(sidecar.classes)) == len(sidecar.classes) > 0
        assert 0 < sidecar.mask_threshold < 1

    fuzz(damaged(files), check, examples)


def small_files(folder: Path) -> dict[str, Callable[[Path], Any]]:
    """Files that users write or that lie in runs: makes them, and gives the reader of each."""
    origin = {"file": "predictions_val.csv", "sha256": "0" * 64, "images": 3}
    scale = {"kind": "temperature", "classes": ["MEL", "NV"], "scale": [1.5, 1.5], "bias": [0, 0]}
    decisions = {
        "thresholds": {"MEL": 0.2, "NV": 0.5},
        "abstention": {
            "score": "max_probability",
            "threshold": 0.6,
            "target": "coverage",
            "value": 0.8,
        },
    }
    contents = {
        "costs.yaml": find_costs("melanoma_first").read_text(encoding="utf-8"),
        "splits.csv": "image_id,split,fold\na:1,train,0\na:2,val,1\na:3,test,\n",
        "calibration.json": json.dumps({**scale, "fitted_on": origin}),
        "thresholds.json": json.dumps({**decisions, "fitted_on": origin}),
        "history.csv": "stage,epoch,seconds,loss\r\ncnn,1,2.5,0.7\r\ncnn,2,2.5,0.6\r\n",
        "masks.csv": "image_id,mask_origin,in_sample\r\na:1,predicted:a,1\r\na:2,predicted:a,\r\n",
        "environment.json": json.dumps({"catalogue": "/data/catalogue", "seed": 1}),
        "tta.json": json.dumps({"run": {"path": "runs/a"}, "views": {"name": "flips", "count": 4}}),
    }
    for name, content in contents.items():
        (folder / name).write_text(content, encoding="utf-8", newline="")
    ids = ["a:1", "a:2", "a:3"]
    return {
        "costs.yaml": read_costs,
        "splits.csv": lambda path: (read_splits(path, ids), read_folds(path, ids)),
        "calibration.json": read_calibration,
        "thresholds.json": read_thresholds,
        "history.csv": lambda path: read_history(path.parent),
        "masks.csv": lambda path: read_mask_table(path.parent),
        "environment.json": lambda path: read_environment(path.parent),
        "tta.json": lambda path: read_tta(path.parent),
    }


@pytest.mark.parametrize("examples", EXAMPLES)
def test_files_of_users_and_of_runs(examples, tmp_path):
    readers = small_files(tmp_path)
    files = {name: (tmp_path / name).read_bytes() for name in readers}
    for name, reader in readers.items():
        assert reader(tmp_path / name) is not None

    def check(case: tuple[str, bytes]) -> None:
        name, content = case
        name = name if name in readers else "costs.yaml"
        (tmp_path / name).write_bytes(content)
        try:
            readers[name](tmp_path / name)
        finally:
            (tmp_path / name).write_bytes(files[name])

    fuzz(damaged(files), check, examples)
