"""The finite-element equations in time, for any problem: M dn/dt + A(B(t)) n = drive(t) source +
injection.

With full coupling the potential comes along without a time derivative (charges follow at once).
Checkpoints are written after every step, to a temporary name that replaces the last one; a resumed
run repeats the same numbers.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from ..errors import InputError
from ..files import atomic_path
from ..solver.linear import GENERAL
from ..solver.resistance import Measurement
from ..solver.solve import moment_inertia, moment_matrix
from ..solver.system import System
from .radau import Position, Stepper, Stretch
from .waveform import Waveform, stops_between

FORMAT = "ohmr_fem/transient/1"
#: First step, in relaxation times.
FIRST_STEP = 0.01


@dataclass(frozen=True, eq=False)
class Evolution:
    """A measurement whose field (3,) T and drive (A, or V/m on a section) vary in time.

    State y: kept moments, or with full coupling the free potential and the kept moments.
    """

    measurement: Measurement
    field: Waveform
    drive: Waveform
    times: np.ndarray
    tolerance: float
    _recent: dict[bytes, tuple[csr_array, np.ndarray, System]] = dataclass_field(
        default_factory=dict
    )

    def at(self, B: np.ndarray) -> tuple[csr_array, np.ndarray, System]:
        """Matrix, source per unit drive on the kept moments, and system at a field; the last few
        are kept.
        """
        key = np.asarray(B, dtype=float).tobytes()
        if key not in self._recent:
            while len(self._recent) >= 5:
                self._recent.pop(next(iter(self._recent)))
            here = self.measurement.at(B)
            system = here.system
            self._recent[key] = moment_matrix(system, B), system.keep.T @ here.source, system
        return self._recent[key]

    @functools.cached_property
    def moments(self) -> int:
        """Number of kept moment unknowns; they are the last of the state."""
        return int(self.measurement.system.keep.shape[1])

    @functools.cached_property
    def potentials(self) -> int:
        matrix, _, _ = self.at(self.field(self.times[0]))
        return int(matrix.shape[0]) - self.moments

    @functools.cached_property
    def mass(self) -> csr_array:
        return moment_inertia(self.measurement.system, self.potentials)

    def matrix(
        self,
        field: Callable[[float], Any],
        t: float,
    ) -> csr_array:
        return self.at(field(t))[0]

    def load(
        self,
        field: Callable[[float], Any],
        drive: Callable[[float], Any],
        t: float,
    ) -> np.ndarray:
        """Right-hand side at t: what the drive generates and what the edges inject."""
        source = float(drive(t)) * self.at(field(t))[1]
        s = self.measurement.system
        return np.concatenate([np.zeros(self.potentials), source + s.keep.T @ s.injected_source])

    def norm(self, y: np.ndarray) -> np.ndarray:
        """Norms of the moments (L2) and of the potential."""
        n = y[self.potentials :]
        square = n @ (self.measurement.system.inertia @ n)
        size = float(np.sqrt(max(square, 0.0)))
        if not self.potentials:
            return np.array([size])
        return np.array([size, np.linalg.norm(y[: self.potentials])])

    def consistent(
        self,
        n: np.ndarray,
        B: np.ndarray,
    ) -> np.ndarray:
        """State with the potential that belongs to the kept moments n at a field."""
        if not self.potentials:
            return n
        system = self.at(B)[2]
        T, factors = system.potential_solver(solver=self.measurement.solver)
        moments = system.keep @ n
        free, _ = factors.solve(-(T.T @ (system.C @ moments)))
        return np.append(free, n)

    def steady(
        self,
        B: np.ndarray,
        drive: float,
    ) -> np.ndarray:
        """Kept moments of the steady state."""
        here = self.measurement.at(B)
        system = here.system
        solver = here.solver_at(system, B)
        found = solver.solve(drive * here.source + system.injected_source)
        return np.asarray(system.keep.T @ found.n)

    def read(
        self,
        y: np.ndarray,
        B: np.ndarray,
    ) -> tuple[float, np.ndarray, np.ndarray]:
        """Signal (V or scaled current), moments (3N,) and orbital potential (N,), in the units of
        the system.
        """
        system = self.at(B)[2]
        n = np.asarray(system.keep @ y[self.potentials :])
        potential = np.zeros(system.N)
        if self.potentials:
            potential = np.asarray(system.free_tie() @ y[: self.potentials])
        elif system.problem.mesh.dim == 2:
            potential, _ = system.orbital_potential(n, solver=self.measurement.solver)
        return self.measurement.read(n, potential), n, potential

    # -- stepping

    @functools.cached_property
    def stops(self) -> np.ndarray:
        """Output times and the breakpoints between them."""
        return stops_between(self.times, self.times, self.field, self.drive)

    def stretches(self) -> list[Stretch]:
        constant = functools.partial(
            self.matrix, self.field
        )  # one object for all, so that factorisations last
        out = []
        for start, stop in zip(self.stops[:-1], self.stops[1:], strict=True):
            field, drive = self.field.inside(start, stop), self.drive.inside(start, stop)
            steady = self.field.function is None and not np.any(self.field.piece(start, stop)[1])
            matrix = constant if self.field.constant else functools.partial(self.matrix, field)
            out.append(
                Stretch(
                    start,
                    stop,
                    self.mass,
                    matrix,
                    functools.partial(self.load, field, drive),
                    steady,
                )
            )
        return out

    def stepper(self) -> Stepper:
        def consistent(
            y: np.ndarray,
            index: int,
        ) -> np.ndarray:
            if (
                self.field.constant
                or not self.potentials
                or not self.measurement.system.problem.ordinary_hall
            ):
                return y  # the potential depends on the field through the Lorentz force only
            return self.consistent(y[self.potentials :], self.field(self.stops[index]))

        solver = self.measurement.solver or GENERAL
        return Stepper(self.stretches(), self.norm, self.tolerance, consistent, solver)

    def positions(
        self,
        n: np.ndarray,
        saved: Position | None = None,
    ) -> Iterator[Position]:
        """Positions after every accepted step from the kept moments n, or from a saved position."""
        stepper = self.stepper()
        if saved is None:
            tau = 1.0 / float(np.mean(self.measurement.system.coefficients.rate))
            instants = (*self.times, *self.drive.breakpoints)
            largest = max(abs(float(self.drive(t))) for t in instants)
            try:
                expected = self.steady(np.zeros(3), largest)
            except ArithmeticError:  # growing moments: the norms so far must do
                expected = np.zeros_like(n)
            scale = self.norm(self.consistent(expected, np.zeros(3)))
            y = self.consistent(n, self.field(self.times[0]))
            saved = stepper.begin(y, FIRST_STEP * tau, scale)
            yield saved
        yield from stepper.run(saved)

    def fingerprint(self, n: np.ndarray) -> str:
        """Hash of all that decides the numbers of a run."""
        A, source, _ = self.at(self.field(self.times[0]))
        digest = hashlib.sha256(FORMAT.encode())
        middles = 0.5 * (self.stops[1:] + self.stops[:-1])
        samples = np.unique(np.concatenate([self.stops, middles]))
        fields = np.array([self.field(t) for t in samples])
        drives = np.array([float(self.drive(t)) for t in samples])
        last = self.at(fields[-1])[0]
        for values in (
            A.data,
            A.indices,
            last.data,
            source,
            self.mass.data,
            self.times,
            fields,
            drives,
            n,
            self.tolerance,
            self.measurement.reader,
            self.measurement.moment_reader,
        ):
            digest.update(np.ascontiguousarray(values).tobytes())
        return digest.hexdigest()


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A file with the position and the signals so far, and beside it one with the stored fields
    (``.fields``).
    """

    path: Path
    fingerprint: str
    width: int

    @property
    def fields(self) -> Path:
        return self.path.with_name(self.path.name + ".fields")

    def load(self) -> tuple[Position, np.ndarray, np.ndarray] | None:
        """Position, signals (k,) and fields (k, width); None if there is no file yet.  InputError:
        damaged or foreign.
        """
        if not self.path.exists():
            return None
        try:
            with np.load(self.path, allow_pickle=False) as archive:
                found = {name: archive[name] for name in archive.files}
            if str(found["format"]) != FORMAT:
                raise KeyError(f"format {found['format']}")
            signal, fingerprint = found["signal"], str(found["fingerprint"])
            rows = np.empty((len(signal), 0))
            if self.width:
                rows = np.fromfile(self.fields, count=len(signal) * self.width).reshape(
                    len(signal), self.width
                )
            stretch, level, count, accepted, rejected = (int(i) for i in found["numbers"])
            at = Position(
                found["y"],
                stretch,
                level,
                count,
                float(found["wanted"]),
                found["scale"],
                accepted,
                rejected,
            )
        except Exception as exc:  # zip, key and shape errors: not ours or not whole
            raise InputError(
                f"{self.path}: not a checkpoint of a transient, or damaged ({type(exc).__name__}: "
                f"{exc}); remove "
                "it to start again",
                value=self.path,
            ) from exc
        if fingerprint != self.fingerprint:
            raise InputError(
                f"{self.path}: belongs to another run (problem, times, field, drive, initial state "
                "or tolerance "
                "differ); name another file, or remove it to start again",
                value=self.path,
            )
        return at, signal, rows

    def save(
        self,
        at: Position,
        signal: list[float],
        row: np.ndarray | None,
    ) -> None:
        """Write the position; ``row`` is the newest stored field, if there is one."""
        if row is not None and self.width:
            with self.fields.open("r+b" if self.fields.exists() else "wb") as stream:
                stream.seek(
                    8 * self.width * (len(signal) - 1)
                )  # what a killed run left beyond is written over
                row.astype(float).tofile(stream)
        with atomic_path(self.path) as temporary, temporary.open("wb") as stream:
            contents: dict[str, Any] = {
                "format": np.array(FORMAT),
                "fingerprint": np.array(self.fingerprint),
                "y": at.y,
                "scale": at.scale,
                "numbers": np.array([at.stretch, at.level, at.count, at.accepted, at.rejected]),
                "wanted": np.array(at.wanted),
                "signal": np.array(signal),
            }
            np.savez(stream, **contents)
