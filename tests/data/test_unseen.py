"""Classes that a run is not to see."""

from __future__ import annotations

from skinnet_keras.data.unseen import unseen_view
from tiny_run import make_catalogue


def test_withheld_classes_are_unknown_and_only_tested(tmp_path):
    catalogue = make_catalogue(tmp_path, images=24)
    table = catalogue.table.copy()
    table.loc[3, "split"] = ""  # a copy or an unlabelled image
    catalogue = catalogue.with_table(table)
    view = unseen_view(catalogue, ["DF", "AK"])
    before, after = catalogue.table, view.table
    withheld = before["label"].isin(["DF", "AK"]) & (before["split"] != "")
    assert withheld.sum() > 3
    assert set(after.loc[withheld, "label"]) == {"UNK"}
    assert set(after.loc[withheld, "split"]) == {"test"}
    assert after[~withheld].equals(before[~withheld])
    assert view.sha256() == catalogue.sha256()
    assert set(catalogue.table["label"]) == set(before["label"])  # not changed in place
