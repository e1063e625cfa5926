"""From data sets to a catalogue folder: read, map, find copies, group, split."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from skinnet_keras.atomic import atomic_file, is_free, is_temporary
from skinnet_keras.data.assembly import assemble
from skinnet_keras.data.build_record import RECORD_FILE
from skinnet_keras.data.build_report import (
    BuildReport,
    class_counts,
    listed_counts,
    source_counts,
)
from skinnet_keras.data.catalogue import (
    COLUMNS,
    OPTIONAL_COLUMNS,
    PAIRS_FILE,
    SOURCES_FILE,
    TABLE_FILE,
    Catalogue,
)
from skinnet_keras.data.copies import count_pairs, find_copies
from skinnet_keras.data.fingerprint_store import FingerprintStore
from skinnet_keras.data.folds import fold_names, fold_notes
from skinnet_keras.data.groups import name_groups
from skinnet_keras.data.identities import drop_zero_ids, identity_notes
from skinnet_keras.data.inventory import Inventory, take_inventory
from skinnet_keras.data.mask_facts import MaskFacts
from skinnet_keras.data.sources import source_named
from skinnet_keras.data.split_notes import (
    changed_split,
    empty_split_notes,
    official_notes,
    scarce_class_notes,
    unlabelled_notes,
)
from skinnet_keras.data.splits import SPLITS, read_folds, read_splits, split_table
from skinnet_keras.errors import DiskFullError, UserError
from skinnet_keras.locks import is_lock_file, own_folder

_FINGERPRINTS = "fingerprints"
# What a build that was killed can have left: the table comes last.
_UNFINISHED = (_FINGERPRINTS, PAIRS_FILE, RECORD_FILE, SOURCES_FILE)
_FOLDS = 5
_MEASURED_BY = ("numpy", "pillow", "imagehash", "scipy", "scikit-learn")


def build_catalogue(
    sources: Mapping[str, str | Path],
    out: str | Path,
    *,
    seed: int = 0,
    fractions: tuple[float, float, float] = (0.70, 0.15, 0.15),
    folds: int | None = None,
    unknown: str | None = None,
    splits: str | Path | None = None,
    keep_official: bool = False,
    orientations: bool = False,
    neighbours: bool = True,
    update: bool = False,
    workers: int | None = None,
) -> BuildReport:
    """Read, map, deduplicate, group and split data sets into a catalogue folder.

    Images that cannot be read are reported and left out. The result depends on the files, the
    order of `sources` and the arguments only. What was measured of each image is kept in the
    folder: a build that was interrupted goes on, and an update reads new and changed files only.

    Args:
        sources: Source name (a key of `SOURCES`) -> the folder it was unpacked to.
        out: The catalogue's folder; absent, empty or left by an interrupted build, unless
            `update`.
        seed: Decides which groups go into which split and fold.
        fractions: Shares of train, val and test.
        folds: Number of cross-validation folds within train and val; by default 5, or in an
            update as many as there are.
        unknown: "UNK" counts diagnoses the taxonomy does not have as UNK; None refuses them.
        splits: A CSV `image_id,split` (optionally `fold`) with the split of some or all images,
            e.g. another catalogue's table. A group named with several splits goes into test
            before val before train.
        keep_official: Whether a data set's official splits stay: a group that touches an official
            test (else validation, else training) set is in it as a whole. All images of official
            test sets are kept then, copies of one another, too.
        orientations: Whether copies are also looked for among flips and quarter turns.
        neighbours: Whether images that a reader takes for one patient's by a weaker sign than an
            id stay together: those of SD-198 with consecutive file numbers.
        update: Rebuild the catalogue in `out`; its images keep their split and fold, but where
            new evidence joins groups of different splits.
        workers: Threads that read images; by default one a CPU core.

    Returns:
        The counts.

    Raises:
        UserError: A data set is incomplete, a word is not known, no image can be read, `out` is
            neither free nor, with `update`, a catalogue, or another process is building it.
    """
    if not sources:
        raise UserError("No source was given: name at least one, e.g. isic2019=FOLDER.")
    if min(fractions) < 0 or not math.isclose(sum(fractions), 1.0, abs_tol=1e-6):
        raise UserError(f"The fractions {fractions} are not three shares that sum to 1.")
    out = Path(out)
    before = Catalogue.load(out).table if update else None
    if before is None:
        _require_free(out)
    roots = {name: Path(root).resolve() for name, root in sources.items()}
    tables = {name: source_named(name).read(root) for name, root in roots.items()}
    table, zero_notes = drop_zero_ids(assemble(tables, unknown=unknown))
    missing = [sentence for source in tables.values() for sentence in source.missing]
    if table.empty:
        example = f" ({missing[0].removesuffix('.')})" if missing else ""
        raise UserError(
            "There is nothing to build a catalogue from: the sources list no image that is "
            f"there{example}."
        )
    asked: dict[str, str] = {}
    asked_folds: dict[str, str] = {}
    if before is not None:
        asked, asked_folds = _column(before, "split"), _column(before, "fold")
        present = [int(name) for name in fold_names(before)]
        if present and not folds:
            folds = max(2, max(present) + 1)
    wanted: dict[str, str] = {}
    if splits:
        wanted = read_splits(Path(splits), table["image_id"])
        asked |= wanted
        asked_folds |= read_folds(Path(splits), table["image_id"])
    folds = folds or _FOLDS

    with own_folder(out), _removed_on_failure(out, before):
        store = FingerprintStore(out / _FINGERPRINTS)
        inventory = take_inventory(table, roots, store, workers)
        masks = MaskFacts.collect(inventory.mask_facts())
        copies = find_copies(
            inventory.table,
            inventory.prints,
            orientations=orientations,
            keep_test=keep_official,
        )
        table = copies.table
        table["group"] = name_groups(table if neighbours else table.assign(series=""), copies.pairs)
        shares = dict(zip(SPLITS, fractions, strict=True))
        table = split_table(
            table,
            shares,
            seed,
            folds=folds,
            asked=asked,
            asked_folds=asked_folds,
            keep_official=keep_official,
        )
        classes = class_counts(table)
        by_group = table["group"].value_counts()
        report = BuildReport(
            rows=len(table),
            kept=int((table["duplicate_of"] == "").sum()),
            reused=inventory.reused,
            sources=source_counts(table, tables),
            listed=listed_counts(tables),
            classes=classes,
            duplicates=copies.causes,
            duplicate_pairs=count_pairs(copies.pairs),
            label_conflicts=copies.conflicts,
            unreadable=inventory.unreadable,
            masks_left_out=inventory.masks_left_out,
            masks=masks.to_dict(),
            largest_group=by_group.index[0],
            largest_group_images=int(by_group.iloc[0]),
            notes=[
                *missing,
                *(note for source in tables.values() for note in source.notes),
                *_masks_left_out(inventory),
                *masks.sentences(),
                *zero_notes,
                *_series_notes(table, neighbours),
                *identity_notes(table),
                *unlabelled_notes(table),
                *official_notes(
                    table, kept=keep_official, asked=asked, kept_copies=copies.kept_copies
                ),
                *_changed_by_groups(table, wanted),
                *empty_split_notes(table, shares, _fixed_groups(table, asked, keep_official)),
                *scarce_class_notes(table),
                *fold_notes(table, folds),
                *_moved(table, before),
            ],
        )
        arguments = {
            "sources": {name: str(root) for name, root in roots.items()},
            "seed": seed,
            "fractions": fractions,
            "folds": folds,
            "unknown": unknown,
            "splits": str(splits) if splits else None,
            "keep_official": keep_official,
            "orientations": orientations,
            "neighbours": neighbours,
            "update": update,
        }
        optional = [name for name in OPTIONAL_COLUMNS if (table[name] != "").any()]
        with atomic_file(out / PAIRS_FILE) as temporary:
            copies.pairs.round(4).to_csv(temporary, index=False, lineterminator="\n")
        _write_record(out, arguments, report)
        Catalogue(out, table[[*COLUMNS, *optional]], roots).write(out)
    return report


def _require_free(out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise UserError(f"{out} is a file where a folder is to be written: choose another name.")
    if (out / TABLE_FILE).exists():
        raise UserError(
            f"{out} holds a catalogue already: choose another folder, or rebuild it with --update."
        )
    if not is_free(out) and not all(_is_unfinished(path) for path in out.iterdir()):
        raise UserError(f"{out} already exists and is not empty: remove it or choose another.")


def _is_unfinished(path: Path) -> bool:
    return path.name in _UNFINISHED or is_lock_file(path) or is_temporary(path)


@contextmanager
def _removed_on_failure(out: Path, before: pd.DataFrame | None) -> Iterator[None]:
    """Leave nothing of a failed build; an interrupted one keeps what it has measured."""
    # Once more: another build may have ended between the first look and the lock.
    if before is None:
        _require_free(out)
    elif not Catalogue.load(out).table.equals(before):
        raise UserError(f"{out} was changed by another build just now: call the command again.")
    fresh = before is None
    try:
        yield
    except DiskFullError:
        raise
    except Exception:
        if fresh:
            for path in out.iterdir():
                if path.is_dir():
                    shutil.rmtree(path)
                elif not is_lock_file(path):
                    path.unlink()
        raise


def _column(table: pd.DataFrame, name: str) -> dict[str, str]:
    filled = table[table[name] != ""]
    return dict(zip(filled["image_id"], filled[name], strict=True))


def _series_notes(table: pd.DataFrame, neighbours: bool) -> list[str]:
    """Say what was grouped by a weaker sign than an id, or could have been."""
    notes = []
    for source, own in table[table["series"] != ""].groupby("source", sort=False):
        sizes = own["series"].value_counts()
        found = f"{source}: {len(own):,} images have neighbours by file number"
        notes.append(
            f"{found}: they count as {len(sizes):,} patients, the largest with {sizes.iloc[0]:,} "
            "images (--no-neighbours: each as one)."
            if neighbours
            else f"{found}, which are not kept together (--neighbours: they are)."
        )
    return notes


def _changed_by_groups(table: pd.DataFrame, wanted: Mapping[str, str]) -> list[str]:
    own = table[table["image_id"].isin(wanted.keys())]
    return changed_split("--splits", own, own["image_id"].map(wanted), {})


def _fixed_groups(table: pd.DataFrame, asked: Mapping[str, str], keep_official: bool) -> set[str]:
    given = table["image_id"].isin(asked.keys())
    if keep_official:
        given |= table["official_split"] != ""
    return set(table["group"][given])


def _masks_left_out(inventory: Inventory) -> list[str]:
    count = len(inventory.masks_left_out)
    return [f"{count:,} masks were left out; their images stay, without one."] if count else []


def _moved(table: pd.DataFrame, before: pd.DataFrame | None) -> list[str]:
    if before is None:
        return []
    old, new = _column(before, "split"), _column(table, "split")
    moved = [image_id for image_id, split in old.items() if new.get(image_id, split) != split]
    gone = [image_id for image_id in old if image_id not in new]
    return [
        sentence
        for ids, sentence in (
            (moved, f"{len(moved)} images changed split: their group now reaches into another."),
            (gone, f"{len(gone)} images of the old catalogue are no longer in a split."),
        )
        if ids
    ]


def _write_record(out: Path, arguments: Mapping[str, Any], report: BuildReport) -> None:
    record = {
        "arguments": arguments,
        "versions": {name: version(name) for name in ("skinnet-keras", *_MEASURED_BY)},
        "report": report.to_dict(),
    }
    with atomic_file(out / RECORD_FILE) as temporary:
        temporary.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
