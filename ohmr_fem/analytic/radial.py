"""Annulus, circular wire and Corbino disc: Bessel functions (docs/theory, section 5, items 4, 9,
10, 12).

Exponentially scaled functions throughout, so large radii do not overflow.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy.special import ive, kve

from ..errors import InputError
from .scalars import three_scalar_response, three_scalars


def annulus_response(
    s: Any,
    r1: Any,
    r2: Any,
    G1: Any = 0.0,
    G2: Any = 0.0,
) -> np.ndarray:
    """F(s) = (Delta I/I_0)/(alpha alpha') of the annulus r1 < r < r2 with azimuthal drive J = C/r;
    docs/closed-forms, item 4.

    I_0 = C ln(r2/r1).  All arguments broadcast.

    Parameters
    ----------
    s : complex
        1 + i omega tau.
    r1, r2 : float
        Radii in L_m.
    G1, G2 : float
        Absorption of the inner and the outer edge in D/L_m.

    Returns
    -------
    complex array

    Raises
    ------
    InputError
        Not 0 < r1 < r2.
    """
    r1, r2 = _radii(r1, r2)
    outer = annulus_profile(r2, s, r1, r2, G1, G2)
    inner = annulus_profile(r1, s, r1, r2, G1, G2)
    return np.asarray((outer - inner) / np.log(r2 / r1))


def annulus_profile(
    r: Any,
    s: Any,
    r1: Any,
    r2: Any,
    G1: Any = 0.0,
    G2: Any = 0.0,
) -> np.ndarray:
    """n(r) of the annulus in units of alpha C/D, for a clockwise drive (an anticlockwise one
    changes the sign).

    n'' + n'/r = s n, n'(r1) = 1/r1 + G1 n, n'(r2) = 1/r2 - G2 n; complex, all arguments broadcast.

    See docs/closed-forms, item 4.

    Parameters
    ----------
    r : float or array
        Radius in L_m, from r1 to r2.
    s : complex
        1 + i omega tau.
    r1, r2 : float
        Radii of the edges in L_m.
    G1, G2 : float
        Absorption of the inner and the outer edge in D/L_m.

    Returns
    -------
    complex array
        Of the shape that the arguments broadcast to.

    Raises
    ------
    InputError
        Not 0 < r1 < r2, or an ``r`` that is not between them.
    """
    r1, r2 = _radii(r1, r2)
    r = np.asarray(r, dtype=float)
    inside = r < r1 * (1 - 1e-12)
    outside = r > r2 * (1 + 1e-12)
    if np.any(inside) or np.any(outside):
        raise InputError(f"r: must lie between r1 and r2, got {r.min():g} to {r.max():g}", value=r)
    q = np.sqrt(np.asarray(s, dtype=complex))
    first = _waves(q, r1, r1, r2)
    last = _waves(q, r2, r1, r2)
    # The laws of the two edges for n = grow up + decay down, solved by Cramer's rule.
    grow_inner = first.up_slope - G1 * first.up
    decay_inner = first.down_slope - G1 * first.down
    grow_outer = last.up_slope + G2 * last.up
    decay_outer = last.down_slope + G2 * last.down
    determinant = grow_inner * decay_outer - decay_inner * grow_outer
    grow = (decay_outer / r1 - decay_inner / r2) / determinant
    decay = (grow_inner / r2 - grow_outer / r1) / determinant
    waves = _waves(q, r, r1, r2)
    return np.asarray(grow * waves.up + decay * waves.down)


def wire_circle_response(
    s: Any,
    radius: Any,
    G: Any = 0.0,
) -> np.ndarray:
    """c(s) = 2 I_1(x)/(x I_1'(x)), x = sqrt(s) R/L_m, of a wire of circular section.

    With an absorbing surface, Q.nu = G n, c = 2/(x I_1'/I_1 + G R); G in D/L_m.

    Parameters
    ----------
    s : complex
        1 + i omega tau; all arguments broadcast.
    radius : float or array
        R in L_m.
    G : float or array
        Absorption of the surface in D/L_m.

    Returns
    -------
    complex array

    Raises
    ------
    InputError
        A radius that is not positive.
    """
    radius = np.asarray(radius, dtype=float)
    if np.any(radius <= 0):
        raise InputError(f"radius: must be positive, in L_m, got {radius.min():g}", value=radius)
    x = np.sqrt(np.asarray(s, dtype=complex)) * radius
    slope = x * ive(0, x) / ive(1, x) - 1.0  # x I_1'/I_1
    return np.asarray(2.0 / (slope + np.asarray(G) * radius))


def wire_circle(
    radius: Any,
    B: Any,
    X: Any,
    g_e_half_tau: float = 1.0,
    detection: str = "printed",
) -> np.ndarray:
    """f of a wire of circular section along x: (c_zz + c_yy)/2, each with its own three scalars.

    Exact for any symmetric X; for an isotropic one it is (1-b^2) c(1)/2 + (1+b^2) Re c(1 + i
    phi)/2, b = B_x/|B|; docs/closed-forms, item 9.

    Parameters
    ----------
    radius : float or array
        In L_m; broadcasts with the leading shape of ``B``.
    B, X, g_e_half_tau, detection
        As for :func:`three_scalars`; ``B`` is (..., 3).

    Returns
    -------
    array

    Raises
    ------
    InputError
        A radius that is not positive, or as :func:`three_scalars`.
    SolveError
        omega^2 < 0 and |omega| tau >= 1: no steady state.
    """

    def response(s: np.ndarray) -> np.ndarray:
        return wire_circle_response(s, radius)

    sides = three_scalars(B, X, g_e_half_tau, "z", detection)
    faces = three_scalars(B, X, g_e_half_tau, "y", detection)
    from_sides = three_scalar_response(response, sides)
    from_faces = three_scalar_response(response, faces)
    return 0.5 * (from_sides + from_faces)


def corbino_response() -> float:
    """f of a Corbino disc: 0 for every B and X, as a radial current drives the moment along closed
    circles.

    Returns
    -------
    float
        0.0; docs/closed-forms, item 10.
    """
    return 0.0


class _Waves(NamedTuple):
    """I_0(q r) and its r-derivative divided by exp(q r2), K_0(q r) and its derivative multiplied by
    exp(q r1).
    """

    up: np.ndarray
    up_slope: np.ndarray
    down: np.ndarray
    down_slope: np.ndarray


def _waves(
    q: np.ndarray,
    r: Any,
    r1: Any,
    r2: Any,
) -> _Waves:
    x = q * r
    up = np.exp(q * (r - r2) - 1j * x.imag)  # ive removes exp(|Re x|), not exp(x)
    down = np.exp(-q * (r - r1))
    return _Waves(
        up=up * ive(0, x),
        up_slope=q * up * ive(1, x),
        down=down * kve(0, x),
        down_slope=-q * down * kve(1, x),
    )


def _radii(
    r1: Any,
    r2: Any,
) -> tuple[np.ndarray, np.ndarray]:
    inner = np.asarray(r1, dtype=float)
    outer = np.asarray(r2, dtype=float)
    if np.any(inner <= 0) or np.any(outer <= inner):
        raise InputError(f"annulus: needs 0 < r1 < r2 in L_m, got r1 = {r1!r}, r2 = {r2!r}")
    return inner, outer
