"""Strip, film and rectangular wire: hyperbolic functions (docs/theory, section 5, items 1, 3, 6, 8,
9).

Lengths are in L_m, times in tau, G in D/L_m; F is (Delta I/I_0)/(alpha alpha').
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import bernoulli, factorial, wofz

from ..errors import InputError
from .scalars import (
    ThreeScalars,
    scalars_of_precession,
    three_scalar_change,
    three_scalar_response,
    three_scalars,
)

FILM_BEST_THICKNESS = 4.560625442227550
"""Thickness in L_m at which :func:`film_weak_field` is largest."""


def strip_response(
    s: Any,
    width: Any,
) -> np.ndarray:
    """F(s) = tanh(z)/z, z = sqrt(s) width/2, of a strip with reflecting edges; Eq. (7).

    Parameters
    ----------
    s : complex
        1 + i omega tau; broadcasts with ``width``.
    width : float or array
        In L_m.

    Returns
    -------
    complex array

    Raises
    ------
    InputError
        A width that is not positive.
    """
    return _edge(s, width) * 2.0 / np.asarray(width)


def strip_profile(
    y: Any,
    width: Any,
    s: Any,
) -> np.ndarray:
    """Moment density sinh(q y)/(q cosh(q width/2)), q = sqrt(s), in units of alpha J_x L_m/D; Eq.
    (4).

    The physical n^z is the real part for p = a' = 0. The sign is that of J_x = sigma E_x; Eq. (4)
    as printed has J_x = -sigma E_x.

    Parameters
    ----------
    y : float or array
        In [-width/2, width/2], in L_m; all arguments broadcast.
    width : float or array
        In L_m.
    s : complex
        1 + i omega tau.

    Returns
    -------
    complex array

    Raises
    ------
    InputError
        A place outside the strip.
    """
    y = np.asarray(y, dtype=float)
    width = np.asarray(width, dtype=float)
    size = np.abs(y)
    if np.any(size > width / 2 * (1 + 1e-12)):
        raise InputError(
            f"y: must lie in [-width/2, width/2], got values up to {size.max():g}", value=y
        )
    q = np.sqrt(np.asarray(s, dtype=complex))
    # sinh and cosh with their growth taken out, so that wide strips do not overflow.
    growth = np.exp(q * (size - width / 2))
    sinh = -np.expm1(-2 * q * size)
    cosh = 1 + np.exp(-q * width)
    return np.sign(y) * growth * sinh / (q * cosh)


def strip_robin(
    s: Any,
    width: Any,
    G1: Any,
    G2: Any = None,
) -> np.ndarray:
    """F(s) of a strip whose edges absorb, Q.nu = G n; docs/closed-forms, item 3.

    Equal edges: (2/width) t/(q + G t), t = tanh(q width/2).

    Parameters
    ----------
    s : complex
        1 + i omega tau; all arguments broadcast.
    width : float or array
        In L_m.
    G1, G2 : float or array
        Absorption of the edges in D/L_m; G2 defaults to G1, infinity is allowed.

    Returns
    -------
    complex array

    Raises
    ------
    InputError
        A width that is not positive, or G < 0.
    """
    a1, b1 = _edge_weights(G1)
    a2, b2 = _edge_weights(G1 if G2 is None else G2)
    s = np.asarray(s, dtype=complex)
    edge = _edge(s, width)
    top = 2 * s * edge * a1 * a2 + a1 * b2 + a2 * b1
    cosh_1 = a1 + b1 * edge
    cosh_2 = a2 + b2 * edge
    sinh_1 = s * edge * a1 + b1
    sinh_2 = s * edge * a2 + b2
    bottom = cosh_1 * sinh_2 + cosh_2 * sinh_1
    front = 2.0 * edge / np.asarray(width)
    return front * top / bottom


def rho(
    phi: Any,
    theta: Any,
    width: Any,
    alpha_alpha_prime: float = 1.0,
) -> np.ndarray:
    """Magnetoresistance -alpha alpha' Re F(1 + i sqrt(theta) phi) of a strip in a field along x;
    Eq. (7).

    Parameters
    ----------
    phi, theta, width : float or arrays that broadcast
        Omega tau, X_zz/X_yy, and the width in L_m.
    alpha_alpha_prime : float
        Product of the orbital Hall angles.

    Returns
    -------
    array

    Raises
    ------
    InputError
        A width that is not positive.
    SolveError
        theta < 0 and sqrt(-theta) phi >= 1: no steady state.
    """
    scalars = _broadcast(phi, theta, width)
    f = three_scalar_response(lambda s: strip_response(s, width), scalars)
    return -alpha_alpha_prime * f


def rho_star(
    phi: Any,
    theta: Any,
    width: Any,
) -> np.ndarray:
    """rho* = [rho(B) - rho(0)]/[rho(inf) - rho(0)] = 1 - f(B)/F(1); Eq. (8).

    theta = 0 gives 0: without X_zz the field does nothing, and Eq. (8) is 0/0.  theta < 0 gives a
    negative result.

    Parameters
    ----------
    phi, theta, width : float or arrays that broadcast
        Omega tau, X_zz/X_yy, and the width in L_m.

    Returns
    -------
    array

    Raises
    ------
    InputError
        A width that is not positive.
    SolveError
        theta < 0 and sqrt(-theta) phi >= 1: no steady state.
    """
    scalars = _broadcast(phi, theta, width)
    change = three_scalar_change(lambda s: strip_response(s, width), scalars)
    return -change / np.real(strip_response(1.0, width))


def strip_ac(
    omega: Any,
    phi: Any,
    width: Any,
) -> np.ndarray:
    """Complex f of a strip driven by E exp(-i omega t); docs/closed-forms, item 6.

    Parameters
    ----------
    omega : float or array
        Frequency of the drive in 1/tau; all arguments broadcast.
    phi : float or array
        Precession rate times tau.
    width : float or array
        In L_m.

    Returns
    -------
    complex array

    Raises
    ------
    InputError
        A width that is not positive.
    """
    base = 1.0 - 1j * np.asarray(omega, dtype=float)
    turn = 1j * np.asarray(phi)
    plus = strip_response(base + turn, width)
    minus = strip_response(base - turn, width)
    return 0.5 * (plus + minus)


def strip_switch_on(
    t: Any,
    width: Any,
    s: Any = 1.0,
) -> np.ndarray:
    """Scalar response at time t after E is switched on; F(s) as t -> infinity; docs/theory, section
    5, item 6.

    A field enters as any other: ``three_scalar_response(lambda s: strip_switch_on(t, width, s),
    scalars)``. Relaxation modes for t > width^2/10, images of the edges before; both to machine
    precision.

    Parameters
    ----------
    t : float or array
        In tau; all arguments broadcast.
    width : float or array
        In L_m.
    s : complex
        1 + i omega tau.

    Returns
    -------
    complex array

    Raises
    ------
    InputError
        t < 0.
    """
    t = np.asarray(t, dtype=float)
    width = np.asarray(width, dtype=float)
    s = np.asarray(s, dtype=complex)
    t, width, s = np.broadcast_arrays(t, width, s)
    if np.any(t < 0):
        raise InputError(f"t: must not be negative, got {t.min():g}", value=t)
    late = t > 0.1 * width**2
    # Each series sees only times at which it converges; elsewhere its value is not taken.
    late_time = np.where(late, t, width**2)
    early_time = np.where(late | (t == 0), 0.1 * width**2, t)
    modes = _switch_on_modes(late_time, width, s)
    images = _switch_on_images(early_time, width, s)
    return np.where(late, modes, images * (t > 0))


def film_response(
    thickness: Any,
    B: Any,
    X: Any,
    g_e_half_tau: float = 1.0,
    detection: str = "printed",
) -> np.ndarray:
    """f of a film, normal along z and current along x: n^y accumulates at the two faces;
    docs/closed-forms, item 8.

    Parameters
    ----------
    thickness : float or array
        In L_m; broadcasts with the leading shape of ``B``.
    B, X, g_e_half_tau, detection
        As for :func:`three_scalars`; ``B`` is (..., 3).

    Returns
    -------
    array

    Raises
    ------
    InputError
        A thickness that is not positive, or as :func:`three_scalars`.
    SolveError
        omega^2 < 0 and |omega| tau >= 1: no steady state.
    """
    scalars = three_scalars(B, X, g_e_half_tau, "y", detection)
    return three_scalar_response(lambda s: strip_response(s, thickness), scalars)


def film_weak_field(thickness: Any) -> np.ndarray:
    """h/phi^2 at weak field, rho(B) - rho(0) = alpha alpha' h, B perpendicular to y; largest at
    4.5606 L_m.

    [3 tanh z/z - 3 sech^2 z - 2 z tanh z sech^2 z]/8, z = thickness/2; a power series below z =
    1/2.

    See docs/closed-forms, item 8.

    Parameters
    ----------
    thickness : float or array
        In L_m.

    Returns
    -------
    array
        Of the shape of ``thickness``.
    """
    z = np.asarray(thickness, dtype=float) / 2
    big = np.maximum(z, 0.5)
    decay = np.exp(-2 * big)
    sech_squared = 4 * decay / (1 + decay) ** 2
    tangent = np.tanh(big)
    last = 2 * big * tangent * sech_squared
    closed = (3 * tangent / big - 3 * sech_squared - last) / 8
    series = _film_series(np.minimum(z, 0.5))
    return np.where(z < 0.5, series, closed)


def _film_series(z: np.ndarray) -> np.ndarray:
    """Power series of :func:`film_weak_field`, for z below 1/2."""
    n = np.arange(2, 24)  # tanh z/z = sum_n 2^(2n+2) (2^(2n+2) - 1) B_(2n+2) z^(2n)/(2n+2)!
    power = 4.0 ** (n + 1)
    numbers = bernoulli(48)[2 * n + 2]
    tangent = power * (power - 1) * numbers / factorial(2 * n + 2)
    weights = tangent * n * (n - 1) / 2
    terms = weights * z[..., None] ** (2 * n)
    return np.asarray(np.sum(terms, axis=-1))


def wire_rectangle(
    ly: Any,
    lz: Any,
    B: Any,
    X: Any,
    g_e_half_tau: float = 1.0,
    detection: str = "printed",
) -> np.ndarray:
    """f of a wire along x of section ly x lz: f_zz(ly) + f_yy(lz), exact for any symmetric X;
    docs/closed-forms, item 9.

    Parameters
    ----------
    ly, lz : float or array
        Sides in L_m; broadcast with the leading shape of ``B``.
    B, X, g_e_half_tau, detection
        As for :func:`three_scalars`; ``B`` is (..., 3).

    Returns
    -------
    array

    Raises
    ------
    InputError
        A side that is not positive, or as :func:`three_scalars`.
    SolveError
        omega^2 < 0 and |omega| tau >= 1: no steady state.
    """
    sides = three_scalars(B, X, g_e_half_tau, "z", detection)
    faces = three_scalars(B, X, g_e_half_tau, "y", detection)
    from_sides = three_scalar_response(lambda s: strip_response(s, ly), sides)
    from_faces = three_scalar_response(lambda s: strip_response(s, lz), faces)
    return from_sides + from_faces


def _edge(
    s: Any,
    width: Any,
) -> np.ndarray:
    """tanh(q width/2)/q, even in q; width/2 at s = 0."""
    q = np.sqrt(np.asarray(s, dtype=complex))
    half = np.asarray(width, dtype=float) / 2
    if np.any(half <= 0):
        raise InputError(
            f"width: a width or thickness in L_m must be positive, got {2 * np.min(half):g}",
            value=width,
        )
    zero = q == 0
    safe = np.where(zero, 1.0, q)
    return np.where(zero, half, np.tanh(safe * half) / safe)


def _edge_weights(G: Any) -> tuple[np.ndarray, np.ndarray]:
    """1/(1+G) and G/(1+G), so that G = infinity is a number."""
    G = np.asarray(G, dtype=float)
    if np.any(G < 0) or np.any(np.isnan(G)):
        raise InputError(f"G: an absorbing edge needs G >= 0 in D/L_m, got {G.min():g}", value=G)
    kept = 1.0 / (1.0 + G)
    return kept, 1.0 - kept


def _broadcast(
    phi: Any,
    theta: Any,
    width: Any,
) -> ThreeScalars:
    phi, theta, _ = np.broadcast_arrays(phi, theta, width)
    return scalars_of_precession(phi, theta)


def _switch_on_modes(
    t: np.ndarray,
    width: np.ndarray,
    s: np.ndarray,
) -> np.ndarray:
    columns = (1,) * t.ndim
    k = np.arange(8).reshape((-1, *columns))
    wavenumber = (2 * k + 1) * np.pi / width
    rate = wavenumber**2 + s
    decayed = np.sum(np.exp(-rate * t) / rate, axis=0)
    return np.asarray(strip_response(s, width) - 8 / width**2 * decayed)


def _switch_on_images(
    t: np.ndarray,
    width: np.ndarray,
    s: np.ndarray,
) -> np.ndarray:
    """(2/width) sum_m c_m int_0^t exp(-s t' - a^2/4t') dt'/sqrt(pi t'), a = m width, c = 1, -2, 2,
    -2 ...
    """
    columns = (1,) * t.ndim
    m = np.arange(7).reshape((-1, *columns))
    q = np.sqrt(s)
    root = np.sqrt(t)
    distance = m * width
    away = distance / (2 * root)
    front = np.exp(-(distance**2) / (4 * t) - s * t)
    # wofz overflows in the lower half plane: there w(z) = 2 exp(-z^2) - w(-z).
    ahead = away - q * root
    behind = ahead.real < 0
    near = front * wofz(1j * np.where(behind, -ahead, ahead))
    mirrored = 2 * np.exp(-m * width * q) - near
    near = np.where(behind, mirrored, near)
    far = front * wofz(1j * (away + q * root))
    terms = (near - far) / (2 * q)
    alternating = 2.0 * (-1.0) ** m
    signs = np.where(m == 0, 1.0, alternating)
    return 2 / width * np.sum(signs * terms, axis=0)
