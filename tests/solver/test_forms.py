"""The weak terms, tested on polynomials whose integrals are known in closed form."""

from __future__ import annotations

import numpy as np
import pytest
import skfem

from ohmr_fem.solver import forms


@pytest.fixture(params=["triangle", "quad"])
def basis(request):
    """Second order on the unit square: u = x^2, x y, ... are in the space."""
    lines = np.array([0.0, 0.3, 0.45, 1.0])
    mesh = (skfem.MeshTri1 if request.param == "triangle" else skfem.MeshQuad1).init_tensor(
        lines, lines
    )
    element = skfem.ElementTriP2() if request.param == "triangle" else skfem.ElementQuad2()
    return skfem.Basis(mesh, element, intorder=8)


def of(basis, f):
    return f(*basis.doflocs)


def test_stiffness(basis):
    a = basis.global_coordinates()[0] * 1.0  # a = x
    u, v = of(basis, lambda x, y: x**2 + y), of(basis, lambda x, y: x * y)
    # int x (2x y + x) = int 2 x^2 y + x^2 = 1/3 + 1/3
    assert v @ (forms.stiffness.assemble(basis, a=np.asarray(a)) @ u) == pytest.approx(
        2 / 3, rel=1e-13
    )


def test_mass(basis):
    a = np.full(basis.dx.shape, 3.0)
    u, v = of(basis, lambda x, y: x**2), of(basis, lambda x, y: 1 + y)
    assert v @ (forms.mass.assemble(basis, a=a) @ u) == pytest.approx(3 * (1 / 3) * 1.5, rel=1e-13)


def test_curl(basis):
    a = np.ones(basis.dx.shape)
    C = forms.curl.assemble(basis, a=a)
    u, v = of(basis, lambda x, y: x**2), of(basis, lambda x, y: x * y)
    # c(u, v) = int (u_x v_y - u_y v_x) = int 2x . x = 2/3; rows are test functions
    assert v @ (C @ u) == pytest.approx(2 / 3, rel=1e-13)
    assert abs(C + C.T).max() < 1e-14  # antisymmetric
    inside = np.setdiff1d(np.arange(basis.N), basis.get_dofs().all())
    assert (
        abs(C[inside] @ u).max() < 1e-14
    )  # for a constant coefficient c only touches the boundary
    varying = forms.curl.assemble(basis, a=np.asarray(basis.global_coordinates()[1]))
    # int y (2x . x) = 1/3
    assert v @ (varying @ u) == pytest.approx(1 / 3, rel=1e-13)


def test_load_slope_integral(basis):
    x = basis.global_coordinates()
    v = of(basis, lambda x, y: x * y)
    assert forms.load.assemble(basis, a=np.asarray(x[0])) @ v == pytest.approx(1 / 6, rel=1e-13)
    along = forms.slope.assemble(basis, a0=np.asarray(x[0]), a1=np.asarray(2 * x[1]))
    # int x . y + 2 y . x = 3/4
    assert along @ v == pytest.approx(0.75, rel=1e-13)
    assert forms.integral.assemble(basis, a=np.asarray(x[0] + 1)) == pytest.approx(1.5, rel=1e-13)
