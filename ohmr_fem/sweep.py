"""Fields in, curves out."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .errors import InputError, SweepInterrupted, suggest
from .observables import Measurement, warn_once
from .problem import Problem
from .units import fields_array

DIRECTIONS = {"x": (1.0, 0.0, 0.0), "y": (0.0, 1.0, 0.0), "z": (0.0, 0.0, 1.0)}


def field_sweep(start: float, stop: float, n: int, direction: Any = "x") -> np.ndarray:
    """``n`` evenly spaced fields along a direction, shape (n, 3) in T.

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
    if isinstance(n, bool) or int(n) != n or n < 1:
        raise InputError(f"field_sweep: the number of fields must be a positive integer, got {n!r}", value=n)
    if not np.all(np.isfinite([start, stop])):
        raise InputError(f"field_sweep: start and stop must be finite tesla, got {start!r}, {stop!r}")
    return np.linspace(float(start), float(stop), int(n))[:, None] * (unit / size)


@dataclass(frozen=True, eq=False)
class HanleCurve:
    """Resistance against field.

    Attributes
    ----------
    fields : (n, 3) T
    delta_R, hanle : (n,) ohm
        R - R_ohmic and R(B) - R(0), each solved for directly; NaN on a cross-section.
    R_ohmic : float, ohm
        Resistance without orbital Hall effect; NaN on a cross-section.
    rho : (n,)
        Eq. (7): minus the relative change of the current of a cross-section; delta_R/R_ohmic for a device.
    rho_star : (n,)
        Eq. (8): 1 - f(B)/f(0), the part of the zero-field effect that the field has removed.
    residual : (n,)
        Largest relative residual behind each point.
    current, voltage : pairs of contact names, or None
    method, summary : str
    seconds : float
    warnings : tuple of str
    """

    fields: np.ndarray
    delta_R: np.ndarray
    hanle: np.ndarray
    R_ohmic: float
    rho: np.ndarray
    rho_star: np.ndarray
    residual: np.ndarray
    current: tuple[str, str] | None
    voltage: tuple[str, str] | None
    method: str
    summary: str
    seconds: float
    warnings: tuple[str, ...] = ()

    @property
    def R(self) -> np.ndarray:
        """V/I at each field, (n,) ohm."""
        return self.R_ohmic + self.delta_R

    @property
    def magnitude(self) -> np.ndarray:
        """Signed |B| along the direction of the last field, for plotting, (n,) T."""
        direction = self.fields[int(np.argmax(np.linalg.norm(self.fields, axis=1)))]
        size = np.linalg.norm(self.fields, axis=1)
        return np.asarray(size * np.where(self.fields @ direction < 0, -1.0, 1.0))

    def columns(self) -> dict[str, tuple[str, np.ndarray]]:
        """{name: (unit, values)} in the order of the table."""
        table = {f"B_{axis}": ("T", self.fields[:, i]) for i, axis in enumerate("xyz")}
        if self.current is not None:
            ohmic = np.full(len(self.fields), self.R_ohmic)
            table |= {"R": ("ohm", self.R), "R_ohmic": ("ohm", ohmic), "delta_R": ("ohm", self.delta_R),
                      "hanle": ("ohm", self.hanle)}
        table |= {"rho": ("1", self.rho), "rho_star": ("1", self.rho_star), "residual": ("1", self.residual)}
        return table

    def to_csv(self, path: str | Path) -> Path:
        """Write the table with units in the header, e.g. ``delta_R [ohm]``; 17 significant digits."""
        path = Path(path)
        table = self.columns()
        with path.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream)
            writer.writerow([f"{name} [{unit}]" for name, (unit, _) in table.items()])
            writer.writerows([[f"{v:.17g}" for v in row] for row in zip(*(v for _, v in table.values()), strict=True)])
        return path

    def __repr__(self) -> str:
        what = "cross-section" if self.current is None else f"current {self.current}, voltage {self.voltage}"
        sizes = np.linalg.norm(self.fields, axis=1)
        return (f"HanleCurve({what}; {len(self.fields)} fields, |B| {sizes.min():g} to {sizes.max():g} T; "
                f"rho {self.rho.min():.4g} to {self.rho.max():.4g}; {self.method})")


def hanle_curve(problem: Problem, fields: Any, *, current: Any = None, voltage: Any = None,
                progress: Callable[[int, int], None] | None = None) -> HanleCurve:
    """Resistance against field, R_ij,kl(B).

    Parameters
    ----------
    problem : Problem
    fields : (n, 3) floats, T
        See :func:`field_sweep`.
    current, voltage : pairs of contact names
        As for :func:`resistance`; left out on a cross-section.
    progress : callable(done, total), optional

    Returns
    -------
    HanleCurve

    Raises
    ------
    InputError, SolveError
    SweepInterrupted
        On Ctrl-C; its ``partial`` is the finished part of the curve.
    """
    start = time.perf_counter()
    fields = np.atleast_2d(fields_array(fields, "fields"))
    if len(fields) == 0:
        raise InputError("fields: needs at least one field")
    measurement = Measurement.of(problem, current, voltage)
    notes = warn_once(problem, fields)
    rows: list[tuple[float, float, float]] = []

    def curve() -> HanleCurve:
        return _curve(problem, measurement, fields[:len(rows)], np.array(rows), current, voltage, start, notes)

    try:
        for row in measurement.sweep(fields):
            rows.append(row)
            if progress is not None:
                progress(len(rows), len(fields))
    except KeyboardInterrupt as stop:
        raise SweepInterrupted(curve() if rows else None) from stop
    return curve()


def _curve(problem: Problem, measurement: Measurement, fields: np.ndarray, rows: np.ndarray, current: Any, voltage: Any,
           start: float, notes: tuple[str, ...]) -> HanleCurve:
    change, hanle, residual = rows.T
    zero = float(np.median(change - hanle))  # the value at B = 0, known to round-off at every field
    with np.errstate(divide="ignore", invalid="ignore"):
        sign = -1.0 if problem.is_cross_section else 1.0
        rho = sign * change / measurement.base
        rho_star = np.where(hanle == 0.0, 0.0, -hanle / zero)
    nothing = np.full(len(fields), np.nan)
    section = problem.is_cross_section
    return HanleCurve(
        fields=fields, delta_R=nothing if section else change, hanle=nothing if section else hanle,
        R_ohmic=float("nan") if section else measurement.base, rho=rho, rho_star=rho_star, residual=residual,
        current=None if section else tuple(current), voltage=None if section else tuple(voltage),
        method="direct: one factorisation for each field", summary=repr(problem),
        seconds=time.perf_counter() - start, warnings=notes)
