"""What a measurement reads: four-terminal resistance, and the magnetoresistance of a
cross-section.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..errors import InputError, warn
from ..errors.doors import door
from ..model.drive import Drive, read_pair
from ..model.problem import Problem
from ..model.stack import Stack
from ..units import fields_array
from .linear import Solver
from .resolution import FIRST_ORDER, check_edges, check_resolution, physics_notes, size_notes
from .solve import MomentSolver, Response, moment_source, ohmic_potential
from .system import System, system_of

#: Part of the largest difference of potential below which a reading of it is round-off.
ROUND_OFF = 1e-13


@dataclass(frozen=True)
class Resistance:
    """A four-terminal resistance at one field, in ohm (2D: ohm, sheet quantities).

    Attributes
    ----------
    R : V/I at B = R_ohmic + geometric + delta_R.
    R_ohmic : without orbital Hall effect, at B = 0.
    delta_R : the orbital part, R - R_ohmic - geometric, solved for directly.
    hanle : delta_R(B) - delta_R(0), solved for directly (subtracted where the ordinary Hall effect
    is on).
    residual : largest relative residual of the linear systems.
    field : (3,) T
    geometric : change of R_ohmic by the ordinary Hall effect of B_z; 0 unless
    Problem(ordinary_hall=True).
    """

    R: float
    R_ohmic: float
    delta_R: float
    hanle: float
    residual: float
    field: tuple[float, float, float]
    geometric: float = 0.0

    def __float__(self) -> float:
        return self.R


@dataclass(frozen=True)
class FourTerminal:
    """Checked names of a measurement: a current pair and a voltage pair."""

    current: tuple[str, str]
    voltage: tuple[str, str]

    @classmethod
    def of(
        cls,
        problem: Problem,
        current: Any,
        voltage: Any,
    ) -> FourTerminal | None:
        """InputError for wrong names; None on a cross-section, which has no contacts."""
        if not problem.is_cross_section:
            return cls(read_pair(problem, current, "current"), read_pair(problem, voltage))
        if current is not None or voltage is not None:
            raise InputError("a cross-section has no contacts: leave out current and voltage")
        return None


@dataclass(frozen=True, eq=False)
class UnitCurrent:
    """1 A from one contact to another: the ohmic potential (N,) in V, what it does to the moments
    (3N,), and the residual.
    """

    potential: np.ndarray
    source: np.ndarray
    residual: float

    @classmethod
    def of(
        cls,
        system: System,
        pair: tuple[str, str],
        solver: Solver | None = None,
    ) -> UnitCurrent:
        drive = Drive.between(pair)
        potential, residual = ohmic_potential(system, drive, solver)
        injected = system.polarised.source(drive.currents)
        return cls(potential, moment_source(system, potential) + injected, residual)


def ohmic_reading(load: np.ndarray, potential: np.ndarray) -> float:
    """What a voltage pair reads of an ohmic potential; exactly 0 where that is round-off, as
    between probes opposite each other: a change relative to it does not exist.
    """
    value = float(load @ potential)
    return value if abs(value) > ROUND_OFF * float(np.ptp(potential)) else 0.0


@dataclass(frozen=True, eq=False)
class Measurement:
    """A current pair and a voltage pair on a system, or the total current of a cross-section.

    ``base`` is R_ohmic in ohm, or the ohmic current of the section; ``read`` turns a response into
    the change of it.
    """

    system: System
    source: np.ndarray
    base: float
    reader: np.ndarray
    residual: float
    names: FourTerminal | None = None
    solver: Solver | None = None
    potential: Any = None
    moment_reader: Any = 0.0

    @classmethod
    def of(
        cls,
        problem: Problem,
        current: Any = None,
        voltage: Any = None,
        solver: Solver | None = None,
    ) -> Measurement:
        """Prepare a measurement: the ohmic potential and what reads the answer; InputError for
        wrong terminals.
        """
        names = FourTerminal.of(problem, current, voltage)
        return cls.on(system_of(problem, with_spin=True), names, solver)

    @classmethod
    def on(
        cls,
        system: System,
        names: FourTerminal | None,
        solver: Solver | None,
    ) -> Measurement:
        if names is None:
            source = moment_source(system, np.zeros(system.N), 1.0)
            reader = system.response / system.scales.length
            return cls(
                system,
                source,
                system.ohmic_current,
                reader,
                0.0,
                None,
                solver,
            )
        unit = UnitCurrent.of(system, names.current, solver)
        reader = system.pair_load(names.voltage)
        base = ohmic_reading(reader, unit.potential)
        return cls(
            system,
            unit.source,
            base,
            reader,
            unit.residual,
            names,
            solver,
            unit.potential,
            system.polarised.reading(names.voltage),
        )

    @property
    def pairs(self) -> tuple[tuple[str, str] | None, tuple[str, str] | None]:
        """Current and voltage pair; None on a cross-section."""
        return (None, None) if self.names is None else (self.names.current, self.names.voltage)

    def at(self, field: np.ndarray) -> Measurement:
        """This measurement at a field (3,); another one only with ordinary Hall effect, which makes
        the ohmic potential depend on B_z.
        """
        system = self.system.in_field(field)
        return self if system is self.system else Measurement.on(system, self.names, self.solver)

    def solver_at(self, system: System, field: np.ndarray) -> MomentSolver:
        return MomentSolver.at(system, field, solver=self.solver)

    def read(self, n: np.ndarray, potential: np.ndarray) -> float:
        """Change of resistance (ohm) or of the section's current for a response to unit drive."""
        if self.system.problem.is_cross_section:
            return float(self.reader @ n)
        return float(self.reader @ potential + self.moment_reader @ n)

    @property
    def injected(self) -> np.ndarray:
        """What polarised contacts inject for unit current, (3N,)."""
        if self.names is None:
            return np.zeros(3 * self.system.N)
        return self.system.polarised.source(Drive.between(self.names.current).currents)

    def split(self) -> dict[str, Measurement]:
        """Measurements whose sum this is, by drive and reading (names of Parts), without those that
        give nothing; itself alone without polarised contacts.
        """
        if not self.system.problem.polarised:
            return {"": self}
        contacts, nothing = self.injected, np.zeros_like(self.reader)
        drives = {"p": contacts, "alpha": self.source - contacts}
        reads = {"p": (nothing, self.moment_reader), "alpha": (self.reader, 0.0 * contacts)}
        found = {
            f"{drive}_{read}": replace(self, source=source, reader=by_V, moment_reader=by_n)
            for drive, source in drives.items()
            for read, (by_V, by_n) in reads.items()
            if np.any(source) and (np.any(by_n) or (np.any(by_V) and self.system.reads))
        }
        return found or {"p_p": self}

    def parts(self, solver: MomentSolver) -> tuple[float, ...]:
        """delta_R by drive and reading at the field of a solver, in the order of Parts: of
        polarised contacts, then of orbital and spin moment.
        """
        return (*self._contact_parts(solver), *self._channel_parts(solver))

    def _channel_parts(self, solver: MomentSolver) -> tuple[float, ...]:
        """By the moment that is made, then by the one that is read; nothing without a spin, and
        with full coupling, where a sum of parts has no meaning.
        """
        s = self.system
        if s.spin is None or s.feeds_back:
            return ()
        found = []
        for made in (0, 1):
            now = solver.solve(_one_channel(self.source, made))
            for read in (0, 1):
                n = _one_channel(now.n, read)
                potential = np.zeros(s.N)
                if self.names is not None:
                    potential, _ = s.orbital_potential(n, solver=self.solver)
                found.append(self.read(n, potential))
        return tuple(found)

    def _contact_parts(self, solver: MomentSolver) -> tuple[float, ...]:
        if not self.system.problem.polarised:
            return ()
        contacts = self.injected
        found = []
        for source in (contacts, self.source - contacts):
            now = solver.solve(source)
            found += [self.moment_reader @ now.n, self.reader @ now.potential]
        return tuple(float(part) for part in found)

    @functools.cached_property
    def zero(self) -> Response:
        """The response without field."""
        return self.solver_at(self.system, np.zeros(3)).solve(self.source)

    @property
    def share(self) -> float:
        """|delta_R|/R_ohmic of the current pair, read at its own contacts, without field: alpha
        alpha' F(1)/(sigma R_ohmic).
        """
        problem = self.system.problem
        if self.names is None or problem.coupling != "linear" or problem.film is not None:
            return 0.0
        if problem.uniform:  # F(1) <= sigma R_ohmic: nothing to solve for where angles are small
            m = problem.material
            bound = abs(m.orbital_hall_angle * m.inverse_orbital_hall_angle)
            if bound <= FIRST_ORDER:
                return 0.0
        load = self.system.pair_load(self.names.current)
        orbital = self.zero.potential
        if problem.polarised:  # their moments are no matter of the first order in alpha alpha'
            still = self.solver_at(self.system, np.zeros(3))
            orbital = still.solve(self.source - self.injected).potential
        return abs(float(load @ orbital) / float(load @ self.potential))

    def sweep(self, fields: np.ndarray) -> Iterator[tuple[float, ...]]:
        """(change, change relative to B = 0, residual) field by field, one factorisation each; of
        the orbital part.  With polarised contacts its :meth:`parts` follow.
        """
        zero = self.zero
        for field in fields:
            if not np.any(field):
                value, parts = self.read(zero.n, zero.potential), self._parts_at_zero
                yield value, 0.0, zero.residual, *parts
                continue
            here = self.at(field)
            solver = self.solver_at(here.system, field)
            now = solver.solve(here.source)
            parts = here.parts(solver)
            if here.system is not self.system:  # more than the torque depends on the field
                value = here.read(now.n, now.potential)
                change = value - self.read(zero.n, zero.potential)
                yield value, change, max(here.residual, now.residual, zero.residual), *parts
                continue
            # A(B) (n - n_0) = -T(B) n_0: the change itself, with all its digits
            turned = solver.solve(-(self.system.torque(field) @ zero.n))
            value = self.read(now.n, now.potential)
            change = self.read(turned.n, turned.potential)
            yield value, change, max(self.residual, now.residual, turned.residual), *parts

    @functools.cached_property
    def _parts_at_zero(self) -> tuple[float, ...]:
        if not self.system.problem.polarised and self.system.spin is None:
            return ()
        return self.parts(self.solver_at(self.system, np.zeros(3)))


def _one_channel(moments: np.ndarray, which: int) -> np.ndarray:
    """(6N,) with the other moment set to 0."""
    out = np.zeros_like(moments)
    half = len(moments) // 2
    kept = slice(which * half, (which + 1) * half)
    out[kept] = moments[kept]
    return out


def warn_once(
    problem: Problem,
    fields: np.ndarray,
    share: float = 0.0,
    height: np.ndarray | None = None,
) -> tuple[str, ...]:
    """Warn about the strongest field of a set, and about the ``share`` of the orbital effect in the
    resistance; returns the texts.  Where the ``height`` of the :func:`edge_cells` is known and the
    material is uniform, nothing is assembled.
    """
    strongest = fields[int(np.argmax(np.linalg.norm(fields, axis=1)))]
    notes: list[Warning] = [*physics_notes(problem, fields)]
    if height is not None:
        notes += check_edges(height, problem, strongest)
    elif not isinstance(problem.film, Stack):  # which has no moments in the plane
        system = system_of(problem, plane_of_film=problem.film is not None, with_spin=True)
        notes += check_resolution(system, strongest)
    notes += size_notes(problem, share)
    for note in notes:
        warn(note)
    return tuple(str(note) for note in notes)


@door
def resistance(
    problem: Problem,
    field: Any = (0.0, 0.0, 0.0),
    *,
    current: Any,
    voltage: Any,
    solver: Solver | None = None,
) -> Resistance:
    """Four-terminal resistance R = V/I at one field.

    See docs/theory, sections 2 and 4.

    Parameters
    ----------
    problem : Problem
        A device with contacts.
    field : (3,) floats, T
    current : (into, out_of)
        Contacts between which the current flows; it enters at the first.
    voltage : (plus, minus)
        Contacts whose potential difference is read.
    solver : Solver, optional
        For all linear systems; default SuperLU, in its symmetric mode where the matrix is.

    Returns
    -------
    Resistance, in ohm

    Raises
    ------
    InputError
        A cross-section, several fields, an unknown contact.
    SolveError
        No steady state at this field, or a singular matrix.
    """
    field = fields_array(field)
    if field.shape != (3,):
        raise InputError(
            f"field: resistance takes one field of shape (3,), got {field.shape}; use hanle_curve "
            "for several"
        )
    if problem.is_cross_section:
        raise InputError(
            "resistance needs a device with contacts; for a cross-section use magnetoresistance"
        )
    measurement = Measurement.of(problem, current, voltage, solver)
    warn_once(problem, field[None, :], measurement.share)
    change, hanle, residual, *_ = next(measurement.sweep(field[None, :]))
    x, y, z = (float(b) for b in field)
    geometric = measurement.at(field).base - measurement.base
    return Resistance(
        measurement.base + geometric + change,
        measurement.base,
        change,
        hanle,
        residual,
        (x, y, z),
        geometric,
    )


@door
def magnetoresistance(
    problem: Problem, field: Any = (0.0, 0.0, 0.0), *, solver: Solver | None = None
) -> Any:
    """rho(B) of an infinitely long conductor, Eq. (7): minus the relative change of its current.

    Parameters
    ----------
    problem : Problem
        On a cross-section (see :func:`cross_section`).
    field : (3,) or (n, 3) floats, T
    solver : Solver, optional

    Returns
    -------
    float, or (n,) array

    Raises
    ------
    InputError
        A problem that is not on a cross-section, a field of another shape.
    SolveError
        No steady state at one of the fields, or a matrix that is singular.
    """
    fields = fields_array(field)
    if not problem.is_cross_section:
        raise InputError(
            "magnetoresistance needs a cross-section; for a device with contacts use resistance"
        )
    several = np.atleast_2d(fields)
    measurement = Measurement.of(problem, solver=solver)
    warn_once(problem, several)
    rho = np.array([-change / measurement.base for change, *_ in measurement.sweep(several)])
    return rho if fields.ndim == 2 else float(rho[0])
