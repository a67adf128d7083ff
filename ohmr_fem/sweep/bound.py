"""What bounds the error of a sum over the poles, and where bounds end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

#: A pair that vanishes by symmetry is resolved to this times |a| |b|.
FLOOR = 1e-11
#: Points of the circle on which a bound for small fields is taken.
CIRCLE = 16
#: A torque this close to its instability is refused: no bound holds there.
NEAR = 1e-6


def sum_bound(
    F_bound: Callable[[Any], np.ndarray],
    squared: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    direct: float,
    s: complex,
    least: float,
) -> np.ndarray:
    """Error of W/lambda - W T/(lambda^2 + phi^2) + W T^2/(lambda (lambda^2 + phi^2)) summed over
    the poles.
    """
    phi = np.sqrt(np.abs(squared))
    root = np.sqrt(-squared.astype(complex))  # lambda^2 + phi^2 = (lambda - root)(lambda + root)
    down = s - root
    down = np.maximum(down.real, least) + 1j * down.imag
    at_s, at_phi = F_bound(s), F_bound(s + root)
    if np.imag(s) != 0.0 or np.any(squared < 0.0):  # else the other is the complex conjugate
        at_phi = np.maximum(at_phi, F_bound(down))
    around = F_bound(s + circle()[:, None]).max(axis=0)
    safe = np.where(phi > 0.1, phi, 1.0)
    far = (
        np.abs(direct + np.sign(squared) * second / safe**2) * at_s
        + (np.abs(second) / safe**2 + np.abs(first) / safe) * at_phi
    )
    near = abs(direct) * at_s + (np.abs(first) / 0.4 + np.abs(second) / 0.16) * around
    return np.asarray(np.where(phi > 0.1, far, near))


def circle() -> np.ndarray:
    """About s, where differences of F at s and s +- i phi are taken for small phi, (CIRCLE,)."""
    return np.asarray(0.5 * np.exp(2j * np.pi * np.arange(CIRCLE) / CIRCLE))
