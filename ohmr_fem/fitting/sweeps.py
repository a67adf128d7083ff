"""Sweeps of the field: where it turns, which rows rise, which rows stand at the same field."""

from __future__ import annotations

import itertools

import numpy as np

#: A field turns where it goes back by this part of its whole range.
TURN = 0.05


def turns(field: np.ndarray) -> np.ndarray:
    """First row of every sweep, and the last row of all, (sweeps + 1,)."""
    threshold = TURN * np.ptp(field)
    starts, way = [0], 0.0
    extreme = 0
    for i, value in enumerate(field):
        moved = value - field[extreme]
        if way == 0.0:
            if abs(moved) > threshold:
                way, extreme = np.sign(moved), i
        elif moved * way >= 0.0:
            extreme = i
        elif abs(moved) > threshold:
            starts.append(_middle(field, extreme))
            way, extreme = -way, i
    ends = [*starts, len(field) - 1]
    return np.array(_without_jumps(ends))


def _middle(
    field: np.ndarray,
    last: int,
) -> int:
    """Row in the middle of those that wait at a turn, the last of which is given."""
    same = 1e-6 * np.ptp(field)
    first = last
    while first > 0 and abs(field[first - 1] - field[last]) <= same:
        first -= 1
    return (first + last) // 2


def _without_jumps(ends: list[int]) -> list[int]:
    """Ends without the sweeps of a single step: the magnet was driven back between two rows."""
    kept = [ends[0]]
    for k in range(1, len(ends)):
        if ends[k] - ends[k - 1] == 1 and 1 < k < len(ends) - 1:
            kept[-1] = ends[k]  # the row after the jump starts the next sweep
        else:
            kept.append(ends[k])
    return kept


def returns(field: np.ndarray) -> np.ndarray:
    """Rows of the turns at which the field is back where it started, with the first and the last
    row.  A drift that may bend at the other turns too would look like a slope of the curve.
    """
    ends = turns(field)
    back = np.abs(field[ends] - field[0]) < 0.25 * np.ptp(field)
    back[[0, -1]] = True
    return np.asarray(ends[back])


def ways(field: np.ndarray) -> np.ndarray:
    """+1 for rows measured while the field rose, -1 while it fell, (n,)."""
    ends = turns(field)
    out = np.ones(len(field))
    for first, last in itertools.pairwise(ends):
        # the row at a turn was reached by the sweep before it
        start = first if first == 0 or _jumped(field, first) else first + 1
        after = field[first:last] if _jumped(field, last) else field[first : last + 1]
        out[start : last + 1] = 1.0 if after[-1] >= after[0] else -1.0
    return out


def _jumped(
    field: np.ndarray,
    row: int,
) -> bool:
    """Whether the field was driven across half its range from one row to the next."""
    return bool(row > 0 and abs(field[row] - field[row - 1]) > 0.5 * np.ptp(field))


def step_of(field: np.ndarray) -> float:
    """The usual distance of neighbours in a sweep, T."""
    steps = np.abs(np.diff(field))
    moving = steps[steps > 1e-6 * np.ptp(field)]
    return float(np.median(moving))


def levels(field: np.ndarray) -> np.ndarray:
    """Number of the group that each field belongs to, (n,): fields set alike, or equal bins where
    the readings run into each other.
    """
    steps = np.abs(np.diff(field))
    moving = steps[steps > 1e-6 * np.ptp(field)]
    smallest = float(np.percentile(moving, 5.0))
    order = np.argsort(field, kind="stable")
    gaps = np.diff(field[order]) > 0.25 * smallest
    number = np.concatenate([[0], np.cumsum(gaps)])
    out = np.empty(len(field), dtype=int)
    out[order] = number
    edges = np.concatenate([[0], np.flatnonzero(gaps) + 1, [len(field)]])
    ordered = field[order]
    widths = ordered[edges[1:] - 1] - ordered[edges[:-1]]
    if widths.max() <= smallest:
        return out
    return bins(field, float(np.median(moving)))


def bins(
    field: np.ndarray,
    width: float,
) -> np.ndarray:
    """Number of the bin of each field, (n,); one is centred at 0."""
    return np.floor(field / width + 0.5).astype(int)
