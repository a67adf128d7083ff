"""How large cells shall be, and where: plain lengths, no mesh."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from .errors import InputError
from .outline import Geometry, Segment
from .units import positive, to_si

# Cells are not graded below this fraction of the narrowest width: finer ones cost digits by round-off.
FLOOR = 1e-3


@dataclass(frozen=True)
class CellSizes:
    """Cell sizes in metres: at insulating edges, at singular points, far from both; ratio of neighbours."""

    edge: float
    corner: float
    largest: float
    growth: float


def cell_sizes(geometry: Geometry, resolve: Any, per_length: Any, corner: Any, growth: Any) -> CellSizes:
    width = geometry.narrowest
    length = width / 2 if resolve is None else positive(resolve, "m", "resolve")
    fraction = positive(corner, "1", "corner")
    if not FLOOR <= fraction <= 0.5:
        raise InputError(f"corner: expected {FLOOR:g} to 0.5 of the narrowest width, got {corner!r}", value=corner)
    if not 1.0 < to_si(growth, "1", "growth") <= 4.0:
        raise InputError(f"growth: expected a ratio above 1 and at most 4, got {growth!r}", value=growth)
    edge = min(length / positive(per_length, "1", "cells_per_length"), width / 8)
    return CellSizes(edge, min(edge, fraction * min(width, geometry.shortest_name)), geometry.size / 8, growth)


def singular_points(geometry: Geometry) -> Iterator[np.ndarray]:
    """Corners where the current density or the moment density is singular.

    Re-entrant corners (beyond 200 degrees, so that the corners of traced curves do not count), and the
    ends of contacts and named edges where the boundary turns by less than a right angle.
    """
    segments = list(geometry.boundary())
    for k in range(len(geometry.loops)):
        own = [s for s in segments if s.loop == k]
        for before, after in zip(own[-1:] + own[:-1], own, strict=True):
            u, v = _tangent(before, 1.0), _tangent(after, 0.0)
            angle = math.pi - math.atan2(u[0] * v[1] - u[1] * v[0], u @ v)
            if angle > math.radians(200) or (before.name != after.name and angle > math.radians(100)):
                yield after.start


def _tangent(segment: Segment, at: float) -> np.ndarray:
    chord = segment.stop - segment.start
    turn = (2 * at - 1) * 2 * math.atan(segment.bulge)
    c, s = math.cos(turn), math.sin(turn)
    return np.array([c * chord[0] - s * chord[1], s * chord[0] + c * chord[1]])


def lines_between(a: float, b: float, size_a: float, size_b: float, largest: float, growth: float) -> np.ndarray:
    """Points from a to b; the spacing is ``size`` at each end and grows by the ratio ``growth`` up to ``largest``."""
    rate = math.log(growth)
    largest = min(largest, b - a)
    size_a, size_b = min(size_a, largest), min(size_b, largest)
    top = min(largest, (size_a + size_b + rate * (b - a)) / 2)
    left, right = max(0.0, (top - size_a) / rate), max(0.0, (top - size_b) / rate)
    if left + right > b - a:  # the ramps do not meet in between: one end governs
        left, right = (b - a, 0.0) if size_a < size_b else (0.0, b - a)
    flat = b - a - left - right
    counts = [math.log1p(rate * left / size_a) / rate, flat / top, math.log1p(rate * right / size_b) / rate]
    n = max(1, math.ceil(sum(counts) - 1e-9))
    s = np.linspace(0, sum(counts), n + 1)
    rising = a + size_a * np.expm1(rate * s) / rate
    falling = b - size_b * np.expm1(rate * (sum(counts) - s)) / rate
    level = a + left + (s - counts[0]) * top
    lines = np.where(s < counts[0], rising, np.where(s > counts[0] + counts[1], falling, level))
    lines[[0, -1]] = a, b
    return lines
