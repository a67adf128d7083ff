"""Moment systems of devices much smaller than L_m.

Where all edges reflect, diffusion leaves a uniform moment density alone: what holds it is
relaxation and torque, smaller than the entries of the diffusion matrix by (h/L_m)^2.  Rounding
there swallows it, long before any other digit is lost.  So it is split off, n = y + 1 c: with A_M =
A without diffusion, A 1 = A_M 1 and 1^T A = 1^T A_M exactly, and

    (A + sigma e e^T) y = b - A_M 1 c,    1^T A_M (y + 1 c) = 1^T b.

e picks one vertex.  The second line makes e^T y = 0, so that A y is meant.
"""

from __future__ import annotations

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
class Narrow:
    """Factors of A + sigma e e^T, and the uniform moments (N, k) that they are completed with."""

    A: Any
    held: Factorisation
    uniform: np.ndarray
    #: A_M 1 and (1^T A_M)^T, (N, k) each.
    images: np.ndarray
    readers: np.ndarray

    @property
    def apply(self) -> Callable[[np.ndarray, bool], np.ndarray]:
        return lambda b, transposed: self.solve(b, transposed)[0]

    def solve(self, b: np.ndarray, transposed: bool = False) -> tuple[np.ndarray, float]:
        """As :meth:`Factorisation.solve`."""
        images, readers = self.images, self.readers
        if transposed:
            images, readers = readers, images
        y, residual = self.held.solve(b, transposed)
        turned, second = self.held.solve(images, transposed)
        corner = readers.T @ (self.uniform - turned)
        mean = np.linalg.solve(corner, totals(self.uniform, b) - readers.T @ y)
        x = y + (self.uniform - turned) @ mean
        return x, max(residual, second)


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


def moment_factors(system: System, matrix: Any, local: Any, solver: Solver) -> Factorisation:
    """The factorised ``matrix`` of moments, or of potential and moments.

    ``local`` () makes its part A_M (3N, 3N) without diffusion, asked for in narrow devices only.
    """
    if not is_narrow(system):
        return solver.factorise(matrix)
    near = local()
    count = near.shape[0] // system.N
    pads = matrix.shape[0] - near.shape[0]
    uniform = np.zeros((matrix.shape[0], count))
    uniform[pads:] = np.kron(np.eye(count), system.one[:, None])
    padded = csr_array(block_diag([csr_array((pads, pads)), near]))
    place = int(system.basis.nodal_dofs[0][0])
    rows = pads + place + system.N * np.arange(count)
    sizes = matrix.diagonal()[rows]
    spring = coo_array((sizes, (rows, rows)), shape=matrix.shape)
    held = solver.factorise(csr_array(matrix + spring))
    return Narrow(csr_array(matrix), held, uniform, padded @ uniform, padded.T @ uniform)


def is_narrow(system: System) -> bool:
    """Whether all edges reflect and a uniform moment is lost in the rounding of diffusion."""
    laws = system.problem.moment_conditions().values()
    if any(law.absorbs for law in laws):
        return False
    one = system.one
    relaxing = float(one @ (system.relaxation[2] @ one))
    return rounding_of(system.diffusion, one) > ACCEPTED * relaxing
