"""How a `.tflite` file is split between LiteRT's delegate and its own kernels.

XNNPACK, which LiteRT applies on CPUs, takes the runs of operators it has fast kernels for. Each
border between two of them costs time, on phones' accelerators most of all.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_DELEGATE = "DELEGATE"


@dataclass(frozen=True)
class Delegation:
    """What runs where.

    Attributes:
        partitions: Pieces of the graph that the delegate runs.
        operators: Operators of the graph.
        outside: Operator -> how often it is left to LiteRT's own kernels.
    """

    partitions: int
    operators: int
    outside: dict[str, int]


def delegation(path: str | Path) -> Delegation:
    """Split a file as LiteRT does on this machine's CPU.

    Args:
        path: A `.tflite` file.
    """
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(path))
    interpreter.allocate_tensors()
    # There is no public way to the execution plan.
    nodes: list[dict[str, Any]] = interpreter._get_ops_details()
    operators = [node for node in nodes if node["op_name"] != _DELEGATE]
    delegates = [node for node in nodes if node["op_name"] == _DELEGATE]
    producers = {int(tensor): i for i, node in enumerate(operators) for tensor in node["outputs"]}
    inside: set[int] = set()
    for delegate in delegates:
        inside |= _between(delegate, operators, producers)
    outside = Counter(node["op_name"] for i, node in enumerate(operators) if i not in inside)
    return Delegation(len(delegates), len(operators), dict(sorted(outside.items())))


def _between(
    delegate: dict[str, Any], operators: list[dict[str, Any]], producers: dict[int, int]
) -> set[int]:
    """The operators that a delegate computes its outputs by, from its inputs."""
    given = {int(tensor) for tensor in delegate["inputs"]}
    found: set[int] = set()
    wanted = [int(tensor) for tensor in delegate["outputs"]]
    while wanted:
        tensor = wanted.pop()
        operator = producers.get(tensor)
        if operator is None or operator in found or tensor in given:
            continue
        found.add(operator)
        wanted += [int(source) for source in operators[operator]["inputs"]]
    return found
