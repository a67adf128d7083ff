"""Whether moments between the faces of a film decay, where what the faces absorb is a matrix.

Faces that absorb all components alike only add to the decay, and so does a G with X G + G^T X
positive in the norm n . X n, which the torque conserves.  Any other can make a torque amplify, as a
relaxation tensor can (docs/theory, section 11): then the eigenvalues of the problem in z decide,

    D k(N, w) + m((Gamma + T) N, w) + w . G N at both faces,

at the uniform mode of the plane, which decays slowest.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.polynomial import legendre
from scipy.linalg import eigvals

from ..model.channels import Channels
from ..model.film import Film
from .channel_rates import _definite, growth_error, rate_in_norms

#: Degree of the polynomials through the thickness.
DEGREE = 12
#: Fields at which eigenvalues are taken, from the strongest down.
LOOKS = 32
#: Rates below this part of the largest do not count as growth.
ROUNDING = 1e-9


def require_decay_between_faces(
    film: Film,
    matrices: Channels,
    thickness: float,
    fields: np.ndarray,
) -> None:
    """SolveError at the weakest of the fields (n, 3) looked at where something grows."""
    size = np.linalg.norm(fields, axis=1)
    order = np.argsort(size, kind="stable")
    # growth sets in at some strength: the weakest field with it is the one to tell
    looks = order[np.unique(np.linspace(0, len(order) - 1, LOOKS).astype(int))]
    rates = rates_between_faces(film, matrices, thickness, fields[looks])
    if rates is None:
        return
    growing = np.flatnonzero(rates <= ROUNDING * np.abs(matrices.relaxation).max())
    if growing.size:
        first = growing[0]
        raise growth_error(fields[looks[first]], float(rates[first]), matrices, "faces")


def rates_between_faces(
    film: Film,
    matrices: Channels,
    thickness: float,
    fields: np.ndarray,
) -> np.ndarray | None:
    """Slowest rate in 1/s at each field, (n,); None where the faces only add to the decay."""
    if only_damp(film, matrices, thickness):
        return None
    absorbed = absorption(film, matrices, thickness)
    several = [slowest_between_faces(absorbed, matrices, thickness, B) for B in fields]
    return np.array(several)


def only_damp(film: Film, matrices: Channels, thickness: float) -> bool:
    """Whether the faces only add to the decay, by what they absorb or by a norm."""
    absorbed = absorption(film, matrices, thickness)
    return _plain(absorbed, matrices) or _damped(absorbed, matrices)


#: What each face absorbs of each channel, (3, 3) in m/s, or None where n = 0.
Absorbed = list[list[Any]]


def absorption(film: Film, matrices: Channels, thickness: float) -> Absorbed:
    conductivity = float(matrices.material.sheet_conductivity or 1.0) / thickness
    D = np.diag(matrices.diffusion)
    return [
        [law.absorption(conductivity, float(d)) for law, d in zip(face.channels, D, strict=False)]
        for face in film.faces
    ]


def _plain(absorbed: Absorbed, matrices: Channels) -> bool:
    """Whether each face treats all components alike: its law then commutes with the torque."""
    if matrices.count == 2 and not np.array_equal(
        matrices.diffusion, matrices.diffusion[0, 0] * np.eye(2)
    ):
        return all(G is not None and not np.any(G) for face in absorbed for G in face)
    for face in absorbed:
        if any((G is None) != (face[0] is None) for G in face):
            return False
        if face[0] is None:
            continue
        if any(not np.array_equal(G, face[0][0, 0] * np.eye(3)) for G in face):
            return False
    return True


def _damped(absorbed: Absorbed, matrices: Channels) -> bool:
    """Whether everything decays in a norm of the torque."""
    X = _definite(matrices.material.inverse_mass)
    if X is None or rate_in_norms([matrices]) <= 0.0:
        return False
    for face in absorbed:
        for G, metric in zip(face, (X, np.eye(3)), strict=False):
            if G is None:
                continue
            lost = metric @ G
            if np.linalg.eigvalsh(lost + lost.T)[0] < -1e-12 * np.abs(lost).max():
                return False
    return True


def slowest_between_faces(
    absorbed: Absorbed,
    matrices: Channels,
    thickness: float,
    field: np.ndarray,
) -> float:
    """Smallest real part of the decay rates, 1/s."""
    mass, stiffness = _through(thickness)
    size = 3 * matrices.count
    local = matrices.matrices(field)
    A = np.kron(stiffness, matrices.spread) + np.kron(mass, local)
    B = np.kron(mass, np.eye(size))
    kept = np.ones((len(mass), size), dtype=bool)
    for end, face in zip((0, -1), absorbed, strict=True):
        here = np.zeros_like(mass)
        here[end, end] = 1.0
        for c, G in enumerate(face):
            place = slice(3 * c, 3 * c + 3)
            if G is None:
                kept[end, place] = False  # n = 0 is no unknown
                continue
            whole = np.zeros((size, size))
            whole[place, place] = G
            A += np.kron(here, whole)
    free = np.flatnonzero(kept)
    pair = np.ix_(free, free)
    return float(eigvals(A[pair], B[pair]).real.min())


def _through(thickness: float) -> tuple[np.ndarray, np.ndarray]:
    """Mass and stiffness of polynomials through the thickness, 1 at one of the nodes: the first
    and the last are the faces.
    """
    inner = legendre.legroots(legendre.legder([0.0] * DEGREE + [1.0]))
    nodes = np.concatenate([[-1.0], np.sort(inner), [1.0]])
    at, weights = legendre.leggauss(DEGREE + 1)
    table = np.linalg.inv(legendre.legvander(nodes, DEGREE))
    values = legendre.legval(at, table)
    slopes = legendre.legval(at, legendre.legder(table)) * 2.0 / thickness
    weights = 0.5 * thickness * weights
    return (values * weights) @ values.T, (slopes * weights) @ slopes.T
