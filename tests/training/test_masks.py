"""A run's masks: from its own network, from another run, from the catalogue."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from skinnet_keras.config import CleaningConfig
from skinnet_keras.data.cache import open_cache
from skinnet_keras.data.image_io import resize_mask
from skinnet_keras.data.predicted_masks import (
    MaskRow,
    StoredMasks,
    masks_folder,
    write_mask,
    write_tables,
)
from skinnet_keras.errors import UserError
from skinnet_keras.runs.masks import PredictedMasks, holds_masks
from skinnet_keras.runs.run import Run
from skinnet_keras.training.masks import (
    import_masks,
    link_masks,
    predict_masks,
    run_of_segmenter,
    training_images,
)
from tiny_run import SIZE, build_segmenter, draw_picture, make_run


@pytest.fixture
def run(tmp_path):
    return Run.open(make_run(tmp_path))


@pytest.fixture
def cache(run):
    return open_cache(run.load_catalogue(), SIZE)


@pytest.fixture
def stored(run):
    catalogue = run.load_catalogue()
    folder = masks_folder(catalogue, "net")
    marks = (True, False, None)
    rows = [
        MaskRow(i, write_mask(folder, i, inverted(i)), f"predicted:{i}", marks[row % 3])
        for row, i in enumerate(reversed(catalogue.table["image_id"].tolist()))
    ]
    write_tables(folder, rows, {"cleaning": CleaningConfig().model_dump()})
    return StoredMasks.open(catalogue, "net")


def inverted(image_id):
    """A mask that no network here would predict."""
    return 1 - draw_picture(int(image_id.removeprefix("tiny:p")))[1]


def table_of(directory):
    with (directory / "masks.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_masks_of_the_catalogue_are_copied_at_the_training_size(run, cache, stored, tmp_path):
    masks = import_masks(stored, cache, run.directory)
    for image_id in cache.image_ids:
        expected = resize_mask(inverted(image_id), SIZE)
        np.testing.assert_array_equal(masks.of([image_id])[0], expected)
    for row in table_of(run.directory):
        origin = stored.rows[row["image_id"]]
        assert row["mask_origin"] == origin.mask_origin == f"predicted:{row['image_id']}"
        assert row["in_sample"] == origin.in_sample_cell
    assert {row["in_sample"] for row in table_of(run.directory)} == {"", "0", "1"}


def test_a_mask_that_cannot_be_read_leaves_the_run_without_masks(run, cache, stored):
    (stored.folder / "tiny" / "p7.png").write_text("damaged")
    with pytest.raises(UserError, match=r"p7\.png cannot be read"):
        import_masks(stored, cache, run.directory)
    assert not list(run.directory.glob("*masks*"))
    assert not holds_masks(run.directory, cache.image_ids)


def test_a_run_holds_the_masks_of_some_images_only(run, cache, stored):
    import_masks(stored, cache, run.directory)
    assert holds_masks(run.directory, cache.image_ids)
    assert not holds_masks(run.directory, [*cache.image_ids, "tiny:p99"])
    with pytest.raises(UserError, match=r"tiny:p99"):
        PredictedMasks.open(run.directory).of(["tiny:p0", "tiny:p99"])


def test_predicted_masks_say_which_images_the_network_was_trained_on(run, cache):
    masks = predict_masks(
        run, build_segmenter(), cache, threshold=0.5, trained_on={"tiny:p3", "x"}, batch_size=5
    )
    truth = [resize_mask(draw_picture(i)[1], SIZE) for i in range(len(cache.image_ids))]
    assert (masks.of(cache.image_ids) == truth).mean() > 0.97
    assert {row["mask_origin"] for row in table_of(run.directory)} == {
        "predicted:tiny_v2/tiny_segmenter"
    }
    assert training_images(run) == {"tiny:p3"}


def test_training_images_are_told_by_the_run_that_trained_the_network(run, tmp_path):
    assert training_images(run) is None  # it has no table of masks
    assert run_of_segmenter(run) is run
    segmenter = run.config.segmenter.model_copy(update={"run": str(run.directory)})
    config = run.config.model_copy(update={"segmenter": segmenter})
    found = run_of_segmenter(Run(tmp_path / "second", config, run.catalogue))
    assert found is not None
    assert found.directory == run.directory
    (run.directory / "config.yaml").unlink()
    assert run_of_segmenter(Run(tmp_path / "second", config, run.catalogue)) is None
    none = run.config.model_copy(update={"segmenter": None})
    assert run_of_segmenter(Run(tmp_path / "second", none, run.catalogue)) is None


def test_links_to_masks_that_are_gone_give_one_sentence(run, cache, stored, tmp_path):
    import_masks(stored, cache, run.directory)
    (tmp_path / "second").mkdir()
    linked = link_masks(run.directory, tmp_path / "second")
    np.testing.assert_array_equal(linked.masks, PredictedMasks.open(run.directory).masks)
    (run.directory / "masks.npy").unlink()
    with pytest.raises(UserError, match="holds no predicted masks"):
        link_masks(run.directory, tmp_path / "second")
