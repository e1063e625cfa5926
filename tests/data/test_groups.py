"""Groups are connected components, named by their first image."""

from __future__ import annotations

import numpy as np
import pandas as pd

from skinnet_keras.data.groups import components, equal_keys, name_groups


def test_equal_keys_links_to_the_first_and_ignores_empty():
    assert equal_keys(["a", "", "b", "a", "", "a"]).tolist() == [[0, 3], [0, 5]]
    assert equal_keys([]).shape == (0, 2)


def test_components_join_all_evidence():
    number = components(6, np.array([[0, 1], [3, 4]]), np.array([[1, 3]]))
    assert len(set(number[[0, 1, 3, 4]])) == 1
    assert len(set(number)) == 3


def test_groups_chain_over_copies_lesions_and_patients():
    table = pd.DataFrame(
        [
            ("isic2019:d", "isic2019", "L1", ""),
            ("ham10000:c", "ham10000", "L1", ""),  # lesion of d, another set, same provider
            ("isic2020:b", "isic2020", "", "P1"),
            ("isic2020:a", "isic2020", "", "P1"),  # patient of b, copy of d
            ("synthetic:e", "synthetic", "L1", ""),  # another provider's L1
            ("isic2019:f", "isic2019", "", ""),
        ],
        columns=["image_id", "source", "lesion_id", "patient_id"],
    ).assign(series="")
    pairs = pd.DataFrame([("isic2020:a", "isic2019:d")], columns=["image_id", "other_id"])
    assert name_groups(table, pairs) == ["ham10000:c"] * 4 + ["synthetic:e", "isic2019:f"]


def test_a_series_holds_images_of_one_source_together():
    ids = ["sd198:b", "sd198:a", "sd198:c", "mednode:d"]
    table = pd.DataFrame({"image_id": ids, "lesion_id": "", "patient_id": ""})
    table["source"] = table["image_id"].str.partition(":")[0]
    table["series"] = ["s", "s", "", "s"]
    pairs = pd.DataFrame({"image_id": [], "other_id": []})
    assert name_groups(table, pairs) == ["sd198:a", "sd198:a", "sd198:c", "mednode:d"]
