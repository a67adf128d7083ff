"""How large cells shall be, and where: plain lengths, no mesh."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import InputError
from ..geometry import polygons
from ..geometry.outline import Geometry, Segment
from ..units import positive, shown, to_si

# Cells are not graded below this fraction of the narrowest width: finer ones cost digits by
# round-off.
FLOOR = 1e-3


@dataclass(frozen=True)
class CellSizes:
    """Cell sizes in metres: at insulating edges, at singular points, far from both; ratio of
    neighbours.
    """

    edge: float
    corner: float
    largest: float
    growth: float


def cell_sizes(
    geometry: Geometry,
    resolve: Any,
    per_length: Any,
    corner: Any,
    growth: Any,
) -> CellSizes:
    width = geometry.narrowest
    length = width / 2 if resolve is None else positive(resolve, "m", "resolve")
    fraction = positive(corner, "1", "corner")
    if not FLOOR <= fraction <= 0.5:
        raise InputError(
            f"expected {FLOOR:g} to 0.5 of the narrowest width, got {corner!r}",
            value=corner,
            key="corner",
        )
    ratio = to_si(growth, "1", "growth")
    if not 1.0 < ratio <= 4.0:
        raise InputError(
            f"expected a ratio above 1 and at most 4, got {shown(growth)}",
            value=growth,
            key="growth",
        )
    cells = positive(per_length, "1", "cells_per_length")
    edge = min(length / cells, width / 8)
    smallest = fraction * min(width, geometry.shortest_name)
    return CellSizes(
        edge=edge,
        corner=min(edge, smallest),
        largest=geometry.size / 8,
        growth=ratio,
    )


def singular_points(geometry: Geometry) -> Iterator[np.ndarray]:
    """Corners where the current density or the moment density is singular.

    Re-entrant corners (beyond 200 degrees, so that the corners of traced curves do not count), and
    the ends of contacts and named edges where the boundary turns by less than a right angle.
    """
    segments = list(geometry.boundary())
    for k in range(len(geometry.loops)):
        own = [s for s in segments if s.loop == k]
        for i, after in enumerate(own):
            before = own[i - 1]
            u = _tangent(before, 1.0)
            v = _tangent(after, 0.0)
            turn = math.atan2(polygons.cross(u, v), u @ v)
            angle = math.pi - turn
            limit = 200 if before.name == after.name else 100
            if angle > math.radians(limit):
                yield after.start


def _tangent(segment: Segment, at: float) -> np.ndarray:
    x, y = segment.stop - segment.start
    turn = (2 * at - 1) * 2 * math.atan(segment.bulge)
    c = math.cos(turn)
    s = math.sin(turn)
    return np.array([c * x - s * y, s * x + c * y])


def size_along(segment: Segment, geometry: Geometry, sizes: CellSizes, around: int) -> float:
    """Cell size along a segment; a full circle of an arc has at least ``around`` cells."""
    size = sizes.edge
    if segment.name in geometry.contacts:
        size = sizes.largest
    if not segment.bulge:
        return size
    centre = polygons.arc_centre(segment.start, segment.stop, segment.bulge)
    radius = float(np.linalg.norm(segment.start - centre))
    circumference = 2 * math.pi * radius
    return min(size, circumference / around)


def nearest_segment(
    point: np.ndarray, segments: Sequence[Segment], grain: float
) -> tuple[float, int]:
    """Distance and number of the segment closest to a point; the first of those that are equally
    close when rounded to ``grain``.
    """
    gaps = []
    for s in segments:
        gap, _ = polygons.along_edge(point, s.start, s.stop, s.bulge)
        gaps.append(gap)
    rounded = [round(gap / grain) for gap in gaps]
    i = rounded.index(min(rounded))
    return gaps[i], i
