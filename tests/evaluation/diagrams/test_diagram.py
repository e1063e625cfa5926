from __future__ import annotations

import itertools

import keras
import numpy as np
import pytest
from keras import layers

from skinnet_keras.errors import UserError
from skinnet_keras.evaluation.diagrams.diagram import plot_model
from skinnet_keras.evaluation.diagrams.graph import boxes_of
from skinnet_keras.evaluation.diagrams.layout import layered_layout


def backbone() -> keras.Model:
    image = keras.Input((16, 16, 3), name="inside")
    return keras.Model(image, layers.Conv2D(5, 3, strides=2)(image), name="efficientnet_b0")


def two_branches(nested: keras.Model) -> keras.Model:
    """An image branch with a chain and a nested model, a metadata branch, one output."""
    image = keras.Input((16, 16, 3), name="image")
    metadata = keras.Input((14,), name="metadata")
    x = layers.Conv2D(4, 7, padding="same", name="conv")(image)
    x = layers.BatchNormalization()(x)
    x = layers.Activation("relu")(x)
    x = layers.MaxPooling2D(2)(x)
    x = layers.GlobalAveragePooling2D()(x)
    y = layers.GlobalAveragePooling2D()(nested(image))
    z = layers.Dropout(0.2)(layers.ReLU()(layers.Dense(6)(metadata)))
    joined = layers.Concatenate(name="joined_features")([x, y, z])
    logits = layers.Dense(8)(joined)
    return keras.Model(
        {"image": image, "metadata": metadata}, {"diagnosis": layers.Softmax()(logits)}, name="two"
    )


def test_chains_and_nested_models_become_one_box_each():
    boxes = {" · ".join(box.steps): box for box in boxes_of(two_branches(backbone()))}
    assert set(boxes) == {
        "input: image",
        "input: metadata",
        "conv 7x7, 4 · BN · ReLU · max-pool 2 · global average",
        "EfficientNet-B0 · 140 parameters · global average",
        "linear 6 · ReLU · dropout 0.2",
        "concatenate: joined features",
        "linear 8 · softmax",
    }
    assert boxes["EfficientNet-B0 · 140 parameters · global average"].shape == (5,)
    assert boxes["concatenate: joined features"].shape == (4 + 5 + 6,)
    assert boxes["linear 8 · softmax"].outputs == ["diagnosis"]
    assert len(boxes["concatenate: joined features"].parents) == 3


def test_parents_come_first_and_branches_keep_apart():
    boxes = boxes_of(two_branches(backbone()))
    names = [box.steps[0] for box in boxes]
    for number, box in enumerate(boxes):
        assert all(parent < number for parent in box.parents)
    assert boxes[names.index("linear 6")].parents == [names.index("input: metadata")]
    assert boxes[names.index("conv 7x7, 4")].parents == [names.index("input: image")]


def test_a_nested_model_can_be_drawn_from_the_inside():
    boxes = boxes_of(two_branches(backbone()), expand=("efficientnet_b0",))
    names = [box.steps[0] for box in boxes]
    assert "EfficientNet-B0" not in names
    inner = boxes[names.index("conv 3x3 / 2, 5")]
    assert inner.parents == [names.index("input: image")]


def test_calls_in_another_model_are_not_drawn():
    nested = backbone()
    first = len(boxes_of(two_branches(nested)))
    two_branches(nested)  # the same layers, called once more
    assert len(boxes_of(two_branches(nested))) == first


def test_an_output_in_the_middle_of_a_chain_ends_its_box():
    x = keras.Input((4,), name="x")
    middle = layers.Dense(3)(x)
    end = layers.ReLU()(middle)
    boxes = boxes_of(keras.Model(x, {"middle": middle, "end": end}))
    assert [box.outputs for box in boxes] == [[], ["middle"], ["end"]]


def test_depth_wise_and_point_wise_share_a_box_and_mbconv_blocks_are_one():
    x = inputs = keras.Input((8, 8, 4), name="x")
    x = layers.Conv2D(6, 1)(layers.DepthwiseConv2D(5)(x))
    y = layers.DepthwiseConv2D(3, strides=2, padding="same", name="a_mbconv1_depthwise")(x)
    gate = layers.GlobalAveragePooling2D(keepdims=True, name="a_mbconv1_squeeze")(y)
    y = layers.Multiply(name="a_mbconv1_gate")([y, gate])
    boxes = boxes_of(keras.Model(inputs, y))
    assert [box.steps for box in boxes[1:]] == [
        ["depth-wise conv 5x5", "conv 1x1, 6"],
        ["MBConv 3x3 / 2"],
    ]
    assert boxes[2].parents == [1]


def test_a_model_without_a_graph_is_refused():
    class Subclassed(keras.Model):
        pass

    with pytest.raises(ValueError, match="not a Functional model"):
        boxes_of(Subclassed())


def test_layout_puts_boxes_below_their_parents_without_overlap():
    #     0       5
    #   1   2     |
    #   3   |     |
    #     4 ------+
    parents = [[], [0], [0], [1], [3, 2, 5], []]
    widths = [1.0, 2.0, 1.5, 1.0, 3.0, 1.0]
    layout = layered_layout(parents, widths)
    assert layout.rows == [0, 1, 1, 2, 3, 0]
    for row in range(4):
        inside = sorted((layout.centres[b], widths[b]) for b in range(6) if layout.rows[b] == row)
        for (left, w1), (right, w2) in itertools.pairwise(inside):
            assert right - left > (w1 + w2) / 2
    assert min(c - w / 2 for c, w in zip(layout.centres, widths, strict=True)) >= -1e-9
    assert layout.width >= max(c + w / 2 for c, w in zip(layout.centres, widths, strict=True))
    long_edges = {(a, b): slots for a, b, slots in layout.edges if slots}
    assert set(long_edges) == {(2, 4), (5, 4)}
    assert [row for row, _ in long_edges[5, 4]] == [1, 2]


def test_layout_draws_a_chain_straight():
    layout = layered_layout([[], [0], [1], [2]], [1.0, 3.0, 2.0, 1.0])
    np.testing.assert_allclose(layout.centres, layout.centres[0])


def test_layout_uncrosses_two_branches():
    # 0 -> 3, 1 -> 2: in the given order the edges would cross.
    layout = layered_layout([[], [], [1], [0]], [1.0] * 4)
    assert (layout.centres[0] < layout.centres[1]) == (layout.centres[3] < layout.centres[2])


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_plot_model_writes_the_format_of_the_suffix(tmp_path, suffix):
    path = tmp_path / f"model{suffix}"
    plot_model(two_branches(backbone()), path, title="Two branches")
    start = path.read_bytes()[:5]
    assert start == (b"\x89PNG\r" if suffix == ".png" else b"<?xml")
    if suffix == ".svg":
        text = path.read_text().replace("\u00a0", " ")
        for words in ("EfficientNet-B0", "output: diagnosis", "16x16x3", "Two branches"):
            assert words in text


def test_other_suffixes_are_refused(tmp_path):
    with pytest.raises(UserError, match=r"model\.jpg .* \.png, \.svg, \.pdf"):
        plot_model(two_branches(backbone()), tmp_path / "model.jpg")
