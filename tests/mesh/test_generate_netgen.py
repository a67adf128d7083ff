"""The second mesh generator: names, areas and grading as by the first, and the way to it."""

import sys

import numpy as np
import pytest

from ohmr_fem.errors import MissingExtraError
from ohmr_fem.geometry import hall_bar
from ohmr_fem.mesh.generate import mesh_device
from ohmr_fem.mesh.grading import singular_points
from tests.mesh.test_device_mesh import measure
from tests.mesh.test_generate import CURVED, OBLIQUE, RECTILINEAR, agrees, needs_gmsh


def test_without_netgen(monkeypatch):
    monkeypatch.setitem(sys.modules, "netgen.occ", None)
    with pytest.raises(MissingExtraError, match=r"netgen.*pip install 'ohmr-fem\[netgen\]'"):
        mesh_device(hall_bar(7, 1), backend="netgen")


@pytest.mark.parametrize("name", [*RECTILINEAR, *CURVED, *OBLIQUE])
def test_names_and_areas(name):
    pytest.importorskip("netgen.occ")
    geometry = (RECTILINEAR | CURVED | OBLIQUE)[name]()
    device = mesh_device(geometry, backend="netgen")
    assert device.mesh.t.shape[0] == 3
    assert device.order_geometry == (2 if geometry.curved else 1)
    agrees(device, geometry, 1e-5 if geometry.curved else 1e-9)


@needs_gmsh
@pytest.mark.parametrize("name", ["hole and regions", "round hole", "disc"])
def test_the_same_device_as_by_gmsh(name):
    pytest.importorskip("netgen.occ")
    geometry = (RECTILINEAR | OBLIQUE)[name]()
    one, two = (mesh_device(geometry, backend=backend) for backend in ("gmsh", "netgen"))
    assert list(one.boundaries) == list(two.boundaries)
    for region in one.regions:
        assert measure(two, two.regions[region]) == pytest.approx(
            measure(one, one.regions[region]), rel=1e-5
        )
    assert two.n_cells == pytest.approx(one.n_cells, rel=0.6)


def test_grading():
    pytest.importorskip("netgen.occ")
    geometry = hall_bar(7.0, 1.0)
    device = mesh_device(geometry, 0.1, backend="netgen")
    p, f = device.mesh.p, device.mesh.facets
    for corner in singular_points(geometry):
        node = np.argmin(np.hypot(*(p - corner[:, None])))
        around = device.edge_sizes[(f == node).any(axis=0)]
        assert 1e-4 < around.min() < 1.5 * 2e-3 * 0.25
    wall = device.boundary_facets()
    middle = p[:, f].mean(axis=1)
    calm = wall[
        (np.abs(middle[1, wall]) == 0.5)
        & (np.abs(middle[0, wall]) > 2)
        & (np.abs(middle[0, wall]) < 3)
    ]
    assert calm.size and device.edge_sizes[calm].max() < 0.05 * 1.5
    assert device.edge_sizes.max() < 0.4


def test_it_takes_over_where_gmsh_cannot_be_loaded(monkeypatch):
    pytest.importorskip("netgen.occ")
    monkeypatch.setitem(sys.modules, "gmsh", None)
    geometry = OBLIQUE["wedge"]()
    agrees(mesh_device(geometry), geometry)
    with pytest.raises(MissingExtraError, match="libglu1-mesa"):
        mesh_device(geometry, backend="gmsh")
