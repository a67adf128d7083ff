"""R(B) of a device against a gate: the materials change with the gate, the mesh and the contacts
stay.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import SolveError, SweepInterrupted
from ..errors.doors import door
from ..files import Columns, Table
from ..model.material import Material, precession_squared
from ..model.problem import Problem
from ..units import ELECTRON_MASS, fields_array, vector_si
from .curve import HanleCurve, field_columns
from .hanle import hanle_curve
from .shared import SharedMeasures

STEADY = 0.999
"""Largest |omega| tau of a torque that amplifies (theta < 0) at which a steady state is asked for
after a refusal.
"""


@dataclass(frozen=True, eq=False, repr=False)
class GateMap(Table):
    """Resistance against gate and field; ``R`` = R_ohmic + delta_R is V/I, (m, n) ohm.

    Attributes
    ----------
    parameter, unit : str
        What was swept, such as "displacement" in "eV".
    values : (m,)
    fields : (n, 3) T
    delta_R, hanle : (m, n) ohm
        R - R_ohmic and R(B) - R(0); NaN where there is no steady state (theta < 0 and |omega| tau
        >= 1), and on a cross-section.
    R_ohmic : (m,) ohm; NaN on a cross-section
    rho, rho_change, rho_star : (m, n)
        As of :class:`HanleCurve`.
    residual : (m,)
        Largest backward error of the linear systems behind each row.
    materials : tuple of {region: Material}, one for each value
    current, voltage : pairs of contact names, or None
    seconds : float, s
    """

    parameter: str
    unit: str
    values: np.ndarray
    fields: np.ndarray
    delta_R: np.ndarray
    hanle: np.ndarray
    R_ohmic: np.ndarray
    rho: np.ndarray
    rho_change: np.ndarray
    rho_star: np.ndarray
    residual: np.ndarray
    materials: tuple[Mapping[str, Material], ...]
    current: tuple[str, str] | None
    voltage: tuple[str, str] | None
    seconds: float

    @property
    def R(self) -> np.ndarray:
        """V/I, (m, n) ohm."""
        return np.asarray(self.R_ohmic[:, None] + self.delta_R)

    @property
    def steady(self) -> np.ndarray:
        """(m, n) True where a steady state exists and was solved for."""
        return np.isfinite(self.rho)

    def columns(self) -> Columns:
        """The table, one row for each gate and field, the gate slowest.

        Returns
        -------
        {name: (unit, values)}
            The gate in its unit, fields in T, resistances in ohm, rho and its kin as ratios.
        """
        m, n = self.rho.shape
        table = {self.parameter: (self.unit, np.repeat(self.values, n))}
        table |= field_columns(np.tile(self.fields, (m, 1)))
        names = ["rho", "rho_change", "rho_star"]
        if self.current is not None:
            table["R_ohmic"] = ("ohm", np.repeat(self.R_ohmic, n))
            names = ["R", "delta_R", "hanle", *names]
        table |= {
            name: ("1" if name.startswith("rho") else "ohm", getattr(self, name).ravel())
            for name in names
        }
        return table | {"residual": ("1", np.repeat(self.residual, n))} | self._of_materials(n)

    def _of_materials(self, n: int) -> Columns:
        """What the gate changed, region by region."""
        out: Columns = {}
        for region in self.materials[0]:
            where = f"_{region}" if len(self.materials[0]) > 1 else ""
            several = [m[region] for m in self.materials]
            if not all(m.uniform for m in several):
                continue
            for name, unit in (("sheet_conductivity", "S"), ("diffusion_length", "m")):
                out[name + where] = (unit, np.repeat([getattr(m, name) for m in several], n))
            for a in range(3):
                out[f"X_{'xyz'[a] * 2}{where}"] = (
                    "1/m_e",
                    np.repeat([m.X[a, a] * ELECTRON_MASS for m in several], n),
                )
        return out

    def axes(self) -> dict[str, tuple[int, tuple[str, ...]]]:
        """The dimensions of :meth:`to_xarray`.

        Returns
        -------
        {dimension: (length, names of the columns along it)}
            The gate, then "field".
        """
        m, n = self.rho.shape
        return {
            self.parameter: (m, (self.parameter,)),
            "field": (n, ("B_x", "B_y", "B_z")),
        }

    def _summary(self) -> Iterable[str]:
        yield (
            f"{len(self.values)} values of {self.parameter} from {self.values.min():g} to "
            f"{self.values.max():g} {self.unit}, {len(self.fields)} fields"
        )
        lowest, highest = np.nanmin(self.rho_change), np.nanmax(self.rho_change)
        yield f"rho_change {lowest:.4g} to {highest:.4g}"
        lost = int((~self.steady).sum())
        if lost:
            yield f"{lost} points without a steady state"


@door
def gate_map(
    problem: Problem,
    materials: Callable[[float], Any],
    values: Any,
    fields: Any,
    *,
    current: Any = None,
    voltage: Any = None,
    parameter: str = "displacement",
    unit: str = "eV",
    method: str = "auto",
    progress: Callable[[int, int], None] | None = None,
) -> GateMap:
    """R(B) for every value of a gate.

    Parameters
    ----------
    problem : Problem
        Mesh, contacts and edges; its materials are replaced.
    materials : callable(value)
        Returns a Material or {region: Material}, for instance
        ``lambda v: presets.bilayer_graphene(density="1e12 cm**-2", displacement=v, ...)``.
    values : (m,)
        Of the gate, in ``unit``.
    fields : (n, 3) T
    current, voltage, method
        As of :func:`hanle_curve`.
    parameter, unit : str
        For tables and figures.
    progress : callable(done, total), optional

    Returns
    -------
    GateMap
        NaN at fields where the torque amplifies (theta < 0) so much that no steady state exists.

    Raises
    ------
    InputError, SolveError
        As :func:`hanle_curve`, but for fields without a steady state.
    SweepInterrupted
        On Ctrl-C; its ``partial`` is the finished part of the map, or None.
    """
    start = time.perf_counter()
    values = vector_si(values, unit, "values")
    fields = np.atleast_2d(fields_array(fields, "fields"))
    rows: list[_Row] = []

    def finished() -> GateMap:
        return _join(rows, values[: len(rows)], fields, parameter, unit, (current, voltage), start)

    asked = {"current": current, "voltage": voltage, "method": method}
    shared = SharedMeasures((current, voltage)) if method in ("auto", "spectral") else None

    def curve(tuned: Problem, several: np.ndarray) -> HanleCurve:
        if shared is not None and shared.serves(tuned):
            return shared.curve(tuned, several)
        return hanle_curve(tuned, several, **asked)

    try:
        for value in values:
            tuned = dataclasses.replace(problem, materials=materials(float(value)))
            rows.append(_row(tuned, fields, curve))
            if progress is not None:
                progress(len(rows), len(values))
    except KeyboardInterrupt as stop:
        raise SweepInterrupted(finished() if rows else None) from stop
    return finished()


@dataclass(frozen=True, eq=False)
class _Row:
    problem: Problem
    curve: HanleCurve | None
    steady: np.ndarray

    def full(self, name: str) -> np.ndarray:
        """A column of the curve, NaN at the fields left out."""
        out = np.full(len(self.steady), np.nan)
        if self.curve is not None:
            out[self.steady] = getattr(self.curve, name)
        return out


def _row(
    problem: Problem, fields: np.ndarray, curve: Callable[[Problem, np.ndarray], HanleCurve]
) -> _Row:
    everything = np.ones(len(fields), dtype=bool)
    try:
        return _Row(problem, curve(problem, fields), everything)
    except SolveError:
        # omega^2 < 0 is growth, and beyond -1 (in 1/tau^2) no edge helps where all of them reflect
        plain = [m for m in problem.materials.values() if not callable(m.inverse_mass)]
        squared = [precession_squared(m, fields) for m in plain]
        worst = np.min(squared or [np.zeros(len(fields))], axis=0)
        steady = worst > -(STEADY**2)
    # without the fields to blame; another cause fails again
    found = curve(problem, fields[steady]) if np.any(steady) else None
    return _Row(problem, found, steady)


def _join(
    rows: list[_Row],
    values: np.ndarray,
    fields: np.ndarray,
    parameter: str,
    unit: str,
    pairs: tuple[Any, Any],
    start: float,
) -> GateMap:
    arrays = {
        name: np.array([row.full(name) for row in rows])
        for name in ("delta_R", "hanle", "rho", "rho_change", "rho_star")
    }
    curves = [row.curve for row in rows]
    section = rows[0].problem.is_cross_section
    return GateMap(
        parameter=parameter,
        unit=unit,
        values=values,
        fields=fields,
        **arrays,
        R_ohmic=np.array([np.nan if c is None else c.R_ohmic for c in curves]),
        residual=np.array([np.nan if c is None else float(np.max(c.residual)) for c in curves]),
        materials=tuple(row.problem.materials for row in rows),
        current=None if section else tuple(pairs[0]),
        voltage=None if section else tuple(pairs[1]),
        seconds=time.perf_counter() - start,
    )
