"""Sparse linear solvers as values: ``factorise`` a matrix, ``solve`` right-hand sides, always with the residual."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from scipy.sparse import csc_array, sparray
from scipy.sparse.linalg import splu

from .errors import SolveError

#: Largest relative residual that is accepted after refinement.
ACCEPTED_RESIDUAL = 1e-9


class Factorisation(Protocol):
    """A factorised matrix."""

    def solve(self, b: np.ndarray) -> tuple[np.ndarray, float]:
        """Solution of A x = b, shape (n,) or (n, k), and the largest relative residual |b - A x| / |b|."""


@dataclass(frozen=True)
class SuperLU:
    """scipy's SuperLU. ``symmetric=True`` (real symmetric definite matrices) halves time and memory."""

    symmetric: bool = False

    @property
    def name(self) -> str:
        return "SuperLU (symmetric mode)" if self.symmetric else "SuperLU"

    def factorise(self, matrix: sparray) -> Factorisation:
        """Factorise a square sparse matrix; SolveError if it is singular."""
        A = csc_array(matrix)
        options: dict[str, Any] = {"permc_spec": "COLAMD"}
        if self.symmetric:
            options = {"permc_spec": "MMD_AT_PLUS_A", "diag_pivot_thresh": 0.0, "options": {"SymmetricMode": True}}
        try:
            return _Factors(A, splu(A, **options).solve)
        except RuntimeError as exc:
            raise SolveError(f"the linear system of {A.shape[0]} unknowns is singular ({exc}); every part of the device "
                             "needs a contact, and the torque must be stable") from exc


@dataclass(frozen=True, eq=False)
class _Factors:
    A: Any
    apply: Any

    def solve(self, b: np.ndarray) -> tuple[np.ndarray, float]:
        x = self.apply(b)
        x = x + self.apply(b - self.A @ x)  # one refinement: contact currents close to round-off
        return x, checked_residual(self.A, x, b)


def checked_residual(A: Any, x: np.ndarray, b: np.ndarray) -> float:
    """Largest relative residual over the columns of b; SolveError if it is not small."""
    if b.shape[0] == 0:
        return 0.0
    size = np.linalg.norm(b, axis=0)
    error = np.linalg.norm(b - A @ x, axis=0)
    ratio = np.divide(error, size, out=np.where(error > 0, np.inf, 0.0), where=size > 0)
    worst = float(np.max(ratio)) if np.all(np.isfinite(x)) else float("inf")
    if not worst < ACCEPTED_RESIDUAL:
        raise SolveError(f"the linear solver left a relative residual of {worst:.1e} (accepted: {ACCEPTED_RESIDUAL:g}); "
                         "the system is singular or close to an instability", value=worst)
    return worst
