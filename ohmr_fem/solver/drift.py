"""One solution at finite current: the moment drifts with the carriers."""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ..errors import InputError, NewtonError, ResolutionWarning, warn
from ..errors.doors import door
from ..model.drive import Drive, read_drive
from ..model.problem import Problem, require_mobility
from ..units import fields_array, fraction
from .linear import Solver
from .newton import DriftEquations, NewtonStep, newton
from .resolution import check_resolution, physics_notes, size_notes
from .solution import Solution
from .solve import grounded, ohmic_potential, orbital_share, solve
from .stability import check_stability
from .system import system_of


@door
def drift_solve(
    problem: Problem,
    field: Any = (0.0, 0.0, 0.0),
    currents: Mapping[str, Any] | None = None,
    voltages: Mapping[str, Any] | None = None,
    *,
    start: Solution | None = None,
    tolerance: float = 1e-11,
    max_iterations: int = 20,
    solver: Solver | None = None,
) -> Solution:
    """Solve with drift, Eqs. (1), (2) and (S1), at one field and one set of currents or voltages.

    Parameters
    ----------
    problem : Problem
        A device plane whose materials have a mobility (sign: drift velocity -mu E, positive for
        electrons). coupling="full" is the nonlinear problem; "linear" is first order in alpha
        alpha'.
    field, currents, voltages
        As for :func:`solve`.
    start : Solution, optional
        First guess, such as the solution at a smaller current; default the linear response.
    tolerance : float
        Residual of the moment equation relative to its source.
    max_iterations : int
        Newton's steps at most.
    solver : Solver, optional
        As for :func:`solve`.

    Returns
    -------
    Solution with ``drift`` set; its ``residuals`` are those of Newton's steps.

    Raises
    ------
    InputError
        No device plane or no mobility, currents that do not sum to zero, a start that belongs to
        another problem.
    NewtonError
        With ``history`` (list of NewtonStep) and ``last``, the start.
    """
    began = time.perf_counter()
    field, tolerance = _checked(problem, field), fraction(tolerance, "tolerance")
    drive = read_drive(problem, currents, voltages, 0.0)
    if start is None:
        with warnings.catch_warnings():  # the same warnings come below, from here
            warnings.simplefilter("ignore")
            start = solve(problem, field, currents, voltages, solver=solver)
    system = system_of(problem)
    if start.moment_dofs.shape != (3, system.N) or start.has_jumps != system.has_jumps:
        raise InputError("start: belongs to another problem; give a solution of this one")
    notes = _warn(problem, field)
    try:
        start_at = start.moment_dofs
        solution, _ = _solve(
            problem, field, drive, start_at, tolerance, max_iterations, began, solver
        )
    except NewtonError as failed:
        failed.last = start
        raise
    notes += tuple(_peclet(solution)) + warn_of_size(solution)
    return replace(solution, warnings=notes)


def warn_of_size(solution: Solution) -> tuple[str, ...]:
    """Warn where the orbital effect is too large for the first order; returns the texts."""
    system = system_of(solution.problem, solution.field)
    n = solution.moment_dofs.ravel() / system.moment_unit
    ohmic, orbital = solution.ohmic_dofs, solution.orbital_dofs
    share = orbital_share(system, solution.drive, ohmic, orbital, n)
    notes = size_notes(solution.problem, share)
    for note in notes:
        warn(note)
    return tuple(str(note) for note in notes)


def _checked(problem: Problem, field: Any) -> np.ndarray:
    if problem.is_cross_section:
        raise InputError(
            "drift needs a device plane (x, y); on a cross-section it enters only at second order "
            "in the field "
            "along x: model a long bar instead"
        )
    require_mobility(problem, "drift")
    problem.refuse_polarised("drift")
    problem.refuse_channel("drift")
    field = fields_array(field)
    if field.shape != (3,):
        raise InputError(
            f"field: drift takes one field of shape (3,) in tesla, got shape {field.shape}"
        )
    return field


def _warn(problem: Problem, field: np.ndarray) -> tuple[str, ...]:
    notes = [*physics_notes(problem, field), *check_resolution(system_of(problem), field)]
    for note in notes:
        warn(note)
    return tuple(str(note) for note in notes)


def _solve(
    problem: Problem,
    field: np.ndarray,
    drive: Drive,
    moments: np.ndarray,
    tolerance: float,
    most: int,
    began: float,
    solver: Solver | None = None,
) -> tuple[Solution, list[NewtonStep]]:
    """Newton from given moments (3, N) as a Solution holds them."""
    system = system_of(problem, field)
    check_stability(system, field)
    ohmic, first = ohmic_potential(system, drive, solver)
    equations = DriftEquations(system, field, drive.held, ohmic, system.injected_source, solver)
    guess = system.keep.T @ moments.ravel() / system.moment_unit  # Newton works in scaled units
    n, orbital, history = newton(equations, guess, drive.currents, tolerance, most)
    ohmic, orbital = grounded(system, drive, ohmic, orbital)
    residuals = {"potential": first, "newton": history[-1].residual}
    return Solution(
        problem,
        field,
        drive,
        ohmic,
        orbital,
        (system.keep @ n).reshape(3, -1) * system.moment_unit,
        residuals,
        2 * len(history) - 1,
        f"Newton, {len(history) - 1} steps",
        time.perf_counter() - began,
        (),
        True,
    ), history


def _peclet(solution: Solution) -> list[str]:
    """Warns where the drift over a cell outruns diffusion (cell Peclet number above one, per
    order).
    """
    system = system_of(solution.problem, solution.field)
    slope: Any = system.basis.interpolate(solution.ohmic_dofs + solution.orbital_dofs).grad
    size = np.sqrt(np.sum(system.basis.dx, axis=1, keepdims=True))
    c = system.coefficients
    # |mu E| h / (2 D), above which central differences of convection oscillate
    speed = np.abs(c.mobility) * np.hypot(slope[0], slope[1])
    number = speed / (2.0 * c.diffusion) * size / solution.problem.order
    if float(number.max()) <= 1.0:
        return []
    note = ResolutionWarning(
        f"drift outruns diffusion within a cell (cell Peclet number {number.max():.2g} per order, "
        "should "
        "be at most 1): refine the mesh where the field is large",
        key="mesh",
    )
    warn(note)
    return [str(note)]
