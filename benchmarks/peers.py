"""The same Hall bar, equations and mesh in other programs, one field at a time.

Lengths in L_m, potentials times sigma for unit current, moments in sigma/D; uniform current
injection at the ends, voltages as means over the contact edges, isotropic mass and B along x, so
that phi = Omega tau is the only parameter.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import skfem
from scipy.sparse import bmat
from skfem.helpers import dot, grad

from ohmr_fem.mesh.device_mesh import DeviceMesh

from .table import Skipped

Pair = tuple[str, str]


def ngsolve() -> Any:
    try:
        return importlib.import_module("ngsolve")
    except ImportError as exc:
        raise Skipped("NGSolve is not installed (pip install ngsolve)") from exc


def curl(ng: Any, u: Any, v: Any) -> Any:
    return ng.grad(u)[0] * ng.grad(v)[1] - ng.grad(u)[1] * ng.grad(v)[0]


def contact_load(ng: Any, mesh: Any, test: Any, pair: Pair) -> Any:
    terms = [(1.0, pair[0]), (-1.0, pair[1])]
    return sum(
        sign
        / ng.Integrate(ng.CF(1.0), mesh.Boundaries(name))
        * test
        * ng.ds(definedon=mesh.Boundaries(name))
        for sign, name in terms
    )


def ngsolve_four_fields(
    mesh: Any, alpha: float, phis: Sequence[float], current: Pair, voltage: Pair
) -> tuple[list[float], list[float], list[float]]:
    """sigma R(phi) of the monolithic system, and the seconds of assembly and of factorising and
    solving, for each field.
    """
    ng = ngsolve()
    space = ng.FESpace([ng.H1(mesh, order=2)] * 4)
    (V, *n), (psi, *w) = space.TnT()
    phi = ng.Parameter(0.0)
    integrand = ng.grad(V) * ng.grad(psi) + alpha * curl(ng, n[2], psi) + alpha * curl(ng, V, w[2])
    for a in range(3):
        integrand += ng.grad(n[a]) * ng.grad(w[a]) + n[a] * w[a]
    integrand += phi * (n[1] * w[2] - n[2] * w[1])
    form, load, reader = ng.BilinearForm(space), ng.LinearForm(space), ng.LinearForm(space)
    form += integrand * ng.dx
    load += contact_load(ng, mesh, psi, current)
    reader += contact_load(ng, mesh, psi, voltage)
    load.Assemble()
    reader.Assemble()
    free = space.FreeDofs()
    free.Clear(0)  # the potential is known up to a constant
    found = ng.GridFunction(space)
    values, assembly, solution = [], [], []
    for value in phis:
        phi.Set(value)
        start = time.process_time()
        form.Assemble()
        middle = time.process_time()
        found.vec.data = form.mat.Inverse(free, inverse="umfpack") * load.vec
        assembly.append(middle - start)
        solution.append(time.process_time() - middle)
        values.append(float(ng.InnerProduct(reader.vec, found.vec)))
    return values, assembly, solution


def ngsolve_scalar(
    mesh: Any, phis: Sequence[float], current: Pair, voltage: Pair, inverse: str
) -> tuple[list[complex], list[float], list[float]]:
    """F(1 + i phi) from one complex scalar system for each field, and the seconds of assembly and
    of the solution.
    """
    ng = ngsolve()
    real, space = ng.H1(mesh, order=2), ng.H1(mesh, order=2, complex=True)
    u, v = real.TnT()
    stiffness = ng.BilinearForm(ng.grad(u) * ng.grad(v) * ng.dx).Assemble()
    free = real.FreeDofs()
    free.Clear(0)
    solver = stiffness.mat.Inverse(free, inverse="sparsecholesky")
    n, w = space.TnT()
    loads = []
    for pair in (current, voltage):
        potential = ng.GridFunction(real)
        potential.vec.data = solver * ng.LinearForm(contact_load(ng, mesh, v, pair)).Assemble().vec
        loads.append(ng.LinearForm(curl(ng, potential, w) * ng.dx).Assemble())
    s = ng.Parameter(0.0)
    form = ng.BilinearForm(space, symmetric=True)
    form += (ng.grad(n) * ng.grad(w) + (1 + 1j * s) * n * w) * ng.dx
    found = ng.GridFunction(space)
    values, assembly, solution = [], [], []
    for value in phis:
        s.Set(value)
        start = time.process_time()
        form.Assemble()
        middle = time.process_time()
        found.vec.data = form.mat.Inverse(space.FreeDofs(), inverse=inverse) * loads[0].vec
        assembly.append(middle - start)
        solution.append(time.process_time() - middle)
        values.append(complex(np.dot(loads[1].vec.FV().NumPy(), found.vec.FV().NumPy())))
    return values, assembly, solution


def skfem_four_fields(
    device: DeviceMesh,
    scale: float,
    alpha: float,
    phis: Sequence[float],
    current: Pair,
    voltage: Pair,
) -> tuple[list[float], list[float]]:
    """sigma R(phi) from scikit-fem's own block matrix and default solver, and the seconds of each
    solution.
    """
    mesh = device.mesh.scaled(1.0 / scale)
    basis = skfem.Basis(mesh, skfem.ElementTriP2())
    K = skfem.BilinearForm(lambda u, v, _: dot(grad(u), grad(v))).assemble(basis)
    M = skfem.BilinearForm(lambda u, v, _: u * v).assemble(basis)
    C = skfem.BilinearForm(lambda u, v, _: u.grad[0] * v.grad[1] - u.grad[1] * v.grad[0]).assemble(
        basis
    )

    def load(pair: Pair) -> np.ndarray:
        out = np.zeros(basis.N)
        for sign, name in ((1.0, pair[0]), (-1.0, pair[1])):
            edge = skfem.FacetBasis(mesh, skfem.ElementTriP2(), facets=device.boundaries[name])
            out += sign * skfem.LinearForm(lambda v, _: 1.0 * v).assemble(edge) / np.sum(edge.dx)
        return out

    right = np.concatenate([load(current), np.zeros(3 * basis.N)])
    reader, values, taken = load(voltage), [], []
    for phi in phis:
        start = time.process_time()
        rows = [
            [K, None, None, alpha * C],
            [None, K + M, None, None],
            [None, None, K + M, -phi * M],
            [alpha * C, None, phi * M, K + M],
        ]
        found = skfem.solve(*skfem.condense(bmat(rows, "csr"), right, D=np.array([0])))
        taken.append(time.process_time() - start)
        values.append(float(reader @ found[: basis.N]))
    return values, taken
