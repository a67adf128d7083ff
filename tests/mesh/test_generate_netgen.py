"""The second mesh generator: names, areas and grading as by the first, and the way to it."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from ohmr_fem.errors import MeshError, MissingExtraError
from ohmr_fem.geometry import hall_bar, polygon_device
from ohmr_fem.mesh import generate_netgen
from ohmr_fem.mesh.generate import mesh_device
from ohmr_fem.mesh.grading import singular_points
from tests.mesh.test_device_mesh import measure
from tests.mesh.test_generate import CURVED, OBLIQUE, RECTILINEAR, agrees, needs_gmsh
from validation.adaptivity import FLAKE, HOLE


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


def flake(width):
    corners = [(width * x / 500, width * y / 500) for x, y, _ in FLAKE]
    hole = [(width * x / 500, width * y / 500) for x, y in HOLE]
    return polygon_device(corners, [hole], {name: i for i, (*_, name) in enumerate(FLAKE) if name})


@pytest.mark.parametrize("growth", [1.6, 3.0])
def test_cells_at_an_edge_are_no_higher_than_asked(growth):
    """A side of the right length may carry a cell twice as high, where the moment decays."""
    pytest.importorskip("netgen.occ")
    device = mesh_device(flake(3.0), 0.3, growth=growth, backend="netgen")
    contacts = np.concatenate([*device.boundaries.values()])
    edge = np.setdiff1d(device.boundary_facets(), contacts)
    corners = device.mesh.p[:, device.mesh.t[:, device.mesh.f2t[0, edge]]]
    u, v = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    height = np.abs(u[0] * v[1] - u[1] * v[0]) / device.edge_sizes[edge]
    assert height.max() < 1.45 * 0.15


def torn(mesh, cells):
    """A netgen mesh without some of its cells, or with one of them twice."""
    left = SimpleNamespace(NumPy=lambda: mesh.Elements2D().NumPy()[cells])
    return SimpleNamespace(Elements1D=mesh.Elements1D, Elements2D=lambda: left)


def test_a_mesh_with_gaps_is_not_whole(monkeypatch):
    pytest.importorskip("netgen.occ")
    seen = []

    def spy(mesh):
        seen.append(mesh)
        return is_whole(mesh)

    is_whole = generate_netgen._is_whole
    monkeypatch.setattr(generate_netgen, "_is_whole", spy)
    mesh_device(flake(3.0), cells_per_length=0.5, corner=0.05, backend="netgen")
    n = len(seen[0].Elements2D().NumPy())
    assert is_whole(torn(seen[0], np.arange(n)))
    for i in (0, n // 2, n - 1):
        assert not is_whole(torn(seen[0], np.delete(np.arange(n), i)))
    assert not is_whole(torn(seen[0], np.append(np.arange(n), n // 2)))
    monkeypatch.setattr(generate_netgen, "_is_whole", lambda mesh: False)
    with pytest.raises(MeshError, match=r"without cells.*use gmsh"):
        mesh_device(flake(3.0), cells_per_length=0.5, corner=0.05, backend="netgen")


def test_it_takes_over_where_gmsh_cannot_be_loaded(monkeypatch):
    pytest.importorskip("netgen.occ")
    monkeypatch.setitem(sys.modules, "gmsh", None)
    geometry = OBLIQUE["wedge"]()
    agrees(mesh_device(geometry), geometry)
    with pytest.raises(MissingExtraError, match="libglu1-mesa"):
        mesh_device(geometry, backend="gmsh")
