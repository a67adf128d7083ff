"""Sparse linear solvers as values: ``factorise`` a matrix, ``solve`` right-hand sides, always with the residual."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from scipy.sparse import csc_array, sparray
from scipy.sparse.linalg import splu

from .errors import SolveError

#: Largest backward error that is accepted after refinement.
ACCEPTED_RESIDUAL = 1e-12


class Factorisation(Protocol):
    """A factorised matrix."""

    def solve(self, b: np.ndarray, transposed: bool = False) -> tuple[np.ndarray, float]:
        """Solution of A x = b (or A^T x = b), shape (n,) or (n, k), and the largest backward error."""


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
            return _Factors(A, splu(A, **options))
        except RuntimeError as exc:
            raise SolveError(f"the linear system of {A.shape[0]} unknowns is singular ({exc}); every part of the device "
                             "needs a contact, and the torque must be stable") from exc


@dataclass(frozen=True, eq=False)
class _Factors:
    A: Any
    lu: Any

    def solve(self, b: np.ndarray, transposed: bool = False) -> tuple[np.ndarray, float]:
        A, way = (self.A.T, "T") if transposed else (self.A, "N")
        x = self.lu.solve(b, way)
        x = x + self.lu.solve(b - A @ x, way)  # one refinement: contact currents close to round-off
        return x, checked_residual(A, x, b)


def checked_residual(A: Any, x: np.ndarray, b: np.ndarray) -> float:
    """Largest backward error |b - A x| / (|A| |x| + |b|) over the columns, maximum norms; SolveError if it is not small.

    |b - A x| / |b| alone would count round-off as failure on graded meshes, where |A| |x| is far larger than |b|.
    """
    if b.shape[0] == 0:
        return 0.0
    norm = float(abs(A).sum(axis=1).max())
    size = norm * np.abs(x).max(axis=0) + np.abs(b).max(axis=0)
    error = np.abs(b - A @ x).max(axis=0)
    ratio = np.divide(error, size, out=np.zeros_like(error), where=size > 0)
    worst = float(np.max(ratio)) if np.all(np.isfinite(x)) else float("inf")
    if not worst < ACCEPTED_RESIDUAL:
        raise SolveError(f"the linear solver left a backward error of {worst:.1e} (accepted: {ACCEPTED_RESIDUAL:g}); "
                         "the system is singular or close to an instability", value=worst)
    return worst
