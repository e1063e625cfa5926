"""What an experiment refuses before it starts, and where the masks of its classifier come from."""

from __future__ import annotations

import csv
import os
import shutil

import numpy as np
import pytest
from PIL import Image

from skinnet_keras.config import CleaningConfig, Config
from skinnet_keras.data.cache import open_cache
from skinnet_keras.data.image_io import resize_mask
from skinnet_keras.data.predicted_masks import MaskRow, masks_folder, write_mask, write_tables
from skinnet_keras.errors import UserError
from skinnet_keras.experiment import run_experiment, start_run
from skinnet_keras.runs.run import Run
from tiny_run import IMAGES, SIZE, draw_picture, make_catalogue, make_run


def config_of(segmenter, **changes):
    settings = {
        "name": "other",
        "image_size": SIZE,
        "model": {"variant": "v2", "backbone": "mbconv_tiny", "metadata_units": [8, 8]},
        "segmenter": segmenter,
        "stages": {"cnn": {"epochs": 1, "batch_size": 4}},
        "workers": 0,
    }
    return Config.model_validate(settings | changes)


def store_masks(catalogue, name, *, count=IMAGES, cleaning=None, contents=None):
    """Keep masks that no network would predict: everything but the lesion."""
    folder = masks_folder(catalogue, name)
    rows = [
        MaskRow(
            i,
            write_mask(folder, i, 1 - draw_picture(row)[1]),
            f"predicted:{name}",
            False,
            contents[i].image if contents else "",
        )
        for row, i in enumerate(catalogue.table["image_id"][:count])
    ]
    write_tables(folder, rows, {"cleaning": (cleaning or CleaningConfig()).model_dump()})


def test_masks_of_a_run_with_another_cleaning_are_refused(tmp_path):
    source = make_run(tmp_path / "source", cleaning=CleaningConfig(borders=True))
    for name in ("masks.npy", "masks.csv"):
        (source / name).touch()
    catalogue = Run.open(source).load_catalogue()
    config = config_of({"run": str(source)})
    with pytest.raises(UserError, match="trained with another cleaning section"):
        start_run(config, catalogue, tmp_path / "run")
    same = config_of({"run": str(source)}, cleaning=CleaningConfig(borders=True))
    start_run(same, catalogue, tmp_path / "run")
    assert Run.open(tmp_path / "run").config.cleaning.borders


def test_masks_of_the_catalogue_that_do_not_serve_are_refused(tmp_path):
    source = make_run(tmp_path / "source")
    catalogue = Run.open(source).load_catalogue()
    store_masks(catalogue, "few", count=IMAGES - 1)
    store_masks(catalogue, "cleaned", cleaning=CleaningConfig(hair=True))
    for masks, message in (
        ("absent", r"no predicted masks called 'absent': it has cleaned, few"),
        ("few", r"few has no mask of tiny:p11 \(1 images lack one\)"),
        ("cleaned", r"cleaned was predicted with another cleaning section"),
    ):
        with pytest.raises(UserError, match=message):
            start_run(config_of({"run": str(source), "masks": masks}), catalogue, tmp_path / "run")
    stages = {"segmentation": {"epochs": 1}, "cnn": {"epochs": 1}}
    with pytest.raises(UserError, match=r"segmenter\.masks needs segmenter\.run"):
        start_run(config_of({"masks": "few"}, stages=stages), catalogue, tmp_path / "run")
    with pytest.raises(UserError, match=r"holds no masks\.npy"):
        start_run(config_of({"run": str(source)}), catalogue, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def redraw(path, *, mask=False):
    Image.fromarray(draw_picture(77)[1] * 255 if mask else draw_picture(77)[0]).save(path)


def test_run_does_not_go_on_with_other_pixels(tmp_path):
    catalogue = make_catalogue(tmp_path / "data")
    cache = open_cache(catalogue, SIZE)
    stages = {"segmentation": {"epochs": 1}, "cnn": {"epochs": 1}}
    run = Run.create(tmp_path / "run", config_of({}, stages=stages), catalogue)
    run.record_pixels(cache)
    plain = start_run(config_of(None, model={"variant": "v1"}), catalogue, tmp_path / "plain")
    path = catalogue.image_path("tiny:p3")
    os.utime(path, ns=(1, 1))  # as copies have it
    run.check_pixels(open_cache(catalogue, SIZE), masks=True)
    redraw(catalogue.mask_path("tiny:p3"), mask=True)
    with pytest.raises(UserError, match=r"the masks of .* changed on disk since .*run was started"):
        run_experiment(Run.open(run.directory))
    plain.check_pixels(open_cache(catalogue, SIZE), masks=False)
    redraw(path)
    with pytest.raises(UserError, match=r"the images of .* changed on disk since .*plain was"):
        run_experiment(Run.open(plain.directory))


def test_runs_of_earlier_versions_and_damaged_notes(tmp_path):
    catalogue = make_catalogue(tmp_path / "data")
    run = start_run(config_of(None, model={"variant": "v1"}), catalogue, tmp_path / "run")
    cache = open_cache(catalogue, SIZE)
    for text in ("{", "[]", "{}", "null"):
        (run.directory / "pixels.json").write_text(text)
        with pytest.raises(UserError, match=r"pixels\.json is damaged: restore it"):
            run.check_pixels(cache, masks=True)
    (run.directory / "pixels.json").unlink()
    run.check_pixels(cache, masks=True)


def test_masks_predicted_on_other_pixels_are_refused(tmp_path):
    source = make_run(tmp_path / "source")
    catalogue = Run.open(source).load_catalogue()
    cache = open_cache(catalogue, SIZE)
    Run.open(source).record_pixels(cache)
    for name in ("masks.npy", "masks.csv"):
        (source / name).touch()
    store_masks(catalogue, "all", contents=cache.contents())
    redraw(catalogue.image_path("tiny:p3"))
    with pytest.raises(UserError, match=r"the images of .* changed on disk since .*source/run was"):
        start_run(config_of({"run": str(source)}), catalogue, tmp_path / "run")
    with pytest.raises(UserError, match=r"1 images changed since .*all was predicted"):
        start_run(config_of({"run": str(source), "masks": "all"}), catalogue, tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.fixture
def _eager():
    """Tracing graphs takes most of the time of trainings this small."""
    tf = pytest.importorskip("tensorflow")
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.mark.usefixtures("_eager")
def test_classifier_sees_the_masks_of_the_catalogue_and_resumes_without_them(tmp_path):
    source = make_run(tmp_path / "source")
    catalogue = Run.open(source).load_catalogue()
    store_masks(catalogue, "inverted")
    config = config_of({"run": str(source), "masks": "inverted"})
    run = start_run(config, catalogue, tmp_path / "run")
    metrics = run_experiment(run)
    masks = np.load(run.directory / "masks.npy")
    expected = [resize_mask(1 - draw_picture(i)[1], SIZE) for i in range(IMAGES)]
    np.testing.assert_array_equal(masks, expected)
    with (run.directory / "masks.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {(row["mask_origin"], row["in_sample"]) for row in rows} == {("predicted:inverted", "0")}
    network = (run.directory / "segmenter.keras").read_bytes()
    assert network == (source / "segmenter.keras").read_bytes()

    # The run needs neither the other run nor the catalogue's masks again.
    shutil.rmtree(source)
    shutil.rmtree(catalogue.root / "masks")
    assert run_experiment(Run.open(run.directory)) == metrics
