"""Block Lanczos on one real factorisation: F(s) = b^T (K + s M)^{-1} a for every s, with a rigorous
bound.

With A0 = K + s0 M factorised, the Krylov space of A0^{-1} M that starts from A0^{-1} [a, b] is
built with an A0-orthonormal basis.  Galerkin projection there gives poles and residues; because the
space holds both a and b, the error is r_b^T (K + s M)^{-1} r_a with residuals that live in the next
block alone, hence

    |F - F_m| <= gamma(s) |r_a| |r_b|  in the norm of A0^{-1},
    gamma(s) = max_{w >= 0} |w + s0| / |w + s|.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..base.owned import own_arrays
from ..solver.linear import Factorisation
from .uniform_mode import UniformMode

#: The bound holds down to this times |a| |b|.
ROUNDING = 5e-13
#: Rows of the vectors that are turned at a time.
ROWS = 100_000
#: Directions of a new block smaller than this, relative to the block before orthogonalisation, are
#: dropped.
DEFLATION = 1e-13
#: Of a new block so much smaller than before a part may be round-off.
NEAR_END = 1e-2


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
    gap : lowest rate of (K, M) that the vectors can hold, but for an exact pole at 0; 0 if unknown
    """

    shift: float
    rates: np.ndarray
    weights: np.ndarray
    tail: np.ndarray
    gram: np.ndarray
    vectors: np.ndarray | None
    solves: int
    residual: float
    gap: float = 0.0

    def __post_init__(self) -> None:
        own_arrays(self)

    def combine(self, turn: np.ndarray) -> Projection:
        """The same space for the starting vectors ``start @ turn``, turn (p, q)."""
        return replace(self, weights=self.weights @ turn, gram=turn.T @ self.gram @ turn)

    def norm(self, i: Any) -> Any:
        """|a_i| in the A0^{-1} norm, for one column or several."""
        return _roots(np.diag(self.gram))[i]

    def residues(self, i: int, j: int) -> np.ndarray:
        """g_k with F_ij(s) = sum_k g_k / (w_k + s), (m,)."""
        return np.asarray(self.weights[:, i] * self.weights[:, j])

    def residuals(self, s: Any) -> np.ndarray:
        """Residuals of all starting vectors, coordinates (..., q, p) in an A0^{-1}-orthonormal
        basis, for complex s (...).
        """
        s = np.asarray(s, dtype=complex)[..., None]
        filters = (s - self.shift) / (self.rates + s)
        each = self.tail.T[:, :, None] * self.weights[:, None, :]
        m, q, p = each.shape
        return np.asarray(filters @ each.reshape(m, q * p)).reshape(*filters.shape[:-1], q, p)

    def residual_norm(self, i: Any, s: Any) -> np.ndarray:
        """|r_i(s)| in the A0^{-1} norm for complex s of any shape; several columns i follow as a
        last axis.
        """
        return np.asarray(np.linalg.norm(self.residuals(s), axis=-2)[..., i])

    def bound(self, i: Any, j: Any, s: Any, lowest: float = 0.0) -> np.ndarray:
        """Bound on |F_ij - F_ij,m| at complex s, rounding floor included; several i and j follow as
        a last axis.

        No rate of (K, M) may lie below ``lowest``, and Re s must lie above -lowest.
        """
        lowest = max(lowest, self.gap)
        size = gamma(np.asarray(s) + lowest, self.shift + lowest)
        size = size[..., None] if np.ndim(i) else size
        norms = self.residual_norm(slice(None), s)
        # a pole far below s0 is a difference of large numbers
        lost = np.maximum(1.0, size / 4.0)
        floor = ROUNDING * self.norm(i) * self.norm(j) * lost
        product = norms[..., i] * norms[..., j]
        return np.asarray(size * (product + floor))


def gamma(s: Any, shift: float) -> np.ndarray:
    """max over w >= 0 of |w + s0| / |w + s|, closed form: w = 0, infinity, or the stationary point
    between.
    """
    s = np.asarray(s, dtype=complex)
    p = s.real
    q2 = s.imag**2
    with np.errstate(divide="ignore", invalid="ignore"):
        w = np.where(shift > p, q2 / (shift - p) - p, -1.0)
        inside = np.where(w > 0, np.abs(w + shift) / np.abs(w + s), 0.0)
    return np.maximum(np.maximum(shift / np.abs(s), 1.0), inside)


def project(
    M: Any,
    factors: Factorisation,
    start: np.ndarray,
    shift: float,
    excess: Callable[[Projection], float],
    most: int = 80,
    with_vectors: bool = True,
    uniform: UniformMode | None = None,
    totals: np.ndarray | None = None,
    gap: float = 0.0,
) -> Projection:
    """Extend the block Krylov space of the columns of ``start`` (N, p) until ``excess(projection)
    <= 1``.

    ``factors`` is the factorised A0 = K + shift M; ``excess`` is the bound over what is accepted.
    It falls geometrically, so two values tell when to look again.  Stops after ``most`` blocks, or
    when the space is exhausted; the caller reads from the bound how far it got.  The ``uniform``
    mode stays out of the space, and is a pole at 0 with the ``totals`` (p,) of the columns (by
    default their own); no other rate lies below ``gap``.
    """
    worst = [0.0]

    def solve(B: np.ndarray) -> np.ndarray:
        x, residual = factors.solve(B)
        worst[0] = max(worst[0], residual)
        return x if uniform is None else uniform.out_of(x)

    still = None
    if uniform is not None:
        totals = uniform.totals(start) if totals is None else totals
        still = _Still(uniform, totals)
        start = uniform.out_of_loads(start)
    space = _Space(factors.A, M, start, still, gap)
    images = solve(start)
    R = space.append(images, images.T @ (factors.A @ images))
    seen, look = (0, np.inf), 4
    for count in range(1, most + 1):
        link = space.extend(solve)
        if link.shape[0] == 0:
            break
        if count == look:
            now = excess(space.ritz(shift, R, link))
            if now <= 1.0:
                break
            last, before = seen
            look = count + _blocks_left(now, before, count - last)
            seen = count, now
    found = space.ritz(shift, R, link, with_vectors=with_vectors)
    return replace(found, residual=worst[0])


def _blocks_left(now: float, before: float, blocks: int) -> int:
    """Blocks until a geometric fall, by now/before in so many blocks, reaches 1; short of it rather
    than past it.
    """
    if not 1.0 < now < before < np.inf:
        return 2
    left = blocks * np.log(now) / np.log(before / now)
    return max(1, int(0.9 * left))


def _roots(squares: np.ndarray) -> np.ndarray:
    """Square roots of what can be negative by round-off only."""
    return np.asarray(np.sqrt(np.maximum(squares, 0.0)))


@dataclass(frozen=True, eq=False)
class _Still:
    """An eigenvector of rate 0 that is known, and the loads (p,) on it."""

    uniform: UniformMode
    totals: np.ndarray

    def added(self, found: Projection) -> Projection:
        """With its pole, where something drives it."""
        if not np.any(self.totals):
            return found
        vectors = found.vectors
        if vectors is not None:
            vectors = np.column_stack([self.uniform.vector, vectors])
        nothing = np.zeros((len(found.tail), 1))
        return replace(
            found,
            rates=np.append(0.0, found.rates),
            weights=np.vstack([self.totals, found.weights]),
            tail=np.hstack([nothing, found.tail]),
            gram=found.gram + np.outer(self.totals, self.totals) / found.shift,
            vectors=vectors,
        )


class _Space:
    """A0-orthonormal blocks V_j, T = V^T M V and V^T start, filled one block at a time.

    Everything is projected as it is, not as exact solves would have it: an inexact solver costs the
    square of its error.
    """

    def __init__(
        self,
        A: Any,
        M: Any,
        start: np.ndarray,
        still: _Still | None = None,
        gap: float = 0.0,
    ) -> None:
        self.still = still
        self.gap = gap
        self.A = A
        self.M = M
        self.start = start
        size, width = start.shape
        # the operating system gives memory as it is filled
        self.V = np.empty((size, 24 * width), order="F")
        self.T = np.zeros((0, 0))
        self.first = np.zeros((0, start.shape[1]))
        self.last = slice(0, 0)
        self.before = slice(0, 0)

    def append(
        self, images: np.ndarray, gram: np.ndarray, before: np.ndarray | None = None
    ) -> np.ndarray:
        """Add an orthonormal basis of ``images`` as the next block; R of :func:`_orthonormal`."""
        V, R = _orthonormal(self.A, images, gram, before)
        size, width = V.shape
        used = self.last.stop
        # what is left of a full space is round-off, all of it along the uniform moment
        beyond = max(used + width - (size - (self.still is not None)), 0)
        V, R, width = V[:, beyond:], R[beyond:], width - beyond
        self.before = self.last
        self.last = slice(used, used + width)
        room = self.V.shape[1]
        if self.last.stop > room:
            more = np.empty((size, max(room // 2, width)), order="F")
            self.V = np.asfortranarray(np.hstack([self.V, more]))
        self.V[:, self.last] = V
        seen = V.T @ self.start
        self.first = np.vstack([self.first, seen])
        return R

    def extend(self, solve: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """One block step; the link from the last block to the new one, without rows when the space
        is exhausted.
        """
        block = self.last
        V = self.V[:, : block.stop]
        load = self.M @ V[:, block]
        size = _roots(np.einsum("ij,ij->j", load, V[:, block]))
        h = V.T @ load
        # h of older blocks is round-off alone, and goes with the reorthogonalisation below
        near = slice(self.before.start, block.stop)
        image = solve(load) - V[:, near] @ h[near]
        # differences of products already taken would lose the orthogonality, in wide ranges all of
        # it
        loads = self.A @ image
        left = V.T @ loads
        gram = image.T @ loads
        image -= V @ left  # full reorthogonalisation: the bound relies on it
        gram = gram - left.T @ left
        little = bool(np.any(_roots(np.diag(gram)) < NEAR_END * size))
        if little and self.still is not None:  # of round-off much is the uniform moment
            image = self.still.uniform.out_of(image)
            image -= V @ (V.T @ (self.A @ image))
            gram = image.T @ (self.A @ image)
        old, new = block.start, block.stop
        T = np.zeros((new, new))
        T[:old, :old] = self.T
        T[:, block] = h
        T[block] = h.T
        self.T = T
        return self.append(image, gram, size)

    def _turned(self, turn: np.ndarray) -> np.ndarray:
        """The vectors of the space times ``turn``, in their place: the space ends with it."""
        size, used = self.V.shape[0], turn.shape[0]
        for start in range(0, size, ROWS):
            part = slice(start, start + ROWS)
            self.V[part, :used] = self.V[part, :used] @ turn
        vectors = self.V
        del self.V
        vectors.resize((size, used), refcheck=False)  # gives back what was not used
        vectors.flags.writeable = False  # else whoever keeps it would copy it
        return vectors

    def ritz(
        self, shift: float, R: np.ndarray, link: np.ndarray, with_vectors: bool = False
    ) -> Projection:
        """Poles and residues of the space without its last block, which carries the residual."""
        used = self.T.shape[0]
        symmetric = 0.5 * (self.T + self.T.T)
        theta, Y = np.linalg.eigh(symmetric)
        theta = np.maximum(theta, np.finfo(float).tiny)[::-1]  # rates come out ascending
        Y = Y[:, ::-1]
        # F(s) = sum (Y^T V^T a)_k^2 / (1 + (s - s0) theta_k): rates w = 1/theta - s0, weights
        # divided by sqrt(theta)
        weights = (Y.T @ self.first[:used]) / np.sqrt(theta)[:, None]
        newest = Y[used - link.shape[1] :]
        tail = (link @ newest) / np.sqrt(theta)
        vectors = self._turned(Y / np.sqrt(theta)) if with_vectors else None
        found = Projection(
            shift=shift,
            rates=1.0 / theta - shift,
            weights=weights,
            tail=tail,
            gram=R.T @ R,
            vectors=vectors,
            solves=self.start.shape[1] + used,
            residual=0.0,
            gap=self.gap,
        )
        return found if self.still is None else self.still.added(found)


def _orthonormal(
    A: Any, images: np.ndarray, gram: np.ndarray, before: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """A-orthonormal basis of images with inner products ``gram``: (V, R), images = V R, dependent
    directions dropped.

    ``before`` are the sizes of the images before orthogonalisation against earlier blocks: what is
    left below round-off of them is noise.
    """
    gram = 0.5 * (gram + gram.T)
    sizes = _roots(np.diag(gram))
    unit = np.where(sizes > 0, sizes, 1.0)
    values, vectors = np.linalg.eigh(gram / np.outer(unit, unit))
    noise = 0.0 if before is None else DEFLATION * before
    keep = (values > DEFLATION) & bool(np.any(sizes > noise))
    root = np.sqrt(values[keep])
    turn = vectors[:, keep]
    V = images @ ((turn / root) / unit[:, None])
    R = (root[:, None] * turn.T) * unit
    if root.size and root.min() < 0.1 * root.max():
        # nearly dependent: the division above magnified round-off
        V, again = _orthonormal(A, V, V.T @ (A @ V))
        R = again @ R
    return V, R
