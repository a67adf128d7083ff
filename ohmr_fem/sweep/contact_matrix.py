"""Every resistance of a device at once: R_ij,kl(B) for all pairs of contacts, one factorisation a
field at most.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..errors import InputError, suggest, warn
from ..errors.doors import door
from ..files import Columns, Table
from ..model.problem import Problem
from ..solver.linear import SYMMETRIC, Solver
from ..solver.resistance import ROUND_OFF, FourTerminal, Measurement, UnitCurrent, warn_once
from ..solver.resolution import size_notes
from ..solver.solve import MomentSolver
from ..solver.system import system_of
from ..units import array_si, fields_array
from .curve import field_columns
from .route import choose
from .spectral import spectral_measures

METHODS = ("auto", "spectral", "direct")
#: Newton steps of the van der Pauw equation; it converges from below in about five.
STEPS = 60


@dataclass(frozen=True, eq=False, repr=False)
class ResistanceMatrix(Table):
    """R_ij,kl(B): current in at i and out at j, voltage of k against l.

    Attributes
    ----------
    contacts : names that read a voltage (K of them)
    sources : names that carry current (C of them); current leaves at the last one, ``reference``
    fields : (n, 3) T
    ohmic, orbital, change : (n, K, C) ohm
        Voltage of a contact against the reference for unit current into a source: without orbital
        Hall effect, by it, and its change from B = 0. All resistances are differences of these.
    method : str
    problem : Problem
    """

    contacts: tuple[str, ...]
    sources: tuple[str, ...]
    fields: np.ndarray
    ohmic: np.ndarray
    orbital: np.ndarray
    change: np.ndarray
    method: str
    problem: Problem

    @property
    def reference(self) -> str:
        """The contact at which current leaves and from which voltages count."""
        return self.sources[-1]

    def read(self, current: Any, voltage: Any, quantity: str = "R") -> np.ndarray:
        """A four-terminal resistance against field.

        Parameters
        ----------
        current, voltage : pairs of contact names
            As for :func:`resistance`. The same pair twice: the two-terminal resistance.
        quantity : "R", "R_ohmic", "delta_R" or "hanle"
            As in :class:`Resistance`.

        Returns
        -------
        (n,) ohm

        Raises
        ------
        InputError
            An unknown quantity or contact.
        """
        tables = {
            "R": (self.ohmic, self.orbital),
            "R_ohmic": (self.ohmic,),
            "delta_R": (self.orbital,),
            "hanle": (self.change,),
        }
        if quantity not in tables:
            raise InputError(
                f"quantity: {quantity!r} is not known; {suggest(quantity, tables)}", value=quantity
            )
        names = FourTerminal.of(self.problem, current, voltage)
        assert names is not None  # a matrix belongs to a device
        i, j = (self.sources.index(name) for name in names.current)
        k, m = (self.contacts.index(name) for name in names.voltage)
        # the small part is subtracted by itself: added to the large one first, it loses digits
        parts = []
        for Z in tables[quantity]:
            driven = Z[:, :, i] - Z[:, :, j]
            part = (Z[:, k, i] - Z[:, m, i]) - (Z[:, k, j] - Z[:, m, j])
            if Z is self.ohmic:  # as in resistance: round-off of the potentials is no resistance
                part = np.where(np.abs(part) > ROUND_OFF * np.ptp(driven, axis=1), part, 0.0)
            parts.append(part)
        return np.asarray(sum(parts))

    def sheet_resistance(self, contacts: Sequence[str]) -> np.ndarray:
        """Sheet resistance by van der Pauw's method.

        Parameters
        ----------
        contacts : four names
            In order around the rim.

        Returns
        -------
        (n,) ohm

        Raises
        ------
        InputError
            Not four different contacts, or a resistance that is not positive.
        """
        if len(contacts) != 4 or len(set(contacts)) != 4:
            raise InputError(
                "sheet_resistance: needs four different contacts in order around the rim, got "
                f"{contacts!r}",
                value=contacts,
            )
        a, b, c, d = contacts
        first = (self.read((a, b), (d, c)) + self.read((d, c), (a, b))) / 2
        second = (self.read((b, c), (a, d)) + self.read((a, d), (b, c))) / 2
        return sheet_resistance(first, second)

    def reciprocity(self) -> float:
        """Largest |R_ij,kl(B) - R_kl,ij(-B)| over the largest |R|; docs/theory, section 12.

        Zero up to round-off for X_za = 0 or reciprocal detection, Onsager's relation.  Polarised
        contacts are turned over along with the field, which takes a second matrix.

        Returns
        -------
        float

        Raises
        ------
        InputError
            A field without its opposite.
        """
        opposite = [
            int(np.argmin(np.linalg.norm(self.fields + field, axis=1))) for field in self.fields
        ]
        size = float(np.abs(self.fields).max())
        if not np.allclose(self.fields[opposite], -self.fields, rtol=0, atol=1e-9 * size):
            raise InputError(
                "reciprocity: needs every field and its opposite, as field_sweep(-2, 2, 5) gives",
                value=self.fields,
            )
        rows = [self.contacts.index(name) for name in self.sources]
        R = (self.ohmic + self.orbital)[:, rows]
        back = R[opposite]
        if self.problem.polarised:
            other = self._turned_over()
            back = (other.ohmic + other.orbital)[opposite][:, rows]
        return float(np.abs(R - back.transpose(0, 2, 1)).max() / np.abs(R).max())

    def _turned_over(self) -> ResistanceMatrix:
        """The matrix of the same fields with every polarisation reversed."""
        given = self.problem.contacts.items()
        turned = replace(self.problem, contacts={name: c.reversed() for name, c in given})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they have been said of this matrix
            return resistance_matrix(turned, self.fields, method=self.method)

    def columns(self) -> Columns:
        """The table, one row for each field: R and its orbital part for every source against the
        reference.

        Returns
        -------
        {name: (unit, values)}
            Fields in T, resistances in ohm.
        """
        table = field_columns(self.fields)
        pairs = [
            (i, s, k, c)
            for i, s in enumerate(self.sources[:-1])
            for k, c in enumerate(self.contacts)
            if c != self.reference
        ]
        for what, Z in (("R", self.ohmic + self.orbital), ("delta_R", self.orbital)):
            table |= {
                f"{what}({s}-{self.reference}; {c}-{self.reference})": ("ohm", Z[:, k, i])
                for i, s, k, c in pairs
            }
        return table

    def axes(self) -> dict[str, tuple[int, tuple[str, ...]]]:
        """The dimension of :meth:`to_xarray`.

        Returns
        -------
        {dimension: (length, names of the columns along it)}
            "field" alone.
        """
        return {"field": (len(self.fields), ("B_x", "B_y", "B_z"))}

    def _summary(self) -> Iterable[str]:
        return (
            f"{len(self.fields)} fields",
            f"contacts {', '.join(self.contacts)}",
            self.method,
        )


@door
def resistance_matrix(
    problem: Problem,
    fields: Any = (0.0, 0.0, 0.0),
    *,
    method: str = "auto",
    tolerance: float | None = None,
    solver: Solver | None = None,
) -> ResistanceMatrix:
    """All four-terminal resistances R_ij,kl(B) of a device.

    See docs/theory, sections 4 and 12.

    Parameters
    ----------
    problem : Problem
        With at least two contacts that carry current.
    fields : (3,) or (n, 3) floats, T
    method : "spectral" (one factorisation for all fields and pairs, where :func:`hanle_curve`
    allows it), "direct"
        (one for each field), or "auto".
    tolerance : float
        Of the spectral path, as for :func:`hanle_curve`.
    solver : Solver, optional
        As for :func:`hanle_curve`.

    Returns
    -------
    ResistanceMatrix

    Raises
    ------
    InputError
        Fewer than two contacts that carry current, a field of another shape or dimension, a method
        that does not know the problem.
    SolveError
        As :func:`hanle_curve`.
    """
    route = choose("resistance_matrix", method, METHODS, problem)
    several = np.atleast_2d(fields_array(fields, "fields"))
    sources = tuple(name for name, contact in problem.contacts.items() if contact.carries_current)
    if problem.is_cross_section or len(sources) < 2:
        raise InputError(
            "resistance_matrix: needs two contacts that carry current, got "
            f"{', '.join(sources) or 'none'}",
            value=sources,
        )
    warn_once(problem, several)
    if route.method == "spectral":
        found = _spectral(problem, several, sources, tolerance, solver or SYMMETRIC)
    else:
        found = _direct(problem, several, sources, solver)
    ohmic, orbital, change = found
    _warn_of_size(problem, sources, ohmic, orbital - change)
    return ResistanceMatrix(
        tuple(problem.contacts), sources, several, ohmic, orbital, change, route.method, problem
    )


def _warn_of_size(
    problem: Problem, sources: tuple[str, ...], ohmic: np.ndarray, orbital: np.ndarray
) -> None:
    """Each source read at its own contacts without field: V against the last source, which takes
    the current.
    """
    rows = [list(problem.contacts).index(name) for name in sources[:-1]]
    columns = range(len(rows))
    share = np.abs(orbital[:, rows, columns] / ohmic[:, rows, columns]).max()
    if problem.polarised:  # what contacts inject is no matter of the first order in alpha alpha'
        pairs = [(name, sources[-1]) for name in sources[:-1]]
        share = max(Measurement.of(problem, pair, pair).share for pair in pairs)
    for note in size_notes(problem, float(share)):
        warn(note)


def _spectral(
    problem: Problem,
    fields: np.ndarray,
    sources: tuple[str, ...],
    tolerance: float | None,
    solver: Solver,
) -> np.ndarray:
    # all potentials against one contact: every other pair is a difference of these
    contacts = list(problem.contacts)
    reference = sources[-1]
    others = [c for c in contacts if c != reference]
    pairs = [((s, reference), (c, reference)) for s in sources[:-1] for c in others]
    measures = spectral_measures(problem, pairs, tolerance=tolerance, fields=fields, solver=solver)
    tables = np.zeros((3, len(fields), len(contacts), len(sources)))
    for (current, voltage), measure in zip(pairs, measures, strict=True):
        place = np.s_[:, contacts.index(voltage[0]), sources.index(current[0])]
        effect, change = measure.response(fields)
        tables[0][place] = measure.R_ohmic
        tables[1][place] = measure.unit * effect
        tables[2][place] = measure.unit * change
    return tables


def _direct(
    problem: Problem, fields: np.ndarray, sources: tuple[str, ...], solver: Solver | None
) -> np.ndarray:
    """One factorisation for each field; the change from B = 0 is solved for where only the torque
    depends on B.
    """
    tables = np.zeros((3, len(fields), len(problem.contacts), len(sources)))
    none, moments = _voltages(problem, np.zeros(3), sources, None, solver)
    for i, field in enumerate(fields):
        tables[:, i] = none
        if np.any(field):
            tables[:, i] = _voltages(problem, field, sources, moments, solver)[0]
        if problem.ordinary_hall:
            # K and D depend on B_z too, so the change has no equation of its own
            tables[2, i] = tables[1, i] - none[1]
    return tables


def _voltages(
    problem: Problem,
    field: np.ndarray,
    sources: tuple[str, ...],
    at_zero: list[np.ndarray] | None,
    solver: Solver | None,
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Ohmic, orbital and changed voltages (3, K, C) at one field, and the moments of each
    source.
    """
    system, reference = system_of(problem, field, with_spin=True), sources[-1]
    loads = np.column_stack([system.terminals[c].load for c in problem.contacts])
    loads = loads - system.terminals[reference].load[:, None]
    moment_loads = np.column_stack(
        [system.polarised.reading((c, reference)) for c in problem.contacts]
    )
    here = MomentSolver.at(system, field, solver=solver)
    table, moments = np.zeros((3, loads.shape[1], len(sources))), []
    for j, name in enumerate(sources[:-1]):
        unit = UnitCurrent.of(system, (name, reference), solver)
        now = here.solve(unit.source)
        moments.append(now.n)
        table[0, :, j] = loads.T @ unit.potential
        table[1, :, j] = loads.T @ now.potential + moment_loads.T @ now.n
        if at_zero is not None and not problem.ordinary_hall:
            turned = here.solve(-(system.torque(field) @ at_zero[j]))
            table[2, :, j] = loads.T @ turned.potential + moment_loads.T @ turned.n
    return table, moments


@door
def sheet_resistance(first: Any, second: Any) -> np.ndarray:
    """Van der Pauw's sheet resistance R_s: exp(-pi R_1/R_s) + exp(-pi R_2/R_s) = 1.

    Parameters
    ----------
    first, second : positive floats or (n,) arrays, ohm
        R_ab,dc and R_bc,ad of contacts a, b, c, d in order around the rim.

    Returns
    -------
    (n,) array (0-d for floats), ohm

    Raises
    ------
    InputError
        A resistance that is not positive: contacts out of order, or a pair the wrong way round.
    """
    one, two = array_si(first, "ohm", "first"), array_si(second, "ohm", "second")
    if not np.all(one > 0) or not np.all(two > 0):
        raise InputError(
            f"sheet_resistance: both resistances must be positive, got {first!r} and {second!r}; "
            "take the contacts "
            "in order around the rim",
            value=(first, second),
        )
    inverse = (
        2 * np.log(2) / (np.pi * (one + two))
    )  # below the root: the sum of exponentials is convex and falls
    for _ in range(STEPS):
        a, b = np.exp(-np.pi * one * inverse), np.exp(-np.pi * two * inverse)
        step = (a + b - 1) / (np.pi * (one * a + two * b))
        inverse = inverse + step
        if np.all(np.abs(step) <= 1e-15 * inverse):
            break
    return np.asarray(1 / inverse)
