"""Time: what follows a change of drive or field."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError, SweepInterrupted
from ..errors.doors import door
from ..files import Columns, Table
from ..model.drive import Drive
from ..model.problem import Problem
from ..solver import forms
from ..solver.linear import SYMMETRIC, Solver
from ..solver.resistance import Measurement, warn_once
from ..solver.solution import Solution
from ..solver.solve import ohmic_potential
from ..solver.stability import check_stability
from ..solver.system import refuse_film, system_of
from ..sweep.curve import field_columns, terminals_text
from ..sweep.route import choose, refusal
from ..units import array_si, positive, shown
from .evolution import Checkpoint, Evolution
from .modes import Modes, evolve, modes_of
from .waveform import Waveform, check_times

METHODS = ("auto", "spectral", "stepping")


@dataclass(frozen=True, eq=False, repr=False)
class Transient(Table):
    """What a device does in time.

    Attributes
    ----------
    times : (n,) s
    drive : (n,) A into the first contact of the current pair (V/m along x on a cross-section),
    after a jump
    field : (n, 3) T, after a jump
    ohmic, orbital : (n,) V; on a cross-section the current along x, in A per metre of depth or A/m
    x m
        What the voltage pair reads without the orbital Hall effect, and what the inverse effect
        adds to it.
    method : str
    steps, rejected : int
        Steps taken and refused; 0 on the spectral path.
    current, voltage : pairs of contact names, or None
    summary : str
    seconds : float, s
    warnings : tuple of str
    moment_dofs, orbital_dofs : (n, 3, N) as in :class:`Solution`, (n, N) V, or None
        Kept with keep_fields=True; see :meth:`solution`.
    problem : Problem
        The one that was solved.
    """

    times: np.ndarray
    drive: np.ndarray
    field: np.ndarray
    ohmic: np.ndarray
    orbital: np.ndarray
    method: str
    steps: int
    rejected: int
    current: tuple[str, str] | None
    voltage: tuple[str, str] | None
    summary: str
    seconds: float
    problem: Problem
    warnings: tuple[str, ...] = ()
    moment_dofs: np.ndarray | None = None
    orbital_dofs: np.ndarray | None = None

    @property
    def delta_R(self) -> np.ndarray:
        """Orbital voltage over the current of the same instant, (n,) ohm; NaN where there is no
        current.

        Raises
        ------
        InputError
            On a cross-section, which has no resistance.
        """
        if self.current is None:
            raise InputError("delta_R: a cross-section has no resistance; use rho")
        return _ratio(self.orbital, self.drive)

    @property
    def rho(self) -> np.ndarray:
        """Minus the relative change of the current of a cross-section (Eq. (7)); delta_R/R_ohmic
        for a device, (n,).
        """
        return _ratio(self.orbital, self.ohmic) * (-1.0 if self.current is None else 1.0)

    def solution(self, index: int) -> Solution:
        """All fields at one output time; needs keep_fields=True.

        The moment balance of this Solution misses the rate of change of the moment density.

        Parameters
        ----------
        index : int
            Of the output time in ``times``.

        Returns
        -------
        Solution

        Raises
        ------
        InputError
            The fields were not kept.
        """
        if self.moment_dofs is None or self.orbital_dofs is None:
            raise InputError(
                "solution: the fields were not kept; run transient(..., keep_fields=True)"
            )
        system = system_of(self.problem, self.field[index], with_spin=True)
        amount = float(self.drive[index])
        if self.current is None:
            given = Drive({}, {}, amount)
        else:
            given = Drive.between(self.current, amount)
        ohmic, residual = ohmic_potential(system, given)
        orbital = self.orbital_dofs[index]
        if self.current is not None:
            # one zero for the whole series, whatever the sign of the drive
            ohmic = system.with_zero_at(self.current[1], ohmic)
            orbital = system.with_zero_at(self.current[1], orbital)
        return Solution(
            self.problem,
            self.field[index],
            given,
            ohmic,
            orbital,
            self.moment_dofs[index],
            {"potential": residual},
            0,
            self.method,
            self.seconds,
            self.warnings,
        )

    def solutions(self) -> list[Solution]:
        """:meth:`solution` at every output time, e.g. for a ParaView series.

        Returns
        -------
        list of Solution

        Raises
        ------
        InputError
            The fields were not kept.
        """
        return [self.solution(i) for i in range(len(self.times))]

    def columns(self) -> Columns:
        """The table, one row for each output time.

        Returns
        -------
        {name: (unit, values)}
            "t" in s, "I" in A ("E_x" in V/m on a section), the field in T, "ohmic" and "orbital" in
            V (A or A/m), "delta_R" in ohm, "rho".
        """
        device = self.current is not None
        unit = "V" if device else "A/m" if self.problem.mesh.dim == 1 else "A"
        table = {
            "t": ("s", self.times),
            "I" if device else "E_x": ("A" if device else "V/m", self.drive),
        }
        table |= field_columns(self.field)
        table |= {"ohmic": (unit, self.ohmic), "orbital": (unit, self.orbital)}
        return (
            table
            | ({"delta_R": ("ohm", self.delta_R)} if device else {})
            | {"rho": ("1", self.rho)}
        )

    def axes(self) -> dict[str, tuple[int, tuple[str, ...]]]:
        """The dimension of :meth:`to_xarray`.

        Returns
        -------
        {dimension: (length, names of the columns along it)}
            "t" alone.
        """
        return {"t": (len(self.times), ("t",))}

    def _summary(self) -> Iterable[str]:
        lowest, highest = self.orbital.min(), self.orbital.max()
        yield terminals_text(self.current, self.voltage)
        yield f"{len(self.times)} times, {self.times[0]:g} to {self.times[-1]:g} s"
        yield f"orbital part {lowest:.4g} to {highest:.4g}"
        yield self.method


@door
def transient(
    problem: Problem,
    times: Any,
    field: Any = (0.0, 0.0, 0.0),
    drive: Any = 1.0,
    *,
    current: Any = None,
    voltage: Any = None,
    initial: Any = None,
    method: str = "auto",
    tolerance: float = 1e-8,
    keep_fields: bool = False,
    checkpoint: str | Path | None = None,
    solver: Solver | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Transient:
    """Follow Eq. (2) in time; the potential follows at once.

    Parameters
    ----------
    problem : Problem
    times : (n,) floats, s
        Output times, increasing; the run starts at the first.
    field : (3,) T, or a function t -> (3,), or (times, (m, 3) values), piecewise linear
    drive : float, or a function of t in s, or (times, values), piecewise linear, a time given twice
    is a jump
        Current into the first contact of ``current`` (A), or field along x on a cross-section
        (V/m).  A number is a switch-on at the first time unless ``initial`` says otherwise.
    current, voltage : pairs of contact names; left out on a cross-section
    initial : None, "steady", (3,), Solution, or a function of position
        No moments (default); the steady state of the first field and drive; a uniform moment
        density in C/m^2; that of a solution of the same problem; or f(x, y) -> (3, ...) in C/m^2.
    method : str
        "spectral": exponentials of the spectral measure (one material, linear coupling, one
        scalar edge law; with a relaxation tensor or a spin from rest or the steady state, without
        fields kept; fields and drives that are not piecewise constant or linear are integrated
        on its few modes); "stepping": Radau IIA on the finite elements, any problem; "auto":
        spectral where it applies.
    tolerance : float
        Stepping: local error of a step relative to the largest moment density.  Spectral: change of
        the step response with the number of poles, an estimate.  Neither says anything of the mesh.
    keep_fields : bool
        Keep potential and moment density at every output time, for :meth:`Transient.solution` and
        ParaView.
    checkpoint : path, optional
        Stepping: written after every step, and resumed from if it exists; a resumed run gives the
        same numbers.  The spectral path takes seconds and ignores it.
    solver : Solver, optional
        As for :func:`hanle_curve`; stepping asks it for real and complex matrices.
    progress : callable(done, total), optional

    Returns
    -------
    Transient

    Raises
    ------
    InputError
        Times not increasing, a drive or field of the wrong shape, a damaged or foreign checkpoint.
    SolveError
        Time-step underflow.
    SweepInterrupted
        On Ctrl-C while stepping; its ``partial`` is the finished part.
    """
    start = time.perf_counter()
    refuse_film(problem)
    further = _needs_steps(problem, initial, keep_fields) if refusal(problem) is None else None
    route = choose("transient", method, METHODS, problem, further=further)
    given, tolerance = tolerance, positive(tolerance, "1", "tolerance")
    if not 1e-13 < tolerance < 0.1:
        raise InputError(
            f"must lie between 1e-13 and 0.1, got {shown(given)}", value=given, key="tolerance"
        )
    times = check_times(times)
    amount = "V/m" if problem.is_cross_section else "A"
    waves = (
        Waveform.parse(field, "field", (3,), "T"),
        Waveform.parse(drive, "drive", unit=amount),
    )
    measurement = Measurement.of(problem, current, voltage, solver)
    fields = np.array([waves[0](t) for t in times])
    run = _Run(
        problem,
        measurement,
        times,
        *waves,
        fields,
        tolerance,
        keep_fields,
        warn_once(problem, fields, measurement.share),
        start,
        route.remark,
    )
    if route.method == "spectral":
        return run.spectral(initial)
    return run.stepping(initial, checkpoint, progress)


def _needs_steps(problem: Problem, initial: Any, keep_fields: bool) -> str | None:
    """Why a material, an initial state or an injection needs time steps."""
    if not problem.uniform and keep_fields:
        return "fields are kept of components that relax at different rates, or of two channels"
    if any(m.injects for m in problem.moment_conditions().values()):
        return "an edge injects moment"
    if initial is None or (isinstance(initial, str) and initial == "steady"):
        return None
    if callable(initial) or isinstance(initial, Solution):
        return "the initial moment density is not uniform"
    if not problem.uniform:
        return "a uniform moment density relaxes at several rates, or in two channels"
    if problem.polarised:
        return "a polarised contact reads the uniform moment density"
    if problem.moment_conditions():
        return "a uniform moment density is no mode where an edge absorbs"
    return (
        "alpha = 0 leaves no mode to measure"
        if problem.material.orbital_hall_angle == 0.0
        else None
    )


@dataclass(frozen=True, eq=False)
class _Run:
    """One transient: what both paths share."""

    problem: Problem
    measurement: Measurement
    times: np.ndarray
    field: Waveform
    drive: Waveform
    fields: np.ndarray
    tolerance: float
    keep_fields: bool
    notes: tuple[str, ...]
    start: float
    reason: str

    @property
    def unit(self) -> float:
        """What turns a reading of the measurement into V or the current of a section."""
        s = self.measurement.system.scales
        return (
            s.conductivity * s.length**self.problem.mesh.dim
            if self.problem.is_cross_section
            else 1.0
        )

    def result(
        self,
        count: int,
        orbital: np.ndarray,
        method: str,
        steps: int,
        rejected: int,
        moments: np.ndarray | None,
        potentials: np.ndarray | None,
    ) -> Transient:
        """The first ``count`` output times."""
        drive = np.array([float(self.drive(t)) for t in self.times[:count]])
        base = [self.measurement.at(B).base for B in self.fields[:count]]
        current, voltage = self.measurement.pairs
        return Transient(
            self.times[:count],
            drive,
            self.fields[:count],
            self.unit * np.array(base) * drive,
            orbital,
            method,
            steps,
            rejected,
            current,
            voltage,
            repr(self.problem),
            time.perf_counter() - self.start,
            self.problem,
            self.notes,
            moments,
            potentials,
        )

    def spectral(self, initial: Any) -> Transient:
        """Modes of the spectral measure."""
        extremes = (
            self.fields
            if self.field.function is None or len(self.fields) > 2
            else np.array([self.field(t) for t in np.linspace(self.times[0], self.times[-1], 65)])
        )
        extremes = (
            np.concatenate([extremes, self.field.values]) if self.field.values.size else extremes
        )
        modes = modes_of(
            self.problem,
            *self.measurement.pairs,
            extremes,
            self.times,
            self.tolerance,
            self.measurement.solver or SYMMETRIC,
        )
        c = np.zeros_like(modes.source)
        factor = self._moment_unit(modes)
        if isinstance(initial, str):
            _check_initial(initial)
            check_stability(self.measurement.system, self.fields[0])
            c = modes.steady(self.fields[0]) * float(self.drive(self.times[0]))
        elif initial is not None:
            c[-1] = _vector(initial) / factor
        found = evolve(modes, c, self.times, self.field, self.drive, self.tolerance)
        signal = modes.signal(found)
        orbital = (
            signal
            if not self.problem.is_cross_section
            else -signal * self.unit * self.measurement.base
        )
        exact = (
            self.drive.function is None
            and self.field.function is None
            and (
                self.field.constant
                or not any(np.any(self.field.piece(a, a)[1]) for a in self.field.times)
            )
        )
        how = "exponentials" if exact else "integrated by Radau on these modes"
        fields = self._spectral_fields(modes, found * factor) if self.keep_fields else (None, None)
        return self.result(
            len(self.times),
            orbital,
            f"spectral, {len(modes.rates) - 1} poles, {how}",
            0,
            0,
            *fields,
        )

    def _moment_unit(self, modes: Modes) -> float:
        """Moment density in C/m^2 of a mode with coefficient one."""
        return modes.measure.moment_unit

    def _spectral_fields(self, modes: Modes, c: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Coefficients of the moments (n, 3, N) and of the orbital potential (n, N); c (n, m, 3) in
        C/m^2.
        """
        system = self.measurement.system
        shapes = np.column_stack([modes.measure.projection.vectors, system.one])  # type: ignore[list-item]
        n = np.einsum("ik,tkd->tdi", shapes, c, optimize=True)
        V = np.zeros((len(c), system.N))
        if self.problem.mesh.dim == 2:
            moments = n.reshape(len(c), -1).T / system.moment_unit
            V = system.orbital_potential(moments, solver=self.measurement.solver)[0].T
        return n, V

    def stepping(
        self, initial: Any, path: str | Path | None, progress: Callable[[int, int], None] | None
    ) -> Transient:
        """Radau IIA on the finite elements."""
        evolution = Evolution(self.measurement, self.field, self.drive, self.times, self.tolerance)
        n = self._initial(initial, evolution)
        N = self.measurement.system.N
        moments = self.measurement.system.keep.shape[0]
        width = moments + N if self.keep_fields else 0
        store = (
            Checkpoint(Path(path), evolution.fingerprint(n), width) if path is not None else None
        )
        saved = store.load() if store is not None else None
        signal: list[float] = [] if saved is None else list(saved[1])
        rows: list[np.ndarray] = [] if saved is None else list(saved[2])
        at = None if saved is None else saved[0]

        def finished() -> Transient:
            stored = np.array(rows).reshape(len(signal), -1, N) if self.keep_fields else None
            unit = self.measurement.system.moment_unit
            return self.result(
                len(signal),
                self.unit * np.array(signal),
                f"stepping, Radau IIA of order 5{self.reason}",
                0 if at is None else at.accepted,
                0 if at is None else at.rejected,
                None if stored is None else stored[:, :-1] * unit,
                None if stored is None else stored[:, -1],
            )

        try:
            for step in evolution.positions(n, at):
                at = step
                row = None
                where = evolution.stops[at.stretch]
                if (
                    at.count == 0
                    and len(signal) < len(self.times)
                    and where == self.times[len(signal)]
                ):
                    value, moments, potential = evolution.read(at.y, self.fields[len(signal)])
                    signal.append(value)
                    row = np.concatenate([moments, potential])
                    rows += [row] if self.keep_fields else []
                    if progress is not None:
                        progress(len(signal), len(self.times))
                if store is not None:
                    store.save(at, signal, row)
        except KeyboardInterrupt as stop:
            raise SweepInterrupted(finished() if signal else None) from stop
        return finished()

    def _initial(self, initial: Any, evolution: Evolution) -> np.ndarray:
        """Kept moments at the first time, in the units of the system."""
        system = self.measurement.system
        if initial is None:
            return np.zeros(evolution.moments)
        if isinstance(initial, str):
            _check_initial(initial)
            return evolution.steady(self.fields[0], float(self.drive(self.times[0])))
        if isinstance(initial, Solution):
            if initial.moment_dofs.size != system.keep.shape[0]:
                raise InputError(
                    f"initial: the solution has {initial.moment_dofs.shape[1]} unknowns, the "
                    f"problem {system.N}; "
                    "solve the same problem"
                )
            if initial.has_jumps != system.has_jumps:
                raise InputError(
                    "initial: the solution keeps something else continuous between regions; give "
                    "both problems one interface rule"
                )
            return np.asarray(system.keep.T @ initial.moment_dofs.ravel()) / system.moment_unit
        x = np.asarray(system.basis.global_coordinates()) * system.scales.length
        given = (
            array_si(initial(*x), "C/m**2", "initial", finite=False)
            if callable(initial)
            else _vector(initial)[:, None, None]
        )
        if given.shape[:1] != (3,) or not np.all(np.isfinite(given)):
            raise InputError(
                "initial: the function must return finite values of shape (3, ...), got "
                f"{given.shape}"
            )
        loads = [
            forms.load.assemble(system.basis, a=np.broadcast_to(v, x.shape[1:]).copy())
            for v in given
        ]
        if system.spin is not None:  # what is given is orbital moment
            loads += [np.zeros(system.N)] * 3
        factors = (self.measurement.solver or SYMMETRIC).factorise(system.mass_matrix)
        n, _ = factors.solve(system.keep.T @ np.concatenate(loads))
        return np.asarray(n / system.scales.moment)


def _check_initial(initial: str) -> None:
    if initial != "steady":
        raise InputError(
            f"initial: {initial!r} is not known; give 'steady', a vector (3,), a Solution or a "
            "function",
            value=initial,
        )


def _vector(value: Any) -> np.ndarray:
    out = np.empty(0) if callable(value) else array_si(value, "C/m**2", "initial")
    if out.shape != (3,):
        raise InputError(
            "initial: expected 'steady', a vector (3,) in C/m^2, a Solution or a function, got "
            f"{value!r}"
        )
    return out


def _ratio(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.divide(a, b, out=np.full(len(a), np.nan), where=b != 0.0)
