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

from ..errors import InputError, suggest
from ..units import engineering, to_si
from . import polygons

# Segments per arc in checks.
ARC_SEGMENTS = 24


class Piece(NamedTuple):
    """Part of an edge: loop 0 is the outline, loop k hole k; start and stop are fractions of the
    edge.
    """

    loop: int
    edge: int
    start: float
    stop: float


class Segment(NamedTuple):
    """A straight or circular part of the boundary and the name it carries, if any."""

    start: np.ndarray
    stop: np.ndarray
    bulge: float
    name: str | None
    loop: int


@dataclass(frozen=True)
class Loop:
    """A closed curve: corners (metres) and, per edge, the bulge of :func:`polygons.arc_point`.

    Edge i runs from corner i to corner i + 1.
    """

    points: tuple[polygons.Point, ...]
    bulges: tuple[float, ...]

    def edge(self, i: int) -> tuple[np.ndarray, np.ndarray, float]:
        """Start, stop and bulge of edge i."""
        n = len(self.points)
        return np.array(self.points[i % n]), np.array(self.points[(i + 1) % n]), self.bulges[i % n]

    @functools.cached_property
    def polygon(self) -> np.ndarray:
        """The loop with arcs replaced by chords, shape (n, 2)."""
        s = np.arange(ARC_SEGMENTS) / ARC_SEGMENTS
        return np.vstack(
            [
                polygons.arc_point(*self.edge(i), s if b else s[:1])
                for i, b in enumerate(self.bulges)
            ]
        )

    def reversed(self) -> Loop:
        return Loop(self.points[::-1], tuple(-b for b in (*self.bulges[-2::-1], self.bulges[-1])))


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
    """

    outline: Loop
    holes: tuple[Loop, ...] = ()
    contacts: Mapping[str, tuple[Piece, ...]] = field(default_factory=dict)
    edges: Mapping[str, tuple[Piece, ...]] = field(default_factory=dict)
    regions: Mapping[str, Loop | None] = field(default_factory=dict)
    kind: str = "polygon_device"

    def __post_init__(self) -> None:
        for name in ("contacts", "edges", "regions"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))

    @property
    def loops(self) -> tuple[Loop, ...]:
        """The outline and the holes."""
        return (self.outline, *self.holes)

    @property
    def named(self) -> dict[str, tuple[Piece, ...]]:
        """Contacts and edges together."""
        return {**self.contacts, **self.edges}

    @property
    def size(self) -> float:
        """Diagonal of the bounding box in metres."""
        return float(np.linalg.norm(np.ptp(self.outline.polygon, axis=0)))

    @property
    def curved(self) -> bool:
        return any(b != 0 for loop in self.loops for b in loop.bulges)

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
        return min([self.size, *(_length(self, pieces) for pieces in self.named.values())])

    def boundary(self) -> Iterator[Segment]:
        """The boundary, loop by loop, cut where names begin and end."""
        for k, loop in enumerate(self.loops):
            for i in range(len(loop.points)):
                yield from _segments(self, k, loop, i)

    def contains(self, points: np.ndarray) -> np.ndarray:
        """Which of the points (n, 2) lie inside the outline and outside the holes."""
        out = polygons.inside(points, self.outline.polygon)
        for hole in self.holes:
            out &= ~polygons.inside(points, hole.polygon)
        return out

    def rotated(self, angle: float) -> Geometry:
        """Turned counter-clockwise about the origin by ``angle``: radians, or "30 deg"."""
        angle = to_si(angle, "rad", "angle")
        c, s = math.cos(angle), math.sin(angle)
        return self._mapped(lambda x, y: (c * x - s * y, s * x + c * y))

    def moved(self, dx: Any, dy: Any) -> Geometry:
        """Shifted by (dx, dy), lengths."""
        shift = to_si(dx, "m", "dx"), to_si(dy, "m", "dy")
        return self._mapped(lambda x, y: (x + shift[0], y + shift[1]))

    def renamed(self, names: Mapping[str, str]) -> Geometry:
        """Contacts, edges and regions renamed: a mapping old name -> new name."""
        known = [*self.named, *self.regions]
        for old in names:
            if old not in known:
                raise InputError(
                    f"the device has no {old!r}; {suggest(old, known)}", value=old, key="renamed"
                )
        after = [names.get(k, k) for k in known]
        twice = next((k for k in after if after.count(k) > 1), None)
        if twice is not None:
            raise InputError(
                f"{twice!r} would be used twice; choose another name", value=twice, key="renamed"
            )

        def renamed(group: Mapping[str, Any]) -> dict[str, Any]:
            return {names.get(name, name): value for name, value in group.items()}

        return dataclasses.replace(
            self,
            contacts=renamed(self.contacts),
            edges=renamed(self.edges),
            regions=renamed(self.regions),
        )

    def _mapped(self, point: Callable[[float, float], polygons.Point]) -> Geometry:
        """Every corner moved by a map that keeps angles."""

        def move(loop: Loop) -> Loop:
            return Loop(tuple(point(x, y) for x, y in loop.points), loop.bulges)

        regions = {k: None if v is None else move(v) for k, v in self.regions.items()}
        outline, *holes = (move(v) for v in self.loops)
        return dataclasses.replace(self, outline=outline, holes=tuple(holes), regions=regions)

    def __repr__(self) -> str:
        extent = " x ".join(
            engineering(float(v), "m") for v in np.ptp(self.outline.polygon, axis=0)
        )
        parts = [
            f"{self.kind}: {extent}",
            f"contacts {', '.join(self.contacts) or 'none'}",
            *([f"edges {', '.join(self.edges)}"] if self.edges else []),
            *([f"{len(self.holes)} hole(s)"] if self.holes else []),
            *([f"regions {', '.join(self.regions)}"] if self.regions else []),
        ]
        return f"Geometry({'; '.join(parts)})"


def _segments(geometry: Geometry, k: int, loop: Loop, i: int) -> Iterator[Segment]:
    a, b, bulge = loop.edge(i)
    named = sorted(
        (p.start, p.stop, name)
        for name, pieces in geometry.named.items()
        for p in pieces
        if p.loop == k and p.edge == i
    )
    at = 0.0
    parts: list[tuple[float, float, str | None]] = []
    for start, stop, name in named:
        parts += [(at, start, None)] if start > at else []
        parts.append((start, stop, name))
        at = stop
    parts += [(at, 1.0, None)] if at < 1.0 else []
    for start, stop, label in parts:
        p, q = polygons.arc_point(a, b, bulge, np.array([start, stop]))
        p, q = a if start == 0.0 else p, b if stop == 1.0 else q
        yield Segment(p, q, math.tan(math.atan(bulge) * (stop - start)), label, k)


def _narrowest(geometry: Geometry) -> float:
    chords = [(p, np.roll(p, -1, axis=0)) for p in (loop.polygon for loop in geometry.loops)]
    a, b = (np.vstack(v) for v in zip(*chords, strict=True))
    along = (b - a) / np.linalg.norm(b - a, axis=1)[:, None]
    found = []
    for i in range(len(a)):
        facing = np.flatnonzero(along[i + 1 :] @ along[i] < -0.3) + i + 1
        gap, p, q = polygons.closest_points(a[i], b[i], a[facing], b[facing])
        near = gap > 1e-9 * geometry.size  # neighbours meet at a corner
        found.append(np.column_stack([gap, (p + q) / 2])[near])
    pairs = np.vstack(found)
    pairs = pairs[np.argsort(pairs[:, 0])]
    for start in range(
        0, len(pairs), 1000
    ):  # the first whose midpoint lies in the device, not across a gap
        inside = np.flatnonzero(geometry.contains(pairs[start : start + 1000, 1:]))
        if inside.size:
            return float(pairs[start + inside[0], 0])
    return geometry.size


def _length(geometry: Geometry, pieces: tuple[Piece, ...]) -> float:
    return sum(
        (p.stop - p.start) * polygons.arc_length(*geometry.loops[p.loop].edge(p.edge))
        for p in pieces
    )
