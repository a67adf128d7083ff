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
    values = []
    errors = []
    for m in mu:
        target = _Target(float(m), kt, tuple(orders), tolerance)
        value, error = _integrate(model, triangles, share, target)
        values.append(value)
        errors.append(error)
    return spread(np.stack(values), kept), np.stack(errors)


@dataclass(frozen=True)
class _Target:
    """One integration: chemical potential and k_B T in eV, derivatives of f, tolerance."""

    mu: float
    kt: float
    orders: tuple[int, ...]
    tolerance: float


@dataclass(frozen=True, eq=False)
class _Rule:
    """Conical product rule of degree 15 on the triangle (0,0), (1,0), (0,1); weights sum to one."""

    barycentric: np.ndarray
    weights: np.ndarray


def _rule(n: int = 8) -> _Rule:
    x, wx = roots_jacobi(n, 1.0, 0.0)
    y, wy = roots_legendre(n)
    x = 0.5 * (1.0 + x)
    y = 0.5 * (1.0 + y)
    u = np.repeat(x, n)
    v = np.outer(1.0 - x, y).ravel()
    w = np.outer(wx, wy).ravel()
    barycentric = np.stack([1.0 - u - v, u, v], axis=1)
    return _Rule(barycentric, w / w.sum())


RULE = _rule()


def _first_triangles(
    model: LayeredModel,
    operations: tuple[Operation, ...],
) -> tuple[np.ndarray, np.ndarray, tuple[Operation, ...]]:
    """Corners (m, 3, 2) in 1/angstrom, the fraction of the zone each stands for, and the operations
    used.
    """
    b = model.reciprocal
    halves = _halves(b)
    kept = tuple(op for op in operations if _keeps(op, halves))
    i, j = np.divmod(np.arange(START**2), START)
    cells = np.stack([i, j], axis=1)[:, None, None, :]
    corners = (cells + halves[None]).reshape(-1, 3, 2)
    centres = corners.sum(axis=1)  # times three, so that they are whole numbers
    period = 3 * START
    number = {tuple(c): n for n, c in enumerate((centres % period).tolist())}
    least = np.arange(len(corners))
    for op in kept:
        images = (centres @ op.integer) % period
        least = np.minimum(least, [number[tuple(c)] for c in images.tolist()])
    size = np.bincount(least, minlength=len(corners))
    first = np.flatnonzero(size)
    return corners[first] / START @ b, size[first] / len(corners), kept


def _halves(b: np.ndarray) -> np.ndarray:
    """The two triangles of the cell, cut along its shorter diagonal; corners (2, 3, 2)."""
    origin = [0, 0]
    first = [1, 0]
    second = [0, 1]
    both = [1, 1]
    if np.linalg.norm(b[0] - b[1]) <= np.linalg.norm(b[0] + b[1]):
        return np.array([[origin, first, second], [both, second, first]])
    return np.array([[origin, first, both], [origin, both, second]])


def _keeps(
    op: Operation,
    halves: np.ndarray,
) -> bool:
    """True if the operation maps the triangulation onto itself."""
    return all(_same_shape(triangle @ op.integer, halves) for triangle in halves)


def _same_shape(
    triangle: np.ndarray,
    halves: np.ndarray,
) -> bool:
    """True if the triangle is a translate of one of the two halves of the cell."""

    def key(t: np.ndarray) -> tuple[tuple[int, int], ...]:
        from_centre = 3 * t - t.sum(axis=0)
        return tuple(sorted((int(a), int(b)) for a, b in from_centre))

    return key(triangle) in {key(h) for h in halves}


def _integrate(
    model: LayeredModel,
    triangles: np.ndarray,
    share: np.ndarray,
    target: _Target,
) -> tuple[np.ndarray, np.ndarray]:
    """Values and errors (n_orders, 11) at one chemical potential."""
    cover, edge = _covering(triangles[0])
    limit = _limit(model, target, cover)
    own, _ = _evaluate(model, triangles, share, limit, edge, target.orders)
    total = np.zeros(own.shape[1:])
    error = np.zeros(own.shape[1:])
    points = len(triangles) * len(RULE.weights)
    budget = 1.0
    for _ in range(GENERATIONS):
        edge /= 2.0
        quarters = _quarter(triangles)
        quarter_share = np.repeat(share / 4.0, 4)
        inside, seen = _evaluate(model, quarters, quarter_share, limit, edge, target.orders)
        points += len(quarters) * len(RULE.weights)
        by_parent = inside.reshape(-1, 4, *total.shape)
        finer = by_parent.sum(axis=1)
        difference = np.abs(finer - own)
        allowed = _scales(total + finer.sum(axis=0), target.orders, target.tolerance)
        worst = (difference / allowed).max(axis=(1, 2))
        resolved = seen.reshape(-1, 4).all(axis=1)
        done = _affordable(np.where(resolved, worst, np.inf), 0.5 * budget)
        budget -= float(worst[done].sum())
        total += finer[done].sum(axis=0)
        error += difference[done].sum(axis=0)
        if done.all():
            return total, _by_group(error)
        again = np.repeat(~done, 4)
        triangles = quarters[again]
        share = quarter_share[again]
        own = inside[again]
        if points > MOST_POINTS:
            break
    raise SolveError(
        f"adaptive integration: tolerance {target.tolerance:g} not reached at "
        f"mu = {target.mu:g} eV with {points} points; raise the temperature or the tolerance",
        value=points,
    )


def _limit(
    model: LayeredModel,
    target: _Target,
    cover: float,
) -> _Limit:
    # f differs from 0 or 1 by exp(-x) at x k_B T; by exp(-8) of the tolerance at the window.
    wide_enough = np.log(1.0 / target.tolerance) + 8.0
    window = min(WINDOW, wide_enough) * target.kt
    slope, bend = _derivative_bounds(model)
    return _Limit(target.mu, target.kt, window, cover, slope, bend)


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

    def seen(
        self,
        energy: np.ndarray,
        speed: np.ndarray,
        size: float,
    ) -> np.ndarray:
        """(m,) from energy and speed (m, points, bands): no state comes near mu, or those that do
        vary by few k_B T.
        """
        gap = np.full_like(energy, np.inf)
        steps = np.diff(energy, axis=-1)
        gap[..., :-1] = steps
        gap[..., 1:] = np.minimum(gap[..., 1:], steps)
        between = self._reach(self.cover * size, speed, gap)
        far = np.abs(energy - self.mu) > self.window + between
        small = self._reach(size, speed, gap) < WINDOW * self.kt
        return np.asarray((far | small).all(axis=(1, 2)))

    def _reach(
        self,
        distance: float,
        speed: np.ndarray,
        gap: np.ndarray,
    ) -> np.ndarray:
        """Bound on the change of a band energy over ``distance``: the norm of dH (Weyl), or
        second-order perturbation theory with the nearest level ``gap`` away, whichever is less.
        """
        most = self.slope * distance
        apart = gap - 2.0 * most
        unbounded = np.full_like(gap, np.inf)
        mixing = np.divide(most**2, apart, out=unbounded, where=apart > 0.0)
        curved = speed * distance + 0.5 * self.bend * distance**2 + mixing
        return np.minimum(most, curved)


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
        corners = triangles[part]
        k = np.einsum("qc,mcd->mqd", RULE.barycentric, corners).reshape(-1, 2)
        energy, columns = state_columns(model, k)
        shape = (-1, n, energy.shape[1])
        square = columns[..., 7] + columns[..., 8]
        speed = np.sqrt(square * HBAR2_OVER_ME)
        seen[part] = limit.seen(energy.reshape(shape), speed.reshape(shape), size)
        x = (limit.mu - energy) / limit.kt
        rows = columns.reshape(-1, n * energy.shape[1], len(COLUMNS))
        for index, order in enumerate(orders):
            weight = fermi_weight(x, limit.kt, order).reshape(shape)
            weight = weight * RULE.weights[:, None]
            weight = weight.reshape(rows.shape[:2])
            out[part, index] = np.einsum("ms,msc->mc", weight, rows, optimize=True)
    return out * share[:, None, None], seen


def _affordable(
    worst: np.ndarray,
    budget: float,
) -> np.ndarray:
    """The largest set of triangles, best first, whose errors add up to the budget."""
    rank = np.argsort(worst)
    done = np.zeros(len(worst), dtype=bool)
    done[rank[np.cumsum(worst[rank]) <= budget]] = True
    return done


def _quarter(t: np.ndarray) -> np.ndarray:
    a = t[:, 0]
    b = t[:, 1]
    c = t[:, 2]
    ab = 0.5 * (a + b)
    bc = 0.5 * (b + c)
    ca = 0.5 * (c + a)
    at_a = np.stack((a, ab, ca), axis=1)
    at_b = np.stack((ab, b, bc), axis=1)
    at_c = np.stack((ca, bc, c), axis=1)
    centre = np.stack((bc, ca, ab), axis=1)
    return np.stack([at_a, at_b, at_c, centre], axis=1).reshape(-1, 3, 2)


def _scales(
    total: np.ndarray,
    orders: tuple[int, ...],
    tolerance: float,
) -> np.ndarray:
    """Error allowed per column: tolerance times the largest entry of its tensor.

    Where a Fermi-surface quantity is nearly zero (a gap) it is measured against a thousandth per eV
    instead.
    """
    out = np.full(total.shape, np.inf)
    for index, order in enumerate(orders):
        for group, wanted in zip(GROUPS, WANTED[order], strict=True):
            if not wanted:
                continue
            filled = order == 0 and group.start in (0, 10)
            floor = 1.0 if filled else 1e-3
            largest = float(np.abs(total[index, group]).max())
            out[index, group] = tolerance * max(largest, floor)
    return out


def _by_group(error: np.ndarray) -> np.ndarray:
    out = error.copy()
    for group in GROUPS:
        worst = error[:, group].max(axis=1, keepdims=True)
        out[:, group] = worst
    return out


def _derivative_bounds(model: LayeredModel) -> tuple[float, float]:
    """Norms of sum_R |t_ij(R)| |R + r_j - r_i| and of the same with the square: bounds of dH and
    d2H in any direction.
    """
    lengths = np.linalg.norm(model.bond_vectors[..., :2], axis=-1)
    size = np.abs(model.blocks)
    first = np.linalg.norm((size * lengths).sum(axis=0), 2)
    second = np.linalg.norm((size * lengths**2).sum(axis=0), 2)
    return float(first), float(second)


def _covering(triangle: np.ndarray) -> tuple[float, float]:
    """Largest distance from a point of the triangle to a quadrature point, over the longest edge;
    that edge.
    """
    sides = [triangle[i] - triangle[i - 1] for i in range(3)]
    edge = float(max(np.linalg.norm(side) for side in sides))
    grid = np.arange(41) / 40
    grid_u, grid_v = np.meshgrid(grid, grid)
    u = grid_u.ravel()
    v = grid_v.ravel()
    inside = u + v <= 1.0 + 1e-12
    bary = np.stack([1.0 - u - v, u, v], axis=1)[inside]
    places = bary @ triangle
    nodes = RULE.barycentric @ triangle
    apart = np.linalg.norm(places[:, None] - nodes[None], axis=-1)
    # 0.01: room for the places between those of the grid.
    return float(apart.min(axis=1).max()) / edge + 0.01, edge
