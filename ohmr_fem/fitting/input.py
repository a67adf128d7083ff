"""The door of a fit: curves with their contacts, and where their spectral measures come from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError, SolveError, suggest
from ..model.film import Film
from ..model.material import Material
from ..model.problem import Problem
from ..model.stack import Stack
from ..sweep.film import FilmMeasure, film_measures
from ..sweep.measure import SpectralMeasure
from ..sweep.route import refusal
from ..sweep.spectral import spectral_measures
from ..sweep.stack import StackMeasure
from ..units import positive, shown, to_si
from .background import Term, read_terms
from .columns import blocks, of_curves
from .compress import quick
from .data import Measured, read_data, with_pairs
from .parameters import Parameter

#: Algebraic tolerance of the measures, relative to the largest |F|: far below any noise.
TOLERANCE = 1e-7
#: Values that differ by less than this part are equal.
ROUND_OFF = 4.0 * np.finfo(float).eps
#: Of films, where the bound is some thousand times the error.
FILM_TOLERANCE = 1e-3
#: A fitted thickness stays within this factor of its start.
THICKER = 4.0


def check_options(
    background: Any, confidence: Any, intervals: str, limit: Any
) -> tuple[float, float]:
    """Confidence and limit as numbers; InputError for an option that is not known."""
    read_terms(background)
    chance = to_si(confidence, "1", "confidence")
    if not 0.0 < chance < 1.0:
        raise InputError(
            f"expected a probability such as 0.95, got {shown(confidence)}",
            value=confidence,
            key="confidence",
        )
    if intervals not in ("profile", "fisher"):
        raise InputError(
            f"{intervals!r} is not known; {suggest(intervals, ('profile', 'fisher'))}",
            key="intervals",
        )
    return chance, positive(limit, "1", "limit")


def read_curves(data: Any, problem: Any, current: Any, voltage: Any) -> tuple[Measured, ...]:
    """The curves, each with its contacts (None on a cross-section)."""
    if isinstance(data, (str, Path)):
        data = read_data(data)
    curves = (data,) if isinstance(data, Measured) else tuple(data)
    if not curves or not all(isinstance(c, Measured) for c in curves):
        raise InputError(
            f"expected Measured, a sequence of them or the path of a CSV file, got {data!r}",
            key="data",
        )
    check_scatter(curves)
    if isinstance(problem, Problem) and problem.is_cross_section:
        return curves
    if isinstance(problem, SpectralMeasure):
        if problem.current is None:
            return curves
        if current is None and voltage is None:
            current, voltage = problem.current, problem.voltage
    if current is not None or voltage is not None:
        return with_pairs(curves, {c.name: (current, voltage) for c in curves})
    missing = next((c for c in curves if c.current is None or c.voltage is None), None)
    if missing is not None:
        raise InputError(
            f"{missing.label}: measured between which contacts? give current=(into, out_of) and "
            "voltage=(plus, minus), to the curve or to the fit"
        )
    return curves


def check_scatter(curves: Sequence[Measured]) -> None:
    """InputError for a curve of equal values without sigma: its noise is not known, and its scatter
    says that there is none.
    """
    for curve in curves:
        size = float(np.abs(curve.values).max())
        if curve.sigma is None and np.ptp(curve.values) <= ROUND_OFF * size:
            raise InputError(
                f"{curve.label}: all {len(curve.values)} values are {curve.values[0]:g}: no effect "
                "and no scatter that tells the noise; give sigma to bound the effect, or see "
                "whether this is the right column",
                value=float(curve.values[0]),
                key="data",
            )


def check_shared(terms: Sequence[Term], curves: Sequence[Measured]) -> None:
    """InputError where curves of several resistivities are no relative changes: the device has one
    resistance for all of them.
    """
    of_curves(terms, curves)
    for term in terms:
        ratios = dict(term.given).get("resistivity_ratio")
        if not isinstance(ratios, tuple) or max(ratios) <= 1.01 * min(ratios):
            continue
        other = next((c for c in curves if c.quantity != "ratio"), None)
        if other is not None:
            raise InputError(
                f"{other.label}: curves of several resistivities on one device need their "
                "relative change; give them as quantity='ratio'",
                value=other.quantity,
                key="background",
            )


def check_count(
    curves: Sequence[Measured], chosen: Sequence[Parameter], background: Sequence[Term]
) -> None:
    """InputError for fewer points than numbers to fit."""
    terms = of_curves(background, curves)
    for c, own in zip(curves, terms, strict=True):
        count = sum(len(t.amplitudes) for t in own if not t.group)
        if len(c.values) <= count:
            raise InputError(
                f"{c.label}: {len(c.values)} points for {count} background terms; leave some out",
                value=len(c.values),
            )
    total = sum(len(c.values) for c in curves)
    amplitudes = sum(block.width for block in blocks(terms))
    wanted = len(chosen) + amplitudes
    if total <= wanted:
        raise InputError(
            f"{total} points for {wanted} numbers ({len(chosen)} parameters, and {amplitudes} "
            f"amplitudes of backgrounds in {len(curves)} curves); a fit needs more points than "
            "numbers",
            value=total,
        )


@dataclass(frozen=True, eq=False)
class Source:
    """Where measures come from: a problem that can be measured again, or measures made beforehand.

    Attributes
    ----------
    problem : Problem or None
    given : tuple of SpectralMeasure, one for each curve, or empty
    pairs : tuple of (current, voltage), one for each curve
    """

    problem: Problem | None
    given: tuple[SpectralMeasure, ...]
    pairs: tuple[tuple[Any, Any], ...]

    @classmethod
    def of(cls, problem: Any, curves: Sequence[Measured]) -> Source:
        """InputError if the spectral path cannot serve the problem, or a measure is missing."""
        if isinstance(problem, Problem):
            reason = refusal(problem)
            if reason is not None:
                raise InputError(
                    f"works on the spectral measure, which does not apply: {reason}", key="fit"
                )
            pairs = (
                ((None, None),) * len(curves)
                if problem.is_cross_section
                else tuple((c.current, c.voltage) for c in curves)
            )
            return cls(problem, (), pairs)
        given = (problem,) if isinstance(problem, SpectralMeasure) else tuple(problem or ())
        if not given or not all(isinstance(m, SpectralMeasure) for m in given):
            raise InputError(f"expected a Problem or spectral measures, got {problem!r}", key="fit")
        known = {(m.current, m.voltage): m for m in given}
        pairs = (
            ((None, None),) * len(curves)
            if given[0].current is None
            else tuple((c.current, c.voltage) for c in curves)
        )
        for c, pair in zip(curves, pairs, strict=True):
            if pair not in known:
                raise InputError(
                    f"{c.label}: no measure for current {c.current}, voltage {c.voltage}; those "
                    "given are for " + ", ".join(f"{i}, {v}" for i, v in known)
                )
        return cls(None, tuple(known[pair] for pair in pairs), pairs)

    @property
    def polarised(self) -> dict[str, float]:
        """|p| of the polarised contacts."""
        if self.problem is None:
            return dict(self.given[0].polarisations)
        contacts = self.problem.polarised.items()
        return {name: float(np.linalg.norm(c.polarisation)) for name, c in contacts}

    @property
    def material(self) -> Material:
        return self.problem.material if self.problem is not None else self.given[0].material

    @property
    def length(self) -> float:
        """The diffusion length in m, the shortest where components or channels differ."""
        m = self.material
        return m.shortest_length if m.diffusion_length is None else m.diffusion_length

    @property
    def thickness(self) -> float | None:
        """Of the film, m; None without one."""
        if self.problem is not None:
            return None if self.problem.film is None else self.problem.film.thickness
        measure = self.given[0]
        return measure.thickness if isinstance(measure, FilmMeasure) else None

    @property
    def film(self) -> Any:
        """Film or stack; None without one."""
        holder: Any = self.given[0] if self.problem is None else self.problem
        return getattr(holder, "film", None)

    @property
    def thicknesses(self) -> tuple[float, float] | None:
        """Least and most that a fit of the thickness may take, m."""
        own = self.thickness
        return None if own is None else (own / THICKER, own * THICKER)

    def covered(self, curves: Sequence[Measured]) -> tuple[float, float]:
        """Diffusion lengths in m over which the measures that were given hold at the fields of the
        curves.
        """
        start = self.length
        if self.material.diffusion_length is None:
            return start, start
        steps = np.geomspace(1.0, 30.0, 30)

        def holds(length: float) -> bool:
            try:
                for m, c in zip(self.given, curves, strict=True):
                    sizes = np.linalg.norm(c.fields, axis=1)
                    m.at(diffusion_length=length).response(
                        c.fields[[int(np.argmin(sizes)), int(np.argmax(sizes))]]
                    )
            except SolveError:
                return False
            return True

        low, high = (
            next(
                (k for k, step in enumerate(steps[1:]) if not holds(start * step**side)),
                len(steps) - 1,
            )
            for side in (-1, 1)
        )
        return float(start / steps[low]), float(start * steps[high])

    def measures(
        self, lengths: tuple[float, float] | None, thicknesses: tuple[float, float] | None = None
    ) -> tuple[SpectralMeasure, ...]:
        """One measure for each curve over a range of diffusion lengths, and of thicknesses of a
        film, in m; those given as they are.
        """
        if self.problem is None:
            return tuple(_quick(m) for m in self.given)
        distinct = list(dict.fromkeys(self.pairs))
        made = [_quick(m) for m in measures_of(self.problem, distinct, lengths, thicknesses)]
        return tuple(made[distinct.index(pair)] for pair in self.pairs)

    def few(
        self,
        measures: Sequence[SpectralMeasure],
        lengths: tuple[float, float],
        thicknesses: tuple[float, float] | None,
    ) -> tuple[SpectralMeasure, ...]:
        """The measures of a film whose faces reflect with few poles, for the loops of a fit."""
        if self.problem is None or not isinstance(self.film, Film) or not self.film.reflecting:
            return tuple(measures)
        thinnest = self.film.thickness if thicknesses is None else thicknesses[0]
        made = {
            id(m): quick(m, lengths, thinnest) if isinstance(m, FilmMeasure) else m
            for m in measures
        }
        return tuple(made[id(m)] for m in measures)


def _quick(measure: SpectralMeasure) -> SpectralMeasure:
    """Of a stack the closed form."""
    return measure.closed if isinstance(measure, StackMeasure) else measure


def measures_of(
    problem: Problem,
    pairs: Sequence[tuple[Any, Any]],
    lengths: tuple[float, float] | None = None,
    thicknesses: tuple[float, float] | None = None,
) -> Sequence[SpectralMeasure]:
    """Measures of the pairs of a device over diffusion lengths, and of thicknesses of a film, m."""
    if problem.material.diffusion_length is None or isinstance(problem.film, Stack):
        lengths = None  # there is no one length to vary
    if problem.film is None or isinstance(problem.film, Stack):
        return spectral_measures(problem, pairs, tolerance=TOLERANCE, lengths=lengths)
    return film_measures(
        problem, pairs, tolerance=FILM_TOLERANCE, lengths=lengths, thicknesses=thicknesses
    )
