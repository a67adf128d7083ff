"""What a measurement reads: four-terminal resistance, and the magnetoresistance of a
cross-section.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import InputError
from ..model.drive import Drive, read_pair
from ..model.problem import Problem
from ..units import fields_array
from .resolution import check_resolution, physics_notes
from .solve import MomentSolver, moment_source, ohmic_potential
from .system import System, system_of


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
    pairs: tuple[Any, Any] = (None, None)

    @classmethod
    def of(
        cls, problem: Problem, current: Any = None, voltage: Any = None, field: Any = None
    ) -> Measurement:
        """Prepare a measurement: the ohmic potential and what reads the answer; InputError for
        wrong terminals.

        ``field`` (3,) matters with ordinary Hall effect only, which makes the ohmic potential
        depend on it.
        """
        system = system_of(problem, field)
        if problem.is_cross_section:
            if current is not None or voltage is not None:
                raise InputError("a cross-section has no contacts: leave out current and voltage")
            source = moment_source(system, np.zeros(system.N), 1.0)
            return cls(
                system, source, system.ohmic_current, system.response / system.scales.length, 0.0
            )
        into, out = read_pair(problem, current, "current")
        plus, minus = read_pair(problem, voltage, "voltage")
        potential, residual = ohmic_potential(system, Drive({into: 1.0, out: -1.0}, {}))
        reader = system.terminals[plus].load - system.terminals[minus].load
        return cls(
            system,
            moment_source(system, potential),
            float(reader @ potential),
            reader,
            residual,
            (current, voltage),
        )

    def at(self, field: np.ndarray) -> Measurement:
        """This measurement at a field (3,); another one only with ordinary Hall effect."""
        problem = self.system.problem
        return Measurement.of(problem, *self.pairs, field) if problem.ordinary_hall else self

    def read(self, n: np.ndarray, potential: np.ndarray) -> float:
        """Change of resistance (ohm) or of the section's current for a response to unit drive."""
        return float(self.reader @ (n if self.system.problem.is_cross_section else potential))

    def sweep(self, fields: np.ndarray) -> Iterator[tuple[float, float, float]]:
        """(change, change relative to B = 0, residual) field by field, one factorisation each; of
        the orbital part.
        """
        zero = MomentSolver.at(self.system, np.zeros(3)).solve(self.source)
        for field in fields:
            if not np.any(field):
                yield self.read(zero.n, zero.potential), 0.0, zero.residual
                continue
            here = self.at(field)
            solver = MomentSolver.at(here.system, field)
            now = solver.solve(here.source)
            if here.system is not self.system:  # more than the torque depends on the field
                value = here.read(now.n, now.potential)
                yield (
                    value,
                    value - self.read(zero.n, zero.potential),
                    max(here.residual, now.residual, zero.residual),
                )
                continue
            change = solver.solve(-(self.system.torque(field) @ zero.n))
            yield (
                self.read(now.n, now.potential),
                self.read(change.n, change.potential),
                max(self.residual, now.residual, change.residual),
            )


def warn_once(problem: Problem, fields: np.ndarray) -> tuple[str, ...]:
    """Warn about the strongest field of a set; returns the texts."""
    strongest = fields[int(np.argmax(np.linalg.norm(fields, axis=1)))]
    notes = [*physics_notes(problem, fields), *check_resolution(system_of(problem), strongest)]
    for note in notes:
        warnings.warn(note, stacklevel=3)
    return tuple(str(note) for note in notes)


def resistance(
    problem: Problem, field: Any = (0.0, 0.0, 0.0), *, current: Any, voltage: Any
) -> Resistance:
    """Four-terminal resistance R = V/I at one field.

    Parameters
    ----------
    problem : Problem
        A device with contacts.
    field : (3,) floats, T
    current : (into, out_of)
        Contacts between which the current flows; it enters at the first.
    voltage : (plus, minus)
        Contacts whose potential difference is read.

    Returns
    -------
    Resistance, in ohm

    Raises
    ------
    InputError, SolveError
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
    measurement = Measurement.of(problem, current, voltage)
    warn_once(problem, field[None, :])
    change, hanle, residual = next(measurement.sweep(field[None, :]))
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


def magnetoresistance(problem: Problem, field: Any = (0.0, 0.0, 0.0)) -> Any:
    """rho(B) of an infinitely long conductor, Eq. (7): minus the relative change of its current.

    Parameters
    ----------
    problem : Problem
        On a cross-section (see :func:`cross_section`).
    field : (3,) or (n, 3) floats, T

    Returns
    -------
    float, or (n,) array
    """
    fields = fields_array(field)
    if not problem.is_cross_section:
        raise InputError(
            "magnetoresistance needs a cross-section; for a device with contacts use resistance"
        )
    several = np.atleast_2d(fields)
    measurement = Measurement.of(problem)
    warn_once(problem, several)
    rho = np.array([-change / measurement.base for change, _, _ in measurement.sweep(several)])
    return rho if fields.ndim == 2 else float(rho[0])
