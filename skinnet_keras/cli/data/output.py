"""What the verbs of `skinnet data` print alike."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

JSON_HELP = "Print one JSON object instead of tables."


def print_classes(table: "pd.DataFrame") -> None:
    """Print the kept images by class: once by split, once by source."""
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Table

    from skinnet_keras.data.splits import SPLITS
    from skinnet_keras.taxonomy import LABELS

    kept = table[table["duplicate_of"] == ""]
    sources = tuple(dict.fromkeys(table["source"]))
    for column, values in (("split", SPLITS), ("source", sources)):
        shown = Table("class", title=f"Kept images by {column}", box=SIMPLE)
        for name in (*values, "all"):
            shown.add_column(name, justify="right")
        for label in (*LABELS, ""):
            own = kept.loc[kept["label"] == label, column]
            if len(own):
                counts = [*((own == value).sum() for value in values), len(own)]
                shown.add_row(label or "unlabelled", *(f"{count:,}" for count in counts))
        Console().print(shown)
