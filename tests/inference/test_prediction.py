"""From image files to named probabilities, masks and overlays."""

from __future__ import annotations

import json

import keras
import numpy as np
import pytest
from PIL import Image

from skinnet_keras.config import CleaningConfig
from skinnet_keras.data.cache import open_cache
from skinnet_keras.data.cleaning import clean
from skinnet_keras.data.image_io import resize_image, resize_mask
from skinnet_keras.data.metadata import MetadataEncoder
from skinnet_keras.errors import UserError
from skinnet_keras.export.bundle import export_run
from skinnet_keras.inference.keras_runner import KerasRunner
from skinnet_keras.inference.overlay import draw_overlay, enlarge_mask
from skinnet_keras.inference.photographs import FailedImage
from skinnet_keras.inference.prediction import (
    ImagePrediction,
    ImagesFailedError,
    predict_each,
    predict_images,
    read_cleaned,
)
from skinnet_keras.inference.runners import open_runner
from skinnet_keras.runs.run import Run
from skinnet_keras.taxonomy import CLASSES
from tiny_run import build_classifier, build_segmenter, draw_picture, make_run


@pytest.fixture
def pictures(tmp_path):
    """Two image files and the masks drawn with them."""
    files = []
    for seed in (1, 2):
        rgb, mask = draw_picture(seed)
        Image.fromarray(rgb).save(tmp_path / f"{seed}.png")
        Image.fromarray(mask * 255).save(tmp_path / f"{seed}_mask.png")
        files.append((tmp_path / f"{seed}.png", tmp_path / f"{seed}_mask.png", rgb, mask))
    return files


def _classifier_runner() -> KerasRunner:
    runner = KerasRunner(build_classifier())
    runner.classes = CLASSES
    return runner


def test_classifier_sees_canonical_image_mask_and_metadata(pictures):
    image, mask_file, rgb, mask = pictures[0]
    runner = _classifier_runner()

    (prediction,) = predict_images(
        runner, [image], age=45, sex="female", site="anterior torso", mask=mask_file
    )

    expected = runner.predict(
        {
            "image": resize_image(rgb, 32)[None],
            "mask": resize_mask(mask, 32)[None, :, :, None],
            "metadata": MetadataEncoder().encode(45, "female", "anterior torso")[None],
        }
    )["diagnosis"][0]
    assert prediction.probabilities == pytest.approx(dict(zip(CLASSES, expected, strict=True)))
    assert sum(prediction.probabilities.values()) == pytest.approx(1, abs=1e-6)
    np.testing.assert_array_equal(prediction.mask, resize_mask(mask, 32))
    best = prediction.top(2)
    assert best[0] == (CLASSES[int(np.argmax(expected))], pytest.approx(expected.max()))
    assert len(best) == 2


def test_segmenter_gives_lesion_probabilities_only(pictures):
    runner = KerasRunner(build_segmenter())
    predictions = predict_images(runner, [picture[0] for picture in pictures])
    for prediction, (_, _, rgb, mask) in zip(predictions, pictures, strict=True):
        assert prediction.probabilities is None
        assert prediction.top(3) == []
        logits = 10 * (0.5 - resize_image(rgb, 32).mean(axis=2) / 255)
        np.testing.assert_allclose(prediction.mask, 1 / (1 + np.exp(-logits)), atol=1e-4)
        assert ((prediction.mask >= 0.5) == resize_mask(mask, 32)).mean() > 0.98


def test_masks_missing_needless_or_for_many_images(pictures):
    images, mask = [picture[0] for picture in pictures], pictures[0][1]
    with pytest.raises(UserError, match="takes the lesion's mask: give --mask FILE"):
        predict_images(_classifier_runner(), images[:1])
    with pytest.raises(UserError, match="One --mask goes with one image"):
        predict_images(_classifier_runner(), images, mask=mask)
    with pytest.raises(UserError, match="takes no mask"):
        predict_images(KerasRunner(build_segmenter()), images[:1], mask=mask)


def test_models_that_are_none_of_ours_are_refused(pictures):
    image = keras.Input((32, 32, 3), name="image")
    audio = keras.Input((4,), name="audio")
    pooled = keras.layers.GlobalAveragePooling2D()(image)
    joined = keras.layers.Concatenate(name="diagnosis")([pooled, audio])
    files = [pictures[0][0]]
    for inputs, output, message in (
        ([image, audio], {"diagnosis": joined}, "its inputs are image, audio"),
        ([image], {"other": pooled}, "its outputs other"),
    ):
        with pytest.raises(UserError, match=message):
            predict_images(KerasRunner(keras.Model(inputs, output)), files)
    metadata = keras.Input((5,), name="metadata")
    joined = keras.layers.Concatenate(name="diagnosis")([pooled, metadata])
    with pytest.raises(UserError, match="metadata vector of 5 floats"):
        predict_images(KerasRunner(keras.Model([image, metadata], {"diagnosis": joined})), files)


def test_outputs_that_are_not_numbers_are_refused(pictures):
    model = build_segmenter()
    model.get_layer("mask_logits").bias.assign([np.nan])
    with pytest.raises(UserError, match="training has diverged"):
        predict_images(KerasRunner(model), [pictures[0][0]])


def test_bad_images_leave_the_predictions_of_the_others(pictures, tmp_path):
    (tmp_path / "torn.png").write_bytes(pictures[0][0].read_bytes()[:300])
    files = [tmp_path / "torn.png", pictures[0][0], tmp_path / "absent.png", pictures[1][0]]
    runner = KerasRunner(build_segmenter())
    with pytest.raises(ImagesFailedError, match=r"torn\.png cannot be read") as error:
        predict_images(runner, files)
    assert [image.image for image in error.value.failed] == [str(files[0]), str(files[2])]
    assert [prediction.image for prediction in error.value.predictions] == files[1::2]
    intact = predict_images(runner, files[1::2])
    for found, expected in zip(error.value.predictions, intact, strict=True):
        np.testing.assert_array_equal(found.mask, expected.mask)
    kinds = [type(answer) for answer in predict_each(runner, files)]
    assert kinds == [FailedImage, ImagePrediction] * 2


def test_one_image_whose_outputs_are_not_numbers(pictures):
    class Fragile(KerasRunner):
        def _predict(self, batch):
            outputs = super()._predict(batch)
            bright = batch["image"].mean(axis=(1, 2, 3)) > 250
            return {
                name: np.where(bright[:, None, None, None], np.nan, v)
                for name, v in outputs.items()
            }

    white = pictures[0][0].with_name("white.png")
    Image.fromarray(np.full((40, 40, 3), 255, np.uint8)).save(white)
    files = [pictures[0][0], white, pictures[1][0]]
    answers = list(predict_each(Fragile(build_segmenter()), files))
    assert [type(answer) for answer in answers] == [ImagePrediction, FailedImage, ImagePrediction]
    assert answers[1].reason.startswith(f"{white}: The model's outputs are not numbers")


def test_large_logits_do_not_overflow(pictures):
    (prediction,) = predict_images(KerasRunner(build_segmenter(level=1e4)), [pictures[0][0]])
    assert prediction.mask.min() == 1.0


def test_mask_is_enlarged_to_the_image_and_thresholded():
    probability = np.zeros((4, 4))
    probability[:, 2:] = 1.0
    np.testing.assert_array_equal(
        enlarge_mask(probability, (8, 16), 0.5), np.tile([0] * 8 + [1] * 8, (8, 1))
    )
    assert enlarge_mask(probability, (8, 16), 0.9).sum() < 8 * 8
    assert enlarge_mask(probability, (8, 16), 0.1).sum() > 8 * 8


def test_overlay_tints_the_lesion_outlines_it_and_leaves_the_rest():
    rgb = np.full((40, 60, 3), 100, np.uint8)
    mask = np.zeros((40, 60), np.uint8)
    mask[10:30, 20:40] = 1
    drawn = draw_overlay(rgb, mask)
    assert drawn.shape == rgb.shape
    assert drawn.dtype == np.uint8
    np.testing.assert_array_equal(drawn[20, 30], [80, 126, 126])  # 0.8 * 100 + 0.2 * colour
    np.testing.assert_array_equal(drawn[10, 30], [0, 230, 230])
    np.testing.assert_array_equal(drawn[:8], rgb[:8])
    np.testing.assert_array_equal(rgb, 100)
    np.testing.assert_array_equal(draw_overlay(rgb, np.zeros_like(mask)), rgb)


def test_top_of_more_classes_than_there_are():
    assert ImagePrediction("x", {"a": 0.25, "b": 0.75}, None).top(5) == [("b", 0.75), ("a", 0.25)]


CLEANING = CleaningConfig(borders=True, colour_constancy=True)


@pytest.fixture(scope="module")
def cleaned_run(tmp_path_factory):
    """A finished run whose images have black frames and are cleaned."""
    directory = make_run(tmp_path_factory.mktemp("cleaned"), cleaning=CLEANING)
    catalogue = Run.open(directory).load_catalogue()
    for image_id in catalogue.table["image_id"]:
        for path in (catalogue.image_path(image_id), catalogue.mask_path(image_id)):
            with Image.open(path) as picture:
                pixels = np.asarray(picture)
            frame = ((8, 8), (10, 10), (0, 0))[: pixels.ndim]
            Image.fromarray(np.pad(pixels, frame)).save(path)
    return directory


@pytest.fixture(scope="module")
def cleaned_export(cleaned_run, tmp_path_factory):
    return export_run(cleaned_run, tmp_path_factory.mktemp("exported"), precisions=["float32"])


def test_prediction_sees_what_training_saw(cleaned_run, cleaned_export):
    run = Run.open(cleaned_run)
    catalogue = run.load_catalogue()
    cache = open_cache(catalogue, 32, cleaning=CLEANING)
    ids = cache.image_ids[:3]
    files = [catalogue.image_path(image_id) for image_id in ids]
    artefacts = ["end_to_end/1", "tiny_v2_end_to_end_float32.tflite"]
    models = [cleaned_run, *(cleaned_export.directory / name for name in artefacts)]
    for model in models:
        runner = open_runner(model)
        assert runner.cleaning == CLEANING
        metadata = np.tile(MetadataEncoder().encode(None, None, None), (3, 1))
        expected = runner.predict({"image": cache.images[cache.rows(ids)], "metadata": metadata})
        predictions = predict_images(runner, files)
        for row, prediction in enumerate(predictions):
            values = list(prediction.probabilities.values())
            np.testing.assert_allclose(values, expected["diagnosis"][row], atol=1e-6)
            np.testing.assert_allclose(prediction.mask, expected["mask"][row, ..., 0], atol=1e-6)
    runner.cleaning = CleaningConfig()
    unlike = predict_images(runner, files)[0]
    assert np.abs(unlike.mask - predictions[0].mask).max() > 0.1


def test_model_file_of_a_run_is_cleaned_like_the_run(cleaned_run):
    assert open_runner(cleaned_run / "best.keras").cleaning == CLEANING


def test_given_mask_is_cropped_with_the_image(cleaned_run):
    catalogue = Run.open(cleaned_run).load_catalogue()
    files = catalogue.image_path("tiny:p0"), catalogue.mask_path("tiny:p0")
    (prediction,) = predict_images(
        open_runner(cleaned_run / "best.keras"), files[:1], mask=files[1]
    )
    rgb, mask = read_cleaned(files[0], CLEANING, files[1])
    assert rgb.shape[0] <= 48
    np.testing.assert_array_equal(prediction.mask, resize_mask(mask, 32))
    expected, _ = clean(np.asarray(Image.open(files[0])), None, CLEANING)
    np.testing.assert_array_equal(rgb, expected)


def test_export_tells_its_clients_to_clean(cleaned_export, tiny_export):
    metadata, plain = (
        json.loads((export.directory / "metadata.json").read_text())
        for export in (cleaned_export, tiny_export)
    )
    assert metadata["cleaning"] == CLEANING.model_dump()
    assert metadata["preprocessing"].startswith("This model was trained on cleaned images")
    assert cleaned_export.cleaning == ("borders", "colour_constancy")
    assert plain["cleaning"] is None
    assert plain["preprocessing"].startswith("Decode")
    assert tiny_export.cleaning == ()


def test_old_and_unknown_cleaning_entries(tiny_export, tmp_path):
    artefact = tmp_path / "tiny_v2_classifier_float32.tflite"
    artefact.write_bytes((tiny_export.directory / artefact.name).read_bytes())
    metadata = json.loads((tiny_export.directory / "metadata.json").read_text())
    del metadata["cleaning"]
    (tmp_path / "metadata.json").write_text(json.dumps(metadata))
    assert open_runner(artefact).cleaning == CleaningConfig()
    (tmp_path / "metadata.json").write_text(json.dumps(metadata | {"cleaning": {"moles": True}}))
    with pytest.raises(UserError, match="asks for a cleaning that this version"):
        open_runner(artefact)
