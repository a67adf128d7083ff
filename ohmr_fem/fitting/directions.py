"""Directions of the field: which rows are a scan of the angle, which a sweep along one axis.

A scan turns the field at one |B| and is one curve, however coarse its steps are.  A sweep changes
|B| along an axis, both senses of which are one direction.
"""

from __future__ import annotations

import numpy as np

#: More directions than this are told apart in the order measured only.
MANY_DIRECTIONS = 4
#: So many strengths of the field at each angle, and no more, are scans sorted by the angle.
MANY_STRENGTHS = 4
#: A field that moves by less than this part of its whole range is held.
HELD = 1e-3
#: Rows of a curve, at least, where its neighbours tell where it ends.
FEWEST = 3
#: Strengths within this part of each other are those of one scan.
SAME_STRENGTH = 0.01
#: A field whose strength changes by more than this part is swept.
SWEPT = 0.05


def by_direction(
    fields: np.ndarray,
    rows: np.ndarray,
    turned: bool = False,
) -> list[np.ndarray]:
    """Rows grouped by |B| where the field turns, else by its axis.

    Parameters
    ----------
    fields : (n, 3) T, of all rows
    rows : those to be grouped
    turned : whether a column gives the angle

    Returns
    -------
    list of rows; those at B = 0 stay with the rows around them
    """
    moving = without_constants(fields[rows])
    scans = _scans(moving, rows)
    if scans is None and turned:
        scans = _sorted_scans(moving, rows)
    return _by_axis(fields, moving, rows) if scans is None else scans


def scanned_at(fields: np.ndarray) -> float | None:
    """|B| of a scan of the angle, T; None where the field sweeps."""
    if _swept(fields) or not _turns(fields):
        return None
    return float(np.mean(size_of(fields)))


def _scans(
    fields: np.ndarray,
    rows: np.ndarray,
) -> list[np.ndarray] | None:
    """Scans one after the other, each at one |B|; None where |B| sweeps."""
    size = size_of(fields)
    larger = np.maximum(size[1:], size[:-1])
    steps = np.abs(np.diff(size)) > SAME_STRENGTH * larger
    bounds = np.concatenate([[0], np.flatnonzero(steps) + 1, [len(size)]])
    if np.diff(bounds).min() >= FEWEST:  # of a sweep there would be as many blocks as rows
        blocks = np.split(np.arange(len(size)), bounds[1:-1])
        if all(_is_scan(fields[block]) for block in blocks):
            return [rows[block] for block in blocks]
    return None if _swept(fields) else [rows]


def _sorted_scans(
    fields: np.ndarray,
    rows: np.ndarray,
) -> list[np.ndarray] | None:
    """Scans at a few |B|, the rows of which stand in another order; None where |B| sweeps."""
    size = size_of(fields)
    order = np.argsort(size, kind="stable")
    wide = np.diff(size[order]) > SAME_STRENGTH * size[order][1:]
    levels = np.split(order, np.flatnonzero(wide) + 1)
    if len(levels) > MANY_STRENGTHS:
        return None
    blocks = [np.sort(level) for level in levels]
    if not all(_is_scan(fields[block]) for block in blocks):
        return None
    return [rows[block] for block in blocks]


def _is_scan(fields: np.ndarray) -> bool:
    return len(fields) >= FEWEST and scanned_at(fields) is not None


def _turns(fields: np.ndarray) -> bool:
    """Whether the field leaves its axis."""
    size = size_of(fields)
    strong = fields[size > 0.0] / size[size > 0.0, None]
    return bool(len(strong)) and bool(np.any(1.0 - (strong @ strong[0]) ** 2 > 1e-6))


def _by_axis(
    fields: np.ndarray,
    moving: np.ndarray,
    rows: np.ndarray,
) -> list[np.ndarray]:
    """Rows grouped by the axis of the field; rows at B = 0 stay with the rows around them."""
    member = _axes(moving, 1e-9, 1e-3)
    if member is None and _swept(moving):
        member = _axes(moving, 0.05, 0.03)  # offsets of a vector magnet bend the axes near zero
    if member is None:
        return _turned(moving, rows)
    count = int(member.max(initial=0)) + 1
    return (
        [rows]
        if count == 1 or _on_a_line(fields[rows])
        else [rows[member == k] for k in range(count)]
    )


def _on_a_line(fields: np.ndarray) -> bool:
    """Whether fields of several directions are one sweep beside a field that stands still."""
    apart = fields - fields.mean(axis=0)
    # squares of the lengths along three axes, the longest last
    squares = np.linalg.eigvalsh(apart.T @ apart)
    return len(fields) > 2 and bool(squares[1] <= 1e-6 * squares[2])


def _turned(
    fields: np.ndarray,
    rows: np.ndarray,
) -> list[np.ndarray]:
    """Rows of many directions: scans of the angle at one field each, or sweeps at one angle each.

    Both show in the order measured; rows in any other order stay one curve.
    """
    size = size_of(fields)
    same_size = np.abs(np.diff(size)) <= HELD * size.max()
    blocks = np.split(rows, np.flatnonzero(~same_size) + 1)
    if _swept(fields) and min(map(len, blocks)) < FEWEST:
        # a row at B = 0 has no direction of its own: it goes with the row before
        strong = np.maximum.accumulate(np.where(size > 0.0, np.arange(len(size)), 0))
        units = (fields / np.where(size > 0.0, size, 1.0)[:, None])[strong]
        cosine = np.einsum("ij,ij->i", units[1:], units[:-1])
        blocks = np.split(rows, np.flatnonzero(1.0 - cosine**2 > 1e-6) + 1)
    return blocks if min(map(len, blocks)) >= FEWEST else [rows]


def without_constants(fields: np.ndarray) -> np.ndarray:
    """The fields without the components that stand still, such as a constant offset of By."""
    if not len(fields):
        return fields
    # component by component: several times quicker than along the short axis
    low = np.array([part.min() for part in fields.T])
    high = np.array([part.max() for part in fields.T])
    ranges = high - low
    still = ranges <= 0.01 * ranges.max()
    # a component that stands still at the size of the sweep is a field of its own
    small = np.maximum(-low, high) <= 0.05 * ranges.max()
    constant = still & small & ((low != 0.0) | (high != 0.0))
    return np.where(constant, 0.0, fields) if np.any(constant) else fields


def size_of(vectors: np.ndarray) -> np.ndarray:
    """Length of each row, (n,)."""
    return np.sqrt(np.einsum("ij,ij->i", vectors, vectors))


def _swept(fields: np.ndarray) -> bool:
    size = size_of(fields)
    return bool(np.ptp(size) > SWEPT * size.max(initial=0.0))


def _axes(
    fields: np.ndarray,
    weak: float,
    tolerance: float,
) -> np.ndarray | None:
    """Number of the axis of each row, (n,); None where there are too many."""
    size = size_of(fields)
    strong = np.flatnonzero(size > weak * size.max(initial=0.0))
    member = np.full(len(strong), -1)
    free = strong
    axes = 0
    while len(free):
        if axes > MANY_DIRECTIONS:
            return None
        axis = fields[free[0]] / size[free[0]]
        cosine = (fields[free] @ axis) / size[free]
        same = 1.0 - cosine**2 < tolerance**2  # |u x v|^2 of unit vectors
        member[np.searchsorted(strong, free[same])] = axes
        free = free[~same]
        axes += 1
    if axes > MANY_DIRECTIONS:
        return None
    if axes <= 1:
        return np.zeros(len(fields), dtype=int)
    before = np.searchsorted(strong, np.arange(len(fields)), side="right") - 1
    return np.asarray(member[np.maximum(before, 0)])
