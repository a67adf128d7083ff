"""Studies: a device over any parameters, on this machine or on any dask scheduler, resumable point
by point.

Points that share a geometry share one spectral measure, so a material axis costs almost nothing.
Every finished point is in the journal at once; running the same study again computes only what is
missing.
"""

from __future__ import annotations

import itertools
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..config.device_file import Device
from ..errors import InputError, OhmrError, require_extra
from ..errors.doors import door
from ..model.material import precession_squared
from .axes import changed_device, has_model, in_units, is_shape, keys_of
from .dask import connected, on_scheduler
from .file import Study, output_of, parse_results, read_study
from .point import Setting, Span, compute_point, make_setting, shares_poles
from .results import NEEDS, Journal, journal_path, opened, read_results, write_results

#: Names of what decides the diffusion length, also of a material from a model.
DIFFUSIVE = (
    "diffusion_length",
    "diffusion_constant",
    "relaxation_time",
    "tau",
    "mobility",
    "density",
    "displacement",
    "temperature",
    "model",
)
#: Values of an axis that are looked at for what the measures must cover, where its ends do not
#: tell.
MOST_ENDS, MOST_ENDS_OF_MODEL = 25, 5
Progress = Callable[[int, int, float], None]


class StudyInterrupted(KeyboardInterrupt):
    """Ctrl-C during a study; ``path`` holds the ``done`` of ``total`` points."""

    def __init__(
        self,
        path: Path,
        done: int,
        total: int,
    ) -> None:
        super().__init__(
            f"study interrupted: {done} of {total} points are kept in {path}; run it again to go on"
        )
        self.path, self.done, self.total = path, done, total


@dataclass(frozen=True)
class StudyResult:
    """Where the results are and what was done.

    Attributes
    ----------
    path : Path
    size : int
        All points of the study.
    computed, found : int
        Points computed by this run, and points that an earlier one had finished.
    failed : dict {index of a point: why it has no solution}
    notes : tuple of str
        Distinct warnings about points; each is with its point in the file.
    seconds : float, s
    """

    path: Path
    size: int
    computed: int
    found: int
    failed: Mapping[int, str]
    notes: tuple[str, ...]
    seconds: float


@door
def run_study(
    path: str | Path,
    out: str | Path | None = None,
    *,
    scheduler: str | None = None,
    progress: Progress | None = None,
    notify: Callable[[str], None] | None = None,
) -> StudyResult:
    """Run a study file, or finish one that was stopped.

    Parameters
    ----------
    path : study file (.toml), see :mod:`ohmr_fem.study.file`
    out : results file (.nc), optional
        In place of the one that the study names.
    scheduler : str, optional
        Address of a dask scheduler such as "tcp://host:8786"; scheduler and workers need ohmr_fem,
        and no files but those of a model that a material names.  By default the points are computed
        in this process.
    progress : callable(done, total, seconds left), optional
    notify : callable(text), optional
        Told that there are no workers yet.

    Returns
    -------
    StudyResult

    Raises
    ------
    InputError
        Anything wrong with the files, a results file of another study, a scheduler that does not
        answer, a study larger than its limits.
    StudyInterrupted
        Ctrl-C; finished points are kept.
    """
    start = time.perf_counter()
    for module in NEEDS:  # before anything is computed: h5netcdf does not bring h5py along
        require_extra(module, "study", "a study")
    study = read_study(path)
    if out is not None:
        study = replace(study, output=output_of(out, "out"))
    _check_output(study)
    check_size(study)
    results = parse_results(study.device.problem.is_cross_section)
    finished = read_results(study.output, study, results)
    if len(finished) == study.size:
        journal_path(study.output).unlink(
            missing_ok=True
        )  # of a run that was killed while it put the file in its place
        return _result(study, finished, 0, start)
    with (
        connected(scheduler, notify) as client,
        closing(Journal(journal_path(study.output), study)) as journal,
    ):
        known = {**read_results(study.output, study, results), **journal.done}
        before = len(known)
        try:
            for index, values in _reported(
                _computed(study, known, client), before, study.size, progress
            ):
                known[index] = values
                journal.add(index, values)
        except KeyboardInterrupt as stop:
            raise StudyInterrupted(study.output, len(known), study.size) from stop
        finally:
            if journal.done:
                write_results(study, known, _coordinates(study), results)
            journal.discard()
    return _result(study, known, len(known) - before, start)


def _result(
    study: Study,
    known: Mapping[int, Mapping[str, Any]],
    computed: int,
    start: float,
) -> StudyResult:
    failed = {i: v["failed"] for i, v in sorted(known.items()) if "failed" in v}
    notes = tuple(dict.fromkeys(v["note"] for v in known.values() if v.get("note")))
    return StudyResult(
        study.output,
        study.size,
        computed,
        len(known) - computed,
        failed,
        notes,
        time.perf_counter() - start,
    )


@door
def load_study(path: str | Path) -> Any:
    """Results of a study in memory.

    Parameters
    ----------
    path : str or Path
        The .nc file of the study.

    Returns
    -------
    xarray.Dataset
        Coordinates in SI, ``status`` 1 where a point is done.

    Raises
    ------
    InputError
        No such file, or not a results file.
    MissingExtraError
        xarray is not installed.
    """
    path = Path(path)
    if not path.exists() and journal_path(path).exists():
        raise InputError(
            f"{path}: the study was killed before it wrote this file; run it again to finish it "
            "from "
            f"{journal_path(path).name}",
            value=str(path),
        )
    with opened(path) as data:
        return data


def _check_output(study: Study) -> None:
    """InputError if the results would replace a file that the study reads."""
    given = [study.path, *study.device.inputs]
    if study.output in [path.resolve() for path in given]:
        raise InputError(
            f"{study.output}: is an input of the study; give another output",
            value=str(study.output),
        )


def check_size(study: Study) -> None:
    """InputError if the results would not fit the stated limits, or the disk and memory there
    are.
    """
    need = sizes(study)
    there = {
        "disk": float(shutil.disk_usage(next(p for p in study.output.parents if p.exists())).free),
        "memory": _memory(),
    }
    for name, size in need.items():
        limit = min(study.limits.get(name, np.inf), there[name])
        if size > limit:
            what = (
                "the limit of the study"
                if limit == study.limits.get(name)
                else "what this machine has"
            )
            raise InputError(
                f"{study.path.name}: {study.size} points of {len(study.device.fields)} fields need "
                f"about {size / 1e9:.3g} GB of "
                f"{name}, more than {what}, {limit / 1e9:.3g} GB; take fewer values or fields",
                value=size,
            )


def sizes(study: Study) -> dict[str, float]:
    """Bytes of disk (journal and results file) and of memory that the results take, from above."""
    numbers = study.size * len(study.device.measurements) * (1.0 + 3.0 * len(study.device.fields))
    return {
        "disk": 1e5 + 300.0 * study.size + 20.0 * numbers,
        "memory": 2e6 + 1500.0 * study.size + 56.0 * numbers,
    }


def _memory() -> float:
    try:
        return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (AttributeError, ValueError, OSError):
        return float("inf")


def _reported(
    source: Iterator[tuple[int, dict[str, Any]]],
    before: int,
    total: int,
    progress: Progress | None,
) -> Iterator[tuple[int, dict[str, Any]]]:
    """The points as they come, each reported once the caller has dealt with it."""
    start = time.perf_counter()
    for count, item in enumerate(source, before + 1):
        yield item
        if progress is not None:
            progress(
                count, total, (time.perf_counter() - start) / (count - before) * (total - count)
            )


# -- which points, and what they share


def _computed(
    study: Study,
    known: Mapping[int, Any],
    client: Any,
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Points that are not known, as they are finished, geometry by geometry."""
    span = _span(study)
    jobs = (
        (device, [(int(i), _material(study, int(i))) for i in left])
        for device, left in _left(study, set(known))
    )
    if client is not None:
        yield from on_scheduler(jobs, span, client)
        return
    for device, several in jobs:
        setting = device if isinstance(device, Setting) else make_setting(device, span)
        for index, changes in several:
            yield index, compute_point(setting, changes)


def _left(
    study: Study,
    known: set[int],
) -> Iterator[tuple[Device | Setting, list[int]]]:
    """(device of a geometry, its points that are not known); a Setting that failed where there is
    no such device.
    """
    for indices in study.groups().values():
        left = [i for i in indices.tolist() if i not in known]
        if left:
            shape = {k: v for k, v in study.changes(left[0]).items() if is_shape(k)}
            try:
                yield (changed_device(study.device, shape) if shape else study.device), left
            except OhmrError as exc:
                yield (
                    Setting(
                        study.device, failed=f"{type(exc).__name__}: {str(exc).splitlines()[0]}"
                    ),
                    left,
                )


def _material(
    study: Study,
    index: int,
) -> dict[str, Any]:
    return {k: v for k, v in study.changes(index).items() if not is_shape(k)}


def _span(study: Study) -> Span | None:
    """What the measures of a study must cover; None if its points cannot share them.

    Looks at the ends of the axes that change the material.  A point beyond what is found there is
    solved by itself.
    """
    problem = study.device.problem
    diffusive = any(
        k.rpartition(".")[2] in DIFFUSIVE for a in study.axes for k in keys_of(a, study.tables)
    )
    absorbing = any(m.absorbs_partially for m in problem.moment_conditions().values())
    if not problem.uniform or (
        diffusive and (absorbing or any(a.startswith("edges.") for a in study.shaping))
    ):
        return None  # an edge that absorbs ties a measure to its diffusion constant
    found, thicknesses = [], []
    for place in itertools.product(*(_ends(study, axis) for axis in study.axes)):
        try:
            new = changed_device(
                study.device, _material(study, int(np.ravel_multi_index(place, study.shape)))
            ).problem
        except OhmrError:
            continue  # this point will say why
        if shares_poles(new):
            if new.film is not None:
                thicknesses.append(new.film.thickness)
            m = new.material
            found.append(
                (m.diffusion_length, float(precession_squared(m, study.device.fields).max()), m)
            )
    if not found:
        return None
    return Span(
        min(f[0] for f in found),
        max(f[0] for f in found),
        max(found, key=lambda f: f[1])[2],
        (min(thicknesses), max(thicknesses)) if thicknesses else None,
    )


def _ends(
    study: Study,
    axis: str,
) -> list[int]:
    """Places of an axis among which a material is extreme."""
    values = study.axes[axis]
    if axis in study.shaping and axis not in study.tables:
        return [0]
    model = has_model(study.device)
    if model or axis in study.tables or not all(isinstance(v, (int, float, str)) for v in values):
        few = MOST_ENDS_OF_MODEL if model else MOST_ENDS
        return np.unique(
            np.linspace(0, len(values) - 1, min(few, len(values))).round().astype(int)
        ).tolist()
    try:
        numbers, _ = in_units(values, axis)
    except InputError:
        return list(range(len(values)))[:MOST_ENDS]
    return sorted({int(np.argmin(numbers)), int(np.argmax(numbers))})


# -- results


def _coordinates(study: Study) -> dict[str, tuple[tuple[str, ...], Any, str]]:
    """{name: (dimensions, values, unit)}; quantities in SI, text where they are none."""
    out: dict[str, tuple[tuple[str, ...], Any, str]] = {}
    for axis, values in study.axes.items():
        out[axis] = ((axis,), *_coordinate(axis, values))
        if axis in study.tables:
            table = study.tables[axis]
            out[axis] = ((axis,), out[axis][1], table.header[0][1])
            rows = [table.at(v) for v in values]
            out |= {
                key: ((axis,), *_coordinate(key, tuple(r[key] for r in rows))) for key in rows[0]
            }
    names = [m.name or f"measure {k + 1}" for k, m in enumerate(study.device.measurements)]
    out["measurement"] = (("measurement",), np.array(names), "")
    return out | {
        f"B_{c}": (("field",), study.device.fields[:, i], "T") for i, c in enumerate("xyz")
    }


def _coordinate(
    name: str,
    values: tuple[Any, ...],
) -> tuple[np.ndarray, str]:
    try:
        return in_units(values, name)
    except InputError:
        return np.array([str(v) for v in values]), ""
