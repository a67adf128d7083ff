"""Nonlocal resistance of an infinite strip (docs/theory, section 5, items 5 and 11).

Current enters at (0, -w/2) and leaves at (0, +w/2); R(x) = [V(x, -w/2) - V(x, +w/2)]/I is the
cosine transform of

    R(k) = (2/(sigma k)) T/(1 + alpha alpha' k T g),  T = tanh(k w/2),  g = Re[coth(q w/2)/q],  q^2
    = k^2 + s.

To second order R(k) is meromorphic with all poles at |arg k - pi/2| <= pi/4, so the path
k = kappa sinh(u + i pi/8) turns the oscillating, slowly decaying integral into one that the
trapezoidal rule does to machine precision.  To all orders a zero of the denominator may leave that
sector (large negative alpha alpha'); zeros below the path are counted, and the answer refused if
there are any.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import InputError, SolveError, suggest
from .scalars import ThreeScalars, combine, three_scalar_response

_ANGLE = np.pi / 8
# no zero below this path leaves errors of exp(-2 pi (pi/16)/step) = 2e-11
_CLEAR_ANGLE = 3 * np.pi / 16
_STEP = 0.05
_ORDERS = ("all", "ohmic", "change", "second")


def nonlocal_strip(
    x: Any,
    w: float,
    scalars: ThreeScalars,
    alpha_alpha_prime: float,
    *,
    sigma: float = 1.0,
    current_width: float = 0.0,
    probe_width: float = 0.0,
    orders: str = "all",
) -> np.ndarray:
    """Nonlocal resistance R(x); the lengths x, w and contact widths in L_m.

    See docs/closed-forms, item 5.

    Parameters
    ----------
    x : array
        Distance from the current contacts along the strip.
    w : float
        Width of the strip, reflecting edges.
    scalars : ThreeScalars
        One field (shape ()), see :func:`three_scalars`.
    alpha_alpha_prime : float
        Product of the orbital Hall angles, > -1.
    sigma : float
        Sheet conductivity in S.
    current_width, probe_width : float
        Rms widths of Gaussian current contacts and voltage probes; 0 is a point.
    orders : str
        "all": R to all orders in alpha alpha'; "ohmic": zeroth order; "change": all minus ohmic,
        without cancellation; "second": the term linear in alpha alpha' alone.

    Returns
    -------
    array of the shape of ``x``
        In 1/[sigma]: ohm for S.

    Raises
    ------
    InputError
        Unknown ``orders``; x = 0 with point contacts, where R diverges.
    SolveError
        omega^2 < 0 beyond the steady state; or R(k) has a pole near the real axis.
    """
    x = np.abs(np.asarray(x, dtype=float))
    spread = (current_width**2 + probe_width**2) / 2
    if orders not in _ORDERS:
        raise InputError(f"orders: unknown {orders!r}; {suggest(orders, _ORDERS)}", value=orders)
    if not w > 0 or not alpha_alpha_prime > -1:
        raise InputError(
            f"nonlocal_strip: needs w > 0 and alpha_alpha_prime > -1, got {w!r}, "
            f"{alpha_alpha_prime!r}"
        )
    if np.ndim(scalars.omega_squared) != 0:
        raise InputError("scalars: nonlocal_strip takes one field at a time; loop over fields")
    if spread == 0.0 and np.any(x == 0.0):
        raise InputError(
            "x: R diverges at x = 0 with point contacts; give current_width or probe_width"
        )
    kappa = _height(w, float(scalars.omega_squared), alpha_alpha_prime)
    if orders in ("all", "change") and _zeros_below(kappa, w, scalars, alpha_alpha_prime):
        raise SolveError(
            "nonlocal_strip: R(k) has a pole near the real axis; alpha_alpha_prime = "
            f"{alpha_alpha_prime:g} "
            "is too far from 0 for this field and tensor",
            value=alpha_alpha_prime,
        )
    k, weight = _path(kappa, x, spread)
    transform = _transform(k, w, scalars, alpha_alpha_prime, orders)
    contacts = np.exp(-(k**2) * spread)
    kernel = transform / sigma * contacts * weight
    waves = np.exp(1j * x[..., None] * k)
    return np.asarray(np.real(waves @ kernel) / np.pi)


def nonlocal_ohmic(
    x: Any,
    w: float,
    sigma: float = 1.0,
) -> np.ndarray:
    """(2/(pi sigma)) ln coth(pi x/2w), point contacts, without the orbital Hall effect.

    See docs/closed-forms, item 5.

    Parameters
    ----------
    x, w : float or arrays that broadcast
        Distance and width, in one unit.
    sigma : float
        Sheet conductivity in S.

    Returns
    -------
    array
        In 1/[sigma]: ohm for S; infinite at x = 0.
    """
    decay = np.exp(-np.pi * np.abs(np.asarray(x, dtype=float)) / w)
    return 2 / (np.pi * sigma) * (np.log1p(decay) - np.log1p(-decay))


def nonlocal_narrow(
    x: Any,
    w: float,
    scalars: ThreeScalars,
    alpha_alpha_prime: float,
    sigma: float = 1.0,
) -> np.ndarray:
    """Narrow (w << 1) and far (x >> w) limit alpha alpha' w/(2 sigma) Re[sqrt(s) exp(-sqrt(s) x)].

    The form of Abanin, Shytov, Levitov and Halperin; it changes sign with the field.

    See docs/closed-forms, item 5.

    Parameters
    ----------
    x : float or array
        Distance from the current contacts in L_m; broadcasts with ``scalars``.
    w : float
        Width in L_m.
    scalars : ThreeScalars
        See :func:`three_scalars`.
    alpha_alpha_prime : float
        Product of the orbital Hall angles.
    sigma : float
        Sheet conductivity in S.

    Returns
    -------
    array
        Nonlocal resistance in 1/[sigma]: ohm for S.

    Raises
    ------
    SolveError
        omega^2 < 0 and |omega| tau >= 1: no steady state.
    """
    x = np.abs(np.asarray(x, dtype=float))
    front = alpha_alpha_prime * w / (2 * sigma)
    return front * three_scalar_response(lambda s: np.sqrt(s) * np.exp(-np.sqrt(s) * x), scalars)


def _transform(
    k: np.ndarray,
    w: float,
    scalars: ThreeScalars,
    product: float,
    orders: str,
) -> np.ndarray:
    """R(k) sigma on complex k."""
    ohmic = 2 * np.tanh(k * w / 2) / k
    if orders == "ohmic":
        return ohmic
    back = _feedback(k, w, scalars, product)
    if orders == "second":
        return -ohmic * back
    return ohmic / (1 + back) if orders == "all" else -ohmic * back / (1 + back)


def _feedback(
    k: np.ndarray,
    w: float,
    scalars: ThreeScalars,
    product: float,
) -> np.ndarray:
    """alpha alpha' k T g, continued analytically: g joins s and its conjugate instead of taking
    real parts.
    """

    def inverse(s: np.ndarray) -> np.ndarray:
        q = np.sqrt(k**2 + s)
        return np.asarray(1 / (q * np.tanh(q * w / 2)))

    return product * k * np.tanh(k * w / 2) * combine(inverse, scalars)


def _height(
    w: float,
    omega_squared: float,
    product: float,
) -> float:
    """Height kappa of the lowest pole: pi/w or Re sqrt(s), lowered by feedback; a path at angle
    pi/2 would touch it.
    """
    lowest = np.sqrt(1 - np.sqrt(-omega_squared)) if omega_squared < 0 else 1.0
    lowered = np.sqrt(1.0 + max(product, 0.0))
    return float(min(np.pi / w, lowest) / lowered)


def _path(
    kappa: float,
    x: np.ndarray,
    spread: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Nodes k(u), u >= 0, and weights; the half u < 0 is the conjugate."""
    nearest = float(x.min()) if x.size else 1.0
    reach = 45.0 / (nearest * np.sin(_ANGLE)) if nearest > 0 else np.inf
    if spread > 0:
        gaussian = np.sqrt(45.0 / (spread * np.cos(2 * _ANGLE)))
        reach = min(reach, gaussian)
    stop = np.arcsinh(reach / kappa) + 1.0
    u = np.arange(0.0, stop, _STEP)
    weight = _STEP * kappa * np.cosh(u + 1j * _ANGLE)
    weight[0] /= 2
    return kappa * np.sinh(u + 1j * _ANGLE), weight


def _zeros_below(
    kappa: float,
    w: float,
    scalars: ThreeScalars,
    product: float,
) -> int:
    """Zeros of 1 + alpha alpha' k T g between the real axis and the path at _CLEAR_ANGLE, by the
    argument turned.
    """
    far = 1e3 * (1.0 + 1.0 / w + abs(float(scalars.omega_squared)) ** 0.25)
    u = np.arange(1e-6, np.arcsinh(far / kappa), _STEP / 4)
    turned = []
    for angle in (0.0, _CLEAR_ANGLE):
        k = kappa * np.sinh(u + 1j * angle)
        denominator = 1.0 + _feedback(k, w, scalars, product)
        argument = np.unwrap(np.angle(denominator))
        turned.append(argument[-1] - argument[0])
    return round(abs(turned[1] - turned[0]) / (2 * np.pi))
