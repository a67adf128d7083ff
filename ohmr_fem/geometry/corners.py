"""From what users write to loops and pieces of boundary."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import InputError, complaints_about
from ..errors.doors import door
from ..units import array_si, engineering, is_quantity, shown, to_si
from . import polygons
from .check import check_geometry
from .outline import Edge, Geometry, Loop, Piece, Pieces

# Points given this close to an edge, relative to the size of the device, lie on it.
SNAP = 1e-6


@door
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
        Lengths are in m, or quantities.
    contacts : mapping name -> place, or list of places
        A place is an edge number i (the edge from corner i to corner i + 1 as given; the edges of
        the holes follow those of the outline), ``(i, start, stop)`` with distances along that edge,
        or two points ``((x, y), (x, y))`` on one edge.
    regions : mapping name -> outline, or None for the rest of the device
        Outlines may reach beyond the device, must not overlap and must cover it.
    edges : mapping name -> place
        Parts of the insulating boundary that need a name.
    kind : str
        Name of the shape, for ``repr`` and reports.

    Returns
    -------
    Geometry

    Raises
    ------
    InputError
        Degenerate or self-intersecting outlines, holes outside, contacts off the boundary or
        overlapping, regions that overlap or do not cover, lengths that differ by more than a factor
        1e5.
    """
    given = [read_loop(outline, "outline")]
    for number, hole in enumerate(holes, start=1):
        given.append(read_loop(hole, f"hole {number}"))
    loops, turned = oriented(given)
    places = Places(given, turned)
    geometry = Geometry(
        loops[0],
        tuple(loops[1:]),
        places.read_all(contacts, "contact"),
        places.read_all(edges, "edge"),
        _read_regions(regions),
        kind,
    )
    check_geometry(geometry)
    return geometry


def _read_regions(regions: Mapping[str, Any] | None) -> dict[str, Loop | None]:
    out: dict[str, Loop | None] = {}
    for name, corners in (regions or {}).items():
        out[str(name)] = None
        if corners is not None:
            loop = read_loop(corners, f"region {name!r}")
            (turned,), _ = oriented([loop])
            out[str(name)] = turned
    return out


def read_loop(
    corners: Any,
    name: str,
) -> Loop:
    try:
        rows = [tuple(c) for c in corners]
    except TypeError as exc:
        raise InputError(
            f"expected corners (x, y), got {shown(corners)}",
            value=corners,
            key=name,
        ) from exc
    if len(rows) > 1:
        first = rows[0][:2]
        last = rows[-1][:2]
        if first == last:  # closed by repeating the first corner
            rows.pop()
    for row in rows:
        if len(row) not in (2, 3):
            raise InputError(
                f"every corner must be (x, y) or (x, y, bulge), got {shown(corners)}",
                value=corners,
                key=name,
            )
    bulges = []
    with complaints_about(name):
        for _, _, *bulge in rows:
            given = bulge[0] if bulge else 0.0
            bulges.append(to_si(given, "1", "bulge"))
    fewest = 2 if any(bulges) else 3
    if len(rows) < fewest:
        raise InputError(
            f"degenerate, at least three corners are needed, got {len(rows)}",
            value=corners,
            key=name,
        )
    if any(abs(b) >= 1 for b in bulges):
        raise InputError(
            "bulge must be between -1 and 1, less than a half circle per edge",
            value=tuple(bulges),
            key=name,
        )
    points = []
    with complaints_about(name):
        for row in rows:
            x = to_si(row[0], "m", "x")
            y = to_si(row[1], "m", "y")
            points.append((x, y))
    return Loop(tuple(points), tuple(bulges))


def _is_point(value: Any) -> bool:
    return not isinstance(value, str) and hasattr(value, "__len__") and len(value) == 2


def oriented(given: list[Loop]) -> tuple[list[Loop], list[bool]]:
    """Outline counter-clockwise, holes clockwise, bulges positive away from the material inside the
    loop.
    """
    loops = []
    turned = []
    for k, loop in enumerate(given):
        anticlockwise = _anticlockwise(loop)
        sign = 1.0 if anticlockwise else -1.0
        bulges = [sign * b for b in loop.bulges]
        loop = Loop(loop.points, tuple(bulges))
        turn = anticlockwise == (k > 0)
        loops.append(loop.reversed() if turn else loop)
        turned.append(turn)
    return loops, turned


def _anticlockwise(loop: Loop) -> bool:
    """The sense of the corners; two corners, of a loop of two arcs, count as anticlockwise."""
    corners = np.array(loop.points)
    return len(corners) == 2 or polygons.signed_area(corners) > 0


@dataclass(frozen=True)
class Places:
    """Turns places on the boundary, in the numbering of the user, into pieces."""

    given: list[Loop]
    turned: list[bool]

    def read_all(
        self,
        values: Mapping[str, Any] | None,
        what: str,
    ) -> dict[str, Pieces]:
        out = {}
        for name, value in (values or {}).items():
            out[str(name)] = self.read(value, f"{what} {name!r}")
        return out

    def read(
        self,
        value: Any,
        name: str,
    ) -> Pieces:
        places = value if isinstance(value, list) else [value]
        return tuple(self._one(place, name) for place in places)

    def _one(
        self,
        value: Any,
        name: str,
    ) -> Piece:
        if _is_whole(value):
            k, i = self._numbered(int(value), name)
            return self._piece(k, i, 0.0, 1.0)
        several = isinstance(value, (tuple, np.ndarray)) or is_quantity(value)
        if several and len(value) == 3:
            return self._part(value, name)
        if several and len(value) == 2 and all(_is_point(v) for v in value):
            return self._between(value, name)
        raise InputError(
            f"expected an edge number, (edge, start, stop) or two points ((x, y), (x, y)), "
            f"got {shown(value)}",
            value=value,
            key=name,
        )

    def _part(
        self,
        value: Any,
        name: str,
    ) -> Piece:
        """(edge, start, stop), distances along the edge."""
        number, *distances = value
        k, i = self._numbered(number, name)
        length = polygons.arc_length(*self._edge(k, i))
        what = f"distance along edge {number}"
        with complaints_about(name):
            start, stop = (to_si(v, "m", what) / length for v in distances)
        start, stop = self._checked(start, stop, name, length)
        return self._piece(k, i, start, stop)

    def _numbered(
        self,
        number: Any,
        name: str,
    ) -> tuple[int, int]:
        counts = [len(loop.points) for loop in self.given]
        total = sum(counts)
        if not _is_whole(number) or not 0 <= number < total:
            raise InputError(
                f"edges are numbered 0 to {total - 1}, got {number!r}",
                value=number,
                key=name,
            )
        i = int(number)
        k = 0
        while i >= counts[k]:
            i -= counts[k]
            k += 1
        return k, i

    def _edge(
        self,
        k: int,
        i: int,
    ) -> Edge:
        loop = self.given[k]
        a, b, bulge = loop.edge(i)
        if not _anticlockwise(loop):
            bulge = -bulge
        return a, b, bulge

    @staticmethod
    def _checked(
        start: float,
        stop: float,
        name: str,
        length: float,
    ) -> tuple[float, float]:
        start, stop = sorted((_snapped(start), _snapped(stop)))
        if start < 0 or stop > 1 or stop - start < SNAP:
            raise InputError(
                f"runs from {start * length:g} m to {stop * length:g} m, off an edge of "
                f"length {length:g} m",
                value=(start * length, stop * length),
                key=name,
            )
        return start, stop

    def _piece(
        self,
        k: int,
        i: int,
        start: float,
        stop: float,
    ) -> Piece:
        if not self.turned[k]:
            return Piece(k, i, start, stop)
        n = len(self.given[k].points)
        from_end = (n - 2 - i) % n
        return Piece(k, from_end, 1.0 - stop, 1.0 - start)

    def _between(
        self,
        points: Any,
        name: str,
    ) -> Piece:
        p, q = (array_si(point, "m", name) for point in points)
        extent = np.ptp(np.array(self.given[0].points), axis=0)
        size = float(np.linalg.norm(extent))
        best = (math.inf, 0, 0, 0.0, 0.0)
        for k, loop in enumerate(self.given):
            for i in range(len(loop.points)):
                edge = self._edge(k, i)
                gap_p, s = polygons.along_edge(p, *edge)
                gap_q, t = polygons.along_edge(q, *edge)
                found = (max(gap_p, gap_q), k, i, s, t)
                best = min(best, found)
        gap, k, i, s, t = best
        if gap > SNAP * size:
            raise InputError(
                f"{points!r} do not lie on one edge of the device (off by "
                f"{engineering(gap, 'm')}); "
                "for a contact around a corner give a list of pieces",
                value=points,
                key=name,
            )
        length = polygons.arc_length(*self._edge(k, i))
        start, stop = self._checked(s, t, name, length)
        return self._piece(k, i, start, stop)


def _is_whole(value: Any) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def _snapped(fraction: float) -> float:
    """To the end of the edge if that is close."""
    if abs(fraction) < SNAP:
        return 0.0
    if abs(fraction - 1) < SNAP:
        return 1.0
    return fraction


def covered_by(
    loops: Sequence[Loop],
    shapes: Sequence[np.ndarray | list[np.ndarray]],
    tolerance: float,
) -> Pieces:
    """Parts of the loops that lie in or on any of some shapes, in metres; parts as short as
    tolerance are left out.

    A shape is a polygon (n, 2), or a list of them: an outline and its holes.
    """
    rings = [shape if isinstance(shape, list) else [shape] for shape in shapes]
    found = []
    for k, loop in enumerate(loops):
        for i in range(len(loop.points)):
            edge = loop.edge(i)
            for start, stop in _covered_spans(edge, rings, tolerance):
                found.append(Piece(k, i, start, stop))
    return tuple(found)


def _covered_spans(
    edge: Edge,
    shapes: Sequence[list[np.ndarray]],
    tolerance: float,
) -> list[tuple[float, float]]:
    low, high = polygons.edge_box(*edge, tolerance)
    shapes = [rings for rings in shapes if _boxes_meet(low, high, rings[0])]
    if not shapes:
        return []
    cuts = {0.0, 1.0}
    for rings in shapes:
        for ring in rings:
            cuts |= set(polygons.crossings(*edge, ring, tolerance))
    s = np.array(sorted(cuts))
    starts = s[:-1]
    stops = s[1:]
    middle = polygons.arc_point(*edge, (starts + stops) / 2)
    within = np.zeros(len(middle), dtype=bool)
    for rings in shapes:
        in_shape = np.zeros(len(middle), dtype=bool)
        near = np.zeros(len(middle), dtype=bool)
        for ring in rings:
            following = np.roll(ring, -1, axis=0)
            gaps = polygons.point_segment_distance(middle, ring, following)
            near |= gaps.min(axis=1) <= tolerance
            in_shape ^= polygons.inside(middle, ring)
        within |= near | in_shape
    spans: list[list[float]] = []
    for start, stop in zip(starts[within].tolist(), stops[within].tolist(), strict=True):
        if spans and spans[-1][1] == start:
            spans[-1][1] = stop  # goes on from the one before
        else:
            spans.append([start, stop])
    shortest = 10 * tolerance / polygons.arc_length(*edge)
    out = []
    for start, stop in spans:
        if start < shortest:
            start = 0.0
        if stop > 1 - shortest:
            stop = 1.0
        if stop - start > shortest:
            out.append((start, stop))
    return out


def _boxes_meet(
    low: np.ndarray,
    high: np.ndarray,
    polygon: np.ndarray,
) -> bool:
    """Whether a box touches the box around a polygon."""
    above = polygon.max(axis=0) >= low
    below = polygon.min(axis=0) <= high
    return bool(np.all(above & below))
