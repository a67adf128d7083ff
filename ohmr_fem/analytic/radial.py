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
    """F(s) = (Delta I/I_0)/(alpha alpha') of the annulus r1 < r < r2 with azimuthal drive J = C/r.

    ``s`` (complex), radii in L_m and absorption G1 (inner), G2 (outer edge) in D/L_m broadcast;
    I_0 = C ln(r2/r1).
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
    phi)/2, b = B_x/|B|. ``radius`` in L_m broadcasts with the leading shape of ``B`` (..., 3).
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
