from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import roc_curve

from skinnet_keras.errors import UserError
from skinnet_keras.evaluation import plots
from skinnet_keras.evaluation.confusion import confusion_matrix
from skinnet_keras.evaluation.predictions import Predictions
from skinnet_keras.taxonomy import CLASSES


def colours(path) -> int:
    """Distinct colours of a PNG: an empty page has few."""
    with Image.open(path) as image:
        assert image.format == "PNG"
        return len(np.unique(np.asarray(image.convert("RGB")).reshape(-1, 3), axis=0))


def test_confusion_matrix(tmp_path, random_predictions):
    predictions = random_predictions(0)
    matrix = confusion_matrix(predictions.true_indices(), predictions.predicted_indices(), 8)
    plots.plot_confusion_matrix(matrix, CLASSES, tmp_path / "c.png", title="run")
    assert colours(tmp_path / "c.png") > 100
    plots.plot_confusion_matrix(np.zeros((2, 2), dtype=int), ("MEL", "NV"), tmp_path / "zero.png")


def test_roc(tmp_path, random_predictions):
    plots.plot_roc(random_predictions(0, present=(0, 1, 4)), tmp_path / "roc.png")
    assert colours(tmp_path / "roc.png") > 100


def test_roc_of_a_single_class_draws_no_curve(tmp_path):
    single = Predictions(["a"], ["NV"], np.full((1, 8), 1 / 8), CLASSES)
    plots.plot_roc(single, tmp_path / "roc.png")


@pytest.mark.parametrize("decimals", [1, 12])
def test_roc_points_are_scikit_learns(decimals):
    rng = np.random.default_rng(0)
    is_class, score = rng.random(200) < 0.3, rng.random(200).round(decimals)
    fpr, tpr, _ = roc_curve(is_class, score, drop_intermediate=False)
    ours = plots._roc_curve(is_class, score)
    np.testing.assert_allclose(ours, (fpr, tpr), atol=1e-12)


HISTORY = (
    "stage,epoch,loss,val_loss,learning_rate,val_balanced_accuracy,val_dice,unused\n"
    "segmentation,1,0.9,1.0,0.001,,0.5,\n"
    "segmentation,2,0.5,0.8,0.0005,,0.7,\n"
    "cnn,1,0.4,,0.001,0.3,,\n"
)


def test_history(tmp_path):
    (tmp_path / "history.csv").write_text(HISTORY)
    stages, series = plots._read_history(tmp_path / "history.csv")
    assert stages == ["segmentation", "segmentation", "cnn"]
    assert set(series) == {"loss", "val_loss", "learning_rate", "val_balanced_accuracy", "val_dice"}
    np.testing.assert_array_equal(series["val_loss"], [1.0, 0.8, np.nan])
    plots.plot_history(tmp_path / "history.csv", tmp_path / "history.png", title="run")
    assert colours(tmp_path / "history.png") > 50


@pytest.mark.parametrize(
    "text", ["", "stage,epoch,loss\n", "stage,epoch,loss\na,1,x\n", "epoch,loss\n1,2\n"]
)
def test_a_history_without_numbers_is_named(tmp_path, text):
    (tmp_path / "history.csv").write_text(text)
    with pytest.raises(UserError, match=r"history\.csv"):
        plots.plot_history(tmp_path / "history.csv", tmp_path / "history.png")
    assert not (tmp_path / "history.png").exists()


def test_overlays_outline_masks_in_their_colours(tmp_path):
    images = [np.full((32, 32, 3), 128, dtype=np.uint8)] * 5
    mask = np.zeros((32, 32), dtype=np.uint8)
    mask[8:24, 8:24] = 1
    empty, full = np.zeros_like(mask), np.ones_like(mask)
    plots.plot_mask_overlays(
        images,
        [mask, empty, full, mask, mask],
        tmp_path / "sheet.png",
        true=[np.roll(mask, 4), None, mask, empty, mask],
        captions=list("abcde"),
    )
    with Image.open(tmp_path / "sheet.png") as image:
        pixels = {tuple(pixel) for pixel in np.asarray(image.convert("RGB")).reshape(-1, 3)}
    assert (0x00, 0xE5, 0xFF) in pixels
    assert (0xFF, 0xD4, 0x00) in pixels


def test_overlays_need_a_mask_for_every_image(tmp_path):
    image = np.zeros((4, 4, 3), dtype=np.uint8)
    for arguments in (([], []), ([image], [])):
        with pytest.raises(ValueError, match="for every image"):
            plots.plot_mask_overlays(*arguments, tmp_path / "sheet.png")
