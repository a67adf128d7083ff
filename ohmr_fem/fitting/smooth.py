"""A free smooth curve through raw rows, with the defects of the measurement fitted along.

The rows are y = g(s (B - offset - way h/2)) + nuisance terms + noise: g is a cubic spline with the
parity asked for, way = +1 for rising rows and -1 for falling ones, s = -1 for rows of the exchanged
pairs, and a nuisance term is a known column times an unknown number (drift, mixing).  All unknowns
come from one least-squares problem, so their errors know of each other.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import InputError

#: Pieces of the spline that are tried, from one end of the fields to the other.
PIECES = (4, 6, 8, 12, 16, 24, 32, 48, 64, 96)
#: Part of the range that the spline reaches beyond the fields, for rows that are shifted.
MARGIN = 0.03
#: Shifts have settled at this part of the range: far below what noise lets anyone know.
CLOSE = 1e-7
#: A column is the same as others if no more than this part of it is left without them.
ALIKE = 1e-3
#: Median of |x| of a normal distribution, in standard deviations.
MEDIAN = 0.6744897501960817


@dataclass(frozen=True, eq=False)
class Spline:
    """Cubic spline of a given parity on knots (k,); ``expand`` (K, q) makes all its coefficients
    from the free ones.
    """

    knots: np.ndarray
    expand: np.ndarray

    @classmethod
    def over(
        cls,
        field: np.ndarray,
        parity: int,
        pieces: int,
    ) -> Spline:
        """Knots at quantiles of the fields; with a parity, mirrored about 0."""
        seen = np.unique(np.concatenate([field, -field]) if parity else field)
        inner = np.quantile(seen, np.linspace(0.0, 1.0, pieces + 1))
        if parity:
            inner = 0.5 * (inner - inner[::-1])
        reach = MARGIN * np.ptp(inner)
        low, high = inner[0] - reach, inner[-1] + reach
        knots = np.concatenate([[low] * 4, inner[1:-1], [high] * 4])
        count = len(knots) - 4
        return cls(knots, _parity_columns(count, parity))

    def _inside(self, x: np.ndarray) -> np.ndarray:
        return np.clip(x, self.knots[0], self.knots[-1])

    def design(self, x: np.ndarray) -> np.ndarray:
        """Values of the free functions, (n, q)."""
        from scipy.interpolate import BSpline

        whole = BSpline.design_matrix(self._inside(x), self.knots, 3)
        return np.asarray(whole @ self.expand)

    def _of(self, coefficients: np.ndarray) -> Any:
        from scipy.interpolate import BSpline

        return BSpline(self.knots, self.expand @ coefficients, 3)

    def value(
        self,
        x: np.ndarray,
        coefficients: np.ndarray,
    ) -> np.ndarray:
        return np.asarray(self._of(coefficients)(self._inside(x)))

    def slope(
        self,
        x: np.ndarray,
        coefficients: np.ndarray,
    ) -> np.ndarray:
        return np.asarray(self._of(coefficients).derivative()(self._inside(x)))


def _parity_columns(
    count: int,
    parity: int,
) -> np.ndarray:
    """On mirrored knots the functions k and count - 1 - k are mirror images."""
    whole = np.eye(count)
    if parity == 0:
        return whole
    both = whole + parity * whole[::-1]
    half = (count + 1) // 2 if parity > 0 else count // 2
    return np.asarray(both[:, :half])


@dataclass(frozen=True, eq=False)
class Rows:
    """Raw rows and what is known of each: (n,) arrays; ``nuisance`` (n, k) known columns, with
    ``names`` for each.
    """

    field: np.ndarray
    values: np.ndarray
    way: np.ndarray
    side: np.ndarray
    weight: np.ndarray
    nuisance: np.ndarray
    names: tuple[str, ...]

    def place(
        self,
        offset: float,
        hysteresis: float,
    ) -> np.ndarray:
        """True fields, (n,) T."""
        return self.side * (self.field - offset - 0.5 * self.way * hysteresis)


@dataclass(frozen=True, eq=False)
class Joint:
    """The best curve and defects.

    Attributes
    ----------
    offset, hysteresis : T
    coefficients : of the spline; amounts : of the nuisance columns
    residual : (n,) in the unit of the values, of every row
    weight : (n,) used; 0 for rows left out
    spent : unknowns
    columns : (n, p) slopes of the model with all of them, weighted
    names : of the columns after those of the spline
    """

    spline: Spline
    offset: float
    hysteresis: float
    coefficients: np.ndarray
    amounts: np.ndarray
    residual: np.ndarray
    weight: np.ndarray
    spent: int
    columns: np.ndarray
    names: tuple[str, ...]

    @functools.cached_property
    def _parts(self) -> tuple[np.ndarray, np.ndarray]:
        return _errors(self.columns, len(self.coefficients), self.names)

    @property
    def factor(self) -> np.ndarray:
        """Inverse of the normal matrix of amounts and free shifts, (k, k), without the noise;
        InputError where the rows do not fix them.
        """
        return self._parts[0]

    @property
    def basis(self) -> np.ndarray:
        """Orthonormal columns, (n, p)."""
        return self._parts[1]

    @property
    def used(self) -> int:
        return int(np.count_nonzero(self.weight))

    @property
    def variance(self) -> float:
        """Of a row of weight 1."""
        whole = np.sum((self.residual * self.weight) ** 2)
        return float(whole / max(self.used - self.spent, 1))


def joint(
    rows: Rows,
    spline: Spline,
    free: Sequence[str],
    offset: float,
    hysteresis: float,
    weight: np.ndarray,
    most: int = 30,
) -> Joint:
    """Gauss-Newton in the shifts that are ``free`` ("offset", "hysteresis"), exact in the rest."""
    at = {"offset": offset, "hysteresis": hysteresis}
    towards = {"offset": -rows.side, "hysteresis": -0.5 * rows.side * rows.way}
    span = float(np.ptp(rows.field))
    for _ in range(most if free else 1):
        x = rows.place(at["offset"], at["hysteresis"])
        straight = np.column_stack([spline.design(x), rows.nuisance])
        found = _solve(straight, rows.values, weight)
        if not free:
            break
        slope = spline.slope(x, found[: spline.expand.shape[1]])
        shifts = np.column_stack([slope * towards[name] for name in free])
        whole = np.column_stack([straight, shifts])
        found = _solve(whole, rows.values, weight)
        moves = found[-len(free) :]
        # no further than a fiftieth of the range in one step: slopes hold only nearby
        moves = np.clip(moves, -0.02 * span, 0.02 * span)
        for name, move in zip(free, moves, strict=True):
            at[name] = float(np.clip(at[name] + move, -0.5 * span, 0.5 * span))
        if np.abs(moves).max() < CLOSE * span:
            break
    q = spline.expand.shape[1]
    x = rows.place(at["offset"], at["hysteresis"])
    straight = np.column_stack([spline.design(x), rows.nuisance])
    found = _solve(straight, rows.values, weight)
    columns = straight
    if free:
        slope = spline.slope(x, found[:q])
        shifts = np.column_stack([slope * towards[name] for name in free])
        columns = np.column_stack([straight, shifts])
    return Joint(
        spline=spline,
        offset=at["offset"],
        hysteresis=at["hysteresis"],
        coefficients=found[:q],
        amounts=found[q:],
        residual=rows.values - straight @ found,
        weight=weight,
        spent=columns.shape[1],
        columns=columns * weight[:, None],
        names=(*rows.names, *free),
    )


def _solve(
    columns: np.ndarray,
    values: np.ndarray,
    weight: np.ndarray,
) -> np.ndarray:
    """Least squares by the normal equations of columns of equal size, a fifth of the time of a
    singular value decomposition; that one where the columns nearly depend on each other.
    """
    from scipy.linalg import LinAlgError, cho_factor, cho_solve

    weighted = columns * weight[:, None]
    size = np.linalg.norm(weighted, axis=0)
    size[size == 0.0] = 1.0
    weighted /= size
    goal = values * weight
    square = weighted.T @ weighted
    try:
        factor = cho_factor(square)
        if np.diag(factor[0]).min() < ALIKE:
            raise LinAlgError
        found = cho_solve(factor, weighted.T @ goal)
        # one step of refinement brings back the digits that squaring has cost
        found = found + cho_solve(factor, weighted.T @ (goal - weighted @ found))
    except LinAlgError:
        found = np.linalg.lstsq(weighted, goal, rcond=1e-10)[0]
    return np.asarray(found / size)


def _errors(
    columns: np.ndarray,
    q: int,
    names: Sequence[str],
) -> tuple[np.ndarray, np.ndarray]:
    """Inverse normal matrix of the columns after the first q, and an orthonormal basis of all."""
    size = np.linalg.norm(columns, axis=0)
    size[size == 0.0] = 1.0
    basis, triangle = np.linalg.qr(columns / size)
    if len(names) == 0:
        return np.zeros((0, 0)), basis
    # what a column keeps once those before it are taken out stands on the diagonal
    left = np.abs(np.diag(triangle))[q:]
    for name, rest in zip(names, left, strict=True):
        if rest < ALIKE:
            raise InputError(
                "the rows do not tell it from the curve and the other steps; give a value, or "
                "leave another step out",
                key=name,
            )
    part = np.linalg.inv(triangle[q:, q:])
    factor = part @ part.T / np.outer(size[q:], size[q:])
    return factor, basis


def robust_size(
    residual: np.ndarray,
    used: np.ndarray,
    spent: int,
) -> float:
    """A standard deviation from the median of the residuals that are used."""
    count = int(np.count_nonzero(used))
    share = np.sqrt(count / max(count - spent, 1))
    return float(np.median(np.abs(residual[used])) / MEDIAN * share)


def marked(
    rows: Rows,
    spline: Spline,
    free: Sequence[str],
    start: tuple[float, float],
    threshold: float,
    scale: float | None = None,
) -> tuple[Joint, float]:
    """The fit without the rows that lie ``threshold`` robust deviations off it, and one such
    deviation; with ``scale`` that one is taken.
    """
    weight = rows.weight
    offset, hysteresis = start
    found = joint(rows, spline, free, offset, hysteresis, weight)
    for _ in range(6):  # Huber's weights first, so that gross outliers hide nothing
        u = np.abs(found.residual * rows.weight)
        size = scale or robust_size(u, rows.weight > 0, found.spent)
        soft = rows.weight * np.sqrt(np.minimum(1.0, 1.5 * size / np.maximum(u, 1e-300)))
        found = joint(rows, spline, free, found.offset, found.hysteresis, soft)
    seen: list[bytes] = []
    for _ in range(12):
        u = np.abs(found.residual * rows.weight)
        size = scale or robust_size(u, rows.weight > 0, found.spent)
        keep = u <= threshold * size
        weight = np.where(keep, rows.weight, 0.0)
        found = joint(rows, spline, free, found.offset, found.hysteresis, weight)
        if keep.tobytes() in seen:
            break
        seen.append(keep.tobytes())
    return found, size


def best_pieces(
    rows: Rows,
    parity: int,
    free: Sequence[str],
    start: tuple[float, float],
    weight: np.ndarray,
) -> int:
    """Pieces of the spline with the lowest corrected information criterion of Akaike."""
    x = rows.place(*start)
    seen = len(np.unique(np.abs(x) if parity else x))
    best, least = PIECES[0], np.inf
    for pieces in PIECES:
        functions = (pieces + 3) // 2 if parity else pieces + 3
        if functions > max(0.6 * seen, 4):
            break
        spline = Spline.over(x, parity, pieces)
        found = joint(rows, spline, free, *start, weight, most=2)
        start = found.offset, found.hysteresis
        n, p = found.used, found.spent
        if n - p - 1 <= 0:
            break
        rest = float(np.sum((found.residual * weight) ** 2))
        penalty = 2.0 * p + 2.0 * p * (p + 1) / (n - p - 1)
        criterion = n * np.log(max(rest, 1e-300) / n) + penalty
        if criterion < least:
            best, least = pieces, criterion
    return best
