"""Measures of a relaxation tensor, or of orbital and spin moment together, from one factorisation.

The Krylov space is that of one channel; only what it must resolve differs: the bound of
:mod:`ohmr_fem.sweep.matrix_measure` at a sample of the fields.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..errors import InputError
from ..model.channels import spin_rate
from ..model.material import Material
from ..model.problem import Problem
from ..solver.linear import SYMMETRIC, Solver
from ..solver.stability import lowest_diffusive_rate
from ..solver.system import system_of
from ..units import fields_array, fraction
from .lanczos import Projection, project
from .matrix_measure import MatrixMeasure
from .measure import device_of, one_per_pair, terms_of_pairs
from .route import require_spectral
from .uniform_mode import UniformMode

#: Precession angles for which a measure is made when no fields are given.
DEFAULT_RANGE = 50.0
#: Fields at which the bound is looked at while the space grows.
LOOKS = 16


@dataclass(frozen=True, eq=False)
class _Asked:
    """What a measure must cover: fields (n, 3), materials, and s of alternating current."""

    fields: np.ndarray
    materials: tuple[Material, ...]
    rates: tuple[complex, ...]

    def excess(self, measure: MatrixMeasure) -> float:
        """Largest bound over what is accepted; a third of the tolerance is a reserve."""
        worst = 0.0
        for material in self.materials:
            tuned = replace(measure, material=material)
            limit = max(tuned._allowed, float(np.finfo(float).tiny))
            for s in self.rates:
                worst = max(worst, float(np.max(tuned.bound(self.fields, s))) / limit)
        return worst

    def eigenvalues(self, measure: MatrixMeasure) -> np.ndarray:
        """mu_j of DD^-1 l^2 (Gamma + T - i omega), which take the place of s."""
        found = []
        for material in self.materials:
            tuned = replace(measure, material=material)
            spread = tuned.matrices.spread
            for s in self.rates:
                local = tuned._local(self.fields, s)
                found.append(np.linalg.eigvals(np.linalg.solve(spread, local)).ravel())
        return np.concatenate(found)


def matrix_measures(
    problem: Problem,
    pairs: Sequence[tuple[Any, Any]],
    *,
    tolerance: float | None = None,
    fields: Any = None,
    lengths: Any = None,
    solver: Solver = SYMMETRIC,
    rates: Any = (),
    materials: Sequence[Material] = (),
    shift: float | None = None,
    until: Callable[[Projection], bool] | None = None,
) -> list[MatrixMeasure]:
    """Measures of several (current, voltage) pairs of one device; see :func:`spectral_measures`.

    The bound holds at ``materials`` as well.
    """
    from .spectral import MIDDLE, _starts, check_definite

    tolerance = fraction(1e-8 if tolerance is None else tolerance, "tolerance")
    require_spectral(problem)
    system = system_of(problem, with_spin=True)
    K, M, keep = system.pencil
    start, turns, links, ohmic, names = _starts(problem, system, pairs, solver)
    system.make_room_for(solver)
    slowest = (1.0 - 1e-9) * lowest_diffusive_rate(system, solver)
    tuned = (*_materials(problem, lengths), *materials)
    asked = _Asked(_looks(problem, fields), tuned, (1.0, *rates))

    each = terms_of_pairs(links, ohmic, names)

    def measures(projection: Projection, some: int | None = None) -> list[MatrixMeasure]:
        return one_per_pair(
            MatrixMeasure,
            projection,
            turns[:some],
            each[:some],
            tolerance=tolerance,
            slowest=slowest,
            vertices=system.basis.nodal_dofs[0],
            **device_of(system),
        )

    sizes = np.abs(asked.eigenvalues(measures(_nothing(start), 1)[0]) + slowest)
    shift = shift or MIDDLE * float(np.sqrt(sizes.max() * sizes.min()))
    factors = solver.factorise(K + shift * M)

    def excess(found: Projection) -> float:
        several = measures(found)
        worst = max(asked.excess(m) for m in several)
        if worst > 1.0 or until is None or all(until(m.projection) for m in several):
            return worst
        return 2.0

    most = 240 if lengths is not None or materials else 80 if until is None else 160
    uniform = UniformMode.of(system, K, M)
    projection = project(M, factors, keep.T @ start, shift, excess, most, uniform=uniform)
    check_definite(projection, K, M)
    everything_kept = keep.shape[0] == keep.shape[1]
    vectors = projection.vectors if everything_kept else keep @ projection.vectors
    return measures(replace(projection, vectors=vectors))


def _nothing(start: np.ndarray) -> Projection:
    """A projection without poles, from which the matrices of a measure can be asked."""
    width = start.shape[1]
    empty = np.zeros((0, width))
    none = np.zeros(0)
    return Projection(1.0, none, empty, np.zeros((width, 0)), np.eye(width), None, 0, 0.0)


def _looks(problem: Problem, fields: Any) -> np.ndarray:
    """The fields at which the bound must hold while the space grows, (n, 3) T."""
    if fields is None:
        scale = DEFAULT_RANGE * _field_scale(problem.material)
        if not np.isfinite(scale):
            return np.zeros((1, 3))
        sizes = scale * np.geomspace(1e-3, 1.0, 5)
        return np.concatenate([size * np.eye(3) for size in sizes])
    several = np.atleast_2d(fields_array(fields, "fields"))
    order = np.argsort(np.linalg.norm(several, axis=1), kind="stable")
    places = np.unique(np.linspace(0, len(several) - 1, LOOKS).astype(int))
    return several[order[places]]


def _field_scale(material: Material) -> float:
    """B in tesla at which the faster of both moments turns by one in its relaxation time."""
    turning = 0.0
    if material.spin is not None:
        turning = abs(spin_rate(material)) * material.spin.relaxation_time
    of_spin = 1.0 / turning if turning else float("inf")
    return min(material.field_scale, of_spin)


def _materials(problem: Problem, lengths: Any) -> tuple[Material, ...]:
    from .spectral import _lengths

    material = problem.material
    if lengths is None:
        return (material,)
    if material.diffusion_length is None:
        raise InputError(
            "lengths: components that relax at different rates have no one diffusion length",
            key="lengths",
        )
    scales = 1.0 / np.sqrt(_lengths(lengths, 1.0))
    tuned = (_with_length(material, float(length)) for length in scales[:-1])
    return (*tuned, material)


def _with_length(material: Material, length: float) -> Material:
    return replace(material, diffusion_length=length, diffusion_constant=None)
