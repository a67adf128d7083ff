"""Confidence intervals from the profile likelihood: how far one parameter can go with all others
readjusted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

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
    """

    residual: Callable[[np.ndarray], np.ndarray]
    jacobian: Callable[..., np.ndarray]
    bottom: np.ndarray
    weights: np.ndarray
    chi2: float
    lowest: float
    covariance: np.ndarray

    @classmethod
    def at(
        cls,
        residual: Callable[[np.ndarray], np.ndarray],
        jacobian: Callable[..., np.ndarray],
        u: np.ndarray,
        weights: np.ndarray,
        lowest: float | None = None,
    ) -> Valley:
        J, chi2 = jacobian(u), float(np.sum(residual(u) ** 2))
        covariance = np.linalg.pinv(J.T @ J, rcond=1e-14, hermitian=True)
        return cls(
            residual, jacobian, u, weights, chi2, chi2 if lowest is None else lowest, covariance
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
    (low, left), (high, right) = (
        _end(valley, i, side, threshold, inside, good, farthest) for side in (-1.0, 1.0)
    )
    return float(valley.bottom[i] - low), float(valley.bottom[i] + high), [left, right]


def widest(
    valleys: Sequence[Valley],
    i: int,
    threshold: float,
    inside: Callable[[np.ndarray], bool] | None = None,
    good: Sequence[np.ndarray] = (),
) -> tuple[float, float, list[np.ndarray]]:
    """:func:`interval` over several valleys: from the lowest end to the highest."""
    found = [interval(v, i, threshold, inside, good) for v in valleys]
    low, high = min(found, key=lambda f: f[0]), max(found, key=lambda f: f[1])
    return low[0], high[1], [low[2][0], high[2][1]]


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
    q, trusted = len(valley.bottom), inside or (lambda u: True)
    variance = valley.covariance[i, i]
    slope = valley.covariance[:, i] / variance if variance > 0 else np.eye(q)[i]
    step = min(np.sqrt(threshold * variance), 1.0) if variance > 0 else 1.0
    near, far = (
        (0.0, float(np.sqrt(max(valley.chi2 - valley.lowest, 0.0)))),
        (np.inf, np.inf),
    )  # (distance, root of the rise)
    goal = np.sqrt(threshold)
    start = valley.bottom + side * step * slope
    reached = max([*good, valley.bottom], key=lambda x: side * x[i])
    if reached is not valley.bottom:
        near = (float(side * (reached[i] - valley.bottom[i])), 0.5 * goal)
        if near[0] > step:
            step, start = 1.1 * near[0], reached
    for _ in range(MOST_STEPS):
        u, rise = _walk(valley, i, side * step, start)
        root = np.sqrt(max(rise, 0.0))
        if abs(root / goal - 1.0) < CLOSE:
            return (step, u) if trusted(u) else (np.inf, reached)
        if root < goal:
            if not trusted(u):
                return np.inf, reached
            near, reached = (step, root), u
        else:
            far = (step, root)
        previous, step = step, _next(near, far, goal)
        if step > farthest:
            return np.inf, reached
        start = u + (u - valley.bottom) * (step / previous - 1.0) if previous > 0 else u
    return (step, u) if trusted(u) else (np.inf, reached)


def _next(near: tuple[float, float], far: tuple[float, float], goal: float) -> float:
    """Secant on the root of the rise, which is nearly a straight line; doubling while there is no
    bracket.
    """
    if not np.isfinite(far[0]):
        return near[0] * float(np.clip(1.01 * goal / max(near[1], 1e-3), 1.02, 4.0))
    guess = near[0] + (far[0] - near[0]) * (goal - near[1]) / (far[1] - near[1])
    width = far[0] - near[0]
    return float(np.clip(guess, near[0] + 0.02 * width, far[0] - 0.02 * width))


def _walk(valley: Valley, i: int, shift: float, start: np.ndarray) -> tuple[np.ndarray, float]:
    """All parameters but i readjusted with u_i = bottom_i + shift: where, and the rise of chi^2."""
    base = np.array(start)
    base[i] = valley.bottom[i] + shift
    u = settle(
        valley.residual,
        valley.jacobian,
        base,
        np.flatnonzero(np.arange(len(base)) != i),
        valley.weights,
        1e-6,
    )
    rise = float(np.sum(valley.residual(u) ** 2)) - valley.lowest
    if rise < -1e-3 * max(1.0, 1e-3 * valley.lowest):
        raise LowerMinimumError(u)
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
    found = least_squares(
        lambda x: np.append(residual(whole(x)), pull * x),
        start[free],
        method="lm",
        x_scale="jac",
        jac=lambda x: np.vstack([jacobian(whole(x), free), np.diag(pull)]),
        ftol=tolerance,
        xtol=tolerance,
        gtol=1e-12,
        max_nfev=most,
    )
    return whole(found.x)
