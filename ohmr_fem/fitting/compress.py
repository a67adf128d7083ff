"""A film measure with a tenth of its poles, for the loops of a fit.

Edges and faces know the plane only through the functions G(s) = sum_k g_k/(w_k + s): the faces
are sums over odd modes m of G at s + (m pi/t)^2.  A few poles on a logarithmic grid reproduce G
wherever a fit can ask for it, and their residues come from a least-squares problem.  What is shown
in the end is checked with the measure itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace

import numpy as np

from ..sweep.film import FilmMeasure
from ..sweep.film_absorbed import has_absorbed

#: Poles for each decade, and points at which G is matched.
POLES, POINTS = 9, 24
#: Margin of the range on both sides, and the ray in the complex plane (phi up to this times s).
MARGIN, RAY = 4.0, 4.0
#: Largest error of G relative to its size; with more the measure itself is used.
ACCEPTED = 1e-6
#: Singular values below this are round-off.
ROUND_OFF = 1e-14


@dataclass(frozen=True, eq=False, repr=False)
class QuickFilm(FilmMeasure):
    """A film measure whose poles are a few; ``of_edges`` (m,) and ``of_faces`` (2, 2, m) are
    their residues.
    """

    of_edges: np.ndarray = field(default_factory=lambda: np.zeros(0))
    of_faces: np.ndarray = field(default_factory=lambda: np.zeros((2, 2, 0)))

    @property
    def _edge_residues(self) -> np.ndarray:
        return np.asarray(self.of_edges * self.stretch)

    def _face_residues(
        self,
        c: int,
        d: int,
    ) -> np.ndarray:
        return np.asarray(self.of_faces[c, d])


def quick(
    measure: FilmMeasure,
    lengths: tuple[float, float],
    thinnest: float,
) -> FilmMeasure:
    """The measure with few poles over diffusion lengths (m) and thicknesses from the ``thinnest``
    (m); the measure itself where that is not accurate.
    """
    if type(measure) is not FilmMeasure or measure.polarised:
        return measure
    if has_absorbed(measure.projection):  # a grid of poles ends far below these
        return measure
    shortest, longest = lengths
    reference = measure.reference_length
    low = (reference / longest) ** 2 / MARGIN
    # beyond some twenty odd modes the terms fall as m^-4
    modes = (20.0 * np.pi * reference / thinnest) ** 2
    high = MARGIN * max((reference / shortest) ** 2 * 20.0, modes)
    rates = measure.projection.rates
    poles = _grid(0.1 * low, max(float(rates.max()), high))
    s = _matched(low, high)
    wanted = [measure._edge_residues / measure.stretch]
    wanted += [measure._face_residues(c, d) for c in range(2) for d in range(2)]
    A = 1.0 / (poles + s[:, None])
    exact = 1.0 / (rates + s[:, None])
    found = [_residues(A, exact @ g, s) for g in wanted]
    scale = [np.abs(exact) @ np.abs(g) for g in wanted]
    errors = [
        float(np.max(np.abs(A @ x - exact @ g) / np.maximum(size, 1e-300)))
        for x, g, size in zip(found, wanted, scale, strict=True)
    ]
    if max(errors) > ACCEPTED:
        return measure
    projection = replace(
        measure.projection, rates=poles, weights=np.zeros((len(poles), 6)), vectors=None
    )
    values = {f.name: getattr(measure, f.name) for f in fields(measure)}
    values["projection"] = projection
    of_faces = np.array(found[1:]).reshape(2, 2, -1)
    return QuickFilm(**values, of_edges=found[0], of_faces=of_faces)


def _grid(
    low: float,
    high: float,
) -> np.ndarray:
    """Poles on a logarithmic grid, and one at 0."""
    count = 2 + int(POLES * np.log10(high / low))
    return np.append(0.0, np.geomspace(low, high, count))


def _matched(
    low: float,
    high: float,
) -> np.ndarray:
    """Rates s at which G is matched: real ones, and a ray."""
    count = 2 + int(POINTS * np.log10(high / low))
    real = np.geomspace(low, high, count)
    rays = [real * (1.0 + 1j * turn) for turn in (0.5, 1.5, RAY)]
    return np.concatenate([real.astype(complex), *rays])


def _residues(
    A: np.ndarray,
    values: np.ndarray,
    s: np.ndarray,
) -> np.ndarray:
    """Real residues of the poles, each point weighted with |s|: G falls as 1/s."""
    weight = np.abs(s)
    rows = np.concatenate([(A * weight[:, None]).real, (A * weight[:, None]).imag])
    target = np.concatenate([(values * weight).real, (values * weight).imag])
    size = np.linalg.norm(rows, axis=0)
    found = np.linalg.lstsq(rows / size, target, rcond=ROUND_OFF)[0]
    return np.asarray(found / size)
