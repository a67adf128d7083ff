"""Plane geometry against closed forms and Monte Carlo."""

import math

import numpy as np
import pytest

from ohmr_fem.geometry import polygons

SQUARE = np.array([[0.0, 0], [1, 0], [1, 1], [0, 1]])


@pytest.mark.parametrize(
    ("bulge", "sign"), [(math.tan(math.pi / 8), 1), (-math.tan(math.pi / 8), -1), (0.9, 1)]
)
def test_arcs(bulge, sign):
    a, b = np.array([1.0, 0.0]), np.array([0.0, 1.0])
    points = polygons.arc_point(a, b, bulge, np.linspace(0, 1, 2001))
    assert np.allclose(points[[0, -1]], [a, b], atol=1e-15)
    centre = polygons.arc_centre(a, b, bulge)
    radii = np.linalg.norm(points - centre, axis=1)
    assert np.ptp(radii) < 1e-14
    walked = np.linalg.norm(np.diff(points, axis=0), axis=1).sum()
    assert polygons.arc_length(a, b, bulge) == pytest.approx(walked, rel=1e-6)
    turn = np.cross(*(np.append(p, 0) for p in (points[1] - points[0], points[-1] - points[-2])))[2]
    assert math.copysign(1, turn) == sign  # positive: counter-clockwise
    if abs(bulge) < 0.5:
        assert np.allclose(centre, [0, 0] if sign > 0 else [1, 1], atol=1e-15)


def test_area_and_inside():
    assert polygons.signed_area(SQUARE + 1e6) == pytest.approx(1.0)
    assert polygons.signed_area(SQUARE[::-1]) == pytest.approx(-1.0)
    arrow = np.array([[0.0, 0], [2, 0], [2, 2], [1, 0.5]])
    points = np.array([[1.0, 0.25], [1.0, 1.0], [1.9, 1.7], [3, 1], [-1, 0.2]])
    assert polygons.inside(points, arrow).tolist() == [True, False, True, False, False]


def test_crossing_edges():
    def clash(corners):
        p = np.array(corners, dtype=float)
        return polygons.crossing_edges(p, np.roll(p, -1, axis=0), 1e-9)

    assert clash([(0, 0), (1, 0), (1, 1), (0, 1)]) is None
    assert clash([(0, 0), (1, 1), (1, 0), (0, 1)]) == (0, 2)  # a bow tie
    assert clash([(0, 0), (2, 0), (2, 1), (1, 0), (0, 1)]) is not None  # a corner on an edge
    assert clash([(0, 0), (2, 0), (1, 0), (1, 1)]) is not None  # folds back
    assert clash([(0, 0), (1, 0), (2, 0), (2, 1), (0, 1)]) is None  # a corner that does not turn


def test_common_area_against_counting():
    rng = np.random.default_rng(5)
    angles = np.sort(rng.uniform(0, 2 * math.pi, (2, 9)), axis=1)
    radii = rng.uniform(0.4, 1.0, (2, 9))
    one, two = (
        np.column_stack([r * np.cos(a), r * np.sin(a)]) + s
        for a, r, s in zip(angles, radii, (0, 0.3), strict=True)
    )
    hole = SQUARE * 0.2 - 0.1
    x = np.linspace(-1.5, 1.5, 1201)
    points = np.stack(np.meshgrid(x, x), axis=-1).reshape(-1, 2)
    both = (
        polygons.inside(points, one) & ~polygons.inside(points, hole) & polygons.inside(points, two)
    )
    counted = both.sum() * (x[1] - x[0]) ** 2
    assert polygons.common_area([one, hole], [two], 1e-9) == pytest.approx(counted, rel=3e-3)
    assert polygons.common_area([two], [one, hole[::-1]], 1e-9) == pytest.approx(counted, rel=3e-3)


def test_common_area_along_shared_edges():
    left, right = SQUARE * [0.5, 1], SQUARE * [0.5, 1] + [0.5, 0]
    assert polygons.common_area([SQUARE], [left], 1e-9) == pytest.approx(0.5)
    assert polygons.common_area([left], [right], 1e-9) == pytest.approx(0.0, abs=1e-15)
    assert polygons.common_area([SQUARE], [SQUARE[::-1]], 1e-9) == pytest.approx(1.0)
    assert polygons.common_area([SQUARE], [SQUARE * 3 - 1], 1e-9) == pytest.approx(1.0)
    assert polygons.common_area([SQUARE], [SQUARE + 2], 1e-9) == 0.0


def test_closest_points():
    gap, p, q = polygons.closest_points(
        *np.array([[0.0, 0], [1, 0]]), np.array([[0.2, 1], [2, 0]]), np.array([[0.4, 2], [3, 5]])
    )
    assert gap == pytest.approx([1.0, 1.0])
    assert np.allclose(p, [[0.2, 0], [1, 0]])
    assert np.allclose(q, [[0.2, 1], [2, 0]])
