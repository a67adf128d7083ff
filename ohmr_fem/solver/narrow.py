"""Moment systems of devices much smaller than L_m.

Where all edges reflect, diffusion leaves a uniform moment density alone: what holds it is
relaxation and torque, smaller than the entries of the diffusion matrix by (h/L_m)^2.  Rounding
there swallows it, long before any other digit is lost.  So it is split off, n = y + 1 c: with A_M =
A without diffusion, A 1 = A_M 1 and 1^T A = 1^T A_M exactly, and

    (A + sigma e e^T) y = b - A_M 1 c,    1^T A_M (y + 1 c) = 1^T b.

e picks one vertex.  The second line makes e^T y = 0, so that A y is meant.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import block_diag, coo_array, csr_array

from .linear import Factorisation, Solver
from .system import System

#: Round-off of diffusion over relaxation, of a uniform moment, that is left alone.
ACCEPTED = 1e-9
#: A total of a load this much smaller than the total of its sizes is round-off.
NOTHING = 1e-10


@dataclass(frozen=True, eq=False)
class Split:
    """A matrix that knows what it does to uniform moments.

    Attributes
    ----------
    matrix : (N, N) A
    uniform : (N, k) 1 of each component
    images, readers : (N, k) A_M 1 and (1^T A_M)^T
    """

    matrix: Any
    uniform: np.ndarray
    images: np.ndarray
    readers: np.ndarray

    @property
    def shape(self) -> tuple[int, int]:
        """Of the matrix."""
        return self.matrix.shape  # type: ignore[no-any-return]

    @property
    def T(self) -> Split:
        """The transposed matrix."""
        return Split(self.matrix.T, self.uniform, self.readers, self.images)

    def __matmul__(self, moments: np.ndarray) -> np.ndarray:
        """A n without the rounding of diffusion in a uniform part, and with the right total."""
        counts = np.sum(self.uniform**2, axis=0)
        means = self.uniform.T @ moments
        means = (means.T / counts).T
        image = self.matrix @ (moments - self.uniform @ means) + self.images @ means
        missing = self.readers.T @ moments - self.uniform.T @ image
        return np.asarray(image + self.uniform @ (missing.T / counts).T)


@dataclass(frozen=True, eq=False)
class Narrow:
    """Factors of A + sigma e e^T, completed with uniform moments."""

    A: Split
    held: Factorisation

    @functools.cached_property
    def _free(self) -> tuple[np.ndarray, float]:
        """1 - (A + sigma e e^T)^-1 A_M 1, and the residual."""
        turned, residual = self.held.solve(self.A.images)
        return self.A.uniform - turned, residual

    @functools.cached_property
    def _free_transposed(self) -> tuple[np.ndarray, float]:
        turned, residual = self.held.solve(self.A.readers, True)
        return self.A.uniform - turned, residual

    @property
    def apply(self) -> Callable[[np.ndarray, bool], np.ndarray]:
        """For a rest b - A x: the total of what rounding in diffusion leaves is no load."""
        return lambda b, transposed: self._solved(b, transposed, 0.0)[0]

    def solve(self, b: np.ndarray, transposed: bool = False) -> tuple[np.ndarray, float]:
        """As :meth:`Factorisation.solve`."""
        return self._solved(b, transposed, totals(self.A.uniform, b))

    def _solved(self, b: np.ndarray, transposed: bool, total: Any) -> tuple[np.ndarray, float]:
        readers = self.A.images if transposed else self.A.readers
        y, residual = self.held.solve(b, transposed)
        free, second = self._free_transposed if transposed else self._free
        mean = np.linalg.solve(readers.T @ free, total - readers.T @ y)
        return y + free @ mean, max(residual, second)


def totals(uniform: np.ndarray, loads: np.ndarray) -> np.ndarray:
    """1^T b of one uniform moment (N,) or several (N, k), exactly 0 where that is round-off."""
    total = uniform.T @ loads
    sizes = np.abs(uniform).T @ np.abs(loads)
    if uniform.ndim > 1:  # the torque mixes components, and their round-off
        sizes = np.max(sizes, axis=0)
    return np.where(np.abs(total) > NOTHING * sizes, total, 0.0)


def rounding_of(K: Any, vector: np.ndarray) -> float:
    """Round-off of v . K v where its terms cancel."""
    sizes = np.abs(vector)
    terms = float(sizes @ (abs(K) @ sizes))
    return float(np.finfo(float).eps) * terms


def split(system: System, matrix: Any, local: Callable[[], Any]) -> Split | None:
    """A ``matrix`` of moments, or of potential and moments, of a narrow device; else None.

    ``local()`` makes A_M (3N, 3N), asked for in narrow devices only.
    """
    if not is_narrow(system):
        return None
    near = local()
    count = near.shape[0] // system.N
    pads = matrix.shape[0] - near.shape[0]
    uniform = np.zeros((matrix.shape[0], count))
    uniform[pads:] = np.kron(np.eye(count), system.one[:, None])
    padded = csr_array(block_diag([csr_array((pads, pads)), near]))
    return Split(matrix, uniform, padded @ uniform, padded.T @ uniform)


def moment_factors(
    system: System, matrix: Any, local: Callable[[], Any], solver: Solver
) -> Factorisation:
    """A matrix of moments factorised; see :func:`split`."""
    whole = split(system, matrix, local)
    if whole is None:
        return solver.factorise(matrix)
    count = whole.uniform.shape[1]
    pads = matrix.shape[0] - count * system.N
    place = int(system.basis.nodal_dofs[0][0])
    rows = pads + place + system.N * np.arange(count)
    sizes = matrix.diagonal()[rows]
    spring = coo_array((sizes, (rows, rows)), shape=matrix.shape)
    return Narrow(whole, solver.factorise(csr_array(matrix + spring)))


def is_narrow(system: System) -> bool:
    """Whether all edges reflect and a uniform moment is lost in the rounding of diffusion."""
    laws = system.problem.moment_conditions().values()
    if any(law.absorbs for law in laws):
        return False
    one = system.one
    relaxing = float(one @ (system.relaxation[2] @ one))
    return rounding_of(system.diffusion, one) > ACCEPTED * relaxing
