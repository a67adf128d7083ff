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


def strips(geometry: Geometry, sizes: CellSizes) -> dict[int, Strip]:
    """The strips of a device by the number of their segment of boundary; none where regions meet or
    little is gained.
    """
    if geometry.regions:
        return {}
    segments = list(geometry.boundary())
    found = {
        i: _strip(segments, i, sizes)
        for i, s in enumerate(segments)
        if not s.bulge and s.name not in geometry.contacts
    }
    return {i: strip for i, strip in found.items() if strip is not None}


def _strip(segments: list[Segment], i: int, sizes: CellSizes) -> Strip | None:
    s = segments[i]
    length = float(np.linalg.norm(s.stop - s.start))
    along = (s.stop - s.start) / length
    inward = np.array([-along[1], along[0]])
    room = _room(segments, i)
    thick, away = THICK * room, AWAY * room
    if LONG * room < WORTH * sizes.edge or length - 2 * away < 2 * LONG * room:
        return None
    a, b = s.start + away * along, s.stop - away * along
    c, d = b + thick * inward, a + thick * inward
    others = [o for k, o in enumerate(segments) if k != i]
    if _gap(np.array([a, b, c, d]), others) < 0.9 * thick:  # a neighbour at an acute angle
        return None
    across = math.ceil(math.log1p(thick * (sizes.growth - 1) / sizes.edge) / math.log(sizes.growth))
    return Strip(a, b, c, d, math.ceil((length - 2 * away) / (LONG * room)), across, sizes.growth)


def _room(segments: list[Segment], i: int) -> float:
    """Distance of the middle half of a segment from those that do not touch it, at most its
    length.
    """
    s = segments[i]
    ends = np.array([s.start, s.stop])
    best = float(np.linalg.norm(s.stop - s.start))
    middle = np.array([[0.75, 0.25], [0.25, 0.75]]) @ ends
    for k, o in enumerate(segments):
        touches = (
            min(float(np.linalg.norm(p - q)) for p in ends for q in (o.start, o.stop)) < 1e-9 * best
        )
        if k == i or touches:
            continue
        points = polygons.arc_point(
            o.start, o.stop, o.bulge, np.linspace(0, 1, 13 if o.bulge else 2)
        )
        there = polygons.point_segment_distance(points, middle[:1], middle[1:]).min()
        best = min(best, float(there), _gap(middle, [o]))
    return best


def _gap(points: np.ndarray, segments: list[Segment]) -> float:
    """Smallest distance of points (n, 2) from segments."""
    return min(
        polygons.along_edge(p, o.start, o.stop, o.bulge)[0] for p in points for o in segments
    )
