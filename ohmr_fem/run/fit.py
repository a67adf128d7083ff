"""One fit from files: measured curves and a device file in, a report, a table of numbers and
figures out.
"""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..config.device_file import read_device, without_accuracy
from ..config.remedies import in_file
from ..errors import InputError
from ..errors.doors import door
from ..files import atomic_path, sha256_of
from ..fitting.design import Design, design
from ..fitting.fit import fit
from ..fitting.result import Fit, FittedCurve
from ..fitting.told import nobody
from ..output.fit_page import fit_page
from ..output.plot_fit import plot_fit
from ..output.record import versions
from ..output.style import drawing, save_figures
from ..version import __version__
from .fit_data import Wanted, fit_curves
from .folder import folder_of, remove, results_folder

#: What a fit leaves, beside its record.
FILES = ("fit.txt", "fit.csv", "fit.png", "fit.pdf", "fit.html")
#: Above the table of further measurements.
ONE_MORE = "with one more measurement"
CAPTION = "Data without backgrounds, the fit, and the infinite strip where one was fitted"
RECORD = "fit.json"
PARAMETERS = ("alpha", "L_m", "tau", "theta")


@door
def run_fit(
    data: Any,
    device: str | Path,
    out: str | Path | None = None,
    *,
    parameters: Sequence[str] = PARAMETERS,
    quantity: str | None = None,
    direction: Any = None,
    nan: str = "error",
    sign: float = 1.0,
    columns: Mapping[str, Any] | None = None,
    field: Any = None,
    plane: str | None = None,
    decimal: str | None = None,
    sweeps: str | None = None,
    measurement: str | None = None,
    temperature: Any = None,
    prepare: Mapping[str, Any] | None = None,
    plan: bool | None = None,
    **options: Any,
) -> Fit:
    """Fit the file of an instrument or a spreadsheet on a device file.

    Parameters
    ----------
    data : file, see :func:`ohmr_fem.read_data`; or Measured, or several
        A column ``measurement`` names the measurements of the device where it has several.
    device : device file (.toml)
        Its material holds what is known, and the start of what is fitted.
    out : results folder, optional
        Gets fit.txt (the report), fit.json (the numbers), fit.csv (data, model, background,
        residual), fit.png, fit.pdf and fit.html, one page of all of it.
    parameters : of alpha, L_m, tau, theta, sigma, g
    quantity, direction, nan, sign, columns, field, plane, decimal, sweeps : as for
        :func:`ohmr_fem.read_data`; the direction is that of the sweep of the device unless given
    measurement : str, optional
        Of the device, for a file that does not name its own.
    temperature : K, optional
        Only the curves measured at it, to 3%.
    prepare : {step: value}, optional
        Steps of :func:`ohmr_fem.prepare`, done to every curve; its sweeps stand together then.
    plan : bool, optional
        Add to the report which further measurement would fix most (:func:`ohmr_fem.design`); by
        default only where the data leave parameters free, and not of a film (minutes).
    options : background, confidence, intervals, strip, limit, method, progress of
        :func:`ohmr_fem.fit`

    Returns
    -------
    Fit

    Raises
    ------
    InputError
        A file that is missing, damaged or does not fit the other; a folder that cannot be written
        or holds files of no run; as :func:`ohmr_fem.fit`.
    MissingExtraError
        lmfit is not installed.
    """
    _given_once("parameters", parameters)
    _given_once("background", options.get("background", ()))
    reading = {
        "quantity": quantity,
        "direction": direction,
        "nan": nan,
        "sign": sign,
        "columns": columns,
        "field": field,
        "plane": plane,
        "decimal": decimal,
        "sweeps": sweeps,
    }
    wanted = Wanted(reading, measurement, temperature, prepare)
    files = [Path(path) for path in (data, device) if isinstance(path, (str, Path))]
    held: contextlib.AbstractContextManager[Any] = contextlib.nullcontext()
    if out is not None:
        held = results_folder(out, FILES, files, record=RECORD)  # before anything is computed
    with held:
        digests = {str(path): sha256_of(path) for path in files}
        setup = without_accuracy(read_device(device), "a fit")
        curves = fit_curves(data, setup, wanted)
        found = fit(curves, setup.problem, parameters, **options)
        found = replace(found, warnings=tuple(map(in_file, found.warnings)))
        if out is None:
            return found
        if plan is None:  # of a film each pair takes a measure, which takes minutes
            plan = not found.identifiability.complete and setup.problem.film is None
        further = None
        if plan:
            told = options.get("progress") or nobody
            told("further measurement", 0, 1)
            background = options.get("background", ("offset",))
            further = design(found, setup.problem, parameters, background=background)
        given = str(data) if len(files) > 1 else [curve.label for curve in curves]
        sources = {"data": given, "device": str(device), "inputs": digests, "read": wanted.asked}
        write_fit(found, out, sources, further)
    return found


def _given_once(key: str, names: Any) -> None:
    """InputError for a name that is given twice."""
    several = [names] if isinstance(names, str) else list(names)
    twice = next((n for i, n in enumerate(several) if n in several[:i]), None)
    if twice is not None:
        raise InputError(f"{twice!r} is given twice; give it once", value=twice, key=key)


def write_fit(
    found: Fit,
    out: str | Path,
    sources: dict[str, Any] | None = None,
    further: Design | None = None,
) -> list[Path]:
    """Write report, numbers, table, figures and a page into a folder; returns the files."""
    folder = folder_of(out, RECORD)
    files = [folder / name for name in ("fit.txt", RECORD, *FILES[1:])]
    report, numbers, table, *figures, page = files
    text = str(found) + _prepared(found)
    if further is not None:
        text += f"\n\n{ONE_MORE}:\n{further}"
    content = {"ohmr_fem": __version__, **(sources or {}), **record(found)}
    content["files"] = list(FILES)
    _write(report, text)
    _write(numbers, json.dumps(content, indent=2))
    with atomic_path(table) as temporary:
        found.to_csv(temporary)
    remove(folder, [path.name for path in figures])  # those of an earlier fit are not of this one
    with drawing("fit"):
        axes = plot_fit(found)
        save_figures(axes, figures)
    given = sources or {}
    about = {"inputs": given.get("inputs", {}), "versions": versions(), "plan": further}
    title = f"Fit of {_named(given.get('data'))}"
    drawn = {CAPTION: figures[0]} if figures[0].exists() else {}
    _write(page, fit_page(title, found, None, drawn, about).rstrip())
    return [path for path in files if path.exists()]


def _named(data: Any) -> str:
    """The measured data of a title."""
    if isinstance(data, str):
        return Path(data).name
    return ", ".join(data or []) or "measured curves"


def _prepared(found: Fit) -> str:
    """How the curves were prepared, a line a step."""
    lines = []
    for curve in found.curves:
        steps = curve.data.preparation
        if steps is not None:
            lines += ["", f"{curve.data.label}, prepared:", *(f"  {step}" for step in steps)]
            lines.append(f"  whiteness: {steps.whiteness:.3g}")
    return "\n".join(["", *lines]) if lines else ""


def _write(path: Path, text: str) -> None:
    with atomic_path(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def record(found: Fit) -> dict[str, Any]:
    """The numbers of a fit in plain values; None for what is open or unknown."""

    def plain(value: float) -> float | None:
        return float(value) if math.isfinite(value) else None

    parameters = {
        e.name: {
            "symbol": e.symbol,
            "unit": e.unit,
            "value": e.value,
            "error": plain(e.error),
            "low": plain(e.low),
            "high": plain(e.high),
            "fixed_by_the_data": e.fixed,
            "infinite_strip": None if found.strip is None else found.strip[e.name],
        }
        for e in found.parameters.values()
    }
    return {
        "parameters": parameters,
        "confidence": found.confidence,
        "chi2": found.chi2,
        "degrees": found.degrees,
        "noise": "estimated" if found.noise_estimated else "given",
        "identifiability": str(found.identifiability),
        "identifiability_before": str(found.before),
        "hanle_left_by": {
            "fitted": dict(found.identifiability.alike),
            "not_fitted": dict(found.identifiability.unfitted),
        },
        "fixed": [
            {"combination": c.text, "relative_error": plain(c.error)}
            for c in found.identifiability.fixed
        ],
        "correlation": [[plain(float(c)) for c in row] for row in found.correlation],
        "curves": [_curve(c) for c in found.curves],
        "warnings": list(found.warnings),
        "seconds": found.seconds,
    }


def _curve(c: FittedCurve) -> dict[str, Any]:
    """What is on record of one curve: its backgrounds, and how its data were prepared."""
    out: dict[str, Any] = {
        "name": c.data.label,
        "points": len(c.data.values),
        "noise": float(c.noise.mean()),
        "backgrounds": {
            name: {"value": value, "error": error if math.isfinite(error) else None}
            for name, (value, error) in c.amplitudes.items()
        },
    }
    if c.data.preparation is not None:
        out["preparation"] = c.data.preparation.record()
    return out
