"""Sweeps on the general path: a reduced basis for A(B) = A_0 + B_x A_x + B_y A_y + B_z A_z, chosen
greedily.

Regions with different tensors have no common precession, so no spectral measure exists.  But the
matrix is affine in the field: a Galerkin space that holds solutions and dual solutions at a few
fields, and their derivatives there, serves all others.  Its error is at most the product of a
primal and a dual residual, in the inverse of A_0, times a constant: 1 where the torque is
antisymmetric (isotropic X), unknown elsewhere.  The largest ratio of error to product at the fields
that were solved exactly on the way, with a margin, and never less than 1, stands for it: an
estimate, not a bound.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.linalg import eig
from scipy.sparse import block_diag, csr_array

from ..solver.linear import GENERAL, SYMMETRIC, Factorisation, Solver
from ..solver.narrow import moment_factors, split
from ..solver.resistance import Measurement
from ..solver.stability import check_stability, check_sweep
from ..solver.system import System

#: Solutions and derivatives taken from each factorisation.
DERIVATIVES = 3
#: Safety on the calibrated estimate.
SAFETY = 3.0
#: No estimate is smaller than this times the largest change.
ROUNDING = 1e-11
#: A direction in which the fields reach less than this of their size is round-off.
ALONG = 1e-14
#: Fields that the search looks at.
CANDIDATES = 60


@dataclass(frozen=True, eq=False)
class Affine:
    """(A_0 + sum B_b A_b) x = source, read by output . x; residuals are measured in the inverse of
    ``norm``.
    """

    system: System
    constant: csr_array
    norm: csr_array
    slopes: tuple[csr_array, csr_array, csr_array]
    source: np.ndarray
    output: np.ndarray

    @classmethod
    def of(cls, measurement: Measurement) -> Affine:
        """The operator of a measurement: moments alone in linear coupling, moments and potential in
        full coupling.
        """
        s = measurement.system
        A_0, x, y, z = s.reduced_matrices
        source = s.keep.T @ measurement.source
        if s.feeds_back:
            return cls._coupled(measurement, source)
        if s.problem.is_cross_section:
            output = s.keep.T @ measurement.reader
        else:
            # V_1 = -K^{-1} C n is read by r: the moments are read by -C^T K^{-1} r
            T, factors = s.potential_solver(solver=measurement.solver)
            adjoint = T @ factors.solve(T.T @ measurement.reader)[0]
            output = s.keep.T @ (measurement.moment_reader - s.C.T @ adjoint)
        return cls(s, A_0, s.norm, (x, y, z), source, output)

    @classmethod
    def _coupled(cls, measurement: Measurement, source: np.ndarray) -> Affine:
        s = measurement.system
        A_0, *slopes = s.reduced_matrices
        T = s.free_tie()
        nothing = np.zeros(T.shape[1])
        zero = csr_array((T.shape[1], T.shape[1]))
        x, y, z = (csr_array(block_diag([zero, m])) for m in slopes)
        if s.problem.is_cross_section:
            output = np.append(nothing, s.keep.T @ measurement.reader)
        else:
            moments = s.keep.T @ measurement.moment_reader
            output = np.append(T.T @ measurement.reader, moments)
        norm = csr_array(block_diag([T.T @ s.K @ T, s.norm]))
        full = s.coupled(T, A_0)
        return cls(s, full, norm, (x, y, z), np.append(nothing, source), output)

    @functools.cached_property
    def action(self) -> Any:
        """What A_0 does to vectors."""
        return split(self.system, self.constant, lambda: self.system.relaxing) or self.constant

    def factorised(self, matrix: Any, field: Any, solver: Solver) -> Factorisation:
        """A matrix at a field (3,), or without one the norm, factorised."""
        s = self.system

        def local() -> csr_array:
            if field is not None:
                return csr_array(s.relaxing + s.torque(field))
            return csr_array(0.5 * (s.relaxing + s.relaxing.T))

        return moment_factors(s, matrix, local, solver)

    def along(self, field: np.ndarray) -> csr_array:
        """sum B_b A_b."""
        parts = (b * m for b, m in zip(field, self.slopes, strict=True))
        return sum(parts, csr_array(self.constant.shape))


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
        return cls(
            Z=np.zeros((affine.source.size, 0)),
            constant=np.zeros((0, 0)),
            slopes=np.zeros((3, 0, 0)),
            source=np.zeros(0),
            output=np.zeros(0),
        )

    def extended(self, affine: Affine, new: np.ndarray) -> Reduced:
        """With further orthonormal columns ``new``, orthogonal to the ones there are."""
        Z = np.hstack([self.Z, new])

        def grown(A: Any, old: np.ndarray) -> np.ndarray:
            right = Z.T @ (A @ new)
            left = (A.T @ new).T @ self.Z
            above, corner = right[: len(old)], right[len(old) :]
            return np.block([[old, above], [left, corner]])

        pairs = zip(affine.slopes, self.slopes, strict=True)
        slopes = [grown(A, old) for A, old in pairs]
        return Reduced(
            Z=Z,
            constant=grown(affine.action, self.constant),
            slopes=np.array(slopes),
            source=Z.T @ affine.source,
            output=Z.T @ affine.output,
        )

    def at(self, field: np.ndarray) -> np.ndarray:
        return np.asarray(self.constant + np.tensordot(field, self.slopes, 1))

    def value(self, field: np.ndarray) -> tuple[float, float]:
        """(change, change relative to B = 0), the second without subtraction."""
        zero = np.linalg.solve(self.constant, self.source)
        # A(B) (x - x_0) = -T(B) x_0 gives the change from B = 0 by itself
        turned = -np.tensordot(field, self.slopes, 1) @ zero
        loads = np.column_stack([self.source, turned])
        now = np.linalg.solve(self.at(field), loads)
        change, hanle = self.output @ now
        return float(change), float(hanle)


@dataclass(frozen=True, eq=False)
class Change:
    """f(B) - f(0) = -d.T(B) x - d.T(B) y with A_0 x = source, A_0^T d = output and A(B) y = -T(B)
    x, all its digits: only y, which is of the order of the field, is a reduced one.

    The components that x, d and y do not share are zeros in d.T x and d.T y, not round-off as in
    output.y; in narrow devices the latter exceeds the change.
    """

    reduced: Reduced
    first: np.ndarray
    loads: np.ndarray
    weights: np.ndarray

    @classmethod
    def of(cls, affine: Affine, reduced: Reduced, zero: np.ndarray, dual: np.ndarray) -> Change:
        loads = np.array([A @ zero for A in affine.slopes])
        weights = np.array([A.T @ dual for A in affine.slopes])
        return cls(reduced, loads @ dual, loads @ reduced.Z, weights @ reduced.Z)

    def at(self, field: np.ndarray) -> float:
        y = np.linalg.solve(self.reduced.at(field), -(field @ self.loads))
        return float(-(field @ self.first) - (field @ self.weights) @ y)


@dataclass(frozen=True, eq=False)
class ReducedSweep:
    """Result of :func:`reduced_sweep`: changes, changes from B = 0, error estimates of both (n,),
    and what it took.
    """

    change: np.ndarray
    hanle: np.ndarray
    estimate: np.ndarray
    hanle_estimate: np.ndarray
    factorisations: int
    size: int
    residual: float
    converged: bool
    #: What the terms of ``hanle`` sum to without their signs: below round-off of it no field has an
    #: effect.
    terms: float = 0.0

    @property
    def lost_of_hanle(self) -> float:
        """Estimated error of ``hanle`` over its largest; 0 where all of it is round-off."""
        largest = float(np.abs(self.hanle).max())
        if largest <= ROUNDING * self.terms:
            return 0.0
        return float(self.hanle_estimate.max()) / largest


def total(parts: Sequence[ReducedSweep]) -> ReducedSweep:
    """The sum of several sweeps over the same fields."""
    return ReducedSweep(
        change=np.sum([p.change for p in parts], axis=0),
        hanle=np.sum([p.hanle for p in parts], axis=0),
        estimate=np.sum([p.estimate for p in parts], axis=0),
        hanle_estimate=np.sum([p.hanle_estimate for p in parts], axis=0),
        factorisations=sum(p.factorisations for p in parts),
        size=max(p.size for p in parts),
        residual=max(p.residual for p in parts),
        converged=all(p.converged for p in parts),
        terms=max(p.terms for p in parts),
    )


@dataclass(frozen=True, eq=False)
class Residuals:
    """What residuals at any field are made of: ``parts`` are the right-hand side, then A_0 V and
    A_d V of each block V of the space, and ``gram`` their inner products in the inverse of the
    norm; A_d is the slope along each of the ``directions`` (k, 3) that the fields span.
    """

    matrices: tuple[Any, ...]
    directions: np.ndarray
    metric: Factorisation
    parts: tuple[np.ndarray, ...]
    gram: np.ndarray
    #: Whether A_0 is the norm itself, whose inverse takes A_0 V back to V without a solve.
    energetic: bool
    blocks: tuple[int, ...] = ()

    @classmethod
    def of(
        cls, affine: Affine, fields: np.ndarray, metric: Factorisation, transposed: bool
    ) -> Residuals:
        directions = _directions(fields, ALONG)
        matrices: list[Any] = [affine.action]
        matrices += [affine.along(d) for d in directions]
        rhs = affine.source[:, None]
        if transposed:
            matrices = [m.T for m in matrices]
            rhs = affine.output[:, None]
        gram = rhs.T @ metric.solve(rhs)[0]
        energetic = affine.norm is affine.constant
        return cls(tuple(matrices), directions, metric, (rhs,), gram, energetic)

    def extended(self, V: np.ndarray) -> Residuals:
        if V.shape[1] == 0:
            return self
        images = [m @ V for m in self.matrices]
        parts = (*self.parts, *images)
        solved = [self.metric.solve(image)[0] for image in images[self.energetic :]]
        if self.energetic:
            solved.insert(0, V)
        across = np.block([[part.T @ each for each in solved] for part in parts])
        old = len(self.gram)
        gram = np.block([[self.gram, across[:old]], [across[:old].T, across[old:]]])
        blocks = (*self.blocks, V.shape[1])
        return replace(self, parts=parts, gram=gram, blocks=blocks)

    def norms(
        self, y: np.ndarray, fields: np.ndarray, still: np.ndarray | None = None
    ) -> np.ndarray:
        """Residual norms (n,) of the coordinates y (n, m) at the fields (n, 3), down to the root of
        round-off; of the change from the solution ``still`` (m,) without field, where it is given:
        A(B) y = -T(B) still.
        """
        driven = still is None
        columns = [np.full((len(fields), 1), float(driven))]
        shares = (fields @ np.linalg.pinv(self.directions)).T
        start = 0
        for size in self.blocks:
            here = -y[:, start : start + size]
            columns.append(here)
            turned = here if still is None else here - still[start : start + size]
            columns += [share[:, None] * turned for share in shares]
            start += size
        c = np.hstack(columns)
        squares = np.sum((c @ self.gram) * c, axis=1)
        return np.asarray(np.sqrt(np.maximum(squares, 0.0)))


def reduced_sweep(
    measurement: Measurement, fields: np.ndarray, tolerance: float, most: int = 20
) -> ReducedSweep:
    """All fields (n, 3) of a measurement from at most ``most`` factorisations.

    The greedy search looks at some of the fields, and once the estimate there is below
    ``tolerance`` of the largest change, at all of them.
    """
    affine = Affine.of(measurement)
    # a growing mode that turns leaves no trace in the residuals
    check_sweep(affine.system, fields, most=1)
    spread = np.linspace(0, len(fields) - 1, CANDIDATES).astype(int)
    candidates = fields[np.unique(spread)]
    slopes = [affine.along(direction) for direction in _directions(fields)]
    metric = affine.factorised(affine.norm, None, measurement.solver or SYMMETRIC)
    sides = [Residuals.of(affine, fields, metric, side) for side in (False, True)]
    ratio, worst_residual, product = 0.0, 0.0, 0.0
    used = int(affine.norm is not affine.constant)
    chosen = zero = dual = np.zeros(3)
    solved: list[tuple[np.ndarray, float, float]] = []
    reduced = Reduced.empty(affine)
    converged = False
    while used < most and not converged:
        factors = metric
        if np.any(chosen) or used:
            matrix = affine.constant + affine.along(chosen)
            factors = affine.factorised(matrix, chosen, measurement.solver or GENERAL)
        used += 1
        vectors, residual = _snapshots(affine, factors, slopes)
        worst_residual = max(worst_residual, residual)
        if product > 0.0:
            exact = float(affine.output @ vectors[:, 0])
            error = abs(exact - reduced.value(chosen)[0])
            ratio = max(ratio, error / product)
        if np.any(chosen):
            solved.append((chosen, *_exact_hanle(affine, factors, chosen, zero, dual)))
        else:
            zero, dual = vectors[:, 0], vectors[:, vectors.shape[1] // 2]
        new = _orthonormal(reduced.Z, vectors)
        reduced = reduced.extended(affine, new)
        sides = [side.extended(new) for side in sides]
        where, products = candidates, _products(reduced, sides, candidates)
        largest = max(abs(reduced.value(B)[0]) for B in candidates)
        allowed = tolerance * largest / max(1.0, SAFETY * ratio)
        if used == most or (used >= 3 and products.max() <= allowed):
            where, products = fields, _products(reduced, sides, fields)
            converged = bool(used >= 3 and products.max() <= allowed)
        # a field that was solved has nothing left to tell
        open_ones = np.where(_among(where, [B for B, *_ in solved]), -1.0, products)
        chosen = where[int(np.argmax(open_ones))]
        product = float(products.max())
    check_stability(affine.system, _slowest(affine, reduced, candidates))
    values = np.array([reduced.value(B)[0] for B in fields])
    change = Change.of(affine, reduced, zero, dual)
    floor = ROUNDING * np.abs(values).max()
    safety = max(1.0, SAFETY * ratio)
    estimates = safety * products + floor
    off = max((abs(change.at(B) - exact) for B, exact, _ in solved), default=0.0)
    of_hanle = safety * _hanle_products(reduced, sides, fields) + off
    return ReducedSweep(
        change=values,
        hanle=np.array([change.at(B) for B in fields]),
        estimate=estimates,
        hanle_estimate=of_hanle,
        factorisations=used,
        size=reduced.Z.shape[1],
        residual=worst_residual,
        converged=converged,
        terms=max((terms for *_, terms in solved), default=0.0),
    )


def _among(fields: np.ndarray, known: Sequence[np.ndarray]) -> np.ndarray:
    """Which of the fields (n, 3) are 0 or among the known ones, unless all of them are."""
    seen = [np.zeros(3), *known]
    found = np.any([np.all(fields == B, axis=1) for B in seen], axis=0)
    return found & (not np.all(found))


def _exact_hanle(
    affine: Affine, factors: Factorisation, field: np.ndarray, zero: np.ndarray, dual: np.ndarray
) -> tuple[float, float]:
    """:class:`Change` at a field (3,) whose matrix is factorised, and the sum of its sizes."""
    T = affine.along(field)
    turned, _ = factors.solve(-(T @ zero))
    parts = [T @ zero, T @ turned]
    value = -sum(float(dual @ part) for part in parts)
    return value, sum(float(np.abs(dual) @ np.abs(part)) for part in parts)


def _slowest(affine: Affine, reduced: Reduced, fields: np.ndarray) -> np.ndarray:
    """The field (3,) at which the moments of the reduced space decay slowest."""
    s = affine.system
    moments = reduced.Z[-s.reduced_matrices[0].shape[0] :]  # they come last
    Z, _ = np.linalg.qr(moments)
    constant, *slopes = (Z.T @ (m @ Z) for m in s.reduced_matrices)
    mass = Z.T @ (s.mass_matrix @ Z)
    rates = []
    for B in fields:
        decay = eig(constant + np.tensordot(B, slopes, 1), mass, right=False)
        rates.append(decay.real.min())
    return np.asarray(fields[int(np.argmin(rates))])


def _directions(fields: np.ndarray, least: float = 1e-9) -> np.ndarray:
    """Orthonormal directions the fields span, times their size."""
    _, sizes, rows = np.linalg.svd(fields, full_matrices=False)
    keep = sizes > least * max(sizes.max(initial=0.0), 1e-300)
    return rows[keep] * float(np.abs(fields).max())


def _snapshots(
    affine: Affine,
    factors: Any,
    slopes: Sequence[csr_array],
) -> tuple[np.ndarray, float]:
    """Solution, dual solution and their derivatives along the slopes of some directions; the first
    column is the solution.
    """
    found, residual = [], 0.0
    count = DERIVATIVES if len(slopes) == 1 else 1
    for transposed, rhs in ((False, affine.source), (True, affine.output)):
        x, r = factors.solve(rhs, transposed)
        found.append(x)
        residual = max(residual, r)
        for slope in slopes:
            turned = slope.T if transposed else slope
            derivative = x
            for _ in range(count):
                derivative, _r = factors.solve(turned @ derivative, transposed)
                found.append(derivative)
    return np.column_stack(found), residual


def _orthonormal(Z: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """What the vectors add to the space of Z, orthonormal; directions that add nothing but
    round-off are left out.
    """
    V = vectors / np.maximum(np.linalg.norm(vectors, axis=0), 1e-300)
    for _ in range(2):
        V = V - Z @ (Z.T @ V)
    left, sizes, _ = np.linalg.svd(V, full_matrices=False)
    new = left[:, sizes > 1e-10]
    new = new - Z @ (Z.T @ new)
    return np.asarray(np.linalg.qr(new)[0])


def _products(reduced: Reduced, sides: list[Residuals], fields: np.ndarray) -> np.ndarray:
    """Primal times dual residual norm at each field, (n,), without a matrix for any of them."""
    small = [reduced.at(B) for B in fields]
    primal = np.array([np.linalg.solve(m, reduced.source) for m in small])
    dual = np.array([np.linalg.solve(m.T, reduced.output) for m in small])
    return np.asarray(sides[0].norms(primal, fields) * sides[1].norms(dual, fields))


def _hanle_products(reduced: Reduced, sides: list[Residuals], fields: np.ndarray) -> np.ndarray:
    """:func:`_products` of the change from B = 0: its own residual times the dual one."""
    zero = np.linalg.solve(reduced.constant, reduced.source)
    primal, dual = [], []
    for B in fields:
        small = reduced.at(B)
        primal.append(np.linalg.solve(small, -np.tensordot(B, reduced.slopes, 1) @ zero))
        dual.append(np.linalg.solve(small.T, reduced.output))
    change = sides[0].norms(np.array(primal), fields, zero)
    return np.asarray(change * sides[1].norms(np.array(dual), fields))
