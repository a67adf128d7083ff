"""A film whose relaxation is a tensor, or with orbital and spin moment: functions of a 3x3 or 6x6.

With A = l^2 DD^-1 (Gamma + T(B)) in units of the length l of the poles w_k, reflecting faces and
edges (docs/theory, sections 9 and 11),

    f(B) = sum_k g_k r_z (w_k + A)^-1 s_z + sum_cd { sum_k g_k^cd r_c [h(w_k + A) - h(A)] s_d
           + P_cd r_c h(A) s_d },    s_d = DD^-1 alpha x e_d,  r_c = alpha'^T DD x W_c,

h(x) = tanh(y)/y, y = sqrt(x) t/2l.  Everything is a sum over the eigenvalues mu_j of A with the
coefficients (r S)_j (S^-1 s)_j; where these cancel, near a matrix without a basis of eigenvectors,
functions of the matrices themselves take their place, pole by pole.  Faces that absorb or drive mix
edges and faces: :mod:`ohmr_fem.solver.film_channels`, pole by pole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..errors import InputError
from ..model.film import Film
from ..model.material import Material
from ..model.problem import Problem
from ..solver.film import Faces, odd_part
from ..solver.film_channels import ChannelFaces, odd_of, readers, sources
from ..solver.film_decay import rates_between_faces, require_decay_between_faces
from ..solver.linear import SYMMETRIC, Solver
from ..solver.stability import lowest_diffusive_rate
from ..solver.system import system_of
from ..units import fields_array, fraction
from .bound import FLOOR
from .film import (
    EDGES,
    STRICTER,
    TOLERANCE,
    FilmMeasure,
    _shift,
    _starts,
    _thicknesses,
    face_start,
    of_films,
)
from .film_absorbed import with_absorbed
from .lanczos import Projection, project
from .matrix import _Asked, _looks, _materials, _nothing
from .matrix_measure import MatrixMeasure
from .measure import device_of, one_per_pair
from .route import require_spectral
from .uniform_mode import UniformMode

#: Sum of |(r S)_j (S^-1 s)_j| over |r s| beyond which eigenvectors are not used.
CANCELS = 1e5
#: Fields at which the bound of many is taken.
LOOKS = 24
#: Fields times poles taken at a time with faces that absorb, which bounds the memory.
AT_ONCE = 20_000


@dataclass(frozen=True, eq=False, repr=False)
class MatrixFilmMeasure(MatrixMeasure, FilmMeasure):
    """The measure of a film with a relaxation tensor, or with a :class:`Spin`; made by
    :func:`spectral_measure`.

    As :class:`FilmMeasure`; R(B) - R(0) is a difference here.
    """

    @property
    def faces(self) -> Faces:
        """Thickness in units of the reference length."""
        nothing = np.zeros((3, 3))
        return Faces(self.thickness / self.reference_length, nothing, nothing, True)

    @property
    def plain_faces(self) -> bool:
        """Whether the faces reflect, without sources."""
        return self.film.reflecting and not self.film.drives

    @property
    def mixing_faces(self) -> ChannelFaces:
        """The faces with what they absorb and drive."""
        return ChannelFaces.of(
            self.film, self.matrices, self.thickness, self.reference_length, self.detection
        )

    def _check_stable(self, fields: np.ndarray) -> None:
        MatrixMeasure._check_stable(self, fields)
        require_decay_between_faces(self.film, self.matrices, self.thickness, fields)

    def covers(self, fields: Any, s: complex = 1.0) -> np.ndarray:
        """Whether each field is stable and within the range of the measure, (n,) bool."""
        several = np.atleast_2d(fields_array(fields, "fields"))
        out = MatrixMeasure.covers(self, several, s)
        rates = rates_between_faces(self.film, self.matrices, self.thickness, several)
        return out if rates is None else out & (rates > 0.0)

    # -- response

    def unchecked(
        self,
        fields: Any,
        s: complex = 1.0,
    ) -> tuple[np.ndarray, np.ndarray]:
        """f(B) and f(B) - f(0) without the bound."""
        return FilmMeasure.unchecked(self, fields, s)

    def _parts(
        self,
        fields: np.ndarray,
        s: complex,
    ) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """f of edges, faces and both, and the change of each from B = 0."""
        of_fields = self._of_fields if self.plain_faces else self._of_mixed
        values, zero = of_fields(fields, s), of_fields(np.zeros((1, 3)), s)
        return values, [now - then for now, then in zip(values, zero, strict=True)]

    def _of_fields(
        self,
        fields: np.ndarray,
        s: complex,
    ) -> list[np.ndarray]:
        values, edges, faces, bad = self._coefficients(fields, s)
        p = self.projection
        rates = p.rates[:, None, None] + values
        by_edges = np.einsum("k,knj,nj->n", self._edge_residues, 1.0 / rates, edges)
        h = odd_part(self.faces.thickness)
        at_poles, still = h(rates), h(values)
        by_faces = np.zeros(len(fields), dtype=complex)
        for c in range(2):
            for d in range(2):
                g = self._face_residues(c, d)
                local = self.products[c, d] - g.sum()
                whole = np.einsum("k,knj->nj", g, at_poles) + local * still
                by_faces += np.einsum("nj,nj->n", whole, faces[:, c, d])
        for i in np.flatnonzero(bad):
            by_edges[i], by_faces[i] = self._by_matrices(fields[i], s)
        if np.imag(s) == 0.0:
            by_edges, by_faces = by_edges.real, by_faces.real
        return [by_edges, by_faces, np.zeros_like(by_faces)]

    def _of_mixed(self, fields: np.ndarray, s: complex) -> list[np.ndarray]:
        """Faces that absorb or drive: pole by pole, edges and faces mixed."""
        faces, A = self.mixing_faces, self._scaled(fields, s)
        local = faces.local(A)
        reads, drives = self._loads
        found: list[np.ndarray] = []
        share = max(1, AT_ONCE // max(1, len(self.projection.rates)))
        for start in range(0, len(A), share):
            some = slice(start, start + share)
            R = faces.response(self.projection.rates, A[some])
            R[:, :, :2, :2] -= local[some, None]
            found.append(np.einsum("ck,nkcd,dk->ncd", reads, R, drives))
        parts = np.concatenate(found)
        by_faces = parts[:, :2, :2].sum(axis=(1, 2))
        by_faces = by_faces + np.einsum("ncd,cd->n", local, self.products)
        cross = parts[:, 2, :2].sum(axis=1) + parts[:, :2, 2].sum(axis=1)
        whole = [parts[:, 2, 2], by_faces, cross]
        return [part.real for part in whole] if np.imag(s) == 0.0 else whole

    def _scaled(self, fields: np.ndarray, s: complex) -> np.ndarray:
        """A = l^2 DD^-1 (Gamma + T - i omega), (n, q, q)."""
        return np.asarray(np.linalg.solve(self.matrices.spread, self._local(fields, s)))

    def _coefficients(
        self,
        fields: np.ndarray,
        s: complex,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """mu_j (n, q), the coefficients of the edges (n, q) and of the faces (n, 2, 2, q), and
        where they cancel (n,).
        """
        A = self._scaled(fields, s)
        values, vectors = np.linalg.eig(A)
        drives, reads = self._vectors
        with np.errstate(all="ignore"):
            try:
                made = np.linalg.solve(vectors, drives.T.astype(complex))
            except np.linalg.LinAlgError:
                made = np.full((*vectors.shape[:2], 3), np.inf, dtype=complex)
            read = reads @ vectors
            every = read[:, :, None, :] * made.swapaxes(-2, -1)[:, None]
        size = np.abs(reads) @ np.abs(drives.T)
        sums = np.abs(every).sum(axis=-1)
        bad = ~np.all(sums <= CANCELS * np.max(size), axis=(1, 2))
        every = np.where(bad[:, None, None, None], 0.0, every)
        return values, every[:, 2, 2], every[:, :2, :2], bad

    @property
    def _vectors(self) -> tuple[np.ndarray, np.ndarray]:
        """DD^-1 s_d and r_c for the three components, (3, q) each."""
        one, matrices = np.ones(1), self.matrices
        angles = matrices.angles if self.has_spin else one
        inverse = matrices.inverse_angles if self.has_spin else one
        return sources(matrices, angles).T, readers(matrices, inverse, self.detection)

    def _by_matrices(
        self,
        field: np.ndarray,
        s: complex,
    ) -> tuple[complex, complex]:
        """Edges and faces at one field from functions of the matrices."""
        A = self._scaled(field[None], s)[0]
        made, read = self._vectors
        one, rates = np.eye(len(A)), self.projection.rates
        odd = odd_of(0.5 * self.faces.thickness)
        edges = sum(
            g * (read[2] @ np.linalg.solve(w * one + A, made[2]))
            for g, w in zip(self._edge_residues, rates, strict=True)
        )
        at_poles = [odd(w * one + A) for w in rates]
        still, faces = odd(A), 0.0
        for c in range(2):
            for d in range(2):
                g = self._face_residues(c, d)
                whole = (self.products[c, d] - g.sum()) * still
                whole = whole + sum(a * h for a, h in zip(g, at_poles, strict=True))
                faces = faces + read[c] @ whole @ made[d]
        return complex(edges), complex(faces)

    def delta_R_local(self, fields: Any) -> np.ndarray:
        """delta_R of the local conductivity tensor alone, without edges, (n,) ohm."""
        several = np.atleast_2d(fields_array(fields, "fields"))
        self._check_stable(several)
        nothing = replace(self.projection, weights=0.0 * self.projection.weights)
        return np.asarray(self.unit * replace(self, projection=nothing)._parts(several, 1.0)[0][1])

    # -- bound

    def bound(
        self,
        fields: Any,
        s: complex = 1.0,
    ) -> np.ndarray:
        """Bound on the truncation of f(B), (n,): that of F and of the faces at the eigenvalues,
        taken at a sample of many fields, whose largest serves the others.

        Where eigenvectors cancel it is that of the mean rate, an estimate; for faces that absorb it
        is that of reflecting faces.
        """
        edges, faces = self.bounds(np.atleast_2d(fields_array(fields, "fields")), s)
        return np.asarray(edges + faces)

    def bounds(
        self,
        fields: np.ndarray,
        s: complex = 1.0,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Of edges and faces, (n,) each."""
        values, edges, faces, bad = self._coefficients(fields, s)
        faces = faces * self._source_strength
        some = self._sample(values)
        at_edges = self.F_bound(values[some])
        at_faces = self.face_bound(values[some])
        of_edges = np.empty(len(values))
        every = np.empty(len(values))
        by_edges = np.sum(np.abs(edges[some]) * at_edges, axis=1)
        by_faces = np.einsum("njcd,ncdj->n", at_faces, np.abs(faces[some]))
        of_edges[:], every[:] = by_edges.max(), by_faces.max()
        of_edges[some], every[some] = by_edges, by_faces
        if np.any(bad):
            made, read = self._vectors
            size = float((np.abs(read) @ np.abs(made.T)).max())
            middle = np.abs(values[bad]).mean(axis=1)
            of_edges[bad] = size * self.F_bound(middle)
            every[bad] = size * self.face_bound(middle).sum(axis=(-2, -1))
        return of_edges, every

    @property
    def _source_strength(self) -> float:
        """How much more than the interior the faces drive and read, at most."""
        if not self.film.drives:
            return 1.0
        faces, (made, read) = self.mixing_faces, self._vectors
        plain = np.abs(made[:2] @ self.matrices.spread.T).max(), np.abs(read[:2]).max()
        laws = faces.above, faces.below
        drives = max(np.abs(law.drives).max() for law in laws) / (plain[0] or 1.0)
        reads = max(np.abs(law.readers).max() for law in laws) / (plain[1] or 1.0)
        return float(max(drives, 1.0) * max(reads, 1.0))

    @staticmethod
    def _sample(values: np.ndarray) -> np.ndarray:
        """Fields at which the bound is taken, from the weakest to the strongest."""
        order = np.argsort(np.abs(values).max(axis=1), kind="stable")
        places = np.linspace(0, len(order) - 1, LOOKS).astype(int)
        return np.asarray(order[np.unique(places)])

    @property
    def size(self) -> float:  # type: ignore[override]
        """The scale of the tolerance: edges and faces without any cancellation."""
        made, read = self._vectors
        strength = np.abs(read) @ np.abs(made.T)
        at_rest = self._scaled(np.zeros((1, 3)), 1.0)[0]
        rate = float(np.abs(np.linalg.eigvals(at_rest)).min())
        edges = np.abs(self._edge_residues) / (np.abs(self.projection.rates) + rate)
        h = float(np.real(odd_part(self.faces.thickness)(np.array([rate]))[0]))
        faces = sum(np.sum(np.abs(self._face_residues(c, d))) for c in range(2) for d in range(2))
        return float(strength.max() * (edges.sum() + h * faces))

    @property
    def _floor(self) -> float:  # type: ignore[override]
        p = self.projection
        made, read = self._vectors
        strength = float((np.abs(read) @ np.abs(made.T)).max())
        edges = p.norm(EDGES[0]) * p.norm(EDGES[1])
        faces = sum(p.norm(a) * p.norm(b) for a, b in ((2, 3), (4, 5))) / p.shift**2
        return float(FLOOR * strength * (edges + faces))

    # -- what a user reads

    def channel_parts(self, fields: Any) -> dict[str, np.ndarray]:
        raise InputError("channel_parts: not of a film in this version; see switched_off")

    def moment_density(
        self,
        field: Any,
        current: Any = 1.0,
    ) -> np.ndarray:
        return FilmMeasure.moment_density(self, field, current)

    def __repr__(self) -> str:
        what = "orbital and spin moment" if self.has_spin else "relaxation tensor"
        return f"MatrixFilmMeasure({what}, {FilmMeasure.__repr__(self)})"


def matrix_film_measures(
    problem: Problem,
    pairs: Sequence[tuple[Any, Any]],
    *,
    tolerance: float | None = None,
    fields: Any = None,
    lengths: Any = None,
    thicknesses: Any = None,
    rates: Any = (),
    materials: Sequence[Material] = (),
    solver: Solver = SYMMETRIC,
    with_vectors: bool = False,
) -> list[MatrixFilmMeasure]:
    """Measures of several (current, voltage) pairs of one film; see :func:`film_measures`.

    The bound holds at ``materials`` as well.
    """
    from .spectral import check_definite

    tolerance = fraction(TOLERANCE if tolerance is None else tolerance, "tolerance")
    require_spectral(problem)
    film = problem.film
    assert isinstance(film, Film)
    system = system_of(problem, plane_of_film=True, with_spin=True)
    K, M, keep = system.pencil
    edges, across, turns, products, ohmic, names = _starts(problem, system, pairs, solver)
    system.make_room_for(solver)
    slowest = (1.0 - 1e-9) * lowest_diffusive_rate(system, solver)
    tuned = (*_materials(problem, lengths), *materials)
    asked = _Asked(_looks(problem, fields), tuned, (1.0, *rates))
    covered = _thicknesses(thicknesses, film.thickness)

    each = of_films(ohmic, names, products)

    def measures(projection: Projection) -> list[MatrixFilmMeasure]:
        return one_per_pair(
            MatrixFilmMeasure,
            projection,
            turns,
            each,
            tolerance=tolerance,
            slowest=slowest,
            film=film,
            thickness=film.thickness,
            edge_sources=bool(problem.edge_sources),
            **device_of(system),
        )

    shape = _nothing(np.hstack([edges, across]))
    points = asked.eigenvalues(measures(shape)[0])
    shift = _shift([points], np.ones(1), slowest)
    factors = solver.factorise(K + shift * M)
    uniform = UniformMode.of(system, K, M)
    loads = keep.T @ edges, keep.T @ across
    spread, _ = solver.factorise(M).solve(loads[1])
    start, totals = face_start(uniform, loads, spread, factors, shift)

    def excess(found: Projection) -> float:
        worst = 0.0
        for measure in measures(found):
            for material in asked.materials:
                for thickness in covered:
                    tuned = replace(measure, material=material, thickness=thickness)
                    for s in asked.rates:
                        by_edges, by_faces = tuned.bounds(asked.fields, s)
                        total = float(np.max(STRICTER * by_edges + by_faces))
                        worst = max(worst, total / max(tuned._allowed, np.finfo(float).tiny))
        return worst

    most = 80 if lengths is None and not materials else 240
    options: dict[str, Any] = {"uniform": uniform, "totals": totals, "with_vectors": with_vectors}
    projection = project(M, factors, start, shift, excess, most, **options)
    check_definite(projection, K, M)
    vectors = keep @ projection.vectors if with_vectors else None
    projection = replace(projection, vectors=vectors)
    return measures(with_absorbed(projection, system, across, spread, solver))
