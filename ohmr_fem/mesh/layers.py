"""Boundary-layer cells: strips along long straight insulating edges, whose cells are thin across
and long along the edge.

The moment density decays within a diffusion length of an edge but varies along it as slowly as the
current does, except near corners and contacts. Plain lengths, no mesh.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ..geometry import polygons
from ..geometry.outline import Geometry, Segment
from .grading import CellSizes

# In units of the distance of its middle half from edges that are not neighbours: thickness of a
# strip, its distance from the
# ends of the edge, length of its cells.
THICK, AWAY, LONG = 1 / 8, 1 / 4, 1 / 10
# Worth it where cells become at least this much longer than they are thick.
WORTH = 4.0


class Strip(NamedTuple):
    """Corners: a and b on the edge, c and d opposite, counter-clockwise a b c d; divisions along
    and across, ratio across.
    """

    a: np.ndarray
    b: np.ndarray
    c: np.ndarray
    d: np.ndarray
    along: int
    across: int
    ratio: float

    @property
    def length(self) -> float:
        """Length of a cell along the edge."""
        return float(np.linalg.norm(self.b - self.a)) / self.along


def strips(
    geometry: Geometry,
    sizes: CellSizes,
) -> dict[int, Strip]:
    """The strips of a device by the number of their segment of boundary; none where regions meet or
    little is gained.
    """
    if geometry.regions:
        return {}
    segments = list(geometry.boundary())
    found = {}
    for i, s in enumerate(segments):
        if s.bulge or s.name in geometry.contacts:
            continue
        strip = _strip(segments, i, sizes)
        if strip is not None:
            found[i] = strip
    return found


def _strip(
    segments: list[Segment],
    i: int,
    sizes: CellSizes,
) -> Strip | None:
    s = segments[i]
    length = float(np.linalg.norm(s.stop - s.start))
    along = (s.stop - s.start) / length
    inward = np.array([-along[1], along[0]])
    room = _room(segments, i)
    thick = THICK * room
    away = AWAY * room
    left = length - 2 * away
    if LONG * room < WORTH * sizes.edge or left < 2 * LONG * room:
        return None
    a = s.start + away * along
    b = s.stop - away * along
    c = b + thick * inward
    d = a + thick * inward
    others = [o for k, o in enumerate(segments) if k != i]
    if _gap(np.array([a, b, c, d]), others) < 0.9 * thick:  # a neighbour at an acute angle
        return None
    # Layers of thickness edge, edge growth, edge growth^2, ... that fill the strip.
    layers = math.log1p(thick * (sizes.growth - 1) / sizes.edge) / math.log(sizes.growth)
    cells = math.ceil(left / (LONG * room))
    return Strip(a, b, c, d, cells, math.ceil(layers), sizes.growth)


def _room(
    segments: list[Segment],
    i: int,
) -> float:
    """Distance of the middle half of a segment from those that do not touch it, at most its
    length.
    """
    s = segments[i]
    ends = np.array([s.start, s.stop])
    best = float(np.linalg.norm(s.stop - s.start))
    middle = np.array([[0.75, 0.25], [0.25, 0.75]]) @ ends
    for k, o in enumerate(segments):
        if k == i or _touch(s, o, 1e-9 * best):
            continue
        count = 13 if o.bulge else 2
        points = polygons.arc_point(o.start, o.stop, o.bulge, np.linspace(0, 1, count))
        there = polygons.point_segment_distance(points, middle[:1], middle[1:]).min()
        best = min(best, float(there), _gap(middle, [o]))
    return best


def _touch(
    one: Segment,
    two: Segment,
    tolerance: float,
) -> bool:
    """True if an end of one segment is an end of the other."""
    gaps = []
    for p in (one.start, one.stop):
        for q in (two.start, two.stop):
            gaps.append(float(np.linalg.norm(p - q)))
    return min(gaps) < tolerance


def _gap(
    points: np.ndarray,
    segments: list[Segment],
) -> float:
    """Smallest distance of points (n, 2) from segments."""
    gaps = []
    for p in points:
        for o in segments:
            gap, _ = polygons.along_edge(p, o.start, o.stop, o.bulge)
            gaps.append(gap)
    return min(gaps)
