"""Radau IIA of order 5 for M y' = g(t) - A(t) y, sparse, with a mass matrix that may be singular.

Three stages, stage order 3, stiffly accurate and L-stable, with the embedded error estimate of
Hairer and Wanner (Solving Ordinary Differential Equations II, IV.8); the same method as scipy's
``Radau``, which takes no mass matrix: M of finite elements is not diagonal, and with full coupling
the potential has no time derivative at all (index 1).

Steps are dyadic: between two stops (output times and breakpoints) a step is the stretch over
2^level, so that few step sizes occur, factorisations last, stops are hit exactly, and a resumed run
repeats the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from ..errors import SolveError
from ..solver.linear import GENERAL, Factorisation, Solver

#: One factorisation for the real eigenvalue, one for the complex pair.
Factors = tuple[Factorisation, Factorisation]

_R6 = np.sqrt(6.0)
NODES = np.array([(4.0 - _R6) / 10.0, (4.0 + _R6) / 10.0, 1.0])
#: Runge-Kutta matrix: a_ij = int_0^{c_i} l_j, from the interpolation conditions sum_j a_ij c_j^k =
#: c_i^(k+1)/(k+1).
_POWERS = NODES[:, None] ** np.arange(3)
_INTEGRALS = NODES[:, None] ** np.arange(1, 4) / np.arange(1, 4)
TABLEAU = _INTEGRALS @ np.linalg.inv(_POWERS)
_INVERSE = np.linalg.inv(TABLEAU)
#: Weights of the stages in the error estimate.
ERROR_WEIGHTS = np.array([-13.0 - 7.0 * _R6, -13.0 + 7.0 * _R6, -1.0]) / 3.0


def _spectrum() -> tuple[float, complex, np.ndarray, np.ndarray]:
    """Real and one complex eigenvalue of the inverse tableau, the vectors (real, complex), and the
    inverse.
    """
    values, vectors = np.linalg.eig(_INVERSE)
    real = int(np.argmin(abs(values.imag)))
    upper = int(np.argmax(values.imag))
    pair = vectors[:, upper]
    both = np.column_stack([vectors[:, real], pair, pair.conj()])
    mu_real, mu_complex = float(values[real].real), complex(values[upper])
    return mu_real, mu_complex, both, np.linalg.inv(both)


MU_REAL, MU_COMPLEX, _VECTORS, _ROWS = _spectrum()
#: Steps shorter than this times the whole run are refused.
SMALLEST_STEP = 1e-14
#: A step may double when the error is this much below the tolerance (the estimate is of fourth
#: order).
ROOM_TO_GROW = 0.03
#: Where a field that varies makes the stages iterate: contraction is followed until this size of
#: the tolerance.
CONVERGED, MOST_ITERATIONS = 1e-3, 12


@dataclass(frozen=True, eq=False)
class Stretch:
    """The equation between two stops: ``matrix(t)``, ``load(t)``; ``steady`` if the matrix does not
    depend on t.
    """

    start: float
    stop: float
    mass: csr_array
    matrix: Callable[[float], csr_array]
    load: Callable[[float], np.ndarray]
    steady: bool


@dataclass(frozen=True, eq=False)
class Position:
    """All that the next step depends on.

    y : unknowns.  stretch : index.  level, count : the step is the stretch over 2^level, ``count``
    of them are done.
    wanted : step size asked for, s.  scale : (blocks,) largest norms so far.  accepted, rejected :
    steps so far.
    """

    y: np.ndarray
    stretch: int
    level: int
    count: int
    wanted: float
    scale: np.ndarray
    accepted: int = 0
    rejected: int = 0


@dataclass(frozen=True, eq=False)
class Stepper:
    """Adaptive integration over stretches.

    stretches : in order of time.  norm : y -> (blocks,) norms that are controlled one by one.
    tolerance : local error of a step relative to the largest norm so far.  consistent : (y,
    stretch) -> y with its algebraic part made to fit.
    """

    stretches: list[Stretch]
    norm: Callable[[np.ndarray], np.ndarray]
    tolerance: float
    consistent: Callable[[np.ndarray, int], np.ndarray]
    solver: Solver = GENERAL

    @property
    def span(self) -> float:
        return self.stretches[-1].stop - self.stretches[0].start

    def begin(
        self,
        y: np.ndarray,
        wanted: float,
        scale: np.ndarray,
    ) -> Position:
        """Position at the start of the first stretch; ``scale`` (blocks,) are norms to expect."""
        scale = np.maximum(scale, self.norm(y))
        start = Position(y, stretch=0, level=0, count=0, wanted=wanted, scale=scale)
        return self._enter(start, 0)

    def _enter(
        self,
        at: Position,
        index: int,
    ) -> Position:
        """Start of a stretch: the level whose step is at most the wanted one."""
        s = self.stretches[index]
        halvings = np.log2((s.stop - s.start) / at.wanted)
        level = max(0, int(np.ceil(halvings - 1e-9)))
        y = self.consistent(at.y, index)
        return replace(at, y=y, stretch=index, level=level, count=0)

    def run(self, at: Position) -> Iterator[Position]:
        """Position after every accepted step, to the end of the last stretch."""
        factors: Any = None
        key: Any = None
        while at.stretch < len(self.stretches):
            s = self.stretches[at.stretch]
            h = (s.stop - s.start) / 2.0**at.level
            if h < SMALLEST_STEP * self.span:
                raise SolveError(
                    f"time-step underflow: the error cannot be held with steps of {h:.2g} s at t = "
                    f"{s.start + at.count * h:.6g} s; the drive or the field jumps there (give it "
                    "as a table "
                    "with that time twice) or grows without bound",
                    value=h,
                )
            middle = s.start + (at.count + 0.5) * h
            # steps of evenly spaced output times differ by round-off only
            rounded = float(f"{h:.11g}")
            now = (rounded, s.matrix if s.steady else middle)
            if key != now:
                factors = self._factorise(s.mass, s.matrix(middle), rounded)
                key = now
            before = at.accepted
            at = self._step(at, s, h, factors)
            if at.accepted == before:
                continue
            if at.count == 2**at.level:
                at = self._leave(at)
            yield at

    def _leave(self, at: Position) -> Position:
        """Start of the next stretch, or the end of the last."""
        following = at.stretch + 1
        if following == len(self.stretches):
            return replace(at, stretch=following, count=0)
        return self._enter(at, following)

    def _step(
        self,
        at: Position,
        s: Stretch,
        h: float,
        factors: Factors,
    ) -> Position:
        """One attempt: the position after it, or the same one with a smaller step."""
        t = s.start + at.count * h
        Z, iterations = self._stages(at, s, t, h, factors)
        y = at.y + Z[2]
        scale = np.maximum(at.scale, self.norm(y))
        error = self._error(at, s, t, h, Z, scale, factors[0])
        if not np.isfinite(error):
            error = 1e8
        elif iterations > MOST_ITERATIONS:
            error = max(error, 16.0)
        if error > 1.0:
            down = max(1, int(np.ceil(np.log2(error) / 4.0)))
            return replace(
                at,
                level=at.level + down,
                count=at.count * 2**down,
                wanted=h / 2.0**down,
                rejected=at.rejected + 1,
            )
        done = replace(
            at,
            y=y,
            count=at.count + 1,
            wanted=max(h, at.wanted) if error > ROOM_TO_GROW else 2.0 * h,
            scale=scale,
            accepted=at.accepted + 1,
        )
        if error < ROOM_TO_GROW and done.level > 0 and done.count % 2 == 0:
            return replace(done, level=done.level - 1, count=done.count // 2)
        return done

    def _error(
        self,
        at: Position,
        s: Stretch,
        t: float,
        h: float,
        Z: np.ndarray,
        scale: np.ndarray,
        factors: Factorisation,
    ) -> float:
        """Local error over what is tolerated, from the embedded formula."""
        safe = np.where(scale > 0, scale, 1.0)
        slope = s.mass @ (ERROR_WEIGHTS @ Z) / h
        rate = s.load(t) - s.matrix(t) @ at.y
        estimate, _ = factors.solve(rate + slope)
        error = float(np.max(self.norm(estimate) / safe)) / self.tolerance
        if error <= 1.0:
            return error
        # stiff components make the first estimate too large: Hairer and Wanner's filter
        rate = s.load(t) - s.matrix(t) @ (at.y + estimate)
        estimate, _ = factors.solve(rate + slope)
        return float(np.max(self.norm(estimate) / safe)) / self.tolerance

    def _stages(
        self,
        at: Position,
        s: Stretch,
        t: float,
        h: float,
        factors: Factors,
    ) -> tuple[np.ndarray, int]:
        """Increments Z (3, n) of the stages, by simplified Newton with the factorised matrix; one
        solve if it is constant.
        """
        matrices = [s.matrix(t + c * h) for c in NODES]
        loads = np.array([s.load(t + c * h) for c in NODES])
        Z = np.zeros((3, at.y.size))
        for iteration in range(1, MOST_ITERATIONS + 1):
            carried = [A @ (at.y + z) for A, z in zip(matrices, Z, strict=True)]
            slopes = (_INVERSE / h) @ Z
            defect = loads - np.array(carried)
            defect -= (s.mass @ slopes.T).T
            step = _rotated_step(defect, factors)
            Z = Z + step
            small = np.array([self.norm(z) for z in step]).max(axis=0)
            size = np.maximum(at.scale, self.norm(at.y + Z[2]))
            size = np.maximum(size, np.finfo(float).tiny)
            if s.steady or np.all(small <= CONVERGED * self.tolerance * size):
                return Z, iteration
        return Z, MOST_ITERATIONS + 1

    def _factorise(
        self,
        mass: csr_array,
        A: csr_array,
        h: float,
    ) -> Factors:
        """(mu/h) M + A for the real and the complex eigenvalue of the inverse tableau."""
        real = csr_array((MU_REAL / h) * mass + A)
        turned = csr_array((MU_COMPLEX / h) * mass + A)
        return self.solver.factorise(real), self.solver.factorise(turned)


def _rotated_step(
    defect: np.ndarray,
    factors: Factors,
) -> np.ndarray:
    """Newton's step (3, n) of the three stages, which the vectors of the tableau decouple."""
    rotated = _ROWS @ defect
    first, _ = factors[0].solve(np.ascontiguousarray(rotated[0].real))
    second, _ = factors[1].solve(np.ascontiguousarray(rotated[1]))
    alone = np.outer(_VECTORS[:, 0], first)
    pair = np.outer(_VECTORS[:, 1], second)
    return np.asarray((alone + 2.0 * pair).real)  # the third is the conjugate of the second
