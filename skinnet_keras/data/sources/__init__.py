"""The data sets a catalogue can be built from: one reader module each."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path, PurePosixPath

from skinnet_keras.data.sources.base import SourceRow, SourceTable
from skinnet_keras.data.sources.files import survey
from skinnet_keras.errors import UserError

__all__ = ["SOURCES", "Source", "SourceRow", "SourceTable", "source_named"]


@dataclass(frozen=True)
class Source:
    """A data set the package can read.

    Attributes:
        name: The name users give it.
        provider: Whose image, lesion and patient ids it uses: ids of one provider are one
            namespace, so the ISIC sets share theirs.
        module: The reader's module in this package; by default that of its name.
        function: The reader's function there.
    """

    name: str
    provider: str
    module: str = ""
    function: str = "read"

    def read(self, root: str | Path) -> SourceTable:
        """Read the data set unpacked to `root`.

        Raises:
            UserError: A folder, file or column is missing.
        """
        root = Path(root)
        if not root.is_dir():
            raise UserError(f"{root} is not a folder: give the folder {self.name} was unpacked to.")
        module = import_module(f"{__name__}.{self.module or self.name}")
        table: SourceTable = getattr(module, self.function)(root)
        missing = [*table.missing, *_not_followed(root, table)]
        return replace(
            table,
            name=self.name,
            missing=[f"{self.name}: {sentence}" for sentence in missing],
            notes=[f"{self.name}: {sentence}" for sentence in table.notes],
        )


# In the order of trust: where copies of an image carry different labels, the earlier source
# decides. ISIC-2019 curated the labels of the sets before it and split `akiec`; HAM10000 says how
# each diagnosis was made, over half of them by histology, and ISIC-2018 repeats its labels with
# less detail; ISIC-2020 leaves most images without diagnosis; ISIC-2017's nevus is only inferred.
# Then the other dermoscopic sets: excision or consensus (derm7pt), one clinical diagnosis (PH2),
# folders named by class (SKINL2). Then clinical photographs: a dermatology department's (the
# authors' RAS, MED-NODE) before a web atlas's (SD-198). Of a user's folder nothing is known.
SOURCES = {
    source.name: source
    for source in (
        Source("isic2019", "isic"),
        Source("ham10000", "isic"),
        Source("isic2018", "isic"),
        Source("isic2020", "isic"),
        Source("isic2017", "isic"),
        Source("derm7pt", "derm7pt"),
        Source("ph2", "ph2"),
        Source("skinl2", "skinl2"),
        Source("derm7pt_clinical", "derm7pt", module="derm7pt", function="read_clinical"),
        Source("ras", "ras"),
        Source("mednode", "mednode"),
        Source("sd198", "sd198"),
        Source("folder", "folder"),
        Source("synthetic", "synthetic"),
    )
}


def _not_followed(root: Path, table: SourceTable) -> list[str]:
    """Say which linked folders and odd files below a source's root were not read."""
    found = survey(root, root)
    read = {folder for row in table.rows for folder in PurePosixPath(row.path).parents}
    # A folder that the layout names may be a link to anywhere: it was read.
    links = [path for path in found.links_out if path.relative_to(root) not in read]
    sentences = []
    if links:
        first = links[0]
        sentences.append(
            f"{len(links):,} linked folders lead out of {root} and were not followed, e.g. "
            f"{first.relative_to(root)} -> {os.path.realpath(first)}: put their images into it."
        )
    if found.no_files:
        sentences.append(
            f"{len(found.no_files):,} entries are neither files nor folders (broken links, pipes) "
            f"and were left out, e.g. {found.no_files[0].relative_to(root)}."
        )
    return sentences


_NAMED_FOLDER = re.compile(r"folder-[a-z0-9_]+")


def source_named(name: str) -> Source:
    """Return the source of that name, a key of `SOURCES` or `folder-` and a name of one's own.

    Raises:
        UserError: There is none; the sentence lists the known ones.
    """
    if _NAMED_FOLDER.fullmatch(name):
        return Source(name, provider=name, module="folder")
    if name not in SOURCES:
        raise UserError(
            f"There is no source {name!r}: use one of {', '.join(SOURCES)}, or folder-NAME (small "
            "letters, digits and _) for several folders of your own."
        )
    return SOURCES[name]
