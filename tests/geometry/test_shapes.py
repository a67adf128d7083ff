"""Devices: names lie where they should, wrong drawings are refused in one line."""

import math

import numpy as np
import pytest

from ohmr_fem.errors import InputError
from ohmr_fem.geometry import (
    annulus,
    corbino,
    cross,
    hall_bar,
    nonlocal_bar,
    polygon_device,
    polygons,
    van_der_pauw,
)

BAR = [(0, 0), (4, 0), (4, 1), (0, 1)]


def lengths(geometry):
    """Length of boundary per name, None for the rest."""
    out = {}
    for s in geometry.boundary():
        out[s.name] = out.get(s.name, 0.0) + polygons.arc_length(s.start, s.stop, s.bulge)
    return out


def centres(geometry):
    named = {}
    for s in geometry.boundary():
        named.setdefault(s.name, []).append((s.start + s.stop) / 2)
    return {k: np.mean(v, axis=0) for k, v in named.items()}


def test_hall_bar():
    device = hall_bar(
        "7 um", "1 um", arm_width="200 nm", arm_length="300 nm", arm_positions=("-1 um", 0, "2 um")
    )
    where = {k: tuple(np.round(v * 1e6, 9)) for k, v in centres(device).items() if k}
    assert where == {
        "left": (-3.5, 0), "right": (3.5, 0),
        "t1": (-1, 0.8), "t2": (0, 0.8), "t3": (2, 0.8),
        "b1": (-1, -0.8), "b2": (0, -0.8), "b3": (2, -0.8),
    }  # fmt: skip
    assert lengths(device)["left"] == pytest.approx(1e-6)
    assert lengths(device)["t2"] == pytest.approx(0.2e-6)
    assert device.narrowest == pytest.approx(0.2e-6)
    assert abs(polygons.signed_area(device.outline.polygon)) == pytest.approx(7e-12 + 6 * 0.06e-12)
    assert set(hall_bar(5, 1, arm_positions=()).contacts) == {"left", "right"}


@pytest.mark.parametrize("size", [(5, 1), (1, 5), (2, 2)])
def test_the_narrowest_way_across_a_plain_rectangle(size):
    assert hall_bar(*size, arm_positions=()).narrowest == pytest.approx(min(size))


def test_cross():
    device = cross("3 um", "500 nm")
    assert {k: tuple(np.round(v * 1e6, 9)) for k, v in centres(device).items() if k} == {
        "left": (-1.5, 0), "right": (1.5, 0), "bottom": (0, -1.5), "top": (0, 1.5),
    }  # fmt: skip
    assert device.narrowest == pytest.approx(0.5e-6)


@pytest.mark.parametrize(("make", "kind"), [(corbino, "contacts"), (annulus, "edges")])
def test_rings(make, kind):
    device = make("1 um", "4 um")
    assert set(getattr(device, kind)) == {"inner", "outer"}
    assert lengths(device) == pytest.approx({"inner": 2e-6 * math.pi, "outer": 8e-6 * math.pi})
    assert device.narrowest == pytest.approx(3e-6, rel=1e-2)
    assert device.curved


def test_van_der_pauw():
    square, disc = van_der_pauw(2.0, 0.2), van_der_pauw(2.0, 0.2, "disc")
    for device, distance in ((square, math.sqrt(2)), (disc, 1.0)):
        assert lengths(device) == pytest.approx(
            {
                None: {4: 8, 1: 0}[len("abcd")] - 0.8 if device is square else 2 * math.pi - 0.8,
                **dict.fromkeys("abcd", 0.2),
            }
        )
        for name, angle in zip("abcd", (225, 315, 45, 135), strict=True):
            x, y = centres(device)[name]
            assert math.degrees(math.atan2(y, x)) % 360 == pytest.approx(angle)
            assert math.hypot(x, y) == pytest.approx(distance, rel=0.06)


def test_nonlocal_bar():
    device = nonlocal_bar("1 um", "2 um", "100 nm")
    where = {k: tuple(np.round(v * 1e6, 9)) for k, v in centres(device).items() if k}
    assert where == {"source": (-1, -0.5), "drain": (-1, 0.5), "low": (1, -0.5), "high": (1, 0.5)}
    assert np.ptp(device.outline.polygon, axis=0)[0] == pytest.approx(14e-6)


@pytest.mark.parametrize("outline", [BAR, BAR[::-1], BAR[2:] + BAR[:2]])
def test_places_do_not_depend_on_the_sense_of_the_outline(outline):
    edge = next(i for i in range(4) if {outline[i], outline[(i + 1) % 4]} == {(4, 0), (4, 1)})
    from_below = outline[edge] == (4, 0)
    device = polygon_device(
        outline,
        contacts={
            "number": (edge, 0.1, 0.3) if from_below else (edge, 0.7, 0.9),
            "points": ((0, 0.9), (0, 0.5)),
        },
        edges={"two": [((1, 0), (2, 0)), ((1, 1), (3, 1))]},
    )
    assert lengths(device) == pytest.approx(
        {None: 10 - 0.2 - 0.4 - 3, "number": 0.2, "points": 0.4, "two": 3.0}
    )
    assert centres(device)["number"] == pytest.approx([4, 0.2])
    assert centres(device)["points"] == pytest.approx([0, 0.7])


def test_holes_and_arcs():
    half = math.tan(math.pi / 8)
    hole = [(1.3, 0.5, half), (1, 0.8, half), (0.7, 0.5, half), (1, 0.2, half)]
    device = polygon_device(
        BAR, [hole, [(3, 0.4), (3.2, 0.4), (3.2, 0.6)]], {"rim": [4, 5, 6, 7], "tip": (8, 0, 0.1)}
    )
    assert lengths(device)["rim"] == pytest.approx(0.6 * math.pi)
    assert lengths(device)["tip"] == pytest.approx(0.1)
    assert device.narrowest == pytest.approx(0.2, rel=1e-2)
    assert device.contains(np.array([[1, 0.5], [0.2, 0.5], [3.15, 0.45], [5, 0.5]])).tolist() == [
        False,
        True,
        False,
        False,
    ]
    bulged = polygon_device(
        [(0, 0), (1, 0, half), (1, 1), (0, 1)],
        contacts={"arc": ((1.2071067811865475, 0.5), (1, 1))},
    )
    assert abs(polygons.signed_area(bulged.outline.polygon)) > 1.1  # outwards
    assert lengths(bulged)["arc"] == pytest.approx(math.pi / 4 * math.sqrt(0.5))
    inward = polygon_device([(0, 1), (1, 1), (1, 0, -half), (0, 0)][::-1])
    assert abs(polygons.signed_area(inward.outline.polygon)) < 0.9


def test_rotation():
    device = hall_bar(7, 1).rotated(0.3)
    assert device.narrowest == pytest.approx(0.25)
    assert centres(device)["right"] == pytest.approx([3.5 * math.cos(0.3), 3.5 * math.sin(0.3)])
    assert "7" in repr(hall_bar(7, 1)) and "t1" in repr(hall_bar(7, 1))


HOLE = [(1, 0.3), (1.5, 0.3), (1.5, 0.7)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([(0, 0), (1, 1), (1, 0), (0, 1)],), "outline crosses or touches itself"),
        (([(0, 0), (1, 0)],), "at least three corners"),
        (([(0, 0), (1, 0), (2, 0)],), "encloses no area|touches itself"),
        (([(0, 0), (1, 0), (1, 0), (1, 1)],), "corners 1 and 2 coincide"),
        (([(0, 0), (1, 0), (1,)],), "every corner must be"),
        (([(0, 0), ("1 s", 0), (1, 1)],), "wrong dimension"),
        (([(0, 0), (1, 0, 1.5), (1, 1)],), "bulge must be"),
        ((5,), "expected corners"),
        ((BAR, [[(5, 0.3), (6, 0.3), (6, 0.6)]]), "hole 1 lies outside"),
        ((BAR, [[(3, 0.3), (6, 0.3), (6, 0.6)]]), "outline and hole 1 touch"),
        ((BAR, [[(0.5, 0.1), (3, 0.1), (3, 0.9), (0.5, 0.9)], HOLE]), "hole 2 lies inside hole 1"),
        ((BAR, [], {"a": 7}), "edges are numbered 0 to 3"),
        ((BAR, [], {"a": (1, 0.5, 1.5)}), "'a': runs from 0.5 m to 1.5 m"),
        ((BAR, [], {"a": (1, 0.5, 0.5)}), "off an edge"),
        ((BAR, [], {"a": ((2, 0.5), (3, 0.5))}), "do not lie on one edge"),
        ((BAR, [], {"a": ((3, 0), (4, 1))}), "do not lie on one edge"),
        ((BAR, [], {"a": "left"}), "expected an edge number"),
        ((BAR, [], {"a": (1, 0, 0.6), "b": (1, 0.5, 1)}), "'a' and 'b' overlap"),
        ((BAR, [], {"a": [1, 1]}), "'a' and 'a' overlap"),
        ((BAR, [], {"a": 1}, {"a": None}), "'a' is used twice"),
        ((BAR, [], {}, {"a": [(0, 0), (2, 0), (2, 1), (0, 1)]}), "cover 50 %"),
        ((BAR, [], {}, {"a": BAR, "b": [(3, 0), (9, 0), (9, 9), (3, 9)]}), "'a' and 'b' overlap"),
        ((BAR, [], {}, {"a": BAR, "b": [(5, 0), (9, 0), (9, 9)]}), "'b' lies outside"),
        ((BAR, [], {}, {"a": BAR, "b": None}), "is empty"),
        ((BAR, [], {}, {"a": None, "b": None}), "both the rest"),
        ((BAR, [], {}, {"a": [(0, 0), (1, 1), (1, 0), (0, 1)], "b": None}), "crosses itself"),
        ((BAR, [], {"a": (0, 0, 1e-5)}), "differ by more than a factor"),
        (([(0, 0), (4, 0), (4, 1), (2, 1e-5), (0, 1)],), "differ by more than a factor"),
    ],
)  # fmt: skip
def test_wrong_drawings_are_refused(arguments, message):
    with pytest.raises(InputError, match=message) as caught:
        polygon_device(*arguments)
    assert "\n" not in str(caught.value)


def test_wrong_parameters():
    for make, message in (
        (lambda: hall_bar(7, 1, arm_positions=(1, -1)), "follow each other"),
        (lambda: hall_bar(7, 1, arm_positions=(0, 0.2)), "follow each other"),
        (lambda: hall_bar(-7, 1), "positive"),
        (lambda: cross(1, 1), "length must exceed width"),
        (lambda: corbino(2, 1), "outer_radius must exceed"),
        (lambda: van_der_pauw(1, 1), "contact must be shorter"),
        (lambda: van_der_pauw(1, 0.1, "hexagon"), "'square' or 'disc'"),
        (lambda: nonlocal_bar(1, 1, 2), "do not fit"),
    ):
        with pytest.raises(InputError, match=message):
            make()


def test_regions_that_reach_beyond_the_device_are_fine():
    device = polygon_device(
        BAR,
        [HOLE],
        {},
        {"a": [(-1, -1), (2, -1), (2, 3), (-1, 3)], "b": [(2, -1), (9, -1), (9, 2), (2, 2)]},
    )
    assert list(device.regions) == ["a", "b"]
