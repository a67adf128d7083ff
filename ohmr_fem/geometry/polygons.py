"""Plane geometry of straight and circular edges; no meshes, no units."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

Point = tuple[float, float]
Vector = np.ndarray  # (2,)
Points = np.ndarray  # (n, 2)
# Starts and stops (n, 2) of the edges of a shape.
Edges = tuple[Points, Points]


def cross(
    u: np.ndarray,
    v: np.ndarray,
) -> Any:
    """Third component of the product of vectors in the plane, (2,) or (2, n)."""
    return u[0] * v[1] - u[1] * v[0]


def arc_point(
    start: Vector,
    stop: Vector,
    bulge: float,
    fraction: np.ndarray,
) -> np.ndarray:
    """Points at fractions (n,) along an edge, shape (n, 2).

    ``bulge`` is the tangent of a quarter of the angle swept: 0 for a straight edge, positive for a
    counter-clockwise arc (the convention of DXF polylines).
    """
    s = np.asarray(fraction, dtype=float)
    s = np.atleast_1d(s)[:, None]
    if bulge == 0.0:
        return np.asarray(start * (1 - s) + stop * s)
    centre = arc_centre(start, stop, bulge)
    angle = 4 * math.atan(bulge) * s
    arm = start - centre
    cosine = np.cos(angle)
    sine = np.sin(angle)
    x = cosine * arm[0] - sine * arm[1]
    y = sine * arm[0] + cosine * arm[1]
    return np.asarray(centre + np.hstack([x, y]))


def arc_centre(
    start: Vector,
    stop: Vector,
    bulge: float,
) -> Vector:
    """Centre of the circle of an arc, shape (2,)."""
    chord = stop - start
    left = np.array([-chord[1], chord[0]])
    middle = (start + stop) / 2
    offset = left * (1 - bulge**2) / (4 * bulge)
    return np.asarray(middle + offset)


def arc_length(
    start: Vector,
    stop: Vector,
    bulge: float,
) -> float:
    chord = float(np.linalg.norm(stop - start))
    if bulge == 0.0:
        return chord
    size = abs(bulge)
    radius = chord * (1 + bulge**2) / (4 * size)
    return radius * 4 * math.atan(size)


def along_edge(
    point: Vector,
    a: Vector,
    b: Vector,
    bulge: float,
) -> tuple[float, float]:
    """Distance of a point from an edge, and the fraction of the edge at the closest point."""
    if bulge == 0.0:
        chord = b - a
        s = (point - a) @ chord / (chord @ chord)
    else:
        s = _turn_to(point, a, b, bulge)
    s = float(np.clip(s, 0, 1))
    (closest,) = arc_point(a, b, bulge, np.array([s]))
    gap = float(np.linalg.norm(closest - point))
    return gap, s


def _turn_to(
    point: Vector,
    a: Vector,
    b: Vector,
    bulge: float,
) -> float:
    """Fraction of an arc at the direction of a point; beyond 0 or 1 off its ends."""
    centre = arc_centre(a, b, bulge)
    sweep = 4 * math.atan(bulge)
    angle = _angle(point - centre) - _angle(a - centre)
    turn = math.copysign(2 * math.pi, sweep)
    # The angle is known up to full turns: the one nearest the middle of the arc.
    candidates = []
    for n in (-1, 0, 1):
        candidates.append((angle + n * turn) / sweep)
    return min(candidates, key=lambda v: abs(v - 0.5))


def _angle(v: Vector) -> float:
    return math.atan2(v[1], v[0])


def crossings(
    a: Vector,
    b: Vector,
    bulge: float,
    polygon: Points,
    tolerance: float,
) -> list[float]:
    """Fractions of an edge where the sides of a polygon (n, 2) cross it or its corners touch it."""
    after = np.roll(polygon, -1, axis=0)
    low, high = edge_box(a, b, bulge, tolerance)
    near = _boxes_touch(low, high, polygon, after, 0.0)
    polygon, after = polygon[near], after[near]
    points = list(polygon) + list(after)
    for p, d in zip(polygon, after - polygon, strict=True):
        if bulge == 0.0:
            u = _line_hits(p, d, a, b)
        else:
            u = _circle_hits(
                p,
                d,
                a,
                arc_centre(a, b, bulge),
            )
        points += [p + v * d for v in u if 0 <= v <= 1]
    found = []
    for p in points:
        gap, s = along_edge(p, a, b, bulge)
        if gap <= tolerance:
            found.append(s)
    return found


def _line_hits(
    p: Vector,
    d: Vector,
    a: Vector,
    b: Vector,
) -> list[float]:
    """Where the line p + u d meets the line through a and b."""
    chord = b - a
    slope = cross(d, chord)
    if not slope:
        return []
    return [cross(a - p, chord) / slope]


def _circle_hits(
    p: Vector,
    d: Vector,
    a: Vector,
    centre: Vector,
) -> list[float]:
    """Where the line p + u d meets the circle through a."""
    to = p - centre
    arm = a - centre
    constant = to @ to - arm @ arm
    roots = np.roots([d @ d, 2 * d @ to, constant])
    real = np.abs(roots.imag) < 1e-12
    return [float(v) for v in roots.real[real]]


def signed_area(polygon: Points) -> float:
    """Area of a polygon (n, 2), positive counter-clockwise."""
    x, y = (polygon - polygon.mean(axis=0)).T
    next_x = np.roll(x, -1)
    next_y = np.roll(y, -1)
    return float(np.sum(x * next_y - next_x * y) / 2)


def winding(
    point: Vector,
    polygon: Points,
) -> int:
    """How often a polygon (n, 2) turns about a point that is not on it; negative if clockwise."""
    x, y = (polygon - point).T
    next_x = np.roll(x, -1)
    next_y = np.roll(y, -1)
    side = x * next_y - next_x * y
    up = (y <= 0) & (next_y > 0) & (side > 0)
    down = (y > 0) & (next_y <= 0) & (side < 0)
    return int(np.count_nonzero(up) - np.count_nonzero(down))


def edge_box(
    a: Vector,
    b: Vector,
    bulge: float,
    margin: float,
) -> tuple[Vector, Vector]:
    """Lower left and upper right corner of a box around an edge."""
    low, high = np.minimum(a, b), np.maximum(a, b)
    if bulge:
        centre = arc_centre(a, b, bulge)
        radius = float(np.linalg.norm(a - centre))
        low, high = centre - radius, centre + radius
    return low - margin, high + margin


def inside(
    points: Points,
    polygon: Points,
) -> np.ndarray:
    """Even-odd test of points (n, 2); points on the edges may fall on either side."""
    after = np.roll(polygon, -1, axis=0)
    return _in_shape(points, (polygon, after))


def point_segment_distance(
    points: Points,
    start: Points,
    stop: Points,
) -> np.ndarray:
    """Distances (n_points, n_segments) of points (n, 2) from segments (m, 2), (m, 2)."""
    along = stop - start
    to = points[:, None] - start[None]
    # A segment of no length is a point, not a division by zero.
    tiny = np.finfo(float).tiny
    square = np.maximum((along**2).sum(1), tiny)
    projected = (to * along).sum(2)
    t = np.clip(projected / square, 0, 1)
    foot = t[:, :, None] * along
    return np.asarray(np.linalg.norm(to - foot, axis=2))


def closest_points(
    a: Vector,
    b: Vector,
    c: Points,
    d: Points,
) -> tuple[np.ndarray, ...]:
    """Gaps (n,) and closest points (n, 2) on segment a-b and on segments c-d (n, 2) that do not
    cross it; on parallel ones the middle of where they face each other.
    """
    one = np.broadcast_to(a, c.shape)
    two = np.broadcast_to(b, c.shape)
    # One of the two closest points is an end of its segment: four candidates.
    at_c = _foot(c, one, two)
    at_d = _foot(d, one, two)
    at_one = _foot(one, c, d)
    at_two = _foot(two, c, d)
    first = np.array([one, two, at_c, at_d])
    second = np.array([at_one, at_two, c, d])
    gaps = np.linalg.norm(first - second, axis=2)
    gap = gaps.min(axis=0)
    # on parallel segments several are closest, and so is their mean
    closest = gaps <= (1.0 + 1e-9) * gap
    share = closest / closest.sum(axis=0)
    return gap, *(np.einsum("kn,knd->nd", share, points) for points in (first, second))


def _foot(
    points: Points,
    start: Points,
    stop: Points,
) -> np.ndarray:
    """Closest point of segment i to point i."""
    along = stop - start
    square = (along * along).sum(1)
    to = points - start
    projected = (to * along).sum(1)
    t = np.clip(projected / square, 0, 1)
    return np.asarray(start + t[:, None] * along)


def crossing_edges(
    start: Points,
    stop: Points,
    tolerance: float,
) -> tuple[int, int] | None:
    """First pair of edges that meet other than as neighbours of a chain of loops; None if there is
    none.

    Edges are neighbours when an end of one is an end of the other; these may not fold back on each
    other.
    """
    low = np.minimum(start, stop) - tolerance
    high = np.maximum(start, stop) + tolerance
    found: tuple[int, int] | None = None
    # from left to right, only edges that begin before this one ends can touch it
    axis = _sparser_axis(low, high)
    order = np.argsort(low[:, axis], kind="stable")
    begins = low[order, axis]
    ends = np.searchsorted(begins, high[order, axis], side="right")
    for n, i in enumerate(order):
        others = order[n + 1 : ends[n]]
        near = others[
            _boxes_touch(
                start[i],
                stop[i],
                start[others],
                stop[others],
                tolerance,
            )
        ]
        for k in near[
            _may_meet(
                start[i],
                stop[i],
                start[near],
                stop[near],
                tolerance,
            )
        ]:
            pair = (int(min(i, k)), int(max(i, k)))
            closer = found is None or pair < found
            if closer and _meet(
                start[pair[0]], stop[pair[0]], start[pair[1]], stop[pair[1]], tolerance
            ):
                found = pair
    return found


def _sparser_axis(
    low: Points,
    high: Points,
) -> int:
    """The axis along which fewer edges lie beside each other."""
    counts = []
    for axis in (0, 1):
        ordered = np.sort(low[:, axis])
        counts.append(np.searchsorted(ordered, high[:, axis], side="right").sum())
        counts[-1] -= np.searchsorted(np.sort(high[:, axis]), low[:, axis]).sum()
    return int(counts[1] < counts[0])


def _may_meet(
    a: Vector,
    b: Vector,
    c: Points,
    d: Points,
    tolerance: float,
) -> np.ndarray:
    """False for edges c-d that surely do not meet a-b: on one side of it, or neighbours at a
    corner that turn.
    """
    u = b - a
    length = max(float(np.hypot(*u)), np.finfo(float).tiny)
    side_c = cross(u, (c - a).T) / length
    side_d = cross(u, (d - a).T) / length
    # written so that a number that is none counts as meeting
    apart = (np.minimum(side_c, side_d) > tolerance) | (np.maximum(side_c, side_d) < -tolerance)
    joined = (c == b).all(axis=1) | (d == a).all(axis=1)
    # an edge that goes on from this one and leaves its line
    far = np.where((c == b).all(axis=1), side_d, side_c)
    both = (c == b).all(axis=1) & (d == a).all(axis=1)
    turns = joined & ~both & (np.abs(far) > 2 * tolerance)
    return np.asarray(~(apart | turns))


def _boxes_touch(
    a: Vector,
    b: Vector,
    c: Points,
    d: Points,
    tolerance: float,
) -> np.ndarray:
    low = np.minimum(a, b) - tolerance
    high = np.maximum(a, b) + tolerance
    below = np.minimum(c, d) <= high
    above = np.maximum(c, d) >= low
    return np.asarray(np.all(below & above, axis=1))


def _meet(
    a: Vector,
    b: Vector,
    c: Vector,
    d: Vector,
    tolerance: float,
) -> bool:
    shared = []
    for p, q in ((a, b), (b, a)):
        for o, r in ((c, d), (d, c)):
            if np.hypot(*(p - o)) <= tolerance:
                shared.append((q - p, r - p))
    if len(shared) > 1:
        return True
    if shared:  # neighbours: wrong only if one folds back onto the other
        return _folds_back(*shared[0], tolerance)
    if _ends_gap(a, b, c, d) <= tolerance:
        return True
    if _ends_gap(c, d, a, b) <= tolerance:
        return True
    return _parts(a, b, c, d) and _parts(c, d, a, b)


def _ends_gap(
    a: Vector,
    b: Vector,
    c: Vector,
    d: Vector,
) -> float:
    """Distance of the nearer of a and b from the edge c-d."""
    ends = np.array([a, b])
    gaps = point_segment_distance(ends, c[None], d[None])
    return float(gaps.min())


def _folds_back(
    u: Vector,
    v: Vector,
    tolerance: float,
) -> bool:
    """True if two edges from one point, u and v, run along each other."""
    longest = max(np.hypot(*u), np.hypot(*v))
    aligned = abs(cross(u, v)) <= tolerance * longest
    return bool(aligned and u @ v > 0)


def _parts(
    a: Vector,
    b: Vector,
    c: Vector,
    d: Vector,
) -> bool:
    """True if c and d lie on different sides of the line a-b."""
    side_c = _side(a, b, c)
    side_d = _side(a, b, d)
    return side_c * side_d < 0


def _side(
    a: Vector,
    b: Vector,
    p: Vector,
) -> float:
    turn = cross(b - a, p - a)
    return float(np.sign(turn))


def common_area(
    one: list[Points],
    two: list[Points],
    tolerance: float,
) -> float:
    """Area covered by both of two shapes; each is an outline with its holes, polygons (n, 2) of any
    sense.

    Green's theorem over the edges of each that lie in the other; edges that run together count
    once, those that run against each other not at all.
    """
    a = _edges(one)
    b = _edges(two)
    of_first = _area_in(a, b, tolerance, 1.0)
    of_second = _area_in(b, a, tolerance, 0.0)
    return of_first + of_second


def _area_in(
    edges: Edges,
    other: Edges,
    tolerance: float,
    shared: float,
) -> float:
    """Part of Green's theorem of the edges that lie in the other shape.

    ``shared`` is the weight of edges that run together with an edge of the other.
    """
    p, q = _cut(edges, other, tolerance)
    middle = (p + q) / 2
    along = q - p
    weight = _in_shape(middle, other).astype(float)
    for some in _chunks(len(middle), len(other[0])):
        distance = point_segment_distance(middle[some], *other)
        on = distance.min(axis=1) <= tolerance
        if on.any():
            owner = distance[on].argmin(axis=1)
            direction = (other[1] - other[0])[owner]
            same = (along[some][on] * direction).sum(axis=1) > 0
            weight[some][on] = same * shared
    doubled = weight * cross(p.T, q.T)
    return float(doubled.sum() / 2)


def _edges(shape: list[Points]) -> Edges:
    """Edges of an outline (counter-clockwise) and its holes (clockwise)."""
    loops = []
    for i, polygon in enumerate(shape):
        anticlockwise = signed_area(polygon) > 0
        wanted = i == 0
        loops.append(polygon if anticlockwise == wanted else polygon[::-1])
    after = [np.roll(polygon, -1, axis=0) for polygon in loops]
    return np.vstack(loops), np.vstack(after)


def _in_shape(
    points: Points,
    edges: Edges,
) -> np.ndarray:
    out = np.zeros(len(points), dtype=bool)
    start, stop = edges
    slanted = start[:, 1] != stop[:, 1]
    x0, y0 = start[slanted].T
    x1, y1 = stop[slanted].T
    slope = (x1 - x0) / (y1 - y0)
    for some in _chunks(len(points), len(x0)):
        x, y = points[some].T[:, :, None]
        crossed = (y0 > y) != (y1 > y)
        right = crossed & (x < x0 + (y - y0) * slope)
        out[some] = right.sum(axis=1) % 2 == 1
    return out


def _chunks(
    rows: int,
    columns: int,
) -> Iterator[slice]:
    """Slices of rows, so that a table of them stays in a few megabytes."""
    step = max(1, 200_000 // max(columns, 1))
    for start in range(0, rows, step):
        yield slice(start, start + step)


def _cut(
    edges: Edges,
    other: Edges,
    tolerance: float,
) -> Edges:
    """Edges cut where the other shape touches or crosses them."""
    starts = []
    stops = []
    for p, q in zip(*edges, strict=True):
        along = q - p
        cuts = _cuts(p, q, other, tolerance)
        points = p + cuts[:, None] * along
        starts.append(points[:-1])
        stops.append(points[1:])
    return np.vstack(starts), np.vstack(stops)


def _cuts(
    p: Vector,
    q: Vector,
    other: Edges,
    tolerance: float,
) -> np.ndarray:
    """Fractions of the edge p-q, ends included, where the other shape touches or crosses it."""
    along = q - p
    low, high = edge_box(p, q, 0.0, tolerance)
    close = _boxes_touch(low, high, *other, 0.0)
    starts, stops = (ends[close] for ends in other)
    d = (stops - starts).T
    to = (starts - p).T
    slope = cross(along, d)
    with np.errstate(all="ignore"):  # parallel edges have slope 0
        s = cross(to, d) / slope
        u = cross(to, along) / slope
    on_side = (u >= 0) & (u <= 1)
    crossed = (slope != 0) & on_side
    gap = point_segment_distance(starts, p[None], q[None])[:, 0]
    near = starts[gap <= tolerance]
    touched = (near - p) @ along / (along @ along)
    t = np.concatenate([[0.0, 1.0], s[crossed], touched])
    return np.unique(np.clip(t, 0, 1))
