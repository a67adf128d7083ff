"""The finite-element space on every kind of cell: exact on polynomials, and points are found in
graded meshes.
"""

from __future__ import annotations

import numpy as np
import pytest
import skfem
from scipy.sparse import csr_array, eye_array

from ohmr_fem.errors import InputError
from ohmr_fem.mesh.grids import annulus_mesh, cross_section, disc_mesh, graded_lines, tensor_grid
from ohmr_fem.solver.space import (
    cell_basis,
    element_for,
    facet_basis,
    is_hierarchical,
    locate,
    point_rows,
    reference_rows,
    vertex_functions,
)

LINES = graded_lines(-1.0, 1.0, 0.004, 1.7)
MESHES = {
    "line": cross_section(2.0, cells=None, resolve=1e-3).mesh,
    "triangle": tensor_grid(LINES, LINES, cells="triangle").mesh,
    "quad": tensor_grid(LINES, LINES, cells="quad").mesh,
    "curved triangle": disc_mesh(1.0, rings=4).mesh,
    "curved quad": annulus_mesh(0.4, 1.0, around=12).mesh,
}
CASES = [
    (kind, order)
    for kind, orders in (
        ("line", (1, 2, 3, 4, 8)),
        ("triangle", (1, 2, 3, 4)),
        ("quad", (1, 2, 3, 6)),
    )
    for order in orders
]


def test_functions_of_the_vertices_are_those_of_first_order():
    """A linear function from its values at the vertices; two vertices that share one unknown."""
    basis = cell_basis(MESHES["triangle"], 2)
    x, y = basis.doflocs
    nodal = basis.nodal_dofs[0]
    up = vertex_functions(basis, csr_array(eye_array(basis.N)))
    assert np.allclose(up @ (2.0 * x - y)[nodal], 2.0 * x - y, atol=1e-14)
    columns = np.arange(basis.N)
    columns[nodal[3]] = nodal[0]
    tie = csr_array((np.ones(basis.N), (np.arange(basis.N), columns)), shape=(basis.N,) * 2)
    tie = tie[:, np.unique(columns)]
    up = vertex_functions(basis, tie)
    assert up.shape == (basis.N - 1, len(nodal) - 1)
    assert np.allclose(up.sum(axis=1), 1.0, atol=1e-14)
    assert vertex_functions(cell_basis(MESHES["triangle"], 3), tie) is None


def inside(mesh, count=40, seed=5):
    """Random points, each made from the reference coordinates of a random cell."""
    rng = np.random.default_rng(seed)
    cells = rng.integers(mesh.nelements, size=count)
    X = rng.uniform(size=(mesh.dim(), count, 1))
    if mesh.t.shape[0] == 3 and mesh.dim() == 2:
        X = np.where(X.sum(axis=0) > 1, 1 - X, X)
    return mesh.mapping().F(X, tind=cells)[:, :, 0], cells


def polynomial(order):
    """A polynomial of full degree and its derivatives."""

    def value(x):
        return (0.3 + x[0]) ** order - (x[-1] if len(x) > 1 else 0.0) * (x[0] - 0.2) ** (order - 1)

    def slopes(x):
        h = 1e-6
        return [
            (
                value([c + h * (i == j) for j, c in enumerate(x)])
                - value([c - h * (i == j) for j, c in enumerate(x)])
            )
            / (2 * h)
            for i in range(len(x))
        ]

    return value, slopes


def projected(basis, f):
    mass = skfem.BilinearForm(lambda u, v, w: u * v).assemble(basis)
    load = skfem.LinearForm(lambda v, w: w.f * v).assemble(
        basis, f=f(np.asarray(basis.global_coordinates()))
    )
    return skfem.solve(mass, load)


@pytest.mark.parametrize("kind, order", CASES)
def test_polynomials_are_reproduced(kind, order):
    basis = cell_basis(MESHES[kind], order)
    value, slopes = polynomial(order)
    dofs = projected(basis, value)
    points, cells = inside(basis.mesh)
    row, gradients = point_rows(basis, order, points, cells)
    assert row.shape == (40, basis.N) and len(gradients) == basis.mesh.dim()
    assert np.allclose(row @ dofs, value(points), atol=1e-9)
    for D, exact in zip(gradients, slopes(points), strict=True):
        assert np.allclose(D @ dofs, exact, atol=2e-5)
    assert np.allclose(row @ projected(basis, lambda x: 1.0 + 0 * x[0]), 1.0)


@pytest.mark.parametrize("kind", MESHES)
def test_points_are_found_in_their_cells(kind):
    mesh = MESHES[kind]
    points, cells = inside(mesh, 200)
    found = locate(mesh, points)
    X = mesh.mapping().invF(points[:, :, None], tind=found)[:, :, 0]
    assert (
        X.min() > -1e-7
        and (X.sum(axis=0) if "triangle" in kind else X.max(axis=0)).max() < 1 + 1e-7
    )
    assert np.mean(found == cells) > 0.98  # all but points on a shared edge
    corners = mesh.p[:, mesh.t[0]]
    assert locate(mesh, corners).shape == (mesh.nelements,)


def test_points_outside_are_named_in_metres(refuses):
    with refuses(InputError, "outside the device", "(6.0, 0.0)"):
        locate(MESHES["triangle"], np.array([[0.0, 6.0], [0.0, 0.0]]))
    with refuses(InputError, "outside the device", "(1.001"):
        locate(MESHES["line"], np.array([[1.001]]))
    with refuses(InputError, "outside the device"):
        locate(MESHES["curved quad"], np.array([[0.0], [0.0]]))  # the hole
    with refuses(InputError, "tip", "(3e-09, 0.0) m"):
        locate(MESHES["triangle"], np.array([[3.0], [0.0]]), 1e-9, "contact 'tip'")


def test_hierarchical_elements():
    assert [
        is_hierarchical(cell_basis(MESHES[k], o))
        for k, o in (("line", 2), ("line", 3), ("triangle", 4), ("quad", 2), ("quad", 3))
    ] == [False, True, False, False, True]
    for kind, order in (("line", 3), ("quad", 3)):  # there the vertex functions alone sum to one
        basis = cell_basis(MESHES[kind], order)
        one = np.zeros(basis.N)
        one[basis.nodal_dofs[0]] = 1.0
        points, cells = inside(basis.mesh)
        assert np.allclose(point_rows(basis, order, points, cells)[0] @ one, 1.0)


def test_elements_are_fresh():
    assert element_for(MESHES["quad"], 3) is not element_for(MESHES["quad"], 3)


@pytest.mark.parametrize("kind", ["triangle", "quad", "curved quad"])
def test_boundary_bases(kind):
    mesh = MESHES[kind]
    facets = mesh.boundary_facets()
    edge = facet_basis(mesh, 3, facets)
    exact = 8.0 if "curved" not in kind else 2 * np.pi * 1.4
    assert np.sum(edge.dx) == pytest.approx(exact, rel=1e-12 if "curved" not in kind else 1e-3)
    if "curved" not in kind:
        x = np.asarray(edge.global_coordinates())
        assert np.sum(x[0] ** 12 * edge.dx) == pytest.approx(
            4 + 2 * 2 / 13, rel=1e-12
        )  # intorder 2 P + 8


def test_reference_rows_at_several_points_of_a_cell():
    basis = cell_basis(MESHES["triangle"], 2)
    X = np.repeat(np.array([[0.2, 0.3, 0.1], [0.5, 0.1, 0.8]])[:, None, :], 2, axis=1)
    cells = np.array([4, 17])
    row, _ = reference_rows(basis, 2, X, cells)
    points = basis.mapping.F(X, tind=cells).reshape(2, -1)
    assert np.allclose(
        row @ projected(basis, lambda x: x[0] * x[1]), points[0] * points[1], atol=1e-12
    )
