"""`skinnet predict` on every kind of model."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest
from PIL import Image

from skinnet_keras.cli.main import main
from skinnet_keras.config import CleaningConfig
from skinnet_keras.taxonomy import CLASSES
from tiny_run import build_classifier, build_positional_classifier, draw_picture, make_run


@pytest.fixture
def skinnet(monkeypatch, capsys):
    """Run the command line; return (exit code, stdout, stderr)."""

    def run(*arguments) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["skinnet", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_:
            main()
        captured = capsys.readouterr()
        return exit_.value.code or 0, captured.out, captured.err

    return run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("predict"), classifier=build_positional_classifier())


@pytest.fixture(scope="module")
def export(run, tmp_path_factory):
    from skinnet_keras.export.bundle import export_run

    return export_run(run, tmp_path_factory.mktemp("out"), precisions=["float32"]).directory


@pytest.fixture
def picture(tmp_path):
    rgb, mask = draw_picture(7, (90, 120))
    Image.fromarray(rgb).save(tmp_path / "mole.png")
    Image.fromarray(mask * 255).save(tmp_path / "mask.png")
    return tmp_path / "mole.png"


def test_run_savedmodel_and_tflite_print_the_same_probabilities(skinnet, run, export, picture):
    found = []
    for model in (run, export / "end_to_end", export / "tiny_v2_end_to_end_float32.tflite"):
        code, out, err = skinnet(
            "predict", model, picture, "--age", 45, "--sex", "female", "--json"
        )
        assert code == 0
        report = json.loads(out)
        assert report["classes"] == list(CLASSES)
        found.append((report["format"], report["images"][0]))
        assert "not medical advice" in err
    assert [name for name, _ in found] == ["keras", "savedmodel", "tflite"]
    for _, image in found:
        assert sum(image["probabilities"].values()) == pytest.approx(1, abs=1e-5)
        assert image["probabilities"] == pytest.approx(found[0][1]["probabilities"], abs=1e-5)
        assert image["diagnosis"] == max(image["probabilities"], key=image["probabilities"].get)
        assert 0 < image["lesion_fraction"] < 1


def test_age_and_sex_reach_the_model(skinnet, run, picture):
    answers = [
        json.loads(skinnet("predict", run, picture, "--json", *options)[1])["images"][0]
        for options in ([], ["--age", 80, "--sex", "male", "--site", "head/neck"])
    ]
    assert answers[0]["probabilities"] != pytest.approx(answers[1]["probabilities"], abs=1e-3)


def test_table_shows_the_most_probable_classes(skinnet, run, picture):
    code, out, _ = skinnet("predict", run, picture, "--top", 2)
    assert code == 0
    assert "mole.png" in out
    assert "% of the image" in out
    assert sum(f" {name} " in out for name in CLASSES) == 2


def test_overlay_is_written_at_the_size_of_the_photograph(skinnet, run, picture, tmp_path):
    code, out, _ = skinnet("predict", run, picture, "--overlay", tmp_path / "o", "--json")
    image = json.loads(out)["images"][0]
    assert code == 0
    overlay, mask = np.array(Image.open(image["overlay"])), np.array(Image.open(image["mask"]))
    photograph, truth = np.array(Image.open(picture)), np.array(Image.open(tmp_path / "mask.png"))
    assert overlay.shape == photograph.shape
    assert set(np.unique(mask)) == {0, 255}
    assert (mask == truth).mean() > 0.97
    np.testing.assert_array_equal(overlay[:5], photograph[:5])
    assert (overlay != photograph).any(axis=2)[truth == 255].mean() > 0.9


def test_bare_classifier_needs_the_mask(skinnet, run, picture, tmp_path):
    code, out, err = skinnet("predict", run / "best.keras", picture)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert "--mask FILE" in err
    code, out, _ = skinnet(
        "predict", run / "best.keras", picture, "--mask", tmp_path / "mask.png", "--json"
    )
    assert code == 0
    assert set(json.loads(out)["images"][0]["probabilities"]) == set(CLASSES)


def test_segmenter_gives_masks_only(skinnet, run, picture, tmp_path):
    code, out, _ = skinnet(
        "predict", run / "segmenter.keras", picture, "--overlay", tmp_path / "o", "--json"
    )
    image = json.loads(out)["images"][0]
    assert code == 0
    assert image["probabilities"] is None
    assert image["diagnosis"] is None
    assert (tmp_path / "o" / "mole_mask.png").is_file()
    assert skinnet("predict", run / "segmenter.keras", picture)[0] == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--sex", "f"], "The sex 'f' is not known"),
        (["--site", "nose"], "The site 'nose' is not known"),
        (["--age", "-3"], "age"),
    ],
)
def test_unknown_words_give_one_sentence(skinnet, run, picture, options, message):
    code, out, err = skinnet("predict", run, picture, *options)
    assert (code, out) == (2, "")
    assert message in err
    assert "Traceback" not in err


def test_unreadable_images_and_models_give_one_sentence(skinnet, run, picture, tmp_path):
    (tmp_path / "text.jpg").write_text("no image")
    (tmp_path / "other").mkdir()
    twin = tmp_path / "other" / "mole.png"
    twin.write_bytes(picture.read_bytes())
    for arguments, message in (
        ([run, tmp_path / "absent.jpg"], "absent.jpg does not exist"),
        ([run, tmp_path / "text.jpg"], "text.jpg cannot be read"),
        ([run, "https://example.org/mole.jpg"], "https://example.org/mole.jpg is a URL"),
        (["https://example.org/m.tflite", picture], "https://example.org/m.tflite is a URL"),
        ([tmp_path / "absent", picture], "holds no model"),
        ([tmp_path / "text.jpg", picture], "is not a .keras archive"),
        ([run, picture, twin, "--overlay", tmp_path / "o"], "would write one overlay file"),
    ):
        code, out, err = skinnet("predict", *arguments)
        assert (code, out) == (2, "")
        assert message in err
    assert not (tmp_path / "o").exists()


def test_one_bad_image_leaves_the_results_of_the_others(skinnet, run, picture, tmp_path):
    content = picture.read_bytes()
    (tmp_path / "torn.png").write_bytes(content[: len(content) // 2])
    words = [picture, tmp_path / "torn.png", tmp_path / "absent.png", "ftp://host/mole.png"]
    code, out, err = skinnet("predict", run, *words, "--overlay", tmp_path / "o", "--json")
    report = json.loads(out)
    assert code == 2
    assert [image["image"] for image in report["images"]] == [str(picture)]
    assert (tmp_path / "o" / "mole_overlay.png").is_file()
    reasons = {image["image"]: image["reason"] for image in report["failed"]}
    assert set(reasons) == {str(word) for word in words[1:]}
    for reason in reasons.values():
        assert f"skinnet: {reason}\n" in err
    assert "3 of 4 images failed" in err
    _, alone, _ = skinnet("predict", run, picture, "--json")
    found = report["images"][0]["probabilities"]
    assert json.loads(alone)["images"][0]["probabilities"] == pytest.approx(found)
    code, out, err = skinnet("predict", run, *words)
    assert (code, out.count("mole.png")) == (2, 1)
    assert "3 of 4 images failed" in err


def test_a_folder_is_its_images(skinnet, run, tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for seed in range(11):  # more than a batch
        Image.fromarray(draw_picture(seed)[0]).save(folder / f"{seed:02}.png")
    (folder / "07.png").write_bytes(b"no image")
    (folder / "notes.txt").touch()
    code, out, err = skinnet("predict", run, folder, "--json")
    report = json.loads(out)
    assert code == 2
    assert [image["image"] for image in report["failed"]] == [str(folder / "07.png")]
    good = [folder / f"{seed:02}.png" for seed in range(11) if seed != 7]
    assert [image["image"] for image in report["images"]] == [str(file) for file in good]
    assert "11 images; left aside: 1 other file." in err
    _, out, _ = skinnet("predict", run, folder / "09.png", "--json")
    found = report["images"][8]["probabilities"]
    assert json.loads(out)["images"][0]["probabilities"] == pytest.approx(found, abs=1e-5)


def test_nothing_to_predict_is_said_before_tensorflow_is_imported(skinnet, run, monkeypatch):
    monkeypatch.setitem(sys.modules, "skinnet_keras.inference.runners", None)  # not importable
    code, out, err = skinnet("predict", run, "absent.png")
    assert (code, out, err) == (2, "", "skinnet: absent.png does not exist: check the path.\n")
    code, out, _ = skinnet("predict", run, "absent.png", "--json")
    assert code == 2
    assert [image["image"] for image in json.loads(out)["failed"]] == ["absent.png"]


def test_abstention_is_shown_also_without_metadata(skinnet, picture, tmp_path):
    from made_export import make_export

    for below, words in ((1.1, "too uncertain"), (0.0, "")):
        folder = make_export(tmp_path / str(below), abstain_below=below)
        (folder / "metadata.json").unlink()
        model = folder / "made_classifier_float32.tflite"
        code, out, err = skinnet("predict", model, picture)
        assert code == 0
        assert "Decision" in out
        assert words in out
        assert ("too uncertain" in out) == bool(words)
        assert err.count("No metadata.json lies beside") == 1
        assert "the classes of ISIC-2019 (MEL, NV" in err
        assert "images without cleaning and a mask threshold of 0.5" in err
        _, out, _ = skinnet("predict", model, picture, "--json")
        assert json.loads(out)["images"][0]["abstain"] is bool(words)


def test_overlay_of_a_model_without_mask_is_refused(skinnet, picture, tmp_path):
    build_classifier(with_mask=False).save(tmp_path / "v1.keras")
    code, _, err = skinnet("predict", tmp_path / "v1.keras", picture, "--overlay", tmp_path / "o")
    assert code == 2
    assert "makes no mask to draw" in err


def test_overlay_of_a_cleaned_run_lies_on_the_cleaned_image(skinnet, picture, tmp_path):
    run = make_run(tmp_path / "cleaned", cleaning=CleaningConfig(borders=True))
    rgb = np.asarray(Image.open(picture))
    framed = tmp_path / "framed.png"
    Image.fromarray(np.pad(rgb, ((15, 15), (20, 20), (0, 0)))).save(framed)
    code, _, _ = skinnet("predict", run, framed, "--overlay", tmp_path / "out")
    assert code == 0
    overlay = np.asarray(Image.open(tmp_path / "out" / "framed_overlay.png"))
    mask = np.asarray(Image.open(tmp_path / "out" / "framed_mask.png"))
    assert overlay.shape[:2] == mask.shape
    assert 80 <= overlay.shape[0] <= 90
    assert 110 <= overlay.shape[1] <= 120
    # The generated lesion is the dark disc, and no frame is left to be taken for one.
    dark = overlay.astype(int).sum(axis=2) < 3 * 128
    assert (dark == (mask == 255)).mean() > 0.95


def test_export_of_a_cleaned_run_warns_its_clients(skinnet, tmp_path):
    run = make_run(tmp_path / "cleaned", cleaning=CleaningConfig(hair=True))
    arguments = ("--format", "tflite", "--precision", "float32", "--out", tmp_path / "out")
    code, out, err = skinnet("export", run, *arguments, "--json")
    assert code == 0
    assert json.loads(out)["cleaning"] == ["hair"]
    assert "trained on cleaned images (hair): whoever feeds it must clean likewise" in err


def test_views_are_averaged_in_every_format(skinnet, run, export, picture, tmp_path):
    rgb = np.asarray(Image.open(picture))
    alone = []
    for turns in range(4):
        for flipped in (rgb, rgb[:, ::-1]):
            Image.fromarray(np.rot90(flipped, turns)).save(tmp_path / "view.png")
            _, out, _ = skinnet("predict", run, tmp_path / "view.png", "--json")
            alone.append(json.loads(out)["images"][0])
    for model in (run, export / "end_to_end", export / "tiny_v2_end_to_end_float32.tflite"):
        code, out, _ = skinnet("predict", model, picture, "--tta", "dihedral", "--json")
        report = json.loads(out)
        assert code == 0
        assert report["tta"] == "dihedral"
        for name, found in report["images"][0]["probabilities"].items():
            # The photograph is resized before it is turned, so a grey level may differ.
            mean = np.mean([image["probabilities"][name] for image in alone])
            assert found == pytest.approx(mean, abs=2e-3)
    # The network minds: one view would not do for the mean.
    assert np.ptp([image["probabilities"]["MEL"] for image in alone]) > 0.02


def test_views_of_a_bare_classifier_turn_the_given_mask(skinnet, run, picture, tmp_path):
    arguments = ("predict", run / "best.keras", picture, "--mask", tmp_path / "mask.png", "--json")
    code, out, _ = skinnet(*arguments, "--tta", "multi_crop", "--crop", 0.75, "--mirror")
    assert code == 0
    _, alone, _ = skinnet(*arguments)
    found, plain = (json.loads(text)["images"][0] for text in (out, alone))
    assert found["lesion_fraction"] == plain["lesion_fraction"]
    assert found["probabilities"] != pytest.approx(plain["probabilities"], abs=1e-4)
    assert sum(found["probabilities"].values()) == pytest.approx(1, abs=1e-5)


def test_mistaken_views_give_one_sentence(skinnet, run, picture):
    for options, message in (
        (["--tta", "many"], "choose one of none, flips, dihedral, multi_crop"),
        (["--tta", "flips", "--crop", 0.5], "belong to multi_crop, not to flips"),
        (["--mirror"], "belong to multi_crop, not to none"),
    ):
        code, out, err = skinnet("predict", run, picture, *options)
        assert (code, out) == (2, "")
        assert message in err
