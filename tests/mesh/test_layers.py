"""Boundary-layer cells: thin and long where an edge is long and straight, away from corners, and
worth their trouble.
"""

import numpy as np
import pytest

import ohmr_fem as of
from ohmr_fem.geometry import hall_bar, polygon_device
from ohmr_fem.mesh import generate_gmsh as mesh_gmsh
from ohmr_fem.mesh.grading import cell_sizes, singular_points
from ohmr_fem.mesh.layers import strips
from tests.mesh.test_generate import agrees, needs_gmsh
from validation.case import simple_material

FINE = 0.01  # diffusion length; the devices are of width 1


def sheared(length=3.0, arms=(-0.5, 0.5)):
    """A Hall bar whose edges are nowhere perpendicular."""
    bar = hall_bar(length, 1.0, arm_positions=arms)
    contacts = {name: [piece.edge for piece in pieces] for name, pieces in bar.contacts.items()}
    return polygon_device(
        [(x + 0.25 * y, y + 0.03 * x) for x, y in bar.outline.points], contacts=contacts
    )


def sizes(device, resolve=FINE):
    return cell_sizes(device, resolve, 2.0, 2e-3, 1.6)


def test_strips_lie_along_edges_away_from_corners_and_from_each_other():
    device = sheared()
    found = strips(device, sizes(device))
    assert len(found) == 14  # six sides of the bar, eight of the arms
    segments = list(device.boundary())
    corners = np.array(list(singular_points(device)))
    for i, strip in found.items():
        a, b, c, d = strip[:4]
        s = segments[i]
        along = (s.stop - s.start) / np.linalg.norm(s.stop - s.start)
        for p in (a, b):  # on the edge
            assert abs(along[0] * (p - s.start)[1] - along[1] * (p - s.start)[0]) < 1e-12
        thick = float(np.linalg.norm(d - a))
        assert device.contains(np.array([c, d])).all()
        assert np.linalg.norm(corners[:, None] - np.array([a, b]), axis=2).min() > 1.9 * thick
        assert strip.length > 4 * sizes(device).edge
        first = thick * (strip.ratio - 1) / (strip.ratio**strip.across - 1)
        assert 0.6 * sizes(device).edge < first <= sizes(device).edge
    centres = np.array([np.mean(s[:4], axis=0) for s in found.values()])
    thickness = np.array([np.linalg.norm(s.d - s.a) for s in found.values()])
    gaps = np.linalg.norm(centres[:, None] - centres[None], axis=2) + np.eye(len(centres))
    assert np.all(gaps > thickness[:, None])


def test_no_strips_where_nothing_is_gained():
    bar = sheared()
    assert strips(bar, sizes(bar, 0.5)) == {}
    halves = polygon_device(
        [(0, 0), (3, 0.1), (3, 1), (0, 1)],
        contacts={"l": 3},
        regions={"a": [(-1, -1), (1, -1), (1, 2), (-1, 2)], "b": None},
    )
    assert strips(halves, sizes(halves)) == {}
    contacts = polygon_device(
        [(0, 0), (3, 0.1), (3, 1), (0, 1)], contacts={"a": 0, "b": 1, "c": 2, "d": 3}
    )
    assert strips(contacts, sizes(contacts)) == {}
    needle = polygon_device(
        [(0, 0), (3, 0), (3, 0.6)]
    )  # sharp: no room beside the neighbour at either end
    for strip in strips(needle, sizes(needle)).values():
        assert needle.contains(np.array([strip.c, strip.d])).all()


@needs_gmsh
def test_names_areas_and_cells():
    half = np.tan(np.pi / 8)
    hole = [(1.2, 0.5, half), (1, 0.7, half), (0.8, 0.5, half), (1, 0.3, half)]
    square = [(2.4, 0.4), (2.7, 0.4), (2.7, 0.7), (2.4, 0.7)]
    plate = polygon_device(
        [(0, 0), (4, 0.2), (4, 1.2), (0, 1)],
        [hole, square],
        {"in": 3, "out": 1},
        edges={"side": 0, "rim": [8, 9]},
    )
    for device, resolve, rel in ((sheared(), 2 * FINE, 1e-9), (plate, FINE, 1e-5)):
        mesh = of.mesh_device(device, resolve, backend="gmsh", corner=0.02)
        agrees(mesh, device, rel)
        facets = mesh.boundary_facets()
        cells = mesh.mesh.f2t[0, facets]
        long = mesh.edge_sizes[facets] > 2 * resolve
        points = mesh.mesh.p[:, mesh.mesh.t[:, cells[long]]]
        area = abs(
            (points[0, 1] - points[0, 0]) * (points[1, 2] - points[1, 0])
            - (points[0, 2] - points[0, 0]) * (points[1, 1] - points[1, 0])
        )
        assert (
            long.sum() > 40 and (area / mesh.edge_sizes[facets][long]).max() < 1.01 * resolve / 2
        )  # thin where long


@needs_gmsh
def test_the_answer_is_the_one_of_equilateral_cells(monkeypatch):
    """delta_R at W/L_m = 50 with fewer unknowns, to 2e-4."""
    device, length = sheared(arms=()), 0.02

    def delta():
        mesh = of.mesh_device(device, length, backend="gmsh", cells_per_length=1.0, corner=0.01)
        problem = of.Problem(
            mesh, simple_material(diffusion_length=length), list(device.contacts), order=3
        )
        measure = of.spectral_measure(problem, current=("left", "right"), voltage=("left", "right"))
        return float(measure.delta_R((0.0, 0.0, 0.0))), mesh.n_cells

    layered, few = delta()
    monkeypatch.setattr(mesh_gmsh, "strips", lambda *_: {})
    plain, many = delta()
    assert layered == pytest.approx(plain, rel=2e-4) and few < 0.6 * many
