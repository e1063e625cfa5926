"""The data sets a catalogue can be built from: one reader module each."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from skinnet_keras.data.sources.base import SourceRow, SourceTable
from skinnet_keras.errors import UserError

__all__ = ["SOURCES", "Source", "SourceRow", "SourceTable", "source_named"]


@dataclass(frozen=True)
class Source:
    """A data set the package can read.

    Attributes:
        name: The name users give it; its reader is the module of that name in this package.
        provider: Whose image, lesion and patient ids it uses: ids of one provider are one
            namespace, so the ISIC sets share theirs.
    """

    name: str
    provider: str

    def read(self, root: str | Path) -> SourceTable:
        """Read the data set unpacked to `root`.

        Raises:
            UserError: A folder, file or column is missing.
        """
        root = Path(root)
        if not root.is_dir():
            raise UserError(f"{root} is not a folder: give the folder {self.name} was unpacked to.")
        return import_module(f"{__name__}.{self.name}").read(root)


# In the order of trust: where copies of an image carry different labels, the earlier source
# decides. ISIC-2019 curated the labels of the sets before it; ISIC-2017's nevus is only inferred.
SOURCES = {
    source.name: source
    for source in (
        Source("isic2019", "isic"),
        Source("ham10000", "isic"),
        Source("isic2020", "isic"),
        Source("isic2017", "isic"),
        Source("synthetic", "synthetic"),
    )
}


def source_named(name: str) -> Source:
    """Return the source of that name; an unknown name is a UserError listing the known ones."""
    if name not in SOURCES:
        raise UserError(f"There is no source {name!r}: use one of {', '.join(SOURCES)}.")
    return SOURCES[name]
