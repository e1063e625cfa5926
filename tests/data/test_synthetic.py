from __future__ import annotations

import csv
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from skinnet_keras.data.image_io import read_image, read_mask
from skinnet_keras.data.sources.synthetic import read
from skinnet_keras.data.synthetic import (
    SyntheticImage,
    class_of,
    generate_lesion,
    write_synthetic,
)
from skinnet_keras.data.synthetic.clinical import draw_patient
from skinnet_keras.data.synthetic.colours import Tone
from skinnet_keras.data.synthetic.fields import Field
from skinnet_keras.data.synthetic.render import Lesion, Skin, View, render
from skinnet_keras.data.synthetic.shapes import OUTLINES, Outline, Polar
from skinnet_keras.data.synthetic.textures import PATTERNS, Layers
from skinnet_keras.errors import UserError
from skinnet_keras.taxonomy import CLASSES, LABELS, label_of

LESIONS = 160


@pytest.fixture(scope="module")
def lesions() -> list[list[SyntheticImage]]:
    return [generate_lesion(index, seed=3) for index in range(LESIONS)]


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])


def test_a_lesion_depends_on_seed_and_number_only():
    alone = generate_lesion(7, seed=5)
    generate_lesion(6, seed=5)
    again = generate_lesion(7, seed=5)
    assert len(alone) == len(again)
    for first, second in zip(alone, again, strict=True):
        np.testing.assert_array_equal(first.image, second.image)
        np.testing.assert_array_equal(first.mask, second.mask)
        assert (first.name, first.age, first.sex) == (second.name, second.age, second.sex)
    assert not np.array_equal(alone[0].image, generate_lesion(7, seed=6)[0].image)
    assert not np.array_equal(alone[0].image, generate_lesion(8, seed=5)[0].image)


def test_pixels_and_masks_have_the_promised_types(lesions):
    for item in (item for images in lesions for item in images):
        assert item.image.shape == (72, 96, 3)
        assert item.image.dtype == np.uint8
        assert item.mask.shape == (72, 96)
        assert set(np.unique(item.mask)) == {0, 1}
        assert 0.03 < item.mask.mean() < 0.6


def test_every_forty_lesions_hold_all_classes_with_rare_ones_rare():
    for first in (0, 40, 400):
        counts = Counter(class_of(index, 0) for index in range(first, first + 40))
        assert set(counts) == set(CLASSES)
        assert counts["NV"] == max(counts.values()) == 17
        assert counts["DF"] == counts["VASC"] == 2
    order = [class_of(index, 0) for index in range(80)]
    assert order[:40] != order[40:]


def _disc_scene() -> tuple[Lesion, View]:
    """A round, featureless, dark lesion of radius 0.25 in even light."""
    field = Field("smooth", 4.0, 0.0, (0.0, 0.0))
    round_outline = Outline(Polar(np.ones(2048, np.float32)), (field, field), 0.0, field)
    lesion = Lesion(
        outline=round_outline,
        pattern=lambda u, v, level: Layers(np.ones_like(level)),
        tone=Tone(1.0, 0.2),
        softness=0.02,
        halo=0.0,
        radius=0.25,
        skin=Skin(Tone(0.1, 0.1), field, field, field, field, 0.0),
    )
    still = View(0.3, 1.0, (0.0, 0.0), 0.0, (1.0, 1.0, 1.0), (0.0, 0.0), 0.0, 0.0, 0)
    return lesion, still


@pytest.mark.parametrize("size", [(96, 72), (160, 160), (600, 450)])
def test_the_mask_of_a_disc_is_that_disc(size):
    lesion, view = _disc_scene()
    _, mask = render(lesion, view, size)
    short = min(size)
    y, x = np.mgrid[: size[1], : size[0]] + 0.5
    expected = np.hypot(x - size[0] / 2, y - size[1] / 2) < 0.25 * short
    # A pixel whose centre lies on the border may round to either side.
    assert (mask != expected).mean() < 1e-3
    assert mask.sum() == pytest.approx(np.pi * (0.25 * short) ** 2, rel=0.02)


def test_the_border_of_the_mask_is_where_the_lesion_is_half_as_dense():
    lesion, view = _disc_scene()
    image, mask = render(lesion, view, (400, 400))
    # Along the row through the centre, away from artefacts: density runs from lesion to skin.
    density = -np.log(np.maximum(image[200, 200:, 2], 1) / 255.0)
    inside, outside = density[:60].mean(), density[140:180].mean()
    crossing = int(np.argmax(density < (inside + outside) / 2))
    assert abs(crossing - int(mask[200, 200:].sum())) <= 2


def test_nine_classes_put_unk_in_the_place_of_naevi():
    eight, nine = (
        Counter(class_of(index, 0, classes) for index in range(40, 80)) for classes in (8, 9)
    )
    assert set(nine) == set(LABELS)
    assert nine - eight == {"UNK": 3}
    assert eight - nine == {"NV": 3}


def _hole(inside: np.ndarray) -> float:
    """Area of the skin that a lesion surrounds, small gaps closed, over the lesion's own."""
    padded = np.pad(inside, 20)
    filled = ndimage.binary_fill_holes(ndimage.binary_closing(padded, iterations=6))
    return float((filled & ~padded).sum() / inside.sum())


@pytest.mark.parametrize("label", LABELS)
def test_lesions_of_the_ninth_class_are_rings_and_the_others_are_not(label):
    grid = np.linspace(-2, 2, 161, dtype=np.float32)
    u, v = np.meshgrid(grid, grid)
    outlines = [OUTLINES[label](np.random.default_rng(seed)) for seed in range(20)]
    hole = np.median([_hole(outline.level(u, v) > 0) for outline in outlines])
    assert hole > 0.35 if label == "UNK" else hole < 0.2


@pytest.mark.parametrize("label", LABELS)
def test_outlines_are_centred_and_have_unit_area(label):
    grid = np.linspace(-3, 3, 301, dtype=np.float32)
    u, v = np.meshgrid(grid, grid)
    for seed in range(5):
        inside = OUTLINES[label](np.random.default_rng(seed)).level(u, v) > 0
        assert inside.sum() * 0.02**2 == pytest.approx(np.pi, rel=0.15)
        assert abs(float(u[inside].mean())) < 0.15
        assert abs(float(v[inside].mean())) < 0.15


def test_lesions_differ_from_the_skin_around_them(lesions):
    contrasts = []
    for images in lesions:
        image, mask = images[0].image.astype(float), images[0].mask.astype(bool)
        contrasts.append(np.abs(image[mask].mean(0) - image[~mask].mean(0)).max())
    assert min(contrasts) > 10
    assert min(contrasts) < 25 < 100 < max(contrasts)  # faint and strong ones


def test_classes_differ_in_outline():
    grid = np.linspace(-2.5, 2.5, 201, dtype=np.float32)
    u, v = np.meshgrid(grid, grid)

    def border_length(label: str) -> float:
        lengths = []
        for seed in range(8):
            inside = OUTLINES[label](np.random.default_rng(seed)).level(u, v) > 0
            edges = (inside[1:] != inside[:-1]).sum() + (inside[:, 1:] != inside[:, :-1]).sum()
            lengths.append(edges / np.sqrt(inside.sum()))
        return float(np.mean(lengths))

    smooth = max(border_length("DF"), border_length("NV"))
    for label in ("MEL", "BCC", "AK", "VASC", "SCC"):
        assert border_length(label) > 1.2 * smooth


def test_all_classes_have_outline_and_pattern():
    assert set(OUTLINES) == set(PATTERNS) == set(LABELS)


def test_age_goes_with_the_class_and_some_entries_are_missing():
    ages, missing = defaultdict(list), 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        for label in CLASSES:
            patient = draw_patient(rng, label)
            if patient.age:
                ages[label].append(int(patient.age))
            missing += (not patient.age) + (not patient.sex) + (not patient.site)
    assert np.mean(ages["NV"]) + 12 < np.mean(ages["SCC"])
    assert np.mean(ages["NV"]) == pytest.approx(45, abs=4)
    assert 0.02 < missing / (3 * 200 * len(CLASSES)) < 0.08


def test_two_views_of_a_lesion_differ_and_share_patient_and_class(lesions):
    pairs = [images[:2] for images in lesions if len(images) > 1 and not images[1].copy_of]
    assert len(pairs) > 20
    for first, second in pairs:
        assert first.name != second.name
        assert first.lesion_id == second.lesion_id
        assert (first.diagnosis, first.age, first.sex, first.site) == (
            second.diagnosis,
            second.age,
            second.sex,
            second.site,
        )
        assert _correlation(first.mask, second.mask) < 0.99
    differences = [np.abs(a.image.astype(int) - b.image).mean() for a, b in pairs]
    assert min(differences) > 5


def test_copies_resemble_their_original(lesions):
    copies = [
        (item, next(other for other in images if other.name == item.copy_of))
        for images in lesions
        for item in images
        if item.copy_of
    ]
    assert len(copies) > 4
    for copy, original in copies:
        assert copy.name != original.name
        assert copy.lesion_id == original.lesion_id
        assert _correlation(copy.image, original.image) > 0.85
        assert _correlation(copy.mask, original.mask) > 0.9
    exact = [np.array_equal(copy.image, original.image) for copy, original in copies]
    assert any(exact)
    assert not all(exact)


def test_the_outline_is_the_same_at_every_size():
    small, large = (
        generate_lesion(11, seed=2, size=size)[0].mask for size in ((64, 48), (256, 192))
    )
    coarse = large.reshape(48, 4, 64, 4).mean((1, 3)) > 0.5
    dice = 2 * (coarse & small.astype(bool)).sum() / (coarse.sum() + small.sum())
    assert dice > 0.93


def test_written_folder_reads_back(tmp_path: Path):
    out = tmp_path / "synthetic"
    written = write_synthetic(out, lesions=12, image_size=48, seed=4)
    table = read(out)
    expected = [
        item for index in range(12) for item in generate_lesion(index, seed=4, size=(48, 36))
    ]
    assert len(table.rows) == len(expected) == written
    assert (table.name, table.without_image) == ("synthetic", 0)
    for row, item in zip(table.rows, expected, strict=True):
        assert (row.stem, row.lesion_id, row.age, row.sex, row.site) == (
            item.name,
            item.lesion_id,
            item.age,
            item.sex,
            item.site,
        )
        assert label_of(row.diagnosis) == item.diagnosis
        np.testing.assert_array_equal(read_mask(out / row.mask_path), item.mask)
        difference = np.abs(read_image(out / row.path).astype(int) - item.image)
        assert difference.mean() < 6  # JPEG


def test_ninth_class_is_written_in_the_word_of_isic_2019(tmp_path: Path):
    write_synthetic(tmp_path / "nine", lesions=40, image_size=32, classes=9)
    words = {row.diagnosis for row in read(tmp_path / "nine").rows}
    assert words == {label_of(word, "synthetic") for word in words} == set(LABELS)


def test_exact_copies_are_equal_files(tmp_path: Path):
    out = tmp_path / "synthetic"
    write_synthetic(out, lesions=150, image_size=32, seed=0)
    with (out / "synthetic.csv").open(encoding="utf-8") as file:
        copies = [row for row in csv.DictReader(file) if row["copy_of"]]
    bytes_of = {path.stem: path.read_bytes() for path in (out / "images").iterdir()}
    assert any(bytes_of[row["image"]] == bytes_of[row["copy_of"]] for row in copies)


def test_reader_counts_absent_images_and_takes_the_folder_above(tmp_path: Path):
    out = tmp_path / "download" / "synthetic"
    write_synthetic(out, lesions=3, image_size=32)
    listed = len(read(out).rows)
    (out / "images" / "SYN_000001_0.jpg").unlink()
    table = read(out.parent)
    assert (len(table.rows), table.without_image) == (listed - 1, 1)
    assert all((out.parent / row.path).is_file() for row in table.rows)
    assert all((out.parent / row.mask_path).is_file() for row in table.rows)


def test_reader_names_what_is_missing(tmp_path: Path):
    with pytest.raises(UserError, match="no folder images"):
        read(tmp_path)
    (tmp_path / "images").mkdir()
    with pytest.raises(UserError, match=r"no file synthetic\.csv"):
        read(tmp_path)
    (tmp_path / "synthetic.csv").write_text("image,diagnosis\n", encoding="utf-8")
    with pytest.raises(UserError, match="lesion_id"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"lesions": 0}, "lesions"),
        ({"image_size": 8}, "image_size"),
        ({"seed": -1}, "seed"),
        ({"classes": 7}, "classes"),
    ],
)
def test_impossible_requests_are_refused(tmp_path: Path, arguments, word):
    with pytest.raises(UserError, match=word):
        write_synthetic(tmp_path / "out", **{"lesions": 1, **arguments})
    assert not (tmp_path / "out").exists()


def test_existing_data_are_not_overwritten(tmp_path: Path):
    (tmp_path / "mine.txt").write_text("keep", encoding="utf-8")
    with pytest.raises(UserError, match="not empty"):
        write_synthetic(tmp_path, lesions=1)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
