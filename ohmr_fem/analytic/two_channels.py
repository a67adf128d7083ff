"""A relaxation tensor, and orbital and spin moment together, on a strip (docs/theory, section 11).

Lengths in L_m, times in tau of a reference.  With N = (n_L, n_S), six components,

    Q_i = -(D x 1) d_i N + alpha x (eps_iak J_k),   J: alpha'^T D N,
    div Q + (M x 1) N + (T_L + T_S) N = 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.linalg import expm, sqrtm


def _tanh_over(
    A: np.ndarray,
    width: float,
) -> np.ndarray:
    """tanh(z)/z, z = sqrt(A) width/2, of a matrix."""
    root = np.asarray(sqrtm(A), dtype=complex)
    decay = expm(-width * root)
    one = np.eye(len(A))
    # tanh = (1 - exp(-2 z))/(1 + exp(-2 z)); all of them are functions of A and commute
    tanh = np.linalg.solve(one + decay, one - decay)
    return np.real(np.linalg.solve(0.5 * width * root, tanh))


def strip_relaxation_tensor(
    width: float,
    relaxation: Any,
    torque: Any,
) -> float:
    """f of a strip whose relaxation is a tensor: [tanh(z)/z]_zz, z = sqrt(Gamma + tau T) l/2.

    Parameters
    ----------
    width : float
        l, in L_m.
    relaxation : (3, 3)
        Gamma, in 1/tau.
    torque : (3, 3)
        tau T.

    Returns
    -------
    float
        -rho/(alpha alpha'); docs/theory, section 11.
    """
    A = np.asarray(relaxation, dtype=float) + np.asarray(torque, dtype=float)
    return float(_tanh_over(A, width)[2, 2])


def strip_two_channels(
    width: float,
    diffusion: Any,
    relaxation: Any,
    angles: Any,
    inverse_angles: Any,
    torques: tuple[Any, Any],
) -> float:
    """-rho of a strip: (alpha'^T D) [tanh(z)/z] (D^-1 alpha), z = sqrt(A) l/2, zz element.

    A = (D x 1)^-1 (M x 1 + T_L + T_S).

    Parameters
    ----------
    width : float
        l, in L_m.
    diffusion, relaxation : (2, 2)
        D, and M with conversion in its off-diagonals: -M_SL is the rate from L into S.
    angles, inverse_angles : (2,)
        alpha and alpha' of (L, S).
    torques : two (3, 3)
        tau T of each channel.

    Returns
    -------
    float
        -rho; docs/theory, section 11.
    """
    D, M = np.asarray(diffusion, dtype=float), np.asarray(relaxation, dtype=float)
    one = np.eye(3)
    T = np.zeros((6, 6))
    T[:3, :3], T[3:, 3:] = torques
    A = np.linalg.solve(np.kron(D, one), np.kron(M, one) + T)
    h = _tanh_over(A, width)[2::3, 2::3]  # the z components of both channels
    alpha, inverse = np.asarray(angles, dtype=float), np.asarray(inverse_angles, dtype=float)
    return float(inverse @ D @ h @ np.linalg.solve(D, alpha))
