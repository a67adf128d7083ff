"""Fields in, curves out."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from ..errors import (
    ConvergenceWarning,
    InputError,
    PhysicsWarning,
    SolveError,
    SweepInterrupted,
    warn,
)
from ..errors.doors import door
from ..mesh.grids import cross_section
from ..model.fields import field_rotation
from ..model.material import precession_squared
from ..model.problem import Problem, contact_width
from ..solver.linear import SYMMETRIC, Solver
from ..solver.resistance import Measurement, warn_once
from ..units import entries, fields_array, fraction, vector_si
from .bound import FLOOR
from .curve import CHANNEL_PARTS, PARTS, HanleCurve, Parts, no_resistance, removed_part, vanishes
from .film import TOLERANCE as FILM_TOLERANCE
from .film import FilmMeasure
from .film_regions import check_regional, is_regional, regional_curve
from .matrix_measure import MatrixMeasure
from .measure import SpectralMeasure
from .reduced import reduced_sweep, total
from .route import choose
from .spectral import largest_share, spectral_measure, spectral_measures

METHODS = ("auto", "spectral", "reduced", "direct")
#: Part of its largest that the change from B = 0 may be off without a word.
HANLE_OFF = 1e-6
#: So many fields are solved one by one on the general path.
FEW = 8


@door
def hanle_curve(
    problem: Problem,
    fields: Any,
    *,
    current: Any = None,
    voltage: Any = None,
    method: str = "auto",
    tolerance: float | None = None,
    solver: Solver | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> HanleCurve:
    """Resistance against field, R_ij,kl(B).

    Parameters
    ----------
    problem : Problem
    fields : (n, 3) floats, T
        See :func:`field_sweep`.
    current, voltage : pairs of contact names
        As for :func:`resistance`; left out on a cross-section.
    method : str
        "spectral": one factorisation for all fields (uniform material, linear coupling, scalar edge
        law); "reduced": a reduced basis from a few factorisations, any problem; "direct": one
        factorisation for each field, any problem; "auto": spectral where the physics allows, else
        reduced for more than 8 fields. ``HanleCurve.method`` says which path was taken and why.
    tolerance : float, optional
        Algebraic error relative to the largest effect: held by a bound (spectral) or an estimate
        (reduced); default 1e-8, and 1e-4 for a film.
    solver : Solver, optional
        For all linear systems; default SuperLU, in its symmetric mode where the matrix is.
    progress : callable(done, total), optional
        Called on the direct path.

    Returns
    -------
    HanleCurve

    Raises
    ------
    InputError
        No field, another shape or dimension, an unknown contact, a method that does not know the
        problem.
    SolveError
        No steady state at one of the fields, or a linear system that is not solved.
    SweepInterrupted
        On Ctrl-C; its ``partial`` is the finished part of the curve.
    """
    start = time.perf_counter()
    fields = np.atleast_2d(fields_array(fields, "fields"))
    if is_regional(problem) and len(fields):
        check_regional(problem, method)
        return regional_curve(problem, fields, (current, voltage), solver, progress)
    # few fields are no dearer one by one; the ordinary Hall effect is not affine in B
    many = len(fields) > FEW and not problem.ordinary_hall
    general = "reduced" if many else "direct"
    route = choose("hanle_curve", method, METHODS, problem, general=general)
    default = FILM_TOLERANCE if problem.film is not None else 1e-8
    tolerance = fraction(default if tolerance is None else tolerance, "tolerance")
    if len(fields) == 0:
        raise InputError("fields: needs at least one field")
    reason = f" ({route.why})"
    if route.method == "spectral":
        pairs = current, voltage
        return _spectral_curve(problem, fields, pairs, tolerance, start, reason, solver)
    measurement = Measurement.of(problem, current, voltage, solver)
    notes = warn_once(problem, fields, measurement.share)
    if route.method == "reduced":
        return _reduced_curve(
            measurement, fields, (current, voltage), tolerance, reason, start, notes
        )
    return _direct_curve(measurement, fields, (current, voltage), reason, start, notes, progress)


@door
def angle_scan(
    problem: Problem,
    magnitude: float,
    *,
    plane: str = "xy",
    n: int = 72,
    current: Any = None,
    voltage: Any = None,
    method: str = "auto",
) -> HanleCurve:
    """Resistance against the direction of a field of one magnitude, turned in a plane.

    Parameters
    ----------
    problem, current, voltage, method
        As for :func:`hanle_curve`.
    magnitude : quantity, T
    plane : str
        Two of the axes x, y, z: the field turns from the first to the second.
    n : int
        Directions; 72 are 5 degrees apart, from 0 to 355, see :func:`field_rotation`.

    Returns
    -------
    HanleCurve

    Raises
    ------
    InputError, SolveError
        As :func:`field_rotation` and :func:`hanle_curve`.
    """
    return hanle_curve(
        problem,
        field_rotation(magnitude, n, plane),
        current=current,
        voltage=voltage,
        method=method,
    )


@door
def hanle_map(
    measure: SpectralMeasure, fields: Any, parameter: str, values: Any, *, plane: str = "xy"
) -> np.ndarray:
    """delta_R (ohm; rho on a cross-section) over fields and a parameter or an angle, without a new
    factorisation.

    Parameters
    ----------
    measure : SpectralMeasure
    fields : (n, 3) T
    parameter : str
        "theta", "tau", "diffusion_length", ... as in :meth:`SpectralMeasure.at`, or "angle".
    values : (m,)
        Angles in radians turn the fields in ``plane``, from its first axis to its second.  For
        diffusion lengths make the measure with ``lengths``.

    Returns
    -------
    (m, n) array

    Raises
    ------
    InputError, SolveError
        Unknown parameter; a field and value outside the range of the measure.
    """
    several = np.atleast_2d(fields_array(fields, "fields"))
    if parameter == "angle":
        first, second = field_rotation(1.0, 4, plane)[:2]
        angles = vector_si(values, "rad", "values")[:, None, None]
        a = (several @ first)[None, :, None]
        b = (several @ second)[None, :, None]
        # what lies out of the plane stays
        normal = several - several @ (np.outer(first, first) + np.outer(second, second))
        along_first = a * np.cos(angles) - b * np.sin(angles)
        along_second = a * np.sin(angles) + b * np.cos(angles)
        turned = normal + along_first * first + along_second * second
        read = measure.rho if measure.current is None else measure.delta_R
        return np.asarray(read(turned.reshape(-1, 3))).reshape(turned.shape[:2])
    tuned = [measure.at(**{parameter: v}) for v in entries(values)]
    return np.array([m.rho(several) if m.current is None else m.delta_R(several) for m in tuned])


def _sign(measurement: Measurement) -> float:
    """What turns a measured change into delta_R, or into rho on a cross-section."""
    return -1.0 / measurement.base if measurement.system.problem.is_cross_section else 1.0


def _direct_curve(
    measurement: Measurement,
    fields: np.ndarray,
    pairs: tuple[Any, Any],
    reason: str,
    start: float,
    notes: tuple[str, ...],
    progress: Callable[[int, int], None] | None,
) -> HanleCurve:
    problem = measurement.system.problem
    rows: list[tuple[float, ...]] = []

    def curve() -> HanleCurve:
        change, hanle, residual, *parts, geometric = np.array(rows).T
        sign = _sign(measurement)
        found = _curve(
            problem,
            fields[: len(rows)],
            measurement.base,
            sign * change,
            sign * hanle,
            residual,
            np.full(len(rows), np.nan),
            pairs,
            f"direct, one factorisation for each field{reason}",
            start,
            notes,
            abs(sign) * float(np.ptp(measurement.zero.potential)),
        )
        if parts:
            names = PARTS * bool(problem.polarised)
            if len(parts) > len(names):
                names = (*names, *CHANNEL_PARTS)
            scaled = (sign * part for part in parts)
            found = replace(found, parts=Parts(**dict(zip(names, scaled, strict=True))))
        return replace(found, geometric=geometric) if problem.ordinary_hall else found

    try:
        for row in measurement.sweep(fields):
            # what the Lorentz force alone changes: zero but with the ordinary Hall effect
            here = measurement.at(fields[len(rows)])
            rows.append((*row, here.base - measurement.base))
            if progress is not None:
                progress(len(rows), len(fields))
    except KeyboardInterrupt as stop:
        raise SweepInterrupted(curve() if rows else None) from stop
    return curve()


def _reduced_curve(
    measurement: Measurement,
    fields: np.ndarray,
    pairs: tuple[Any, Any],
    tolerance: float,
    reason: str,
    start: float,
    notes: tuple[str, ...],
) -> HanleCurve:
    split = measurement.split()
    several = [reduced_sweep(one, fields, tolerance) for one in split.values()]
    found = total(several)
    if not found.converged:
        note = (
            "reduced basis: the estimated error stays at "
            f"{found.estimate.max() / np.abs(found.change).max():.1e} of the "
            f"largest change after {found.factorisations} factorisations; use method='direct' or "
            "fewer directions"
        )
        warn(ConvergenceWarning(note, key="method"))
        notes = (*notes, note)
    lost = found.lost_of_hanle
    if found.converged and lost > max(HANLE_OFF, 100.0 * tolerance):
        note = (
            f"reduced basis: R(B) - R(0) is known to {lost:.1e} of its largest only, R(B) far "
            "better; use method='direct', or with one material method='spectral'"
        )
        warn(ConvergenceWarning(note, key="method"))
        notes = (*notes, note)
    sign = _sign(measurement)
    curve = _curve(
        measurement.system.problem,
        fields,
        measurement.base,
        sign * found.change,
        sign * found.hanle,
        np.full(len(fields), found.residual),
        abs(sign) * found.estimate,
        pairs,
        f"reduced basis of {found.size} vectors from {found.factorisations} factorisations{reason}",
        start,
        notes,
        abs(sign) * float(np.ptp(measurement.zero.potential)),
    )
    if not measurement.system.problem.polarised:
        return curve
    parts = dict.fromkeys(PARTS, np.zeros(len(fields)))
    parts |= {name: one.change for name, one in zip(split, several, strict=True)}
    return replace(curve, parts=Parts(**parts))


def _spectral_curve(
    problem: Problem,
    fields: np.ndarray,
    pairs: tuple[Any, Any],
    tolerance: float,
    start: float,
    reason: str,
    solver: Solver | None,
) -> HanleCurve:
    measure = spectral_measures(
        problem, [pairs], tolerance=tolerance, fields=fields, solver=solver or SYMMETRIC
    )[0]
    notes = warn_once(problem, fields, largest_share(problem, [measure], solver))
    f, change = measure.response(fields)
    count = len(measure.rates)
    found = _curve(
        problem,
        fields,
        measure.R_ohmic,
        f * measure.unit,
        change * measure.unit,
        np.full(len(fields), measure.residual),
        abs(measure.unit) * measure.bound(fields),
        pairs,
        f"spectral, {count} poles from one factorisation{reason}",
        start,
        notes,
        abs(measure.unit) * measure.largest,
    )
    if isinstance(measure, FilmMeasure):
        local = measure.delta_R_local(fields)
        found = replace(found, parts=measure.parts(fields), delta_R_local=local)
        return found
    parts = measure.contact_parts(fields) if measure.polarised else None
    if isinstance(measure, MatrixMeasure) and measure.has_spin:
        parts = replace(parts or Parts(), **measure.channel_parts(fields))
    return replace(found, parts=parts)


def _curve(
    problem: Problem,
    fields: np.ndarray,
    base: float,
    effect: np.ndarray,
    change: np.ndarray,
    residual: np.ndarray,
    error: np.ndarray,
    pairs: tuple[Any, Any],
    method: str,
    start: float,
    notes: tuple[str, ...],
    largest: float = 0.0,
    beside: bool = True,
) -> HanleCurve:
    """``effect`` and ``change`` are delta_R and hanle of a device, or rho(B) and rho(B) - rho(0) of
    a cross-section; ``largest`` is what the effect could be without field; a strip is solved
    ``beside`` a device.
    """
    section = problem.is_cross_section
    largest = max(largest, _largest_product(problem) * (1.0 if section else abs(base)))
    # a valve has no one scale of round-off
    silent = largest > 0.0 and not (section or problem.polarised)
    silent &= vanishes(effect, change, FLOOR * largest, _turned(problem, fields))
    # the value at B = 0, known to round-off at every field
    zero = float(np.median(effect - change))
    # Eq. (7) divides by R(B); a device by R_ohmic, which differs at order (alpha alpha')^2
    with np.errstate(divide="ignore", invalid="ignore"):
        rho, rho_change = (effect, change) if section else (effect / base, change / base)
        nothing = not section and no_resistance(base, problem)
        if nothing or (silent and abs(base) < largest):  # a relative change of nothing
            rho = rho_change = np.full(len(fields), np.nan)
    unknown = np.full(len(fields), np.nan)
    rho_star = unknown if silent else removed_part(change, zero, largest)
    strip = unknown if section or not beside else base * strip_rho(problem, fields, pairs[0])
    return HanleCurve(
        fields=fields,
        delta_R=unknown if section else effect,
        hanle=unknown if section else change,
        R_ohmic=float("nan") if section else base,
        rho=rho,
        rho_change=rho_change,
        rho_star=rho_star,
        delta_R_strip=strip,
        residual=residual,
        algebraic_error=error,
        current=None if section else tuple(pairs[0]),
        voltage=None if section else tuple(pairs[1]),
        method=method,
        summary=repr(problem),
        seconds=time.perf_counter() - start,
        warnings=notes,
        silent=silent,
        ohmic_silent=nothing,
    )


def _turned(problem: Problem, fields: np.ndarray) -> float:
    """The largest (omega tau)^2 of one material; 1 where it is not one number."""
    if not problem.uniform:
        return 1.0
    return float(np.max(np.abs(precession_squared(problem.material, fields)), initial=0.0))


def _largest_product(problem: Problem) -> float:
    """alpha alpha' of one material, beyond which the effect is no part of the ohmic answer; 0 where
    it is not one number.
    """
    if not problem.uniform or problem.polarised:
        return 0.0
    m = problem.material
    return abs(float(m.orbital_hall_angle * m.inverse_orbital_hall_angle))


def strip_rho(problem: Problem, fields: np.ndarray, current: Any) -> np.ndarray:
    """rho(B) of an infinite strip of the same material, as wide as the contact at which the current
    enters, (n,).
    """
    if not problem.uniform or problem.film is not None:
        return np.full(len(fields), np.nan)
    width = contact_width(problem, current[0])
    if np.isnan(width):
        return np.full(len(fields), np.nan)
    strip = Problem(cross_section(width), problem.material, detection=problem.detection)
    rho = np.full(len(fields), np.nan)
    steady = (
        precession_squared(problem.material, fields) > -1.0
    )  # beyond, a strip with reflecting edges has no steady state
    if np.any(steady):
        try:
            rho[steady] = spectral_measure(strip, fields=fields[steady]).rho(fields[steady])
        except SolveError as stop:  # a column beside the curve must not take the curve along
            warn(PhysicsWarning(f"delta_R_strip is left empty: {stop}", key="mesh"))
    return rho
