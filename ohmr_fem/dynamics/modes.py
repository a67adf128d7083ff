"""The fast path in time: the poles of a spectral measure as relaxing, precessing modes.

In a uniform material with linear coupling n^d(r, t) = sum_k c^d_k(t) v_k(r), and Eq. (2) falls
apart into

    dc_k/dt = -(lambda_k + T(B)) c_k + drive(t) s_k,   lambda_k = (w_k + 1)/tau,

a 3 x 3 system for each pole.  With a constant field and a linear drive, P = (lambda_k + T)^{-1},

    c(t) = p(t) + exp(-lambda_k t) exp(-T t) [c(0) - p(0)],   p(t) = P s drive(t) - P^2 s drive'.

A field or drive of any other shape is integrated with scipy's Radau on these few unknowns.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg import expm

from ..errors import ConvergenceWarning, SolveError, warn
from ..model.channels import Channels
from ..model.problem import Problem
from ..solver.linear import SYMMETRIC, Solver
from ..solver.system import system_of
from ..sweep.lanczos import Projection
from ..sweep.matrix_measure import MatrixMeasure
from ..sweep.measure import SpectralMeasure
from ..sweep.spectral import spectral_measures
from .waveform import Waveform, stops_between


@dataclass(frozen=True, eq=False)
class Modes:
    """Modes of a measure.

    Attributes
    ----------
    measure : SpectralMeasure
    rates : (m,) lambda_k in 1/s; the last mode is the uniform moment density, which no measurement
    drives or reads (but for polarised contacts, whose poles hold it)
    source : (m, 3) per unit drive and second
    reader : (m, 3) f = sum reader c; times ``measure.unit`` it is delta_R (rho on a cross-section)
    per unit drive
    """

    measure: SpectralMeasure
    rates: np.ndarray
    source: np.ndarray
    reader: np.ndarray

    @classmethod
    def of(cls, measure: SpectralMeasure) -> Modes:
        weights, material = measure.projection.weights, measure.material
        tau = material.relaxation_time
        count = len(weights)
        source, reader = np.zeros((count + 1, 3)), np.zeros((count + 1, 3))
        for component, column, strength in measure.drives:
            source[:count, component] += strength * weights[:, column] * measure.stretch / tau
        for component, column, strength in measure.readings:
            row = strength * measure.detector(component)
            reader[:count] += np.outer(weights[:, column], row)
        rates = np.append(measure.projection.rates * measure.stretch + 1.0, 1.0) / tau
        return cls(measure, rates, source, reader)

    def torque(self, field: np.ndarray) -> np.ndarray:
        return self.measure.material.torque(field)

    @property
    def time(self) -> float:
        """Unit of time of the integration, s."""
        return float(self.measure.material.relaxation_time)

    def matrix(self, field: np.ndarray) -> np.ndarray:
        """lambda_k + T, (m, 3, 3)."""
        return np.asarray(self.rates[:, None, None] * np.eye(3) + self.torque(field))

    def lost(self, n: np.ndarray) -> np.ndarray:
        """What relaxation and diffusion take from n (m, 3)."""
        return np.asarray(self.rates[:, None] * n)

    def jacobian(self, field: np.ndarray) -> np.ndarray:
        """lambda_k + T of all modes in one matrix."""
        turned = np.kron(np.eye(len(self.rates)), self.torque(field))
        return np.asarray(np.diag(np.repeat(self.rates, 3)) + turned)

    def free(self, c: np.ndarray, field: np.ndarray, times: np.ndarray) -> np.ndarray:
        """What is left of c (m, 3) after the times, without a drive, (n, m, 3)."""
        turn = expm(-self.torque(field) * times[:, None, None])
        decay = np.exp(-np.outer(times, self.rates))
        return np.asarray(np.einsum("tde,ke->tkd", turn, c) * decay[..., None])

    def steady(self, field: np.ndarray) -> np.ndarray:
        """c (m, 3) of the steady state at unit drive."""
        return np.linalg.solve(self.matrix(field), self.source[..., None])[..., 0]

    def linear(
        self,
        c: np.ndarray,
        field: np.ndarray,
        start: Any,
        slope: Any,
        times: np.ndarray,
    ) -> np.ndarray:
        """c (n, m, 3) at ``times`` after now (n,), for a constant field and the drive start + slope
        t.
        """
        matrix = self.matrix(field)
        first = np.linalg.solve(matrix, self.source[..., None])[..., 0]
        second = np.linalg.solve(matrix, first[..., None])[..., 0]
        free = self.free(c - (first * start - second * slope), field, times)
        return free + first * (start + slope * times)[:, None, None] - second * slope

    def integrate(
        self,
        c: np.ndarray,
        field: Callable[[float], Any],
        drive: Callable[[float], Any],
        start: float,
        times: np.ndarray,
        tolerance: float,
    ) -> np.ndarray:
        """c (n, m, 3) at absolute ``times`` for any field and drive without jumps, scipy's
        Radau.
        """
        from scipy.integrate import solve_ivp  # a slow import that most users never need

        shape, tau = c.shape, self.time
        size = (
            np.abs(self.source).max()
            / self.rates[0]
            * max(abs(float(drive(t))) for t in (start, *times))
        )

        def slope(
            t: float,
            y: np.ndarray,
        ) -> np.ndarray:
            n = y.reshape(shape)
            return np.asarray(
                tau
                * (
                    -self.lost(n)
                    - n @ self.torque(field(t * tau)).T
                    + float(drive(t * tau)) * self.source
                )
            ).ravel()

        def jacobian(
            t: float,
            y: np.ndarray,
        ) -> np.ndarray:
            return -tau * self.jacobian(field(t * tau))

        found = solve_ivp(
            slope,
            (start / tau, times[-1] / tau),
            c.ravel(),
            method="Radau",
            t_eval=times / tau,
            jac=jacobian,
            rtol=0.1 * tolerance,
            atol=0.1 * tolerance * max(float(np.abs(c).max()), size),
        )
        if not found.success:
            reached = float(found.t[-1]) * tau if found.t.size else start
            raise SolveError(
                f"time-step underflow after t = {reached:g} s: {found.message}", value=reached
            )
        return found.y.T.reshape(-1, *shape)

    def signal(self, c: np.ndarray) -> np.ndarray:
        """delta_R (ohm) or rho times the drive, c (..., m, 3)."""
        return np.asarray(self.measure.unit * np.einsum("...kd,kd->...", c, self.reader))


def modes_of(
    problem: Problem,
    current: Any,
    voltage: Any,
    fields: np.ndarray,
    times: np.ndarray,
    tolerance: float,
    solver: Solver = SYMMETRIC,
) -> Modes:
    """The measure of a problem with enough poles for the step response on the time scales of
    ``times`` (n,).

    The poles are as many as make the step response change by less than the tolerance twice running:
    an estimate, while the bound of the steady state holds too.
    """
    tau = problem.material.mean_time
    stretches, slowest = _scales(problem)
    shortest = 0.3 * float(np.diff(times).min())
    grid = np.geomspace(shortest, float(times[-1] - times[0]), 48) / tau
    last: list[np.ndarray] = []
    change = [np.inf]

    def settled(part: Projection) -> bool:
        count = part.weights.shape[1]
        pairs = [(a, b) for a in range(count) for b in range(a, count)]
        g = np.array([part.residues(a, b) for a, b in pairs])
        several = []
        for stretch in stretches:
            rate = part.rates * stretch + slowest
            # step response of each pole, g (1 - exp(-rate t))/rate
            several.append(np.array([(g / rate) @ -np.expm1(-rate * t) for t in grid]).T)
        now = np.concatenate(several)
        last.append(now)
        if len(last) < 3:
            return False
        heights = np.abs(now)
        size = heights.max(axis=1, keepdims=True) + 1e-12 * heights.max()
        changes = [np.abs(now - before) / size for before in last[-3:-1]]
        change[0] = max(float(np.max(c)) for c in changes)
        return change[0] <= tolerance

    measure = spectral_measures(
        problem,
        [(current, voltage)],
        tolerance=min(tolerance, 1e-8),
        fields=fields,
        shift=float(grid[0] ** -0.5) / max(stretches),
        until=settled,
        solver=solver,
    )[0]
    if change[0] > 10.0 * tolerance:
        warn(
            ConvergenceWarning(
                f"the step response still changes by {change[0]:.1e} with the number of poles "
                f"({len(measure.rates)}); the times "
                f"span {grid[-1] / grid[0]:.0e}: take fewer decades, or method='stepping'",
                key="times",
            )
        )
    if isinstance(measure, MatrixMeasure):
        from .matrix_modes import MatrixModes

        return MatrixModes.of_matrices(measure)
    return Modes.of(measure)


def _scales(problem: Problem) -> tuple[list[float], float]:
    """Diffusion constants times tau over the square of the reference length, tau the mean time, and
    the slowest relaxation times tau.
    """
    if problem.uniform:
        return [1.0], 1.0
    matrices, tau = Channels.of(problem.material), problem.material.mean_time
    length = system_of(problem, with_spin=True).scales.length
    constants = np.linalg.eigvals(matrices.diffusion).real
    slowest = float(np.linalg.eigvals(matrices.relaxation).real.min())
    return [float(D * tau / length**2) for D in constants], slowest * tau


def evolve(
    modes: Modes,
    c: np.ndarray,
    times: np.ndarray,
    field: Waveform,
    drive: Waveform,
    tolerance: float,
) -> np.ndarray:
    """c (n, m, 3) at the output times, stretch by stretch between the breakpoints of field and
    drive.
    """
    stops = stops_between(times, times[[0, -1]], field, drive)
    out = [c[None]]
    for start, stop in itertools.pairwise(stops):
        inside = times[(times > start) & (times <= stop)]
        at = np.append(inside, stop) if inside.size == 0 or inside[-1] < stop else inside
        flat = field.function is None and not np.any(field.piece(start, stop)[1])
        if flat and drive.function is None:
            first, slope = drive.piece(start, stop)
            found = modes.linear(c, field.piece(start, stop)[0], first, slope, at - start)
        else:
            found = modes.integrate(
                c, field.inside(start, stop), drive.inside(start, stop), start, at, tolerance
            )
        out.append(found[: inside.size])
        c = found[-1]
    return np.concatenate(out)
