"""Resistance against field of a film of several materials, field by field."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import InputError, SweepInterrupted
from ..model.film import Film
from ..model.problem import Problem
from ..solver.film_regions import RegionalFaces
from ..solver.linear import Solver
from ..solver.resistance import FourTerminal, Measurement, warn_once
from ..solver.resolution import FIRST_ORDER
from ..solver.system import system_of
from .curve import HanleCurve, Parts, removed_part

METHOD = "direct, one factorisation for each field, and two for each mode through the thickness"


def is_regional(problem: Problem) -> bool:
    """Whether a film has several materials, so that no poles serve all of it."""
    several = len({id(m) for m in problem.materials.values()}) > 1
    return isinstance(problem.film, Film) and several


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
    if not isinstance(film, Film) or not film.reflecting or film.drives or problem.edge_sources:
        raise InputError(
            "a film of several materials needs reflecting faces and edges without sources: with "
            "others its modes through the thickness differ from region to region",
            key="film",
        )


def regional_curve(
    problem: Problem,
    fields: np.ndarray,
    pairs: tuple[Any, Any],
    solver: Solver | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> HanleCurve:
    """As :func:`hanle_curve`; edges from the plane, faces mode by mode."""
    start = time.perf_counter()
    system = system_of(problem, plane_of_film=True)
    plane = Measurement.on(system, FourTerminal.of(problem, *pairs), solver)
    faces = RegionalFaces.of(problem, *pairs, solver)
    notes = warn_once(problem, fields, _share(problem, pairs[0], solver))
    rest = faces.at(np.zeros(3), solver)[0]
    edges_at_rest = plane.read(plane.zero.n, plane.zero.potential)
    rows: list[tuple[float, ...]] = []

    def curve() -> HanleCurve:
        of_edges, change, residual, of_faces, left = np.array(rows).T
        whole = of_edges + of_faces
        hanle = change + of_faces - rest
        zero = edges_at_rest + rest
        base = plane.base
        with np.errstate(divide="ignore", invalid="ignore"):
            rho = whole / base if base else np.full(len(whole), np.nan)
        return HanleCurve(
            fields=fields[: len(rows)],
            delta_R=whole,
            hanle=hanle,
            R_ohmic=base,
            rho=rho,
            rho_change=hanle / base if base else rho,
            rho_star=removed_part(hanle, zero, 0.0),
            delta_R_strip=np.full(len(whole), np.nan),
            residual=residual,
            algebraic_error=left,
            current=tuple(pairs[0]),
            voltage=tuple(pairs[1]),
            method=METHOD,
            summary=repr(problem),
            seconds=time.perf_counter() - start,
            warnings=notes,
            parts=Parts(edges=of_edges, faces=of_faces, cross=np.zeros(len(whole))),
            delta_R_local=np.array([faces.local(B) for B in fields[: len(rows)]]),
        )

    try:
        for row, field in zip(plane.sweep(fields), fields, strict=True):
            rows.append((*row, *faces.at(field, solver)))
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
    system = system_of(problem, plane_of_film=True)
    plane = Measurement.on(system, FourTerminal.of(problem, current, current), solver)
    faces = RegionalFaces.of(problem, current, current, solver)
    edges = plane.read(plane.zero.n, plane.zero.potential)
    return abs((edges + faces.at(np.zeros(3), solver)[0]) / plane.base)
