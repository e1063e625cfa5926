"""SKINL2: light fields of skin lesions (Faria et al. 2019) with a dermatoscopic picture of each.

Of each lesion the dermatoscopic picture is read: it is the one that resembles the other data
sets. The views of the light field and the depth maps come from a plenoptic camera without contact
and show the same lesion again; they are skipped.

Layout of version 1: `Dermatoscopic/<Class>/0243_Dermatoscopic.png`; of versions 2 and 3:
`<id>/<Class>/Dermatoscopic/0087_Dermatoscopic.png`; the class folder is the diagnosis ("Nevus",
"Basal-cell Carcinoma", "Others"). The versions may lie side by side as `SKINL2_v1`, `SKINL2_v2`,
`SKINL2_v3`. As it is not known whether they number their lesions anew, an image is named by version
and number where a folder tells the version (`v2_0087`), and equal numbers count as one lesion,
which at worst keeps strangers in one split. The sheets `PlenoISLA_DatasetV<n>_info.xlsx` are not
read. The layout is known from other people's readers; this reader has never seen the real files.
"""

from __future__ import annotations

import re
from pathlib import Path

from skinnet_keras.data.sources.base import SourceRow, SourceTable
from skinnet_keras.data.sources.files import images_below, missing_folder

_FILE = re.compile(r"(\d+)_dermatoscopic", re.IGNORECASE)
_VERSION = re.compile(r"skinl2_(v\d+)", re.IGNORECASE)


def read(root: Path) -> SourceTable:
    """Read the versions that are there.

    Raises:
        UserError: There is no dermatoscopic picture.
    """
    rows = [
        _row(root, path, match.group(1))
        for path in images_below(root, root)
        if (match := _FILE.fullmatch(path.stem))
    ]
    if not rows:
        raise missing_folder(root, "Dermatoscopic with <number>_Dermatoscopic.png")
    return SourceTable("skinl2", rows, diagnoses={row.stem: row.diagnosis for row in rows})


def _row(root: Path, path: Path, number: str) -> SourceRow:
    by_class = path.parent
    if by_class.name.lower() == "dermatoscopic":
        by_class = by_class.parent
    folders = (root.name, *path.relative_to(root).parts)
    versions = [found.group(1).lower() for name in folders if (found := _VERSION.match(name))]
    return SourceRow(
        stem="_".join([*versions[-1:], number]),
        path=path.relative_to(root).as_posix(),
        diagnosis=by_class.name,
        lesion_id=number,
    )
