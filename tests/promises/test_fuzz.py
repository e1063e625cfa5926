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
from skinnet_keras.errors import UserError
from skinnet_keras.evaluation.predictions import read_predictions
from skinnet_keras.inference.sidecar import Sidecar, read_sidecar
from skinnet_keras.presets import find_config
from small_catalogue import write_small_catalogue

# Words that mean something to one parser or another.
TOKENS = (
    *(b"", b"\0", b"\n", b"\r\n", b",", b";", b"\t", b'"', b"'", b"nan", b"NaN", b"-1", b"1e999"),
    *(b"-Infinity", b"null", b"[]", b"{}", b"[[[[", b"&a", b"*a", b"<<:", b"!!python/name:os.x"),
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


def damaged(files: dict[str, bytes]) -> st.SearchStrategy[tuple[str, bytes]]:
    """One of some right files, damaged; now and then bytes that were never right."""
    right = st.sampled_from(sorted(files)).flatmap(
        lambda name: DAMAGE.map(lambda damage: (name, damage.of(files[name])))
    )
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
