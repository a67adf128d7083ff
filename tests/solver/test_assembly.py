"""The cell matrices against those that scikit-fem makes from the weak forms themselves."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from ohmr_fem.mesh.grids import cross_section, tensor_grid
from ohmr_fem.solver import assembly, forms
from ohmr_fem.solver.space import cell_basis

RNG = np.random.default_rng(5)


@pytest.mark.parametrize("name", ["stiffness", "mass", "curl"])
@pytest.mark.parametrize(
    ("cells", "order", "shares"), [("triangle", 2, 8), ("triangle", 3, 2), ("quad", 4, 1)]
)
def test_as_the_forms_say(monkeypatch, name, cells, order, shares):
    monkeypatch.setattr(assembly, "AT_ONCE", 5)  # in several pieces
    monkeypatch.setattr(assembly, "SHARES", shares)
    mesh = tensor_grid(np.linspace(0, 2, 5) ** 1.5, np.linspace(0, 1, 4), cells=cells).mesh
    places = mesh.p.copy()
    places[:, 7] += 0.05  # no cell around it is a parallelogram any more
    basis = cell_basis(type(mesh)(places, mesh.t), order)
    weight = RNG.uniform(0.5, 2.0, basis.dx.shape)
    expected = getattr(forms, name).assemble(basis, a=weight).toarray()
    found = assembly.assemble(basis, name, weight)
    assert found.indices.dtype == np.int32
    assert np.abs(found.toarray() - expected).max() < 1e-13 * np.abs(expected).max()


@pytest.mark.parametrize("name", ["stiffness", "mass"])
def test_along_a_line(name):
    basis = cell_basis(cross_section(1.0, cells=7).mesh, 4)
    weight = RNG.uniform(0.5, 2.0, basis.dx.shape)
    expected = getattr(forms, name).assemble(basis, a=weight).toarray()
    found = assembly.assemble(basis, name, weight).toarray()
    assert np.abs(found - expected).max() < 1e-13 * np.abs(expected).max()


def test_a_large_matrix_takes_little_more_than_itself(monkeypatch):
    """Neither the functions at all points, 3.6 times the matrix, nor its entries cell by cell."""
    monkeypatch.setattr(assembly, "AT_ONCE", 100)
    lines = np.linspace(0.0, 1.0, 36)
    basis = cell_basis(tensor_grid(lines, lines, cells="triangle").mesh, 2)
    assert basis.mapping.invA.size  # made once, whatever is assembled
    weight = np.broadcast_to(1.0, (basis.nelems, basis.X.shape[1]))
    tracemalloc.start()
    matrix = assembly.assemble(basis, "stiffness", weight)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    kept = matrix.data.nbytes + matrix.indices.nbytes + matrix.indptr.nbytes
    assert peak < 4.5 * kept
    assert "basis" not in vars(basis)
