"""Boolean operations on devices: areas in closed form, arcs and names kept, refusals in one
line.
"""

import math
import sys

import numpy as np
import pytest

import ohmr_fem as of
from ohmr_fem.errors import InputError, MissingExtraError
from ohmr_fem.geometry import cross, hall_bar, polygon_device, van_der_pauw
from ohmr_fem.geometry.check import check_geometry
from ohmr_fem.geometry.combine import difference, intersection, union
from tests.geometry.test_shapes import centres, lengths
from tests.mesh.test_generate import area

HALF = math.tan(math.pi / 8)


def box(x0, y0, x1, y1, **names):
    return polygon_device([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], contacts=names)


def disc(x, y, r):
    return polygon_device([(x + r, y, HALF), (x, y + r, HALF), (x - r, y, HALF), (x, y - r, HALF)])


def test_without_shapely(monkeypatch):
    monkeypatch.setitem(sys.modules, "shapely", None)
    with pytest.raises(MissingExtraError, match=r"shapely.*pip install 'ohmr-fem\[layout\]'"):
        union(box(0, 0, 1, 1), box(0, 0, 2, 1))


def test_a_cross_is_two_bars():
    pytest.importorskip("shapely")
    scale = 1e-6
    bars = (
        box(-1.5 * scale, -0.25 * scale, 1.5 * scale, 0.25 * scale, left=3, right=1),
        box(-0.25 * scale, -1.5 * scale, 0.25 * scale, 1.5 * scale, bottom=0, top=2),
    )
    made, known = union(*bars), cross(3 * scale, 0.5 * scale)
    one, two = (
        sorted(d.outline.points, key=lambda p: tuple(np.round(p, 12))) for d in (made, known)
    )
    assert np.allclose(one, two, rtol=1e-14, atol=0)  # to the last digit
    for name in known.contacts:
        assert centres(made)[name] == pytest.approx(centres(known)[name], rel=1e-12, abs=1e-18)
    assert lengths(made) == pytest.approx(lengths(known))
    mesh = of.mesh_device(made)  # without a mesh generator
    assert set(mesh.boundaries) == {"left", "right", "top", "bottom"}


def test_areas_in_closed_form_and_arcs_stay():
    pytest.importorskip("shapely")
    plate, r, d = box(0, 0, 4, 2), 0.5, 0.6
    lens = 2 * r**2 * math.acos(d / (2 * r)) - d / 2 * math.sqrt(4 * r**2 - d**2)
    for made, exact, arcs in (
        (difference(plate, disc(2, 1, r)), 8 - math.pi * r**2, 4),  # a hole
        (difference(plate, disc(2, 2, r)), 8 - math.pi * r**2 / 2, 2),  # a bite
        (
            difference(plate, disc(2, 2 + 0.2, r)),
            8 - r**2 * math.acos(0.4) + 0.2 * math.sqrt(r**2 - 0.04),
            2,
        ),
        (union(plate, disc(4, 1, r)), 8 + math.pi * r**2 / 2, 2),
        (intersection(disc(0, 0, r), disc(d, 0, r)), lens, 4),
        (difference(plate, disc(1, 1, r), disc(3, 1, r)), 8 - 2 * math.pi * r**2, 8),
    ):
        check_geometry(made)
        assert abs(area(made)) == pytest.approx(
            exact, rel=1e-7
        )  # corners on arcs are good to 6e-8 of the radius
        bulges = [b for loop in made.loops for b in loop.bulges if b]
        assert len(bulges) == arcs and all(0.01 < abs(b) <= HALF * 1.000001 for b in bulges)
    bite = difference(plate, disc(2, 2.2, r))
    assert sum(polygons_length(bite)) == pytest.approx(2 * r * math.acos(0.4), rel=1e-7)


def polygons_length(geometry):
    from ohmr_fem.geometry import polygons

    return [
        polygons.arc_length(*loop.edge(i))
        for loop in geometry.loops
        for i, b in enumerate(loop.bulges)
        if b
    ]


def test_names_follow_what_is_left_of_their_boundary():
    pytest.importorskip("shapely")
    bar = box(0, 0, 4, 1, left=3, right=1, probe=[(2, 1.0, 3.0)])
    cut = difference(bar, box(1.5, 0.5, 2.5, 2, notch=0))
    assert lengths(cut) == pytest.approx(
        {None: 4 + 1 + 1 + 2 * 0.5, "left": 1, "right": 1, "probe": 1, "notch": 1}
    )
    assert centres(cut)["notch"] == pytest.approx([2, 0.5])  # the cutter may name the cut
    end = intersection(bar, box(-1, -1, 2, 3))
    assert set(end.contacts) == {"left", "probe"} and lengths(end)["probe"] == pytest.approx(1)
    longer = union(bar, box(4, 0, 6, 1, end=1))
    assert set(longer.contacts) == {"left", "probe", "end"}  # right is inside now
    assert len(longer.outline.points) == 4  # no corner where nothing turns
    ring = difference(van_der_pauw(2.0, 0.3, "disc"), disc(0, 0, 0.3))
    assert lengths(ring) == pytest.approx(
        {None: 2 * math.pi * 1.3 - 1.2, **dict.fromkeys("abcd", 0.3)}, rel=1e-6
    )


def test_regions():
    pytest.importorskip("shapely")
    outline = [(0, 0), (4, 0), (4, 1), (0, 1)]
    two = polygon_device(
        outline,
        contacts={"left": 3},
        regions={"a": [(-1, -1), (1, -1), (1, 5), (-1, 5)], "b": None},
    )
    assert dict(difference(two, box(2, -1, 9, 3)).regions).keys() == {"a", "b"}
    assert set(difference(two, box(1, -1, 9, 3)).regions) == {"a"}
    assert set(difference(two, box(-1, -1, 1, 3)).regions) == {"b"}
    joined = union(
        two,
        polygon_device(
            [(0, 0.5), (-3, 0.5), (-3, 0.7), (0, 0.7)], regions={"b": None}, contacts={"end": 1}
        ),
    )
    assert set(joined.regions) == {"a", "b"} and set(joined.contacts) == {"left", "end"}
    a = joined.regions["a"]
    assert (
        min(x for x, _ in a.points) == 0 and max(y for _, y in a.points) == 1
    )  # clipped to its own device
    assert lengths(joined)["left"] == pytest.approx(0.8)
    with pytest.raises(InputError, match="each the rest"):
        union(two, box(-1, 0, 0, 1))
    with pytest.raises(InputError, match="'a' is a region in two"):
        union(two, two.moved(4, 0).renamed({"left": "middle"}))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: union(box(0, 0, 1, 1), box(2, 0, 3, 1)), "falls apart into 2 pieces"),
        (lambda: difference(box(0, 0, 3, 1), box(1, -1, 2, 2)), "falls apart into 2 pieces"),
        (lambda: intersection(box(0, 0, 1, 1), box(2, 0, 3, 1)), "is empty"),
        (lambda: difference(box(0, 0, 1, 1), box(-1, -1, 2, 2)), "is empty"),
        (lambda: difference(box(0, 0, 1, 1)), "at least 2"),
        (lambda: union(box(0, 0, 2, 1, a=3), box(2, 0, 3, 1, a=1)), "'a' is a name in two"),
        (
            lambda: union(box(0, 0, 2, 1), [(0, 0), (1, 1), (1, 0), (0, 1)]),
            "crosses or touches itself",
        ),
        (lambda: hall_bar(7, 1).renamed({"lft": "source"}), "did you mean 'left'"),
        (lambda: hall_bar(7, 1).renamed({"left": "right"}), "used twice"),
        (lambda: hall_bar(7, 1).moved("1 s", 0), "wrong dimension"),
    ],
)
def test_refusals(make, message):
    pytest.importorskip("shapely")
    with pytest.raises(InputError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_moved_and_renamed():
    bar = hall_bar(7, 1).moved("2 m", -1).renamed({"left": "source"})
    assert centres(bar)["source"] == pytest.approx([-1.5, -1]) and "left" not in bar.contacts
    assert np.allclose(np.ptp(bar.outline.polygon, axis=0), (7, 2))
