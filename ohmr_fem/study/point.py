"""One point of a study, in whatever process: a device of one geometry made ready, and the results
of a material on it.

What is shared by the points of a geometry depends on the study alone, not on which points a process
has, so that every process gets the same numbers.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..config.device_file import Device
from ..config.remedies import in_file
from ..errors import InputError, MissingExtraError, OhmrError, SolveError
from ..model.material import Material
from ..model.problem import Problem
from ..model.stack import Stack
from ..solver.resolution import check_edges, edge_cells, physics_notes, size_notes
from ..solver.system import system_of
from ..sweep.film import film_measures
from ..sweep.hanle import hanle_curve
from ..sweep.measure import SpectralMeasure
from ..sweep.route import refusal
from ..sweep.spectral import largest_share, spectral_measures
from ..sweep.together import alike, read_together
from ..version import __version__
from .axes import changed_device
from .file import parse_results

#: Ratio of diffusion lengths up to which one measure serves a geometry.
WIDEST = 30.0


@dataclass(frozen=True, eq=False)
class Span:
    """What a measure must cover: diffusion lengths in m, the material in which the moment precesses
    farthest, and the thicknesses of a film in m.
    """

    shortest: float
    longest: float
    fastest: Material
    thicknesses: tuple[float, float] | None = None


@dataclass(frozen=True, eq=False)
class Setting:
    """A device of one geometry with what its points share; small enough to travel.

    Attributes
    ----------
    device : Device
    measures : tuple of SpectralMeasure, or None where each point needs its own solution
    height : (k,) m
        Extent of the cells along the edges, normal to them.
    failed : str
        Why this geometry has no points.
    """

    device: Device
    measures: tuple[SpectralMeasure, ...] | None = None
    height: np.ndarray | None = None
    failed: str = ""


def shares_poles(problem: Problem) -> bool:
    """Whether one measure serves this point and others: a matrix a pole makes its own."""
    return refusal(problem) is None and problem.uniform


def make_setting(
    device: Device,
    span: Span | None,
    version: str = __version__,
) -> Setting:
    """Prepare a geometry for all materials of a study; without a span the points do not share a
    measure.
    """
    check_version(version)
    problem = device.problem
    if isinstance(problem.film, Stack):  # each point makes its own measure
        return Setting(device)
    if span is None or span.longest > WIDEST * span.shortest or not shares_poles(problem):
        return Setting(device)
    if problem.film is not None:
        return _film_setting(device, span)
    problem = replace(problem, materials=span.fastest)
    try:
        pairs = [(m.current, m.voltage) for m in device.measurements]
        found = spectral_measures(
            problem, pairs, fields=device.fields, lengths=(span.shortest, span.longest)
        )
        height, _ = edge_cells(system_of(problem))
    except MissingExtraError:
        raise
    except OhmrError as exc:
        return Setting(device, failed=_why(exc))
    return Setting(device, _light(found), height)


def _film_setting(
    device: Device,
    span: Span,
) -> Setting:
    """One measure for the thicknesses and materials of a film; where none covers them all, each
    point makes its own.
    """
    problem = device.problem
    pairs = [(m.current, m.voltage) for m in device.measurements]
    if problem.edge_sources:  # which tie a measure to its angles
        return Setting(device)
    try:
        found = film_measures(
            replace(problem, materials=span.fastest),
            pairs,
            fields=device.fields,
            lengths=(span.shortest, span.longest),
            thicknesses=span.thicknesses,
        )
        height, _ = edge_cells(system_of(problem, plane_of_film=True))
    except OhmrError:
        return Setting(device)
    return Setting(device, _light(found), height)


def _light(found: Sequence[SpectralMeasure]) -> tuple[SpectralMeasure, ...]:
    """Without what maps need."""
    return tuple(
        replace(m, projection=replace(m.projection, vectors=None), vertices=None) for m in found
    )


def compute_point(
    setting: Setting,
    changes: Mapping[str, Any],
    version: str = __version__,
) -> dict[str, Any]:
    """Results of one point as arrays with a ``note`` (its warnings), or {"failed": why}."""
    check_version(version)
    if setting.failed:
        return {"failed": setting.failed}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they are in the note
            return _point(
                setting,
                changed_device(setting.device, changes).problem
                if changes
                else setting.device.problem,
            )
    except MissingExtraError:
        raise
    except OhmrError as exc:
        return {"failed": _why(exc)}


def check_version(wanted: str) -> None:
    """InputError in a worker that has another version than the program that runs the study."""
    if wanted != __version__:
        raise InputError(
            f"a worker has ohmr_fem {__version__}, the study runs with {wanted}; install the same "
            "on both"
        )


def _why(exc: OhmrError) -> str:
    return f"{type(exc).__name__}: {str(exc).splitlines()[0]}"


def _point(
    setting: Setting,
    prob: Problem,
) -> dict[str, Any]:
    device = setting.device
    tuned = _tuned(setting, prob)
    notes = dict.fromkeys(_notes(setting, prob, tuned))
    rows: dict[str, list[Any]] = {name: [] for name in parse_results(prob.is_cross_section)}
    shared = _from_measures(tuned, device.fields) if tuned else [None] * len(device.measurements)
    for m, values in zip(device.measurements, shared, strict=True):
        if values is None:
            curve = hanle_curve(
                prob, device.fields, current=m.current, voltage=m.voltage, method=device.method
            )
            values = {"R_ohmic": curve.R_ohmic, "error": curve.algebraic_error}
            values |= {
                name: getattr(curve, name) for name in ("delta_R", "hanle", "rho", "rho_change")
            }
            notes |= dict.fromkeys(curve.warnings)
        for name, row in rows.items():
            row.append(values[name])
    results = {name: np.array(row) for name, row in rows.items()}
    return {**results, "note": in_file("; ".join(notes))}


def _tuned(
    setting: Setting,
    prob: Problem,
) -> list[SpectralMeasure]:
    """The measures of the geometry for the material of a point; none where it needs its own."""
    if setting.measures is None or not shares_poles(prob):
        return []
    changes: dict[str, Any] = {"material": prob.material}
    if prob.film is not None:
        changes |= {"thickness": prob.film.thickness, "film": prob.film}
    return [replace(m, **changes) for m in setting.measures]


def _from_measures(
    tuned: list[SpectralMeasure],
    fields: np.ndarray,
) -> list[dict[str, Any] | None]:
    """Results of each measure, or None outside its range: there the device itself gives the
    answer, or the reason.
    """
    if not alike(tuned):
        return [_from_measure(m, fields) for m in tuned]
    try:
        found = read_together(tuned, fields)
    except SolveError:
        return [None] * len(tuned)
    each = zip(tuned, found.f.T, found.change.T, found.error.T, found.accepted, strict=True)
    return [_results(m, *numbers) if inside else None for m, *numbers, inside in each]


def _from_measure(
    measure: SpectralMeasure,
    fields: np.ndarray,
) -> dict[str, Any] | None:
    try:
        return _results(measure, *measure.response_and_bound(fields))
    except SolveError:
        return None


def _results(
    measure: SpectralMeasure,
    f: np.ndarray,
    change: np.ndarray,
    error: np.ndarray,
) -> dict[str, Any]:
    unit = measure.unit
    names = ("rho", "rho_change") if measure.current is None else ("delta_R", "hanle")
    return {
        "R_ohmic": measure.R_ohmic,
        names[0]: f * unit,
        names[1]: change * unit,
        "error": abs(unit) * error,
    }


def _notes(
    setting: Setting,
    prob: Problem,
    tuned: list[SpectralMeasure],
) -> list[str]:
    """Warnings about a point that is read from a measure; a solution of its own brings them
    along.
    """
    if not tuned or setting.height is None:
        return []
    fields = setting.device.fields
    strongest = fields[int(np.argmax(np.linalg.norm(fields, axis=1)))]
    notes = [*physics_notes(prob, fields), *size_notes(prob, largest_share(prob, tuned))]
    return [str(n) for n in (*notes, *check_edges(setting.height, prob, strongest))]
