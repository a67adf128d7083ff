"""One point of a study, in whatever process: a device of one geometry made ready, and the results
of a material on it.

What is shared by the points of a geometry depends on the study alone, not on which points a process
has, so that every process gets the same numbers.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..config.device_file import Device
from ..errors import InputError, MissingExtraError, OhmrError, SolveError
from ..model.material import Material, precession_squared
from ..model.problem import Problem
from ..solver.resolution import edge_cells, physics_notes, size_notes, unresolved
from ..solver.system import system_of
from ..sweep.hanle import hanle_curve
from ..sweep.measure import SpectralMeasure
from ..sweep.route import refusal
from ..sweep.spectral import largest_share, spectral_measures
from ..version import __version__
from .axes import changed_device
from .file import parse_results

#: Ratio of diffusion lengths up to which one measure serves a geometry.
WIDEST = 30.0


@dataclass(frozen=True, eq=False)
class Span:
    """What a measure must cover: diffusion lengths in m, and the material in which the moment
    precesses farthest.
    """

    shortest: float
    longest: float
    fastest: Material


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
    if problem.film is not None:  # each point makes its own measure
        return Setting(device)
    if span is None or span.longest > WIDEST * span.shortest or not shares_poles(problem):
        return Setting(device)
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
    light = tuple(
        replace(m, projection=replace(m.projection, vectors=None), vertices=None) for m in found
    )
    return Setting(device, light, height)


def compute_point(
    setting: Setting,
    changes: Mapping[str, Any],
    version: str = __version__,
) -> dict[str, Any]:
    """Results of one point as plain lists with a ``note`` (its warnings), or {"failed": why}."""
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
    device, notes = setting.device, dict.fromkeys(_notes(setting, prob))
    rows: dict[str, list[Any]] = {name: [] for name in parse_results(prob.is_cross_section)}
    shared = setting.measures if shares_poles(prob) else None
    for k, m in enumerate(device.measurements):
        values = None if shared is None else _from_measure(shared[k], prob, device.fields)
        if values is None:
            curve = hanle_curve(
                prob, device.fields, current=m.current, voltage=m.voltage, method=device.method
            )
            values = {"R_ohmic": curve.R_ohmic, "error": curve.algebraic_error.tolist()}
            values |= {
                name: getattr(curve, name).tolist()
                for name in ("delta_R", "hanle", "rho", "rho_change")
            }
            notes |= dict.fromkeys(curve.warnings)
        for name, row in rows.items():
            row.append(values[name])
    return {**rows, "note": "; ".join(notes)}


def _from_measure(
    measure: SpectralMeasure,
    prob: Problem,
    fields: np.ndarray,
) -> dict[str, Any] | None:
    """Results from the measure of the geometry, or None outside its range."""
    tuned = replace(measure, material=prob.material)
    try:
        f, change, bound = tuned.response_and_bound(fields)
    except SolveError:
        return None  # the device itself gives the answer, or the reason
    names = ("rho", "rho_change") if prob.is_cross_section else ("delta_R", "hanle")
    return {
        "R_ohmic": tuned.R_ohmic,
        names[0]: (f * tuned.unit).tolist(),
        names[1]: (change * tuned.unit).tolist(),
        "error": (abs(tuned.unit) * bound).tolist(),
    }


def _notes(
    setting: Setting,
    prob: Problem,
) -> list[str]:
    """Warnings about a point that is read from a measure; a solution of its own brings them
    along.
    """
    if setting.measures is None or setting.height is None or not shares_poles(prob):
        return []
    fields = setting.device.fields
    strongest = fields[int(np.argmax(np.linalg.norm(fields, axis=1)))]
    squared = float(precession_squared(prob.material, strongest))
    shorter = (
        np.sqrt(1.0 + 1j * max(squared, 0.0) ** 0.5).real * (1.0 + max(-squared, 0.0) ** 0.5) ** 0.5
    )
    decay = np.full(setting.height.shape, prob.material.diffusion_length / shorter)
    tuned = [replace(m, material=prob.material) for m in setting.measures]
    notes = [*physics_notes(prob, fields), *size_notes(prob, largest_share(prob, tuned))]
    return [str(n) for n in (*notes, *unresolved(setting.height, decay, prob.order))]
