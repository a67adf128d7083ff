"""The local tensor of a film: what its two faces do to the conductivity (docs/theory, section 9).

Lengths in L_m, times in tau, G in D/L_m.  With M = 1 + tau T and q = sqrt(M), the moment density
through the thickness obeys n'' = M n; a current along the film drives it at both faces, n' = z x j
plus what a face absorbs.  Everything here uses functions of the 3 x 3 matrix M itself, by Schur
decomposition: no poles and no scalar response, so that it can judge a kernel that uses them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.linalg import expm, sqrtm

from ..errors import InputError
from .scalars import _field, _tensor

#: eps_zab in the plane: (z x j)_a = -eps_zab j_b.
_TURN = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]])


def torque_matrix(
    beta: Any,
    X: Any = 1.0,
) -> np.ndarray:
    """tau T = [beta]_x X of Eq. (2).

    Parameters
    ----------
    beta : (3,) floats
        (g e tau/2) B, in the unit of 1/X.
    X : float, (3,) or symmetric (3, 3)
        Inverse mass tensor; three numbers are its diagonal.

    Returns
    -------
    (3, 3) array

    Raises
    ------
    InputError
        Another shape, or X not symmetric.
    """
    return np.cross(
        _field(beta),
        _tensor(X),
        axisb=0,
        axisc=0,
    )


def magnetic_absorption(
    real: float,
    imaginary: float,
    magnetisation: Any,
) -> np.ndarray:
    """G(m) = G_r (1 - m m^T) + G_i [m]_x of a magnetic face; docs/theory, section 9.

    Parameters
    ----------
    real, imaginary : float
        G_r and G_i, in the unit that the result is wanted in.
    magnetisation : (3,) floats
        m, of any length.

    Returns
    -------
    (3, 3) array

    Raises
    ------
    InputError
        ``magnetisation`` of another shape.
    """
    m = _field(magnetisation)
    m = m / np.linalg.norm(m)
    across = np.eye(3) - np.outer(m, m)
    return np.asarray(real * across + imaginary * np.cross(m, np.eye(3), axisb=0, axisc=0))


def film_matrix(
    thickness: float,
    torque: Any,
    bottom: Any = 0.0,
    top: Any = 0.0,
) -> np.ndarray:
    """h, (3, 3): the moment difference between the faces per thickness, for n' = 1 at both.

    See docs/theory, section 9.

    Parameters
    ----------
    thickness : float
        In L_m.
    torque : (3, 3)
        tau T, see :func:`torque_matrix`.
    bottom, top : float, (3,) or (3, 3)
        G of the face in D/L_m; ``numpy.inf`` for n = 0.

    Returns
    -------
    (2/l) s b, where n = cosh(q z) a + sinh(q z) b and

        [[q s + G_t c, q c + G_t s], [-q s - G_b c, q c + G_b s]] (a; b) = (1; 1),
        c, s = cosh, sinh(q l/2).

    Raises
    ------
    InputError
        ``bottom`` or ``top`` of another shape.
    """
    q = np.asarray(sqrtm(np.eye(3) + np.asarray(torque, dtype=float)), dtype=complex)
    decay = expm(-thickness * q)
    # cosh and sinh with their growth taken out, so that a thick film does not overflow
    c = 0.5 * (np.eye(3) + decay)
    s = 0.5 * (np.eye(3) - decay)
    upper, drive_above = _face(top, q, c, s, 1.0)
    lower, drive_below = _face(bottom, q, c, s, -1.0)
    both = np.linalg.solve(np.vstack([upper, lower]), np.vstack([drive_above, drive_below]))
    return np.real(2.0 / thickness * s @ both[3:])


def _face(
    absorption: Any,
    q: np.ndarray,
    c: np.ndarray,
    s: np.ndarray,
    side: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Three rows of the system above and their right-hand side (3, 3)."""
    if np.ndim(absorption) == 0 and np.isinf(absorption):
        return np.hstack([c, side * s]), np.zeros((3, 3))
    G = np.asarray(absorption, dtype=float)
    if G.ndim < 2:
        G = np.diag(np.broadcast_to(G, 3))
    if G.shape != (3, 3):
        raise InputError(f"expected one number, three, or 3 x 3, got shape {G.shape}", key="G")
    return np.hstack([side * (q @ s + G @ c), q @ c + G @ s]), np.eye(3)


def film_tensor(
    thickness: float,
    beta: Any,
    X: Any = 1.0,
    *,
    bottom: Any = 0.0,
    top: Any = 0.0,
    detection: str = "printed",
) -> np.ndarray:
    """delta sigma_ij/(sigma alpha alpha') = eps_izc h_cd eps_zdj, i and j in the plane;
    docs/theory, section 9.

    Parameters
    ----------
    thickness : float
        In L_m.
    beta, X : (3,) floats; number, (3,) or (3, 3)
        As for :func:`torque_matrix`.
    bottom, top : float, (3,) or (3, 3)
        As for :func:`film_matrix`.
    detection : "printed" or "reciprocal"
        The moment is read as n, or as X n/X_0 with X_0 = (X_xx + X_yy)/2.

    Returns
    -------
    (2, 2) array

    Raises
    ------
    InputError
        A shape other than these, X not symmetric.
    """
    h = film_matrix(
        thickness,
        torque_matrix(beta, X),
        bottom,
        top,
    )
    if detection == "reciprocal":
        tensor = _tensor(X)
        h = 2.0 / (tensor[0, 0] + tensor[1, 1]) * tensor @ h
    return np.asarray(_TURN @ h @ _TURN.T)


def film_isotropic(
    thickness: float,
    beta: Any,
) -> np.ndarray:
    """The same for X = 1 and reflecting faces, in the form of Velez et al., PRL 116, 016603.

    With b the direction of the field, dF = F(1) - Re F(1 + i phi), I = Im F(1 + i phi):

        xx: F(1) - (1 - b_y^2) dF      xy: -b_x b_y dF - b_z I
        yx: -b_x b_y dF + b_z I        yy: F(1) - (1 - b_x^2) dF

    Parameters
    ----------
    thickness : float
        In L_m.
    beta : (3,) floats
        (g e tau/2) B/m_e, see :func:`torque_matrix`.

    Returns
    -------
    (2, 2) array
        delta sigma_ij/(sigma alpha alpha'), i and j = x, y.

    Raises
    ------
    InputError
        ``beta`` of another shape.
    """
    field = _field(beta)
    phi = float(np.linalg.norm(field))
    x, y, z = field / phi if phi > 0.0 else field

    def F(s: complex) -> complex:
        half = np.sqrt(complex(s)) * thickness / 2.0
        return complex(np.tanh(half) / half)

    still, turning = F(1.0).real, F(1.0 + 1j * phi)
    lost, odd = still - turning.real, turning.imag
    return np.array(
        [
            [still - (1.0 - y**2) * lost, -x * y * lost - z * odd],
            [-x * y * lost + z * odd, still - (1.0 - x**2) * lost],
        ]
    )


def spin_hall_magnetoresistance(
    thickness: float,
    length: float,
    conductivity: float,
    mixing: float,
    angle: float,
) -> float:
    """[rho(m along x) - rho(m along y)]/rho of a film on one magnetic face, current along x.

    First order in angle^2, G_i = 0, no torque, the other face reflecting:
    angle^2 (L/t) 2 L g_r tanh^2(t/2L) / (sigma + 2 L g_r coth(t/L)).

    See docs/theory, section 9.

    Parameters
    ----------
    thickness, length : m
    conductivity : S/m
    mixing : 1/(ohm m^2)
        g_r, the real part of the mixing conductance.
    angle : orbital or spin Hall angle

    Returns
    -------
    float
    """
    x = thickness / length
    exchange = 2.0 * length * mixing
    share = exchange * np.tanh(0.5 * x) ** 2 / (conductivity + exchange / np.tanh(x))
    return float(angle**2 / x * share)
