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
from scipy.linalg import eig
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
        return cls.empty(affine).extended(affine, Z)

    @classmethod
    def empty(cls, affine: Affine) -> Reduced:
        return cls(np.zeros((affine.source.size, 0)), np.zeros((0, 0)), np.zeros((3, 0, 0)), np.zeros(0), np.zeros(0))

    def extended(self, affine: Affine, new: np.ndarray) -> Reduced:
        """With further orthonormal columns ``new``, orthogonal to the ones there are."""
        Z = np.hstack([self.Z, new])

        def grown(A: Any, old: np.ndarray) -> np.ndarray:
            right = Z.T @ (A @ new)
            return np.block([[old, right[:len(old)]], [(A.T @ new).T @ self.Z, right[len(old):]]])

        slopes = [grown(A, old) for A, old in zip(affine.slopes, self.slopes, strict=True)]
        return Reduced(Z, grown(affine.constant, self.constant), np.array(slopes), Z.T @ affine.source, Z.T @ affine.output)

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
    check_sweep(affine.system, fields, most=1)  # a growing mode that turns leaves no trace in the residuals
    candidates = fields[np.unique(np.linspace(0, len(fields) - 1, 60).astype(int))]
    directions = _directions(fields)
    weight = 1.0 / np.maximum(np.abs(affine.constant.diagonal()), 1e-300)
    ratio, worst_residual, used = 0.0, 0.0, 0
    chosen, product = np.zeros(3), 0.0
    reduced, estimates, converged = Reduced.empty(affine), np.full(len(candidates), np.inf), False
    while used < most and not converged:
        factors = SuperLU().factorise(affine.constant + affine.along(chosen))
        used += 1
        vectors, residual = _snapshots(affine, factors, directions)
        worst_residual = max(worst_residual, residual)
        if product > 0.0:
            ratio = max(ratio, abs(float(affine.output @ vectors[:, 0]) - reduced.value(chosen)[0]) / product)
        reduced = reduced.extended(affine, _orthonormal(reduced.Z, vectors))
        products = _residual_products(affine, reduced, candidates, weight)
        estimates = SAFETY * (ratio or 1.0) * products
        size = max(abs(reduced.value(B)[0]) for B in candidates)
        converged = bool(used >= 3 and estimates.max() <= tolerance * size)
        chosen, product = candidates[int(np.argmax(products))], float(products.max())
    check_stability(affine.system, _slowest(affine, reduced, candidates))
    values = np.array([reduced.value(B) for B in fields])
    spread = np.interp(np.arange(len(fields)), np.linspace(0, len(fields) - 1, len(estimates)), estimates)
    return ReducedSweep(values[:, 0], values[:, 1], spread, used, reduced.Z.shape[1], worst_residual, converged)


def _slowest(affine: Affine, reduced: Reduced, fields: np.ndarray) -> np.ndarray:
    """The field (3,) at which the moments of the reduced space decay slowest."""
    A_0, *slopes = affine.system.reduced_matrices
    Z = np.linalg.qr(reduced.Z[-A_0.shape[0]:])[0]  # the moments come last
    small, mass = [Z.T @ (m @ Z) for m in (A_0, *slopes)], Z.T @ (affine.system.mass_matrix @ Z)
    rates = [eig(small[0] + np.tensordot(B, small[1:], 1), mass, right=False).real.min() for B in fields]
    return np.asarray(fields[int(np.argmin(rates))])


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
    """What the vectors add to the space of Z, orthonormal; directions that add nothing but round-off are left out."""
    V = vectors / np.maximum(np.linalg.norm(vectors, axis=0), 1e-300)
    for _ in range(2):
        V = V - Z @ (Z.T @ V)
    left, sizes, _ = np.linalg.svd(V, full_matrices=False)
    new = left[:, sizes > 1e-10]
    new = new - Z @ (Z.T @ new)
    return np.asarray(np.linalg.qr(new)[0])


def _residual_products(affine: Affine, reduced: Reduced, fields: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Primal times dual residual norm at each field, (n,), without a matrix for any of them."""
    small = [reduced.at(B) for B in fields]
    out = np.ones(len(fields))
    for rhs, loads, transposed in ((affine.source, reduced.source, False), (affine.output, reduced.output, True)):
        x = reduced.Z @ np.column_stack([np.linalg.solve(m.T if transposed else m, loads) for m in small])
        left = rhs[:, None] - (affine.constant.T if transposed else affine.constant) @ x
        for b, slope in zip(fields.T, affine.slopes, strict=True):
            if np.any(b):
                left -= (slope.T if transposed else slope) @ (x * b)
        out *= np.sqrt(np.einsum("i,ij,ij->j", weight, left, left))
    return out
