"""Pictures of devices: names where they belong, regions clipped to the device, lengths in words."""

import math

import numpy as np
import pytest

import ohmr_fem as of
from ohmr_fem.output.plot_device import plot_device

HALF = math.tan(math.pi / 8)
PLATE = [(0, 0), (4, 0), (4, 1), (0, 1)]


def labels(ax):
    return {t.get_text(): t for t in ax.texts}


def pixels(ax):
    """What the figure shows at a point of the device."""
    canvas = ax.get_figure().canvas
    canvas.draw()
    image = np.asarray(canvas.buffer_rgba())

    def colour(x, y):
        column, row = ax.transData.transform((x, y))
        return image[image.shape[0] - 1 - int(row), int(column)]

    return colour


def test_names_stand_outside_their_contacts():
    ax = plot_device(of.geometry.hall_bar("7 um", "1 um"))
    found = labels(ax)
    assert {"left", "right", "t1", "t2", "b1", "b2"} <= set(found)
    for name, at, away in (
        ("left", (-3.5e-6, 0), (-1, 0)),
        ("t2", (1e-6, 1e-6), (0, 1)),
        ("b1", (-1e-6, -1e-6), (0, -1)),
    ):
        assert found[name].xy == pytest.approx(at)
        assert np.array(found[name].xyann) / 7 == pytest.approx(away, abs=1e-9)
    assert "7 µm" in ax.get_title(loc="left").replace(
        "u", "µ"
    ) and "narrowest 250 nm" in ax.get_title(loc="left")
    assert any(text.endswith("m") and text[0].isdigit() for text in found)  # the scale bar


def test_contacts_of_a_ring_and_around_a_corner():
    ring = labels(plot_device(of.geometry.corbino("1 um", "4 um")))
    outer, inner = np.array(ring["outer"].xy), np.array(ring["inner"].xy)
    assert np.hypot(*outer) == pytest.approx(4e-6) and np.hypot(*inner) == pytest.approx(1e-6)
    assert (
        np.dot(ring["outer"].xyann, outer) > 0 > np.dot(ring["inner"].xyann, inner)
    )  # both away from the material
    square = labels(plot_device(of.geometry.van_der_pauw(2.0, 0.2)))
    assert square["a"].xy == pytest.approx((-1, -1)) and max(square["a"].xyann) < 0
    assert square["c"].xy == pytest.approx((1, 1)) and min(square["c"].xyann) > 0


def test_regions_are_clipped_holes_are_empty():
    hole = [(1.3, 0.5, HALF), (1, 0.8, HALF), (0.7, 0.5, HALF), (1, 0.2, HALF)]
    other = [(3.2, 0.3), (3.7, 0.3), (3.7, 0.7)]  # within the region
    device = of.geometry.polygon_device(
        PLATE,
        [hole, other],
        {"in": 3},
        {"a": [(2, -5), (9, -5), (9, 9), (2, 9)], "b": None},
        edges={"rim": [4, 5, 6, 7]},
    )
    ax = plot_device(device)
    whole, region = ax.patches
    assert [whole.get_label(), region.get_label()] == ["b", "a"]
    colour = pixels(ax)
    blank = np.array([255, 255, 255, 255])
    assert np.array_equal(colour(1.05, 0.52), blank) and np.array_equal(
        colour(3.6, 0.4), blank
    )  # both holes
    assert not np.array_equal(colour(0.4, 0.5), blank) and not np.array_equal(
        colour(3, 0.5), colour(0.4, 0.5)
    )
    assert ax.get_xlim() == (0, 4)  # what lies beyond the device does not set the scale
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["b", "a"]


def test_a_mesh_and_what_is_neither():
    mesh = of.mesh_device(of.geometry.cross(3.0, 1.0))
    assert f"{mesh.n_cells} cells" in of.plot_device(mesh).get_title(loc="left")
    with pytest.raises(of.InputError, match="expected a device"):
        of.plot_device("hall bar")


def test_a_mesh_of_a_ring_names_each_circle_where_it_is():
    found = labels(of.plot_mesh(of.mesh_device(of.geometry.corbino(1.0, 4.0))))
    outer, inner = np.array(found["outer"].xy), np.array(found["inner"].xy)
    assert np.hypot(*outer) == pytest.approx(4, rel=0.01) and np.hypot(*inner) == pytest.approx(
        1, rel=0.01
    )
    assert np.dot(found["outer"].xyann, outer) > 0 > np.dot(found["inner"].xyann, inner)


def test_device_and_mesh_share_their_colours():
    regions = {
        "a": [(0, 0), (1, 0), (1, 1), (0, 1)],
        "b": None,
        "c": [(3, 0), (4, 0), (4, 1), (3, 1)],
    }
    device = of.geometry.polygon_device(PLATE, contacts={"in": 3, "out": 1}, regions=regions)
    one, two = plot_device(device), of.plot_mesh(of.mesh_device(device))
    assert {k: labels(one)[k].get_color() for k in ("in", "out")} == {
        k: labels(two)[k].get_color() for k in ("in", "out")
    }
    drawn = {p.get_label(): np.array(p.get_facecolor()[:3]) for p in one.patches}
    for shape in two.collections:
        r, g, b, alpha = shape.get_facecolor()[0]
        assert drawn[shape.get_label()] == pytest.approx(1 - alpha * (1 - np.array([r, g, b])))
