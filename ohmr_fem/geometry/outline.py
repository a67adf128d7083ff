"""Devices as pure data: loops of straight and circular edges, and the names on them. Metres
throughout.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from ..base.owned import owned
from ..errors import InputError, suggest
from ..errors.doors import door_of
from ..units import array_si, engineering, to_si
from . import polygons

# Segments per arc in checks.
ARC_SEGMENTS = 24
#: Start, stop and bulge.
Edge = tuple[np.ndarray, np.ndarray, float]


class Piece(NamedTuple):
    """Part of an edge: loop 0 is the outline, loop k hole k; start and stop are fractions of the
    edge.
    """

    loop: int
    edge: int
    start: float
    stop: float


Pieces = tuple[Piece, ...]


class Segment(NamedTuple):
    """A straight or circular part of the boundary and the name it carries, if any.

    ``start`` and ``stop`` (2,) in m, ``bulge`` as in :class:`Loop` (0: straight), ``loop`` the
    number of the closed curve that it belongs to.
    """

    start: np.ndarray
    stop: np.ndarray
    bulge: float
    name: str | None
    loop: int


@dataclass(frozen=True)
class Loop:
    """A closed curve: corners ``points`` (m) and, per edge, ``bulges``: the tangent of a quarter of
    the angle swept, 0 for a straight edge, positive counter-clockwise (:func:`polygons.arc_point`).

    Edge i runs from corner i to corner i + 1.
    """

    points: tuple[polygons.Point, ...]
    bulges: tuple[float, ...]

    def edge(self, i: int) -> Edge:
        """One edge.

        Parameters
        ----------
        i : int
            Number of the edge; it starts at corner i.

        Returns
        -------
        start, stop : (2,) m
        bulge : float
        """
        n = len(self.points)
        start = np.array(self.points[i % n])
        stop = np.array(self.points[(i + 1) % n])
        return start, stop, self.bulges[i % n]

    @functools.cached_property
    def polygon(self) -> np.ndarray:
        """The loop with arcs replaced by chords, shape (n, 2)."""
        along_arc = np.arange(ARC_SEGMENTS) / ARC_SEGMENTS
        corner = along_arc[:1]
        parts = []
        for i in range(len(self.points)):
            a, b, bulge = self.edge(i)
            s = along_arc if bulge else corner
            parts.append(polygons.arc_point(a, b, bulge, s))
        return owned(np.vstack(parts))

    @property
    def area(self) -> float:
        """Enclosed area, positive if counter-clockwise."""
        return polygons.signed_area(self.polygon)

    @property
    def diagonal(self) -> float:
        """Diagonal of the bounding box in metres."""
        extent = np.ptp(self.polygon, axis=0)
        return float(np.linalg.norm(extent))

    def reversed(self) -> Loop:
        """The same curve run through the other way.

        Returns
        -------
        Loop
        """
        *others, last = (-b for b in self.bulges)
        # edge i starts at corner i: the last edge joins the ends either way and stays last
        others.reverse()
        bulges = (*others, last)
        return Loop(self.points[::-1], bulges)


@door_of
@dataclass(frozen=True, eq=False, repr=False)
class Geometry:
    """A device before meshing.

    Attributes
    ----------
    outline : Loop, counter-clockwise
    holes : tuple of Loop, clockwise
    contacts, edges : mapping name -> tuple of Piece
        Named parts of the boundary. Both become boundaries of the mesh; the contacts are those
        meant to carry current or read a voltage.
    regions : mapping name -> Loop or None
        None is the rest of the device. Empty: one region ``bulk``.
    kind : str
        The function that made it.

    Raises
    ------
    InputError
        Contacts, edges or regions that are no mapping.
    """

    outline: Loop
    holes: tuple[Loop, ...] = ()
    contacts: Mapping[str, Pieces] = field(default_factory=dict)
    edges: Mapping[str, Pieces] = field(default_factory=dict)
    regions: Mapping[str, Loop | None] = field(default_factory=dict)
    kind: str = "polygon_device"

    def __post_init__(self) -> None:
        for name in ("contacts", "edges", "regions"):
            copied = dict(getattr(self, name))
            # the class is frozen
            object.__setattr__(self, name, MappingProxyType(copied))

    @property
    def loops(self) -> tuple[Loop, ...]:
        """The outline and the holes."""
        return (self.outline, *self.holes)

    @property
    def named(self) -> dict[str, Pieces]:
        """Contacts and edges together."""
        return {**self.contacts, **self.edges}

    @property
    def size(self) -> float:
        """Diagonal of the bounding box in metres."""
        return self.outline.diagonal

    @property
    def curved(self) -> bool:
        """Whether an edge is an arc."""
        return any(any(loop.bulges) for loop in self.loops)

    @functools.cached_property
    def _names_by_edge(self) -> dict[tuple[int, int], list[tuple[float, float, str]]]:
        """Start, stop and name of the named parts of each edge (loop, edge) that has some."""
        out: dict[tuple[int, int], list[tuple[float, float, str]]] = {}
        for name, pieces in self.named.items():
            for p in pieces:
                out.setdefault((p.loop, p.edge), []).append((p.start, p.stop, name))
        return out

    @functools.cached_property
    def narrowest(self) -> float:
        """Narrowest width in metres: the shortest way across the device between edges that face
        each other.
        """
        return _narrowest(self)

    @property
    def shortest_name(self) -> float:
        """Length in metres of the shortest contact or named edge; the size of the device if there
        is none.
        """
        shortest = self.size
        for pieces in self.named.values():
            shortest = min(shortest, _length(self, pieces))
        return shortest

    def boundary(self) -> Iterator[Segment]:
        """The boundary, loop by loop, cut where names begin and end.

        Yields
        ------
        Segment
        """
        for k, loop in enumerate(self.loops):
            for i in range(len(loop.points)):
                yield from _segments(self, k, i)

    def contains(self, points: np.ndarray) -> np.ndarray:
        """Which points lie inside the outline and outside the holes.

        Parameters
        ----------
        points : (n, 2) m

        Returns
        -------
        (n,) bool

        Raises
        ------
        InputError
            Numbers that are not finite, or of another dimension.
        """
        points = array_si(points, "m", "points")
        out = polygons.inside(points, self.outline.polygon)
        for hole in self.holes:
            out &= ~polygons.inside(points, hole.polygon)
        return out

    def rotated(self, angle: float) -> Geometry:
        """The device turned counter-clockwise about the origin.

        Parameters
        ----------
        angle : float or quantity
            Radians, or "30 deg".

        Returns
        -------
        Geometry

        Raises
        ------
        InputError
            Another dimension, or not finite.
        """
        angle = to_si(angle, "rad", "angle")
        c = math.cos(angle)
        s = math.sin(angle)

        def turn(
            x: float,
            y: float,
        ) -> polygons.Point:
            return c * x - s * y, s * x + c * y

        return self._mapped(turn)

    def moved(
        self,
        dx: Any,
        dy: Any,
    ) -> Geometry:
        """The device shifted.

        Parameters
        ----------
        dx, dy : lengths, m

        Returns
        -------
        Geometry

        Raises
        ------
        InputError
            Another dimension, or not finite.
        """
        right = to_si(dx, "m", "dx")
        up = to_si(dy, "m", "dy")

        def shift(
            x: float,
            y: float,
        ) -> polygons.Point:
            return x + right, y + up

        return self._mapped(shift)

    def renamed(self, names: Mapping[str, str]) -> Geometry:
        """Contacts, edges and regions renamed.

        Parameters
        ----------
        names : {old name: new name}

        Returns
        -------
        Geometry

        Raises
        ------
        InputError
            A name that the device does not have, or one that would be used twice.
        """
        known = [*self.named, *self.regions]
        for old in names:
            if old not in known:
                raise InputError(
                    f"the device has no {old!r}; {suggest(old, known)}",
                    value=old,
                    key="renamed",
                )
        after = [names.get(k, k) for k in known]
        for name in after:
            if after.count(name) > 1:
                raise InputError(
                    f"{name!r} would be used twice; choose another name",
                    value=name,
                    key="renamed",
                )

        def renamed(group: Mapping[str, Any]) -> dict[str, Any]:
            out = {}
            for name, value in group.items():
                out[names.get(name, name)] = value
            return out

        return dataclasses.replace(
            self,
            contacts=renamed(self.contacts),
            edges=renamed(self.edges),
            regions=renamed(self.regions),
        )

    def _mapped(self, point: Callable[[float, float], polygons.Point]) -> Geometry:
        """Every corner moved by a map that keeps angles."""

        def move(loop: Loop) -> Loop:
            points = [point(x, y) for x, y in loop.points]
            return Loop(tuple(points), loop.bulges)

        regions: dict[str, Loop | None] = {}
        for name, loop in self.regions.items():
            regions[name] = None if loop is None else move(loop)
        return dataclasses.replace(
            self,
            outline=move(self.outline),
            holes=tuple(move(hole) for hole in self.holes),
            regions=regions,
        )

    def __repr__(self) -> str:
        width, height = np.ptp(self.outline.polygon, axis=0)
        x = engineering(float(width), "m")
        y = engineering(float(height), "m")
        contacts = ", ".join(self.contacts) or "none"
        parts = [f"{self.kind}: {x} x {y}"]
        parts.append(f"contacts {contacts}")
        if self.edges:
            parts.append(f"edges {', '.join(self.edges)}")
        if self.holes:
            parts.append(f"{len(self.holes)} hole(s)")
        if self.regions:
            parts.append(f"regions {', '.join(self.regions)}")
        return f"Geometry({'; '.join(parts)})"


def _segments(
    geometry: Geometry,
    k: int,
    i: int,
) -> Iterator[Segment]:
    loop = geometry.loops[k]
    a, b, bulge = loop.edge(i)
    for start, stop, name in _cut(geometry, k, i):
        ends = np.array([start, stop])
        p, q = polygons.arc_point(a, b, bulge, ends)
        # corners exactly as given
        if start == 0.0:
            p = a
        if stop == 1.0:
            q = b
        share = stop - start
        part_bulge = math.tan(math.atan(bulge) * share)
        yield Segment(p, q, part_bulge, name, k)


def _cut(
    geometry: Geometry,
    k: int,
    i: int,
) -> list[tuple[float, float, str | None]]:
    """Parts of edge i of loop k: start, stop (fractions of the edge) and name, if any."""
    named = geometry._names_by_edge.get((k, i), [])
    at = 0.0
    parts: list[tuple[float, float, str | None]] = []
    for start, stop, name in sorted(named):
        if start > at:
            parts.append((at, start, None))
        parts.append((start, stop, name))
        at = stop
    if at < 1.0:
        parts.append((at, 1.0, None))
    return parts


def _narrowest(geometry: Geometry) -> float:
    corners = [loop.polygon for loop in geometry.loops]
    a = np.vstack(corners)
    following = [np.roll(p, -1, axis=0) for p in corners]
    b = np.vstack(following)
    # in any order but that of the outline: a small width is found early and spares the rest
    shuffled = np.random.default_rng(0).permutation(len(a))
    a, b = a[shuffled], b[shuffled]
    chords = b - a
    lengths = np.linalg.norm(chords, axis=1)
    along = chords / lengths[:, None]
    left, bottom = np.minimum(a, b).T.copy()
    right, top = np.maximum(a, b).T.copy()
    touching = 1e-9 * geometry.size  # neighbours meet at a corner
    best = geometry.size
    for i in range(len(a)):
        later = i + 1
        beside = (left[later:] < right[i] + best) & (right[later:] > left[i] - best)
        level = (bottom[later:] < top[i] + best) & (top[later:] > bottom[i] - best)
        near = later + np.flatnonzero(beside & level)
        opposed = along[near] @ along[i] < -0.3
        facing = near[opposed]
        if not facing.size:
            continue
        gap, p, q = polygons.closest_points(
            a[i],
            b[i],
            a[facing],
            b[facing],
        )
        closer = np.flatnonzero((gap > touching) & (gap < best))
        closer = closer[np.argsort(gap[closer])]
        middle = (p + q) / 2
        # the first whose middle lies in the device, not across a gap; most often an early one
        for start in range(0, len(closer), 16):
            some = closer[start : start + 16]
            inside = np.flatnonzero(geometry.contains(middle[some]))
            if inside.size:
                best = float(gap[some[inside[0]]])
                break
    return best


def _length(
    geometry: Geometry,
    pieces: Pieces,
) -> float:
    total = 0.0
    for p in pieces:
        edge = geometry.loops[p.loop].edge(p.edge)
        share = p.stop - p.start
        total += share * polygons.arc_length(*edge)
    return total
