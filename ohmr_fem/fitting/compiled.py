"""A sample as a function from parameters to its curves, on a measure that samples share.

The poles of a device depend on its shape alone: samples that are scaled copies of each other share
one measure, read at the length in units of their size; films of one plane share it over all
thicknesses.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..errors import InputError
from ..model.film import Film
from ..model.material import torque_of
from ..model.problem import Problem
from ..model.stack import Stack
from ..solver.film import Faces, detection_matrix
from ..sweep.film import FilmMeasure
from ..sweep.measure import SpectralMeasure
from ..sweep.route import refusal
from ..sweep.spectral import spectral_measures
from ..sweep.stack import StackMeasure
from .background import Term
from .columns import FEWEST_RATIO, axes_of
from .compress import quick
from .curve import Curve, shared_signals
from .input import TOLERANCE
from .parameters import changes
from .sample import Sample

#: Diffusion lengths covered either way from the start.  A film costs more, and its bound is some
#: hundred times the error.
RANGE, FILM_RANGE = 8.0, 2.5
FILM_TOLERANCE = 0.03
#: A thickness that is fitted stays within this factor of the known ones.
THICKER = 1.5
#: A fitted relaxation time may be this much longer.
LONGER = 4.0
#: Names that are not handed to the measure.
SIZES = ("thickness", "width")
G, SPIN = "face_absorption", "spin."

PRODUCT = "alpha_product"
#: Of the orbital channel alone.
ORBITAL = (PRODUCT, "diffusion_length", "relaxation_time", "theta", "g_factor")
#: Answers of a setup that are kept.
KEPT = 64

Values = Mapping[str, float]
#: f and its change from B = 0, (n,) each.
Answer = tuple[np.ndarray, np.ndarray]
#: A measure and its quick one.
Pair = tuple[SpectralMeasure, SpectralMeasure]


@dataclass(frozen=True, eq=False)
class Setup:
    """One pair of contacts of one sample.

    Attributes
    ----------
    measure : of the sample as its Problem has it
    problem : Problem
    size : thickness or width of a section in m, what ``measure`` belongs to; else 0
    quick : the same with few poles, for the loops of a fit
    """

    measure: SpectralMeasure
    problem: Problem
    size: float
    quick: SpectralMeasure

    def tuned(
        self,
        values: Values,
        exact: bool = False,
    ) -> SpectralMeasure:
        """The measure with other parameters, by canonical name in SI."""
        if isinstance(self.measure, StackMeasure):
            return self.measure.at(**values)
        own = {k: v for k, v in values.items() if k != G and k not in self._added(values)}
        measure = self.measure if exact else self.quick
        if self.size:
            sizes = [own.pop(k) for k in SIZES if k in own]
            measure = resized(measure, (sizes[0] if sizes else self.size) / self.size)
        measure = measure.at(**changes(own))
        if G in values and isinstance(measure, FilmMeasure):
            film = Film(measure.thickness, values[G], values[G])
            measure = replace(measure, film=film)
        return measure

    def response(
        self,
        measure: SpectralMeasure,
        values: Values,
        fields: np.ndarray,
    ) -> Any:
        """f and its change of the tuned measure, (n,) each; with all channels of moment."""
        spin = self._added(values)
        own = {k: v for k, v in values.items() if k not in spin}
        f, change = self._recalled(own, fields, lambda: self._orbital(measure, own, fields))
        if spin:
            more = self._spin(measure, own, spin, fields)
            f, change = f + more[0], change + more[1]
        return f, change

    def _orbital(
        self,
        measure: SpectralMeasure,
        values: Values,
        fields: np.ndarray,
    ) -> Answer:
        if G in values and self.measure.plane:
            return self._absorbing(measure, values, fields)
        return measure.unchecked(fields)

    @functools.cached_property
    def _known(self) -> dict[Any, Answer]:
        """The latest answers: a grid, or differences, of two channels ask for each many times."""
        return {}

    @functools.cached_property
    def _factored(self) -> bool:
        """Whether alpha alpha' is a factor of the signal, so that f does not know it."""
        film = self.problem.film
        driven = film is not None and any(face.drives for face in film.faces)
        return not (self.measure.polarised or self.problem.edge_sources or driven)

    def _recalled(
        self,
        values: Values,
        fields: np.ndarray,
        make: Callable[[], Answer],
    ) -> Answer:
        """f and its change at these values, made if they are not known."""
        asked = {k: v for k, v in values.items() if k != PRODUCT or not self._factored}
        key = tuple(sorted(asked.items())), fields.tobytes()
        known = self._known
        if key not in known:
            if len(known) >= KEPT:
                known.pop(next(iter(known)))
            known[key] = make()
        return known[key]

    def _added(self, values: Values) -> dict[str, float]:
        """Values of a spin channel that the material does not have itself."""
        if self.problem.material.spin is not None:
            return {}
        return {k: v for k, v in values.items() if k.startswith(SPIN)}

    def _absorbing(
        self,
        measure: SpectralMeasure,
        values: Values,
        fields: np.ndarray,
    ) -> Answer:
        """A film section whose faces absorb: the closed form through the thickness."""
        m = measure.material
        thickness = values.get("thickness", self.size)
        faces = Faces.of(Film(thickness, values[G], values[G]), m, thickness)
        W = detection_matrix(m, measure.detection)[1]
        f = faces.local(*torque_of(m, fields))[:, :, 1] @ W
        still = faces.local(*torque_of(m, np.zeros((1, 3))))[:, :, 1] @ W
        return np.real(f), np.real(f - still)

    def _spin(
        self,
        measure: SpectralMeasure,
        own: Values,
        spin: Values,
        fields: np.ndarray,
    ) -> Answer:
        """A spin channel beside the orbital one, without conversion (docs/theory, section 11)."""
        m = measure.material
        values = {
            "inverse_mass": 1.0,
            "g_factor": 2.0,
            "diffusion_length": spin.get(f"{SPIN}diffusion_length", m.diffusion_length),
            "relaxation_time": spin.get(f"{SPIN}relaxation_time", m.relaxation_time),
        }
        # of what belongs to the orbital channel it knows nothing
        asked = {k: v for k, v in own.items() if k not in ORBITAL}
        asked |= {SPIN + k: values[k] for k in ("diffusion_length", "relaxation_time")}
        f, change = self._recalled(asked, fields, lambda: measure.at(**values).unchecked(fields))
        # the signal is multiplied by the orbital product, which may be 0
        product = m.orbital_hall_angle * m.inverse_orbital_hall_angle
        share = spin[f"{SPIN}hall_product"] / product if product else 0.0
        return share * f, share * change


@dataclass(frozen=True, eq=False)
class Compiled:
    """A sample as a function of its parameters.

    Attributes
    ----------
    sample : Sample
    curves : tuple of Curve, in the order of the sample
    setups : tuple of Setup, one for each distinct pair of contacts
    rows : for each setup, the numbers of its curves
    """

    sample: Sample
    curves: tuple[Curve, ...]
    setups: tuple[Setup, ...]
    rows: tuple[tuple[int, ...], ...]

    def signals(self, values: Values) -> list[np.ndarray]:
        """The curves without backgrounds, (n,) each; NaN where the torque is unstable."""
        out: list[np.ndarray] = [np.empty(0)] * len(self.curves)
        for setup, rows in zip(self.setups, self.rows, strict=True):
            measure = setup.tuned(values)
            answer = functools.partial(setup.response, measure, values)
            found = shared_signals([self.curves[k] for k in rows], measure, answer)
            for k, signal in zip(rows, found, strict=True):
                out[k] = signal
        return out

    @property
    def polarised(self) -> bool:
        """Whether contacts inject moment: then alpha alpha' is no factor of the signal."""
        return any(setup.measure.polarised for setup in self.setups)

    def at(self, rows: Sequence[np.ndarray]) -> Compiled:
        """The same sample at some of the fields of each curve."""
        curves = tuple(c.at(r) for c, r in zip(self.curves, rows, strict=True))
        return replace(self, curves=curves)


def resized(
    measure: SpectralMeasure,
    factor: float,
) -> SpectralMeasure:
    """The measure of a scaled copy: K stays, M grows with the area, so lengths count in units that
    grow with the device.
    """
    if factor == 1.0:
        return measure
    if measure.absorbing:
        raise InputError(
            "an edge absorbs at a finite G, which adds a length of its own: the size cannot be "
            "fitted, nor scaled",
            key="edges",
        )
    return replace(measure, reference_length=measure.reference_length * factor)


def reach_of(problem: Problem) -> float:
    """Factor of diffusion lengths covered either way."""
    return RANGE if problem.film is None else FILM_RANGE


def compile_samples(
    samples: Sequence[Sample],
    fitted: Sequence[str],
    centre: float = 1.0,
) -> tuple[Compiled, ...]:
    """One measure for each shape, and the samples on them; ``fitted`` are canonical names, and the
    measures cover diffusion lengths about ``centre`` times those of the problems.

    Raises
    ------
    InputError
        A device that no spectral measure serves.
    """
    groups: dict[Any, list[int]] = {}
    for i, sample in enumerate(samples):
        reason = _refusal(sample.problem)
        if reason is not None:
            raise InputError(f"{sample.name}: no spectral measure: {reason}", key="samples")
        groups.setdefault(_shape(sample.problem), []).append(i)
    terms = terms_of(samples)
    made: dict[int, dict[Any, Pair]] = {}
    for members in groups.values():
        found = _measures([samples[i] for i in members], fitted, centre)
        made |= dict(zip(members, found, strict=True))
    return tuple(_compiled(s, made[i], terms[i]) for i, s in enumerate(samples))


def terms_of(samples: Sequence[Sample]) -> list[list[tuple[Term, ...]]]:
    """Backgrounds of every curve of every sample.

    Kohler's amplitude is one for all curves of a direction where the samples give their
    ``resistivity_ratio``; every other amplitude is of one curve.
    """
    axes = axes_of([c for s in samples for c in s.curves])
    reduced = _reduced(samples, axes)
    out = []
    for sample in samples:
        own = [axes.pop(0) for _ in sample.curves]
        terms = sample.background
        out.append([tuple(_of_curve(t, k, a, reduced) for t in terms) for k, a in enumerate(own)])
    return out


def _reduced(
    samples: Sequence[Sample],
    axes: Sequence[int],
) -> dict[int, list[tuple[float, float]]]:
    """{axis: (rho_ref/rho_0, strongest field times that) of each curve that has a ratio}."""
    out: dict[int, list[tuple[float, float]]] = {}
    left = list(axes)
    for sample in samples:
        for k, curve in enumerate(sample.curves):
            axis = left.pop(0)
            for ratio in (_ratio(term, k) for term in sample.background):
                if ratio is not None:
                    strongest = float(np.abs(curve.signed).max())
                    out.setdefault(axis, []).append((ratio, ratio * strongest))
    return out


def _ratio(
    term: Term,
    k: int,
) -> float | None:
    """rho_ref/rho_0 of curve k of a sample."""
    value = dict(term.given).get("resistivity_ratio")
    return value[k] if isinstance(value, tuple) else value


def _of_curve(
    term: Term,
    k: int,
    axis: int,
    reduced: Mapping[int, Sequence[tuple[float, float]]],
) -> Term:
    if _ratio(term, k) is None:
        return term.at(k)
    ratios, ends = zip(*reduced[axis], strict=True)
    if term.smooth is not None and max(ratios) < FEWEST_RATIO * min(ratios):
        raise InputError(
            "kohler: a smooth function needs samples of several resistivity_ratio in each "
            "direction, a tenth apart",
            key="background",
        )
    return term.at(k, f"direction {axis}", max(ends))


def rebased(
    compiled: Sequence[Compiled],
    samples: Sequence[Sample],
) -> tuple[Compiled, ...]:
    """The same devices for samples with other backgrounds or values."""
    terms = terms_of(samples)
    parts = zip(compiled, samples, terms, strict=True)
    return tuple(_rebased(c, s, own) for c, s, own in parts)


def _rebased(
    compiled: Compiled,
    sample: Sample,
    terms: Sequence[tuple[Term, ...]],
) -> Compiled:
    pairs = zip(compiled.setups, compiled.rows, strict=True)
    measures = {k: setup.measure for setup, rows in pairs for k in rows}
    curves = [Curve.of(data, measures[k], terms[k]) for k, data in enumerate(sample.curves)]
    return replace(compiled, sample=sample, curves=tuple(curves))


def _compiled(
    sample: Sample,
    measures: Mapping[Any, Pair],
    terms: Sequence[tuple[Term, ...]],
) -> Compiled:
    pairs = [_pair(sample, k) for k in range(len(sample.curves))]
    distinct = list(dict.fromkeys(pairs))
    size = _size(sample.problem) if sample.problem.is_cross_section else 0.0
    both = [measures[pair] for pair in distinct]
    setups = tuple(Setup(own, sample.problem, size, few) for own, few in both)
    rows = [tuple(k for k, own in enumerate(pairs) if own == pair) for pair in distinct]
    curves = [
        Curve.of(data, measures[pair][0], own)
        for data, pair, own in zip(sample.curves, pairs, terms, strict=True)
    ]
    return Compiled(sample, tuple(curves), setups, tuple(rows))


def _refusal(problem: Problem) -> str | None:
    """Why a sample cannot be in a series."""
    if problem.constant and not problem.uniform:
        return (
            "a series fits one relaxation time, and a spin as its own 'spin.' parameters without "
            "conversion; a relaxation tensor and Material(spin=...) have fit and identifiability"
        )
    return refusal(problem)


def _pair(
    sample: Sample,
    k: int,
) -> tuple[Any, Any]:
    if sample.problem.is_cross_section:
        return None, None
    return sample.curves[k].current, sample.curves[k].voltage


def _size(problem: Problem) -> float:
    """Longest extent of the mesh, m."""
    return float(np.ptp(problem.mesh.mesh.p, axis=1).max())


def _shape(problem: Problem) -> Any:
    """Equal for problems that can share a measure."""
    mesh, size = problem.mesh.mesh, _size(problem)
    partial = any(law.absorbs_partially for law in problem.moment_conditions().values())
    laws = {name: repr(law) for name, law in problem.moment_conditions().items()}
    places = np.round((mesh.p - mesh.p.mean(axis=1, keepdims=True)) / size, 9)
    return (
        problem.mesh.axes,
        problem.order,
        problem.detection,
        places.tobytes(),
        mesh.t.tobytes(),
        repr(sorted(problem.contacts.items())),
        repr(sorted(laws.items())),
        type(problem.film),
        # a finite G goes with D and the size
        (size, problem.material.diffusion_constant) if partial else None,
    )


def _measures(
    samples: Sequence[Sample],
    fitted: Sequence[str],
    centre: float,
) -> list[dict[Any, Pair]]:
    """The measures of scaled copies, by pair of contacts, each with its quick one."""
    first = samples[0].problem
    pairs = list(dict.fromkeys(_pair(s, k) for s in samples for k in range(len(s.curves))))
    scales = [_size(s.problem) / _size(first) for s in samples]
    film = first.film is not None
    reach = reach_of(first)
    own = [s.problem.material.diffusion_length * centre for s in samples]
    lengths = [length / a for length, a in zip(own, scales, strict=True)]
    covered = (min(lengths) / reach, max(lengths) * reach)
    if isinstance(first.film, Stack):
        plane = spectral_measures(first, pairs)
        return [dict(zip(pairs, _stacked(plane, s.problem), strict=True)) for s in samples]
    made = _film(samples, pairs, covered, fitted) if film else _plane(first, pairs, covered)
    few = [_few(m, covered, samples) for m in made]
    out = []
    for sample, scale in zip(samples, scales, strict=True):
        own = [
            (
                _adopted(resized(m, scale), sample.problem),
                _adopted(resized(q, scale), sample.problem),
            )
            for m, q in zip(made, few, strict=True)
        ]
        out.append(dict(zip(pairs, own, strict=True)))
    return out


def _stacked(
    plane: Sequence[SpectralMeasure],
    problem: Problem,
) -> list[Pair]:
    """The plane under the stack of a sample, by the closed form."""
    found: list[Pair] = []
    for measure in plane:
        assert isinstance(measure, StackMeasure)
        own = measure.closed.at(film=problem.film)
        found.append((own, own))
    return found


def _few(
    measure: SpectralMeasure,
    covered: tuple[float, float],
    samples: Sequence[Sample],
) -> SpectralMeasure:
    """The measure with few poles, of a film whose faces reflect."""
    films = [s.problem.film for s in samples if s.problem.film is not None]
    if not isinstance(measure, FilmMeasure) or not all(f.reflecting for f in films):
        return measure
    return quick(measure, covered, min(f.thickness for f in films) / THICKER)


def _plane(
    problem: Problem,
    pairs: Sequence[Any],
    covered: tuple[float, float],
) -> list[SpectralMeasure]:
    return spectral_measures(problem, pairs, tolerance=TOLERANCE, lengths=covered)


def _film(
    samples: Sequence[Sample],
    pairs: Sequence[Any],
    covered: tuple[float, float],
    fitted: Sequence[str],
) -> list[SpectralMeasure]:
    from ..sweep.film import film_measures

    sizes = [s.problem.film.thickness for s in samples if s.problem.film is not None]
    stretch = THICKER if "thickness" in fitted else 1.0
    strongest = max(s.strongest for s in samples)
    field = [[LONGER * strongest, 0.0, 0.0], [0.0, 0.0, LONGER * strongest]]
    options: dict[str, Any] = {"lengths": covered, "fields": field}
    thicknesses = (min(sizes) / stretch, max(sizes) * stretch)
    return list(
        film_measures(
            samples[0].problem,
            pairs,
            tolerance=FILM_TOLERANCE,
            thicknesses=thicknesses,
            **options,
        )
    )


def _adopted(
    measure: SpectralMeasure,
    problem: Problem,
) -> SpectralMeasure:
    """The measure with the material, and the film, of a sample."""
    if not isinstance(measure, FilmMeasure):
        return replace(measure, material=problem.material)
    assert isinstance(problem.film, Film)
    return replace(
        measure,
        material=problem.material,
        film=problem.film,
        thickness=problem.film.thickness,
    )
