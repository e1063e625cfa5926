"""A finished run without a network: config, catalogue, history and predictions that are known."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd

from skinnet_keras.config import Config, dump_config
from skinnet_keras.data.catalogue import COLUMNS, Catalogue
from skinnet_keras.evaluation.card.build import build_card
from skinnet_keras.evaluation.predictions import read_predictions, write_predictions
from skinnet_keras.evaluation.subgroups.attributes import ImageRows, divide, join_rows
from skinnet_keras.evaluation.subgroups.report import subgroup_report
from skinnet_keras.runs.run import Run
from skinnet_keras.taxonomy import CLASSES

COMMIT = "0123456789abcdef"
TRAIN, VAL, TEST = 60, 20, 80  # images; half MEL, half NV


def make_described_catalogue(root: Path, *, second_source: str = "isic2019") -> Catalogue:
    """160 labelled lesions of two sources, two unlabelled images and a copy; no image files."""
    rows = []
    splits = ["train"] * TRAIN + ["val"] * VAL + ["test"] * TEST
    for i, split in enumerate(splits):
        source = second_source if i % 4 == 3 else "ham10000"
        rows.append(
            {
                "image_id": f"{source}:p{i}",
                "source": source,
                "label": ("MEL", "NV")[i % 2],
                "sex": ("female", "male")[i // 2 % 2],
                "age": str(30 + i % 40),
                "site": "head/neck" if i % 5 else "",
                "group": f"g{i}",
                "split": split,
            }
        )
    rows += [{"image_id": f"ham10000:u{i}", "source": "ham10000", "group": f"u{i}"} for i in (0, 1)]
    copy = {"image_id": f"{second_source}:c", "source": second_source, "label": "MEL"}
    rows.append(copy | {"duplicate_of": "ham10000:p0", "group": "g0"})
    table = pd.DataFrame([dict.fromkeys(COLUMNS, "") | row for row in rows], columns=list(COLUMNS))
    names = ("ham10000", second_source)
    catalogue = Catalogue(root, table, {name: root / name for name in names})
    root.mkdir(parents=True)
    catalogue.write(root)
    source_counts = {"listed": 100, "without_image": 7, "unreadable": 1}
    record = {
        "arguments": {
            "fractions": [0.4, 0.1, 0.5],
            "seed": 7,
            "keep_official": False,
            "splits": None,
        },
        "report": {"sources": dict.fromkeys(names, source_counts), "duplicates": {"same_id": 1}},
    }
    (root / "build.json").write_text(json.dumps(record))
    return catalogue


def make_described_run(root: Path, catalogue: Catalogue | None = None, **config) -> Path:
    """A run that takes every fourth test melanoma for a nevus and is right otherwise."""
    catalogue = catalogue or make_described_catalogue(root / "data")
    run = root / "run"
    run.mkdir()
    values = {
        "name": "described",
        "seed": 3,
        "image_size": 64,
        "model": {"variant": "v1"},
        "stages": {"cnn": {"epochs": 5}},
    }
    (run / "config.yaml").write_text(dump_config(Config.model_validate(values | config)))
    environment = {
        "catalogue": str(catalogue.root),
        "git_commit": COMMIT,
        "python": "3.11.7",
        "platform": "Linux",
        "packages": {"keras": "3.15.1"},
    }
    (run / "environment.json").write_text(json.dumps(environment))
    (run / "catalogue.sha256").write_text(catalogue.sha256() + "\n")
    history = [f"cnn,{epoch},0.5,0.6,10.5" for epoch in range(1, 6)]
    (run / "history.csv").write_text("\n".join(["stage,epoch,loss,val_loss,seconds", *history]))
    (run / "checkpoints" / "cnn").mkdir(parents=True)
    best = {"epoch": 4, "monitor": "val_loss", "score": 0.55}
    (run / "checkpoints" / "cnn" / "best.json").write_text(json.dumps(best))
    (run / "best.keras").write_bytes(b"weights")
    for split in ("val", "test"):
        rows = catalogue.usable([split])
        labels = rows["label"].tolist()
        found = [
            CLASSES.index("NV" if label == "MEL" and n % 8 == 0 else label)
            for n, label in enumerate(labels)
        ]
        probabilities = np.full((len(labels), 8), 0.02)
        probabilities[np.arange(len(labels)), found] = 0.86
        write_predictions(
            run / f"predictions_{split}.csv",
            rows["image_id"].tolist(),
            labels,
            probabilities,
            CLASSES,
            groups=rows["group"].tolist(),
        )
    return run


def describe(run: Path, *, split: str = "test", bootstrap: int = 200) -> dict:
    """The card of a run by sex and source, as the command line puts it together."""
    opened = Run.open(run)
    catalogue = opened.load_catalogue()
    file = run / f"predictions_{split}.csv"
    scored = read_predictions(file).scored()
    rows = ImageRows(join_rows(scored.image_ids, catalogue, file))
    attributes = [divide(name, rows) for name in ("sex", "source")]
    report = subgroup_report(scored, attributes, bootstrap=bootstrap)
    return build_card(run, opened.config, catalogue, split, scored, report)
