"""Solve one problem at one field.

Everything is solved as an increment on the ohmic potential, so that the orbital part, a millionth
of the ohmic one, is never obtained by subtraction.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import block_diag, csr_array

from ..errors import InputError, warn
from ..errors.doors import door
from ..model.drive import Drive, read_drive
from ..model.problem import Problem
from ..units import fields_array
from .linear import (
    BALANCED,
    GENERAL,
    Factorisation,
    Solver,
    unbalanced,
    warn_inexact,
    warn_unbalanced,
)
from .narrow import moment_factors
from .resolution import check_resolution, physics_notes, size_notes
from .solution import Solution
from .stability import check_stability
from .system import System, system_of

#: Nothing is divided by less.
TINY = float(np.finfo(float).tiny)


@dataclass(frozen=True, eq=False)
class Response:
    """Answer to a source of the moment equation: n (3N,) in scaled units, orbital potential (N,),
    residual.
    """

    n: np.ndarray
    potential: np.ndarray
    residual: float


@dataclass(frozen=True, eq=False)
class MomentSolver:
    """The factorised moment system at one field.

    Linear coupling: (A(B)) n = source, then K V_1 = -C n.
    Full coupling: both at once, [[K, C], [S, A(B)]] (V_1, n) = (0, source).
    """

    system: System
    held: tuple[str, ...]
    factors: Factorisation
    solver: Solver | None = None
    field: Any = (0.0, 0.0, 0.0)

    @classmethod
    def at(
        cls,
        system: System,
        field: np.ndarray,
        held: tuple[str, ...] = (),
        solver: Solver | None = None,
    ) -> MomentSolver:
        """Factorise at one field (3,) in T; SolveError if the torque is unstable."""
        check_stability(system, field)
        matrix = moment_matrix(system, field, held)
        factors = moment_factors(
            system, matrix, lambda: system.relaxing + system.torque(field), solver or GENERAL
        )
        return cls(system, held, factors, solver, field)

    def solve(self, source: np.ndarray) -> Response:
        """Response to a source (3N,) of the moment equation; it changes no contact current."""
        s, P = self.system, self.system.keep
        if s.feeds_back:
            T = s.free_tie(self.held)
            x, residual = self.factors.solve(np.append(np.zeros(T.shape[1]), P.T @ source))
            V, n = x[: T.shape[1]], P @ x[T.shape[1] :]
            # block by block: the moments must not vouch for the charge
            orbital = -(T.T @ (s.C @ n))
            warn_unbalanced(unbalanced(T.T @ s.K @ T, V, orbital), "orbital charge")
            rest = P.T @ (source - s.S @ (T @ V))
            left = rest - s.A(self.field) @ x[T.shape[1] :]
            self._look_at(n, rest, left)
            return Response(n, T @ V, residual)
        b = P.T @ source
        x, residual = self.factors.solve(b)
        n = P @ x
        self._look_at(n, b, b - self.factors.A @ x)
        if s.problem.mesh.dim == 1:
            return Response(n, np.zeros(s.N), residual)
        potential, second = s.orbital_potential(n, self.held, self.solver)
        return Response(n, potential, max(residual, second))

    def _look_at(self, n: np.ndarray, b: np.ndarray, left: np.ndarray) -> None:
        """Warn where the rest ``left`` of a source ``b`` of the kept moments moves what is read of
        the moments n (3N,).

        A component that is not read, and large, leaves a large rest: only what it does counts.
        """
        if np.abs(left).max(initial=0.0) <= BALANCED * np.abs(b).max(initial=0.0):
            return
        pads = self.factors.A.shape[0] - left.size
        moved = self.factors.apply(np.append(np.zeros(pads), left), False)
        warn_inexact(self._part_read(self.system.keep @ moved[pads:], n))

    def _part_read(self, moved: np.ndarray, n: np.ndarray) -> float:
        """How much a change of the moments (3N,) moves what is read of them."""
        s = self.system
        rows = list(s.polarised.readings.values())
        if s.problem.is_cross_section:
            rows.append(s.response)
        shares = [abs(row @ moved) / max(np.abs(row) @ np.abs(n), TINY) for row in rows]
        if s.problem.mesh.dim == 2 and not s.problem.is_cross_section:
            change, potential = (np.ptp(self._driven(each)) for each in (moved, n))
            shares.append(change / max(potential, TINY))
        return float(max(shares, default=0.0))

    def _driven(self, n: np.ndarray) -> np.ndarray:
        """V_1 of K V_1 = -C n, without a check."""
        T, factors = self.system.potential_solver(self.held, self.solver)
        return np.asarray(T @ factors.apply(-(T.T @ (self.system.C @ n)), False))


def moment_matrix(system: System, field: np.ndarray, held: tuple[str, ...] = ()) -> csr_array:
    """A(B) on the kept unknowns, or with full coupling [[K, C], [S, A(B)]] on the free potential
    and the kept moments.
    """
    A = system.A(field)
    return system.coupled(system.free_tie(held), A) if system.feeds_back else A


def moment_inertia(system: System, potentials: int) -> csr_array:
    """What multiplies the time derivative of the unknowns of :func:`moment_matrix`, in seconds.

    The first ``potentials`` of them are the free potential: charges follow at once, without a rate.
    """
    if potentials == 0:
        return system.inertia
    return csr_array(block_diag([csr_array((potentials, potentials)), system.inertia]))


def ohmic_potential(
    system: System, drive: Drive, solver: Solver | None = None
) -> tuple[np.ndarray, float]:
    """Potential (N,) in V without orbital Hall effect, sigma k(V, psi) = I_in(psi), and the
    residual.
    """
    if system.problem.is_cross_section:
        return np.zeros(system.N), 0.0
    T, factors = system.potential_solver(drive.held, solver)
    lifted = np.zeros(system.N)
    for name, value in drive.voltages.items():
        lifted += value * system.terminals[name].indicator
    currents = (i * system.terminals[name].load for name, i in drive.currents.items())
    load = sum(currents, np.zeros(system.N))
    b = T.T @ (load / system.scales.conductance - system.K @ lifted)
    v, residual = factors.solve(b)
    warn_unbalanced(unbalanced(factors.A, v, b), "charge")
    return T @ v + lifted, residual


def grounded(
    system: System, drive: Drive, ohmic: np.ndarray, orbital: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Both potentials (N,) with their zero where the drive has it: at its sink, unless a voltage is
    given.
    """
    if drive.sink is None or drive.held:
        return ohmic, orbital
    sink = drive.sink
    return system.with_zero_at(sink, ohmic), system.with_zero_at(sink, orbital)


def moment_source(system: System, potential: np.ndarray, electric_field: float = 0.0) -> np.ndarray:
    """Right-hand side (3N,) of the moment equation: the orbital Hall current of the ohmic potential
    or uniform field.
    """
    return np.asarray(electric_field * system.scales.length * system.drive - system.S @ potential)


def orbital_share(
    system: System, drive: Drive, ohmic: np.ndarray, orbital: np.ndarray, n: np.ndarray
) -> float:
    """Orbital part of the power over the ohmic one, for scaled moments n (3 N,): delta_R/R_ohmic of
    a pair of contacts. Nothing is said where moment is injected: its voltage is no second order.
    """
    problem = system.problem
    if problem.is_cross_section or problem.polarised or np.any(system.injected_source):
        return 0.0
    loads = [i * system.terminals[name].load for name, i in drive.currents.items()]
    change = float(sum(loads, np.zeros(system.N)) @ orbital)
    if drive.held:  # what the orbital part changes of the currents that flow there
        change -= system.scales.conductivity * float(ohmic @ (system.K @ orbital + system.C @ n))
    power = system.scales.conductivity * float(ohmic @ (system.K @ ohmic))
    return abs(change) / power if power > 0.0 else 0.0


@door
def solve(
    problem: Problem,
    field: Any = (0.0, 0.0, 0.0),
    currents: Mapping[str, Any] | None = None,
    voltages: Mapping[str, Any] | None = None,
    electric_field: Any = 1.0,
    *,
    solver: Solver | None = None,
) -> Solution:
    """Solve Eq. (2) with the potential at one magnetic field.

    Parameters
    ----------
    problem : Problem
    field : (3,) floats, T
    currents : {contact: quantity in A}
        Current into the device; contacts left out float. Must sum to zero unless a voltage is
        given.
    voltages : {contact: quantity in V}
        Potentials of equipotential contacts.
    electric_field : quantity, V/m
        Uniform field along x that drives a cross-section.
    solver : Solver, optional
        For all linear systems; default SuperLU, in its symmetric mode where the matrix is.

    Returns
    -------
    Solution

    Raises
    ------
    InputError
        Unknown contacts, currents that do not sum to zero, a field of the wrong shape.
    SolveError
        Singular system, unstable torque, or a residual that is not small.
    """
    start = time.perf_counter()
    field = fields_array(field)
    if field.shape != (3,):
        raise InputError(
            f"field: solve takes one field of shape (3,) in tesla, got shape {field.shape}; "
            "use hanle_curve for several"
        )
    drive = read_drive(problem, currents, voltages, electric_field)
    system = system_of(problem, field, with_spin=True)
    notes = [*physics_notes(problem, field), *check_resolution(system, field)]
    for note in notes:
        warn(note)
    ohmic, first = ohmic_potential(system, drive, solver)
    source = moment_source(system, ohmic, drive.electric_field) + system.injected_source
    source = source + system.polarised.source(drive.currents)
    response = MomentSolver.at(system, field, drive.held, solver).solve(source)
    ohmic, orbital = grounded(system, drive, ohmic, response.potential)
    for note in size_notes(problem, orbital_share(system, drive, ohmic, orbital, response.n)):
        notes.append(note)
        warn(note)
    return Solution(
        problem=problem,
        field=field,
        drive=drive,
        ohmic_dofs=ohmic,
        orbital_dofs=orbital,
        moment_dofs=response.n.reshape(-1, system.N) * system.moment_unit,
        residuals={"potential": first, "moment": response.residual},
        solver=(solver or GENERAL).name,
        factorisations=1 if problem.mesh.dim == 1 else 2,
        seconds=time.perf_counter() - start,
        warnings=tuple(str(note) for note in notes),
    )
