"""Adaptive integration over the Brillouin zone, for temperatures at which a uniform mesh would be
too fine.

The zone is cut into triangles, one is kept for each orbit of the symmetry group, and each is
quartered until
 - no band comes so near the chemical potential inside it that f could differ from 0 or 1 by a
 hundredth of the
   tolerance, by bounds on the derivatives of H, or
   the triangle is so small that its 64 points see the Fermi step; and
 - the sum over its quarters agrees with its own value to its share of the tolerance.
The error reported is the sum of these differences. The quarters are more exact than that, so it is
pessimistic.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import roots_jacobi, roots_legendre

from ..errors import SolveError
from .hamiltonian import HBAR2_OVER_ME, LayeredModel
from .states import COLUMNS, WINDOW, fermi_weight, spread, state_columns, thermal_energy
from .symmetry import Operation

START = 12  # divisions of the first triangulation; a multiple of 3 puts K on a vertex
GENERATIONS = 32
MOST_POINTS = 60_000_000
GROUPS = (slice(0, 1), slice(1, 7), slice(7, 10), slice(10, 11))
# Which groups of columns are wanted at each order: <v_a v_b> with f alone has no meaning.
WANTED = {
    0: (True, True, False, True),
    1: (True, True, True, False),
    2: (False, False, True, False),
}


def sums(
    model: LayeredModel,
    mu: np.ndarray,
    temperature: float,
    orders: Sequence[int],
    tolerance: float,
    operations: tuple[Operation, ...],
) -> tuple[np.ndarray, np.ndarray]:
    """Sums over states of the columns with d^order f/dmu^order, one adaptive integration per
    chemical potential.

    Returns
    -------
    values, errors : (n_mu, n_orders, 11)
        Errors are the same for all columns of a tensor.

    Raises
    ------
    SolveError
        More than 60 million points, or 32 generations of triangles, without reaching the tolerance.
    """
    kt = thermal_energy(temperature)
    triangles, share, kept = _first_triangles(model, operations)
    results = [
        _integrate(model, triangles, share, float(m), kt, tuple(orders), tolerance) for m in mu
    ]
    values = spread(np.stack([r[0] for r in results]), kept)
    return values, np.stack([r[1] for r in results])


@dataclass(frozen=True, eq=False)
class _Rule:
    """Conical product rule of degree 15 on the triangle (0,0), (1,0), (0,1); weights sum to one."""

    barycentric: np.ndarray
    weights: np.ndarray


def _rule(n: int = 8) -> _Rule:
    x, wx = roots_jacobi(n, 1.0, 0.0)
    y, wy = roots_legendre(n)
    x, y = 0.5 * (1.0 + x), 0.5 * (1.0 + y)
    u = np.repeat(x, n)
    v = np.outer(1.0 - x, y).ravel()
    w = np.outer(wx, wy).ravel()
    return _Rule(np.stack([1.0 - u - v, u, v], axis=1), w / w.sum())


RULE = _rule()


def _first_triangles(
    model: LayeredModel, operations: tuple[Operation, ...]
) -> tuple[np.ndarray, np.ndarray, tuple[Operation, ...]]:
    """Corners (m, 3, 2) in 1/angstrom, the fraction of the zone each stands for, and the operations
    used.
    """
    b = model.reciprocal
    if np.linalg.norm(b[0] - b[1]) <= np.linalg.norm(b[0] + b[1]):
        halves = np.array([[[0, 0], [1, 0], [0, 1]], [[1, 1], [0, 1], [1, 0]]])
    else:
        halves = np.array([[[0, 0], [1, 0], [1, 1]], [[0, 0], [1, 1], [0, 1]]])
    kept = tuple(
        op for op in operations if all(_same_shape(t @ op.integer, halves) for t in halves)
    )
    i, j = np.divmod(np.arange(START**2), START)
    corners = (np.stack([i, j], axis=1)[:, None, None, :] + halves[None]).reshape(-1, 3, 2)
    number = {tuple(c): n for n, c in enumerate((corners.sum(axis=1) % (3 * START)).tolist())}
    least = np.arange(len(corners))
    for op in kept:
        image = (corners.sum(axis=1) @ op.integer) % (3 * START)
        least = np.minimum(least, [number[tuple(c)] for c in image.tolist()])
    size = np.bincount(least, minlength=len(corners))
    first = np.flatnonzero(size)
    return corners[first] / START @ b, size[first] / len(corners), kept


def _same_shape(triangle: np.ndarray, halves: np.ndarray) -> bool:
    """True if the triangle is a translate of one of the two halves of the cell."""

    def key(t: np.ndarray) -> tuple[tuple[int, int], ...]:
        return tuple(sorted((int(a), int(b)) for a, b in 3 * t - t.sum(axis=0)))

    return key(triangle) in {key(h) for h in halves}


def _integrate(
    model: LayeredModel,
    triangles: np.ndarray,
    share: np.ndarray,
    mu: float,
    kt: float,
    orders: tuple[int, ...],
    tolerance: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Values and errors (n_orders, 11) at one chemical potential."""
    cover, edge = _covering(triangles[0])
    limit = _Limit(
        mu, kt, min(WINDOW, np.log(1.0 / tolerance) + 8.0) * kt, cover, *_derivative_bounds(model)
    )
    own, _ = _evaluate(model, triangles, share, limit, edge, orders)
    total, error = np.zeros(own.shape[1:]), np.zeros(own.shape[1:])
    points, budget = len(triangles) * len(RULE.weights), 1.0
    for generation in range(GENERATIONS):
        quarters = _quarter(triangles)
        inside, seen = _evaluate(
            model,
            quarters,
            np.repeat(share / 4.0, 4),
            limit,
            edge / 2.0 ** (generation + 1),
            orders,
        )
        points += len(quarters) * len(RULE.weights)
        finer = inside.reshape(-1, 4, *total.shape).sum(axis=1)
        difference = np.abs(finer - own)
        worst = (difference / _scales(total + finer.sum(axis=0), orders, tolerance)).max(
            axis=(1, 2)
        )
        done = _affordable(np.where(seen.reshape(-1, 4).all(axis=1), worst, np.inf), 0.5 * budget)
        budget -= float(worst[done].sum())
        total += finer[done].sum(axis=0)
        error += difference[done].sum(axis=0)
        if done.all():
            return total, _by_group(error)
        again = np.repeat(~done, 4)
        triangles, share, own = quarters[again], np.repeat(share / 4.0, 4)[again], inside[again]
        if points > MOST_POINTS:
            break
    raise SolveError(
        f"adaptive integration: tolerance {tolerance:g} not reached at mu = {mu:g} eV with "
        f"{points} "
        "points; raise the temperature or the tolerance",
        value=points,
    )


@dataclass(frozen=True)
class _Limit:
    """What a triangle must resolve: states within ``window`` of ``mu``; and bounds on the first two
    derivatives of H.
    """

    mu: float
    kt: float
    window: float
    cover: float
    slope: float
    bend: float

    def seen(self, energy: np.ndarray, speed: np.ndarray, size: float) -> np.ndarray:
        """(m,) from energy and speed (m, points, bands): no state comes near mu, or those that do
        vary by few k_B T.
        """
        gap = np.full_like(energy, np.inf)
        steps = np.diff(energy, axis=-1)
        gap[..., :-1] = steps
        gap[..., 1:] = np.minimum(gap[..., 1:], steps)
        far = np.abs(energy - self.mu) > self.window + self._reach(self.cover * size, speed, gap)
        return np.asarray(
            (far | (self._reach(size, speed, gap) < WINDOW * self.kt)).all(axis=(1, 2))
        )

    def _reach(self, distance: float, speed: np.ndarray, gap: np.ndarray) -> np.ndarray:
        """Bound on the change of a band energy over ``distance``: the norm of dH (Weyl), or
        second-order perturbation
        theory with the nearest level ``gap`` away, whichever is less."""
        most = self.slope * distance
        apart = gap - 2.0 * most
        mixing = np.divide(most**2, apart, out=np.full_like(gap, np.inf), where=apart > 0.0)
        return np.minimum(most, speed * distance + 0.5 * self.bend * distance**2 + mixing)


def _evaluate(
    model: LayeredModel,
    triangles: np.ndarray,
    share: np.ndarray,
    limit: _Limit,
    size: float,
    orders: tuple[int, ...],
) -> tuple[np.ndarray, np.ndarray]:
    """Integrals (m, n_orders, 11) and whether the points of each triangle see the Fermi step
    (m,).
    """
    out = np.zeros((len(triangles), len(orders), len(COLUMNS)))
    seen = np.zeros(len(triangles), dtype=bool)
    n = len(RULE.weights)
    for start in range(0, len(triangles), 8):
        part = slice(start, start + 8)
        k = np.einsum("qc,mcd->mqd", RULE.barycentric, triangles[part]).reshape(-1, 2)
        energy, columns = state_columns(model, k)
        bands = energy.shape[1]
        speed = np.sqrt((columns[..., 7] + columns[..., 8]) * HBAR2_OVER_ME)
        seen[part] = limit.seen(energy.reshape(-1, n, bands), speed.reshape(-1, n, bands), size)
        rows = columns.reshape(-1, n * bands, len(COLUMNS))
        for index, order in enumerate(orders):
            weight = fermi_weight((limit.mu - energy) / limit.kt, limit.kt, order).reshape(
                -1, n, bands
            )
            weight = (weight * RULE.weights[:, None]).reshape(-1, n * bands)
            out[part, index] = np.einsum("ms,msc->mc", weight, rows, optimize=True)
    return out * share[:, None, None], seen


def _affordable(worst: np.ndarray, budget: float) -> np.ndarray:
    """The largest set of triangles, best first, whose errors add up to the budget."""
    rank = np.argsort(worst)
    done = np.zeros(len(worst), dtype=bool)
    done[rank[np.cumsum(worst[rank]) <= budget]] = True
    return done


def _quarter(t: np.ndarray) -> np.ndarray:
    a, b, c = t[:, 0], t[:, 1], t[:, 2]
    ab, bc, ca = 0.5 * (a + b), 0.5 * (b + c), 0.5 * (c + a)
    four = [np.stack(x, axis=1) for x in ((a, ab, ca), (ab, b, bc), (ca, bc, c), (bc, ca, ab))]
    return np.stack(four, axis=1).reshape(-1, 3, 2)


def _scales(total: np.ndarray, orders: tuple[int, ...], tolerance: float) -> np.ndarray:
    """Error allowed per column: tolerance times the largest entry of its tensor.

    Where a Fermi-surface quantity is nearly zero (a gap) it is measured against a thousandth per eV
    instead.
    """
    out = np.full(total.shape, np.inf)
    for index, order in enumerate(orders):
        for group, wanted in zip(GROUPS, WANTED[order], strict=True):
            if wanted:
                floor = 1.0 if order == 0 and group.start in (0, 10) else 1e-3
                out[index, group] = tolerance * max(float(np.abs(total[index, group]).max()), floor)
    return out


def _by_group(error: np.ndarray) -> np.ndarray:
    out = error.copy()
    for group in GROUPS:
        out[:, group] = error[:, group].max(axis=1, keepdims=True)
    return out


def _derivative_bounds(model: LayeredModel) -> tuple[float, float]:
    """Norms of sum_R |t_ij(R)| |R + r_j - r_i| and of the same with the square: bounds of dH and
    d2H in any direction.
    """
    lengths = np.linalg.norm(model.bond_vectors[..., :2], axis=-1)
    first, second = (
        float(np.linalg.norm((np.abs(model.blocks) * lengths**p).sum(axis=0), 2)) for p in (1, 2)
    )
    return first, second


def _covering(triangle: np.ndarray) -> tuple[float, float]:
    """Largest distance from a point of the triangle to a quadrature point, over the longest edge;
    that edge.
    """
    edge = float(max(np.linalg.norm(triangle[i] - triangle[i - 1]) for i in range(3)))
    grid = np.arange(41) / 40
    u, v = (x.ravel() for x in np.meshgrid(grid, grid))
    keep = u + v <= 1.0 + 1e-12
    bary = np.stack([1.0 - u - v, u, v], axis=1)[keep]
    apart = np.linalg.norm(
        (bary @ triangle)[:, None] - (RULE.barycentric @ triangle)[None], axis=-1
    )
    return float(apart.min(axis=1).max()) / edge + 0.01, edge
