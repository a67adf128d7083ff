"""Block Lanczos on one real factorisation: F(s) = b^T (K + s M)^{-1} a for every s, with a rigorous bound.

With A0 = K + s0 M factorised, the Krylov space of A0^{-1} M that starts from A0^{-1} [a, b] is built with an
A0-orthonormal basis.  Galerkin projection there gives poles and residues; because the space holds both a and b, the
error is r_b^T (K + s M)^{-1} r_a with residuals that live in the next block alone, hence

    |F - F_m| <= gamma(s) |r_a| |r_b|  in the norm of A0^{-1},   gamma(s) = max_{w >= 0} |w + s0| / |w + s|.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .linear import Factorisation

#: The bound holds down to this times |a| |b|.
ROUNDING = 1e-13
#: Directions of a new block smaller than this, relative to the block before orthogonalisation, are dropped.
DEFLATION = 1e-13


@dataclass(frozen=True, eq=False)
class Projection:
    """The pencil (K, M) on a block Krylov space.

    Attributes
    ----------
    shift : s0
    rates : (m,) Ritz values w_k of (K, M), ascending
    weights : (m, p) components of the p starting vectors along the Ritz vectors
    tail : (q, m) what the Ritz vectors leave in the next block: residual norms follow from it
    gram : (p, p) inner products a_i . A0^-1 a_j of the starting vectors
    vectors : (N, m) Ritz vectors, or None once stored
    solves : number of right-hand sides solved
    residual : largest backward error among them
    """

    shift: float
    rates: np.ndarray
    weights: np.ndarray
    tail: np.ndarray
    gram: np.ndarray
    vectors: np.ndarray | None
    solves: int
    residual: float

    def combine(self, turn: np.ndarray) -> Projection:
        """The same space for the starting vectors ``start @ turn``, turn (p, q)."""
        return replace(self, weights=self.weights @ turn, gram=turn.T @ self.gram @ turn)

    def norm(self, i: int) -> float:
        """|a_i| in the A0^{-1} norm."""
        return float(np.sqrt(max(self.gram[i, i], 0.0)))

    def residues(self, i: int, j: int) -> np.ndarray:
        """g_k with F_ij(s) = sum_k g_k / (w_k + s), (m,)."""
        return np.asarray(self.weights[:, i] * self.weights[:, j])

    def residual_norm(self, i: int, s: Any) -> np.ndarray:
        """|r_i(s)| in the A0^{-1} norm for complex s of any shape."""
        s = np.asarray(s, dtype=complex)[..., None]
        coefficients = self.weights[:, i] * (s - self.shift) / (self.rates + s)
        return np.asarray(np.linalg.norm(coefficients @ self.tail.T, axis=-1))

    def bound(self, i: int, j: int, s: Any, lowest: float = 0.0) -> np.ndarray:
        """Bound on |F_ij - F_ij,m| at complex s, rounding floor included.

        No rate of (K, M) may lie below ``lowest``, and Re s must lie above -lowest.
        """
        size = gamma(np.asarray(s) + lowest, self.shift + lowest)
        floor = ROUNDING * self.norm(i) * self.norm(j) * np.maximum(1.0, size / 4.0)  # a pole far below s0 is a difference
        return size * (self.residual_norm(i, s) * self.residual_norm(j, s) + floor)


def gamma(s: Any, shift: float) -> np.ndarray:
    """max over w >= 0 of |w + s0| / |w + s|, closed form: w = 0, infinity, or the stationary point between."""
    s = np.asarray(s, dtype=complex)
    p, q2 = s.real, s.imag**2
    with np.errstate(divide="ignore", invalid="ignore"):
        w = np.where(shift > p, q2 / (shift - p) - p, -1.0)
        inside = np.where(w > 0, np.abs(w + shift) / np.abs(w + s), 0.0)
    return np.maximum(np.maximum(shift / np.abs(s), 1.0), inside)


def project(M: Any, factors: Factorisation, start: np.ndarray, shift: float, enough: Callable[[Projection], bool],
            most: int = 80) -> Projection:
    """Extend the block Krylov space of the columns of ``start`` (N, p) until ``enough(projection)``.

    ``factors`` is the factorised A0 = K + shift M.  Stops after ``most`` blocks, or when the space is exhausted; the
    caller reads from the bound how far it got.
    """
    worst = [0.0]

    def solve(B: np.ndarray) -> np.ndarray:
        x, residual = factors.solve(B)
        worst[0] = max(worst[0], residual)
        return x

    V, AV, R = _orthonormal(solve(start), start)
    space = _Space([V], [AV], [], [], R)
    for count in range(1, most + 1):
        if not space.extend(M, solve) or (count >= 4 and count % 2 == 0 and enough(space.ritz(shift))):
            break
    return replace(space.ritz(shift, with_vectors=True), residual=worst[0])


@dataclass(frozen=True, eq=False)
class _Space:
    """Blocks V_j, A0 V_j, M V_j, the links between neighbours, and the coordinates R of the start in V_0."""

    basis: list[np.ndarray]
    loads: list[np.ndarray]
    masses: list[np.ndarray]
    links: list[np.ndarray]
    R: np.ndarray

    def extend(self, M: Any, solve: Callable[[np.ndarray], np.ndarray]) -> bool:
        """One block step; False when the space is exhausted."""
        if self.basis[-1].shape[1] == 0:
            return False
        load = M @ self.basis[-1]
        self.masses.append(load)
        image = solve(load)
        for _ in range(2):  # full reorthogonalisation, twice: the bound relies on it
            for v, av in zip(self.basis, self.loads, strict=True):
                h = av.T @ image
                image, load = image - v @ h, load - av @ h
        V, AV, link = _orthonormal(image, load, np.sqrt(np.maximum(np.sum(self.masses[-1] * self.basis[-1], axis=0), 0)))
        self.basis.append(V)
        self.loads.append(AV)
        self.links.append(link)
        return V.shape[1] > 0

    def ritz(self, shift: float, with_vectors: bool = False) -> Projection:
        """Poles and residues of the space without its last block, which carries the residual."""
        used = len(self.links)
        V = np.hstack(self.basis[:used]) if used else self.basis[0][:, :0]
        T = V.T @ np.hstack(self.masses) if used else np.zeros((0, 0))
        theta, Y = np.linalg.eigh(0.5 * (T + T.T))
        theta = np.maximum(theta, np.finfo(float).tiny)
        first = np.zeros((V.shape[1], self.R.shape[1]))
        first[:self.R.shape[0]] = self.R[:V.shape[1]]
        # F(s) = sum (Y^T R e)_k^2 / (1 + (s - s0) theta_k): rates w = 1/theta - s0, weights divided by sqrt(theta)
        weights = (Y.T @ first) / np.sqrt(theta)[:, None]
        order = np.argsort(-theta)
        tail = np.zeros((0, V.shape[1]))
        if used:
            last = slice(V.shape[1] - self.basis[used - 1].shape[1], V.shape[1])
            tail = (self.links[-1] @ Y[last]) / np.sqrt(theta)
        return Projection(shift, (1.0 / theta - shift)[order], weights[order], tail[:, order],
                          self.R.T @ self.R,
                          (V @ Y)[:, order] / np.sqrt(theta[order]) if with_vectors else None,
                          self.R.shape[1] + V.shape[1], 0.0)


def _orthonormal(images: np.ndarray, loads: np.ndarray,
                 before: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A0-orthonormal basis of images = A0^{-1} loads: (V, A0 V, R) with images = V R, dependent directions dropped.

    ``before`` are the sizes of the images before orthogonalisation against earlier blocks: what is left below
    round-off of them is noise.
    """
    gram = images.T @ loads
    gram = 0.5 * (gram + gram.T)
    sizes = np.sqrt(np.maximum(np.diag(gram), 0.0))
    unit = np.where(sizes > 0, sizes, 1.0)
    values, vectors = np.linalg.eigh(gram / np.outer(unit, unit))
    noise = 0.0 if before is None else DEFLATION * before
    keep = (values > DEFLATION) & bool(np.any(sizes > noise))
    root = np.sqrt(values[keep])
    turn = (vectors[:, keep] / root) / unit[:, None]
    return images @ turn, loads @ turn, (root[:, None] * vectors[:, keep].T) * unit
