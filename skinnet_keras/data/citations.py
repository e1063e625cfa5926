"""How to cite every data set, what its licence allows and where it lies: `citations.toml`, typed.

The table's addresses, sizes and checksums were looked up (where, says the table) but never
exercised.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from skinnet_keras.errors import UserError

_ARCHIVE_SUFFIXES = (".zip", ".tar.gz", ".tgz", ".tar")


@dataclass(frozen=True)
class Work:
    """A publication.

    Attributes:
        key: BibTeX key.
        type: BibTeX entry type.
        fields: BibTeX fields in the order of the table: author, title, venue, year, doi, ...
    """

    key: str
    type: str
    fields: dict[str, str]

    @property
    def citation(self) -> str:
        """One line: authors, year, venue, volume and pages, DOI."""
        names = [name.split(",")[0].strip("{}") for name in self.fields["author"].split(" and ")]
        authors = " and ".join(names) if len(names) < 3 else f"{names[0]} et al."
        venues = ("journal", "booktitle", "howpublished")
        venue = next(self.fields[name] for name in venues if name in self.fields)
        volume = self.fields.get("volume") or self.fields.get("number", "")
        pages = self.fields.get("pages", "").replace("--", "-")
        place = ", ".join(part for part in (f"{venue} {volume}".strip(), pages) if part)
        doi = f". doi:{self.fields['doi']}" if "doi" in self.fields else "."
        return f"{authors} {self.fields['year']}, {place}{doi}"

    @property
    def bibtex(self) -> str:
        """The BibTeX entry; the title in two pairs of braces keeps its capitals."""
        lines = [
            f"  {name} = {{{{{value}}}}}," if name == "title" else f"  {name} = {{{value}}},"
            for name, value in self.fields.items()
        ]
        return "\n".join([f"@{self.type}{{{self.key},", *lines, "}"])


@dataclass(frozen=True)
class Licence:
    """A licence: short name, address ("" without one) and what it means for a trained model."""

    name: str
    url: str
    model: str


@dataclass(frozen=True)
class RemoteFile:
    """A file to download.

    Attributes:
        name: File name, also on disk.
        part: The part of the data set it belongs to.
        urls: Its addresses, to be tried in this order.
        size: Bytes (an estimate where no exact figure was found), None if unknown.
        known_hash: "md5:..." or "sha256:...", None if no checksum was found.
    """

    name: str
    part: str
    urls: tuple[str, ...]
    size: int | None = None
    known_hash: str | None = None

    @property
    def is_archive(self) -> bool:
        """Whether it is unpacked after the download."""
        return self.name.endswith(_ARCHIVE_SUFFIXES)

    @property
    def target(self) -> str:
        """Name on disk of what a finished download leaves: a folder, or the file itself."""
        suffix = next((end for end in _ARCHIVE_SUFFIXES if self.name.endswith(end)), "")
        return self.name.removesuffix(suffix)


@dataclass(frozen=True)
class DataSet:
    """One data set.

    Attributes:
        name: As in `--source NAME=DIR`.
        title: In full.
        works: What to cite.
        licence: What may be done with it.
        attribution: Credit line its licence asks for beside the works, "" without one.
        home: Its page, "" without one.
        images: Number of images, None where it has no fixed number.
        files: What can be downloaded; empty if a person has to ask for it.
        default_parts: Parts a plain download fetches: what the reader uses.
        steps: How to get the data set where `files` is empty; one sentence each.
    """

    name: str
    title: str
    works: tuple[Work, ...]
    licence: Licence
    attribution: str = ""
    home: str = ""
    images: int | None = None
    files: tuple[RemoteFile, ...] = ()
    default_parts: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of all parts, in the order of the files."""
        return tuple(dict.fromkeys(file.part for file in self.files))


@cache
def data_sets() -> dict[str, DataSet]:
    """Return every entry of the table by name, derm7pt's also as `derm7pt_clinical`."""
    table = tomllib.loads((files(__package__) / "citations.toml").read_text(encoding="utf-8"))
    licences = {name: Licence(name, **entry) for name, entry in table["licences"].items()}
    works = {key: _work(key, entry) for key, entry in table["works"].items()}
    return {
        name: _data_set(name, entry, works, licences) for name, entry in table["sets"].items()
    } | {
        alias: _data_set(name, entry, works, licences)
        for name, entry in table["sets"].items()
        for alias in entry.get("also", ())
    }


def data_set_named(name: str) -> DataSet:
    """Return the entry of that name; `folder-...` (a folder of one's own) is that of `folder`.

    Raises:
        UserError: There is none.
    """
    known = data_sets()
    if name.startswith("folder-"):
        name = "folder"
    if name not in known:
        raise UserError(f"There is no data set {name!r}: use one of {', '.join(known)}.")
    return known[name]


def works_of(chosen: Iterable[DataSet]) -> list[Work]:
    """Return what to cite for these data sets, each work once, in their order."""
    return list({work.key: work for data_set in chosen for work in data_set.works}.values())


def _work(key: str, entry: dict[str, Any]) -> Work:
    fields = {name: str(value) for name, value in entry.items() if name != "type"}
    return Work(key, entry["type"], fields)


def _data_set(
    name: str, entry: dict[str, Any], works: dict[str, Work], licences: dict[str, Licence]
) -> DataSet:
    bases = entry.get("bases", ())
    return DataSet(
        name=name,
        title=entry["title"],
        works=tuple(works[key] for key in entry["works"]),
        licence=licences[entry["licence"]],
        attribution=entry.get("attribution", ""),
        home=entry["home"],
        images=entry.get("images"),
        files=tuple(
            RemoteFile(
                name=file["name"],
                part=file["part"],
                urls=tuple(base + file.get("path", file["name"]) for base in bases),
                size=file.get("bytes"),
                known_hash=file.get("hash"),
            )
            for file in entry.get("files", ())
        ),
        default_parts=tuple(entry.get("default", ())),
        steps=tuple(entry.get("steps", ())),
    )
