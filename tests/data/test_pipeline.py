from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from skinnet_keras.data.augmentation import Augmenter, augment_batch
from skinnet_keras.data.batch_source import BatchSource
from skinnet_keras.data.cache import ImageCache, open_cache
from skinnet_keras.data.catalogue import COLUMNS, Catalogue
from skinnet_keras.data.metadata import MetadataEncoder
from skinnet_keras.data.pipeline import Samples, evaluation_dataset, training_dataset
from skinnet_keras.data.samples import (
    augmentation_indices,
    augmentation_keys,
    draw_epoch,
    drop_metadata,
)
from skinnet_keras.data.views import View
from skinnet_keras.data.worker_pool import WorkerError, WorkerPool
from skinnet_keras.errors import UserError

SIZE = 16
COUNT = 10


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> ImageCache:
    """Ten images; image i is grey level 20 i, with a mask of its upper i rows."""
    root = tmp_path_factory.mktemp("catalogue")
    rows = []
    for i in range(COUNT):
        Image.new("RGB", (SIZE, SIZE), (20 * i,) * 3).save(root / f"{i}.png")
        mask = np.zeros((SIZE, SIZE), dtype=np.uint8)
        mask[:i] = 255
        Image.fromarray(mask).save(root / f"{i}_mask.png")
        row = {"image_id": f"made:{i}", "source": "made"}
        rows.append(row | {"path": f"{i}.png", "mask_path": f"{i}_mask.png"})
    table = pd.DataFrame(rows).reindex(columns=list(COLUMNS), fill_value="")
    catalogue = Catalogue(root, table, {"made": root})
    return open_cache(catalogue, SIZE, workers=1)


def make_samples(cache: ImageCache, **changes) -> Samples:
    values = {
        "cache": cache,
        "image_ids": list(cache.image_ids),
        "labels": np.arange(COUNT) % 8,
        "metadata": np.eye(COUNT, 14, dtype=np.float32),
        "input_names": ("image", "mask", "metadata"),
    }
    return Samples(**{**values, **changes})


def take(samples: Samples, batches: int, **changes) -> list:
    values = {"batch_size": 4, "augmenter": None, "seed": 0, "workers": 0}
    with training_dataset(samples, **{**values, **changes}) as data:
        return [batch for batch, _ in zip(data.dataset.as_numpy_iterator(), range(batches))]  # noqa: B905


def order_of(batches: list) -> list[int]:
    """The positions of the images, read off their metadata rows."""
    return [int(i) for batch in batches for i in batch[0]["metadata"].argmax(axis=1)]


def flat(batches: list) -> bytes:
    return b"".join(batch[0][name].tobytes() for batch in batches for name in sorted(batch[0]))


def test_everything_of_an_image_stays_together(cache):
    weights = np.linspace(0.5, 1.5, COUNT).astype(np.float32)
    for x, y, weight in take(make_samples(cache, sample_weight=weights), 5):
        positions = x["metadata"].argmax(axis=1)
        assert x["image"].shape == (4, SIZE, SIZE, 3)
        assert x["mask"].shape == (4, SIZE, SIZE, 1)
        assert {array.dtype for array in x.values()} == {np.dtype("float32")}
        np.testing.assert_array_equal(x["image"][:, 3, 3, 1], 20.0 * positions)
        np.testing.assert_array_equal(x["mask"].sum(axis=(1, 2, 3)), SIZE * positions)
        np.testing.assert_array_equal(y, np.eye(8, dtype=np.float32)[positions % 8])
        np.testing.assert_array_equal(weight, weights[positions])


def test_the_model_is_fed_what_it_declares(cache):
    ((x, y),) = take(make_samples(cache, input_names=("image",), target="mask"), 1)
    assert set(x) == {"image"}
    positions = x["image"][:, 0, 0, 0] / 20
    np.testing.assert_array_equal(y["mask_logits"].sum(axis=(1, 2, 3)), SIZE * positions)


def test_label_and_mask_are_targets_with_weights_of_their_own(cache):
    of_masks = (np.arange(COUNT) % 2 * 2.0).astype(np.float32)
    of_labels = np.linspace(0.5, 1.5, COUNT).astype(np.float32)
    samples = make_samples(
        cache,
        input_names=("image", "metadata"),
        target="label_and_mask",
        mask_weight=of_masks,
        sample_weight=of_labels,
    )
    for x, y, weight in take(samples, 2):
        positions = x["metadata"].argmax(axis=1)
        assert set(x) == {"image", "metadata"}
        np.testing.assert_array_equal(y["diagnosis"], np.eye(8, dtype="f4")[positions % 8])
        np.testing.assert_array_equal(y["mask_logits"].sum(axis=(1, 2, 3)), SIZE * positions)
        np.testing.assert_array_equal(weight["diagnosis"], of_labels[positions])
        np.testing.assert_array_equal(weight["mask_logits"], of_masks[positions])
    _, _, weight = take(replace(samples, sample_weight=None), 1)[0]
    np.testing.assert_array_equal(weight["diagnosis"], np.ones(4))


GEOMETRY = Augmenter(SIZE, cutout=0, distortion=0, geometry=1.0, blur=0, brightness_contrast=0)


def test_a_mask_that_is_a_target_moves_with_its_image(cache):
    """Images are painted white where their mask is, and stay so."""
    painted = replace(cache, images=255 * np.stack([cache.masks] * 3, axis=-1))
    ones = np.ones(COUNT, np.float32)
    samples = make_samples(
        painted, input_names=("image",), target="label_and_mask", mask_weight=ones
    )
    ((_, plain, _),) = take(samples, 1, batch_size=COUNT)
    ((x, moved, _),) = take(samples, 1, batch_size=COUNT, augmenter=GEOMETRY)
    assert (plain["mask_logits"] != moved["mask_logits"]).mean() > 0.05
    agreement = (x["image"][..., :1] > 127) == (moved["mask_logits"] > 0)
    assert agreement.mean() > 0.97


def test_workers_augment_both_targets_as_this_process_does(cache):
    weights = np.arange(COUNT, dtype=np.float32)
    samples = make_samples(
        cache, input_names=("image",), target="label_and_mask", mask_weight=weights
    )
    here, there = (
        take(samples, 2, augmenter=GEOMETRY, workers=workers, first_epoch=1) for workers in (0, 1)
    )
    for (x, y, weight), (other_x, other_y, other_weight) in zip(here, there, strict=True):
        np.testing.assert_array_equal(x["image"], other_x["image"])
        for name in ("diagnosis", "mask_logits"):
            np.testing.assert_array_equal(y[name], other_y[name])
            np.testing.assert_array_equal(weight[name], other_weight[name])


def test_images_without_a_mask_need_a_weight_of_zero(cache):
    known = np.arange(COUNT) != 3
    half = replace(cache, has_mask=known)
    values = {"input_names": ("image",), "target": "label_and_mask"}
    weight = known.astype(np.float32)
    assert len(make_samples(half, mask_weight=weight, **values)) == COUNT
    with pytest.raises(UserError, match="made:3"):
        make_samples(half, mask_weight=np.ones(COUNT, np.float32), **values)
    with pytest.raises(ValueError, match="mask_weight"):
        make_samples(cache, **values)
    with pytest.raises(ValueError, match="cannot be an input"):
        make_samples(cache, target="label_and_mask", mask_weight=weight)


def test_masks_of_the_run_replace_the_caches(cache):
    masks = np.zeros((COUNT, SIZE, SIZE), dtype=np.uint8)
    masks[:, 0, : COUNT // 2] = 1
    for x, _ in take(make_samples(cache, masks=masks), 2):
        np.testing.assert_array_equal(x["mask"].sum(axis=(1, 2, 3)), COUNT // 2)


def test_each_epoch_is_a_new_permutation_that_depends_on_seed_and_epoch(cache):
    samples = make_samples(cache)
    orders = [draw_epoch(samples, seed=seed, epoch=epoch) for seed in (0, 1) for epoch in (0, 1, 2)]
    assert all(sorted(order) == list(range(COUNT)) for order in orders)
    assert len({tuple(order) for order in orders}) == len(orders)
    np.testing.assert_array_equal(draw_epoch(samples, seed=1, epoch=1), orders[4])


def test_stream_runs_through_the_epochs_without_the_remainder(cache):
    samples = make_samples(cache)
    expected = [int(i) for epoch in range(3) for i in draw_epoch(samples, seed=0, epoch=epoch)[:8]]
    assert order_of(take(samples, 6)) == expected


def test_remainder_can_be_kept(cache):
    samples = make_samples(cache)
    with training_dataset(
        samples, batch_size=4, augmenter=None, seed=0, workers=0, drop_remainder=False
    ) as data:
        assert data.steps_per_epoch == 3
        sizes = [len(y) for (_, y), _ in zip(data.dataset, range(6))]  # noqa: B905
    assert sizes == [4, 4, 2, 4, 4, 2]


def test_augmentation_of_an_image_depends_on_seed_epoch_and_index_only(cache):
    augmenter = Augmenter(SIZE, cutout=1.0)

    def by_image(**changes) -> dict[int, bytes]:
        batches = take(make_samples(cache), 2, augmenter=augmenter, **changes)
        images = [image.tobytes() for batch in batches for image in batch[0]["image"]]
        return dict(zip(order_of(batches), images, strict=True))

    # Another batch size takes more images into the epoch; those in both are equal.
    four, five = by_image(batch_size=4), by_image(batch_size=5)
    assert {i: image for i, image in five.items() if i in four} == four
    assert by_image(batch_size=5, seed=1)[3] != five[3]
    assert by_image(batch_size=5, first_epoch=1)[3] != five[3]


def test_balanced_sampling_follows_the_weights_and_augments_repetitions_differently(cache):
    weights = np.zeros(COUNT)
    weights[[2, 5]] = (3.0, 1.0)
    samples = make_samples(cache, sampling_weights=weights)
    draws = np.concatenate([draw_epoch(samples, seed=0, epoch=epoch) for epoch in range(100)])
    assert set(draws) == {2, 5}
    assert abs((draws == 2).mean() - 0.75) < 4 * np.sqrt(0.75 * 0.25 / len(draws))
    batches = take(samples, 2, augmenter=Augmenter(SIZE, cutout=1.0))
    images = {image.tobytes() for batch in batches for image in batch[0]["image"]}
    assert len(images) >= 7  # of 8; with one augmentation an image and epoch there would be 2


def test_keys_for_the_accelerator_come_with_images_as_they_are(cache):
    samples = make_samples(cache)

    def by_image(**changes) -> dict[int, tuple[int, ...]]:
        batches = take(samples, 2, with_keys=True, **changes)
        rows = np.concatenate([x["augmentation_key"] for x, _ in batches])
        assert rows.dtype == np.uint32
        return dict(zip(order_of(batches), map(tuple, rows.tolist()), strict=True))

    for x, _ in take(samples, 2, with_keys=True):
        positions = x["metadata"].argmax(axis=1)
        np.testing.assert_array_equal(x["image"][:, 3, 3, 1], 20.0 * positions)
        np.testing.assert_array_equal(x["mask"].sum(axis=(1, 2, 3)), SIZE * positions)
    four, five = by_image(batch_size=4), by_image(batch_size=5, metadata_dropout=0.0)
    assert {i: key for i, key in five.items() if i in four} == four
    expected = augmentation_keys(seed=0, epoch=0, indices=np.arange(COUNT))
    assert five == {i: tuple(key) for i, key in enumerate(expected.tolist())}
    for changes in ({"seed": 1}, {"first_epoch": 1}):
        other = by_image(batch_size=5, **changes)
        assert not set(other.values()) & set(five.values())


def test_repetitions_of_an_image_get_keys_of_their_own(cache):
    samples = make_samples(cache, sampling_weights=np.eye(COUNT)[2])
    batches = take(samples, 2, with_keys=True)
    assert set(order_of(batches)) == {2}
    assert len({tuple(key) for x, _ in batches for key in x["augmentation_key"]}) == 8


def test_images_are_not_augmented_twice(cache):
    with pytest.raises(ValueError, match="not twice"):
        take(make_samples(cache), 1, augmenter=Augmenter(SIZE), with_keys=True)


def test_augmentation_indices_number_the_repetitions():
    order = np.array([2, 0, 2, 1, 2])
    np.testing.assert_array_equal(augmentation_indices(order), [2, 0, 7, 1, 12])
    permutation = np.array([3, 0, 2, 1])
    np.testing.assert_array_equal(augmentation_indices(permutation), permutation)


def test_metadata_dropout_sets_whole_entries_to_missing():
    encoder = MetadataEncoder()
    full = encoder.encode(50, "female", "head/neck")
    variants = {
        encoder.encode(age, sex, site).tobytes()
        for age in (50, None)
        for sex in ("female", None)
        for site in ("head/neck", None)
    }
    rows, n = np.stack([full] * 1000), 1000
    arguments = {"seed": 0, "epoch": 0, "indices": np.arange(n)}
    dropped = drop_metadata(rows, rate=0.25, **arguments)
    assert {row.tobytes() for row in dropped} == variants
    for missing in (1, 4, 13):  # the indicators of age, sex and site
        assert abs(dropped[:, missing].sum() - 250) < 4 * np.sqrt(n * 0.25 * 0.75)
    np.testing.assert_array_equal(drop_metadata(rows, rate=0.0, **arguments), rows)
    everything = drop_metadata(rows[:1], rate=1.0, seed=0, epoch=0, indices=np.arange(1))[0]
    np.testing.assert_array_equal(everything, encoder.encode(None, None, None))
    # Each row by its own index, not by its place in the batch.
    half = drop_metadata(rows[500:], rate=0.25, seed=0, epoch=0, indices=np.arange(500, n))
    np.testing.assert_array_equal(half, dropped[500:])


def test_metadata_dropout_in_the_stream(cache):
    batches = take(make_samples(cache), 4, metadata_dropout=1.0)
    missing = MetadataEncoder().encode(None, None, None)
    for x, _ in batches:
        np.testing.assert_array_equal(x["metadata"], np.stack([missing] * 4))


def test_evaluation_keeps_the_order_and_the_remainder(cache):
    dataset = evaluation_dataset(make_samples(cache), batch_size=4)
    batches = list(dataset.as_numpy_iterator())
    assert int(dataset.cardinality()) == 3
    assert [len(batch[1]) for batch in batches] == [4, 4, 2]
    assert order_of(batches) == list(range(COUNT))


def test_evaluation_pads_with_the_last_image(cache):
    dataset = evaluation_dataset(make_samples(cache), batch_size=4, pad=True)
    assert order_of(list(dataset.as_numpy_iterator())) == [*range(COUNT), COUNT - 1, COUNT - 1]
    assert dataset.element_spec[1].shape == (4, 8)


def test_prediction_needs_no_labels(cache):
    dataset = evaluation_dataset(make_samples(cache, labels=None), batch_size=4)
    assert set(dataset.element_spec) == {"image", "mask", "metadata"}


def test_evaluation_of_augmented_views_matches_training(cache):
    samples, augmenter = make_samples(cache), Augmenter(SIZE, cutout=1.0)
    views = evaluation_dataset(samples, batch_size=4, augmenter=augmenter, seed=3, epoch=2)
    images = np.concatenate([x["image"] for x, _ in views.as_numpy_iterator()])
    trained = take(samples, 2, augmenter=augmenter, seed=3, first_epoch=2)
    for position, image in zip(
        order_of(trained), np.concatenate([x["image"] for x, _ in trained]), strict=True
    ):
        np.testing.assert_array_equal(image, images[position])


def test_resumed_fit_sees_the_epochs_of_an_uninterrupted_one(cache):
    import keras

    class Recorder(keras.Model):
        def __init__(self):
            super().__init__()
            self.seen: list[bytes] = []

        def call(self, inputs):
            return inputs["metadata"]

        def train_step(self, data):
            self.seen.append(data[0]["image"].numpy().tobytes())
            return {"loss": 0.0}

    def fit(first_epoch: int) -> list[bytes]:
        model = Recorder()
        model.compile(optimizer="sgd", loss="mse", run_eagerly=True)
        with training_dataset(
            make_samples(cache),
            batch_size=4,
            augmenter=Augmenter(SIZE),
            seed=0,
            first_epoch=first_epoch,
            workers=0,
        ) as data:
            model.fit(
                data.dataset,
                steps_per_epoch=data.steps_per_epoch,
                initial_epoch=first_epoch,
                epochs=3,
                shuffle=False,
                verbose=0,
            )
        return model.seen

    whole = fit(0)
    assert len(whole) == len(set(whole)) == 6
    assert fit(1) == whole[2:]


def test_worker_processes_give_the_same_batches(cache):
    # Masks of the run are sent to the workers; the cache's masks (below) they read themselves.
    samples = make_samples(cache, masks=np.array(cache.masks[::-1]))
    here = take(samples, 6, augmenter=Augmenter(SIZE), workers=0)
    with training_dataset(
        samples, batch_size=4, augmenter=Augmenter(SIZE), seed=0, workers=2
    ) as data:
        iterator = data.dataset.as_numpy_iterator()
        there = [next(iterator) for _ in range(6)]
    assert flat(there) == flat(here)
    with pytest.raises(Exception, match=r"closed|ended"):  # a type of TensorFlow
        list(iterator)


def test_death_of_a_worker_is_reported(cache):
    samples, positions = make_samples(cache), np.array([7, 1])
    images, masks = samples.images_at(positions), samples.masks_at(positions)
    augment_batch(Augmenter(SIZE), images, masks, seed=5, epoch=2, indices=positions)
    pool = WorkerPool(samples, Augmenter(SIZE), seed=5, workers=1)
    try:
        answer = pool.load(positions, epoch=2, indices=positions)
        np.testing.assert_array_equal(answer[0], images)
        np.testing.assert_array_equal(answer[1], masks)
        pool._workers[0]._process.kill()
        with pytest.raises(WorkerError, match=r"ended unexpectedly \(exit code -9\)"):
            pool.load(positions, epoch=2, indices=positions)
    finally:
        pool.close()
    with pytest.raises(WorkerError, match="closed"):
        pool.load(positions, epoch=2, indices=positions)


def test_error_in_a_worker_surfaces(cache, tmp_path):
    folder = tmp_path / "cache"
    shutil.copytree(cache.directory, folder)
    samples = make_samples(ImageCache.open(folder))
    shutil.rmtree(folder)  # our memory maps stay valid, the worker finds nothing
    pool = WorkerPool(samples, Augmenter(SIZE), seed=0, workers=1)
    try:
        with pytest.raises(WorkerError, match=r"(?s)A data worker failed.*FileNotFoundError"):
            pool.load(np.arange(2), epoch=0, indices=np.arange(2))
    finally:
        pool.close()


def test_worker_imports_no_deep_learning_framework():
    code = (
        "import sys, skinnet_keras.data.worker, skinnet_keras.data.pipeline;"
        "sys.exit(bool({'tensorflow', 'keras', 'jax'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.slow
def test_unguarded_script_ends_with_a_live_iterator(cache, tmp_path):
    script = tmp_path / "train.py"
    script.write_text(
        "import numpy as np, sys\n"
        "from skinnet_keras.data.augmentation import Augmenter\n"
        "from skinnet_keras.data.cache import ImageCache\n"
        "from skinnet_keras.data.pipeline import Samples, training_dataset\n"
        "cache = ImageCache.open(sys.argv[1])\n"
        "samples = Samples(cache=cache, image_ids=cache.image_ids, labels=np.zeros(10, int))\n"
        "data = training_dataset(samples, batch_size=4, augmenter=Augmenter(16), seed=0,"
        " workers=2)\n"
        "iterator = iter(data.dataset)\n"
        "print(next(iterator)[1].shape)\n"
    )
    root = Path(__file__).resolve().parents[2]
    result = subprocess.run(
        [sys.executable, str(script), str(cache.directory)],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout == "(4, 8)\n"


def test_closed_source_refuses_and_falls_quiet():
    closed = []
    source = BatchSource(lambda n: {"n": np.full(1, n)}, on_close=lambda: closed.append(True))
    assert source(np.int64(3))[0] == 3
    source.close()
    source.close()
    assert closed == [True]
    with pytest.raises(RuntimeError, match="closed"):
        source(np.int64(3))
    source.wait_until_quiet()


def test_users_mistakes(cache):
    samples = make_samples(cache)
    with pytest.raises(UserError, match="10 training images do not fill one batch of 11"):
        training_dataset(samples, batch_size=11, augmenter=None, seed=0)
    has_mask = np.array([True] * 9 + [False])
    maskless = ImageCache(cache.directory, cache.images, cache.masks, has_mask, cache.image_ids)
    with pytest.raises(UserError, match="1 of 10 images have no lesion mask, the first is made:9"):
        make_samples(maskless)
    make_samples(maskless, input_names=("image",))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"input_names": ("image", "age")}, "input_names"),
        ({"target": "box"}, "target"),
        ({"labels": np.arange(COUNT)}, r"labels must lie in 0\.\.7: 0\.\.9"),
        ({"labels": np.zeros(3, int)}, r"labels has shape \(3,\), expected \(10,\)"),
        ({"masks": np.zeros((COUNT, 8, 8), np.uint8)}, "masks has shape"),
        ({"metadata": None}, "takes metadata"),
        ({"sampling_weights": np.zeros(COUNT)}, "positive sum"),
    ],
)
def test_samples_that_do_not_fit_together_are_refused(cache, changes, message):
    with pytest.raises(ValueError, match=message):
        make_samples(cache, **changes)


def test_training_without_labels_is_refused(cache):
    with pytest.raises(ValueError, match="labels"):
        training_dataset(make_samples(cache, labels=None), batch_size=4, augmenter=None, seed=0)


def test_evaluation_batches_are_shown_in_a_view(cache):
    view = View(turns=1, mirrored=True, crop=0.5, row=0.0)
    samples = make_samples(cache)
    x, _ = next(iter(evaluation_dataset(samples, batch_size=COUNT, view=view)))
    np.testing.assert_array_equal(x["image"], view.of_images(np.asarray(cache.images)))
    np.testing.assert_array_equal(x["mask"][..., 0], view.of_masks(np.asarray(cache.masks)))
    assert np.asarray(x["mask"]).any()
