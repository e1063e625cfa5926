from __future__ import annotations

import numpy as np

from compared_runs import make_compared, make_speed
from skinnet_keras.evaluation.segmentation.comparison import compare_segmenters
from skinnet_keras.evaluation.segmentation.tables import comparison_table, speed_table

DICE = np.linspace(0.6, 0.9, 20)


def cells(table, row: int) -> dict[str, str]:
    return dict(zip(table.headings, table.rows[row], strict=True))


def test_comparison():
    runs = [
        make_compared("unet", DICE, speed=make_speed(), parameters=34_527_041),
        make_compared("thin", DICE - 0.1, network="unet", arguments={"widths": [8, 16]}),
    ]
    table = comparison_table(compare_segmenters(runs, split="val", scored_at="original size"))
    first, second = cells(table, 0), cells(table, 1)
    assert (first["Run"], second["Run"]) == ("unet", "thin: unet (widths [8, 16])")
    assert (first["Parameters, M"], first["MACs, G"]) == ("34.53", "1.637")
    assert (first["TFLite, ms"], second["TFLite, ms"]) == ("20", "-")
    assert first["Dice"].startswith("0.7500 (0.7")
    assert first["Difference of Dice"] == "-"
    assert second["Difference of Dice"] == "-0.1000 (-0.1000 to -0.1000)"
    notes = " ".join(table.footnotes)
    assert "Dice less that of unet" in notes
    assert "original size" in notes
    assert "A CPU, 2 cores, TensorFlow 2.21.0, LiteRT 2.3.0, 2 threads" in notes


def test_comparison_without_intervals_and_speeds():
    table = comparison_table(
        compare_segmenters([make_compared("unet", DICE)], split="val", bootstrap=0)
    )
    assert cells(table, 0)["Dice"] == "0.7500"
    assert "Times" not in " ".join(table.footnotes)


def test_runs_of_different_sizes_are_pointed_out():
    runs = [make_compared("unet", DICE), make_compared("malunet", DICE, image_size=256)]
    for scored_at, expected in (("network size", True), ("original size", False)):
        table = comparison_table(compare_segmenters(runs, split="val", scored_at=scored_at))
        assert any("Image sizes differ" in note for note in table.footnotes) == expected


def test_speeds():
    row = {"network": "unet", "arguments": {}, "image_size": 224, "parameters": 177_943}
    rows = [
        {**row, "macs": 63_351_914, **make_speed()},
        {**row, "network": "odd", "macs": 1_500_000_000_000, **make_speed(tflite_ms=None)},
    ]
    table = speed_table(rows)
    assert table.title == "Networks at 224 x 224 pixels"
    assert cells(table, 0)["Parameters, M"] == "0.1779"
    assert cells(table, 0)["TFLite, MB"] == "4"
    assert cells(table, 1)["MACs, G"] == "1500"
    assert cells(table, 1)["TFLite, ms"] == "-"
    assert "odd: no TFLite time: It needs tf.Oddity." in table.footnotes
    gpu = {**rows[0], "machine": {**rows[0]["machine"], "gpus": ["A GPU"]}}
    assert "2 cores, A GPU, TensorFlow" in speed_table([gpu]).footnotes[0]
