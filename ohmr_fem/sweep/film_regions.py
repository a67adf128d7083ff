"""Resistance against field of a film of several materials, field by field."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ..errors import InputError, SweepInterrupted
from ..model.alike import differences, distinct
from ..model.film import Film
from ..model.problem import Problem
from ..solver.film_regions import RegionalFaces
from ..solver.film_solid import RegionalSolid
from ..solver.linear import Solver
from ..solver.resistance import FourTerminal, Measurement, warn_once
from ..solver.resolution import FIRST_ORDER
from ..solver.system import system_of
from .curve import HanleCurve, Parts, no_resistance, removed_part

METHOD = "direct, one factorisation for each field, and one for each mode through the thickness"
ABSORBING = "direct, one factorisation for each field and polynomial mode through the thickness"


def is_regional(problem: Problem) -> bool:
    """Whether a film has several materials, so that no poles serve all of it."""
    return isinstance(problem.film, Film) and len(distinct(problem.materials.values())) > 1


def check_regional(problem: Problem, method: str) -> None:
    """InputError for a film of several materials that cannot be parted into modes."""
    film = problem.film
    if method not in ("auto", "direct"):
        raise InputError(
            f"a film of several materials has no poles, and no method={method!r}; use 'direct'",
            value=method,
            key="method",
        )
    if not all(m.uniform for m in problem.materials.values()):
        raise InputError(
            "the materials of a film are plain numbers in each region, with one relaxation_time",
            key="film",
        )
    if not isinstance(film, Film) or film.drives or problem.edge_sources:
        unlike = differences(*distinct(problem.materials.values())[:2])
        raise InputError(
            "a film of several materials needs faces and edges without sources: leave them out, or "
            f"give its regions one material (two of them differ in {', '.join(unlike)})",
            key="film",
        )


class _Row(NamedTuple):
    """At one field, ohm."""

    edges: float
    change: float
    faces: float
    cross: float
    left: float
    residual: float


@dataclass(frozen=True, eq=False)
class _Regional:
    """A measurement on the plane, and what goes on through the thickness: ``solid`` where a face
    absorbs, cosines otherwise.
    """

    plane: Measurement
    faces: RegionalFaces
    solid: RegionalSolid | None
    solver: Solver | None

    @classmethod
    def of(cls, problem: Problem, pairs: tuple[Any, Any], solver: Solver | None) -> _Regional:
        system = system_of(problem, plane_of_film=True)
        plane = Measurement.on(system, FourTerminal.of(problem, *pairs), solver)
        assert isinstance(problem.film, Film)
        if problem.film.reflecting:
            return cls(plane, RegionalFaces.of(problem, *pairs, solver), None, solver)
        solid = RegionalSolid.of(problem, *pairs, solver)
        return cls(plane, solid.faces, solid, solver)

    def rows(self, fields: np.ndarray) -> Iterator[_Row]:
        if self.solid is None:
            for (edges, change, residual, *_), field in zip(
                self.plane.sweep(fields), fields, strict=True
            ):
                yield _Row(edges, change, *_no_cross(self.faces.at(field, self.solver)), residual)
            return
        strongest = int(np.argmax(np.linalg.norm(fields, axis=1)))
        left = self.solid.error(fields[strongest], self.solver)
        for field in fields:
            found = self.solid.at(field, self.solver)
            change = found.edges - self.rest.edges
            yield _Row(found.edges, change, found.faces, found.cross, left, found.residual)

    @functools.cached_property
    def rest(self) -> Any:
        """Without field: a row, or the answer of the solid."""
        zero = np.zeros(3)
        return next(self.rows(zero[None])) if self.solid is None else self.solid.at(zero)


def _no_cross(faces: tuple[float, float]) -> tuple[float, float, float]:
    value, left = faces
    return value, 0.0, left


def regional_curve(
    problem: Problem,
    fields: np.ndarray,
    pairs: tuple[Any, Any],
    solver: Solver | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> HanleCurve:
    """As :func:`hanle_curve`; edges from the plane and faces mode by mode, or both of a solid."""
    start = time.perf_counter()
    device = _Regional.of(problem, pairs, solver)
    notes = warn_once(problem, fields, _share(problem, pairs[0], solver))
    rest = device.rest
    rows: list[_Row] = []

    def curve() -> HanleCurve:
        of_edges, change, of_faces, cross, left, residual = np.array(rows).T
        whole = of_edges + of_faces + cross
        hanle = change + (of_faces - rest.faces) + (cross - rest.cross)
        zero = rest.edges + rest.faces + rest.cross
        base = device.plane.base
        nothing = no_resistance(base, problem)
        unit = np.nan if nothing else base
        return HanleCurve(
            fields=fields[: len(rows)],
            delta_R=whole,
            hanle=hanle,
            R_ohmic=base,
            rho=whole / unit,
            rho_change=hanle / unit,
            rho_star=removed_part(hanle, zero, 0.0),
            delta_R_strip=np.full(len(whole), np.nan),
            residual=residual,
            algebraic_error=left,
            current=tuple(pairs[0]),
            voltage=tuple(pairs[1]),
            method=METHOD if device.solid is None else ABSORBING,
            summary=repr(problem),
            seconds=time.perf_counter() - start,
            warnings=notes,
            parts=Parts(edges=of_edges, faces=of_faces, cross=cross),
            delta_R_local=np.array([device.faces.local(B) for B in fields[: len(rows)]]),
            ohmic_silent=nothing,
        )

    try:
        for row in device.rows(fields):
            rows.append(row)
            if progress is not None:
                progress(len(rows), len(fields))
    except KeyboardInterrupt as stop:
        raise SweepInterrupted(curve() if rows else None) from stop
    return curve()


def _share(problem: Problem, current: Any, solver: Solver | None) -> float:
    """|delta_R|/R_ohmic of the current pair, read at its own contacts without field; 0 where the
    angles are too small for it to matter.
    """
    given = problem.materials.values()
    products = [m.orbital_hall_angle * m.inverse_orbital_hall_angle for m in given]
    if 2.0 * max(map(abs, products)) <= FIRST_ORDER:
        return 0.0
    device = _Regional.of(problem, (current, current), solver)
    rest = device.rest
    return abs((rest.edges + rest.faces + rest.cross) / device.plane.base)
