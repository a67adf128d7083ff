"""Devices cut out of and joined with each other, by shapely. Arcs stay arcs, names stay on the
boundary that is left.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..errors import InputError, require_extra
from ..errors.doors import door
from . import polygons
from .check import check_geometry
from .corners import polygon_device
from .outline import Geometry, Loop, Piece, Segment

# Chords per full circle while shapely cuts: a cut through an arc is off by 6e-8 of its radius, and
# then put on it.
AROUND = 9000
# Relative to the size: shapely's grid; what counts as the same corner; as on a curve.
GRID, CORNER, ON = 1e-10, 1e-8, 1e-6

# Start, stop and bulge of an edge.
Side = tuple[np.ndarray, np.ndarray, float]


@door
def union(*devices: Any) -> Geometry:
    """All devices joined.

    Parameters
    ----------
    devices : Geometry, or outline as for :func:`polygon_device`
        They must touch or overlap.

    Returns
    -------
    Geometry. Contacts and edges keep their names wherever their boundary is still boundary; a name
    that is covered altogether is gone. The regions of every device are clipped to it; the part of a
    device without regions is ``bulk``.

    Raises
    ------
    InputError
        Several pieces, a name or a place claimed by two devices.
    MissingExtraError
        shapely is not installed.
    """
    given = _devices(devices, "union", 1)
    regions = _joined_regions(given) if any(d.regions for d in given) else {}
    return _combined("union", given, regions)


@door
def difference(
    device: Any,
    *others: Any,
) -> Geometry:
    """A device without others.

    Parameters
    ----------
    device, others : Geometry, or outline as for :func:`polygon_device`
        ``others`` are taken away, one or more.

    Returns
    -------
    Geometry
        Names as in :func:`union`, regions those of ``device``.

    Raises
    ------
    InputError
        Fewer than two devices, nothing or several pieces left, a name claimed twice.
    MissingExtraError
        shapely is not installed.
    """
    given = _devices((device, *others), "difference", 2)
    return _combined("difference", given, given[0].regions)


@door
def intersection(
    device: Any,
    *others: Any,
) -> Geometry:
    """What lies in all devices.

    Parameters
    ----------
    device, others : Geometry, or outline as for :func:`polygon_device`
        Two or more in all.

    Returns
    -------
    Geometry
        Names as in :func:`union`, regions those of ``device``.

    Raises
    ------
    InputError
        Fewer than two devices, nothing or several pieces left, a name claimed twice.
    MissingExtraError
        shapely is not installed.
    """
    given = _devices((device, *others), "intersection", 2)
    return _combined("intersection", given, given[0].regions)


def _devices(
    values: tuple[Any, ...],
    what: str,
    least: int,
) -> list[Geometry]:
    if len(values) < least:
        raise InputError(
            f"needs at least {least} devices or outlines, got {len(values)}",
            value=len(values),
            key=what,
        )
    return [v if isinstance(v, Geometry) else polygon_device(v) for v in values]


def _combined(
    what: str,
    devices: list[Geometry],
    regions: Mapping[str, Loop | None],
) -> Geometry:
    shapely = require_extra("shapely", "layout", f"the {what} of devices")
    frame = _Frame(devices)
    shapes = [frame.shape(shapely, d.loops) for d in devices]
    result = shapes[0]
    for shape in shapes[1:]:
        result = getattr(shapely, what)(result, shape, grid_size=GRID)
    whole = shapely.geometry.polygon.orient(_one_piece(what, result), 1.0)
    rings = (whole.exterior, *whole.interiors)
    loops = [frame.loop(np.array(ring.coords)[:-1]) for ring in rings]
    contacts, edges = _names_left(what, devices, loops, frame.size)
    drawn = _regions_left(shapely, frame, whole, regions)
    out = Geometry(loops[0], tuple(loops[1:]), contacts, edges, drawn, what)
    check_geometry(out)
    return out


def _one_piece(
    what: str,
    result: Any,
) -> Any:
    """The polygon of shapely's result; lines, points and crumbs along cuts are left out."""
    parts = getattr(result, "geoms", [result])
    pieces = [p for p in parts if p.geom_type == "Polygon" and p.area > ON**2]
    if len(pieces) != 1:
        found = "is empty" if not pieces else f"falls apart into {len(pieces)} pieces"
        raise InputError(
            f"the {what} {found}; a device is one piece, check where the parts lie",
            value=len(pieces),
        )
    return pieces[0]


class _Frame:
    """Coordinates of order one, and the corners and arcs that the result takes over exactly."""

    def __init__(self, devices: list[Geometry]) -> None:
        every = np.vstack([d.outline.polygon for d in devices])
        self.origin = every.min(axis=0)
        self.size = float(np.linalg.norm(np.ptp(every, axis=0)))
        loops = [loop for d in devices for loop in d.loops]
        self.corners = np.vstack([loop.points for loop in loops])
        sides = [loop.edge(i) for loop in loops for i in range(len(loop.points))]
        self.arcs: list[Side] = [e for e in sides if e[2]]
        self.lines = [e[:2] for e in sides if not e[2]]

    def shape(
        self,
        shapely: Any,
        loops: tuple[Loop, ...],
    ) -> Any:
        rings = [(_fine(loop) - self.origin) / self.size for loop in loops]
        return shapely.Polygon(rings[0], rings[1:])

    def loop(self, ring: np.ndarray) -> Loop:
        """A ring of shapely's as a loop: corners put back exactly, chords joined to the arcs they
        came from.
        """
        points = _corners_back(ring * self.size + self.origin, self.corners, CORNER * self.size)
        # fractions, NaN off the arc
        where = [_on_arc(points, arc, ON * self.size) for arc in self.arcs]
        owner = self._owners(points, where)
        keep = _turns(points, owner, GRID * 10 * self.size)
        corners = []
        bulges = []
        for i, j in zip(keep, np.roll(keep, -1), strict=True):
            x, y = self._corner(points, owner, where, i)
            corners.append((float(x), float(y)))
            arc = owner[i]
            bulge = 0.0
            if arc >= 0:
                whole = math.atan(self.arcs[arc][2])
                bulge = math.tan(whole * (where[arc][j] - where[arc][i]))
            bulges.append(bulge)
        return Loop(tuple(corners), tuple(bulges))

    def _owners(
        self,
        points: np.ndarray,
        where: list[np.ndarray],
    ) -> np.ndarray:
        """The arc of which the chord from each point to the next is part; -1 for none."""
        after = np.roll(points, -1, axis=0)
        owner = np.full(len(points), -1)
        for k, (arc, s) in enumerate(zip(self.arcs, where, strict=True)):
            # Both ends on the arc are not enough: its own chord has them too.
            middle = _on_arc((points + after) / 2, arc, ON * self.size)
            on = np.isfinite(s + np.roll(s, -1) + middle)
            owner[on] = k
        return owner

    def _corner(
        self,
        points: np.ndarray,
        owner: np.ndarray,
        where: list[np.ndarray],
        i: int,
    ) -> np.ndarray:
        """Point i; a new corner is moved off the grid, onto the curves that make it."""
        corner = points[i]
        if _gap(corner, self.corners) <= 0:
            return corner
        for arc in (int(owner[i]), int(owner[i - 1])):
            if arc >= 0:
                fraction = np.array([where[arc][i]])
                return polygons.arc_point(*self.arcs[arc], fraction)[0]
        return _crossing(corner, self.lines, CORNER * self.size)


def _fine(loop: Loop) -> np.ndarray:
    parts = []
    for i, bulge in enumerate(loop.bulges):
        turn = 4 * math.atan(abs(bulge))
        n = math.ceil(turn / (2 * math.pi) * AROUND) if bulge else 1
        fractions = np.arange(n) / n
        parts.append(polygons.arc_point(*loop.edge(i), fractions))
    return np.vstack(parts)


def _gap(
    point: np.ndarray,
    corners: np.ndarray,
) -> float:
    return float(np.hypot(*(corners - point).T).min())


def _corners_back(
    points: np.ndarray,
    corners: np.ndarray,
    tolerance: float,
) -> np.ndarray:
    """Points put on the corner that is close to them."""
    out = points.copy()
    for corner in corners:
        out[np.hypot(*(points - corner).T) <= tolerance] = corner
    return out


def _crossing(
    corner: np.ndarray,
    lines: list[tuple[np.ndarray, np.ndarray]],
    tolerance: float,
) -> np.ndarray:
    """Where the two lines cross that pass by a corner."""
    near = []
    for a, b in lines:
        gap = polygons.point_segment_distance(corner[None], a[None], b[None])[0, 0]
        if gap <= tolerance:
            near.append((a, b - a))
    for (a, u), (b, v) in itertools.combinations(near, 2):
        cross = polygons.cross(u, v)
        if abs(cross) > 1e-3 * np.hypot(*u) * np.hypot(*v):
            fraction = polygons.cross(b - a, v) / cross
            return np.asarray(a + u * fraction)
    return corner


def _on_arc(
    points: np.ndarray,
    arc: tuple[np.ndarray, np.ndarray, float],
    tolerance: float,
) -> np.ndarray:
    """Fraction of the arc at which each point lies, NaN for points off it."""
    centre = polygons.arc_centre(*arc)
    sweep = 4 * math.atan(arc[2])
    arm = points - centre
    start = arc[0] - centre
    off = np.abs(np.hypot(*arm.T) - np.hypot(*start))
    turn = np.arctan2(polygons.cross(start, arm.T), arm @ start) / sweep
    slack = tolerance / polygons.arc_length(*arc)
    on = (off <= tolerance) & (turn >= -slack) & (turn <= 1 + slack)
    return np.where(on, np.clip(turn, 0, 1), np.nan)


def _turns(
    points: np.ndarray,
    owner: np.ndarray,
    tolerance: float,
) -> np.ndarray:
    """Indices of the points that are corners: neither within one arc nor within one straight
    line.
    """
    u = points - np.roll(points, 1, axis=0)
    v = np.roll(points, -1, axis=0) - points
    longest = np.maximum(np.hypot(*u.T), np.hypot(*v.T))
    bend = np.abs(polygons.cross(u.T, v.T)) > tolerance * longest
    back = np.einsum("ij,ij->i", u, v) < 0
    last = np.roll(owner, 1)
    straight = (owner < 0) & (last < 0)
    corner = np.where(straight, bend | back, owner != last)
    if not corner.any():  # a full circle of one arc cannot be: arcs are shorter than half a circle
        corner[0] = True
    return np.flatnonzero(corner)


def _names_left(
    what: str,
    devices: list[Geometry],
    loops: list[Loop],
    size: float,
) -> tuple[dict, dict]:
    """Pieces of the result that lie on named boundary of the devices."""
    contacts: dict[str, tuple[Piece, ...]] = {}
    edges: dict[str, tuple[Piece, ...]] = {}
    for device in devices:
        for name, found in _pieces_left(device, loops, size).items():
            if name in contacts or name in edges:
                raise InputError(
                    f"{name!r} is a name in two of the devices; rename one with renamed()",
                    value=name,
                    key=what,
                )
            kind = contacts if name in device.contacts else edges
            kind[name] = tuple(found)
    return contacts, edges


def _pieces_left(
    device: Geometry,
    loops: list[Loop],
    size: float,
) -> dict[str, list[Piece]]:
    """Pieces of the result by the name of one device; names that are covered are not in it."""
    own: dict[str, list[Piece]] = {}
    for segment in device.boundary():
        if segment.name is not None:
            own.setdefault(segment.name, []).extend(_shared(segment, loops, size))
    return {name: found for name, found in own.items() if found}


def _shared(
    segment: Segment,
    loops: list[Loop],
    size: float,
) -> list[Piece]:
    found = []
    for k, loop in enumerate(loops):
        for i in range(len(loop.points)):
            edge = loop.edge(i)
            low, high = _overlap(segment, edge)
            if (high - low) * polygons.arc_length(*edge) <= ON * size:
                continue
            if _along(segment, edge, low, high, ON * size):
                found.append(Piece(k, i, low, high))
    return found


def _overlap(
    segment: Segment,
    edge: Side,
) -> tuple[float, float]:
    """Fractions of the edge nearest to the ends of the segment, in rising order."""
    ends = (segment.start, segment.stop)
    low, high = sorted(polygons.along_edge(p, *edge)[1] for p in ends)
    return _rounded(low), _rounded(high)


def _rounded(fraction: float) -> float:
    """The fraction, put on an end of the edge that is close."""
    if fraction < CORNER:
        return 0.0
    return 1.0 if fraction > 1 - CORNER else fraction


def _along(
    segment: Segment,
    edge: Side,
    low: float,
    high: float,
    tolerance: float,
) -> bool:
    """True if the edge between two fractions lies on the segment; seen at three inner points."""
    first = 0.9 * low + 0.1 * high
    last = 0.1 * low + 0.9 * high
    fractions = np.array([first, (low + high) / 2, last])
    for p in polygons.arc_point(*edge, fractions):
        gap, _ = polygons.along_edge(p, segment.start, segment.stop, segment.bulge)
        if gap > tolerance:
            return False
    return True


def _regions_left(
    shapely: Any,
    frame: _Frame,
    whole: Any,
    regions: Mapping[str, Loop | None],
) -> dict[str, Loop | None]:
    """Regions that still have area."""
    out: dict[str, Loop | None] = {}
    covered = 0.0
    for name, loop in regions.items():
        if loop is not None:
            area = shapely.intersection(frame.shape(shapely, (loop,)), whole).area
            covered += area
            if area <= ON * whole.area:
                continue
        out[name] = loop
    if covered >= (1 - ON) * whole.area:
        out = {k: v for k, v in out.items() if v is not None}
    return out


def _joined_regions(devices: list[Geometry]) -> dict[str, Loop | None]:
    """Regions of all devices, each clipped to its own; one rest."""
    out: dict[str, Loop | None] = {}
    for device in devices:
        shell = Geometry(device.outline)
        for name, loop in (device.regions or {"bulk": None}).items():
            if loop is None:
                _check_one_rest(name, out)
                out[name] = None
                continue
            if name in out:
                raise InputError(
                    f"{name!r} is a region in two of the devices; rename one with renamed()",
                    value=name,
                    key="union",
                )
            clipped = _combined("intersection", [Geometry(loop), shell], {})
            out[name] = clipped.outline
    return out


def _check_one_rest(
    name: str,
    regions: Mapping[str, Loop | None],
) -> None:
    others = [k for k, v in regions.items() if v is None and k != name]
    if others:
        raise InputError(
            f"regions {others[0]!r} and {name!r} are each the rest of a device; draw one of them",
            value=name,
            key="union",
        )
