"""MED-NODE: 70 melanomas and 100 naevi, clinical photographs of the UMC Groningen.

Layout: `complete_mednode_dataset/melanoma/<number>.jpg` and `.../naevus/<number>.jpg`; the folder
is the diagnosis, and there are no metadata. The numbers may repeat from folder to folder, so an
image is named by both: `naevus_07`. The layout is known from other people's readers; this reader
has never seen the real files.
"""

from __future__ import annotations

from pathlib import Path

from skinnet_keras.data.sources.base import SourceRow, SourceTable
from skinnet_keras.data.sources.files import find_images
from skinnet_keras.data.sources.tables import missing_sentences

_DIAGNOSES = ("melanoma", "naevus")


def read(root: Path) -> SourceTable:
    """Read the data set.

    Raises:
        UserError: One of the two folders is missing.
    """
    rows, repeated = [], []
    for diagnosis in _DIAGNOSES:
        images = find_images(root, diagnosis)
        repeated += images.repeated
        rows += [
            SourceRow(stem=f"{diagnosis}_{stem}", path=path, diagnosis=diagnosis)
            for stem, path in images.items()
        ]
    return SourceTable(
        "mednode",
        rows,
        missing=missing_sentences(root, 0, [], [], repeated),
        diagnoses={row.stem: row.diagnosis for row in rows},
    )
