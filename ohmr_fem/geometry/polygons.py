"""Plane geometry of straight and circular edges; no meshes, no units."""

from __future__ import annotations

import math

import numpy as np

Point = tuple[float, float]


def arc_point(
    start: np.ndarray, stop: np.ndarray, bulge: float, fraction: np.ndarray
) -> np.ndarray:
    """Points at fractions (n,) along an edge, shape (n, 2).

    ``bulge`` is the tangent of a quarter of the angle swept: 0 for a straight edge, positive for a
    counter-clockwise arc (the convention of DXF polylines).
    """
    s = np.atleast_1d(np.asarray(fraction, dtype=float))[:, None]
    if bulge == 0.0:
        return np.asarray(start * (1 - s) + stop * s)
    chord = stop - start
    left = np.array([-chord[1], chord[0]])
    centre = (start + stop) / 2 + left * (1 - bulge**2) / (4 * bulge)
    angle = 4 * math.atan(bulge) * s
    arm = start - centre
    turned = np.hstack(
        [
            np.cos(angle) * arm[0] - np.sin(angle) * arm[1],
            np.sin(angle) * arm[0] + np.cos(angle) * arm[1],
        ]
    )
    return np.asarray(centre + turned)


def arc_centre(start: np.ndarray, stop: np.ndarray, bulge: float) -> np.ndarray:
    """Centre of the circle of an arc, shape (2,)."""
    chord = stop - start
    return np.asarray(
        (start + stop) / 2 + np.array([-chord[1], chord[0]]) * (1 - bulge**2) / (4 * bulge)
    )


def arc_length(start: np.ndarray, stop: np.ndarray, bulge: float) -> float:
    chord = float(np.linalg.norm(stop - start))
    if bulge == 0.0:
        return chord
    return chord * (1 + bulge**2) / (4 * abs(bulge)) * 4 * math.atan(abs(bulge))


def along_edge(
    point: np.ndarray, a: np.ndarray, b: np.ndarray, bulge: float
) -> tuple[float, float]:
    """Distance of a point from an edge, and the fraction of the edge at the closest point."""
    if bulge == 0.0:
        s = float(np.clip((point - a) @ (b - a) / ((b - a) @ (b - a)), 0, 1))
    else:
        centre, sweep = arc_centre(a, b, bulge), 4 * math.atan(bulge)
        angle = math.atan2(*(point - centre)[::-1]) - math.atan2(*(a - centre)[::-1])
        turn = math.copysign(2 * math.pi, sweep)
        candidates = [(angle + n * turn) / sweep for n in (-1, 0, 1)]
        s = min(candidates, key=lambda v: abs(v - 0.5))
        s = float(np.clip(s, 0, 1))
    return float(np.linalg.norm(arc_point(a, b, bulge, np.array([s]))[0] - point)), s


def crossings(
    a: np.ndarray, b: np.ndarray, bulge: float, polygon: np.ndarray, tolerance: float
) -> list[float]:
    """Fractions of an edge where the sides of a polygon (n, 2) cross it or its corners touch it."""
    after = np.roll(polygon, -1, axis=0)
    points = list(polygon)
    for p, d in zip(polygon, after - polygon, strict=True):
        if bulge == 0.0:
            chord, to = b - a, a - p
            cross = d[0] * chord[1] - d[1] * chord[0]
            u = [(to[0] * chord[1] - to[1] * chord[0]) / cross] if cross else []
        else:
            centre = arc_centre(a, b, bulge)
            roots = np.roots(
                [
                    d @ d,
                    2 * d @ (p - centre),
                    (p - centre) @ (p - centre) - (a - centre) @ (a - centre),
                ]
            )
            u = [float(r.real) for r in roots if abs(r.imag) < 1e-12]
        points += [p + v * d for v in u if 0 <= v <= 1]
    found = (along_edge(p, a, b, bulge) for p in points)
    return [s for gap, s in found if gap <= tolerance]


def signed_area(polygon: np.ndarray) -> float:
    """Area of a polygon (n, 2), positive counter-clockwise."""
    x, y = (polygon - polygon.mean(axis=0)).T
    return float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y) / 2)


def inside(points: np.ndarray, polygon: np.ndarray) -> np.ndarray:
    """Even-odd test of points (n, 2); points on the edges may fall on either side."""
    out = np.zeros(len(points), dtype=bool)
    x, y = points.T
    for (x0, y0), (x1, y1) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        if y0 != y1:
            crossed = (y0 > y) != (y1 > y)
            out ^= crossed & (x < x0 + (y - y0) * (x1 - x0) / (y1 - y0))
    return out


def point_segment_distance(points: np.ndarray, start: np.ndarray, stop: np.ndarray) -> np.ndarray:
    """Distances (n_points, n_segments) of points (n, 2) from segments (m, 2), (m, 2)."""
    along = stop - start
    to = points[:, None] - start[None]
    square = np.maximum((along**2).sum(1), np.finfo(float).tiny)
    t = np.clip((to * along).sum(2) / square, 0, 1)
    return np.asarray(np.linalg.norm(to - t[:, :, None] * along, axis=2))


def closest_points(
    a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray
) -> tuple[np.ndarray, ...]:
    """Gaps (n,) and closest points (n, 2) on segment a-b and on segments c-d (n, 2) that do not
    cross it.
    """
    one, two = np.broadcast_to(a, c.shape), np.broadcast_to(b, c.shape)
    first = [one, two, _foot(c, one, two), _foot(d, one, two)]
    second = [_foot(one, c, d), _foot(two, c, d), c, d]
    gaps = np.linalg.norm(np.array(first) - np.array(second), axis=2)
    best, every = gaps.argmin(axis=0), np.arange(len(c))
    return gaps[best, every], np.array(first)[best, every], np.array(second)[best, every]


def _foot(points: np.ndarray, start: np.ndarray, stop: np.ndarray) -> np.ndarray:
    """Closest point of segment i to point i."""
    along = stop - start
    t = np.clip(((points - start) * along).sum(1) / (along * along).sum(1), 0, 1)
    return np.asarray(start + t[:, None] * along)


def crossing_edges(start: np.ndarray, stop: np.ndarray, tolerance: float) -> tuple[int, int] | None:
    """First pair of edges that meet other than as neighbours of a chain of loops; None if there is
    none.

    Edges are neighbours when an end of one is an end of the other; these may not fold back on each
    other.
    """
    for i in range(len(start)):
        j = np.arange(i + 1, len(start))
        if j.size == 0:
            break
        for k in j[_boxes_touch(start[i], stop[i], start[j], stop[j], tolerance)]:
            if _meet(start[i], stop[i], start[k], stop[k], tolerance):
                return i, int(k)
    return None


def _boxes_touch(
    a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray, tolerance: float
) -> np.ndarray:
    low, high = np.minimum(a, b) - tolerance, np.maximum(a, b) + tolerance
    return np.asarray(np.all((np.minimum(c, d) <= high) & (np.maximum(c, d) >= low), axis=1))


def _meet(a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray, tolerance: float) -> bool:
    shared = [
        (p, q, o)
        for p, q in ((a, b), (b, a))
        for o in ((c, d), (d, c))
        if np.hypot(*(p - o[0])) <= tolerance
    ]
    if len(shared) > 1:
        return True
    if shared:  # neighbours: wrong only if one folds back onto the other
        p, q, other = shared[0]
        u, v = q - p, other[1] - p
        return bool(
            abs(u[0] * v[1] - u[1] * v[0]) <= tolerance * max(np.hypot(*u), np.hypot(*v))
            and u @ v > 0
        )
    ends = np.array([a, b]), np.array([c, d])
    near = (
        point_segment_distance(ends[0], c[None], d[None]).min(),
        point_segment_distance(ends[1], a[None], b[None]).min(),
    )
    if min(near) <= tolerance:
        return True
    return _side(a, b, c) * _side(a, b, d) < 0 and _side(c, d, a) * _side(c, d, b) < 0


def _side(a: np.ndarray, b: np.ndarray, p: np.ndarray) -> float:
    return float(np.sign((b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0])))


def common_area(one: list[np.ndarray], two: list[np.ndarray], tolerance: float) -> float:
    """Area covered by both of two shapes; each is an outline with its holes, polygons (n, 2) of any
    sense.

    Green's theorem over the edges of each that lie in the other; edges that run together count
    once, those that run against each other not at all.
    """
    a, b = (_edges(shape) for shape in (one, two))
    area = 0.0
    for edges, other, first in ((a, b, True), (b, a, False)):
        p, q = _cut(edges, other, tolerance)
        middle = (p + q) / 2
        along = q - p
        weight = _in_shape(middle, other).astype(float)
        distance = (
            point_segment_distance(middle, *other) if len(other[0]) else np.empty((len(middle), 0))
        )
        on = distance.min(axis=1) <= tolerance
        if on.any():
            owner = distance[on].argmin(axis=1)
            same = (along[on] * (other[1] - other[0])[owner]).sum(axis=1) > 0
            weight[on] = same if first else 0.0
        area += float((weight * (p[:, 0] * q[:, 1] - q[:, 0] * p[:, 1])).sum() / 2)
    return area


def _edges(shape: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Edges of an outline (counter-clockwise) and its holes (clockwise)."""
    loops = [p if (signed_area(p) > 0) == (i == 0) else p[::-1] for i, p in enumerate(shape)]
    return np.vstack(loops), np.vstack([np.roll(p, -1, axis=0) for p in loops])


def _in_shape(points: np.ndarray, edges: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    out = np.zeros(len(points), dtype=bool)
    x, y = points.T
    for (x0, y0), (x1, y1) in zip(*edges, strict=True):
        if y0 != y1:
            out ^= ((y0 > y) != (y1 > y)) & (x < x0 + (y - y0) * (x1 - x0) / (y1 - y0))
    return out


def _cut(
    edges: tuple[np.ndarray, np.ndarray], other: tuple[np.ndarray, np.ndarray], tolerance: float
) -> tuple:
    """Edges cut where the other shape touches or crosses them."""
    starts, stops = [], []
    for p, q in zip(*edges, strict=True):
        along = q - p
        square = along @ along
        t = [0.0, 1.0]
        d = other[1] - other[0]
        to = other[0] - p
        cross = along[0] * d[:, 1] - along[1] * d[:, 0]
        with np.errstate(all="ignore"):
            s = (to[:, 0] * d[:, 1] - to[:, 1] * d[:, 0]) / cross
            u = (to[:, 0] * along[1] - to[:, 1] * along[0]) / cross
        t += s[(cross != 0) & (u >= 0) & (u <= 1)].tolist()
        near = point_segment_distance(other[0], p[None], q[None])[:, 0] <= tolerance
        t += ((other[0][near] - p) @ along / square).tolist()
        cuts = np.unique(np.clip(t, 0, 1))
        starts.append(p + cuts[:-1, None] * along)
        stops.append(p + cuts[1:, None] * along)
    return np.vstack(starts), np.vstack(stops)
