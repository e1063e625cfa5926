from __future__ import annotations

import numpy as np
import pytest
import yaml

from skinnet_keras.errors import UserError
from skinnet_keras.evaluation.decisions.costs import BENIGN, MALIGNANT, read_costs
from skinnet_keras.presets import find_costs, preset_names
from skinnet_keras.taxonomy import CLASSES, LABELS

GOOD = {
    "name": "two",
    "unit": "an excision",
    "decided": ["MEL", "NV"],
    "costs": {"NV": [1, 0], "MEL": [0, 20]},
}


@pytest.fixture
def write(tmp_path):
    def written(**change):
        path = tmp_path / "costs.yaml"
        path.write_text(yaml.safe_dump({**GOOD, **change}))
        return path

    return written


def test_rows_are_found_by_name(write):
    costs = read_costs(write())
    assert costs.classes == ("MEL", "NV")
    np.testing.assert_array_equal(costs.matrix, [[0, 20], [1, 0]])
    assert costs.to_json()["costs"] == {"MEL": [0, 20], "NV": [1, 0]}


def test_the_costs_of_a_model_are_in_its_order(write):
    costs = read_costs(write()).for_classes(("NV", "MEL"))
    np.testing.assert_array_equal(costs.matrix, [[0, 1], [20, 0]])
    with pytest.raises(UserError, match="'two' lack the class BCC"):
        costs.for_classes(("NV", "BCC"))


def test_the_shipped_costs_serve_models_with_and_without_unk():
    costs = read_costs(find_costs("costs/melanoma_first"))
    assert costs.for_classes(CLASSES).matrix.shape == (8, 8)
    full = costs.for_classes(LABELS).matrix
    assert full.shape == (9, 9)
    # What the file's comment promises: the costliest mistake is a melanoma left alone.
    assert full.max() == full[LABELS.index("MEL"), LABELS.index("NV")] == 20
    benign = [LABELS.index(name) for name in BENIGN]
    malignant = [LABELS.index(name) for name in MALIGNANT]
    assert (full[np.ix_(benign, malignant)] == 1).all()
    assert (full[np.ix_(malignant, benign)] >= 5).all()


def test_shipped_costs_are_found_by_name_and_are_no_presets(write):
    path = find_costs("costs/melanoma_first")
    for name in ("melanoma_first", "configs/costs/melanoma_first.yaml", str(path)):
        assert find_costs(name).samefile(path)
    assert not [name for name in preset_names() if "costs" in name]
    assert find_costs(str(write())) == write()
    with pytest.raises(UserError, match=r"shipped are costs/melanoma_first"):
        find_costs("nowhere.yaml")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"unit": None, "extra": 1}, "exactly the keys name, unit, decided, costs"),
        ({"decided": ["MEL"]}, "two classes or more"),
        ({"costs": [[0, 1], [1, 0]]}, "one row for"),
        ({"decided": ["MEL", "naevus"]}, "'naevus' is no class"),
        ({"costs": {"MEL": [0, 1], "mole": [1, 0]}}, "'mole' is no class"),
        ({"decided": ["MEL", "NV", "NV"]}, "names a class twice"),
        ({"decided": ["MEL", "NV", "BCC"]}, "BCC has no row in 'costs'"),
        ({"costs": {**GOOD["costs"], "BCC": [1, 1]}}, "BCC has no column in 'decided'"),
        ({"costs": {"MEL": [0, 20, 1], "NV": [1, 0]}}, "the row MEL needs 2 numbers"),
        ({"costs": {"MEL": 20, "NV": [1, 0]}}, "the row MEL needs 2 numbers"),
        ({"costs": {"MEL": [0, 10**400], "NV": [1, 0]}}, "must be a number from 0 to"),
        ({"costs": {"MEL": [0, -1], "NV": [1, 0]}}, r"deciding NV where MEL is true, -1, must be"),
        ({"costs": {"MEL": [0, "a"], "NV": [1, 0]}}, "'a', must be a number"),
        ({"costs": {"MEL": [0, float("inf")], "NV": [1, 0]}}, "inf, must be a number"),
        ({"costs": {"MEL": [1, 20], "NV": [1, 0]}}, "must be 0: it is right"),
    ],
)
def test_mistakes_are_named(write, change, message):
    with pytest.raises(UserError, match=message) as error:
        read_costs(write(**change))
    assert "costs.yaml" in str(error.value)


def test_files_that_are_no_yaml(tmp_path):
    (tmp_path / "costs.yaml").write_text("costs: [1, 2")
    with pytest.raises(UserError, match="is not valid YAML: line 1"):
        read_costs(tmp_path / "costs.yaml")
    with pytest.raises(UserError, match="cannot be read"):
        read_costs(tmp_path / "absent.yaml")
