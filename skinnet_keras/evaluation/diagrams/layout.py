"""Where the boxes of a layered graph go (Sugiyama, Tagawa and Toda 1981).

Inputs on top, every box below its parents, branches side by side. An edge that passes other rows
gets a slot in each of them, so that it runs beside the boxes and not through them.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linprog

_ORDER_SWEEPS = 12
_GAP = 0.35
# A bend in a long edge looks worse than a slanted short one.
_STRAIGHT = 8.0


@dataclass
class Layout:
    """Positions in the units of the widths.

    Attributes:
        rows: Row of every box, 0 = top.
        centres: Horizontal centre of every box, the leftmost edge of all being 0.
        edges: (parent, child, [(row, x) of every slot between]).
        width: Of the whole drawing.
    """

    rows: list[int]
    centres: list[float]
    edges: list[tuple[int, int, list[tuple[int, float]]]]
    width: float


def layered_layout(parents: Sequence[Sequence[int]], widths: Sequence[float]) -> Layout:
    """Lay out a graph without cycles.

    Args:
        parents: For every box the indices of its parents, all smaller than its own.
        widths: Width of every box.
    """
    rows = [0] * len(parents)
    for child, sources in enumerate(parents):
        rows[child] = 1 + max((rows[parent] for parent in sources), default=-1)
    slot_rows, slot_widths = list(rows), [*widths]
    links: list[tuple[int, int]] = []
    paths: list[tuple[int, int, list[int]]] = []
    for child, sources in enumerate(parents):
        for parent in sources:
            slots = list(range(len(slot_rows), len(slot_rows) + rows[child] - rows[parent] - 1))
            slot_rows += range(rows[parent] + 1, rows[child])
            slot_widths += [0.0] * len(slots)
            links += zip([parent, *slots], [*slots, child], strict=True)
            paths.append((parent, child, slots))
    above: list[list[int]] = [[] for _ in slot_rows]
    below: list[list[int]] = [[] for _ in slot_rows]
    for upper, lower in links:
        above[lower].append(upper)
        below[upper].append(lower)
    order = _ordered(slot_rows, above, below)
    x = _placed(order, links, np.array(slot_widths), first_slot=len(parents))
    half = np.array(slot_widths) / 2.0
    x -= (x - half).min()
    return Layout(
        rows=rows,
        centres=x[: len(parents)].tolist(),
        edges=[(a, b, [(slot_rows[s], float(x[s])) for s in slots]) for a, b, slots in paths],
        width=float((x + half).max()),
    )


def _ordered(
    slot_rows: list[int], above: list[list[int]], below: list[list[int]]
) -> list[list[int]]:
    """Slots of every row from left to right, with few crossings (barycentre sweeps)."""
    order: list[list[int]] = [[] for _ in range(max(slot_rows) + 1)]
    for slot, row in enumerate(slot_rows):
        order[row].append(slot)
    best, fewest = [list(row) for row in order], _crossings(order, below)
    for sweep in range(_ORDER_SWEEPS):
        downwards = sweep % 2 == 0
        neighbours = above if downwards else below
        for line in order if downwards else reversed(order):
            position = {slot: n for other in order for n, slot in enumerate(other)}
            line.sort(key=lambda slot: _mean_position(slot, neighbours, position))
        crossings = _crossings(order, below)
        if crossings < fewest:
            best, fewest = [list(row) for row in order], crossings
    return best


def _mean_position(slot: int, neighbours: list[list[int]], position: dict[int, int]) -> float:
    near = [position[other] for other in neighbours[slot]]
    return sum(near) / len(near) if near else position[slot]


def _crossings(order: list[list[int]], below: list[list[int]]) -> int:
    position = {slot: n for row in order for n, slot in enumerate(row)}
    count = 0
    for row in order:
        edges = [(position[a], position[b]) for a in row for b in below[a]]
        count += sum((a - c) * (b - d) < 0 for n, (a, b) in enumerate(edges) for c, d in edges[:n])
    return count


def _placed(
    order: list[list[int]], links: list[tuple[int, int]], widths: np.ndarray, first_slot: int
) -> np.ndarray:
    """Centres that keep links short and straight, without overlap in a row.

    The linear programme of Gansner et al. 1993 (dot): least weighted sum of |x_a - x_b| over the
    links, which makes most of them exactly vertical.
    """
    n, m = len(widths), len(links)
    cost = np.concatenate([np.zeros(n), np.ones(m)])
    rows: list[tuple[list[int], list[float], float]] = []  # columns, values, upper bound
    for k, (a, b) in enumerate(links):
        if a >= first_slot or b >= first_slot:
            cost[n + k] = _STRAIGHT
        rows.append(([a, b, n + k], [1.0, -1.0, -1.0], 0.0))
        rows.append(([b, a, n + k], [1.0, -1.0, -1.0], 0.0))
    for line in order:
        for left, right in itertools.pairwise(line):
            apart = (widths[left] + widths[right]) / 2.0 + _GAP
            rows.append(([left, right], [1.0, -1.0], -apart))
    matrix = np.zeros((len(rows), n + m))
    for number, (columns, values, _) in enumerate(rows):
        matrix[number, columns] = values
    solution = linprog(cost, A_ub=matrix, b_ub=[bound for *_, bound in rows], bounds=(0.0, None))
    return solution.x[:n]
