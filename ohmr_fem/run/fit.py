"""One fit from files: measured curves and a device file in, a report, a table of numbers and
figures out.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..config.device_file import Device, read_device, without_accuracy
from ..errors import InputError
from ..files import atomic_path
from ..fitting.data import Measured, read_data, with_pairs
from ..fitting.design import Design, design
from ..fitting.fit import fit
from ..fitting.result import Fit, FittedCurve
from ..output.plot_fit import plot_fit
from ..output.style import save_figure
from ..version import __version__

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
    own = device.table.get("sweep", {}).get("direction", "x") if direction is None else direction
    curves = read_data(data, quantity=quantity, direction=own, nan=nan, sign=sign)
    if device.problem.is_cross_section:
        return curves
    return with_pairs(curves, {m.name: (m.current, m.voltage) for m in device.measurements})


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
    folder = None if out is None else _folder(out)
    setup = without_accuracy(read_device(device), "a fit")
    curves = read_fit_data(data, setup, quantity=quantity, direction=direction, nan=nan, sign=sign)
    found = fit(curves, setup.problem, parameters, **options)
    if folder is not None:
        further = None
        if plan or (plan is None and not found.identifiability.complete):
            further = design(
                found, setup.problem, parameters, background=options.get("background", ("offset",))
            )
        write_fit(found, folder, {"data": str(data), "device": str(device)}, further)
    return found


def _folder(out: str | Path) -> Path:
    folder = Path(out)
    if folder.exists() and not folder.is_dir():
        raise InputError(
            f"{folder}: is a file; give the name of a folder for the results", value=str(folder)
        )
    return folder


def write_fit(
    found: Fit,
    out: str | Path,
    sources: dict[str, str] | None = None,
    further: Design | None = None,
) -> list[Path]:
    """Write report, numbers, table and figures into a folder; returns the files."""
    folder = _folder(out)
    files = [folder / name for name in ("fit.txt", "fit.json", "fit.csv", "fit.png", "fit.pdf")]
    text = (
        str(found)
        + ("" if further is None else f"\n\nwith one more measurement:\n{further}")
        + "\n"
    )
    content = {"ohmr_fem": __version__, **(sources or {}), **record(found)}
    for path, written in ((files[0], text), (files[1], json.dumps(content, indent=2) + "\n")):
        with atomic_path(path) as temporary:
            temporary.write_text(written, encoding="utf-8")
    with atomic_path(files[2]) as temporary:
        found.to_csv(temporary)
    axes = plot_fit(found)
    for path in files[3:]:
        save_figure(axes, path)
    return files


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
