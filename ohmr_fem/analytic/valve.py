"""Contacts that inject and read moment: nonlocal valves on an infinite strip (docs/theory, section
10).

Lengths in L_m, times in tau, resistances in L_m/(sigma_s W).  Between an injector of polarisation
p_1 and a reader of p_2 the moment decays as exp(-k x), k = sqrt(1 + tau T) a 3 x 3 matrix.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.integrate import quad
from scipy.linalg import expm, sqrtm

from ..errors import InputError
from .scalars import _field, _tensor


def valve(
    distance: float,
    torque: Any,
    injected: Any,
    read: Any,
    *,
    width: float = 0.0,
    reading: Any = None,
) -> float:
    """R_nl = p_2 . W [k^-1 exp(-k x)] p_1 / 2, in L_m/(sigma_s W); docs/theory, section 10.

    Parameters
    ----------
    distance : float
        x in L_m between the middles of the contacts, which reach across the strip.
    torque : (3, 3)
        tau T.
    injected, read : (3,)
        p_1 and p_2.
    width : float
        Of both contacts along the strip in L_m, at most ``distance``: the bracket gets the factor
        [sinh(k a/2)/(k a/2)]^2.
    reading : (3, 3) or None
        W, what the reader makes of n: 1 (printed), or X/X_zz (reciprocal).

    Returns
    -------
    float

    Raises
    ------
    InputError
        A width below 0 or above the distance; a vector or W of another shape.
    """
    if not 0.0 <= width <= distance:
        raise InputError(f"width: from 0 to the distance {distance:g}, got {width!r}", value=width)
    k = np.asarray(sqrtm(np.eye(3) + np.asarray(torque, dtype=float)), dtype=complex)
    kernel = np.linalg.solve(k, expm(-distance * k))
    if width > 0.0:
        # both factors sinh at once: what grows in them is less than what the distance takes away
        once = np.linalg.solve(k * width / 2.0, 0.5 * (expm(k * width / 2) - expm(-k * width / 2)))
        kernel = once @ once @ kernel
    W = np.eye(3) if reading is None else _tensor(reading)
    return float(np.real(0.5 * _field(read) @ W @ kernel @ _field(injected)))


def absorbing_valve(
    distance: Any,
    phi: Any,
    absorption: float,
) -> np.ndarray:
    """The same as :func:`valve` for line contacts that absorb, parallel p across the field,
    isotropic X; docs/theory, section 10.

    Re{1/[2 (q + r) exp(q x) + r^2 sinh(q x)/q]}, q = sqrt(1 + i phi), r = G_c L_m/(W D).

    Parameters
    ----------
    distance, phi : float or arrays that broadcast
        x in L_m, and phi = omega tau of the field.
    absorption : float
        r, the same at both contacts.

    Returns
    -------
    array
        R_nl/(p_1 . p_2) in L_m/(sigma_s W).
    """
    x = np.asarray(distance, dtype=float)
    q = np.sqrt(1.0 + 1j * np.asarray(phi, dtype=float))
    decay = np.exp(-q * x)
    # sinh(q x) = exp(q x) (1 - exp(-2 q x))/2, the growing factor taken out
    below = 2.0 * (q + absorption) + absorption**2 * 0.5 * (1.0 - decay**2) / q
    return np.asarray(np.real(decay / below))


def line_to_edges(
    distance: float,
    width: float,
    torque: Any,
    injected: Any,
) -> float:
    """What the inverse orbital Hall effect reads of a line contact: V(x, w/2) - V(x, -w/2) per
    current, over alpha' L_m/(sigma_s W), to first order in alpha'.

    The line injects p at x = 0, evenly across the strip: n^z(k) = [(k^2 + 1 + tau T)^-1 p]_z; and
    J . nu = 0 at the edges makes V(k) = -(alpha' D/sigma) i k n^z(k) sinh(k y)/(k cosh(k w/2)).

    See docs/theory, sections 2 and 10.

    Parameters
    ----------
    distance : float
        x of the two edge points in L_m, of either sign.
    width : float
        w = W/L_m.
    torque : (3, 3)
        tau T.
    injected : (3,)
        p.

    Returns
    -------
    float

    Raises
    ------
    InputError
        A width that is not positive, p of another shape.
    """
    if not width > 0.0:
        raise InputError(f"width: above 0, got {width!r}", value=width)
    M = np.eye(3) + np.asarray(torque, dtype=float)
    p = _field(injected)

    def density(k: float) -> float:
        n = np.linalg.solve(M + k**2 * np.eye(3), p)[2]
        return float(np.tanh(0.5 * k * width) * n)

    found, _ = quad(density, 0.0, np.inf, weight="sin", wvar=abs(distance), limlst=200)
    return float(np.copysign(2.0 / np.pi, distance) * found)
