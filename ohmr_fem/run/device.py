"""One run of a device file: sweep, field files, figures, and a record of how they came about.

Files appear whole or not at all.  An interrupted sweep leaves the rows gathered so far, and the
record says so.
"""

from __future__ import annotations

import contextlib
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..config.device_file import Device, Measurement
from ..config.remedies import in_file
from ..errors import SweepInterrupted, is_own_warning, shown
from ..errors.doors import door
from ..files import Table, atomic_path
from ..model.problem import Problem
from ..output.described import described
from ..output.drawer import Drawer, Picture
from ..output.film_paraview import export_film
from ..output.paraview import export_paraview
from ..output.plot import plot_hanle, plot_mesh, plot_moment_density
from ..output.plot_micro import plot_gate_map
from ..output.record import provenance, write_record
from ..output.report import REPORT, write_report
from ..output.style import drawing
from ..solver.adapt import solve_to
from ..solver.solution import Solution
from ..solver.solve import solve
from ..solver.system import system_of
from ..sweep.curve import HanleCurve
from ..sweep.film_moment import film_moment
from ..sweep.gate import GateMap, gate_map
from ..sweep.hanle import hanle_curve
from .check import check_questions
from .folder import files_of, remove, results_folder
from .further import FURTHER, Compute

Progress = Callable[[str, int, int], None]


@door
def run_device(
    device: Device,
    out: str | Path,
    *,
    progress: Progress | None = None,
    notify: Callable[[str], None] | None = None,
    finished: Callable[[str, dict[str, Any]], None] | None = None,
    apart: bool = False,
) -> dict[str, Any]:
    """Run a device and write everything it asks for into the folder ``out``.

    Parameters
    ----------
    device : Device
        From :func:`ohmr_fem.config.device_file.read_device`.
    out : str or Path
        Results folder; made if needed, files of an earlier run are replaced.
    progress : callable(step, done, total), optional
    notify : callable(text), optional
        Receives every warning once, as one line.
    finished : callable(part, entry), optional
        Told of an entry of the record as soon as its table is written; part is "curves", "gates" or
        "accuracy".
    apart : bool
        Draw the figures in a second process, while this one computes.

    Returns
    -------
    dict, the content of run.json

    Raises
    ------
    InputError, SolveError
        The folder holds an input, or a file that no run wrote, by a name that this one needs; it
        cannot be written; another run is writing it.
    KeyboardInterrupt
        After the finished rows and the record have been written.
    """
    check_questions(device)
    run = _Run(
        device=device,
        out=Path(out),
        progress=progress or (lambda *_: None),
        notify=notify or (lambda _: None),
        finished=finished or (lambda *_: None),
        drawer=Drawer() if apart and device.output.figures else None,
    )
    record = run.record
    with (
        results_folder(out, run.planned(), device.inputs) as before,
        _collected_warnings(record["warnings"], run.notify),
    ):
        run.follow(before)
        try:
            run.write_record()
            with run.drawer or contextlib.nullcontext():
                run.everything()
                run.waits()
            run.report()
            record["status"] = "complete"
        except BaseException as exc:
            stopped = isinstance(exc, KeyboardInterrupt)
            record["status"] = "interrupted" if stopped else "failed"
            record["error"] = shown(exc) or type(exc).__name__
            raise
        finally:
            seconds = record["seconds"]
            seconds["total"] = sum(seconds.values())
            run.clear_earlier()
            run.write_record()
    return record


class _Run:
    """The steps of a run and the record they fill."""

    def __init__(
        self,
        device: Device,
        out: Path,
        progress: Progress,
        notify: Callable[[str], None],
        finished: Callable[[str, dict[str, Any]], None],
        drawer: Drawer | None,
    ) -> None:
        self.finished_part = finished
        self.drawer = drawer
        self.device = device
        self.out = out
        self.progress = progress
        self.notify = notify
        self.same_device = False
        self.record: dict[str, Any] = provenance(device.digests) | {
            "device": device.table,
            "mesh": {},
            "problem": repr(device.problem),
            "described": described(device.problem),
            "accuracy": {},
            "curves": {},
            "gates": {},
            "further": {},
            "fields": [],
            "warnings": [],
            "files": [],
            "seconds": {},
        }

    def planned(self) -> list[str]:
        """Names of all files that the run may write, beside its record."""
        output = self.device.output
        count = len(self.device.snapshots)
        several = count > 1
        numbers = [f"_{i}" for i in range(count)] if several else [""]
        tables = []
        fields = []
        figures = ["mesh"]
        tables.append("matrix.csv")
        for measurement in self.device.measurements:
            name = measurement.name
            results = _joined("results", name)
            gate = _joined("gate", name)
            tables += [f"{results}.csv", f"{gate}.csv"]
            stem = _joined("device", name)
            fields += [f"{stem}{number}.vtu" for number in numbers]
            if several:
                fields.append(f"{stem}.pvd")
            moving = [_joined("time", name), _joined("frequency", name)]
            tables += [f"{stem}.csv" for stem in moving]
            figures += [_joined("hanle", name), gate, *moving]
            maps = _joined("moment_density", name)
            figures += [maps + number for number in numbers]
        planned = list(tables)
        if output.paraview:
            planned += fields
        for stem in figures:
            planned += [f"{stem}.{kind}" for kind in output.figures]
        return [*planned, REPORT]

    def follow(self, before: dict[str, Any]) -> None:
        """Mark the files of the run before this one as such."""
        self.same_device = before.get("inputs") == self.record["inputs"]
        listed = files_of(before)
        there = [name for name in listed if (self.out / name).exists()]
        self.record["earlier"] = [name for name in there if name != "run.json"]

    def clear_earlier(self) -> None:
        """Remove what an earlier run left, once it is replaced, or where it is of another device.

        A run that stops keeps what the same device gave before; the record marks it.
        """
        complete = self.record["status"] == "complete"
        if self.same_device and not complete:
            return
        remove(self.out, self.record["earlier"])
        self.record["earlier"] = []

    def everything(self) -> None:
        if self.device.accuracy is not None:
            self.refine(self.device.accuracy)
        with self.timed("assembly"):
            self.record["mesh"] = mesh_record(self.device)
        for measurement in self.device.measurements:
            self.sweep(measurement)
        self.mesh()
        if self.device.gate is not None:
            for measurement in self.device.measurements:
                self.gate(measurement)
        for name, compute in FURTHER.items():
            if getattr(self.device, name) is not None:
                self.further(name, compute)
        self.snapshots()

    def further(self, name: str, compute: Compute) -> None:
        """[time], [frequency] or [matrix]: tables and pictures, one for each measurement."""
        for measurement in self.device.measurements if name != "matrix" else (Measurement(),):
            label = _joined(name, measurement.name)
            with self.timed(name):
                table, entry, draw = compute(self.device, measurement)
            entry = {"table": self.wrote_table(table, label), **entry}
            self.record["further"][label] = entry
            self.finished_part("further", entry)
            if draw is not None:
                self.figures({label: draw})

    def mesh(self) -> None:
        mesh = self.device.problem.mesh
        if mesh.dim == 2:
            self.figures({"mesh": partial(plot_mesh, mesh)})

    def refine(self, accuracy: float) -> None:
        """One mesh for all measurements, refined until R(B) - R_ohmic is accurate at the chosen
        fields.
        """
        chosen = chosen_fields(self.device.fields)
        problem = self.device.problem
        measurements = self.device.measurements
        for i, m in enumerate(measurements):
            self.progress("accuracy", i, len(measurements))
            with self.timed("accuracy"):
                found = solve_to(
                    problem,
                    current=m.current,
                    voltage=m.voltage,
                    field=chosen,
                    tolerance=accuracy,
                    budget=self.device.budget,
                )
            problem = found.problem  # the mesh of one measurement is the start for the next
            self.record["accuracy"][self.key(m)] = {
                "asked": accuracy,
                "reached": found.converged,
                "stopped_by": found.reason,
                "relative_to": found.relative_to,
                "fields_T": chosen.tolist(),
                "delta_R": found.value.tolist(),
                "error": found.error.tolist(),
                "R_ohmic": found.R_ohmic,
                "R_ohmic_error": found.R_ohmic_error,
                "roundoff": found.roundoff,
                "unknowns": found.unknowns,
                "rounds": len(found.history),
            }
            self.finished_part("accuracy", {self.key(m): self.record["accuracy"][self.key(m)]})
        self.device = replace(self.device, problem=problem)
        self.record["problem"] = repr(problem)
        self.record["described"] = described(problem)

    def key(self, measurement: Measurement) -> str:
        """The name of a measurement in the record; one without a name takes none from another."""
        taken = {m.name for m in self.device.measurements}
        unnamed = next(n for n in ("measure", "unnamed", "") if n not in taken or n == "")
        return measurement.name or unnamed

    def sweep(self, measurement: Measurement) -> None:
        """The table and the figure of one measurement; on Ctrl-C the rows gathered so far."""
        label = _joined("results", measurement.name)

        def compute(**options: Any) -> HanleCurve:
            return hanle_curve(self.device.problem, self.device.fields, **options)

        curve = self.finished(
            compute,
            "sweep",
            measurement,
            lambda partial: self.table(partial, label, measurement),
        )
        stem = _joined("hanle", measurement.name)
        self.figures({stem: partial(plot_hanle, curve)})

    def finished(
        self,
        compute: Callable[..., Any],
        step: str,
        measurement: Measurement,
        keep: Callable[[Any], None],
    ) -> Any:
        """The result of ``compute``, kept; on Ctrl-C what is finished is kept before it goes on."""
        with self.timed(_joined(step, measurement.name)):
            try:
                found = compute(
                    current=measurement.current,
                    voltage=measurement.voltage,
                    method=self.device.method,
                    progress=lambda done, total: self.progress(step, done, total),
                )
            except SweepInterrupted as stop:
                if stop.partial is not None:
                    keep(stop.partial)
                raise
        keep(found)
        return found

    def wrote_table(self, table: Table, label: str) -> str:
        """The name of the file."""
        name = f"{label}.csv"
        self.writes(name)
        with atomic_path(self.out / name) as temporary:
            table.to_csv(temporary)
        return name

    def table(self, curve: HanleCurve, label: str, measurement: Measurement) -> None:
        entry = {
            "table": self.wrote_table(curve, label),
            "fields": len(curve.fields),
            "fields_asked": len(self.device.fields),
            "current": curve.current,
            "voltage": curve.voltage,
            "method": curve.method,
            **summary(curve),
            "largest_residual": float(np.max(curve.residual)),
            "seconds": curve.seconds,
        }
        self.keep("curves", measurement, entry)

    def keep(self, part: str, measurement: Measurement, entry: dict[str, Any]) -> None:
        """On record, and told."""
        self.record[part][self.key(measurement)] = entry
        self.finished_part(part, entry)

    def gate(self, measurement: Measurement) -> None:
        """The table and the map of one measurement over the gate; on Ctrl-C the gates gathered so
        far.
        """
        gate = self.device.gate
        assert gate is not None
        label = _joined("gate", measurement.name)

        def compute(**options: Any) -> GateMap:
            return gate_map(
                self.device.problem,
                gate.materials,
                gate.values,
                self.device.fields,
                parameter=gate.parameter,
                unit=gate.unit,
                **options,
            )

        found = self.finished(
            compute,
            "gate",
            measurement,
            lambda partial: self.gate_table(partial, label, measurement),
        )
        if min(found.rho.shape) > 1:
            self.figures({label: partial(plot_gate_map, found)})

    def gate_table(self, found: GateMap, label: str, measurement: Measurement) -> None:
        assert self.device.gate is not None
        quantity = "rho_change" if found.current is None else "hanle"
        change = getattr(found, quantity)
        steady = change[np.isfinite(change)]
        span = [float(steady.min()), float(steady.max())] if steady.size else None
        entry = {
            "table": self.wrote_table(found, label),
            "parameter": found.parameter,
            "unit": found.unit,
            "values": len(found.values),
            "values_asked": len(self.device.gate.values),
            "fields": len(found.fields),
            "no_steady_state": int((~found.steady).sum()),
            quantity: span,
            "sources": [next(iter(m.values())).source for m in found.materials],
            "seconds": found.seconds,
        }
        self.keep("gates", measurement, entry)

    def snapshots(self) -> None:
        """Maps and ParaView files at the chosen fields, for every current pair once."""
        pairs = {m.current: m.name for m in reversed(self.device.measurements)}
        snapshots = self.device.snapshots
        for pair, name in pairs.items():
            if self.device.problem.film is not None:
                self.film_snapshots(pair, _joined("device", name))
                continue
            solutions = []
            for i, field in enumerate(snapshots):
                with self.timed("fields"):
                    solution = self.solve(pair, field)
                solutions.append(solution)
                self.progress("fields", i + 1, len(snapshots))
            if self.device.output.paraview and solutions:
                self.paraview(solutions, _joined("device", name))
            self.maps(solutions, _joined("moment_density", name))

    def film_snapshots(self, pair: tuple[str, str] | None, stem: str) -> None:
        """Prisms through the thickness of a film, one file for each chosen field."""
        output = self.device.output
        several = len(self.device.snapshots) > 1
        for i, field in enumerate(self.device.snapshots if output.paraview else ()):
            name = f"{stem}_{i}.vtu" if several else f"{stem}.vtu"
            self.writes(name)
            with self.timed("fields"):
                found = film_moment(
                    self.device.problem,
                    field,
                    current=pair,
                    amount=output.drive_current,
                    layers=output.layers,
                )
                export_film(found, self.out / name)
            self.record["fields"].append({"field_T": field.tolist(), "current": pair})
            self.progress("fields", i + 1, len(self.device.snapshots))

    def maps(self, solutions: list[Solution], stem: str) -> None:
        component = _telling(self.device.problem)
        several = len(solutions) > 1
        numbers = [f"_{i}" if several else "" for i in range(len(solutions))]
        self.figures(
            {
                stem + number: partial(plot_moment_density, solution, component)
                for number, solution in zip(numbers, solutions, strict=True)
            }
        )

    def solve(self, pair: tuple[str, str] | None, field: np.ndarray) -> Solution:
        problem = self.device.problem
        output = self.device.output
        if pair is None:
            solution = solve(problem, field, electric_field=output.electric_field)
        else:
            source, drain = pair
            current = output.drive_current
            drive = {source: current, drain: -current}
            solution = solve(problem, field, currents=drive)
        self.record["fields"].append(
            {
                "field_T": field.tolist(),
                "current": pair,
                "solver": solution.solver,
                "residuals": dict(solution.residuals),
                "factorisations": solution.factorisations,
                "seconds": solution.seconds,
            }
        )
        return solution

    def paraview(self, solutions: list[Solution], stem: str) -> None:
        with self.timed("paraview"):
            if len(solutions) == 1:
                name = f"{stem}.vtu"
                self.writes(name)
                export_paraview(solutions[0], self.out / name)
                return
            name = f"{stem}.pvd"
            parts = [f"{stem}_{i}.vtu" for i in range(len(solutions))]
            self.writes(name, *parts)
            export_paraview(solutions, self.out / name)

    def figures(self, drawn: dict[str, Callable[[], Any]]) -> None:
        """Pictures by name; what cannot be drawn costs the picture, not the results."""
        kinds = self.device.output.figures
        if not kinds:
            return
        pictures = []
        for stem, draw in drawn.items():
            names = [f"{stem}.{kind}" for kind in kinds]
            self.writes(*names)
            pictures.append(Picture(stem, draw, [self.out / name for name in names]))
        with self.timed("figures"):
            if self.drawer is not None:
                self.drawer.add(pictures)
                return
            for picture in pictures:
                picture.make()

    def waits(self) -> None:
        """Until the pictures are there that another process draws."""
        if self.drawer is not None:
            with self.timed("figures"):
                self.drawer.finish()

    def report(self) -> None:
        """All of it on one page; one that cannot be made is a warning."""
        self.writes(REPORT)
        with drawing(REPORT):
            write_report(self.out, self.record, self.device.path.stem)

    def writes(self, *names: str) -> None:
        """Into the record before the files are there, so that a run that is killed owns them."""
        files = self.record["files"]
        earlier = self.record["earlier"]
        files += [name for name in names if name not in files]
        self.record["earlier"] = [name for name in earlier if name not in names]
        self.write_record()

    @contextlib.contextmanager
    def timed(self, step: str) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            seconds = self.record["seconds"]
            spent = time.perf_counter() - start
            seconds[step] = seconds.get(step, 0.0) + spent  # a step may come several times

    def write_record(self) -> None:
        ended = self.record["status"] != "unfinished"
        if ended:  # what was announced and is not there was not written
            announced = self.record["files"]
            self.record["files"] = [name for name in announced if (self.out / name).exists()]
        write_record(self.record, self.out)


def chosen_fields(fields: np.ndarray) -> np.ndarray:
    """Where the mesh is refined for: the weakest, a middle and the strongest field of a sweep, (k,
    3) T.
    """
    strength = np.linalg.norm(fields, axis=1)
    order = np.argsort(strength, kind="stable").tolist()
    weakest = order[0]
    middle = order[len(order) // 2]
    strongest = order[-1]
    once = list(dict.fromkeys((weakest, middle, strongest)))
    return np.asarray(fields[once])


def summary(curve: HanleCurve) -> dict[str, Any]:
    """The headline of a curve: R_ohmic and the range of R(B) - R(0) in ohm, or the range of rho(B)
    - rho(0); and which of them are nothing but round-off.
    """
    if curve.current is None:
        return {"rho_change": _span(curve.rho_change)}
    silent = {"R_ohmic": curve.ohmic_silent, "hanle": curve.silent}
    return {
        "R_ohmic": curve.R_ohmic,
        "hanle": _span(curve.hanle),
        "round_off": [name for name, is_silent in silent.items() if is_silent],
    }


def _span(change: np.ndarray) -> list[float]:
    """Smallest and largest value."""
    low = float(change.min())
    high = float(change.max())
    return [low + 0.0, high + 0.0]  # no -0


def _telling(problem: Problem) -> str:
    """The component of the moment that a map shows: what gathers at edges or faces, or what the
    polarised contacts bring.
    """
    if problem.polarised:
        given = np.abs([c.polarisation for c in problem.polarised.values()])
        return "xyz"[int(np.argmax(given.sum(axis=0)))]
    return "y" if problem.mesh.axes == ("z",) else "z"


def mesh_record(device: Device) -> dict[str, Any]:
    """What a reader of the record wants to know of the mesh."""
    mesh = device.problem.mesh
    return {
        "dimension": mesh.dim,
        "cells": mesh.n_cells,
        "vertices": int(mesh.mesh.p.shape[1]),
        "unknowns_per_field": system_of(device.problem, plane_of_film=True, with_spin=True).N,
        "order": device.problem.order,
        "extent_m": mesh.extent.tolist(),
        "smallest_edge_m": float(mesh.edge_sizes.min()),
        "largest_edge_m": float(mesh.edge_sizes.max()),
        "boundaries": {name: len(facets) for name, facets in mesh.boundaries.items()},
        "regions": {name: len(cells) for name, cells in mesh.regions.items()},
    }


@contextlib.contextmanager
def _collected_warnings(found: list[str], notify: Callable[[str], None]) -> Iterator[None]:
    """Every warning once, in the words of the device file, into ``found`` and to ``notify``."""

    def show(message: Any, category: type[Warning], *_: Any, **__: Any) -> None:
        text = in_file(shown(message))
        if is_own_warning(category) and text not in found:
            found.append(text)
            notify(text)

    with warnings.catch_warnings():
        warnings.simplefilter("default")
        warnings.showwarning = show
        yield


def _joined(stem: str, name: str) -> str:
    return f"{stem}_{name}" if name else stem
