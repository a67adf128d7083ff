"""From what users write to loops and pieces of boundary."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import polygons
from .errors import InputError
from .outline import Loop, Piece
from .units import engineering, to_si

# Points given this close to an edge, relative to the size of the device, lie on it.
SNAP = 1e-6


def read_loop(corners: Any, name: str) -> Loop:
    try:
        rows = [tuple(c) for c in corners]
    except TypeError as exc:
        raise InputError(f"{name}: expected corners (x, y), got {corners!r}", value=corners) from exc
    if len(rows) > 1 and rows[0][:2] == rows[-1][:2]:
        rows = rows[:-1]
    if any(len(r) not in (2, 3) for r in rows):
        raise InputError(f"{name}: every corner must be (x, y) or (x, y, bulge), got {corners!r}", value=corners)
    bulges = tuple(to_si(r[2], "1", f"{name}: bulge") if len(r) == 3 else 0.0 for r in rows)
    if len(rows) < (2 if any(bulges) else 3):
        raise InputError(f"{name}: degenerate, at least three corners are needed, got {len(rows)}", value=corners)
    if any(abs(b) >= 1 for b in bulges):
        raise InputError(f"{name}: bulge must be between -1 and 1, less than a half circle per edge", value=bulges)
    points = tuple((to_si(r[0], "m", f"{name}: x"), to_si(r[1], "m", f"{name}: y")) for r in rows)
    return Loop(points, bulges)


def oriented(given: list[Loop]) -> tuple[list[Loop], list[bool]]:
    """Outline counter-clockwise, holes clockwise, bulges positive away from the material inside the loop."""
    loops, turned = [], []
    for k, loop in enumerate(given):
        anticlockwise = polygons.signed_area(np.array(loop.points)) > 0 or len(loop.points) == 2
        sign = 1.0 if anticlockwise else -1.0
        loop = Loop(loop.points, tuple(sign * b for b in loop.bulges))
        turn = anticlockwise == (k > 0)
        loops.append(loop.reversed() if turn else loop)
        turned.append(turn)
    return loops, turned


@dataclass(frozen=True)
class Places:
    """Turns places on the boundary, in the numbering of the user, into pieces."""

    given: list[Loop]
    turned: list[bool]

    def read(self, value: Any, name: str) -> tuple[Piece, ...]:
        if isinstance(value, list):
            return tuple(self._one(v, name) for v in value)
        return (self._one(value, name),)

    def _one(self, value: Any, name: str) -> Piece:
        if isinstance(value, (int, np.integer)) and not isinstance(value, bool):
            return self._piece(*self._numbered(int(value), name), 0.0, 1.0)
        if isinstance(value, (tuple, np.ndarray)) and len(value) == 3:
            k, i = self._numbered(value[0], name)
            length = polygons.arc_length(*self._edge(k, i))
            start, stop = (to_si(v, "m", f"{name}: distance along edge {value[0]}") / length for v in value[1:])
            return self._piece(k, i, *self._checked(start, stop, name, length))
        if isinstance(value, (tuple, np.ndarray)) and len(value) == 2 and all(np.ndim(v) == 1 for v in value):
            return self._between(value, name)
        raise InputError(
            f"{name}: expected an edge number, (edge, start, stop) or two points ((x, y), (x, y)), got {value!r}",
            value=value,
        )

    def _numbered(self, number: Any, name: str) -> tuple[int, int]:
        counts = [len(loop.points) for loop in self.given]
        if isinstance(number, bool) or not isinstance(number, (int, np.integer)) or not 0 <= number < sum(counts):
            raise InputError(f"{name}: edges are numbered 0 to {sum(counts) - 1}, got {number!r}", value=number)
        k = int(np.searchsorted(np.cumsum(counts), number, side="right"))
        return k, int(number) - sum(counts[:k])

    def _edge(self, k: int, i: int) -> tuple[np.ndarray, np.ndarray, float]:
        a, b, bulge = self.given[k].edge(i)
        anticlockwise = polygons.signed_area(np.array(self.given[k].points)) > 0 or len(self.given[k].points) == 2
        return a, b, bulge if anticlockwise else -bulge

    @staticmethod
    def _checked(start: float, stop: float, name: str, length: float) -> tuple[float, float]:
        start, stop = (0.0 if abs(v) < SNAP else 1.0 if abs(v - 1) < SNAP else v for v in (start, stop))
        start, stop = sorted((start, stop))
        if start < 0 or stop > 1 or stop - start < SNAP:
            raise InputError(
                f"{name}: runs from {start * length:g} m to {stop * length:g} m, off an edge of length {length:g} m",
                value=(start * length, stop * length),
            )
        return start, stop

    def _piece(self, k: int, i: int, start: float, stop: float) -> Piece:
        if not self.turned[k]:
            return Piece(k, i, start, stop)
        n = len(self.given[k].points)
        return Piece(k, (n - 2 - i) % n, 1.0 - stop, 1.0 - start)

    def _between(self, points: Any, name: str) -> Piece:
        p, q = (np.array([to_si(v, "m", name) for v in point]) for point in points)
        size = float(np.linalg.norm(np.ptp(np.array(self.given[0].points), axis=0)))
        best = (math.inf, 0, 0, 0.0, 0.0)
        for k, loop in enumerate(self.given):
            for i in range(len(loop.points)):
                (gap_p, s), (gap_q, t) = (polygons.along_edge(v, *self._edge(k, i)) for v in (p, q))
                best = min(best, (max(gap_p, gap_q), k, i, s, t))
        gap, k, i, s, t = best
        if gap > SNAP * size:
            raise InputError(
                f"{name}: {points!r} do not lie on one edge of the device (off by {engineering(gap, 'm')}); "
                "for a contact around a corner give a list of pieces",
                value=points,
            )
        return self._piece(k, i, *self._checked(s, t, name, polygons.arc_length(*self._edge(k, i))))
