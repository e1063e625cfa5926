"""MED-NODE: the folder is the diagnosis, equal numbers stay apart, litter is skipped."""

from __future__ import annotations

import shutil

import pytest

from layouts import write_mednode
from skinnet_keras.data.sources import SourceRow
from skinnet_keras.data.sources.mednode import read
from skinnet_keras.errors import UserError


def test_rows(tmp_path):
    folder = "complete_mednode_dataset"
    assert read(write_mednode(tmp_path)).rows == [
        SourceRow("melanoma_12", f"{folder}/melanoma/12.jpg", diagnosis="melanoma"),
        SourceRow("melanoma_7", f"{folder}/melanoma/7.jpg", diagnosis="melanoma"),
        SourceRow("naevus_35", f"{folder}/naevus/35.jpg", diagnosis="naevus"),
        SourceRow("naevus_7", f"{folder}/naevus/7.jpg", diagnosis="naevus"),
    ]


def test_both_folders_are_needed(tmp_path):
    write_mednode(tmp_path)
    shutil.rmtree(tmp_path / "complete_mednode_dataset" / "naevus")
    with pytest.raises(UserError, match="has no folder naevus"):
        read(tmp_path)
