"""The sections on where a run came from: its data, its training, its environment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from skinnet_keras.config import dump_config
from skinnet_keras.data.catalogue import Catalogue
from skinnet_keras.data.figures.distribution import draw_distribution
from skinnet_keras.data.identities import unknown_identities
from skinnet_keras.errors import UserError
from skinnet_keras.evaluation import plots
from skinnet_keras.evaluation.table import Table
from skinnet_keras.reporting.blocks import Block, Code, Listing, Paragraph, Section, TableBlock
from skinnet_keras.reporting.drawings import figure_block
from skinnet_keras.runs.run import Run, read_environment
from skinnet_keras.taxonomy import LABELS

_SPLITS = ("train", "val", "test")


def data_section(catalogue: Catalogue) -> Section:
    """Images, lesions and classes by split and by source."""
    used = catalogue.usable(_SPLITS)
    used = used[used["label"] != ""]
    not_known = unknown_identities(catalogue.table)
    overlap = used.groupby("group")["split"].nunique().gt(1).sum()
    blocks: list[Block] = [
        Paragraph(
            f"{len(used):,} labelled images of {used['group'].nunique():,} groups; a group holds "
            "all images of a lesion and of a patient, as far as the sources name them, and all "
            "copies of a picture. "
            + (
                "No group lies in two splits."
                if not overlap
                else f"{overlap} groups lie in two splits: the figures of this page leak."
            ),
            "plain" if not overlap else "warning",
        ),
        *([Paragraph(f"Not known: {'; '.join(not_known)}.", "warning")] if not_known else []),
        TableBlock(_by_split(used)),
        TableBlock(_by_source(used)),
        figure_block(
            lambda path: draw_distribution(catalogue, path, by="split"),
            "Images of each class and split; the table above holds the numbers",
            wide=True,
        ),
    ]
    return Section("data", "Data and splits", blocks)


def _by_split(used: pd.DataFrame) -> Table:
    counts = pd.crosstab(used["label"], used["split"]).reindex(columns=list(_SPLITS), fill_value=0)
    present = [label for label in LABELS if label in counts.index]
    numbers = counts.loc[present].to_numpy(dtype=int)
    rows = [
        (label, *(f"{count:,}" for count in line))
        for label, line in zip(present, numbers, strict=True)
    ]
    total = ("All", *(f"{counts[split].sum():,}" for split in _SPLITS))
    return Table("Images by class", ("Class", *_SPLITS), (*rows, total), last_is_total=True)


def _by_source(used: pd.DataFrame) -> Table:
    rows = tuple(
        (
            source,
            f"{len(part):,}",
            f"{part['group'].nunique():,}",
            *(f"{(part['split'] == split).sum():,}" for split in _SPLITS),
            *(f"{100 * (part[name] == '').mean():.0f} %" for name in ("age", "sex", "site")),
        )
        for source in sorted(set(used["source"]))
        for part in [used[used["source"] == source]]
    )
    headings = ("Source", "Images", "Groups", *_SPLITS, "no age", "no sex", "no site")
    return Table("Images by source", headings, rows)


def training_section(run: Run) -> Section | None:
    """The curves and what was asked for; None where the run kept no history of epochs."""
    history = run.directory / "history.csv"
    blocks: list[Block] = []
    rows = run.history()
    if rows and "epoch" in rows[0]:
        stages = list(dict.fromkeys(row["stage"] for row in rows))
        seconds = sum(float(row.get("seconds") or 0) for row in rows)
        blocks += [
            Paragraph(
                f"{len(rows)} epochs in the stages {', '.join(stages)}; {seconds / 60:.0f} minutes."
            ),
            figure_block(
                lambda path: plots.plot_history(history, path),
                "Training curves: one panel a metric over the epochs of all stages",
                wide=True,
            ),
        ]
    blocks.append(Code("The whole configuration", dump_config(run.config)))
    return Section("training", "Training", blocks)


def environment_section(run: Run) -> Section:
    """What the run was made with."""
    try:
        environment: Mapping[str, object] = read_environment(run.directory)
    except UserError as error:  # the catalogue was named by the user
        return Section("environment", "Environment", [Paragraph(str(error), "warning")])
    packages = environment.get("packages", {})
    command = environment.get("command", [])
    entries: list[tuple[str, str]] = [
        ("seed", str(environment.get("seed", ""))),
        ("git commit", str(environment.get("git_commit") or "not in a git checkout")),
        ("python", str(environment.get("python", ""))),
        ("platform", str(environment.get("platform", ""))),
        ("deterministic", "yes" if run.config.deterministic else "no"),
    ]
    if isinstance(packages, Mapping):
        entries += [(str(name), str(version)) for name, version in packages.items()]
    entries.append(("catalogue SHA-256", run.catalogue_sha256()))
    blocks: list[Block] = [Listing(entries)]
    if isinstance(command, Sequence) and not isinstance(command, str):
        # The first word is where the program lies on that machine.
        blocks.append(Code("The command", " ".join(["skinnet", *map(str, command[1:])])))
    return Section("environment", "Environment", blocks)
