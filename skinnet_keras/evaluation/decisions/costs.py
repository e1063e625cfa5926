"""What wrong decisions cost: a matrix of true and decided classes, read from YAML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from skinnet_keras.config.yaml_text import read_yaml
from skinnet_keras.errors import UserError
from skinnet_keras.taxonomy import LABELS

MALIGNANT = ("MEL", "BCC", "SCC")
"""Classes that are excised."""

BENIGN = ("NV", "BKL", "DF", "VASC")
"""Classes that need no treatment. AK, premalignant and treated without excision, and UNK, which
may be anything, are neither: they count as no missed cancer and no unnecessary excision, but a
cancer that is decided to be one of them is missed."""

_MAX_COST = 10**9
_KEYS = ("name", "unit", "decided", "costs")


@dataclass(frozen=True)
class Costs:
    """Costs of decisions.

    Attributes:
        name: What tables call them.
        unit: What a cost of 1 is.
        classes: K class names.
        matrix: float64 (K, K), rows true, columns decided; not negative, 0 on the diagonal.
    """

    name: str
    unit: str
    classes: tuple[str, ...]
    matrix: np.ndarray

    def for_classes(self, classes: Sequence[str]) -> Costs:
        """The costs of a model's classes, in its order.

        Raises:
            UserError: A class has no costs.
        """
        for name in classes:
            if name not in self.classes:
                raise UserError(
                    f"the costs '{self.name}' lack the class {name}, which the predictions have: "
                    "add a row and a column for it."
                )
        order = [self.classes.index(name) for name in classes]
        return Costs(self.name, self.unit, tuple(classes), self.matrix[np.ix_(order, order)])

    def to_json(self) -> dict[str, Any]:
        """Plain data, with the matrix as rows by true class."""
        rows = dict(zip(self.classes, self.matrix.tolist(), strict=True))
        return {"name": self.name, "unit": self.unit, "decided": list(self.classes), "costs": rows}


def read_costs(path: str | Path) -> Costs:
    """Read and check a file of costs.

    Args:
        path: YAML with `name`, `unit` (what a cost of 1 is), `decided` (the classes in the order
            of the columns) and `costs`: true class -> a number a column.

    Raises:
        UserError: The file cannot be read, has an unknown key or class, is not square, or has a
            number that cannot be a cost. The sentence names the file and the row.
    """
    path = Path(path)
    raw = read_yaml(path, "costs")
    if not isinstance(raw, dict) or {*raw} != {*_KEYS}:
        raise UserError(f"{path} must have exactly the keys {', '.join(_KEYS)}.")
    classes, rows = raw["decided"], raw["costs"]
    if not isinstance(classes, list) or not isinstance(rows, dict) or len(classes) < 2:
        raise UserError(
            f"{path}: 'decided' must list two classes or more, and 'costs' must hold one row for "
            "each of them."
        )
    for name in (*classes, *rows):
        if name not in LABELS:
            raise UserError(f"{path}: '{name}' is no class; use {', '.join(LABELS)}.")
    if len({*classes}) < len(classes):
        raise UserError(f"{path}: 'decided' names a class twice: keep one.")
    for name in sorted({*classes} ^ {*rows}):
        place = "row in 'costs'" if name in classes else "column in 'decided'"
        raise UserError(f"{path}: {name} has no {place}: costs need the same rows and columns.")
    matrix = np.array([_row(path, name, rows[name], classes) for name in classes])
    return Costs(str(raw["name"]), str(raw["unit"]), tuple(classes), matrix)


def _row(path: Path, true: str, row: Any, classes: Sequence[str]) -> list[float]:
    if not isinstance(row, list) or len(row) != len(classes):
        raise UserError(f"{path}: the row {true} needs {len(classes)} numbers, one a column.")
    for decided, value in zip(classes, row, strict=True):
        where = f"{path}: the cost of deciding {decided} where {true} is true, {value!r},"
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not 0 <= value <= _MAX_COST:
            raise UserError(f"{where} must be a number from 0 to {_MAX_COST:,}.")
        if decided == true and value != 0:
            raise UserError(f"{where} must be 0: it is right.")
    return [float(value) for value in row]
