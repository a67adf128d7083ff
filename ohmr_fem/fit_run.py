"""One fit from files: measured curves and a device file in, a report, a table of numbers and figures out."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import __version__
from .config import Device, read_device
from .data import Measured, read_data, with_pairs
from .errors import InputError
from .fit_figure import plot_fit
from .fitting import Fit, fit
from .plot import save_figure
from .store import atomic_path

PARAMETERS = ("alpha", "L_m", "tau", "theta")


def read_fit_data(data: str | Path, device: Device, *, quantity: str | None = None, direction: Any = None, nan: str = "error",
                  sign: float = 1.0) -> tuple[Measured, ...]:
    """Curves of a CSV file with the contacts of the measurements of a device.

    A file with one column of fields takes its direction from the sweep of the device unless ``direction`` is given; other
    arguments as for :func:`ohmr_fem.read_data`.
    """
    own = device.table.get("sweep", {}).get("direction", "x") if direction is None else direction
    curves = read_data(data, quantity=quantity, direction=own, nan=nan, sign=sign)
    if device.problem.is_cross_section:
        return curves
    return with_pairs(curves, {m.name: (m.current, m.voltage) for m in device.measurements})


def run_fit(data: str | Path, device: str | Path, out: str | Path | None = None, *, parameters: Sequence[str] = PARAMETERS,
            quantity: str | None = None, direction: Any = None, nan: str = "error", sign: float = 1.0,
            **options: Any) -> Fit:
    """Fit a CSV file on a device file.

    Parameters
    ----------
    data : CSV file, see :mod:`ohmr_fem.data`
        A column ``measurement`` names the measurements of the device where it has several.
    device : device file (.toml)
        Its material holds what is known, and the start of what is fitted.
    out : results folder, optional
        Gets fit.txt (the report), fit.json (the numbers), fit.png and fit.pdf.
    parameters : of alpha, L_m, tau, theta, sigma, g
    quantity, direction, nan, sign : as for :func:`ohmr_fem.read_data`
    options : background, confidence, intervals, strip, limit, method of :func:`ohmr_fem.fit`

    Returns
    -------
    Fit

    Raises
    ------
    InputError, MissingExtraError
    """
    setup = read_device(device)
    curves = read_fit_data(data, setup, quantity=quantity, direction=direction, nan=nan, sign=sign)
    found = fit(curves, setup.problem, parameters, **options)
    if out is not None:
        write_fit(found, out, {"data": str(data), "device": str(device)})
    return found


def write_fit(found: Fit, out: str | Path, sources: dict[str, str] | None = None) -> list[Path]:
    """Write report, numbers and figures into a folder; returns the files."""
    folder = Path(out)
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: is a file; give the name of a folder for the results", value=str(folder))
    files = [folder / name for name in ("fit.txt", "fit.json", "fit.png", "fit.pdf")]
    with atomic_path(files[0]) as temporary:
        temporary.write_text(str(found) + "\n", encoding="utf-8")
    with atomic_path(files[1]) as temporary:
        temporary.write_text(json.dumps({"ohmr_fem": __version__, **(sources or {}), **record(found)}, indent=2) + "\n",
                             encoding="utf-8")
    axes = plot_fit(found)
    for path in files[2:]:
        save_figure(axes, path)
    return files


def record(found: Fit) -> dict[str, Any]:
    """The numbers of a fit in plain values; None for what is open or unknown."""
    def plain(value: float) -> float | None:
        return float(value) if math.isfinite(value) else None

    parameters = {e.name: {"symbol": e.symbol, "unit": e.unit, "value": e.value, "error": plain(e.error), "low": plain(e.low),
                           "high": plain(e.high), "fixed_by_the_data": e.fixed,
                           "infinite_strip": None if found.strip is None else found.strip[e.name]}
                  for e in found.parameters.values()}
    return {"parameters": parameters, "confidence": found.confidence, "chi2": found.chi2, "degrees": found.degrees,
            "noise": "estimated" if found.noise_estimated else "given", "identifiability": str(found.identifiability),
            "fixed": [{"combination": c.text, "relative_error": plain(c.error)} for c in found.identifiability.fixed],
            "correlation": [[plain(float(c)) for c in row] for row in found.correlation],
            "curves": [{"name": c.data.label, "points": len(c.data.values), "noise": float(c.noise.mean())}
                       for c in found.curves],
            "warnings": list(found.warnings), "seconds": found.seconds}
