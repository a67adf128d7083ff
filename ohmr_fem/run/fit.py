"""One fit from files: measured curves and a device file in, a report, a table of numbers and
figures out.
"""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..config.device_file import Device, read_device, without_accuracy
from ..doors import door
from ..errors import InputError
from ..files import atomic_path, sha256_of
from ..fitting.data import Measured, read_data, with_pairs
from ..fitting.design import Design, design
from ..fitting.fit import fit
from ..fitting.result import Fit, FittedCurve
from ..output.plot_fit import plot_fit
from ..output.style import drawing, save_figure
from ..version import __version__
from .folder import folder_of, remove, results_folder

#: What a fit leaves, beside its record.
FILES = ("fit.txt", "fit.csv", "fit.png", "fit.pdf")
RECORD = "fit.json"
PARAMETERS = ("alpha", "L_m", "tau", "theta")


def read_fit_data(
    data: str | Path,
    device: Device,
    *,
    quantity: str | None = None,
    direction: Any = None,
    nan: str = "error",
    sign: float = 1.0,
) -> tuple[Measured, ...]:
    """Curves of a CSV file with the contacts of the measurements of a device.

    A file with one column of fields takes its direction from the sweep of the device unless
    ``direction`` is given; other arguments as for :func:`ohmr_fem.read_data`.
    """
    if direction is None:
        sweep = device.table.get("sweep", {})
        direction = sweep.get("direction", "x")
    curves = read_data(data, quantity=quantity, direction=direction, nan=nan, sign=sign)
    if device.problem.is_cross_section:
        return curves
    pairs = {m.name: (m.current, m.voltage) for m in device.measurements}
    return with_pairs(curves, pairs)


@door
def run_fit(
    data: str | Path,
    device: str | Path,
    out: str | Path | None = None,
    *,
    parameters: Sequence[str] = PARAMETERS,
    quantity: str | None = None,
    direction: Any = None,
    nan: str = "error",
    sign: float = 1.0,
    plan: bool | None = None,
    **options: Any,
) -> Fit:
    """Fit a CSV file on a device file.

    Parameters
    ----------
    data : CSV file, see :mod:`ohmr_fem.fitting.data`
        A column ``measurement`` names the measurements of the device where it has several.
    device : device file (.toml)
        Its material holds what is known, and the start of what is fitted.
    out : results folder, optional
        Gets fit.txt (the report), fit.json (the numbers), fit.csv (data, model, background,
        residual), fit.png and fit.pdf.
    parameters : of alpha, L_m, tau, theta, sigma, g
    quantity, direction, nan, sign : as for :func:`ohmr_fem.read_data`
    plan : bool, optional
        Add to the report which further measurement would fix most (:func:`ohmr_fem.design`); by
        default only where the data leave parameters free.
    options : background, confidence, intervals, strip, limit, method of :func:`ohmr_fem.fit`

    Returns
    -------
    Fit

    Raises
    ------
    InputError, MissingExtraError
    """
    _given_once("parameters", parameters)
    _given_once("background", options.get("background", ()))
    held: contextlib.AbstractContextManager[Any] = contextlib.nullcontext()
    if out is not None:
        inputs = [Path(data), Path(device)]
        held = results_folder(out, FILES, inputs, record=RECORD)  # before anything is computed
    with held:
        digests = {str(path): sha256_of(Path(path)) for path in (data, device)}
        setup = without_accuracy(read_device(device), "a fit")
        curves = read_fit_data(
            data,
            setup,
            quantity=quantity,
            direction=direction,
            nan=nan,
            sign=sign,
        )
        found = fit(curves, setup.problem, parameters, **options)
        if out is None:
            return found
        if plan is None:
            plan = not found.identifiability.complete
        further = None
        if plan:
            background = options.get("background", ("offset",))
            further = design(found, setup.problem, parameters, background=background)
        sources = {"data": str(data), "device": str(device), "inputs": digests}
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
    """Write report, numbers, table and figures into a folder; returns the files."""
    folder = folder_of(out, RECORD)
    files = [folder / name for name in ("fit.txt", RECORD, *FILES[1:])]
    report, numbers, table, *figures = files
    text = str(found)
    if further is not None:
        text += f"\n\nwith one more measurement:\n{further}"
    content = {"ohmr_fem": __version__, **(sources or {}), **record(found)}
    content["files"] = list(FILES)
    _write(report, text)
    _write(numbers, json.dumps(content, indent=2))
    with atomic_path(table) as temporary:
        found.to_csv(temporary)
    remove(folder, [path.name for path in figures])  # those of an earlier fit are not of this one
    with drawing("fit"):
        axes = plot_fit(found)
        for path in figures:
            save_figure(axes, path)
    return [path for path in files if path.exists()]


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
