"""Studies: a device over any parameters, on this machine or on any dask scheduler, resumable point by point.

Points that share a geometry share one spectral measure, so a material axis costs almost nothing.  Every finished point is
in the journal at once; running the same study again computes only what is missing.
"""

from __future__ import annotations

import functools
import os
import shutil
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from .config import Device, read_device
from .config_tables import CrossSection, MeshFile
from .errors import InputError, OhmrError, SolveError, require_extra
from .material import Material, retuned
from .problem import Problem
from .spectral import SpectralMeasure, refusal, spectral_measures
from .store import atomic_path
from .study_file import GEOMETRY, MATERIAL_UNITS, OTHER, Study, points, read_study
from .study_store import Journal, dataset, journal_path, opened, parse_results, read_results
from .sweep import hanle_curve
from .units import to_si

#: Seconds to wait for a scheduler.
PATIENCE = 10.0
#: Tasks in flight for each thread of the workers.
AHEAD = 3
#: Times a point is handed out again when its worker is lost.
RETRIES = 5
#: Ratio of diffusion lengths up to which one measure serves a geometry.
WIDEST = 30.0
Progress = Callable[[int, int, float], None]


class StudyInterrupted(KeyboardInterrupt):
    """Ctrl-C during a study; ``path`` is the journal with the ``done`` of ``total`` points."""

    def __init__(self, path: Path, done: int, total: int) -> None:
        super().__init__(f"study interrupted: {done} of {total} points are kept in {path}; run it again to go on")
        self.path, self.done, self.total = path, done, total


@dataclass(frozen=True)
class StudyResult:
    """Where the results are and what was done: points computed now, found finished, and failed."""

    path: Path
    computed: int
    found: int
    failed: int
    seconds: float


def run_study(path: str | Path, out: str | Path | None = None, *, scheduler: str | None = None,
              progress: Progress | None = None) -> StudyResult:
    """Run a study file, or finish one that was stopped.

    Parameters
    ----------
    path : study file (.toml), see :mod:`ohmr_fem.study_file`
    out : results file (.nc), optional
        In place of the one that the study names.
    scheduler : str, optional
        Address of a dask scheduler such as "tcp://host:8786"; its workers need ohmr_fem and the same files.  By default
        the points are computed in this process.
    progress : callable(done, total, seconds left), optional

    Returns
    -------
    StudyResult

    Raises
    ------
    InputError
        Anything wrong with the files, a results file of another study, a scheduler that does not answer, a study larger than
        its limits.
    StudyInterrupted
        Ctrl-C; finished points are kept.
    """
    start = time.perf_counter()
    require_extra("xarray", "study", "a study")
    require_extra("h5netcdf", "study", "a study")
    study, device = read_study(path)
    if out is not None:
        study = replace(study, output=Path(out).resolve())
    results = parse_results(device.problem.is_cross_section)
    check_size(study, device)
    finished = read_results(study.output, study, results) if study.output.exists() else {}
    if len(finished) == study.size:
        return StudyResult(study.output, 0, study.size, 0, time.perf_counter() - start)
    client = _client(scheduler) if scheduler else None
    try:
        with closing(Journal(journal_path(study.output), study)) as journal:
            known = {**finished, **{i: v for i, v in journal.done.items() if "failed" not in v}}
            left = [i for i in points(study) if i not in known]
            computed = _compute(study, left, journal, client, progress, len(known))
            _write(study, device, {**known, **journal.done}, results)
    finally:
        if client is not None:
            client.close()
    journal_path(study.output).unlink(missing_ok=True)
    failed = sum("failed" in v for v in journal.done.values())
    return StudyResult(study.output, computed, len(known), failed, time.perf_counter() - start)


def load_study(path: str | Path) -> Any:
    """Results of a study as an xarray Dataset; coordinates in SI, ``status`` 1 where a point is done."""
    with opened(Path(path)) as data:
        return data


def check_size(study: Study, device: Device) -> None:
    """InputError if the results would not fit the stated limits, or the disk and memory there are."""
    numbers = study.size * max(len(device.measurements), 1) * (1 + 3 * len(device.fields))
    need = {"disk": numbers * (8.0 + 24.0), "memory": numbers * 8.0 * 6.0}  # journal as text; values as Python numbers
    there = {"disk": float(shutil.disk_usage(_existing(study.output)).free), "memory": _memory()}
    for name, size in need.items():
        limit = min(study.limits.get(name, np.inf), there[name])
        if size > limit:
            what = "the limit of the study" if limit == study.limits.get(name) else "what this machine has"
            raise InputError(f"{study.path.name}: {study.size} points of {len(device.fields)} fields need about {size / 1e9:.3g} "
                             f"GB of {name}, more than {what}, {limit / 1e9:.3g} GB; take fewer values or fields", value=size)


def _existing(path: Path) -> Path:
    return next(p for p in path.parents if p.exists())


def _memory() -> float:
    try:
        return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (AttributeError, ValueError, OSError):
        return float("inf")


# -- in this process or on a scheduler --------------------------------------------------------------------------------


def _client(address: str) -> Any:
    """A dask client, or InputError if nobody answers."""
    distributed = require_extra("distributed", "study", "a study on a scheduler")
    try:
        return distributed.Client(address, timeout=PATIENCE, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as exc:
        raise InputError(f"scheduler {address!r} does not answer within {PATIENCE:g} s ({type(exc).__name__}); start one with "
                         "'dask scheduler' and give its address, such as tcp://host:8786, or leave it out") from exc


def _compute(study: Study, left: list[int], journal: Journal, client: Any, progress: Progress | None, before: int) -> int:
    """Compute the points that are left, each into the journal as it finishes; how many."""
    start = time.perf_counter()
    source = _on_scheduler(study, left, client) if client is not None else ((i, compute_point(study, i)) for i in left)
    computed = 0
    try:
        for index, values in source:
            journal.add(index, values)
            computed += 1
            if progress is not None:
                remaining = (time.perf_counter() - start) / computed * (len(left) - computed)
                progress(before + computed, study.size, remaining)
    except KeyboardInterrupt as stop:
        raise StudyInterrupted(journal.path, before + computed, study.size) from stop
    return computed


def _on_scheduler(study: Study, left: list[int], client: Any) -> Iterator[tuple[int, dict[str, Any]]]:
    """Points as they finish, a few in flight for each thread; a point whose worker is lost is handed out again."""
    distributed = require_extra("distributed", "study", "a study on a scheduler")
    threads = max(sum(client.nthreads().values()), 1)
    queue, lost, index_of = iter(left), dict.fromkeys(left, 0), {}

    def submit(index: int) -> Any:
        future = client.submit(compute_point, study, index, pure=False, key=f"ohmr-{study.hash[:8]}-{index}-{lost[index]}")
        index_of[future.key] = index
        return future

    running = distributed.as_completed([submit(i) for _, i in zip(range(AHEAD * threads), queue, strict=False)],
                                       loop=client.loop)
    for future in running:
        index = index_of.pop(future.key)
        if future.status == "finished":
            yield index, future.result()
            following = next(queue, None)
            if following is not None:
                running.add(submit(following))
            continue
        if client.status != "running":
            raise SolveError("the scheduler was lost; finished points are kept, run the study again to go on")
        lost[index] += 1
        if lost[index] > RETRIES:
            raise SolveError(f"point {index} was lost {RETRIES} times ({future.exception()!r}); finished points are kept",
                             value=index)
        running.add(submit(index))


def _write(study: Study, device: Device, done: Mapping[int, Mapping[str, Any]], results: Mapping[str, Any]) -> None:
    """The netCDF file, whole or not at all."""
    names = [m.name or f"measure {k + 1}" for k, m in enumerate(device.measurements)]
    coordinates: dict[str, tuple[tuple[str, ...], Any, str]] = {
        name: ((name,), *_coordinate(name, values)) for name, values in study.axes.items()}
    coordinates |= {"measurement": (("measurement",), np.array(names), "")}
    coordinates |= {f"B_{c}": (("field",), device.fields[:, i], "T") for i, c in enumerate("xyz")}
    shapes = {"measurement": len(names), "field": len(device.fields)}
    with atomic_path(study.output) as temporary:
        dataset(study, done, coordinates, results, shapes).to_netcdf(temporary, engine="h5netcdf")


def _coordinate(name: str, values: tuple[Any, ...]) -> tuple[np.ndarray, str]:
    """Values of an axis in SI with their unit; text where they are no numbers."""
    unit = MATERIAL_UNITS.get(name.rpartition(".")[2], "") if name.startswith("material") else ""
    unit = "m" if name in ("cross_section.width", "cross_section.resolve") else unit
    if unit:
        return np.array([to_si(v, unit, name) for v in values]), unit
    if all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values):
        return np.array(values, dtype=float), ""
    return np.array([str(v) for v in values]), ""


# -- one point --------------------------------------------------------------------------------------------------------


def compute_point(study: Study, index: int) -> dict[str, Any]:
    """Results of one point as plain lists, or {"failed": why}."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _point(study, index)
    except OhmrError as exc:
        return {"failed": f"{type(exc).__name__}: {exc}"}


def _point(study: Study, index: int) -> dict[str, Any]:
    changed = study.changes(index)
    device, shape = _device(study.device_path, study.content), _geometry(changed)
    prob = _changed(_shaped(study.device_path, study.content, shape), changed)
    rows: dict[str, list[Any]] = {name: [] for name in parse_results(prob.is_cross_section)}
    shared = None if refusal(prob) is not None else _measures(study, shape)
    for k, m in enumerate(device.measurements):
        values = None if shared is None else _from_measure(shared[k], prob, device.fields)
        if values is None:
            curve = hanle_curve(prob, device.fields, current=m.current, voltage=m.voltage, method=device.method)
            values = {"R_ohmic": curve.R_ohmic, "error": curve.algebraic_error.tolist()}
            values |= {name: getattr(curve, name).tolist() for name in ("delta_R", "hanle", "rho", "rho_change")}
        for name, row in rows.items():
            row.append(values[name])
    return rows


def _from_measure(measure: SpectralMeasure, prob: Problem, fields: np.ndarray) -> dict[str, Any] | None:
    """Results from the measure of the geometry, or None outside its range."""
    tuned = replace(measure, material=prob.material, detection=prob.detection)
    try:
        f, change = tuned.response(fields)
    except SolveError:
        return None  # the device itself gives the answer, or the reason
    names = ("rho", "rho_change") if prob.is_cross_section else ("delta_R", "hanle")
    return {"R_ohmic": tuned.R_ohmic, names[0]: (f * tuned.unit).tolist(), names[1]: (change * tuned.unit).tolist(),
            "error": (abs(tuned.unit) * tuned.bound(fields)).tolist()}


Geometry = tuple[tuple[str, Any], ...]


def _geometry(changed: Mapping[str, Any]) -> Geometry:
    return tuple(sorted((k, v) for k, v in changed.items() if k in GEOMETRY))


@functools.lru_cache(maxsize=2)
def _device(path: Path, content: str) -> Device:
    """The device of a study; ``content`` keeps a changed file from being taken for the old one."""
    return read_device(path)


@functools.lru_cache(maxsize=4)
def _shaped(path: Path, content: str, geometry: Geometry) -> Problem:
    """The problem of a geometry, with the material of the device file."""
    device = _device(path, content)
    changed = dict(geometry)
    new: dict[str, Any] = {}
    if {"mesh.file", "mesh.scale"} & set(changed):
        given = {**device.table["mesh"], **({"file": changed["mesh.file"]} if "mesh.file" in changed else {})}
        new["mesh"] = MeshFile(**given).build(path.parent).scaled(to_si(changed.get("mesh.scale", 1.0), "1", "mesh.scale"))
    sizes = {k.partition(".")[2]: v for k, v in changed.items() if k.startswith("cross_section.")}
    if sizes:
        new["mesh"] = CrossSection(**{**device.table["cross_section"], **sizes}).build()
    if "solve.order" in changed:
        new["order"] = changed["solve.order"]
    return replace(device.problem, **new) if new else device.problem


_MADE: dict[tuple[str, Geometry], tuple[SpectralMeasure, ...] | None] = {}


def _measures(study: Study, geometry: Geometry) -> tuple[SpectralMeasure, ...] | None:
    """Measures of a geometry over all diffusion lengths of the study; None where one cannot serve all its materials.

    They depend on the study alone, not on which of its points this process has, so that every worker gets the same numbers.
    """
    key = (study.hash, geometry)
    if key not in _MADE:
        prob = _shaped(study.device_path, study.content, geometry)
        low, high = _lengths(study, prob)
        absorbing = any(any(m.absorption) for m in prob.moment_conditions().values())
        while len(_MADE) > 3:
            _MADE.pop(next(iter(_MADE)))
        _MADE[key] = None
        if not absorbing and high <= WIDEST * low:
            pairs = [(m.current, m.voltage) for m in _device(study.device_path, study.content).measurements]
            _MADE[key] = tuple(spectral_measures(prob, pairs, lengths=(low, high)))
    return _MADE[key]


def _lengths(study: Study, prob: Problem) -> tuple[float, float]:
    """Shortest and longest diffusion length of all the materials of a study."""
    still = [k for k, axis in enumerate(study.axes) if axis in (*GEOMETRY, *OTHER)]
    shape = np.array(study.shape)
    shape[still] = 1  # axes that leave the material alone
    found = []
    for place in np.ndindex(*shape):
        changed = study.changes(int(np.ravel_multi_index(place, study.shape)))
        found.append(_changed(prob, {k: v for k, v in changed.items() if k.startswith("material")}).material.diffusion_length)
    return min(found), max(found)


def _changed(problem: Problem, changed: Mapping[str, Any]) -> Problem:
    """The problem with the materials and options of a point."""
    new: dict[str, Any] = {k.partition(".")[2]: v for k, v in changed.items() if k in OTHER}
    whole = {k.partition(".")[2]: v for k, v in changed.items() if k.startswith("material.")}
    if whole:
        new["materials"] = _tuned(problem.material, whole)
    regions = {k.split(".")[1] for k in changed if k.startswith("materials.")}
    if regions:
        new["materials"] = {r: _tuned(m, {k.split(".")[2]: v for k, v in changed.items() if k.startswith(f"materials.{r}.")})
                            if r in regions else m for r, m in problem.materials.items()}
    return replace(problem, **new) if new else problem


def _tuned(material: Material, values: Mapping[str, Any]) -> Material:
    """A material with other values; alpha' follows alpha where it is not given and was equal to it."""
    new = {k: to_si(v, MATERIAL_UNITS[k], k) if MATERIAL_UNITS.get(k) else v for k, v in values.items()}
    if "orbital_hall_angle" in new and material.orbital_hall_angle == material.inverse_orbital_hall_angle:
        new.setdefault("inverse_orbital_hall_angle", new["orbital_hall_angle"])
    return retuned(material, new)
