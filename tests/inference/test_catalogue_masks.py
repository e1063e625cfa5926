"""Predicted masks of a catalogue: complete, at full size, honest about where they come from."""

from __future__ import annotations

import csv
import hashlib
import json
import shutil

import numpy as np
import pytest
from PIL import Image

from skinnet_keras.config import CleaningConfig, Config, dump_config
from skinnet_keras.data.cache import open_cache
from skinnet_keras.data.catalogue import Catalogue
from skinnet_keras.data.cleaning import clean
from skinnet_keras.data.image_io import read_image, read_mask
from skinnet_keras.data.predicted_masks import stored_names
from skinnet_keras.errors import UserError
from skinnet_keras.evaluation.segmentation.overlap import dice_per_image
from skinnet_keras.inference import catalogue_masks
from skinnet_keras.inference.catalogue_masks import NO_SPLIT, SplitDice, predict_catalogue
from skinnet_keras.models.loading import load_keras
from skinnet_keras.runs.run import Run
from skinnet_keras.training.masks import predict_masks
from tiny_run import IMAGES, SIZE, build_segmenter, draw_picture, make_catalogue, make_run


@pytest.fixture
def catalogue(tmp_path) -> Catalogue:
    """Twelve images: p0 is a copy of p3, p1 has no truth, p2 no split, and p4 lies on its side."""
    made = make_catalogue(tmp_path / "catalogue")
    table = made.table.set_index("image_id", drop=False)
    table.loc["tiny:p0", ["duplicate_of", "split"]] = "tiny:p3", ""
    table.loc["tiny:p1", "mask_path"] = ""
    table.loc["tiny:p2", ["split", "label"]] = ""
    table.loc["tiny:p4", "path"] = "p4.jpg"
    exif = Image.Exif()
    exif[0x0112] = 8
    picture, truth = draw_picture(4, (40, 80))
    folder = made.sources["tiny"]
    Image.fromarray(picture).save(folder / "p4.jpg", exif=exif, quality=95)
    Image.fromarray(np.rot90(truth) * 255).save(folder / "p4_mask.png")
    made = Catalogue(made.root, table.reset_index(drop=True), made.sources)
    made.write(made.root)
    return made


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("run"))


def rows_of(folder):
    with (folder / "masks.csv").open(newline="") as file:
        return {row["image_id"]: row for row in csv.DictReader(file)}


def test_every_kept_image_gets_a_mask_at_its_own_size(run, catalogue):
    before = (catalogue.root / "catalogue.csv").read_bytes()
    summary = predict_catalogue(run, catalogue, "tiny", batch_size=5)
    folder = catalogue.root / "masks" / "tiny"
    rows = rows_of(folder)
    assert list(rows) == [f"tiny:p{i}" for i in range(1, IMAGES)]  # p0 is a duplicate
    areas = []
    for i in range(1, IMAGES):
        mask = read_mask(folder / rows[f"tiny:p{i}"]["mask_path"])
        truth = np.rot90(draw_picture(4, (40, 80))[1]) if i == 4 else draw_picture(i)[1]
        assert mask.shape == truth.shape
        assert (mask == truth).mean() > 0.95
        areas.append(mask.mean())
    assert {row["mask_origin"] for row in rows.values()} == {
        "predicted:tiny_v2/split_attention_unet"
    }
    assert summary.folder == folder
    assert (summary.images, summary.empty) == (IMAGES - 1, 0)
    assert summary.mean_lesion_fraction == pytest.approx(np.mean(areas))
    assert (catalogue.root / "catalogue.csv").read_bytes() == before


def test_description_names_the_network_and_how_it_was_used(run, catalogue):
    predict_catalogue(run, catalogue, "tiny", threshold=0.3, tta="flips")
    description = json.loads((catalogue.root / "masks" / "tiny" / "masks.json").read_text())
    digest = hashlib.sha256((run / "segmenter.keras").read_bytes()).hexdigest()
    assert description["model"] == "tiny_v2/split_attention_unet"
    assert description["model_sha256"] == {"segmenter.keras": digest}
    assert (description["image_size"], description["threshold"]) == (SIZE, 0.3)
    assert description["tta"] == "flips"
    assert description["cleaning"] == CleaningConfig().model_dump()
    assert description["catalogue_sha256"] == catalogue.sha256()


def test_dice_is_that_of_each_split_where_there_is_truth(run, catalogue):
    summary = predict_catalogue(run, catalogue, "tiny", batch_size=4)
    cache = open_cache(catalogue, SIZE)
    network = load_keras(run / "segmenter.keras")
    logits = network.predict({"image": np.asarray(cache.images)}, verbose=0)
    scores = dice_per_image(logits["mask_logits"][..., 0] >= 0, cache.masks)
    dice = dict(zip(cache.image_ids, scores, strict=True))
    members = {"train": (3, 6, 9), "val": (4, 7, 10), "test": (5, 8, 11), NO_SPLIT: (2,)}
    expected = {
        split: SplitDice(len(own), pytest.approx(np.mean([dice[f"tiny:p{i}"] for i in own])), 0)
        for split, own in members.items()
    }
    assert summary.splits == expected
    assert all(score.dice_per_image > 0.8 for score in summary.splits.values())


def test_in_sample_marks_the_images_the_run_was_trained_on(tmp_path, catalogue):
    trainer = Run.open(make_run(tmp_path / "trainer"))
    data = trainer.load_catalogue()
    predict_masks(
        trainer,
        build_segmenter(),
        open_cache(data, SIZE),
        threshold=0.5,
        trained_on={"tiny:p3", "tiny:p6", "other:p7"},
    )
    summary = predict_catalogue(trainer.directory, catalogue, "known")
    marks = {i: row["in_sample"] for i, row in rows_of(summary.folder).items()}
    assert {i for i, mark in marks.items() if mark == "1"} == {"tiny:p3", "tiny:p6"}
    assert set(marks.values()) == {"0", "1"}
    assert summary.in_sample == 2

    # A run that took its network from there says what the other one was trained on.
    taken = shutil.copytree(trainer.directory, tmp_path / "taken")
    (taken / "masks.csv").unlink()
    config = trainer.config.model_dump(exclude={"name", "segmenter", "stages"}) | {
        "name": "borrower",
        "segmenter": {"run": str(trainer.directory)},
        "stages": {"cnn": {"epochs": 1}},
    }
    (taken / "config.yaml").write_text(dump_config(Config.model_validate(config)))
    summary = predict_catalogue(taken, catalogue, "taken")
    # As the table of the run that trained it calls it.
    assert summary.mask_origin == "predicted:tiny_v2/tiny_segmenter"
    assert summary.in_sample == 2


def test_training_images_of_a_bare_model_are_not_known(run, catalogue):
    summary = predict_catalogue(run / "segmenter.keras", catalogue, "bare")
    rows = rows_of(summary.folder)
    assert {row["in_sample"] for row in rows.values()} == {""}
    assert {row["mask_origin"] for row in rows.values()} == {"predicted:segmenter.keras"}
    assert summary.in_sample is None


def test_masks_lie_on_the_cleaned_image(tmp_path, catalogue):
    cleaning = CleaningConfig(borders=True)
    run = make_run(tmp_path / "cleaned", cleaning=cleaning)
    path = catalogue.image_path("tiny:p5")
    Image.fromarray(np.pad(draw_picture(5)[0], ((15, 15), (20, 20), (0, 0)))).save(path)
    summary = predict_catalogue(run, catalogue, "cleaned")
    mask = read_mask(summary.folder / "tiny" / "p5.png")
    assert mask.shape == clean(read_image(path), None, cleaning)[0].shape[:2]
    assert mask.shape[0] <= 48
    assert json.loads((summary.folder / "masks.json").read_text())["cleaning"]["borders"]


def test_interrupted_prediction_leaves_nothing(run, catalogue, monkeypatch):
    predict_catalogue(run, catalogue, "kept")
    kept = (catalogue.root / "masks" / "kept" / "masks.csv").read_bytes()
    calls = []

    def interrupted(runner, images, *, tta):
        calls.append(len(images))
        if len(calls) == 2:
            raise KeyboardInterrupt
        return np.ones(images.shape[:3], np.float32)

    monkeypatch.setattr(catalogue_masks, "lesion_probability", interrupted)
    for name, overwrite in (("new", False), ("kept", True)):
        calls.clear()
        with pytest.raises(KeyboardInterrupt):
            predict_catalogue(run, catalogue, name, batch_size=4, overwrite=overwrite)
        assert calls == [4, 4]
    assert [path.name for path in (catalogue.root / "masks").iterdir()] == ["kept"]
    assert stored_names(catalogue) == ["kept"]
    assert (catalogue.root / "masks" / "kept" / "masks.csv").read_bytes() == kept


def test_a_name_is_used_again_only_with_overwrite(run, catalogue):
    predict_catalogue(run, catalogue, "tiny")
    with pytest.raises(UserError, match="replace them with --overwrite"):
        predict_catalogue(run, catalogue, "tiny", threshold=0.99)
    first = read_mask(catalogue.root / "masks" / "tiny" / "tiny" / "p3.png")
    summary = predict_catalogue(run, catalogue, "tiny", threshold=0.99, overwrite=True)
    second = read_mask(catalogue.root / "masks" / "tiny" / "tiny" / "p3.png")
    assert second.sum() < first.sum()
    assert summary.images == IMAGES - 1


def test_empty_masks_are_counted(run, catalogue):
    bright = np.full((48, 64, 3), 250, np.uint8)
    for stem in ("p6", "p7"):
        Image.fromarray(bright).save(catalogue.sources["tiny"] / f"{stem}.png")
    summary = predict_catalogue(run, catalogue, "tiny")
    assert summary.empty == 2
    assert read_mask(summary.folder / "tiny" / "p6.png").max() == 0
