"""Problem -> matrices: assembly, contact constraints, and the affine dependence on the magnetic
field.

Unknowns are the potential V and the three components n^a in one scalar finite-element space of N
functions, made dimensionless by :class:`Scales`.  With currents counted positive into the device,

    K V + C n = loads of the contacts
    (A_0 + B_x A_x + B_y A_y + B_z A_z) n + S V = injected moment + E_x drive
"""

from __future__ import annotations

import copy
import functools
import logging
from typing import Any

import numpy as np
from scipy.sparse import block_array, block_diag, csr_array, hstack, vstack

from ..errors import MeshError
from ..model.material import cross_matrix
from ..model.problem import Problem
from . import forms
from .boundary import EdgeTerms, _edge_terms, _terminals
from .coefficients import Coefficients, Scales, evaluate
from .linear import SYMMETRIC, Factorisation, Solver, SuperLU
from .space import cell_basis, is_hierarchical

logger = logging.getLogger(__name__)

AXIS = {"x": 0, "y": 1, "z": 2}


class System:
    """Assembled matrices of a Problem; see the module docstring for the equations.

    Everything is built on first use: the scalar matrices serve the spectral path, the
    three-component ones the rest.
    """

    def __init__(self, problem: Problem) -> None:
        mesh = problem.mesh.mesh
        in_metres = cell_basis(mesh, problem.order)
        self.problem = problem
        self.coefficients: Coefficients = evaluate(
            problem, np.asarray(in_metres.global_coordinates())
        )
        self.scales: Scales = self.coefficients.scales()
        self.basis = cell_basis(mesh.scaled(1.0 / self.scales.length), problem.order)
        self.N = int(self.basis.N)
        self.normal_field = 0.0
        self._unit: dict[str, csr_array] = {}
        self._potential_solvers: dict[
            tuple[tuple[str, ...], Solver], tuple[csr_array, Factorisation]
        ] = {}
        _check_orientation(self.basis)
        logger.info(
            "assembling P%d on %d cells: %d unknowns per field",
            problem.order,
            mesh.nelements,
            self.N,
        )
        self.tie, self.terminals = _terminals(problem, self.basis, self.scales)

    def matrix(self, form: Any, coefficient: np.ndarray) -> csr_array:
        """A bilinear form with a coefficient; constant coefficients share one matrix."""
        first = float(coefficient.flat[0])
        if not np.all(coefficient == first):
            return csr_array(form.assemble(self.basis, a=np.ascontiguousarray(coefficient)))
        name = form.form.__name__
        if name not in self._unit:
            self._unit[name] = csr_array(form.assemble(self.basis, a=np.ones(coefficient.shape)))
        return self._unit[name] if first == 1.0 else first * self._unit[name]

    @functools.cached_property
    def one(self) -> np.ndarray:
        """Coefficients (N,) of the function 1: on hierarchical elements only the vertex functions
        sum to it.
        """
        out = np.zeros(self.N)
        out[self.basis.nodal_dofs[0] if is_hierarchical(self.basis) else slice(None)] = 1.0
        return out

    def with_zero_at(self, contact: str, potential: np.ndarray) -> np.ndarray:
        """The potential (N,) moved so that a contact reads zero.

        A constant c has the coefficients c * one, which on hierarchical elements is not c in each.
        """
        return np.asarray(potential - (self.terminals[contact].load @ potential) * self.one)

    # -- the ordinary Hall effect

    def at_normal_field(self, field: float) -> System:
        """This system with the Lorentz force of B_z = ``field`` (T) on the carriers; shares all
        that does not depend on it.
        """
        other = copy.copy(self)
        for name in ("deflection", "K", "S", "C", "diffusion", "A_0", "reduced_matrices"):
            vars(other).pop(name, None)
        other.normal_field, other._potential_solvers = field, {}
        return other

    @functools.cached_property
    def deflection(self) -> tuple[np.ndarray, np.ndarray] | None:
        """(s_1, s_2) = (1, b)/(1 + b^2), b = mu B_z, each (cells, points); None without ordinary
        Hall effect.

        The Lorentz force turns whatever moves the carriers: sigma E and D grad n become sigma s E
        and D s grad n with s = [[s_1, -s_2], [s_2, s_1]].  One tensor for both (Einstein), or
        Onsager's relation would fail.
        """
        if self.normal_field == 0.0:
            return None
        b = self.coefficients.mobility * self.normal_field
        return 1.0 / (1.0 + b**2), b / (1.0 + b**2)

    def along(self, coefficient: np.ndarray) -> csr_array:
        """int a grad w . s grad u: a k(u, w), or a (s_1 k + s_2 c) with ordinary Hall effect."""
        if self.deflection is None:
            return self.matrix(forms.stiffness, coefficient)
        first, second = self.deflection
        return self.matrix(forms.stiffness, coefficient * first) + self.matrix(
            forms.curl, coefficient * second
        )

    def across(self, coefficient: np.ndarray) -> csr_array:
        """- int a grad w . (z-turned s grad u): a c(u, w), or a (s_1 c - s_2 k) with ordinary Hall
        effect.
        """
        if self.deflection is None:
            return self.matrix(forms.curl, coefficient)
        first, second = self.deflection
        return self.matrix(forms.curl, coefficient * first) - self.matrix(
            forms.stiffness, coefficient * second
        )

    # -- the potential

    @functools.cached_property
    def K(self) -> csr_array:
        """sigma k(V, psi), (N, N)."""
        return self.along(self.coefficients.sigma / self.scales.conductivity)

    @property
    def normal(self) -> int:
        """Component along the normal of a 2D mesh: its moment density couples to the in-plane
        current.
        """
        return ({0, 1, 2} - {AXIS[a] for a in self.problem.mesh.axes}).pop()

    @functools.cached_property
    def S(self) -> csr_array:
        """Orbital Hall effect alpha sigma c(V, w^c), (3N, N); zero on a line."""
        rows = [csr_array((self.N, self.N))] * 3
        if self.problem.mesh.dim == 2:
            c = self.coefficients
            rows[self.normal] = self.across(c.alpha * c.sigma / self.scales.conductivity)
        return csr_array(vstack(rows))

    @functools.cached_property
    def C(self) -> csr_array:
        """Inverse effect alpha' D c(n^c, psi), (N, 3N); zero on a line."""
        if self.problem.mesh.dim == 1:
            return csr_array((self.N, 3 * self.N))
        c = self.coefficients
        weights = c.detection(self.normal, self.problem.detection)
        return csr_array(
            hstack(
                [
                    self.across(c.alpha_inverse * c.diffusion / self.scales.diffusion * w)
                    for w in weights
                ]
            )
        )

    def free_columns(self, held: tuple[str, ...]) -> np.ndarray:
        """Columns of ``tie`` that stay unknown when the named contacts have a given potential
        (none: one is grounded).
        """
        columns = {self.terminals[name].column for name in held} or {0}
        return np.setdiff1d(np.arange(self.tie.shape[1]), list(columns))

    def potential_solver(
        self, held: tuple[str, ...] = (), solver: Solver = SYMMETRIC
    ) -> tuple[csr_array, Factorisation]:
        """Free part of ``tie`` and the factorised potential matrix on it; factorised once for each
        set of contacts.
        """
        if self.deflection is not None:
            solver = SuperLU(symmetric=False)
        if (held, solver) not in self._potential_solvers:
            T = csr_array(self.tie[:, self.free_columns(held)])
            self._potential_solvers[held, solver] = T, solver.factorise(T.T @ self.K @ T)
        return self._potential_solvers[held, solver]

    # -- the uniform field of a cross-section

    @functools.cached_property
    def drive(self) -> np.ndarray:
        """Orbital Hall current of unit E along x, alpha sigma eps_iax int d_i w^a, (3N,)."""
        c = self.coefficients
        out = np.zeros((3, self.N))
        for i, moved, sign in self.moved():
            out[moved] += sign * self.slope(i, c.alpha * c.sigma / self.scales.conductivity)
        return out.ravel()

    @functools.cached_property
    def response(self) -> np.ndarray:
        """What reads the orbital current along x, int alpha' D eps_xjc d_j n^c, (3N,)."""
        c = self.coefficients
        out = np.zeros((3, self.N))
        for i, moved, sign in self.moved():
            for d, weight in enumerate(c.detection(moved, self.problem.detection)):
                out[d] += sign * self.slope(
                    i, c.alpha_inverse * c.diffusion / self.scales.diffusion * weight
                )
        return out.ravel()

    @functools.cached_property
    def ohmic_current(self) -> float:
        """int sigma over the cross-section."""
        return float(
            forms.integral.assemble(
                self.basis, a=self.coefficients.sigma / self.scales.conductivity
            )
        )

    def moved(self) -> list[tuple[int, int, float]]:
        """(mesh direction, component, sign) with eps_yzx = 1 and eps_zyx = -1; empty in the device
        plane.
        """
        if not self.problem.is_cross_section:
            return []
        return [
            (i, 2, 1.0) if axis == "y" else (i, 1, -1.0)
            for i, axis in enumerate(self.problem.mesh.axes)
        ]

    def slope(self, axis: int, coefficient: np.ndarray) -> np.ndarray:
        """int a d_i w for mesh direction ``axis``, (N,)."""
        zero = np.zeros_like(coefficient)
        values = {f"a{i}": coefficient if i == axis else zero for i in range(self.problem.mesh.dim)}
        return np.asarray(forms.slope.assemble(self.basis, **values))

    # -- the moment density

    @property
    def _unit_rate(self) -> float:
        return self.scales.length**2 / self.scales.diffusion

    @functools.cached_property
    def diffusion(self) -> csr_array:
        """D k(n, w), (N, N)."""
        return self.along(self.coefficients.diffusion / self.scales.diffusion)

    @functools.cached_property
    def relaxation(self) -> tuple[csr_array, csr_array, csr_array]:
        """m(n^a, w)/tau^a for a = x, y, z, each (N, N)."""
        x, y, z = (
            self.matrix(forms.mass, self._unit_rate * rate) for rate in self.coefficients.rate
        )
        return x, y, z

    @functools.cached_property
    def A_0(self) -> csr_array:
        """Diffusion, relaxation and absorption of the three components, (3N, 3N)."""
        return csr_array(
            block_diag([self.diffusion + r for r in self.relaxation]) + self.edges.absorption
        )

    @functools.cached_property
    def torques(self) -> tuple[csr_array, csr_array, csr_array]:
        """m(T_ad n^d, w^a) per tesla for B along x, y, z, each (3N, 3N): (g e/2) eps_abc B_b
        X_cd.
        """
        zero = csr_array((self.N, self.N))
        X = [[zero] * 3 for _ in range(3)]
        for a in range(3):
            for d in range(a + 1):
                if np.any(self.coefficients.half_g_x[a, d] != 0.0):
                    X[a][d] = X[d][a] = self.matrix(
                        forms.mass, self._unit_rate * self.coefficients.half_g_x[a, d]
                    )
        x, y, z = (
            csr_array(
                block_array(
                    [
                        [
                            sum(
                                (cross[a, c] * X[c][d] for c in range(3) if cross[a, c] != 0.0),
                                zero,
                            )
                            for d in range(3)
                        ]
                        for a in range(3)
                    ]
                )
            )
            for cross in cross_matrix(np.eye(3))
        )
        return x, y, z

    @functools.cached_property
    def edges(self) -> EdgeTerms:
        """Absorption, injection and absorbed unknowns."""
        return _edge_terms(self.problem, self.basis, self.scales)

    @property
    def keep(self) -> csr_array:
        """(3N, m) identity without the absorbed unknowns."""
        return self.edges.keep

    @property
    def injected_source(self) -> np.ndarray:
        """Right-hand side (3N,) of the injected moment currents."""
        return np.asarray(self.edges.injected * self.scales.length / self.scales.conductivity)

    @functools.cached_property
    def mass_matrix(self) -> csr_array:
        """m(n^a, w) on the kept unknowns: eigenvalues of A(B) relative to it are decay rates in
        units of the mean 1/tau.
        """
        one = self.matrix(forms.mass, np.ones_like(self.coefficients.sigma))
        return csr_array(self.keep.T @ block_diag([one] * 3) @ self.keep)

    @functools.cached_property
    def reduced_matrices(self) -> tuple[csr_array, ...]:
        """A_0 and the torques per tesla on the kept unknowns."""
        return tuple(csr_array(self.keep.T @ M @ self.keep) for M in (self.A_0, *self.torques))

    @functools.cached_property
    def inertia(self) -> csr_array:
        """m(n, w) on the kept unknowns, times seconds: what multiplies the time derivative of n."""
        mass = self.matrix(forms.mass, np.full(self.coefficients.sigma.shape, self._unit_rate))
        return csr_array(self.keep.T @ block_diag([mass] * 3) @ self.keep)

    def A(self, field: np.ndarray) -> csr_array:
        """Moment matrix at one field (3,) in T, on the kept unknowns."""
        A_0, *torques = self.reduced_matrices
        return A_0 + sum(b * T for b, T in zip(field, torques, strict=True) if b != 0.0)

    def torque(self, field: np.ndarray) -> csr_array:
        """Torque part alone at one field (3,) in T, (3N, 3N)."""
        return sum(
            (b * T for b, T in zip(field, self.torques, strict=True)),
            csr_array((3 * self.N, 3 * self.N)),
        )


def system_of(problem: Problem, field: Any = None) -> System:
    """The assembled system of a problem; assembled once and kept with it.

    With ordinary_hall a ``field`` (3,) selects the system of its B_z; the last one is kept too.
    """
    store = vars(problem)
    if "_system" not in store:
        store["_system"] = System(problem)
    system: System = store["_system"]
    if not problem.ordinary_hall or field is None or field[2] == 0.0:
        return system
    last: System | None = store.get("_system_in_field")
    if last is None or last.normal_field != float(field[2]):
        last = store["_system_in_field"] = system.at_normal_field(float(field[2]))
    return last


def _check_orientation(basis: Any) -> None:
    """Refuse cells whose map folds; the sign itself only tells how a cell's vertices are
    numbered.
    """
    if not basis.mesh.affine:
        volume = basis.mapping.detDF(basis.X)
        if np.any(volume.min(axis=1) * volume.max(axis=1) <= 0.0):
            raise MeshError(
                "a curved or quadrilateral cell folds over itself; refine the mesh or straighten "
                "its "
                "boundary"
            )
