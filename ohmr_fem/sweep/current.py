"""Beyond linear response: the moments drift with the carriers, so that the resistance depends on
the current.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import NewtonError
from ..errors.doors import door
from ..files import Columns, Table
from ..model.drive import Drive
from ..model.problem import Problem
from ..solver.drift import _checked, _peclet, _solve, _warn, warn_of_size
from ..solver.linear import Solver
from ..solver.newton import NewtonStep
from ..solver.resistance import FourTerminal, ohmic_reading
from ..solver.solution import Solution
from ..solver.solution_file import save_solution
from ..solver.solve import solve
from ..solver.system import system_of
from ..units import fraction, vector_si
from .curve import terminals_text

#: Times a step in current is halved before the continuation gives up.
MOST_HALVINGS = 8


@dataclass(frozen=True, eq=False, repr=False)
class DriftCurve(Table):
    """delta_R against the current.

    Eq. (S1); docs/theory, section 2.

    Attributes
    ----------
    currents : (n,) A
    delta_R : (n,) ohm, orbital voltage over current; where the current is 0, its limit
    delta_R_linear : float, ohm, the limit of small currents: linear response
    R_ohmic : float, ohm (with the geometric part of the ordinary Hall effect, if that is on)
    drift : (n,) root mean square of mu |E| tau / L_m over the device: what the drift is measured by
    histories : Newton's steps at each current
    field : (3,) T
    current, voltage : pairs of contact names
    summary : str
    seconds : float, s
    """

    currents: np.ndarray
    delta_R: np.ndarray
    delta_R_linear: float
    R_ohmic: float
    drift: np.ndarray
    histories: tuple[tuple[NewtonStep, ...], ...]
    field: np.ndarray
    current: tuple[str, str]
    voltage: tuple[str, str]
    summary: str
    seconds: float

    @property
    def R(self) -> np.ndarray:
        """R_ohmic + delta_R, (n,) ohm."""
        return self.R_ohmic + self.delta_R

    def columns(self) -> Columns:
        """The table, one row for each current.

        Returns
        -------
        {name: (unit, values)}
            "I" in A, "R" and "delta_R" in ohm, "drift", "newton_steps".
        """
        return {
            "I": ("A", self.currents),
            "R": ("ohm", self.R),
            "delta_R": ("ohm", self.delta_R),
            "drift": ("1", self.drift),
            "newton_steps": ("1", np.array([len(h) - 1 for h in self.histories])),
        }

    def axes(self) -> dict[str, tuple[int, tuple[str, ...]]]:
        """The dimension of :meth:`to_xarray`.

        Returns
        -------
        {dimension: (length, names of the columns along it)}
            "I" alone.
        """
        return {"I": (len(self.currents), ("I",))}

    def _summary(self) -> Iterable[str]:
        yield terminals_text(self.current, self.voltage)
        yield f"{len(self.currents)} currents"
        yield (
            f"delta_R {self.delta_R.min():.6g} to {self.delta_R.max():.6g} ohm, "
            f"{self.delta_R_linear:.6g} in linear response"
        )


@door
def drift_curve(
    problem: Problem,
    amplitudes: Any,
    field: Any = (0.0, 0.0, 0.0),
    *,
    current: Any,
    voltage: Any,
    tolerance: float = 1e-11,
    max_iterations: int = 20,
    solver: Solver | None = None,
    rescue: str | Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> DriftCurve:
    """delta_R against the current, by continuation from small currents to large ones of either
    sign.

    Eq. (S1); docs/theory, section 2.

    Parameters
    ----------
    problem, tolerance, max_iterations, solver
        As for :func:`drift_solve`.
    amplitudes : (n,) A
        Currents into the first contact of ``current``, in any order and of any sign.
    field : (3,) T
    current, voltage : pairs of contact names
    rescue : path, optional
        Where the last good Solution is saved if Newton's method fails.
    progress : callable(done, total), optional

    Returns
    -------
    DriftCurve

    Raises
    ------
    InputError
        No device plane or no mobility, an unknown contact, currents that are not finite.
    NewtonError
        With ``history``, ``last`` (Solution at the largest current reached) and ``partial``
        (DriftCurve of what was done).
    """
    began = time.perf_counter()
    field, tolerance = _checked(problem, field), fraction(tolerance, "tolerance")
    names = FourTerminal.of(problem, current, voltage)
    assert names is not None  # a device plane, as checked
    pair, read = names.current, names.voltage
    I = vector_si(amplitudes, "A", "amplitudes")  # noqa: E741
    _warn(problem, field)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        unit = solve(problem, field, {pair[0]: 1.0, pair[1]: -1.0}, solver=solver)
    warn_of_size(unit)
    done: dict[int, tuple[float, float, tuple[NewtonStep, ...]]] = {}

    def curve() -> DriftCurve:
        order = sorted(done)
        values = [done[i] for i in order]
        base = ohmic_reading(system_of(problem).pair_load(read), unit.ohmic_dofs)
        return DriftCurve(
            I[order],
            np.array([v[0] for v in values]),
            unit.orbital_voltage(*read),
            base,
            np.array([v[1] for v in values]),
            tuple(v[2] for v in values),
            field,
            pair,
            read,
            repr(problem),
            time.perf_counter() - began,
        )

    for sign in (1.0, -1.0):
        track = _Track(problem, field, pair, tolerance, max_iterations, unit, solver)
        for i in sorted(
            np.flatnonzero(sign * I > 0 if sign < 0 else I >= 0), key=lambda k: abs(I[k])
        ):
            if I[i] == 0.0:
                done[int(i)] = unit.orbital_voltage(*read), 0.0, ()
                continue
            try:
                solution, history = track.to(float(I[i]))
            except NewtonError as failed:
                failed.last, failed.partial = track.last, curve() if done else None
                if rescue is not None and track.last is not None:
                    save_solution(track.last, rescue)
                raise
            done[int(i)] = (
                solution.orbital_voltage(*read) / I[i],
                _strength(solution),
                tuple(history),
            )
            if progress is not None:
                progress(len(done), len(I))
        if track.last is not None:
            _peclet(track.last)
    return curve()


def _strength(solution: Solution) -> float:
    """Root mean square of mu |E| tau / L_m."""
    system = system_of(solution.problem, solution.field)
    slope: Any = system.basis.interpolate(solution.ohmic_dofs).grad
    c = system.coefficients
    drift = c.mobility / np.sqrt(c.diffusion * c.rate[2]) / system.scales.length
    return float(
        np.sqrt(
            np.sum(drift**2 * (slope[0] ** 2 + slope[1] ** 2) * system.basis.dx)
            / np.sum(system.basis.dx)
        )
    )


class _Track:
    """Continuation in the current: each solution over its current, extrapolated, starts the
    next.
    """

    def __init__(
        self,
        problem: Problem,
        field: np.ndarray,
        pair: tuple[str, str],
        tolerance: float,
        most: int,
        unit: Solution,
        solver: Solver | None,
    ) -> None:
        self.problem = problem
        self.field = field
        self.pair = pair
        self.tolerance = tolerance
        self.most = most
        self.solver = solver
        self.last: Solution | None = None
        # (current, moments per current), the limit of small currents first
        self.known = [(0.0, unit.moment_dofs)]

    def to(self, amplitude: float) -> tuple[Solution, list[NewtonStep]]:
        """Solution at a current; the step is halved where Newton's method fails."""
        target, halvings = amplitude, 0
        while True:
            try:
                found = self._at(target)
            except NewtonError:
                halvings += 1
                if halvings > MOST_HALVINGS:
                    raise
                target = 0.5 * (self.known[-1][0] + target)
                continue
            if target == amplitude:
                return found
            target = amplitude

    def _at(self, amplitude: float) -> tuple[Solution, list[NewtonStep]]:
        guess = self.known[-1][1]
        if len(self.known) > 1:
            (a, before), (b, last) = self.known[-2:]
            guess = last + (amplitude - b) / (b - a) * (last - before)
        found = _solve(
            self.problem,
            self.field,
            Drive.between(self.pair, amplitude),
            guess * amplitude,
            self.tolerance,
            self.most,
            time.perf_counter(),
            self.solver,
        )
        self.last = found[0]
        self.known = [*self.known[-1:], (amplitude, found[0].moment_dofs / amplitude)]
        return found
