"""What the verbs of `skinnet data` print alike."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd
    from rich.table import Table

    from skinnet_keras.data.shortcuts import ShortcutReport

JSON_HELP = "Print one JSON object instead of tables."

_MAIN_SOURCES = 4
_ATTRIBUTES = {
    "source": "source of the kept file",
    "holders": "all sources with a copy",
    "image size": "width x height of the file",
    "metadata": "age, sex and site",
    "missing metadata": "which of them are missing",
}


def print_classes(table: "pd.DataFrame") -> None:
    """Print the kept images by class: once by split, once by source and split."""
    from skinnet_keras.data.splits import SPLITS
    from skinnet_keras.taxonomy import LABELS

    kept = table[table["duplicate_of"] == ""]
    labels = [label for label in (*LABELS, "") if (kept["label"] == label).any()]
    by_split = new_table("Kept images by split", text=("class",), numbers=(*SPLITS, "all"))
    for label in labels:
        own = kept.loc[kept["label"] == label, "split"]
        by_split.add_row(label or "unlabelled", *_counts(own, SPLITS))
    by_split.add_section()
    by_split.add_row("all", *_counts(kept["split"], SPLITS))
    print_table(by_split)

    names = (*(label or "unlabelled" for label in labels), "all")
    by_source = new_table("Kept images by source", text=("source", "split"), numbers=names)
    for source in dict.fromkeys(table["source"]):
        own = kept[kept["source"] == source]
        by_source.add_row(source, "all", *_counts(own["label"], labels))
        for split in SPLITS:
            part = own.loc[own["split"] == split, "label"]
            if len(part):
                by_source.add_row("", split, *_counts(part, labels))
        by_source.add_section()
    print_table(by_source)


def print_shortcuts(report: "ShortcutReport") -> None:
    """Print where the classes come from, and how well that alone guesses them."""
    origins = new_table(
        "Sources of each class: share of its images, copies counted",
        text=("class", "sources"),
        numbers=(),
    )
    for label, origin in report.classes.items():
        shares = [f"{source} {_percent(share, 0)}" for source, share in origin.shares.items()]
        if len(shares) > _MAIN_SOURCES:
            shares[_MAIN_SOURCES:] = [f"{len(shares) - _MAIN_SOURCES} more"]
        origins.add_row(label, ", ".join(shares))
    print_table(origins)

    guesses = new_table(
        f"Guessing the class of {report.images:,} images without looking at the lesion",
        text=("known",),
        numbers=(
            "accuracy",
            "cross-\nvalidated",
            "balanced\naccuracy",
            "cross-\nvalidated",
            "Cramér's\nV",
        ),
    )
    guesses.add_row(
        f"nothing (always {report.majority_class})",
        _percent(report.chance_accuracy),
        "",
        _percent(report.chance_balanced_accuracy),
    )
    for name, shortcut in report.shortcuts.items():
        guesses.add_row(
            _ATTRIBUTES[name],
            _percent(shortcut.accuracy),
            _percent(shortcut.cross_validated_accuracy),
            _percent(shortcut.balanced_accuracy),
            _percent(shortcut.cross_validated_balanced_accuracy),
            "-" if shortcut.cramers_v is None else f"{shortcut.cramers_v:.2f}",
        )
    print_table(guesses)


def new_table(title: str, *, text: tuple[str, ...], numbers: tuple[str, ...]) -> "Table":
    """Make an empty table with columns of text before columns of numbers."""
    from rich.box import SIMPLE
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=SIMPLE, padding=(0, 1, 0, 0))
    for heading in text:
        table.add_column(heading, no_wrap=True, vertical="bottom")
    for heading in numbers:
        table.add_column(heading, justify="right", no_wrap=True, vertical="bottom")
    return table


def print_table(table: "Table") -> None:
    """Print a table, never with a number cut off."""
    from rich.console import Console
    from rich.measure import Measurement

    console = Console()
    # Wider than the terminal rather than with numbers cut off.
    unlimited = console.options.update(width=1000)
    console.width = max(console.width, Measurement.get(console, unlimited, table).maximum)
    console.print(table)


def _counts(values: "pd.Series", names: "Iterable[str]") -> list[str]:
    counts = [*((values == name).sum() for name in names), len(values)]
    return [f"{count:,}" if count else "." for count in counts]


def _percent(share: float | None, digits: int = 1) -> str:
    return "-" if share is None else f"{100 * share:.{digits}f} %"
