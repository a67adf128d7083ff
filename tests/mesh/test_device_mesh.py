"""DeviceMesh, its checks and its refinement, against geometry and a plain finite-element solve."""

import math

import numpy as np
import pytest
import skfem

from ohmr_fem.errors import InputError, MeshError
from ohmr_fem.mesh.cells import build_mesh
from ohmr_fem.mesh.check import check_mesh
from ohmr_fem.mesh.device_mesh import DeviceMesh
from ohmr_fem.mesh.grids import annulus_mesh, cross_section, disc_mesh, rectangle, tensor_grid

UM = 1e-6


def two_regions(cells="quad"):
    grid = tensor_grid(np.linspace(0, 2, 9) * UM, np.linspace(0, 1, 6) * UM, cells)
    return grid.with_regions({"film": lambda p: p[0] < UM})


MAKERS = {
    "interval": lambda: cross_section(
        "20 nm", regions={"film": (0, "5 nm"), "cap": ("5 nm", "20 nm")}
    ),
    "triangle": lambda: two_regions("triangle"),
    "quad": lambda: two_regions("quad"),
    "curved triangle": lambda: annulus_mesh(UM, 4 * UM, around=16, cells="triangle").with_regions(
        {"film": lambda p: np.hypot(*p) < 2 * UM}
    ),
    "curved quad": lambda: annulus_mesh(UM, 4 * UM, around=16).with_regions(
        {"film": lambda p: p[0] < 0}
    ),
    "disc": lambda: disc_mesh(UM, rings=5).with_regions({"film": lambda p: p[1] > 0}),
}


def measure(device, cells=None):
    """Length or area of the device or of some cells, by quadrature."""
    basis = skfem.CellBasis(device.mesh, device.mesh.elem(), intorder=6, elements=cells)
    return skfem.Functional(lambda w: 1 + 0 * w.x[0]).assemble(basis)


def length(device, name):
    if device.dim == 1:
        return device.mesh.p[0, device.mesh.facets[0, device.boundaries[name]]].sum()
    basis = skfem.FacetBasis(
        device.mesh, device.mesh.elem(), intorder=8, facets=device.boundaries[name]
    )
    return skfem.Functional(lambda w: 1 + 0 * w.x[0]).assemble(basis)


@pytest.fixture(params=list(MAKERS))
def device(request):
    return MAKERS[request.param]()


def same_device(fine, coarse):
    check_mesh(fine)
    assert type(fine.mesh) is type(coarse.mesh)
    assert list(fine.boundaries) == list(coarse.boundaries)
    assert list(fine.regions) == list(coarse.regions)
    for name in coarse.boundaries:
        assert length(fine, name) == pytest.approx(length(coarse, name), rel=1e-6)
    for name in coarse.regions:
        expected = measure(coarse, coarse.regions[name])
        assert measure(fine, fine.regions[name]) == pytest.approx(expected, rel=1e-12)


def test_uniform_refinement_keeps_names_areas_and_curved_edges(device):
    fine = device.refined(2)
    assert fine.n_cells == device.n_cells * 4**device.dim
    same_device(fine, device)


def test_adaptive_refinement_keeps_names_areas_and_curved_edges(device):
    rng = np.random.default_rng(1)
    fine = device
    for _ in range(3):
        before, marked = fine.n_cells, rng.choice(fine.n_cells, 3, replace=False)
        smallest = np.sort(fine.cell_sizes[marked])[0]
        fine = fine.refined_at(marked)
        assert fine.n_cells > before
        assert fine.edge_sizes.min() < 0.6 * smallest
    same_device(fine, device)


def test_refinement_of_triangles_stays_local_and_well_shaped():
    device = two_regions("triangle")
    for _ in range(12):
        corner = np.argmin(np.hypot(*device.mesh.p[:, device.mesh.t].mean(axis=1)))
        device = device.refined_at(np.array([corner]))
    corners = device.mesh.p[:, device.mesh.t]
    one, two = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    area = np.abs(one[0] * two[1] - one[1] * two[0]) / 2
    assert device.n_cells < 300
    assert (area / device.cell_sizes**2).min() > 0.09  # the coarse triangles have 0.24
    same_device(device, two_regions("triangle"))


def test_a_quad_grid_refines_by_inserted_lines():
    grid = tensor_grid(np.arange(5.0), np.arange(4.0))
    assert grid.refined_at(np.array([0])).n_cells == 5 * 4
    bottom = np.intersect1d(grid.mesh.t2f[0], grid.boundaries["bottom"])
    right = np.setdiff1d(grid.boundaries["right"], bottom)
    assert grid.refined_along(right[:1]).n_cells == 4 * 4


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_refined_curved_cells_carry_any_order(order):
    """Laplace in an annulus: ln(r2/r1)/(2 pi); sees wrong edge orientation and lost curvature."""
    for cells in ("triangle", "quad"):
        device = annulus_mesh(1.0, 2.0, around=40, cells=cells)
        device = device.refined_at(np.arange(0, device.n_cells, 7))
        elements = {
            "triangle": [
                skfem.ElementTriP1(),
                skfem.ElementTriP2(),
                skfem.ElementTriP3(),
                skfem.ElementTriP4(),
            ],
            "quad": [
                skfem.ElementQuad1(),
                skfem.ElementQuad2(),
                skfem.ElementQuadP(3),
                skfem.ElementQuadP(4),
            ],
        }
        basis = skfem.CellBasis(device.mesh, elements[cells][order - 1], intorder=2 * order + 2)
        stiffness = skfem.BilinearForm(
            lambda u, v, w: u.grad[0] * v.grad[0] + u.grad[1] * v.grad[1]
        ).assemble(basis)
        outer, inner = (basis.get_dofs(device.boundaries[k]).flatten() for k in ("outer", "inner"))
        u = np.zeros(basis.N)
        nodal = np.unique(device.mesh.facets[:, device.boundaries["outer"]])
        u[basis.nodal_dofs[0, nodal]] = 1.0
        if not (
            cells == "quad" and order > 2
        ):  # Lagrange edge unknowns; those of QuadP are hierarchical
            u[outer] = 1.0
        u = skfem.solve(*skfem.condense(stiffness, x=u, D=np.union1d(outer, inner)))
        error = abs(u @ stiffness @ u * math.log(2) / (2 * math.pi) - 1)
        assert error < [2e-2, 5e-5, 5e-6, 5e-6][order - 1], (cells, error)


def test_a_quad_mesh_without_order_joins_edges_of_any_order():
    """Cells with random first corner and sense: cubic polynomials are still in the space."""
    rng = np.random.default_rng(3)
    grid = skfem.MeshQuad1.init_tensor(np.linspace(0, 1, 6), np.linspace(0, 1, 5))
    turned = []
    for cell in grid.t.T:
        cell = np.roll(cell, rng.integers(4))
        turned.append(cell if rng.random() < 0.5 else cell[::-1])
    t = np.array(turned).T
    mesh, _ = build_mesh(skfem.MeshQuad1, t, grid.p[:, t])
    basis = skfem.CellBasis(mesh, skfem.ElementQuadP(3), intorder=8)
    mass = skfem.BilinearForm(lambda u, v, w: u * v).assemble(basis)

    def cubic(x):
        return x[0] ** 3 - 2 * x[0] * x[1] ** 2 + x[1] ** 3

    load = skfem.LinearForm(lambda v, w: cubic(w.x) * v).assemble(basis)
    u = skfem.solve(mass, load)
    error = skfem.Functional(lambda w: (w["u"] - cubic(w.x)) ** 2).assemble(
        basis, u=basis.interpolate(u)
    )
    assert math.sqrt(error) < 1e-12
    assert np.all(mesh.mapping().detDF(np.array([[0.5], [0.5]])) > 0)


def test_scaling_and_rotation():
    device = two_regions()
    turned = device.rotated(math.pi / 6).scaled(1e3)
    left = turned.mesh.p[:, turned.mesh.facets[:, turned.boundaries["left"]]]
    assert np.allclose(left[0], -np.tan(math.pi / 6) * left[1], atol=1e-15)
    assert measure(turned) == pytest.approx(2e-6, rel=1e-12)
    assert device.size == pytest.approx(math.sqrt(5) * UM)
    with pytest.raises(MeshError, match="2D"):
        cross_section(1e-8).rotated(1.0)


def test_repr_says_what_it_is():
    text = repr(two_regions())
    for part in ("2 µm x 1 µm", "40 quadrilaterals", "left (5)", "film (20)", "bulk (20)"):
        assert part in text
    assert "<table>" in two_regions()._repr_html_()


def test_names_must_be_on_the_boundary_and_disjoint():
    device = two_regions()
    with pytest.raises(MeshError, match="'a' and 'b' overlap in 5 edge"):
        device.with_boundaries({"a": lambda p: p[0] == 0, "b": lambda p: p[0] <= 0})
    with pytest.raises(MeshError, match="'none' has no edges"):
        device.with_boundaries({"none": lambda p: p[0] > 1})
    inner = np.setdiff1d(np.arange(device.mesh.nfacets), device.mesh.boundary_facets())[:3]
    with pytest.raises(MeshError, match="'cut': 3 of 3 edges lie inside"):
        device.with_boundaries({"cut": inner})
    with pytest.raises(MeshError, match="both a boundary and a region"):
        device.with_boundaries({"film": lambda p: p[0] == 0})
    with pytest.raises(MeshError, match="overlap in 20 cell"):
        device.with_regions({"a": lambda p: p[0] < UM, "b": lambda p: p[0] < 2 * UM})
    with pytest.raises(MeshError, match="belong to no region"):
        check_mesh(DeviceMesh(device.mesh, ("x", "y"), {}, {"film": device.regions["film"]}))


SQUARE = np.array([[0.0, 1, 1, 0], [0, 0, 1, 1]])


@pytest.mark.parametrize(
    ("mesh", "message"),
    [
        (skfem.MeshTri1(SQUARE, np.zeros((3, 0), dtype=int)), "empty"),
        (skfem.MeshTet1(), "3D"),
        (
            skfem.MeshTri1(SQUARE * np.array([[1], [math.nan]]), np.array([[0, 1, 2]]).T),
            "not finite",
        ),
        (skfem.MeshTri1(SQUARE * np.array([[1], [0]]), np.array([[0, 1, 2]]).T), "zero area"),
        (skfem.MeshQuad1(SQUARE[:, [0, 2, 1, 3]], np.array([[0, 1, 2, 3]]).T), "inverted"),
        (skfem.MeshTri1(SQUARE, np.array([[0, 1, 2], [0, 1, 3]]).T), "lie over a neighbour"),
        (
            skfem.MeshTri1(
                np.hstack([SQUARE, [[0.5], [-1]]]), np.array([[0, 1, 2], [0, 1, 3], [0, 1, 4]]).T
            ),
            "more than",
        ),
        (
            skfem.MeshTri1(np.hstack([SQUARE, SQUARE + 3]), np.array([[0, 1, 2], [4, 5, 6]]).T),
            "disconnected: 2",
        ),
        (
            skfem.MeshTri1(np.hstack([SQUARE, SQUARE]), np.array([[0, 1, 2], [4, 6, 7]]).T),
            "lie on each other",
        ),
    ],
)
def test_unusable_meshes_are_refused(mesh, message):
    with pytest.raises(MeshError, match=message) as caught:
        check_mesh(DeviceMesh(mesh, ("x", "y")))
    assert "\n" not in str(caught.value)


def test_a_curved_cell_may_not_fold():
    device = disc_mesh(1.0, rings=3)
    nodes = device.mesh.doflocs.copy()
    edge = device.mesh.nvertices + device.boundaries["outer"][0]
    nodes[:, edge] *= 0.5
    with pytest.raises(MeshError, match="inverted"):
        check_mesh(device._moved(nodes))


def test_axes_match_the_mesh():
    with pytest.raises(MeshError, match="axes"):
        DeviceMesh(skfem.MeshTri1(), ("x", "z"))
    with pytest.raises(MeshError, match="2 axes"):
        check_mesh(DeviceMesh(skfem.MeshTri1(), ("y",)))
    assert rectangle(1.0, 1.0, axes=("y", "z")).axes == ("y", "z")


@pytest.mark.parametrize("cells", ["quad", "triangle"])
def test_facets_of_very_thin_curved_cells(cells):
    """Flux of the field r/2 through the rim is the area; cells 1e-4 of the radius thick and 500
    times wider.
    """
    device = annulus_mesh(1.0, 4.0, around=32, h_min=4e-4, cells=cells).refined_at(
        np.arange(0, 60, 7)
    )
    basis = skfem.FacetBasis(
        device.mesh, device.mesh.elem(), intorder=8, facets=device.boundaries["outer"]
    )
    flux = (
        skfem.LinearForm(lambda v, w: (w.x[0] * w.n[0] + w.x[1] * w.n[1]) / 2 * v)
        .assemble(basis)
        .sum()
    )
    inner = skfem.FacetBasis(
        device.mesh, device.mesh.elem(), intorder=8, facets=device.boundaries["inner"]
    )
    flux += (
        skfem.LinearForm(lambda v, w: (w.x[0] * w.n[0] + w.x[1] * w.n[1]) / 2 * v)
        .assemble(inner)
        .sum()
    )
    assert flux == pytest.approx(measure(device), rel=1e-12)


@pytest.mark.parametrize("cells", ["quad", "triangle", "straight"])
def test_points_are_found_in_their_cells(cells):
    device = (
        two_regions("quad")
        if cells == "straight"
        else annulus_mesh(1.0, 4.0, around=12, h_min=0.01, cells=cells)
    )
    mapping = device.mesh.mapping()
    inside = np.array([[0.1, 0.7, 0.2], [0.2, 0.1, 0.6]])
    found = mapping.invF(mapping.F(inside), tind=np.arange(device.n_cells))
    assert np.abs(found - inside[:, None]).max() < 1e-10


@pytest.mark.parametrize("numbers", [[10**6], [-1], [0.5], np.ones(3, dtype=bool)])
def test_cells_and_facets_to_refine_must_be_there(numbers, refuses):
    """-1 is no cell, though numpy counts from the end."""
    grid = tensor_grid(np.arange(5.0), np.arange(4.0))
    for refined, name in ((grid.refined_at, "cells"), (grid.refined_along, "facets")):
        with refuses(InputError, name, "expected"):
            refined(numbers)


def test_places_that_are_not_there(refuses):
    grid = tensor_grid(np.arange(5.0), np.arange(4.0))
    for find in (grid.boundary_facets, grid.rim):
        with refuses(InputError, "did you mean 'left'"):
            find("lefd")
