"""Sweeps on the general path: a reduced basis for A(B) = A_0 + B_x A_x + B_y A_y + B_z A_z, chosen greedily.

Regions with different tensors have no common precession, so no spectral measure exists.  But the matrix is affine in the
field: a Galerkin space that holds solutions and dual solutions at a few fields, and their derivatives there, serves all
others.  Its error is the product of a primal and a dual residual; the product is turned into an estimate by the ratio
seen at the fields that were solved exactly on the way.  It is an estimate, not a bound.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import block_array, block_diag, csr_array

from .checks import check_stability, check_sweep
from .linear import SuperLU
from .observables import Measurement
from .system import System

#: Solutions and derivatives taken from each factorisation.
DERIVATIVES = 3
#: Safety on the calibrated estimate.
SAFETY = 3.0


@dataclass(frozen=True, eq=False)
class Affine:
    """(A_0 + sum B_b A_b) x = source, read by output . x; ``torque_source`` maps x at B = 0 to -A_b x."""

    system: System
    constant: csr_array
    slopes: tuple[csr_array, csr_array, csr_array]
    source: np.ndarray
    output: np.ndarray

    @classmethod
    def of(cls, measurement: Measurement) -> Affine:
        """The operator of a measurement: moments alone in linear coupling, moments and potential in full coupling."""
        s = measurement.system
        A_0, *slopes = s.reduced_matrices
        source = s.keep.T @ measurement.source
        if s.problem.is_cross_section and s.problem.mesh.dim == 1:
            return cls(s, A_0, (slopes[0], slopes[1], slopes[2]), source, s.keep.T @ measurement.reader)
        T, factors = s.potential_solver()
        if s.problem.coupling == "linear":
            if s.problem.is_cross_section:
                output = s.keep.T @ measurement.reader
            else:
                adjoint = T @ factors.solve(T.T @ measurement.reader)[0]
                output = -(s.keep.T @ (s.C.T @ adjoint))
            return cls(s, A_0, (slopes[0], slopes[1], slopes[2]), source, output)
        zero = csr_array((T.shape[1], T.shape[1]))
        full = csr_array(block_array([[T.T @ s.K @ T, T.T @ s.C @ s.keep], [s.keep.T @ s.S @ T, A_0]]))
        x, y, z = (csr_array(block_diag([zero, m])) for m in slopes)
        nothing = np.zeros(T.shape[1])
        output = np.concatenate([nothing, s.keep.T @ measurement.reader] if s.problem.is_cross_section
                                else [T.T @ measurement.reader, np.zeros(A_0.shape[0])])
        return cls(s, full, (x, y, z), np.concatenate([nothing, source]), output)

    def along(self, field: np.ndarray) -> csr_array:
        """sum B_b A_b."""
        return sum((b * m for b, m in zip(field, self.slopes, strict=True)), csr_array(self.constant.shape))


@dataclass(frozen=True, eq=False)
class Reduced:
    """The affine operator on a small space with orthonormal columns Z."""

    Z: np.ndarray
    constant: np.ndarray
    slopes: np.ndarray
    source: np.ndarray
    output: np.ndarray

    @classmethod
    def on(cls, affine: Affine, Z: np.ndarray) -> Reduced:
        return cls(Z, Z.T @ (affine.constant @ Z), np.array([Z.T @ (m @ Z) for m in affine.slopes]),
                   Z.T @ affine.source, Z.T @ affine.output)

    def at(self, field: np.ndarray) -> np.ndarray:
        return np.asarray(self.constant + np.tensordot(field, self.slopes, 1))

    def value(self, field: np.ndarray) -> tuple[float, float]:
        """(change, change relative to B = 0), the second without subtraction."""
        zero = np.linalg.solve(self.constant, self.source)
        now = np.linalg.solve(self.at(field), np.column_stack(
            [self.source, -np.tensordot(field, self.slopes, 1) @ zero]))
        change, hanle = self.output @ now
        return float(change), float(hanle)


@dataclass(frozen=True, eq=False)
class ReducedSweep:
    """Result of :func:`reduced_sweep`: changes, changes from B = 0, error estimates (n,), and what it took."""

    change: np.ndarray
    hanle: np.ndarray
    estimate: np.ndarray
    factorisations: int
    size: int
    residual: float
    converged: bool


def reduced_sweep(measurement: Measurement, fields: np.ndarray, tolerance: float, most: int = 20) -> ReducedSweep:
    """All fields (n, 3) of a measurement from at most ``most`` factorisations.

    The greedy search looks at up to 60 of the fields; it ends when the estimate there is below ``tolerance`` of the
    largest change.
    """
    affine = Affine.of(measurement)
    check_sweep(affine.system, fields)  # a growing mode that turns leaves no trace in the residuals
    candidates = fields[np.unique(np.linspace(0, len(fields) - 1, 60).astype(int))]
    directions = _directions(fields)
    weight = 1.0 / np.maximum(np.abs(affine.constant.diagonal()), 1e-300)
    Z, ratio, worst_residual, used = np.zeros((affine.source.size, 0)), 0.0, 0.0, 0
    chosen = np.zeros(3)
    reduced, estimates, converged = Reduced.on(affine, Z), np.full(len(candidates), np.inf), False
    while used < most and not converged:
        check_stability(affine.system, chosen)
        factors = SuperLU().factorise(affine.constant + affine.along(chosen))
        used += 1
        vectors, residual = _snapshots(affine, factors, directions)
        worst_residual = max(worst_residual, residual)
        if Z.shape[1]:
            exact = float(affine.output @ vectors[:, 0])
            gap = abs(exact - reduced.value(chosen)[0])
            product = _residual_product(affine, reduced, chosen, weight)
            ratio = max(ratio, gap / product if product > 0 else 0.0)
        Z = _orthonormal(Z, vectors)
        reduced = Reduced.on(affine, Z)
        products = np.array([_residual_product(affine, reduced, B, weight) for B in candidates])
        estimates = SAFETY * (ratio or 1.0) * products
        size = max(abs(reduced.value(B)[0]) for B in candidates)
        converged = bool(used >= 3 and estimates.max() <= tolerance * size)
        chosen = candidates[int(np.argmax(products))]
    values = np.array([reduced.value(B) for B in fields])
    spread = np.interp(np.arange(len(fields)), np.linspace(0, len(fields) - 1, len(estimates)), estimates)
    return ReducedSweep(values[:, 0], values[:, 1], spread, used, Z.shape[1], worst_residual, converged)


def _directions(fields: np.ndarray) -> np.ndarray:
    """Orthonormal directions the fields span, times their size."""
    _, sizes, rows = np.linalg.svd(fields, full_matrices=False)
    keep = sizes > 1e-9 * max(sizes.max(initial=0.0), 1e-300)
    return rows[keep] * float(np.abs(fields).max())


def _snapshots(affine: Affine, factors: Any, directions: np.ndarray) -> tuple[np.ndarray, float]:
    """Solution, dual solution and their derivatives along the directions; the first column is the solution."""
    found, residual = [], 0.0
    for transposed, rhs in ((False, affine.source), (True, affine.output)):
        x, r = factors.solve(rhs, transposed)
        found.append(x)
        residual = max(residual, r)
        for direction in directions:
            slope, derivative = affine.along(direction), x
            for _ in range(DERIVATIVES if len(directions) == 1 else 1):
                derivative = factors.solve((slope.T if transposed else slope) @ derivative, transposed)[0]
                found.append(derivative)
    return np.column_stack(found), residual


def _orthonormal(Z: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    for v in vectors.T:
        size = np.linalg.norm(v)
        for _ in range(2):
            v = v - Z @ (Z.T @ v)
        left = np.linalg.norm(v)
        if left > 1e-10 * size:
            Z = np.column_stack([Z, v / left])
    return Z


def _residual_product(affine: Affine, reduced: Reduced, field: np.ndarray, weight: np.ndarray) -> float:
    """Primal times dual residual norm at a field."""
    A = affine.constant + affine.along(field)
    small = reduced.at(field)
    primal = affine.source - A @ (reduced.Z @ np.linalg.solve(small, reduced.source))
    dual = affine.output - A.T @ (reduced.Z @ np.linalg.solve(small.T, reduced.output))
    return float(np.sqrt(np.sum(weight * primal**2) * np.sum(weight * dual**2)))
