"""Alternating current: complex delta_R against frequency."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from ..errors import InputError, complaints_of
from ..errors.doors import door
from ..files import Columns, Table
from ..model.material import precession_squared
from ..model.problem import Problem
from ..solver.linear import GENERAL, SYMMETRIC, Solver
from ..solver.resistance import Measurement, warn_once
from ..solver.solve import moment_inertia, moment_matrix
from ..solver.stability import check_stability
from ..sweep.curve import field_columns, terminals_text
from ..sweep.film import film_measures, film_share
from ..sweep.route import choose
from ..sweep.spectral import spectral_measures
from ..units import fields_array, vector_si

METHODS = ("auto", "spectral", "direct")


@dataclass(frozen=True, eq=False, repr=False)
class ACResponse(Table):
    """Response to an alternating current I exp(-i omega t), omega = 2 pi f: complex amplitudes,
    this sign throughout.

    Attributes
    ----------
    frequencies : (k,) Hz
    fields : (3,) or (n, 3) T
    effect : (k,) or (k, n) complex
        delta_R in ohm (V_orbital = delta_R I); on a cross-section rho.  The voltage lags the
        current by arg(delta_R).
    R_ohmic : float, ohm; NaN on a cross-section
    method : str
    current, voltage : pairs of contact names, or None
    summary : str
    seconds : float, s
    """

    frequencies: np.ndarray
    fields: np.ndarray
    effect: np.ndarray
    R_ohmic: float
    method: str
    current: tuple[str, str] | None
    voltage: tuple[str, str] | None
    summary: str
    seconds: float

    @property
    def delta_R(self) -> np.ndarray:
        """Complex delta_R in ohm, convention exp(-i omega t).

        Raises
        ------
        InputError
            On a cross-section, which has no resistance.
        """
        if self.current is None:
            raise InputError("delta_R: a cross-section has no resistance; use rho")
        return self.effect

    @property
    def rho(self) -> np.ndarray:
        """Complex rho (section) or delta_R/R_ohmic (device; NaN where R_ohmic = 0), convention
        exp(-i omega t).
        """
        return self.effect if self.current is None else self.effect / (self.R_ohmic or np.nan)

    def columns(self) -> Columns:
        """The table, one row for each frequency, and field if there are several.

        Returns
        -------
        {name: (unit, values)}
            "f" in Hz, "B_x", "B_y", "B_z" in T, real and imaginary part of delta_R in ohm (rho on a
            section).
        """
        several = np.atleast_2d(self.fields)
        table = {"f": ("Hz", np.repeat(self.frequencies, len(several)))}
        table |= field_columns(np.tile(several, (len(self.frequencies), 1)))
        name, unit = ("rho", "1") if self.current is None else ("delta_R", "ohm")
        return table | {
            f"Re {name}": (unit, self.effect.real.ravel()),
            f"Im {name}": (unit, self.effect.imag.ravel()),
        }

    def axes(self) -> dict[str, tuple[int, tuple[str, ...]]]:
        """The dimensions of :meth:`to_xarray`.

        Returns
        -------
        {dimension: (length, names of the columns along it)}
            "f", then "field".
        """
        fields = len(np.atleast_2d(self.fields))
        return {
            "f": (len(self.frequencies), ("f",)),
            "field": (fields, ("B_x", "B_y", "B_z")),
        }

    def _summary(self) -> Iterable[str]:
        lowest, highest = self.frequencies.min(), self.frequencies.max()
        yield terminals_text(self.current, self.voltage)
        yield (
            f"{len(self.frequencies)} frequencies, {lowest:g} to {highest:g} Hz, exp(-i omega t)"
        )
        yield self.method


@door
def ac_response(
    problem: Problem,
    frequencies: Any,
    field: Any = (0.0, 0.0, 0.0),
    *,
    current: Any = None,
    voltage: Any = None,
    method: str = "auto",
    tolerance: float | None = None,
    solver: Solver | None = None,
) -> ACResponse:
    """Complex delta_R (rho on a cross-section) at frequencies, for a current I exp(-i omega t).

    In this convention a relaxation rate 1/tau becomes 1/tau - i omega; it resonates with the
    precession, for B along x and diagonal X at omega = Omega sqrt(theta) = (g e/2) B sqrt(X_yy
    X_zz).

    Parameters
    ----------
    problem : Problem
    frequencies : float or (k,) Hz
    field : (3,) or (n, 3) T
    current, voltage : pairs of contact names; left out on a cross-section
    method : str
        "spectral": one real factorisation for all frequencies and fields; "direct": a complex one
        for each, any problem; "auto": spectral where it applies.
    tolerance : float
        Bound on the algebraic error of the spectral path, relative to the largest effect; default
        1e-8, and 1e-4 of a film.
    solver : Solver, optional
        As for :func:`hanle_curve`; the direct path asks it for complex matrices.

    Returns
    -------
    ACResponse

    Raises
    ------
    InputError
        Frequencies or fields of another shape or dimension, an unknown contact, a method that does
        not know the problem.
    SolveError
        As :func:`hanle_curve`.
    """
    start = time.perf_counter()
    route = choose("ac_response", method, METHODS, problem)
    with complaints_of("ac_response"):
        f = vector_si(frequencies, "Hz", "frequencies")
    fields = fields_array(field)
    several = np.atleast_2d(fields)
    if problem.film is not None:
        return _ac_film(problem, f, fields, (current, voltage), tolerance, solver, start)
    measurement = Measurement.of(problem, current, voltage, solver)
    warn_once(problem, several, measurement.share)
    if route.method == "spectral":
        effect, how = _ac_spectral(problem, f, several, measurement, tolerance)
    else:
        effect = np.array(
            [[_ac_direct(measurement.at(B), B, 2.0 * np.pi * nu) for B in several] for nu in f]
        )
        how = f"direct, one complex factorisation for each frequency and field{route.remark}"
    base = float("nan") if problem.is_cross_section else measurement.base
    pair, read = measurement.pairs
    return ACResponse(
        f,
        fields,
        effect if fields.ndim == 2 else effect[:, 0],
        base,
        how,
        pair,
        read,
        repr(problem),
        time.perf_counter() - start,
    )


def _ac_film(
    problem: Problem,
    f: np.ndarray,
    fields: np.ndarray,
    pairs: tuple[Any, Any],
    tolerance: float | None,
    solver: Solver | None,
    start: float,
) -> ACResponse:
    """From the measure of a film, edges and faces, or of a stack."""
    several = np.atleast_2d(fields)
    warn_once(problem, several, film_share(problem, [pairs[0]]))
    measure = film_measures(
        problem,
        [pairs],
        tolerance=tolerance,
        fields=several,
        rates=_rates(problem, f, several),
        solver=solver or SYMMETRIC,
    )[0]
    effect = np.column_stack([measure.ac(f, B) for B in several])
    return ACResponse(
        frequencies=f,
        fields=fields,
        effect=effect if fields.ndim == 2 else effect[:, 0],
        R_ohmic=measure.R_ohmic,
        method=f"spectral, {len(measure.rates)} poles from one factorisation",
        current=measure.current,
        voltage=measure.voltage,
        summary=repr(problem),
        seconds=time.perf_counter() - start,
    )


def _rates(problem: Problem, f: np.ndarray, fields: np.ndarray) -> np.ndarray:
    """Every s = 1 - i omega tau +- i phi that occurs and has a bound."""
    shift = -2j * np.pi * f * problem.material.mean_time
    if not problem.uniform:
        return np.asarray(1.0 + shift)  # a matrix a pole, and its bound at these
    phi = np.unique(np.sqrt(precession_squared(problem.material, fields).astype(complex)))
    s = (1.0 + shift[:, None, None] + np.array([-1j, 0.0, 1j])[:, None] * phi).ravel()
    return np.asarray(s[s.real > 0])


def _ac_spectral(
    problem: Problem,
    f: np.ndarray,
    fields: np.ndarray,
    measurement: Measurement,
    tolerance: float | None,
) -> tuple[np.ndarray, str]:
    """(k, n) complex, with the bound held at every rate that occurs."""
    shift = -2j * np.pi * f * problem.material.mean_time
    measure = spectral_measures(
        problem,
        [measurement.pairs],
        tolerance=tolerance,
        fields=fields,
        rates=_rates(problem, f, fields),
        solver=measurement.solver or SYMMETRIC,
    )[0]
    values = np.array([measure.response(fields, 1.0 + z)[0] for z in shift])
    return measure.unit * values, f"spectral, {len(measure.rates)} poles from one factorisation"


def _ac_direct(measurement: Measurement, B: np.ndarray, omega: float) -> complex:
    """One frequency on the finite elements: (A(B) - i omega M) n = source."""
    system = measurement.system
    check_stability(system, B)
    A = moment_matrix(system, B)
    P = system.keep
    potentials = A.shape[0] - P.shape[1]
    matrix = csr_array(A - 1j * omega * moment_inertia(system, potentials))
    factors = (measurement.solver or GENERAL).factorise(matrix)
    source = np.append(np.zeros(potentials), P.T @ measurement.source)
    x, _ = factors.solve(source.astype(complex))
    n = P @ x[potentials:]
    if system.problem.is_cross_section:
        return complex(measurement.reader @ n) / -measurement.base
    if potentials:
        potential = system.free_tie() @ x[:potentials]
    else:
        potential, _ = system.orbital_potential(n, solver=measurement.solver)
    return complex(measurement.reader @ potential + measurement.moment_reader @ n)
