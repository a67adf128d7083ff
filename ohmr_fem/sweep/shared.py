"""Curves of one device with many materials: those that are alike share a measure, which belongs to
the geometry alone (docs/theory, section 4).
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..errors import SolveError
from ..model.problem import Problem
from ..solver.resistance import warn_once
from ..solver.resolution import edge_cells
from ..solver.system import system_of
from .curve import HanleCurve
from .hanle import _curve
from .measure import SpectralMeasure
from .route import refusal
from .spectral import own_resistance, spectral_measures

#: Diffusion lengths and fields that a measure covers beyond those of its first material.
MARGIN = 2.0
#: Tighter than that of one curve: nobody sees which measure a curve was read from.
TOLERANCE = 1e-10


@dataclass(frozen=True, eq=False)
class _Shared:
    """A measure, the ohmic resistance between the contacts of its current, times sigma, and the
    heights of the cells along the edges.
    """

    measure: SpectralMeasure
    own: float
    height: np.ndarray

    def share(self, tuned: SpectralMeasure) -> float:
        """As :attr:`Measurement.share`, for another material."""
        if tuned.current is None:
            return 0.0
        return tuned.own_effect * tuned.conductance / self.own


class SharedMeasures:
    """Measures of one device and one pair, made when a material needs another one."""

    def __init__(self, pairs: tuple[Any, Any]) -> None:
        self._pairs = pairs
        self._known: list[_Shared] = []

    def serves(self, problem: Problem) -> bool:
        """Whether the measure of a problem serves other materials too."""
        laws = problem.moment_conditions().values()
        absorbs = any(law.absorbs_partially for law in laws)
        if problem.film is not None or problem.polarised or not problem.uniform or absorbs:
            return False
        return refusal(problem) is None

    def curve(self, problem: Problem, fields: np.ndarray) -> HanleCurve:
        """As :func:`hanle_curve` on the spectral path.

        Raises
        ------
        SolveError
            As there; fields and materials beyond a measure are no reason, another one is made.
        """
        start = time.perf_counter()
        for known in reversed(self._known):
            try:
                return self._read(known, problem, fields, start)
            except SolveError:  # beyond its range, or without a steady state
                continue
        made = self._made(problem, fields)
        found = self._read(made, problem, fields, start)
        self._known.append(made)
        return found

    def _made(self, problem: Problem, fields: np.ndarray) -> _Shared:
        length = float(problem.material.diffusion_length)
        try:
            measure = self._measure(
                problem, MARGIN * fields, lengths=(length / MARGIN, MARGIN * length)
            )
        except SolveError:  # a margin may lead to where there is no steady state
            measure = self._measure(problem, fields)
        height, _ = edge_cells(system_of(problem))
        if measure.current is None:
            return _Shared(measure, 1.0, height)
        own = own_resistance(problem, measure.current) * measure.conductance
        return _Shared(measure, own, height)

    def _measure(self, problem: Problem, fields: np.ndarray, **options: Any) -> SpectralMeasure:
        (measure,) = spectral_measures(
            problem, [self._pairs], tolerance=TOLERANCE, fields=fields, **options
        )
        light = replace(measure.projection, vectors=None)
        return replace(measure, projection=light, vertices=None)

    def _read(
        self, known: _Shared, problem: Problem, fields: np.ndarray, start: float
    ) -> HanleCurve:
        measure = replace(known.measure, material=problem.material, summary=repr(problem))
        f, change, bound = measure.response_and_bound(fields)
        notes = warn_once(problem, fields, known.share(measure), known.height)
        return _curve(
            problem,
            fields,
            measure.R_ohmic,
            f * measure.unit,
            change * measure.unit,
            np.full(len(fields), measure.residual),
            abs(measure.unit) * bound,
            self._pairs,
            f"spectral, {len(measure.rates)} poles shared by several materials",
            start,
            notes,
            abs(measure.unit) * measure.largest,
            beside=False,  # a map has no place for it
        )
