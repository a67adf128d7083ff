"""Problem -> matrices: assembly, contact constraints, and the affine dependence on the magnetic field.

Unknowns are the potential V and the three components n^a in one scalar finite-element space of N functions, made
dimensionless by :class:`Scales`.  With currents counted positive into the device,

    K V + C n = loads of the contacts
    (A_0 + B_x A_x + B_y A_y + B_z A_z) n + S V = injected moment + E_x drive
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import skfem
from scipy.sparse import block_array, block_diag, csr_array, vstack

from . import forms
from .coefficients import Coefficients, Scales, evaluate
from .errors import InputError, MeshError
from .linear import Factorisation, SuperLU
from .material import cross_matrix
from .problem import Contact, Problem
from .space import cell_basis, facet_basis, is_hierarchical, locate, point_rows

AXIS = {"x": 0, "y": 1, "z": 2}


@dataclass(frozen=True, eq=False)
class Terminal:
    """A contact in the finite-element space.

    Attributes
    ----------
    load : (N,) weak form of unit current into the device; also the functional that reads the voltage.
    indicator : (N,) test function equal to one on the contact; its residual is the conservative current.
    column : index of the tied unknown of an equipotential contact, else None.
    """

    load: np.ndarray
    indicator: np.ndarray
    column: int | None


@dataclass(frozen=True, eq=False)
class System:
    """Assembled matrices of a Problem; see the module docstring for the equations."""

    problem: Problem
    basis: Any
    scales: Scales
    coefficients: Coefficients
    K: csr_array
    S: csr_array
    C: csr_array
    A_0: csr_array
    torques: tuple[csr_array, csr_array, csr_array]
    drive: np.ndarray
    response: np.ndarray
    ohmic_current: float
    injected: np.ndarray
    tie: csr_array
    keep: csr_array
    terminals: Mapping[str, Terminal]

    @property
    def N(self) -> int:
        """Number of scalar finite-element functions."""
        return int(self.basis.N)

    def A(self, field: np.ndarray) -> csr_array:
        """Moment matrix at one field (3,) in T, absorbed unknowns removed."""
        A_0, *torques = self._reduced
        return A_0 + sum(b * T for b, T in zip(field, torques, strict=True) if b != 0.0)

    def torque(self, field: np.ndarray) -> csr_array:
        """Torque part alone, (3N, 3N)."""
        return sum((b * T for b, T in zip(field, self.torques, strict=True)), csr_array((3 * self.N, 3 * self.N)))

    @property
    def injected_source(self) -> np.ndarray:
        """Scaled right-hand side (3N,) of the injected moment currents; scaled lengths, potentials in V."""
        return np.asarray(self.injected * self.scales.length / self.scales.conductivity)

    @functools.cached_property
    def mass_matrix(self) -> csr_array:
        """Relaxation part of A(0): its eigenvalues relative to A(B) are decay rates in units of 1/tau."""
        unit = self.scales.length**2 / self.scales.diffusion
        blocks = [_Assembler(self.basis)(forms.mass, unit * rate) for rate in self.coefficients.rate]
        return csr_array(self.keep.T @ block_diag(blocks) @ self.keep)

    @functools.cached_property
    def _reduced(self) -> tuple[csr_array, ...]:
        return tuple(csr_array(self.keep.T @ M @ self.keep) for M in (self.A_0, *self.torques))

    def free_columns(self, fixed: tuple[str, ...]) -> np.ndarray:
        """Columns of ``tie`` that are unknown when the named contacts have a given potential (or one is grounded)."""
        columns = [self.terminals[name].column for name in fixed]
        held = {c for c in columns if c is not None} or {0}
        return np.setdiff1d(np.arange(self.tie.shape[1]), sorted(held))

    def potential_solver(self, fixed: tuple[str, ...] = ()) -> tuple[csr_array, Factorisation]:
        """Free part of ``tie`` and the factorised potential matrix on it; factorised once for each set of contacts."""
        if fixed not in self._solvers:
            T = csr_array(self.tie[:, self.free_columns(fixed)])
            self._solvers[fixed] = T, SuperLU(symmetric=True).factorise(T.T @ self.K @ T)
        return self._solvers[fixed]

    @functools.cached_property
    def _solvers(self) -> dict[tuple[str, ...], tuple[csr_array, Factorisation]]:
        return {}


def system_of(problem: Problem) -> System:
    """The assembled system of a problem; assembled once and kept with it."""
    store = vars(problem)
    if "_system" not in store:
        store["_system"] = assemble(problem)
    system: System = store["_system"]
    return system


def assemble(problem: Problem) -> System:
    """Assemble all matrices once; they do not depend on the field or on the drive."""
    mesh = problem.mesh.mesh
    in_metres = cell_basis(mesh, problem.order)
    coefficients = evaluate(problem, np.asarray(in_metres.global_coordinates()))
    scales = coefficients.scales()
    basis = cell_basis(mesh.scaled(1.0 / scales.length), problem.order)
    _check_orientation(basis)
    K, S, C, (drive, response, ohmic) = _electric_parts(problem, basis, coefficients, scales)
    A_0, torques = _moment_parts(basis, coefficients, scales)
    robin, injected, absorbed = _edge_parts(problem, basis, scales)
    tie, terminals = _terminals(problem, basis, scales)
    keep = _columns(~absorbed)
    return System(problem, basis, scales, coefficients, K, S, C, csr_array(A_0 + robin), torques, drive, response, ohmic,
                  injected, tie, keep, terminals)


def _check_orientation(basis: Any) -> None:
    """Refuse cells whose map folds; the sign itself only tells how a cell's vertices are numbered."""
    if not basis.mesh.affine:
        volume = basis.mapping.detDF(basis.X)
        if np.any(volume.min(axis=1) * volume.max(axis=1) <= 0.0):
            raise MeshError("a curved or quadrilateral cell folds over itself; refine the mesh or straighten its boundary")


class _Assembler:
    """Assembles a form with a coefficient; constant coefficients share one matrix."""

    def __init__(self, basis: Any) -> None:
        self.basis = basis
        self.unit: dict[str, csr_array] = {}

    def __call__(self, form: Any, coefficient: np.ndarray) -> csr_array:
        first = float(coefficient.flat[0])
        if np.all(coefficient == first):
            name = form.form.__name__
            if name not in self.unit:
                self.unit[name] = csr_array(form.assemble(self.basis, a=np.ones_like(coefficient)))
            return first * self.unit[name]
        return csr_array(form.assemble(self.basis, a=np.ascontiguousarray(coefficient)))


def _electric_parts(problem: Problem, basis: Any, c: Coefficients,
                    scales: Scales) -> tuple[csr_array, csr_array, csr_array, tuple[np.ndarray, np.ndarray, float]]:
    """K, S, C and, for cross-sections, the drive and response vectors of a uniform E along x."""
    N, axes = basis.N, problem.mesh.axes
    make = _Assembler(basis)
    sigma, generation = c.sigma / scales.conductivity, c.alpha * c.sigma / scales.conductivity
    detection = c.alpha_inverse * c.diffusion / scales.diffusion
    S = csr_array((3 * N, N))
    C = csr_array((N, 3 * N))
    drive, response = np.zeros((3, N)), np.zeros((3, N))
    K = make(forms.stiffness, sigma)
    if len(axes) == 2:  # the component along the normal of the mesh plane couples to the in-plane current
        normal = ({0, 1, 2} - {AXIS[a] for a in axes}).pop()
        rows = [csr_array((N, N))] * 3
        rows[normal] = make(forms.curl, generation)
        S = csr_array(vstack(rows))
        weights = c.detection(normal, problem.detection)
        C = csr_array(block_array([[make(forms.curl, detection * w) for w in weights]]))
    if problem.is_cross_section:
        for i, axis in enumerate(axes):
            moved, sign = (2, 1.0) if axis == "y" else (1, -1.0)  # eps_yzx = 1, eps_zyx = -1
            drive[moved] += sign * _slope(basis, i, generation)
            for d, w in enumerate(c.detection(moved, problem.detection)):
                response[d] += sign * _slope(basis, i, detection * w)
    ohmic = float(forms.integral.assemble(basis, a=sigma))
    return K, S, C, (drive.ravel(), response.ravel(), ohmic)


def _slope(basis: Any, axis: int, coefficient: np.ndarray) -> np.ndarray:
    zero = np.zeros_like(coefficient)
    values = {f"a{i}": coefficient if i == axis else zero for i in range(basis.mesh.dim())}
    return np.asarray(forms.slope.assemble(basis, **values))


def _moment_parts(basis: Any, c: Coefficients,
                  scales: Scales) -> tuple[csr_array, tuple[csr_array, csr_array, csr_array]]:
    """Diffusion and relaxation, and the torque per tesla for B along x, y, z."""
    make = _Assembler(basis)
    unit = scales.length**2 / scales.diffusion
    diffusion = make(forms.stiffness, c.diffusion / scales.diffusion)
    A_0 = csr_array(block_diag([diffusion + make(forms.mass, unit * rate) for rate in c.rate]))
    zero = csr_array((basis.N, basis.N))
    X = [[zero] * 3 for _ in range(3)]
    for a in range(3):
        for d in range(a + 1):
            if np.any(c.half_g_x[a, d] != 0.0):
                X[a][d] = X[d][a] = make(forms.mass, unit * c.half_g_x[a, d])
    torques = []
    for b in np.eye(3):
        T = cross_matrix(b)
        torques.append(csr_array(block_array(
            [[sum((T[a, k] * X[k][d] for k in range(3) if T[a, k] != 0.0), zero) for d in range(3)] for a in range(3)])))
    return A_0, (torques[0], torques[1], torques[2])


def _edge_parts(problem: Problem, basis: Any, scales: Scales) -> tuple[csr_array, np.ndarray, np.ndarray]:
    """Absorption matrix (3N, 3N), injected load per A/m (3N,), and the mask (3N,) of absorbed unknowns."""
    N = basis.N
    robin, injected, absorbed = csr_array((3 * N, 3 * N)), np.zeros((3, N)), np.zeros((3, N), dtype=bool)
    for name, moment in problem.moment_conditions().items():
        facets = problem.mesh.boundaries[name]
        if moment.absorbing:
            absorbed[:, basis.get_dofs(facets).all()] = True
            continue
        edge = facet_basis(basis.mesh, problem.order, facets)
        one = np.ones(edge.dx.shape)
        if any(moment.absorption):
            mass = csr_array(forms.mass.assemble(edge, a=one))
            unit = scales.length / scales.diffusion
            robin = robin + block_diag([unit * G * mass for G in moment.absorption])
        if any(moment.injected):
            injected += np.outer(moment.injected, forms.load.assemble(edge, a=one))
    return csr_array(robin), injected.ravel(), absorbed.ravel()


def _columns(mask: np.ndarray) -> csr_array:
    """Identity with the columns where ``mask`` is False left out."""
    rows = np.flatnonzero(mask)
    return csr_array((np.ones(rows.size), (rows, np.arange(rows.size))), shape=(mask.size, rows.size))


def _terminals(problem: Problem, basis: Any, scales: Scales) -> tuple[csr_array, dict[str, Terminal]]:
    """``tie`` (N, m) maps unknowns to coefficients with each equipotential contact one unknown."""
    owner = np.full(basis.N, -1)
    dropped = np.zeros(basis.N, dtype=bool)
    equipotential = [n for n, c in problem.contacts.items() if c.kind == "equipotential"]
    columns = {n: i for i, n in enumerate(equipotential)}
    ones: dict[str, np.ndarray] = {}
    for name, contact in problem.contacts.items():
        if contact.kind == "point":
            continue
        facets = problem.mesh.boundaries[contact.boundary or name]
        everything = basis.get_dofs(facets).all()
        vertices = basis.nodal_dofs[0, np.unique(basis.mesh.facets[:, facets])]
        ones[name] = unity = vertices if is_hierarchical(basis) else everything
        if name in columns:
            if np.any(owner[unity] >= 0):
                other = list(columns)[owner[unity].max()]
                raise InputError(f"contacts {other!r} and {name!r} touch each other; leave an insulating edge between them")
            owner[unity] = columns[name]
            dropped[np.setdiff1d(everything, unity)] = True
    free = np.flatnonzero((owner < 0) & ~dropped)
    tied = np.flatnonzero(owner >= 0)
    rows = np.concatenate([tied, free])
    cols = np.concatenate([owner[tied], len(columns) + np.arange(free.size)])
    tie = csr_array((np.ones(rows.size), (rows, cols)), shape=(basis.N, len(columns) + free.size))
    terminals = {}
    for name, contact in problem.contacts.items():
        indicator = np.zeros(basis.N)
        indicator[ones.get(name, [])] = 1.0
        load = np.zeros(basis.N)
        if name in columns:
            load[ones[name][0]] = 1.0
        else:
            load = _functional(problem, name, contact, basis, scales)
        terminals[name] = Terminal(load, indicator, columns.get(name))
    return tie, terminals


def _functional(problem: Problem, name: str, contact: Contact, basis: Any, scales: Scales) -> np.ndarray:
    """Weighted mean over a boundary piece, or the value at a point, as a vector (N,)."""
    if contact.kind == "point":
        point = np.array(contact.at)[:, None] / scales.length
        return np.asarray(point_rows(basis, problem.order, point, locate(basis.mesh, point))[0].toarray()[0])
    edge = facet_basis(basis.mesh, problem.order, problem.mesh.boundaries[contact.boundary or name])
    weight = np.ones(edge.dx.shape)
    if contact.kind == "profile" and callable(contact.profile):
        x = np.asarray(edge.global_coordinates()) * scales.length
        weight = np.asarray(contact.profile(*x), dtype=float) * weight
    total = float(np.sum(weight * edge.dx))
    if not np.all(np.isfinite(weight)) or abs(total) < 1e-12 * float(np.sum(np.abs(weight) * edge.dx)) or total == 0.0:
        raise InputError(f"contact {name!r}: the current profile must be finite and must not integrate to zero")
    return np.asarray(forms.load.assemble(edge, a=weight / total))
