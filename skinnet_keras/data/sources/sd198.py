"""SD-198: 6,584 clinical photographs of 198 skin diseases (Sun et al. 2016), without metadata.

Layout: `images/<Class_Name>/<file>.jpg`, the class being the diagnosis, e.g.
`Actinic_solar_Damage(Actinic_Keratosis)`; without a folder `images`, the class folders may lie
anywhere below the root. An image is named by class and file, so that equal file names of two
classes stay apart: `Blue_Nevus_024106`. The layout is known from other people's readers and the
published list of classes; this reader has never seen the real files.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from skinnet_keras.data.sources.base import SourceRow, SourceTable
from skinnet_keras.data.sources.files import (
    find_folders,
    images_below,
    joined_stem,
    missing_folder,
)


def read(root: Path) -> SourceTable:
    """Read the data set.

    Raises:
        UserError: There is no class folder with images.
    """
    base = next(iter(find_folders(root, "images")), root)
    rows = [
        SourceRow(
            stem=joined_stem(PurePosixPath(path.parent.name, path.name)),
            path=path.relative_to(root).as_posix(),
            diagnosis=path.parent.name,
        )
        for path in images_below(base)
        if path.parent != base
    ]
    if not rows:
        raise missing_folder(root, "images/<Class_Name> with photographs")
    return SourceTable("sd198", rows, diagnoses={row.stem: row.diagnosis for row in rows})
