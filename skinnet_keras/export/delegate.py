"""How LiteRT's CPU delegate (XNNPACK) divides a `.tflite` file.

Operators that the delegate does not take run one by one, and cut the graph into partitions: every
cut hands whole feature maps back and forth. One partition and nothing left is the aim.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skinnet_keras.errors import UserError


@dataclass(frozen=True)
class Delegation:
    """Who runs the operators of a file.

    Attributes:
        partitions: Pieces of the graph that the delegate took; 0 where it took none.
        taken: Operators in them.
        left: Kinds of the operators that the interpreter runs itself, in their order.
    """

    partitions: int
    taken: int
    left: tuple[str, ...]


def inspect_delegation(path: str | Path) -> Delegation:
    """Load a file as `TFLiteRunner` does and look at what became of its graph.

    Args:
        path: A `.tflite` file with one subgraph.

    Raises:
        UserError: The file is not a TFLite model.
    """
    from ai_edge_litert.interpreter import Interpreter

    try:
        interpreter = Interpreter(model_path=str(path), num_threads=1)
        interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise UserError(f"{path} is not a TFLite model.") from error
    # Experimental in LiteRT, but the only way to see the nodes from Python.
    return divide(interpreter._get_ops_details())


def divide(nodes: Sequence[Mapping[str, Any]]) -> Delegation:
    """Tell which nodes a delegate runs.

    Args:
        nodes: `op_name`, `inputs` and `outputs` (numbers of tensors) of each: the file's
            operators, then one `DELEGATE` for each partition. LiteRT keeps the operators that a
            delegate took in the list: they are those between a partition's inputs and outputs.
    """
    delegates = [node for node in nodes if node["op_name"] == "DELEGATE"]
    operators = [node for node in nodes if node["op_name"] != "DELEGATE"]
    producer = {int(t): i for i, node in enumerate(operators) for t in node["outputs"]}
    taken: set[int] = set()
    for delegate in delegates:
        border = {int(tensor) for tensor in delegate["inputs"]}
        waiting = [int(tensor) for tensor in delegate["outputs"]]
        while waiting:
            tensor = waiting.pop()
            number = producer.get(tensor)
            if tensor in border or number is None or number in taken:
                continue
            taken.add(number)
            waiting += [int(t) for t in operators[number]["inputs"]]
    left = tuple(node["op_name"] for i, node in enumerate(operators) if i not in taken)
    return Delegation(len(delegates), len(taken), left)
