"""SD-198: 6,584 clinical photographs of 198 skin diseases (Sun et al. 2016), without metadata.

Layout: `images/<Class_Name>/<file>.jpg`, the class being the diagnosis, e.g.
`Actinic_solar_Damage(Actinic_Keratosis)`; without a folder `images`, the class folders may lie
anywhere below the root. An image is named by class and file, so that equal file names of two
classes stay apart: `Blue_Nevus_024106`.

Images of consecutive file numbers mostly show one patient, often one lesion: they are a `series`.
Where classes number their files anew, only neighbours within a class are.

The layout is known from other people's readers and the published list of classes; this reader has
never seen the real files.
"""

from __future__ import annotations

from itertools import pairwise
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
    paths = [path for path in images_below(root, base) if path.parent != base]
    if not paths:
        raise missing_folder(root, "images/<Class_Name> with photographs")
    series = _series(paths)
    rows = [
        SourceRow(
            stem=joined_stem(PurePosixPath(path.parent.name, path.name)),
            path=path.relative_to(root).as_posix(),
            diagnosis=path.parent.name,
            series=series.get(path, ""),
        )
        for path in paths
    ]
    return SourceTable("sd198", rows, diagnoses={row.stem: row.diagnosis for row in rows})


def _series(paths: list[Path]) -> dict[Path, str]:
    """Name the runs of consecutive file numbers by class and number of their first image."""
    numbered = [(int(path.stem), path) for path in paths if path.stem.isdecimal()]
    anew = len({number for number, _ in numbered}) < len(numbered)
    ordered = sorted((path.parent.name if anew else "", number, path) for number, path in numbered)
    series: dict[Path, str] = {}
    for before, after in pairwise(ordered):
        if before[0] == after[0] and before[1] + 1 == after[1]:
            own = series.setdefault(before[2], joined_stem(PurePosixPath(*before[2].parts[-2:])))
            series[after[2]] = own
    return series
