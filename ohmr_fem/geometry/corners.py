"""From what users write to loops and pieces of boundary."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import InputError, complaints_about
from ..units import array_si, engineering, is_quantity, shown, to_si
from . import polygons
from .check import check_geometry
from .outline import Geometry, Loop, Piece

# Points given this close to an edge, relative to the size of the device, lie on it.
SNAP = 1e-6


def polygon_device(
    outline: Any,
    holes: Sequence[Any] = (),
    contacts: Mapping[str, Any] | None = None,
    regions: Mapping[str, Any] | None = None,
    *,
    edges: Mapping[str, Any] | None = None,
    kind: str = "polygon_device",
) -> Geometry:
    """A device of any shape.

    Parameters
    ----------
    outline : sequence of corners (x, y) or (x, y, bulge)
        In either sense, not closed. ``bulge`` curves the edge that starts there: the tangent of a
        quarter of the angle it sweeps, positive away from the inside of the loop; less than a half
        circle per edge.
    holes : sequence of such outlines
    contacts : mapping name -> place, or list of places
        A place is an edge number i (the edge from corner i to corner i + 1 as given; the edges of
        the holes follow those of the outline), ``(i, start, stop)`` with distances along that edge,
        or two points ``((x, y), (x, y))`` on one edge.
    regions : mapping name -> outline, or None for the rest of the device
        Outlines may reach beyond the device, must not overlap and must cover it.
    edges : mapping name -> place
        Parts of the insulating boundary that need a name.

    Raises
    ------
    InputError
        Degenerate or self-intersecting outlines, holes outside, contacts off the boundary or
        overlapping, regions that overlap or do not cover, lengths that differ by more than a factor
        1e5.
    """
    given = [
        read_loop(outline, "outline"),
        *[read_loop(h, f"hole {k + 1}") for k, h in enumerate(holes)],
    ]
    loops, turned = oriented(given)
    places = Places(given, turned)
    geometry = Geometry(
        loops[0],
        tuple(loops[1:]),
        {str(k): places.read(v, f"contact {k!r}") for k, v in (contacts or {}).items()},
        {str(k): places.read(v, f"edge {k!r}") for k, v in (edges or {}).items()},
        {
            str(k): None if v is None else oriented([read_loop(v, f"region {k!r}")])[0][0]
            for k, v in (regions or {}).items()
        },
        kind,
    )
    check_geometry(geometry)
    return geometry


def read_loop(corners: Any, name: str) -> Loop:
    try:
        rows = [tuple(c) for c in corners]
    except TypeError as exc:
        raise InputError(
            f"expected corners (x, y), got {shown(corners)}", value=corners, key=name
        ) from exc
    if len(rows) > 1 and rows[0][:2] == rows[-1][:2]:
        rows = rows[:-1]
    if any(len(r) not in (2, 3) for r in rows):
        raise InputError(
            f"every corner must be (x, y) or (x, y, bulge), got {shown(corners)}",
            value=corners,
            key=name,
        )
    with complaints_about(name):
        bulges = tuple(to_si(r[2], "1", "bulge") if len(r) == 3 else 0.0 for r in rows)
    if len(rows) < (2 if any(bulges) else 3):
        raise InputError(
            f"degenerate, at least three corners are needed, got {len(rows)}",
            value=corners,
            key=name,
        )
    if any(abs(b) >= 1 for b in bulges):
        raise InputError(
            "bulge must be between -1 and 1, less than a half circle per edge",
            value=bulges,
            key=name,
        )
    with complaints_about(name):
        points = tuple((to_si(r[0], "m", "x"), to_si(r[1], "m", "y")) for r in rows)
    return Loop(points, bulges)


def _is_point(value: Any) -> bool:
    return not isinstance(value, str) and hasattr(value, "__len__") and len(value) == 2


def oriented(given: list[Loop]) -> tuple[list[Loop], list[bool]]:
    """Outline counter-clockwise, holes clockwise, bulges positive away from the material inside the
    loop.
    """
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
            with complaints_about(name):
                what = f"distance along edge {value[0]}"
                start, stop = (to_si(v, "m", what) / length for v in value[1:])
            return self._piece(k, i, *self._checked(start, stop, name, length))
        if (
            (isinstance(value, (tuple, np.ndarray)) or is_quantity(value))
            and len(value) == 2
            and all(_is_point(v) for v in value)
        ):
            return self._between(value, name)
        raise InputError(
            f"expected an edge number, (edge, start, stop) or two points ((x, y), (x, y)), "
            f"got {shown(value)}",
            value=value,
            key=name,
        )

    def _numbered(self, number: Any, name: str) -> tuple[int, int]:
        counts = [len(loop.points) for loop in self.given]
        if (
            isinstance(number, bool)
            or not isinstance(number, (int, np.integer))
            or not 0 <= number < sum(counts)
        ):
            raise InputError(
                f"edges are numbered 0 to {sum(counts) - 1}, got {number!r}", value=number, key=name
            )
        k = int(np.searchsorted(np.cumsum(counts), number, side="right"))
        return k, int(number) - sum(counts[:k])

    def _edge(self, k: int, i: int) -> tuple[np.ndarray, np.ndarray, float]:
        a, b, bulge = self.given[k].edge(i)
        anticlockwise = (
            polygons.signed_area(np.array(self.given[k].points)) > 0
            or len(self.given[k].points) == 2
        )
        return a, b, bulge if anticlockwise else -bulge

    @staticmethod
    def _checked(start: float, stop: float, name: str, length: float) -> tuple[float, float]:
        start, stop = (
            0.0 if abs(v) < SNAP else 1.0 if abs(v - 1) < SNAP else v for v in (start, stop)
        )
        start, stop = sorted((start, stop))
        if start < 0 or stop > 1 or stop - start < SNAP:
            raise InputError(
                f"runs from {start * length:g} m to {stop * length:g} m, off an edge of "
                f"length {length:g} m",
                value=(start * length, stop * length),
                key=name,
            )
        return start, stop

    def _piece(self, k: int, i: int, start: float, stop: float) -> Piece:
        if not self.turned[k]:
            return Piece(k, i, start, stop)
        n = len(self.given[k].points)
        return Piece(k, (n - 2 - i) % n, 1.0 - stop, 1.0 - start)

    def _between(self, points: Any, name: str) -> Piece:
        p, q = (array_si(point, "m", name) for point in points)
        size = float(np.linalg.norm(np.ptp(np.array(self.given[0].points), axis=0)))
        best = (math.inf, 0, 0, 0.0, 0.0)
        for k, loop in enumerate(self.given):
            for i in range(len(loop.points)):
                (gap_p, s), (gap_q, t) = (polygons.along_edge(v, *self._edge(k, i)) for v in (p, q))
                best = min(best, (max(gap_p, gap_q), k, i, s, t))
        gap, k, i, s, t = best
        if gap > SNAP * size:
            raise InputError(
                f"{points!r} do not lie on one edge of the device (off by "
                f"{engineering(gap, 'm')}); "
                "for a contact around a corner give a list of pieces",
                value=points,
                key=name,
            )
        return self._piece(k, i, *self._checked(s, t, name, polygons.arc_length(*self._edge(k, i))))


def covered_by(
    loops: Sequence[Loop], shapes: Sequence[np.ndarray], tolerance: float
) -> tuple[Piece, ...]:
    """Parts of the loops that lie in or on any of some polygons (n, 2), in metres; parts as short
    as tolerance are left out.
    """
    found = []
    for k, loop in enumerate(loops):
        for i in range(len(loop.points)):
            found += [
                Piece(k, i, *span) for span in _covered_spans(loop.edge(i), shapes, tolerance)
            ]
    return tuple(found)


def _covered_spans(
    edge: tuple[np.ndarray, np.ndarray, float], shapes: Sequence[np.ndarray], tolerance: float
) -> list:
    cuts = {0.0, 1.0}
    for shape in shapes:
        cuts |= set(polygons.crossings(*edge, shape, tolerance))
    s = np.array(sorted(cuts))
    middle = polygons.arc_point(*edge, (s[:-1] + s[1:]) / 2)
    within = np.zeros(len(middle), dtype=bool)
    for shape in shapes:
        near = (
            polygons.point_segment_distance(middle, shape, np.roll(shape, -1, axis=0)).min(axis=1)
            <= tolerance
        )
        within |= near | polygons.inside(middle, shape)
    spans: list[tuple[float, float]] = []
    for start, stop, ours in zip(s[:-1], s[1:], within, strict=True):
        if ours and spans and spans[-1][1] == start:
            spans[-1] = (spans[-1][0], float(stop))
        elif ours:
            spans.append((float(start), float(stop)))
    shortest = 10 * tolerance / polygons.arc_length(*edge)
    whole = [(0.0 if a < shortest else a, 1.0 if b > 1 - shortest else b) for a, b in spans]
    return [(a, b) for a, b in whole if b - a > shortest]
