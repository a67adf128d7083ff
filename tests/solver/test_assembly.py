"""The cell matrices against those that scikit-fem makes from the weak forms themselves."""

from __future__ import annotations

import numpy as np
import pytest

from ohmr_fem.mesh.grids import cross_section, tensor_grid
from ohmr_fem.solver import assembly, forms
from ohmr_fem.solver.space import cell_basis

RNG = np.random.default_rng(5)


@pytest.mark.parametrize("name", ["stiffness", "mass", "curl"])
@pytest.mark.parametrize(("cells", "order"), [("triangle", 2), ("triangle", 3), ("quad", 4)])
def test_as_the_forms_say(monkeypatch, name, cells, order):
    monkeypatch.setattr(assembly, "AT_ONCE", 5)  # in several pieces
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
