"""Fields in, curves out."""

from __future__ import annotations

import csv
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from .errors import ConvergenceWarning, InputError, SweepInterrupted, suggest
from .grids import cross_section
from .material import precession_squared
from .observables import Measurement, warn_once
from .problem import Problem
from .reduced import reduced_sweep
from .spectral import SpectralMeasure, refusal, spectral_measure
from .units import fields_array, positive, to_si

DIRECTIONS = {"x": (1.0, 0.0, 0.0), "y": (0.0, 1.0, 0.0), "z": (0.0, 0.0, 1.0)}

METHODS = ("auto", "spectral", "reduced", "direct")


def field_sweep(start: Any, stop: Any, n: int, direction: Any = "x") -> np.ndarray:
    """``n`` evenly spaced fields along a direction, from ``start`` to ``stop`` (quantities, T), shape (n, 3) in T.

    ``direction`` is "x", "y", "z", or a vector, which is normalised.
    """
    if isinstance(direction, str):
        if direction not in DIRECTIONS:
            raise InputError(f"direction: {direction!r} is not known; {suggest(direction, DIRECTIONS)}, or a vector")
        direction = DIRECTIONS[direction]
    unit = fields_array(direction, "direction")
    size = float(np.linalg.norm(unit))
    if unit.shape != (3,) or size == 0.0:
        raise InputError(f"direction: expected a non-zero vector of shape (3,), got {direction!r}", value=direction)
    ends = to_si(start, "T", "field_sweep: start"), to_si(stop, "T", "field_sweep: stop")
    return np.linspace(*ends, _count(n))[:, None] * (unit / size) + 0.0  # no -0.0


def field_rotation(magnitude: Any, n: int, plane: str = "xy") -> np.ndarray:
    """``n`` fields of one magnitude (T) turned by a full circle in a plane, from its first axis to its second, (n, 3)."""
    if not isinstance(plane, str) or len(plane) != 2 or set(plane) - set("xyz") or plane[0] == plane[1]:
        raise InputError(f"plane: expected two of the axes x, y, z such as 'xy', got {plane!r}", value=plane)
    size, count = to_si(magnitude, "T", "field_rotation: magnitude"), _count(n)
    angles = 2.0 * np.pi * np.arange(count) / count
    fields = np.zeros((count, 3))
    fields[:, "xyz".index(plane[0])], fields[:, "xyz".index(plane[1])] = np.cos(angles), np.sin(angles)
    return size * fields


def _count(n: Any) -> int:
    if isinstance(n, bool) or not isinstance(n, (int, float, np.integer)) or not n >= 1 or n % 1 != 0:
        raise InputError(f"the number of fields must be a positive integer, got {n!r}", value=n)
    return int(n)


@dataclass(frozen=True, eq=False)
class HanleCurve:
    """Resistance against field.

    Attributes
    ----------
    fields : (n, 3) T
    delta_R, hanle : (n,) ohm
        The orbital part of R and its change from B = 0, each solved for directly; NaN on a cross-section.
    R_ohmic : float, ohm
        Resistance without orbital Hall effect at B = 0; NaN on a cross-section.
    rho : (n,)
        Eq. (7): minus the relative change of the current of a cross-section; delta_R/R_ohmic for a device.
    rho_change : (n,)
        rho(B) - rho(0), solved for directly.
    rho_star : (n,)
        Eq. (8): 1 - f(B)/f(0), the part of the zero-field effect that the field has removed.
    delta_R_strip : (n,) ohm
        What Eq. (7) would give: R_ohmic times rho of an infinite strip as wide as the first current contact; NaN on a
        cross-section and where the material is not uniform or the strip unstable.
    residual : (n,)
        Largest backward error of the linear systems behind each point.
    algebraic_error : (n,)
        Error of delta_R (ohm) or rho against a direct solve on the same mesh: a rigorous bound on the spectral path, an
        estimate on the reduced path, NaN on the direct path.  It says nothing of the mesh.
    current, voltage : pairs of contact names, or None
    method, summary : str
    seconds : float
    warnings : tuple of str
    geometric : (n,) ohm
        Change of the ohmic resistance by the ordinary Hall effect; None unless Problem(ordinary_hall=True).
    """

    fields: np.ndarray
    delta_R: np.ndarray
    hanle: np.ndarray
    R_ohmic: float
    rho: np.ndarray
    rho_change: np.ndarray
    rho_star: np.ndarray
    delta_R_strip: np.ndarray
    residual: np.ndarray
    algebraic_error: np.ndarray
    current: tuple[str, str] | None
    voltage: tuple[str, str] | None
    method: str
    summary: str
    seconds: float
    warnings: tuple[str, ...] = ()
    geometric: np.ndarray | None = None

    @property
    def R(self) -> np.ndarray:
        """V/I at each field, (n,) ohm."""
        return self.R_ohmic + self.delta_R + (0.0 if self.geometric is None else self.geometric)

    @property
    def magnitude(self) -> np.ndarray:
        """Signed |B| along the direction of the strongest field, for plotting, (n,) T."""
        size = np.linalg.norm(self.fields, axis=1)
        direction = self.fields[np.flatnonzero(size >= size.max() * (1 - 1e-12))[-1]]
        return np.asarray(size * np.where(self.fields @ direction < 0, -1.0, 1.0))

    def columns(self) -> dict[str, tuple[str, np.ndarray]]:
        """{name: (unit, values)} in the order of the table."""
        table = {f"B_{axis}": ("T", self.fields[:, i]) for i, axis in enumerate("xyz")}
        unit = "1"
        if self.current is not None:
            unit, ohmic = "ohm", np.full(len(self.fields), self.R_ohmic)
            table |= {"R": (unit, self.R), "R_ohmic": (unit, ohmic), "delta_R": (unit, self.delta_R),
                      "hanle": (unit, self.hanle), "delta_R_strip": (unit, self.delta_R_strip)}
        if self.geometric is not None:
            table["geometric"] = (unit, self.geometric)
        return table | {"rho": ("1", self.rho), "rho_change": ("1", self.rho_change),
                        "rho_star": ("1", self.rho_star), "residual": ("1", self.residual),
                        "algebraic_error": (unit, self.algebraic_error)}

    def to_csv(self, path: str | Path) -> Path:
        """Write the table with units in the header, e.g. ``delta_R [ohm]``; 17 significant digits."""
        return write_table(self.columns(), path)

    def __repr__(self) -> str:
        what = "cross-section" if self.current is None else f"current {self.current}, voltage {self.voltage}"
        sizes = np.linalg.norm(self.fields, axis=1)
        return (f"HanleCurve({what}; {len(self.fields)} fields, |B| {sizes.min():g} to {sizes.max():g} T; "
                f"rho {self.rho.min():.4g} to {self.rho.max():.4g}; {self.method})")


def hanle_curve(problem: Problem, fields: Any, *, current: Any = None, voltage: Any = None, method: str = "auto",
                tolerance: float = 1e-8, progress: Callable[[int, int], None] | None = None) -> HanleCurve:
    """Resistance against field, R_ij,kl(B).

    Parameters
    ----------
    problem : Problem
    fields : (n, 3) floats, T
        See :func:`field_sweep`.
    current, voltage : pairs of contact names
        As for :func:`resistance`; left out on a cross-section.
    method : str
        "spectral": one factorisation for all fields (uniform material, linear coupling, scalar edge law); "reduced": a
        reduced basis from a few factorisations, any problem; "direct": one factorisation for each field, any problem;
        "auto": spectral where the physics allows, else reduced for more than 8 fields. ``HanleCurve.method`` says which path
        was taken and why.
    tolerance : float
        Algebraic error relative to the largest effect: held by a bound (spectral) or an estimate (reduced).
    progress : callable(done, total), optional
        Called on the direct path.

    Returns
    -------
    HanleCurve

    Raises
    ------
    InputError, SolveError
    SweepInterrupted
        On Ctrl-C; its ``partial`` is the finished part of the curve.
    """
    if method not in METHODS:
        raise InputError(f"hanle_curve: unknown method {method!r}; {suggest(method, METHODS)}", value=method)
    start = time.perf_counter()
    positive(tolerance, "1", "tolerance")
    fields = np.atleast_2d(fields_array(fields, "fields"))
    if len(fields) == 0:
        raise InputError("fields: needs at least one field")
    if method == "spectral" or (method == "auto" and refusal(problem) is None):
        why = "as asked" if method != "auto" else "one material, linear coupling, the same edge law for all components"
        return _spectral_curve(problem, fields, current, voltage, tolerance, start, f" ({why})")
    measurement = Measurement.of(problem, current, voltage)
    notes = warn_once(problem, fields)
    reason = f" ({'as asked' if method != 'auto' else refusal(problem)})"
    if problem.ordinary_hall and method == "reduced":
        raise InputError("hanle_curve: the reduced path needs matrices that are affine in B; with ordinary_hall use "
                         "method='direct'", value=method)
    if method == "reduced" or (not problem.ordinary_hall and method == "auto" and len(fields) > 8):
        return _reduced_curve(measurement, fields, (current, voltage), tolerance, reason, start, notes)
    rows: list[tuple[float, ...]] = []

    def curve() -> HanleCurve:
        change, hanle, residual, geometric = np.array(rows).T
        sign = _sign(measurement)
        found = _curve(problem, fields[:len(rows)], measurement.base, sign * change, sign * hanle, residual,
                      np.full(len(rows), np.nan), (current, voltage), f"direct, one factorisation for each field{reason}",
                      start, notes)
        return replace(found, geometric=geometric) if problem.ordinary_hall else found

    try:
        for row in measurement.sweep(fields):
            rows.append((*row, measurement.at(fields[len(rows)]).base - measurement.base))
            if progress is not None:
                progress(len(rows), len(fields))
    except KeyboardInterrupt as stop:
        raise SweepInterrupted(curve() if rows else None) from stop
    return curve()


def angle_scan(problem: Problem, magnitude: float, *, plane: str = "xy", n: int = 73, current: Any = None,
               voltage: Any = None, method: str = "auto") -> HanleCurve:
    """Resistance against the direction of a field of one magnitude (T), turned in a plane; see :func:`hanle_curve`."""
    return hanle_curve(problem, field_rotation(magnitude, n, plane), current=current, voltage=voltage, method=method)


def hanle_map(measure: SpectralMeasure, fields: Any, parameter: str, values: Any, *, plane: str = "xy") -> np.ndarray:
    """delta_R (ohm; rho on a cross-section) over fields and a parameter or an angle, without a new factorisation.

    Parameters
    ----------
    measure : SpectralMeasure
    fields : (n, 3) T
    parameter : str
        "theta", "tau", "diffusion_length", ... as in :meth:`SpectralMeasure.at`, or "angle".
    values : (m,)
        Angles in radians turn the fields in ``plane``, from its first axis to its second.  For diffusion lengths make the
        measure with ``lengths``.

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
        angles = np.atleast_1d(np.asarray(values, dtype=float))[:, None, None]
        a, b = (several @ first)[None, :, None], (several @ second)[None, :, None]
        turned = (several - several @ np.outer(first, first) - several @ np.outer(second, second)
                  + (a * np.cos(angles) - b * np.sin(angles)) * first + (a * np.sin(angles) + b * np.cos(angles)) * second)
        read = measure.rho if measure.current is None else measure.delta_R
        return np.asarray(read(turned.reshape(-1, 3))).reshape(turned.shape[:2])
    tuned = [measure.at(**{parameter: v}) for v in np.atleast_1d(np.asarray(values, dtype=float))]
    return np.array([m.rho(several) if m.current is None else m.delta_R(several) for m in tuned])


def _sign(measurement: Measurement) -> float:
    """What turns a measured change into delta_R, or into rho on a cross-section."""
    return -1.0 / measurement.base if measurement.system.problem.is_cross_section else 1.0


def _reduced_curve(measurement: Measurement, fields: np.ndarray, pairs: tuple[Any, Any], tolerance: float, reason: str,
                   start: float, notes: tuple[str, ...]) -> HanleCurve:
    found = reduced_sweep(measurement, fields, tolerance)
    if not found.converged:
        note = (f"reduced basis: the estimated error stays at {found.estimate.max() / np.abs(found.change).max():.1e} of the "
                f"largest change after {found.factorisations} factorisations; use method='direct' or fewer directions")
        warnings.warn(ConvergenceWarning(note), stacklevel=3)
        notes = (*notes, note)
    sign = _sign(measurement)
    return _curve(measurement.system.problem, fields, measurement.base, sign * found.change, sign * found.hanle,
                  np.full(len(fields), found.residual), abs(sign) * found.estimate, pairs,
                  f"reduced basis of {found.size} vectors from {found.factorisations} factorisations{reason}", start, notes)


def _spectral_curve(problem: Problem, fields: np.ndarray, current: Any, voltage: Any, tolerance: float,
                    start: float, reason: str) -> HanleCurve:
    measure = spectral_measure(problem, current=current, voltage=voltage, tolerance=tolerance, fields=fields)
    notes = warn_once(problem, fields)
    f, change = measure.response(fields)
    count = len(measure.rates)
    return _curve(problem, fields, measure.R_ohmic, f * measure.unit, change * measure.unit,
                  np.full(len(fields), measure.residual), abs(measure.unit) * measure.bound(fields), (current, voltage),
                  f"spectral, {count} poles from one factorisation{reason}", start, notes)


def _curve(problem: Problem, fields: np.ndarray, base: float, effect: np.ndarray, change: np.ndarray, residual: np.ndarray,
           error: np.ndarray, pairs: tuple[Any, Any], method: str, start: float, notes: tuple[str, ...]) -> HanleCurve:
    """``effect`` and ``change`` are delta_R and hanle of a device, or rho(B) and rho(B) - rho(0) of a cross-section."""
    section = problem.is_cross_section
    zero = float(np.median(effect - change))  # the value at B = 0, known to round-off at every field
    with np.errstate(divide="ignore", invalid="ignore"):
        rho, rho_change = (effect, change) if section else (effect / base, change / base)
        rho_star = np.where(change == 0.0, 0.0, -change / zero)
    nothing = np.full(len(fields), np.nan)
    return HanleCurve(
        fields=fields, delta_R=nothing if section else effect, hanle=nothing if section else change,
        R_ohmic=float("nan") if section else base, rho=rho, rho_change=rho_change,
        rho_star=rho_star,
        delta_R_strip=nothing if section else base * strip_rho(problem, fields, pairs[0]), residual=residual,
        algebraic_error=error,
        current=None if section else tuple(pairs[0]), voltage=None if section else tuple(pairs[1]), method=method,
        summary=repr(problem), seconds=time.perf_counter() - start, warnings=notes)


def strip_rho(problem: Problem, fields: np.ndarray, current: Any) -> np.ndarray:
    """rho(B) of an infinite strip of the same material, as wide as the contact at which the current enters, (n,)."""
    if not problem.uniform:
        return np.full(len(fields), np.nan)
    contact = problem.contacts[current[0]]
    mesh = problem.mesh.mesh
    ends = mesh.p[:, mesh.facets[:, problem.mesh.boundaries[contact.boundary or current[0]]]]
    width = float(np.sum(np.linalg.norm(ends[:, 1] - ends[:, 0], axis=0)))
    strip = Problem(cross_section(width), problem.material, detection=problem.detection)
    rho = np.full(len(fields), np.nan)
    steady = precession_squared(problem.material, fields) > -1.0  # beyond, a strip with reflecting edges has no steady state
    if np.any(steady):
        rho[steady] = spectral_measure(strip, fields=fields[steady]).rho(fields[steady])
    return rho


def write_table(columns: dict[str, tuple[str, np.ndarray]], path: str | Path) -> Path:
    """{name: (unit, values)} as CSV with the unit in the header and 17 significant digits."""
    path = Path(path)
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow([f"{name} [{unit}]" for name, (unit, _) in columns.items()])
        writer.writerows([[f"{v:.17g}" for v in row] for row in zip(*(v for _, v in columns.values()), strict=True)])
    return path
