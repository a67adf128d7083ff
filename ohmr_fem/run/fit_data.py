"""The curves of a fit: read from a file or given, the ones that are asked for, prepared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..config.device_file import Device
from ..errors import InputError, suggest
from ..fitting.data import Measured, measurement_of, read_data, with_pairs
from ..fitting.prepare import prepare
from ..units import to_si

#: Steps of a preparation that need no second curve.
STEPS = (
    *("offset", "hysteresis", "drift", "outliers"),
    *("mixing", "symmetry", "average", "noise"),
)
#: Temperatures within this part of each other are one.
SAME = 0.03


@dataclass(frozen=True)
class Wanted:
    """What is made of a file before it is fitted.

    Attributes
    ----------
    reading : options of :func:`ohmr_fem.read_data`
    measurement : of the device, for files that do not name theirs
    temperature : K, of the curves that are taken
    prepare : {step: value} of :func:`ohmr_fem.prepare`
    """

    reading: Mapping[str, Any]
    measurement: str | None = None
    temperature: Any = None
    prepare: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        for key in self.prepare or {}:
            if key not in STEPS:
                known = ("longitudinal", "reciprocal", "control")
                needs = key in known and f"{key} is a second curve"
                raise InputError(
                    f"{needs or repr(key) + ' is no step'}; {suggest(key, STEPS)}; for others give "
                    "of.run_fit the curves that of.prepare makes",
                    value=key,
                    key="prepare",
                )
        if (self.prepare or {}).get("mixing") is not None:
            raise InputError(
                "mixing needs the raw R_xx of the same rows; prepare in Python, "
                "of.prepare(..., longitudinal=R_xx), and give of.run_fit the curves",
                value="mixing",
                key="prepare",
            )

    @property
    def asked(self) -> dict[str, Any]:
        """What was asked for, in plain values."""
        told = {k: v for k, v in self.reading.items() if v is not None}
        own = {key: getattr(self, key) for key in ("measurement", "temperature", "prepare")}
        told |= {key: value for key, value in own.items() if value is not None}
        return {key: _plain(value) for key, value in told.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [_plain(each) for each in value]
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)


def fit_curves(data: Any, device: Device, wanted: Wanted) -> tuple[Measured, ...]:
    """Curves with the contacts of the measurements of a device.

    A file with one column of fields takes its direction from the sweep of the device unless
    ``direction`` is given.

    Raises
    ------
    InputError
    """
    curves = _read(data, device, wanted) if isinstance(data, (str, Path)) else _given(data, wanted)
    if wanted.temperature is not None:
        curves = _at(curves, to_si(wanted.temperature, "K", "temperature"))
    if not device.problem.is_cross_section:
        curves = _paired(curves, device, wanted.measurement)
    if wanted.prepare is None:
        return curves
    return tuple(prepare(curve, **wanted.prepare) for curve in curves)


def _read(path: str | Path, device: Device, wanted: Wanted) -> tuple[Measured, ...]:
    options = {key: value for key, value in wanted.reading.items() if value is not None}
    assumed = "direction" not in options and "plane" not in options
    if wanted.prepare is not None:
        # hysteresis and drift show only in sweeps that stand together
        if options.get("sweeps") == "apart":
            raise InputError(
                "sweeps that are prepared stand together; leave sweeps out", key="sweeps"
            )
        options["sweeps"] = "together"
    if not assumed:
        return read_data(path, **options)
    direction = device.table.get("sweep", {}).get("direction", "x")
    try:
        return read_data(path, **options, direction=direction)
    except InputError as exc:
        if exc.key != "direction":  # the file has the components of the field
            raise
    return read_data(path, **options)


def _given(data: Any, wanted: Wanted) -> tuple[Measured, ...]:
    curves = (data,) if isinstance(data, Measured) else tuple(data)
    if not curves or not all(isinstance(c, Measured) for c in curves):
        raise InputError(
            f"expected the path of a file, Measured or a sequence of them, got {data!r}",
            key="data",
        )
    defaults = {"nan": "error", "sign": 1.0}
    for key, value in wanted.reading.items():
        if value is not None and value != defaults.get(key):
            raise InputError("is for files; curves are as they are", value=value, key=key)
    return curves


def _at(curves: Sequence[Measured], temperature: float) -> tuple[Measured, ...]:
    """The curves measured at a temperature."""
    found = []
    for curve in curves:
        if curve.temperature is None:
            raise InputError(
                f"{curve.label}: its temperature is not known; name the column with "
                "columns={'temperature': HEADING}",
                key="temperature",
                named=True,
            )
        if abs(float(np.mean(curve.temperature)) - temperature) <= SAME * temperature:
            found.append(curve)
    if not found:
        there = sorted({f"{float(np.mean(c.temperature)):.4g}" for c in curves}, key=float)
        raise InputError(
            f"no curve was measured at {temperature:g} K; there are {', '.join(there)} K",
            value=temperature,
            key="temperature",
        )
    return tuple(found)


def _paired(
    curves: Sequence[Measured], device: Device, measurement: str | None
) -> tuple[Measured, ...]:
    pairs = {m.name: (m.current, m.voltage) for m in device.measurements}
    if measurement is None:
        return with_pairs(curves, pairs)
    if measurement not in pairs:
        raise InputError(
            f"{measurement!r} is not known; {suggest(measurement, pairs)}",
            value=measurement,
            key="measurement",
        )
    channels = list(dict.fromkeys(measurement_of(curve.name) for curve in curves))
    if len(channels) > 1:
        raise InputError(
            f"the file holds {', '.join(map(repr, channels[:4]))}, which cannot all be "
            f"{measurement!r}; take one with columns={{'R': HEADING}} (--column R=HEADING)",
            value=measurement,
            key="measurement",
        )
    current, voltage = pairs[measurement]
    return tuple(replace(curve, current=current, voltage=voltage) for curve in curves)
