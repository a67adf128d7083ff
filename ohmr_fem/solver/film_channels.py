"""Through the thickness of a film: a relaxation tensor, or orbital and spin moment (docs/theory,
sections 9 and 11).

With q = 3 or 6 components, lengths in the l of the poles w and A = l^2 DD^-1 (Gamma + T(B)),

    N'' = (w + A) N - c,   DD N' + l G_t N = a_t above,   DD N' - l G_b N = a_b below,

a = (alpha + kappa) x e_d what a face drives, c = DD^-1 alpha x e_z what the edges drive.
Faces read [r_t.N(t/2) - r_b.N(-t/2)]/t with r = (alpha' + kappa')^T DD x W_c, edges r.mean N.  The
even and the odd part of N come from functions of w + A: by its eigenvectors, or where these are
nearly parallel by those of the matrices themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg import expm, sqrtm

from ..model.channels import Channels
from ..model.film import Face, Film
from ..model.material import Material
from .channel_rates import require_decay
from .film import (
    AT_ONCE,
    Function,
    at_height,
    detection_matrix,
    even_part,
    inverse,
    odd_part,
)
from .film_decay import require_decay_between_faces

#: Condition of the eigenvectors of A beyond which they are not used.
PARALLEL = 1e6
MatrixFunction = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, eq=False)
class Law:
    """What one face does, in units of the reference length.

    Attributes
    ----------
    spread : (q, q) DD, with rows of 0 for components that vanish
    lost : (q, q) l G, and 1 for components that vanish
    drives : (q, 2) for a current field z x j along x and along y
    readers : (2, q) of n^x and n^y
    """

    spread: np.ndarray
    lost: np.ndarray
    drives: np.ndarray
    readers: np.ndarray

    @classmethod
    def of(
        cls,
        face: Face,
        matrices: Channels,
        thickness: float,
        length: float,
        detection: str,
    ) -> Law:
        """``thickness`` and ``length`` in m."""
        c, size = matrices.count, 3 * matrices.count
        free, lost = np.ones((size, 1)), np.zeros((size, size))
        conductivity = float(matrices.material.sheet_conductivity) / thickness
        for k, law in enumerate(face.channels[:c]):
            place = slice(3 * k, 3 * k + 3)
            own = law.absorption(conductivity, float(matrices.diffusion[k, k]))
            if own is None:  # n = 0
                free[place], lost[place, place] = 0.0, np.eye(3)
            else:
                lost[place, place] = length * own
        made, read = angles_of(face, matrices)
        driven = matrices.spread @ sources(matrices, made)[:, :2]
        read_here = readers(matrices, read, detection)[:2]
        return cls(free * matrices.spread, lost, free * driven, read_here)


def angles_of(
    face: Face,
    matrices: Channels,
) -> tuple[np.ndarray, np.ndarray]:
    """alpha + kappa and alpha' + kappa' at a face, (c,); over alpha and alpha' where there is one
    channel.
    """
    if matrices.count == 1:
        forth, back = face.strengths(matrices.material)
        return np.array([forth]), np.array([back])
    made, read = matrices.angles.copy(), matrices.inverse_angles.copy()
    for k, law in enumerate(face.channels):
        ratio = read[k] / made[k] if made[k] else 1.0
        partner = law.source * ratio if law.inverse_source is None else law.inverse_source
        made[k] += law.source
        read[k] += partner
    return made, read


def sources(
    matrices: Channels,
    angles: np.ndarray,
) -> np.ndarray:
    """DD^-1 alpha x e_d for the three components, (q, 3)."""
    if matrices.count == 1:
        return np.asarray(angles[0] * np.eye(3))
    made = np.kron(np.linalg.solve(matrices.diffusion, angles)[:, None], np.eye(3))
    return np.asarray(made)


def readers(
    matrices: Channels,
    angles: np.ndarray,
    detection: str,
) -> np.ndarray:
    """alpha'^T DD x W_c for the three components, (3, q)."""
    W = detection_matrix(matrices.material, detection)
    if matrices.count == 1:
        return np.asarray(angles[0] * W)
    weights = angles @ matrices.diffusion
    return np.hstack([weights[0] * W, weights[1] * np.eye(3)])


@dataclass(frozen=True, eq=False)
class Spectra:
    """Functions of w + A for the matrices A of n fields, (n, q, q)."""

    A: np.ndarray
    values: np.ndarray
    vectors: np.ndarray
    inverse: np.ndarray
    parallel: np.ndarray

    @classmethod
    def of(cls, A: np.ndarray) -> Spectra:
        values, vectors = np.linalg.eig(A)
        condition = np.linalg.cond(vectors)
        parallel = ~(condition <= PARALLEL)
        vectors = np.where(parallel[:, None, None], np.eye(A.shape[-1]), vectors)
        return cls(A, values, vectors, np.linalg.inv(vectors), parallel)

    def __getitem__(self, some: slice) -> Spectra:
        return Spectra(*(value[some] for value in vars(self).values()))

    def matrices(
        self,
        rates: np.ndarray,
        f: Function,
        of_matrix: MatrixFunction,
    ) -> np.ndarray:
        """f(w + A), (n, m, q, q) for rates w (m,); ``of_matrix`` is f of one matrix."""
        diagonal = f(rates[:, None] + self.values[:, None])
        out = (self.vectors[:, None] * diagonal[..., None, :]) @ self.inverse[:, None]
        one = np.eye(self.A.shape[-1])
        for i in np.flatnonzero(self.parallel):
            out[i] = [of_matrix(w * one + self.A[i]) for w in rates]
        return np.asarray(out)


def _half_root(
    matrix: np.ndarray,
    half: float,
) -> np.ndarray:
    return half * np.asarray(sqrtm(matrix), dtype=complex)


def odd_of(half: float) -> MatrixFunction:
    """tanh(y) y^-1, y = sqrt(matrix) half."""

    def h(matrix: np.ndarray) -> np.ndarray:
        y, one = _half_root(matrix, half), np.eye(len(matrix))
        decay = expm(-2.0 * y)
        return np.asarray(np.linalg.solve(y, np.linalg.solve(one + decay, one - decay)))

    return h


def even_of(half: float) -> MatrixFunction:
    """(y tanh(y))^-1."""

    def e(matrix: np.ndarray) -> np.ndarray:
        y, one = _half_root(matrix, half), np.eye(len(matrix))
        decay = expm(-2.0 * y)
        return np.asarray(np.linalg.solve(y, np.linalg.solve(one - decay, one + decay)))

    return e


@dataclass(frozen=True, eq=False)
class ChannelFaces:
    """A film in units of a reference length; made by :meth:`of`.

    Attributes
    ----------
    thickness : float
    above, below : Law
    drive : (q,) of the edges, DD^-1 alpha x e_z
    reader : (q,)
    """

    thickness: float
    above: Law
    below: Law
    drive: np.ndarray
    reader: np.ndarray

    @classmethod
    def of(
        cls,
        film: Film,
        matrices: Channels,
        thickness: float,
        length: float,
        detection: str = "printed",
    ) -> ChannelFaces:
        """``matrices`` of a material with the sheet conductivity of ``thickness`` (m)."""
        below, above = (Law.of(face, matrices, thickness, length, detection) for face in film.faces)
        plain = np.ones(1), np.ones(1)
        made, read = plain if matrices.count == 1 else (matrices.angles, matrices.inverse_angles)
        drive, reader = sources(matrices, made)[:, 2], readers(matrices, read, detection)[2]
        return cls(thickness / length, above, below, drive, reader)

    def response(
        self,
        rates: np.ndarray,
        A: np.ndarray,
    ) -> np.ndarray:
        """What is read of what is driven, (n, m, 3, 3): faces x, faces y, edges z of each."""
        out = np.empty((len(A), len(rates), 3, 3), dtype=complex)
        spectra = Spectra.of(A)
        share = max(1, AT_ONCE // (4 * len(rates)))
        for start in range(0, len(A), share):
            some = slice(start, start + share)
            out[some] = self._response(rates, spectra[some])
        return out

    def local(self, A: np.ndarray) -> np.ndarray:
        """What the faces read where the ohmic field is uniform, (n, 2, 2)."""
        return self.response(np.zeros(1), A)[:, 0, :2, :2]

    def _response(
        self,
        rates: np.ndarray,
        spectra: Spectra,
    ) -> np.ndarray:
        h, e, M, up, down, still = self._slopes(rates, spectra)
        t, above, below = self.thickness, self.above, self.below
        odd = 0.5 * h @ (up + down)  # [N(t/2) - N(-t/2)]/t
        even = 0.5 * e @ (up - down) + 2.0 / t * still  # [N(t/2) + N(-t/2)]/t
        mean, apart = 0.5 * (above.readers + below.readers), 0.5 * (above.readers - below.readers)
        edges = (up - down) / t  # what leaves through the faces is missing from the mean
        edges[..., 2] += self.drive
        rows = [mean @ odd + apart @ even, self.reader[None] @ (M @ edges)]
        return np.concatenate(rows, axis=-2)

    def _slopes(
        self,
        rates: np.ndarray,
        spectra: Spectra,
    ) -> tuple[np.ndarray, ...]:
        """h, e and M of w + A, N' above and below and N where both vanish, (..., q, 3): columns are
        the drives of the faces along x and y and that of the edges.
        """
        half = 0.5 * self.thickness
        h = spectra.matrices(rates, odd_part(self.thickness), odd_of(half))
        e = spectra.matrices(rates, even_part(self.thickness), even_of(half))
        M = spectra.matrices(rates, inverse, np.linalg.inv)
        still = np.zeros((*M.shape[:-1], 3), dtype=complex)
        still[..., 2] = M @ self.drive
        quarter = 0.5 * half
        none = np.zeros(M.shape[-2:])
        # N(+-t/2) from N' at both faces, put into the two conditions of the faces
        rows, given = [], []
        above, below = self.above, self.below
        for law, values, side, place in (
            (above, [e + h, h - e], 1.0, [above.spread, none]),
            (below, [e - h, -h - e], -1.0, [none, below.spread]),
        ):
            at_face = quarter * np.concatenate(values, axis=-1)
            rows.append(np.hstack(place) + side * (law.lost @ at_face))
            driven = np.zeros(still.shape)
            driven[..., :2] = law.drives
            given.append(driven - side * (law.lost @ still))
        slopes = np.linalg.solve(np.concatenate(rows, axis=-2), np.concatenate(given, axis=-2))
        size = len(none)
        return h, e, M, slopes[..., :size, :], slopes[..., size:, :], still

    def profile(
        self,
        height: float,
        rates: np.ndarray,
        A: np.ndarray,
    ) -> np.ndarray:
        """N at a height from the middle, (n, m, q, 3): columns are the three drives."""
        half = 0.5 * self.thickness
        spectra = Spectra.of(A)
        *_, up, down, still = self._slopes(rates, spectra)

        odd, even = at_height(height, half)
        at_odd = spectra.matrices(rates, odd, matrix_at_height(height, half, -1.0))
        at_even = spectra.matrices(rates, even, matrix_at_height(height, half, 1.0))
        return np.asarray(0.5 * (at_odd @ (up + down) + at_even @ (up - down)) + still)


def matrix_at_height(
    height: float,
    half: float,
    sign: float,
) -> MatrixFunction:
    """sinh(q z) / (q cosh(q t/2)) for sign -1, cosh(q z) / (q sinh(q t/2)) for 1, q^2 a matrix."""

    def f(matrix: np.ndarray) -> np.ndarray:
        q, one = _half_root(matrix, 1.0), np.eye(len(matrix))
        rising, falling = expm(q * (height - half)), expm(-q * (height + half))
        below = one - sign * expm(-2.0 * half * q)
        return np.asarray(np.linalg.solve(q @ below, rising + sign * falling))

    return f


def scaled_rates(
    matrices: Channels,
    fields: Any,
    length: float,
) -> np.ndarray:
    """A = l^2 DD^-1 (Gamma + T(B)), (n, q, q)."""
    return np.asarray(
        length**2 * np.linalg.solve(matrices.spread, matrices.matrices(np.atleast_2d(fields)))
    )


def local_tensors(
    material: Material,
    film: Film,
    fields: np.ndarray,
    detection: str = "printed",
) -> np.ndarray:
    """As :func:`ohmr_fem.film_conductivity`, of a material with its sheet conductivity, (n, 2, 2).

    Raises
    ------
    SolveError
        The moment grows at one of the fields.
    """
    matrices = Channels.of(material)
    require_decay(matrices, fields)
    require_decay_between_faces(film, matrices, film.thickness, fields)
    length = film.thickness
    faces = ChannelFaces.of(film, matrices, film.thickness, length, detection)
    h = faces.local(scaled_rates(matrices, fields, length)).real
    m = material
    product = m.orbital_hall_angle * m.inverse_orbital_hall_angle if m.spin is None else 1.0
    rows = [[h[:, 1, 1], -h[:, 1, 0]], [-h[:, 0, 1], h[:, 0, 0]]]
    return np.asarray(product * np.moveaxis(np.array(rows), -1, 0))
