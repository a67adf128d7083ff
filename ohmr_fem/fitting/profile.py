"""Confidence intervals from the profile likelihood: how far one parameter can go with all others
readjusted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np

#: Farthest a parameter is followed, in ln(value); farther out an interval counts as open.
FARTHEST = float(np.log(100.0))
#: The interval ends where the rise of chi^2 is within this of its threshold.
CLOSE = 0.02
MOST_STEPS = 25


@dataclass(frozen=True, eq=False)
class Valley:
    """A least-squares problem at its minimum.

    Attributes
    ----------
    residual, jacobian : functions of u (q,); jacobian(u, free) gives the columns of the free
    parameters alone
    bottom : (q,) minimum
    weights : (q,) of a faint pull towards u = 0, which keeps directions without any slope from
    running away; not in chi2
    chi2 : there
    lowest : chi2 of the best fit, from which rises are counted; below ``chi2`` in a second valley
    covariance : (q, q) inverse of J^T J, pseudo-inverse where singular
    visited : {i: [(u_i, rise)]} of the profiles walked so far
    """

    residual: Callable[[np.ndarray], np.ndarray]
    jacobian: Callable[..., np.ndarray]
    bottom: np.ndarray
    weights: np.ndarray
    chi2: float
    lowest: float
    covariance: np.ndarray
    visited: dict[int, list[tuple[float, float]]] = field(default_factory=dict)

    @classmethod
    def at(
        cls,
        residual: Callable[[np.ndarray], np.ndarray],
        jacobian: Callable[..., np.ndarray],
        u: np.ndarray,
        weights: np.ndarray,
        lowest: float | None = None,
    ) -> Valley:
        J = jacobian(u)
        chi2 = float(np.sum(residual(u) ** 2))
        return cls(
            residual=residual,
            jacobian=jacobian,
            bottom=u,
            weights=weights,
            chi2=chi2,
            lowest=chi2 if lowest is None else lowest,
            covariance=np.linalg.pinv(J.T @ J, rcond=1e-14, hermitian=True),
        )


class LowerMinimumError(Exception):
    """The profile has found a better fit; ``u`` is where."""

    def __init__(self, u: np.ndarray) -> None:
        super().__init__("a better minimum")
        self.u = u


def interval(
    valley: Valley,
    i: int,
    threshold: float,
    inside: Callable[[np.ndarray], bool] | None = None,
    good: Sequence[np.ndarray] = (),
    farthest: float = FARTHEST,
) -> tuple[float, float, list[np.ndarray]]:
    """Both ends of the interval of parameter i, in u (-inf or inf where it is open), and the
    farthest acceptable
    points on both sides (q,).

    Parameters
    ----------
    threshold : rise of chi^2 that ends the interval
    inside : function of u, optional
        False where the model is not known (beyond the range of the measure); an end there counts as
        open.
    good : points u whose chi^2 is below the threshold, perhaps in another valley; the interval
    holds them
    """
    end = partial(
        _end,
        valley=valley,
        i=i,
        threshold=threshold,
        inside=inside,
        good=good,
        farthest=farthest,
    )
    low, left = end(side=-1.0)
    high, right = end(side=1.0)
    middle = float(valley.bottom[i])
    return middle - low, middle + high, [left, right]


def widest(
    valleys: Sequence[Valley],
    i: int,
    threshold: float,
    inside: Callable[[np.ndarray], bool] | None = None,
    good: Sequence[np.ndarray] = (),
) -> tuple[float, float, list[np.ndarray]]:
    """:func:`interval` over several valleys: from the lowest end to the highest."""
    found = [interval(v, i, threshold, inside, good) for v in valleys]
    low, _, (left, _) = min(found, key=lambda f: f[0])
    _, high, (_, right) = max(found, key=lambda f: f[1])
    return low, high, [left, right]


def _end(
    valley: Valley,
    i: int,
    side: float,
    threshold: float,
    inside: Callable[[np.ndarray], bool] | None,
    good: Sequence[np.ndarray],
    farthest: float,
) -> tuple[float, np.ndarray]:
    """Distance from the minimum to one end, inf if open, and the farthest acceptable point."""
    step, slope = _first_step(valley, i, threshold)
    # the root of the rise is straight where chi^2 is a parabola, so the search works on it
    above = max(valley.chi2 - valley.lowest, 0.0)
    near = 0.0, float(np.sqrt(above))
    far = np.inf, np.inf
    goal = np.sqrt(threshold)
    start = valley.bottom + side * step * slope
    reached = max([*good, valley.bottom], key=lambda x: side * x[i])
    if reached is not valley.bottom:
        distance = float(side * (reached[i] - valley.bottom[i]))
        near = distance, 0.5 * goal
        if distance > step:
            step = 1.1 * distance
            start = reached
    for _ in range(MOST_STEPS):
        u, rise = _walk(valley, i, side * step, start)
        root = np.sqrt(max(rise, 0.0))
        trusted = inside is None or inside(u)
        if abs(root / goal - 1.0) < CLOSE:
            break
        if root < goal:
            if not trusted:
                return np.inf, reached
            near = step, root
            reached = u
        else:
            far = step, root
        previous = step
        step = _next(near, far, goal)
        if step > farthest:
            return np.inf, reached
        # the others readjust in proportion: start from the ray through the last point
        start = u
        if previous > 0:
            start = u + (u - valley.bottom) * (step / previous - 1.0)
    if not trusted:
        return np.inf, reached
    return step, u


def _first_step(valley: Valley, i: int, threshold: float) -> tuple[float, np.ndarray]:
    """Where the parabola of the curvature ends, at most a factor of e, and how others follow."""
    variance = valley.covariance[i, i]
    if variance <= 0:
        return 1.0, np.eye(len(valley.bottom))[i]
    step = min(np.sqrt(threshold * variance), 1.0)
    slope = valley.covariance[:, i] / variance
    return float(step), slope


def _next(near: tuple[float, float], far: tuple[float, float], goal: float) -> float:
    """Secant on the root of the rise, which is nearly a straight line; doubling while there is no
    bracket.
    """
    low, root_low = near
    high, root_high = far
    if not np.isfinite(high):
        factor = 1.01 * goal / max(root_low, 1e-3)
        return low * float(np.clip(factor, 1.02, 4.0))
    width = high - low
    share = (goal - root_low) / (root_high - root_low)
    guess = low + width * share
    # stay off the ends of the bracket, or a bent curve lets it shrink from one side only
    margin = 0.02 * width
    return float(np.clip(guess, low + margin, high - margin))


def _walk(valley: Valley, i: int, shift: float, start: np.ndarray) -> tuple[np.ndarray, float]:
    """All parameters but i readjusted with u_i = bottom_i + shift: where, and the rise of chi^2."""
    base = np.array(start)
    base[i] = valley.bottom[i] + shift
    others = np.delete(np.arange(len(base)), i)
    u = settle(
        residual=valley.residual,
        jacobian=valley.jacobian,
        start=base,
        free=others,
        weights=valley.weights,
        tolerance=1e-6,
    )
    chi2 = float(np.sum(valley.residual(u) ** 2))
    rise = chi2 - valley.lowest
    # a little below the best fit is round-off of the search, clearly below a better fit
    scale = max(1.0, 1e-3 * valley.lowest)
    if rise < -1e-3 * scale:
        raise LowerMinimumError(u)
    valley.visited.setdefault(i, []).append((float(base[i]), rise))
    return u, rise


def settle(
    residual: Callable[[np.ndarray], np.ndarray],
    jacobian: Callable[..., np.ndarray],
    start: np.ndarray,
    free: np.ndarray,
    weights: np.ndarray,
    tolerance: float,
    most: int = 50,
) -> np.ndarray:
    """Least squares over the ``free`` parameters, the others staying where ``start`` has them."""
    from scipy.optimize import least_squares

    if free.size == 0:
        return start

    def whole(x: np.ndarray) -> np.ndarray:
        out = start.copy()
        out[free] = x
        return out

    pull = weights[free]

    def pulled(x: np.ndarray) -> np.ndarray:
        return np.append(residual(whole(x)), pull * x)

    def slopes(x: np.ndarray) -> np.ndarray:
        columns = jacobian(whole(x), free)
        return np.vstack([columns, np.diag(pull)])

    found = least_squares(
        pulled,
        start[free],
        method="lm",
        x_scale="jac",
        jac=slopes,
        ftol=tolerance,
        xtol=tolerance,
        gtol=1e-12,
        max_nfev=most,
    )
    return whole(found.x)
