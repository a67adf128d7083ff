"""Problem -> matrices: assembly, contact constraints, and the affine dependence on the magnetic
field.

Unknowns are the potential V and the three components n^a in one scalar finite-element space of N
functions, made dimensionless by :class:`Scales`.  With currents counted positive into the device,

    K V + C n = loads of the contacts
    (A_0 + B_x A_x + B_y A_y + B_z A_z) n + S V = injected moment + E_x drive

Where regions differ in sigma/D or in the shape of X the unknown "n" of these lines is the
accumulation h, and every coefficient takes the table of n = chi W^-1 h along (interface.py).
"""

from __future__ import annotations

import contextlib
import copy
import ctypes
import functools
import logging
import weakref
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.sparse import block_array, block_diag, csr_array, hstack, vstack

from ..errors import InputError, MeshError
from ..model.material import cross_matrix
from ..model.problem import Problem
from . import forms
from .assembly import assemble
from .boundary import EdgeSources, EdgeTerms, _edge_terms, _terminals, edge_sources
from .coefficients import Coefficients, Scales, evaluate
from .interface import Table, interface_of
from .linear import (
    AMG,
    GENERAL,
    SYMMETRIC,
    Factorisation,
    Solver,
    factorised,
    unbalanced,
    warn_unbalanced,
)
from .polarised import Polarised, polarised
from .space import cell_basis, cell_points, is_hierarchical, scaled, vertex_functions

logger = logging.getLogger(__name__)

AXIS = {"x": 0, "y": 1, "z": 2}
#: How far the quotient of a coefficient and its scale may be from 1 by rounding alone.
ROUND_OFF = 1e-15
#: By the contacts whose potential is given, and the solver.
PotentialSolvers = dict[tuple[tuple[str, ...], Solver], tuple[csr_array, Factorisation]]
#: What depends on B_z through the ordinary Hall effect.
HALL = ("deflection", "K", "S", "C", "diffusion", "A_0", "reduced_matrices", "pencil")


class System:
    """Assembled matrices of a Problem; see the module docstring for the equations.

    Everything is built on first use: the scalar matrices serve the spectral path, the
    three-component ones the rest.
    """

    #: The second channel, of :class:`~ohmr_fem.solver.two_channels.TwoChannels`.
    spin: System | None = None

    def __init__(self, problem: Problem) -> None:
        mesh = problem.mesh.mesh
        points = cell_points(mesh, problem.order)
        self.problem = copy.copy(problem)  # not the key of SYSTEMS, which must be free to die
        self.coefficients: Coefficients = evaluate(problem, points)
        self.scales: Scales = _scales(problem, self.coefficients)
        self.interface = interface_of(problem, self.coefficients)
        self.basis = cell_basis(scaled(mesh, 1.0 / self.scales.length), problem.order)
        self.N = int(self.basis.N)
        self.normal_field = 0.0
        self._unit: dict[str, csr_array] = {}
        self._potential_solvers: PotentialSolvers = {}
        self._in_field: System | None = None
        _check_orientation(self.basis)
        text = "assembling P%d on %d cells: %d unknowns per field"
        logger.info(text, problem.order, mesh.nelements, self.N)
        self.tie, self.terminals = _terminals(problem, self.basis, self.scales)

    def matrix(self, form: Any, coefficient: np.ndarray) -> csr_array:
        """A bilinear form with a coefficient; constant coefficients share one matrix."""
        first, name = float(coefficient.flat[0]), form.form.__name__
        if not np.all(coefficient == first):
            return assemble(self.basis, name, coefficient)
        if first == 0.0:
            return csr_array((self.N, self.N))
        if name not in self._unit:
            one = np.broadcast_to(1.0, coefficient.shape)
            self._unit[name] = assemble(self.basis, name, one)
        unit = self._unit[name]
        # a mean over its own scale is 1 to round-off, and a copy as large as the matrix
        if abs(first - 1.0) <= ROUND_OFF:
            return unit
        return csr_array((first * unit.data, unit.indices, unit.indptr), shape=unit.shape)

    @functools.cached_property
    def one(self) -> np.ndarray:
        """Coefficients (N,) of the function 1: on hierarchical elements only the vertex functions
        sum to it.
        """
        if not is_hierarchical(self.basis):
            return np.ones(self.N)
        out = np.zeros(self.N)
        out[self.basis.nodal_dofs[0]] = 1.0
        return out

    def with_zero_at(self, contact: str, potential: np.ndarray) -> np.ndarray:
        """The potential (N,) moved so that a contact reads zero.

        A constant c has the coefficients c * one, which on hierarchical elements is not c in each.
        """
        read = self.terminals[contact].load @ potential
        return np.asarray(potential - read * self.one)

    # -- what is continuous

    @property
    def has_jumps(self) -> bool:
        """Whether the unknowns of the moments are the accumulation, of which n may jump."""
        return self.interface is not None

    @property
    def moment_unit(self) -> float:
        """What one scaled unknown of the moments is: C/m^2, or V where it is the accumulation."""
        return self.scales.moment if self.interface is None else 1.0

    @functools.cached_property
    def density(self) -> Table | None:
        """What makes the scaled n of the unknowns, 3 x 3; None where they are n."""
        if self.interface is None:
            return None
        return _scaled(self.interface.density(self.coefficients), 1.0 / self.scales.moment)

    def of_density(self, assemble: Callable[[np.ndarray], csr_array], weight: Any) -> csr_array:
        """A form of n^a with a coefficient, one or (3, ...) by a, as a matrix (3N, 3N) of the
        unknowns.
        """
        weights = np.broadcast_to(weight, (3, *self.coefficients.sigma.shape))
        known: list[tuple[np.ndarray, csr_array]] = []

        def entry(a: int, d: int) -> csr_array:
            table = self.density
            if table is None and a != d:
                return csr_array((self.N, self.N))
            factor: Any = 1.0 if table is None else table[a][d]
            if factor is None:
                return csr_array((self.N, self.N))
            value = weights[a] * factor
            for before, matrix in known:
                if np.array_equal(before, value):
                    return matrix
            known.append((value, csr_array(assemble(value))))
            return known[-1][1]

        return csr_array(block_array([[entry(a, d) for d in range(3)] for a in range(3)]))

    def reading(self, component: int) -> list[np.ndarray]:
        """Weights of the three unknowns in what the inverse effect reads of a component of n."""
        return self._read(self.coefficients, component)

    def _read(self, c: Coefficients, component: int) -> list[np.ndarray]:
        if self.interface is None:
            return c.detection(component, self.problem.detection, self.problem.averages)
        found = self.interface.read(c, component, self.problem.detection)
        return [weight / self.scales.moment for weight in found]

    @property
    def reads(self) -> bool:
        """Whether any moment drives a current by the inverse orbital Hall effect."""
        return bool(np.any(self.coefficients.alpha_inverse))

    # -- the ordinary Hall effect

    def at_normal_field(self, field: float) -> System:
        """This system with the Lorentz force of B_z = ``field`` (T) on the carriers; shares all
        that does not depend on it.
        """
        other = copy.copy(self)
        for name in HALL:
            vars(other).pop(name, None)
        other.normal_field = field
        other._potential_solvers = {}
        other._in_field = None
        return other

    def in_field(self, field: Any = None) -> System:
        """This system at a field (3,) in T: another one only with ordinary Hall effect, the last of
        which is kept.
        """
        if not self.problem.ordinary_hall or field is None:
            return self
        normal = float(field[2])
        if normal == self.normal_field:
            return self
        if self._in_field is None or self._in_field.normal_field != normal:
            self._in_field = self.at_normal_field(normal)
        return self._in_field

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
        weakened = 1.0 + b**2
        return 1.0 / weakened, b / weakened

    def along(self, coefficient: np.ndarray) -> csr_array:
        """int a grad w . s grad u: a k(u, w), or a (s_1 k + s_2 c) with ordinary Hall effect."""
        if self.deflection is None:
            return self.matrix(forms.stiffness, coefficient)
        first, second = self.deflection
        straight = self.matrix(forms.stiffness, coefficient * first)
        return straight + self.matrix(forms.curl, coefficient * second)

    def across(self, coefficient: np.ndarray) -> csr_array:
        """- int a grad w . (z-turned s grad u): a c(u, w), or a (s_1 c - s_2 k) with ordinary Hall
        effect.
        """
        if self.deflection is None:
            return self.matrix(forms.curl, coefficient)
        first, second = self.deflection
        straight = self.matrix(forms.curl, coefficient * first)
        return straight - self.matrix(forms.stiffness, coefficient * second)

    # -- the potential

    @functools.cached_property
    def K(self) -> csr_array:
        """sigma k(V, psi), (N, N)."""
        return self.along(self._sigma)

    @property
    def _sigma(self) -> np.ndarray:
        return self.coefficients.sigma / self.scales.conductivity

    @property
    def _generated(self) -> np.ndarray:
        """alpha sigma: strength of the orbital Hall effect."""
        c = self.coefficients
        return c.alpha * c.sigma / self.scales.conductivity

    @property
    def normal(self) -> int:
        """Component along the normal of a 2D mesh: its moment density couples to the in-plane
        current.
        """
        plane = {AXIS[a] for a in self.problem.mesh.axes}
        return ({0, 1, 2} - plane).pop()

    @functools.cached_property
    def S(self) -> csr_array:
        """Orbital Hall effect alpha sigma c(V, w^c), (3N, N); zero on a line."""
        rows = [csr_array((self.N, self.N))] * 3
        if self.problem.mesh.dim == 2:
            rows[self.normal] = self.across(self._generated)
        S = csr_array(vstack(rows))
        return S if self.edge_sources is None else csr_array(S + self.edge_sources.S)

    @functools.cached_property
    def C(self) -> csr_array:
        """Inverse effect alpha' D c(n^c, psi), (N, 3N); zero on a line."""
        if self.problem.mesh.dim == 1:
            return csr_array((self.N, 3 * self.N))
        blocks = [self.across(self._detected * w) for w in self.reading(self.normal)]
        C = csr_array(hstack(blocks))
        return C if self.edge_sources is None else csr_array(C + self.edge_sources.C)

    @functools.cached_property
    def edge_sources(self) -> EdgeSources | None:
        """Sources that follow the current along edges; None without any."""
        if not self.problem.edge_sources:
            return None
        return edge_sources(self.problem, self.basis, self.scales, self._read)

    @property
    def _detected(self) -> np.ndarray:
        """alpha' D: strength of the inverse effect."""
        c = self.coefficients
        return c.alpha_inverse * c.diffusion / self.scales.diffusion

    def free_columns(self, held: tuple[str, ...]) -> np.ndarray:
        """Columns of ``tie`` that stay unknown when the named contacts have a given potential
        (none: one is grounded).
        """
        columns = {self.terminals[name].column for name in held} or {0}
        return np.setdiff1d(np.arange(self.tie.shape[1]), list(columns))

    def free_tie(self, held: tuple[str, ...] = ()) -> csr_array:
        """The columns of ``tie`` (N, m) that stay unknown."""
        return csr_array(self.tie[:, self.free_columns(held)])

    def potential_solver(
        self, held: tuple[str, ...] = (), solver: Solver | None = None
    ) -> tuple[csr_array, Factorisation]:
        """Free part of ``tie`` and the factorised potential matrix on it; factorised once for each
        set of contacts.
        """
        # with ordinary Hall effect sigma is a tensor that is not symmetric, and so is K
        default = SYMMETRIC if self.deflection is None else GENERAL
        key = held, solver or default
        if key not in self._potential_solvers:
            T = self.free_tie(held)
            matrix = T.T @ self.K @ T
            factors = factorised(key[1], matrix, lambda: vertex_functions(self.basis, T))
            self._potential_solvers[key] = T, factors
        return self._potential_solvers[key]

    def make_room(self) -> None:
        """Forget what is made again in less than one iterative solve."""
        self._potential_solvers.clear()
        self._unit.pop("curl", None)

    def make_room_for(self, solver: Solver) -> None:
        """The same before the matrices of a solver that was chosen for its memory."""
        if isinstance(solver, AMG):
            self.make_room()

    def orbital_potential(
        self, n: np.ndarray, held: tuple[str, ...] = (), solver: Solver | None = None
    ) -> tuple[np.ndarray, float]:
        """V_1 of K V_1 = -C n for moments n (3N,) or (3N, k), and the residual."""
        T, factors = self.potential_solver(held, solver)
        b = -(T.T @ (self.C @ n))
        free, residual = factors.solve(b)
        if b.ndim == 1:
            warn_unbalanced(unbalanced(factors.A, free, b), "orbital charge")
        return np.asarray(T @ free), residual

    @property
    def feeds_back(self) -> bool:
        """Whether potential and moments are one system, [[K, C], [S, A(B)]]: full coupling."""
        return self.problem.coupling == "full" and self.problem.mesh.dim == 2

    def coupled(
        self, T: csr_array, A: Any, K: Any = None, C: Any = None, S: Any = None
    ) -> csr_array:
        """[[K, C], [S, A]] on the free potential (``T``) and the kept moments, where ``A`` acts.

        K, C and S (Eqs. (1), (2)) are those of this system unless drift adds to them.
        """
        P = self.keep
        K = self.K if K is None else K
        C = self.C if C is None else C
        S = self.S if S is None else S
        charge = [T.T @ K @ T, T.T @ C @ P]
        moment = [P.T @ S @ T, A]
        return csr_array(block_array([charge, moment]))

    def pair_load(self, pair: tuple[str, str]) -> np.ndarray:
        """Unit current into the first contact and out of the second (N,); also reads the voltage
        between them.
        """
        first, second = (self.terminals[name].load for name in pair)
        return np.asarray(first - second)

    # -- the uniform field of a cross-section

    @functools.cached_property
    def drive(self) -> np.ndarray:
        """Orbital Hall current of unit E along x, alpha sigma eps_iax int d_i w^a, (3N,)."""
        out = np.zeros((3, self.N))
        for i, moved, sign in self.moved():
            out[moved] += sign * self.slope(i, self._generated)
        edges = self.edge_sources
        return out.ravel() if edges is None else out.ravel() + edges.drive

    @functools.cached_property
    def response(self) -> np.ndarray:
        """What reads the orbital current along x, int alpha' D eps_xjc d_j n^c, (3N,)."""
        out = np.zeros((3, self.N))
        for i, moved, sign in self.moved():
            for d, weight in enumerate(self.reading(moved)):
                out[d] += sign * self.slope(i, self._detected * weight)
        edges = self.edge_sources
        return out.ravel() if edges is None else out.ravel() + edges.response

    @functools.cached_property
    def ohmic_current(self) -> float:
        """int sigma over the cross-section."""
        return float(forms.integral.assemble(self.basis, a=self._sigma))

    def moved(self) -> list[tuple[int, int, float]]:
        """(mesh direction, component, sign) with eps_yzx = 1 and eps_zyx = -1; empty in the device
        plane.
        """
        if not self.problem.is_cross_section:
            return []
        axes = enumerate(self.problem.mesh.axes)
        # J along x: Q_y^z = alpha J_x, Q_z^y = -alpha J_x
        return [(i, 2, 1.0) if axis == "y" else (i, 1, -1.0) for i, axis in axes]

    def slope(self, axis: int, coefficient: np.ndarray) -> np.ndarray:
        """int a d_i w for mesh direction ``axis``, (N,)."""
        zero = np.zeros_like(coefficient)
        directions = range(self.problem.mesh.dim)
        values = {f"a{i}": coefficient if i == axis else zero for i in directions}
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
        rates = self._unit_rate * self.coefficients.rate
        x, y, z = (self.matrix(forms.mass, rate) for rate in rates)
        return x, y, z

    @functools.cached_property
    def A_0(self) -> csr_array:
        """Diffusion, relaxation and absorption of the three components, (3N, 3N)."""
        if self.density is None:
            spread = block_diag([self.diffusion] * 3)
        else:
            coefficient = self.coefficients.diffusion / self.scales.diffusion
            spread = self.of_density(self.along, coefficient)
        return csr_array(spread + self.relaxing + self.edges.absorption)

    @functools.cached_property
    def relaxing(self) -> csr_array:
        """m(Gamma_ad n^d, w^a), Gamma mostly 1/tau^a of the three components, (3N, 3N)."""
        if self.density is None:
            plain = csr_array(block_diag(self.relaxation))
        else:
            plain = self.of_density(self._mass, self._unit_rate * self.coefficients.rate)
        crossed = self.coefficients.crossed
        if crossed is None:
            return plain
        # row a takes Gamma_ad of row d of the density
        turned = (self._crossing(crossed, shift) for shift in (1, 2))
        return csr_array(plain + sum(turned))

    def _crossing(self, crossed: np.ndarray, shift: int) -> csr_array:
        """The part of relaxation that takes component a + shift into a."""
        order = (np.arange(3) + shift) % 3
        by_row = np.empty((3, *self.coefficients.sigma.shape))
        for a, d in enumerate(order):
            by_row[d] = self._unit_rate * crossed[a, d]
        rows = self.of_density(self._mass, by_row)
        N = self.N
        return csr_array(vstack([rows[d * N : (d + 1) * N] for d in order]))

    def mixed(self, tensor: np.ndarray) -> csr_array:
        """m(G_ad n^d, w^a) for a tensor (3, 3, cells, points), (3N, 3N)."""
        shifted = (self._crossing(tensor / self._unit_rate, shift) for shift in range(3))
        return csr_array(sum(shifted))

    def _mass(self, coefficient: np.ndarray) -> csr_array:
        return self.matrix(forms.mass, coefficient)

    @property
    def loss(self) -> csr_array:
        """m(n, w)/tau of the mean rate, of one component, (N, N)."""
        return self._mass(self._unit_rate * self.coefficients.rate.mean(axis=0))

    @functools.cached_property
    def pencil(self) -> tuple[csr_array, csr_array, csr_array]:
        """K with absorption, M = m/tau (of the mean rate) and the kept unknowns of one component,
        where one edge law serves all three (theory, section 4).
        """
        N = self.N
        absorption = csr_array(self.edges.absorption[:N, :N])
        keep = csr_array(self.keep[:N, : self.keep.shape[1] // 3])
        K, M = self.diffusion, self.loss
        if self.density is not None:
            M = csr_array(self.relaxing[:N, :N])
            K = csr_array(self.A_0[:N, :N]) - M - absorption
        if absorption.nnz:
            K = K + absorption
        if keep.shape[1] < keep.shape[0]:
            K, M = csr_array(keep.T @ K @ keep), csr_array(keep.T @ M @ keep)
        return K, M, keep

    @functools.cached_property
    def torques(self) -> tuple[csr_array, csr_array, csr_array]:
        """m(T_ad n^d, w^a) per tesla for B along x, y, z, each (3N, 3N): (g e/2) eps_abc B_b
        X_cd.
        """
        X = self._tensor
        axes = range(3)

        def entry(cross: np.ndarray, a: int, d: int) -> Any:
            terms = (cross[a, c] * X[c][d] for c in axes if cross[a, c] != 0.0)
            return sum(terms, csr_array((self.N, self.N)))

        def torque(cross: np.ndarray) -> csr_array:
            rows = [[entry(cross, a, d) for d in axes] for a in axes]
            return csr_array(block_array(rows))

        x, y, z = (torque(cross) for cross in cross_matrix(np.eye(3)))
        return x, y, z

    @property
    def _tensor(self) -> list[list[csr_array]]:
        """(g e/2) m(X_ab n^b, w) in the unknowns, a symmetric 3x3 table of (N, N)."""
        c = self.coefficients
        half_g_x: Any = c.half_g_x
        if self.interface is not None:
            half_g_x = _scaled(self.interface.turned(c), 1.0 / self.scales.moment)
        zero = csr_array((self.N, self.N))
        X = [[zero] * 3 for _ in range(3)]
        for a in range(3):
            for d in range(a + 1):
                weight = half_g_x[a][d]
                if weight is not None and np.any(weight != 0.0):
                    X[a][d] = X[d][a] = self.matrix(forms.mass, self._unit_rate * weight)
        return X

    @functools.cached_property
    def edges(self) -> EdgeTerms:
        """Absorption, injection and absorbed unknowns."""
        return _edge_terms(self.problem, self.basis, self.scales, self.interface)

    @functools.cached_property
    def polarised(self) -> Polarised:
        """What polarised contacts inject and read."""
        return polarised(self.problem, self.basis, self.scales, self._read)

    @property
    def keep(self) -> csr_array:
        """(3N, m) identity without the absorbed unknowns."""
        return self.edges.keep

    @property
    def injected_source(self) -> np.ndarray:
        """Right-hand side (3N,) of the injected moment currents."""
        scales = self.scales
        return np.asarray(self.edges.injected * scales.length / scales.conductivity)

    @functools.cached_property
    def mass_matrix(self) -> csr_array:
        """m(n^a, w) on the kept unknowns: eigenvalues of A(B) relative to it are decay rates in
        units of the mean 1/tau.
        """
        return self._kept_mass(1.0)

    def _kept_mass(self, weight: float) -> csr_array:
        """A constant times m(n^a, w) of the three components on the kept unknowns."""
        everywhere = np.full(self.coefficients.sigma.shape, weight)
        if self.density is None:
            mass = self._mass(everywhere)
            return csr_array(self.keep.T @ block_diag([mass] * 3) @ self.keep)
        return csr_array(self.keep.T @ self.of_density(self._mass, everywhere) @ self.keep)

    @functools.cached_property
    def reduced_matrices(self) -> tuple[csr_array, ...]:
        """A_0 and the torques per tesla on the kept unknowns."""
        P = self.keep
        matrices = self.A_0, *self.torques
        return tuple(csr_array(P.T @ M @ P) for M in matrices)

    @functools.cached_property
    def norm(self) -> csr_array:
        """A_0 on the kept unknowns, its symmetric part where relaxation makes it skew: what
        residuals of the moments are measured in.
        """
        A = self.reduced_matrices[0]
        skew = abs(A - A.T)
        if skew.max() <= 1e-12 * abs(A).max():
            return A
        return csr_array(0.5 * (A + A.T))

    @functools.cached_property
    def inertia(self) -> csr_array:
        """m(n, w) on the kept unknowns, times seconds: what multiplies the time derivative of n."""
        return self._kept_mass(self._unit_rate)

    @property
    def channels(self) -> tuple[System, ...]:
        """One system for each moment."""
        return (self,)

    def A(self, field: np.ndarray) -> csr_array:
        """Moment matrix at one field (3,) in T, on the kept unknowns."""
        A_0, *torques = self.reduced_matrices
        pairs = zip(field, torques, strict=True)
        return A_0 + sum(b * T for b, T in pairs if b != 0.0)

    def torque(self, field: np.ndarray) -> csr_array:
        """Torque part alone at one field (3,) in T, (3N, 3N)."""
        parts = (b * T for b, T in zip(field, self.torques, strict=True))
        return sum(parts, csr_array((3 * self.N, 3 * self.N)))


#: Unknowns of a field above which the memory of a system is worth returning.
LARGE = 5_000
#: What serves a material with a spin, and what a film: said where it is refused, held by a test.
OF_SPIN = (
    "solve, resistance, hanle_curve, admr, spectral_measure, resistance_matrix, gate_map, "
    "ac_response, transient and fit"
)
OF_FILM = (
    "hanle_curve, admr, spectral_measure, resistance_matrix, gate_map, ac_response, "
    "film_conductivity, film_moment (not of a Stack) and fit"
)
#: Assembled systems; each lives as long as its problem, and no value here refers to its key.
SYSTEMS: weakref.WeakKeyDictionary[Problem, System] = weakref.WeakKeyDictionary()


def system_of(
    problem: Problem, field: Any = None, *, plane_of_film: bool = False, with_spin: bool = False
) -> System:
    """The assembled system of a problem; assembled once, and gone with the problem.

    It knows the plane alone: the caller says with ``plane_of_film`` that it adds the faces of a
    film, and with ``with_spin`` that it takes six components of the moment where a material has a
    spin; everything else is refused (InputError).  With ordinary_hall a ``field`` (3,) selects the
    system of its B_z; the last one is kept too.
    """
    if not with_spin:
        refuse_spin(problem)
    if not plane_of_film:
        refuse_film(problem)
    system = SYSTEMS.get(problem)
    if system is None:
        system = _assembled(problem)
        if system.N > LARGE:
            # before the entry below: of two weak references the later one is called first
            weakref.finalize(problem, give_back).atexit = False
        SYSTEMS[problem] = system
    return system.in_field(field)


def refuse_spin(problem: Problem) -> None:
    """InputError from what knows one moment."""
    if problem.has_spin:
        raise InputError(
            "this knows one moment, not orbital and spin moment together (drift, solve_to); a "
            f"material with spin has {OF_SPIN}",
            key="spin",
            owner="Material",
        )


def refuse_film(problem: Problem) -> None:
    """InputError from what knows the device plane alone."""
    if problem.film is not None:
        raise InputError(
            "this knows the device plane alone, not the faces of a film (solve, resistance, time, "
            f"drift); a film has {OF_FILM}",
            key="film",
        )


def _assembled(problem: Problem) -> System:
    if not problem.has_spin:
        return System(problem)
    from .two_channels import TwoChannels

    return TwoChannels(problem)


def give_back() -> None:
    """Return freed memory to the system.

    glibc keeps the pieces of freed factors for itself, and a loop over devices seems to leak them.
    """
    with contextlib.suppress(AttributeError, OSError):  # another libc has nothing to return
        ctypes.CDLL(None).malloc_trim(0)


def _scales(problem: Problem, c: Coefficients) -> Scales:
    scales = c.scales()
    width = problem.mesh.width
    return scales if width is None else replace(scales, across=width / scales.length)


def _scaled(table: Table, factor: float) -> Table:
    return [[None if entry is None else factor * entry for entry in row] for row in table]


def _check_orientation(basis: Any) -> None:
    """Refuse cells whose map folds; the sign itself only tells how a cell's vertices are
    numbered.
    """
    if not basis.mesh.affine:
        volume = basis.mapping.detDF(basis.X)
        least, most = volume.min(axis=1), volume.max(axis=1)
        if np.any(least * most <= 0.0):
            raise MeshError(
                "a curved or quadrilateral cell folds over itself; refine the mesh or straighten "
                "its boundary"
            )
