"""The spectral measure of a film: edges and faces from one factorisation of the plane.

With j = -grad v and e = -grad u the fields of the current and the voltage pair, lengths in L_m
(docs/theory, section 9),

    delta_R(B) = -(alpha alpha'/sigma_s) [f_edges + f_faces],
    f_faces = int (z x e) . h(-lap + 1 + tau T) (z x j).

On the poles w_k of the plane h is a function of w_k + 1 + tau T.  Most of it needs no pole: the
local part, h(1 + tau T) with the integrals of (z x e)_c (z x j)_d, is taken exactly, and only
sum_k [h(w_k + 1 + tau T) - h(1 + tau T)] from the projection.

The loads a of the faces enter the Krylov space as A0 M^-1 a, A0 = K + s0 M.  Then it holds M^-1 a
too, and of the partial fractions of w/(s (w + s) (w + s0)^2), which is what the difference above
asks for, all but 1/(w + s) are exact.  The error of each odd mode m of h, s = 1 + (m pi/t)^2, is

    |error| <= (8/t^2) gamma(s) |r_a| |r_b| / |s - s0|^2

with the residuals of :mod:`ohmr_fem.sweep.lanczos`: it falls as m^-4, and the sum is a bound.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
from scipy.linalg import block_diag
from scipy.sparse import csr_array

from ..errors import InputError
from ..files import check_kinds, check_shapes
from ..model.channels import Channels
from ..model.film import Face, Film, strengths
from ..model.material import retuned, torque_of
from ..model.problem import Problem
from ..model.stack import Stack
from ..solver import forms
from ..solver.film import Faces, detection_matrix
from ..solver.film_decay import rates_between_faces, require_decay_between_faces
from ..solver.linear import SYMMETRIC, Factorisation, Solver
from ..solver.resistance import FourTerminal, ohmic_reading
from ..solver.resolution import FIRST_ORDER
from ..solver.space import facet_basis
from ..solver.stability import lowest_diffusive_rate
from ..solver.system import System, system_of
from ..units import (
    array_si,
    complex_si,
    engineering,
    fields_array,
    fraction,
    one_ratio,
    positive,
    shown,
)
from .bound import CIRCLE, FLOOR, NEAR, sum_bound
from .curve import Parts
from .film_absorbed import with_absorbed
from .lanczos import ROUNDING, Projection, gamma, project
from .link import Link
from .measure import SpectralMeasure, device_of, one_per_pair, terms_of_pairs
from .route import require_spectral
from .uniform_mode import UniformMode

#: The shift of the factorisation over the root of what the plane alone would take; measured. The
#: faces ask for higher rates, (m pi/t)^2, and the corners of the device for higher ones still.
UPWARDS = 60.0
#: Truncation relative to the response that is asked for by default: the bound is some thousand
#: times the error here, because poles far above the shift come slowly and count for little.
TOLERANCE = 1e-4
#: The bound of the edges is held to so much less: it falls geometrically, and is no thousand
#: times their error.
STRICTER = 300.0
#: Columns of the projection: edges, then the x and y components of z x j and z x e; the current
#: pair first in each.
EDGES, FACES, COLUMNS = (0, 1), ((2, 3), (4, 5)), 6
#: Odd modes taken one by one in the bound; the others in groups that grow by GROUP.
SINGLE, GROUP, LAST = 16, 1.25, 4000
#: Fields times poles taken at a time with faces that absorb, which bounds the memory.
AT_ONCE = 20_000
#: Points at which the bound of many fields is taken.
SAMPLES = 48


@dataclass(frozen=True, eq=False, repr=False)
class FilmMeasure(SpectralMeasure):
    """The measure of a film; made by :func:`spectral_measure` for a problem with a film.

    Besides what a :class:`SpectralMeasure` has:

    See docs/theory, section 9.

    Attributes
    ----------
    film : Film
    thickness : float, m
    edge_sources : bool
        Whether a side edge has a source that follows the current, which ties the measure to its
        orbital Hall angles.
    products : (2, 2)
        int (z x e)_c (z x j)_d of the ohmic fields times sigma_s, c and d = x, y.
    """

    # the fields inherited have defaults, so these need some
    film: Film = Film(1.0)  # noqa: RUF009
    thickness: float = float("nan")
    edge_sources: bool = False
    products: np.ndarray = field(default_factory=lambda: np.zeros((2, 2)))
    plane: ClassVar[bool] = False
    samples: ClassVar[tuple[int, int]] = (150, 30)  # the bound of the faces is a sum over modes

    @property
    def faces(self) -> Faces:
        """Thickness and absorption in units of the material."""
        return Faces.of(self.film, self.material, self.thickness)

    def _check_stable(self, fields: np.ndarray) -> None:
        super()._check_stable(fields)
        matrices = Channels.of(self.material)
        require_decay_between_faces(self.film, matrices, self.thickness, fields)

    def covers(self, fields: Any, s: complex = 1.0) -> np.ndarray:
        """As :meth:`SpectralMeasure.covers`.

        Parameters
        ----------
        fields, s
            The same.

        Returns
        -------
        (n,) bool

        Raises
        ------
        InputError
            A field of another shape or dimension.
        """
        several, out = np.atleast_2d(fields_array(fields, "fields")), super().covers(fields, s)
        matrices = Channels.of(self.material)
        rates = rates_between_faces(self.film, matrices, self.thickness, several)
        return out if rates is None else out & (rates > 0.0)

    # -- response

    def unchecked(
        self,
        fields: Any,
        s: complex = 1.0,
    ) -> tuple[np.ndarray, np.ndarray]:
        """As :meth:`SpectralMeasure.unchecked`.

        Parameters
        ----------
        fields, s
            The same.

        Returns
        -------
        f, change : (n,) arrays, or numbers for one field

        Raises
        ------
        InputError
            A field of another shape or dimension.
        """
        B, s = fields_array(fields, "fields"), one_ratio(s, "s")
        terms, changes = self._parts(np.atleast_2d(B), s)
        f, change = np.sum(terms, axis=0), np.sum(changes, axis=0)
        return (f, change) if B.ndim == 2 else (f[0], change[0])

    def parts(self, fields: Any) -> Parts:
        """What the edges do to delta_R, what the faces do, and what passes between them;
        docs/theory, section 9.

        Parameters
        ----------
        fields : (3,) or (n, 3) T

        Returns
        -------
        Parts
            ``edges``, ``faces`` and ``cross``, (n,) ohm each; their sum is delta_R.

        Raises
        ------
        InputError
            A field of another shape or dimension.
        SolveError
            A field that is unstable or out of the range of the measure.
        """
        several = np.atleast_2d(fields_array(fields, "fields"))
        self._check(several)
        edges, faces, cross = self._parts(several, 1.0)[0]
        return Parts(self.unit * edges, self.unit * faces, self.unit * cross)

    def delta_R_local(self, fields: Any) -> np.ndarray:
        """delta_R of the local conductivity tensor alone, without edges.

        See docs/theory, section 9.

        Parameters
        ----------
        fields : (3,) or (n, 3) T

        Returns
        -------
        (n,) ohm

        Raises
        ------
        InputError
            A field of another shape or dimension.
        SolveError
            No steady state at one of the fields.
        """
        several = np.atleast_2d(fields_array(fields, "fields"))
        self._check_stable(several)
        T, squared = torque_of(self.material, several)
        h = self._detector @ self.faces.local(T, squared)
        return np.asarray(self.unit * np.einsum("ncd,cd->n", h[:, :2, :2], self.products))

    @property
    def _detector(self) -> np.ndarray:
        return detection_matrix(self.material, self.detection)

    def _parts(
        self,
        fields: np.ndarray,
        s: complex,
    ) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """f of edges, faces and both, and the change of each from B = 0."""
        T, squared = torque_of(self.material, fields)
        if self.faces.even is not None:
            return self._even_parts(T, squared, s)
        values = self._general_parts(T, squared, s)
        zero = self._general_parts(np.zeros((1, 3, 3)), np.zeros(1), s)
        return values, [now - then for now, then in zip(values, zero, strict=True)]

    def _even_parts(
        self,
        T: np.ndarray,
        squared: np.ndarray,
        s: complex,
    ) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Edges and faces part; the change from B = 0 comes without subtracting."""
        rates = self.projection.rates * self.stretch + s
        W = self._detector
        inverse = self.faces.mean(rates, squared)
        h = self.faces.reading(rates, squared)
        still = self.faces.reading(np.array([s]), squared)
        once, twice = W @ T, W @ T @ T
        at_zero: list[Any] = [0.0, 0.0, np.zeros(len(T))]
        changes: list[Any] = [0.0, 0.0, np.zeros(len(T))]
        g = self._edge_residues
        at_zero[0] = W[2, 2] * (inverse.value @ g) + np.zeros(len(T))
        changes[0] = once[:, 2, 2] * (inverse.first @ g) + twice[:, 2, 2] * (inverse.second @ g)
        for c in range(2):
            for d in range(2):
                g = self._face_residues(c, d)
                local = self.products[c, d] - g.sum()
                value = h.value @ g + local * still.value[0]
                first = h.first @ g + local * still.first[:, 0]
                second = h.second @ g + local * still.second[:, 0]
                at_zero[1] = at_zero[1] + W[c, d] * value
                changes[1] = changes[1] + once[:, c, d] * first + twice[:, c, d] * second
        at_zero[1] = at_zero[1] + np.zeros(len(T))
        return [a + b for a, b in zip(at_zero, changes, strict=True)], changes

    def _general_parts(
        self,
        T: np.ndarray,
        squared: np.ndarray,
        s: complex,
    ) -> list[np.ndarray]:
        """Faces that absorb: pole by pole, edges and faces mixed."""
        rates = self.projection.rates * self.stretch + s
        faces, W = self.faces, self._detector
        local = W @ faces.local(T, squared, s)
        reads, drives = self._loads
        f_edges, f_faces, cross = [], [], []
        share = max(1, AT_ONCE // len(rates))
        for start in range(0, len(T), share):
            some = slice(start, start + share)
            R = W @ faces.response(rates, T[some], squared[some])
            at_faces = R[:, :, 0, 0, :2, :2] - local[some, None, :2, :2]
            f_faces.append(
                np.einsum(
                    "ck,nkcd,dk->n",
                    reads[:2],
                    at_faces,
                    drives[:2],
                )
            )
            f_edges.append(
                np.einsum(
                    "k,nk,k->n",
                    reads[2],
                    R[:, :, 1, 1, 2, 2],
                    drives[2],
                )
            )
            forth = np.einsum(
                "ck,nkc,k->n",
                reads[:2],
                R[:, :, 0, 1, :2, 2],
                drives[2],
            )
            back = np.einsum(
                "k,nkd,dk->n",
                reads[2],
                R[:, :, 1, 0, 2, :2],
                drives[:2],
            )
            cross.append(forth + back)
        by_faces = np.concatenate(f_faces)
        by_faces = by_faces + np.einsum("ncd,cd->n", local[:, :2, :2], self.products)
        return [np.concatenate(f_edges), by_faces, np.concatenate(cross)]

    @property
    def _loads(self) -> tuple[np.ndarray, np.ndarray]:
        """What reads and what drives each pole, (3, m) each: x, y of the faces, z of the edges."""
        both = self._columns
        both[:, 2] *= np.sqrt(self.stretch)
        return both[0], both[1]

    @property
    def _columns(self) -> np.ndarray:
        """As :attr:`_loads` for the length of the projection, (2, 3, m)."""
        both = []
        for pair in (1, 0):
            columns = [self._face_weights(FACES[c][pair]) for c in range(2)]
            both.append([*columns, self.projection.weights[:, EDGES[pair]]])
        return np.array(both)

    def pole_loads(self) -> np.ndarray:
        """What reads times what drives each pole.

        Returns
        -------
        (m, 9) array
            x and y of the faces and z of the edges, a row of three for each that reads.
        """
        reads, drives = self._columns
        return np.einsum("ck,dk->kcd", reads, drives).reshape(-1, 9)

    def _face_weights(self, column: int) -> np.ndarray:
        """Components of z x j (or e) itself, (m,): the space was started with A0 M^-1 of it."""
        p = self.projection
        return np.asarray(p.weights[:, column] / (p.rates + p.shift))

    def _face_residues(
        self,
        c: int,
        d: int,
    ) -> np.ndarray:
        return self._face_weights(FACES[c][1]) * self._face_weights(FACES[d][0])

    @property
    def _edge_residues(self) -> np.ndarray:
        return np.asarray(self.projection.residues(*EDGES) * self.stretch)

    # -- bound

    def bound(
        self,
        fields: Any,
        s: complex = 1.0,
    ) -> np.ndarray:
        """Bound on the truncation of f(B): rigorous for one field and reflecting faces.

        Parameters
        ----------
        fields, s
            As for :meth:`SpectralMeasure.bound`.

        Returns
        -------
        (n,) array

        Raises
        ------
        InputError
            A field of another shape or dimension.
        """
        several, s = np.atleast_2d(fields_array(fields, "fields")), one_ratio(s, "s")
        T, squared = torque_of(self.material, several)
        least = NEAR - self.slowest * self.stretch
        W = self._detector
        once, twice = W @ T, W @ T @ T
        faces = self.faces
        sources = max(map(abs, faces.drive)) * max(map(abs, faces.read))
        total = sum_bound(
            self.F_bound, squared, once[:, 2, 2], twice[:, 2, 2], float(W[2, 2]), s, least
        )
        of_pair = _sampled(self)
        for c in range(2):
            for d in range(2):
                row = once[:, c, d], twice[:, c, d], float(W[c, d])
                total = total + sources * sum_bound(of_pair(c, d), squared, *row, s, least)
        return np.asarray(total)

    def face_bound(self, s: Any) -> np.ndarray:
        """Bound on the error of sum_k g_k [h(w_k + s) - h(s)].

        Parameters
        ----------
        s : complex, any shape
            Relaxation rate in 1/tau.

        Returns
        -------
        (..., 2, 2) array
            Read and driven component, x and y.

        Raises
        ------
        InputError
            What is no complex number, or not finite.
        """
        p, thickness = self.projection, self.faces.thickness
        modes, counts = _modes(thickness)
        s = complex_si(s, "1", "s")
        squares = (modes * np.pi / thickness) ** 2
        at = (s[..., None] + squares) / self.stretch
        columns = [i for pair in FACES for i in pair]
        left = p.tail[:, :, None] * p.weights[None, :, columns]  # (q, m, 4)
        table = np.moveaxis(left, 1, 2).reshape(-1, len(p.rates))
        filters = 1.0 / (p.rates[:, None] + at.reshape(1, -1))
        residuals = (table @ filters).reshape(len(p.tail), 4, at.size)
        norms = np.linalg.norm(residuals, axis=0).reshape(4, *at.shape)
        floor = ROUNDING * p.norm(np.array(columns))
        size = gamma(at + self.slowest, p.shift + self.slowest)
        weight = 8.0 / thickness**2 / self.stretch * counts * size
        reach = np.maximum(np.abs(at), p.shift) ** 2
        out = np.empty((*s.shape, 2, 2))
        for c in range(2):
            for d in range(2):
                rounding = floor[2 * c + 1] * floor[2 * d] / ROUNDING / reach
                product = norms[2 * c + 1] * norms[2 * d] + rounding
                out[..., c, d] = np.sum(weight * product, axis=-1)
        return out

    def _error(self, s: np.ndarray) -> np.ndarray:
        return np.asarray(super()._error(s) + self.face_bound(s).sum(axis=(-2, -1)))

    @property
    def size(self) -> float:
        """The scale of the tolerance: edges and faces without any cancellation."""
        h = float(np.real(self.faces.reading(np.ones(1), np.zeros(1)).value[0]))
        faces = sum(np.sum(np.abs(self._face_residues(c, d))) for c in range(2) for d in range(2))
        return float(super().size + h * faces)

    @property
    def largest(self) -> float:
        """As :attr:`size`, but of a pair that cancels: edges and faces have no common bound."""
        return max(self.size, self._floor / FLOOR)

    @property
    def _floor(self) -> float:
        p = self.projection
        faces = sum(p.norm(a) * p.norm(b) for a, b in FACES) / p.shift**2
        return float(super()._floor + FLOOR * faces)

    # -- what a user reads

    def at(self, **changes: Any) -> FilmMeasure:
        """The same device with another material or thickness, at no cost.

        The bulk conductivity stays when the thickness changes; ``sheet_conductivity`` would say
        two things and is refused: give ``resistivity``.

        Parameters
        ----------
        changes
            ``thickness`` in m, or as for :meth:`SpectralMeasure.at`.

        Returns
        -------
        FilmMeasure

        Raises
        ------
        InputError
            ``sheet_conductivity``; an unknown keyword or a wrong sign; other angles where an edge
            has a source; another diffusion constant where an edge absorbs at a finite G.
        """
        if "sheet_conductivity" in changes:
            raise InputError(
                "a film keeps its bulk conductivity; give resistivity or thickness",
                key="sheet_conductivity",
            )
        thickness = positive(changes.pop("thickness", self.thickness), "m", "thickness")
        bulk = self.material.sheet_conductivity / self.thickness
        if "resistivity" in changes:
            bulk = 1.0 / positive(changes.pop("resistivity"), "ohm*m", "resistivity")
        before = self.material.diffusion_constant
        angles = {"orbital_hall_angle", "inverse_orbital_hall_angle"} & set(changes)
        if self.edge_sources and angles:
            raise InputError(
                "at: an edge of this device has a source, and kappa/alpha is part of the measure; "
                "make a new one for other angles",
                key=min(angles),
            )
        material = retuned(self.material, {**changes, "sheet_conductivity": bulk * thickness})
        if self.absorbing and not np.isclose(material.diffusion_constant, before, rtol=1e-12):
            raise InputError(
                "at: an edge of this device absorbs at a finite G, and G/D is part of the measure; "
                "make a new one for another diffusion constant"
            )
        return replace(self, material=material, thickness=thickness)

    def sensitivity(
        self,
        parameter: str,
        fields: Any,
        step: float = 1e-4,
    ) -> np.ndarray:
        """Derivative of delta_R to a parameter of :meth:`at`, by fourth-order differences.

        Parameters
        ----------
        parameter, fields, step
            As for :meth:`SpectralMeasure.sensitivity`; "thickness" too.

        Returns
        -------
        (n,) ohm over the unit of the parameter

        Raises
        ------
        InputError, SolveError
            As :meth:`SpectralMeasure.sensitivity`.
        """
        if parameter != "thickness":
            return super().sensitivity(parameter, fields, step)
        h = step * self.thickness

        def shifted(k: int) -> np.ndarray:
            return self.at(thickness=self.thickness + k * h).delta_R(fields)

        return (8 * (shifted(1) - shifted(-1)) - (shifted(2) - shifted(-2))) / (12 * h)

    def moment_density(
        self,
        field: Any,
        current: Any = 1.0,
    ) -> np.ndarray:
        """Not of a film, whose moment depends on z: use :func:`film_moment`.

        Parameters
        ----------
        field, current
            Whatever they are.

        Returns
        -------
        Never.

        Raises
        ------
        InputError
            Always.
        """
        raise InputError("moment_density: the moment of a film depends on z: use of.film_moment")

    def __repr__(self) -> str:
        plane = super().__repr__().removeprefix("SpectralMeasure(")
        return f"FilmMeasure({engineering(self.thickness, 'm')} thick, {plane}"

    def _more(self) -> dict[str, Any]:
        """The film and the products, for the file."""
        return {
            "film": {
                "thickness": self.thickness,
                "made_for": self.film.thickness,
                "edge_sources": self.edge_sources,
                "products": self.products.tolist(),
                **{name: getattr(self.film, name).plain() for name in ("bottom", "top")},
            }
        }

    @classmethod
    def _of_film(cls, film: dict[str, Any], **common: Any) -> FilmMeasure:
        faces = {name: Face.of_plain(film[name]) for name in ("bottom", "top")}
        check_kinds(film, {"thickness": "positive number", "made_for": "positive number"})
        products, count = np.array(film["products"]), common["projection"].weights.shape
        check_shapes({"products": products}, {"products": (2, 2)})
        if count[1] != COLUMNS:
            raise ValueError(f"weights of a film have {COLUMNS} columns, got {count[1]}")
        return cls(
            film=Film(film["made_for"], **faces),
            thickness=film["thickness"],
            edge_sources=film.get("edge_sources", False),
            products=products,
            **common,
        )


def _sampled(measure: FilmMeasure) -> Callable[[int, int], Callable[[Any], np.ndarray]]:
    """The bound of each pair of components; of many rates, the larger of two neighbours."""
    known: dict[bytes, np.ndarray] = {}

    def all_pairs(s: np.ndarray) -> np.ndarray:
        key = s.tobytes() + bytes(str(s.shape), "ascii")
        if key not in known:
            known[key] = _of_neighbours(measure, s)
        return known[key]

    def of_pair(c: int, d: int) -> Callable[[Any], np.ndarray]:
        return lambda s: all_pairs(np.asarray(s, dtype=complex))[..., c, d]

    return of_pair


def _of_neighbours(measure: FilmMeasure, s: np.ndarray) -> np.ndarray:
    if s.size <= SAMPLES:
        return measure.face_bound(s)
    flat = s.ravel()
    order = np.lexsort((np.abs(flat.imag), flat.real))
    places = np.linspace(0, flat.size - 1, SAMPLES).astype(int)
    values = measure.face_bound(flat[order[places]])
    rank = np.empty(flat.size, dtype=int)
    rank[order] = np.arange(flat.size)
    above = np.searchsorted(places, rank)
    return np.maximum(values[above], values[np.maximum(above - 1, 0)]).reshape(*s.shape, 2, 2)


def _modes(thickness: float) -> tuple[np.ndarray, np.ndarray]:
    """Odd modes at which the bound is taken, and how many each stands for: those up to the next."""
    most = LAST * max(1.0, thickness)
    count = int(np.log(most / SINGLE) / np.log(GROUP)) + 2
    grown = SINGLE * GROUP ** np.arange(count)
    places = np.append(np.arange(1.0, SINGLE, 2.0), 2.0 * np.floor(grown / 2.0) + 1.0)
    places = np.unique(places)
    # beyond the last, where terms fall as m^-4, lie as many as a third of it over the spacing
    return places, np.append(np.diff(places) / 2.0, places[-1] / 6.0)


def film_measures(
    problem: Problem,
    pairs: Sequence[tuple[Any, Any]],
    *,
    tolerance: float | None = None,
    fields: Any = None,
    lengths: Any = None,
    thicknesses: Any = None,
    rates: Any = (),
    solver: Solver = SYMMETRIC,
    with_vectors: bool = False,
) -> list[FilmMeasure]:
    """Measures of several (current, voltage) pairs of one film from one factorisation; ``rates``
    are further complex s at which the bound must hold, ``with_vectors`` keeps the Ritz vectors
    (N, m).
    """
    from .spectral import _lengths, _range, check_definite
    from .stack import stack_measures

    tolerance = fraction(TOLERANCE if tolerance is None else tolerance, "tolerance")
    require_spectral(problem)
    film = problem.film
    assert film is not None
    if isinstance(film, Stack):
        if thicknesses is not None or lengths is not None:
            raise InputError(
                "a stack has its own thicknesses and lengths; measure.at(film=stack) takes another",
                key="film",
            )
        return stack_measures(problem, pairs, solver)
    if not problem.uniform:
        from .matrix_film import matrix_film_measures

        several = matrix_film_measures(
            problem,
            pairs,
            tolerance=tolerance,
            fields=fields,
            lengths=lengths,
            thicknesses=thicknesses,
            rates=rates,
            solver=solver,
            with_vectors=with_vectors,
        )
        return list(several)
    system = system_of(problem, plane_of_film=True)
    K, M, keep = system.pencil
    edges, across, turns, products, ohmic, names = _starts(problem, system, pairs, solver)
    system.make_room_for(solver)
    slowest = (1.0 - 1e-9) * lowest_diffusive_rate(system, solver)
    bases = _lengths(lengths, system.scales.length)
    ranges = [base * _range(problem, fields, slowest / base) for base in bases]
    ranges[-1] = np.append(np.asarray(rates, dtype=complex), ranges[-1])  # the circle stays last
    covered = _thicknesses(thicknesses, film.thickness)
    shift = _shift(ranges, bases, slowest)
    factors = solver.factorise(K + shift * M)
    uniform = UniformMode.of(system, K, M)
    loads = keep.T @ edges, keep.T @ across
    spread, _ = solver.factorise(M).solve(loads[1])
    start, totals = face_start(uniform, loads, spread, factors, shift)

    each = of_films(ohmic, names, products)

    def measures(projection: Projection) -> list[FilmMeasure]:
        return one_per_pair(
            FilmMeasure,
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

    def excess(found: Projection) -> float:
        worst = 0.0
        for measure in measures(found):
            for base, points in zip(bases, ranges, strict=True):
                length = system.scales.length / float(np.sqrt(base))
                for thickness in covered:
                    tuned = measure.at(thickness=thickness, diffusion_length=length)
                    worst = max(worst, _excess(tuned, points / base))
        return worst

    most = 80 if lengths is None else 240
    projection = project(
        M,
        factors,
        start,
        shift,
        excess,
        most,
        with_vectors=with_vectors,
        uniform=uniform,
        totals=totals,
    )
    check_definite(projection, K, M)
    if with_vectors:
        projection = replace(projection, vectors=keep @ projection.vectors)
    return measures(with_absorbed(projection, system, across, spread, solver))


def face_start(
    uniform: UniformMode | None,
    loads: tuple[np.ndarray, np.ndarray],
    spread: np.ndarray,
    factors: Factorisation,
    shift: float,
) -> tuple[np.ndarray, np.ndarray | None]:
    """The loads (N, p) of the edges and A0 M^-1 of those of the faces, see above, from M^-1 of
    these (``spread``); and the totals of both.
    """
    edges, across = loads
    if uniform is None:
        return np.hstack([edges, factors.A @ spread]), None
    start = np.hstack([edges, factors.A @ uniform.out_of(spread)])
    # A0 1 = s0 M 1, which rounding in K would spoil
    return start, np.append(uniform.totals(edges), shift * uniform.totals(across))


def _shift(
    ranges: list[np.ndarray],
    bases: np.ndarray,
    slowest: float,
) -> float:
    """Above the geometric middle of the rates that the edges ask for."""
    sizes = np.abs(np.concatenate(ranges) + slowest)
    least = min(2.0 * sizes.min(), bases.min())
    return UPWARDS * float((sizes.max() * least) ** 0.25)


def _excess(measure: FilmMeasure, points: np.ndarray) -> float:
    """Largest error bound at the rates over what is accepted."""
    edges = measure.F_bound(points)
    faces = measure.face_bound(points)
    total = STRICTER * edges + faces.sum(axis=(-2, -1))
    total[-CIRCLE:] /= 3.0  # the circle enters with a third, see bound.sum_bound
    return float(np.max(total)) / max(measure._allowed, float(np.finfo(float).tiny))


def film_share(problem: Problem, currents: Sequence[Any]) -> float:
    """Largest |delta_R|/R_ohmic of the current pairs, each read at its own contacts without field;
    0 where the angles are too small for it to matter.
    """
    names = list(dict.fromkeys(tuple(pair) for pair in currents))
    # a drive (E_x, E_y) makes moments in two planes, each at most alpha alpha' of the ohmic answer
    if problem.coupling != "linear" or 2.0 * _largest_share(problem) <= FIRST_ORDER:
        return 0.0
    own = film_measures(problem, [(pair, pair) for pair in names], tolerance=1e-3)
    at_rest = np.zeros((1, 3))
    return max(abs(float(f.delta_R(at_rest)[0]) / f.R_ohmic) for f in own)


def _largest_share(problem: Problem) -> float:
    """Largest alpha alpha' of the layers, times what the detector makes of n."""
    film = problem.film
    given = [m for m, _ in film.layers] if isinstance(film, Stack) else [problem.material]
    return max(
        (abs(m.orbital_hall_angle) + (abs(m.spin.hall_angle) if m.spin else 0.0))
        * (abs(m.inverse_orbital_hall_angle) + (abs(m.spin.inverse_hall_angle) if m.spin else 0.0))
        * max(float(np.abs(detection_matrix(m, problem.detection)).max()), 1.0)
        for m in given
    )


def _thicknesses(given: Any, own: float) -> np.ndarray:
    """Thicknesses in m at which the bound must hold."""
    if given is None:
        return np.array([own])
    ends = array_si(given, "m", "thicknesses")
    if ends.shape != (2,):
        raise InputError(
            f"expected (least, most) thickness, got {shown(given)}", value=given, key="thicknesses"
        )
    low, high = (positive(v, "m", "thicknesses") for v in ends.tolist())
    if high < low:
        raise InputError(
            f"the least comes first, got {shown(given)}", value=given, key="thicknesses"
        )
    return np.append(np.geomspace(low, high, 2 + int(3 * np.log10(high / low))), own)


def of_films(
    ohmic: list[float],
    names: list[tuple[Any, Any]],
    products: list[np.ndarray],
) -> list[dict[str, Any]]:
    """As :func:`terms_of_pairs`, with the products of a film."""
    edges = [(Link(2, 2, *EDGES),)] * len(names)
    terms = terms_of_pairs(edges, ohmic, names)
    return [{**own, "products": both} for own, both in zip(terms, products, strict=True)]


def _starts(
    problem: Problem,
    system: System,
    pairs: Sequence[tuple[Any, Any]],
    solver: Solver,
) -> tuple[Any, ...]:
    """Loads of edges (N, p), or of driving and reading edges (N, 2p), and faces (N, 2p) of the
    functionals, and for each pair its combination, products (2, 2), R_ohmic sigma_s and names.
    """
    from .spectral import _difference, _functionals, _potentials

    given = [FourTerminal.of(problem, *pair) for pair in pairs]
    names = [(pair.current, pair.voltage) for pair in given if pair is not None]
    contacts = sorted({c for i, v in names for c in (*i, *v)})
    loads = np.array([system.terminals[c].load for c in contacts])
    functionals = _functionals(names, contacts)
    potentials = _potentials(system, functionals @ loads, solver)
    one = np.ones_like(system.coefficients.sigma)
    edges = _edge_loads(system, system.matrix(forms.curl, one), potentials)
    apart = len(edges.T) > len(potentials.T)
    # z x j = (d_y v, -d_x v)
    d_x, d_y = (
        forms.carried.assemble(system.basis, p0=(1 - i) * one, p1=i * one).T for i in (0, 1)
    )
    across = np.hstack([d_y @ potentials, -(d_x @ potentials)])
    turned = _turned_fields(system, potentials)
    turns, ohmic, products = [], [], []
    for i, v in names:
        pair = np.array([_difference(i, contacts), _difference(v, contacts)])
        turn = np.linalg.lstsq(functionals.T, pair.T, rcond=None)[0]
        of_edges = block_diag(turn[:, :1], turn[:, 1:]) if apart else turn
        turns.append(block_diag(of_edges, turn, turn))
        ohmic.append(ohmic_reading(system.pair_load(v), potentials @ turn[:, 0]))
        both = turned @ turn  # (2, points, 2)
        products.append(np.einsum("cp,dp->cd", both[..., 1], both[..., 0]))
    return edges, across, turns, products, ohmic, names


def _edge_loads(system: System, curl: Any, potentials: np.ndarray) -> np.ndarray:
    """What drives n^z, and with sources what reads it (docs/theory, section 13), each (N, p).

    c(V, w) = oint (d_t V) w, so that a source kappa is alpha + kappa on its edge.
    """
    problem, material = system.problem, system.problem.material
    if not problem.edge_sources:
        return np.asarray(curl @ potentials)
    drive, read = curl, curl
    for name, law in problem.edge_sources.items():
        facets = problem.mesh.boundaries[name]
        edge = facet_basis(system.basis.mesh, problem.order, facets)
        along = csr_array(forms.along_edge.assemble(edge, a=np.ones(edge.dx.shape)))
        forth, back = strengths(material, law.source, law.inverse_source)
        drive = drive + (forth - 1.0) * along
        read = read + (back - 1.0) * along
    return np.hstack([drive @ potentials, read @ potentials])


def _turned_fields(system: System, potentials: np.ndarray) -> np.ndarray:
    """z x j at the quadrature points, (2, points, p), times the root of their weights."""
    root = np.sqrt(system.basis.dx)
    columns = []
    for potential in potentials.T:
        slope = np.asarray(system.basis.interpolate(np.ascontiguousarray(potential)).grad)
        columns.append([(root * slope[1]).ravel(), -(root * slope[0]).ravel()])
    return np.moveaxis(np.array(columns), 0, -1)
