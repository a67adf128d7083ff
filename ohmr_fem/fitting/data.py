"""Measured curves: what they hold, and how they are read from a file.

A heading has ``name [unit]`` in every column that is used.  Fields: ``B [T]`` with a direction, or
the components ``Bx [mT]``, ``By``, ``Bz``; T, mT, G, Oe, kOe, A/m (H is read as mu_0 H).  Values:
``R [ohm]``, the change ``hanle [ohm]`` = R(B) - R(0), the relative change ``MR [%]`` = (R(B) -
R(0))/R(0), or ``V [uV]`` with ``I [mA]``. A column ``R_err`` (any of the values, same or own unit)
holds one standard deviation, as does an ``STD`` behind its column; ``measurement`` holds names.
Other headings are named with ``columns``.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..base.file_kind import told
from ..errors import InputError, suggest, warn
from ..errors.doors import door, door_of
from ..model.plausible import STRONG
from ..units import array_si, fields_array, owned, to_si
from .headings import quoted
from .log import Channel, Log, read_log
from .runs import Run, split_runs

#: What a curve holds, and its unit.
QUANTITIES = {"R": "ohm", "hanle": "ohm", "ratio": "1"}
#: A temperature that changes by more than this part of it within a curve is noted.
DRIFTS = 0.005


@door_of
@dataclass(frozen=True, eq=False)
class Measured:
    """One measured curve.

    Parameters
    ----------
    fields : (n, 3) T
    values : (n,) ohm, or 1 for "ratio"
    quantity : "R", "hanle" = R(B) - R(0), or "ratio" = (R(B) - R(0))/R(0)
        A constant may be missing from any of them: fits add an offset unless told otherwise.
    sigma : (n,) or one number, optional
        One standard deviation of the values, in their unit.
    current, voltage : pairs of contact names, optional
        As for :func:`resistance`.
    name, source : str
    time : (n,) s, optional
        When each row was measured; the rows stand in the order measured.
    temperature : K, optional
        One number, or one for each row (n,).
    raw : Measured, optional
        What :func:`prepare` made this curve from.
    preparation : Preparation, optional
        The steps that it took.

    Raises
    ------
    InputError
        Wrong shapes, not finite, sigma not positive, all fields equal.
    """

    fields: np.ndarray
    values: np.ndarray
    quantity: str = "R"
    sigma: Any = None
    current: Any = None
    voltage: Any = None
    name: str = ""
    source: str = ""
    time: Any = None
    temperature: Any = None
    raw: Any = None
    preparation: Any = None

    def __post_init__(self) -> None:
        put = partial(object.__setattr__, self)  # the way around frozen
        what = self.label
        if self.quantity not in QUANTITIES:
            raise InputError(
                f"{what}: unknown quantity {self.quantity!r}; {suggest(self.quantity, QUANTITIES)}"
            )
        put("fields", owned(np.atleast_2d(fields_array(self.fields, f"{what}: fields"))))
        unit = "1" if self.quantity == "ratio" else "ohm"
        put("values", _numbers(self.values, unit, f"{what}: values", len(self.fields)))
        if self.sigma is not None:
            each = array_si(self.sigma, unit, f"{what}: sigma")
            each = np.broadcast_to(each, self.values.shape) if each.ndim == 0 else each
            put("sigma", owned(_numbers(each, "1", f"{what}: sigma", len(self.fields))))
            if np.any(self.sigma <= 0):
                raise InputError(
                    f"{what}: sigma must be positive, got {self.sigma.min():g}; leave it out to "
                    "have the noise "
                    "estimated from the scatter"
                )
        if self.time is not None:
            put("time", _numbers(self.time, "s", f"{what}: time", len(self.fields)))
        if self.temperature is not None:
            name = f"{what}: temperature"
            temperature = array_si(self.temperature, "K", name, finite=False)
            if temperature.ndim:
                put("temperature", _numbers(temperature, "1", name, len(self.fields)))
            else:
                put("temperature", to_si(float(temperature), "K", name))
        if np.ptp(self.fields, axis=0).max() <= 1e-12 * np.abs(self.fields).max():
            if len(self.fields) == 1:
                raise InputError(f"{what}: holds one value only; a curve needs several fields")
            raise InputError(
                f"{what}: all {len(self.fields)} fields are equal, "
                f"{tuple(map(float, self.fields[0]))} T; a "
                "curve needs several fields (is the field column the right one?)"
            )
        for key in ("current", "voltage"):
            if getattr(self, key) is not None:
                put(key, tuple(getattr(self, key)))

    @property
    def label(self) -> str:
        """What to call the curve in a message."""
        return self.name or self.source or "measured curve"

    @property
    def direction(self) -> np.ndarray:
        """Unit vector of the strongest field, (3,); the first component that is not zero is
        positive.
        """
        strongest = self.fields[int(np.argmax(np.linalg.norm(self.fields, axis=1)))]
        first = strongest[np.flatnonzero(np.abs(strongest) > 1e-9 * np.abs(strongest).max())[0]]
        return np.asarray(strongest / np.linalg.norm(strongest) * np.sign(first) + 0.0)  # no -0

    @property
    def signed(self) -> np.ndarray:
        """|B| with the sign of B along :attr:`direction`, (n,) T."""
        return np.asarray(
            np.copysign(np.linalg.norm(self.fields, axis=1), self.fields @ self.direction)
        )

    def relative(self) -> Measured:
        """The relative change (R(B) - R_0)/R_0 of a resistance, R_0 at its smallest |B|.

        Returns
        -------
        Measured
            Of quantity "ratio", with its sigma; without ``raw``, which stays in ohm.

        Raises
        ------
        InputError
            The curve holds a change of R alone, or R_0 is zero.
        """
        if self.quantity != "R":
            raise InputError(
                f"{self.label}: holds {self.quantity!r}, which does not tell R(0); divide by R(0) "
                "and give the quantity 'ratio'",
                value=self.quantity,
                key="quantity",
            )
        zero = _at_zero(self.fields, self.values, self.label)
        sigma = None if self.sigma is None else self.sigma / abs(zero)
        change = self.values / zero - 1.0
        return replace(self, values=change, quantity="ratio", sigma=sigma, raw=None)

    def __repr__(self) -> str:
        x, y, z = (f"{v:.3g}" for v in self.direction)
        pair = "" if self.current is None else f", current {self.current}, voltage {self.voltage}"
        return (
            f"Measured({self.name + ': ' if self.name else ''}{len(self.values)} values of "
            f"{self.quantity}, B to "
            f"{np.linalg.norm(self.fields, axis=1).max():.4g} T along ({x}, {y}, {z}){pair})"
        )


def _numbers(values: Any, unit: str, what: str, count: int) -> np.ndarray:
    array = array_si(values, unit, what, finite=False)
    if array.shape != (count,):
        raise InputError(f"{what}: expected shape ({count},) as the fields, got {array.shape}")
    bad = np.flatnonzero(~np.isfinite(array))
    if bad.size:
        raise InputError(
            f"{what}: {bad.size} of {count} are not finite (the first is number {bad[0]}); leave "
            "those points out"
        )
    return array


@door
def read_data(
    path: str | Path,
    *,
    columns: Mapping[str, Any] | None = None,
    field: Any = None,
    plane: str | None = None,
    quantity: str | None = None,
    direction: Any = None,
    current: Any = None,
    voltage: Any = None,
    nan: str = "error",
    sign: float = 1.0,
    sweeps: str = "apart",
    decimal: str | None = None,
) -> tuple[Measured, ...]:
    """Read measured curves from the file of an instrument or a spreadsheet.

    Parameters
    ----------
    path : str or Path
        Text in columns (UTF-8, UTF-16, cp1252) with one heading, above it whatever the instrument
        writes; .xlsx and .parquet with pandas, .nc (QCoDeS, xarray) with xarray.
    columns : {key: heading}, optional
        What a heading means, ``{"B": "Field (Oe)", "V": ("X1", "V")}``: (heading, unit) where the
        heading has no unit, None to leave out a column that would be used, a list for several.
        Keys: B, Bx, By, Bz, angle, R, hanle, ratio, V, I, sigma, temperature, time.
    field : T, optional
        A constant field, for angle scans without a field column.
    plane : such as "xy", optional
        Plane of the angle column: from x at 0 to y at 90 degrees.
    quantity : "R", "hanle" or "ratio", optional
        Needed only where the file has several. A resistance or resistivity is read with "ratio"
        relative to its value at the smallest field, as cross-sections need it.
    direction : "x", "y", "z" or a vector
        Needed where the file has one column of fields and no angle.
    current, voltage : pairs of contact names, optional
        Stored with every curve; files with a column ``measurement`` name the measurements of a
        device file instead.
    nan : "error" or "drop"
        What to do with rows in which a value is missing.
    sign : 1 or -1
        -1 for a voltage pair that was swapped.
    sweeps : "apart" or "together"
        Whether sweeps of the field up and down, at one temperature, are curves of their own.
    decimal : "." or ",", optional
        The decimal sign, where the numbers of the file leave it open ("90,000").

    Returns
    -------
    tuple of Measured, one for each measurement, column of values, temperature, direction and sweep
        of the field (an angle scan is one). Rows of runs in temperature are left out, with a
        warning that counts them.

    Raises
    ------
    InputError
        One line that says which file, line and column, and how to mend it.
    MissingExtraError
        pandas or xarray is not installed.
    """
    read = understand(
        path,
        columns=columns,
        field=field,
        plane=plane,
        quantity=quantity,
        direction=direction,
        current=current,
        voltage=voltage,
        nan=nan,
        sign=sign,
        sweeps=sweeps,
        decimal=decimal,
    )
    for note in read.notes:
        warn(note)
    return read.curves


@dataclass(frozen=True)
class Understood:
    """The curves of a file, the log they come from, and what was left out of them."""

    curves: tuple[Measured, ...]
    log: Log
    notes: list[str]


@dataclass(frozen=True)
class _Asked:
    """The options of :func:`read_data`, checked."""

    columns: Mapping[str, Any] | None = None
    field: Any = None
    plane: str | None = None
    quantity: str | None = None
    direction: Any = None
    current: Any = None
    voltage: Any = None
    nan: str = "error"
    sign: float = 1.0
    sweeps: str = "apart"
    decimal: str | None = None

    def __post_init__(self) -> None:
        nan, sign, sweeps = self.nan, self.sign, self.sweeps
        if nan not in ("error", "drop"):
            raise InputError(f"expected 'error' or 'drop', got {nan!r}", value=nan, key="nan")
        if sign not in (1, -1):
            raise InputError(f"expected 1 or -1, got {sign!r}", value=sign, key="sign")
        if sweeps not in ("apart", "together"):
            raise InputError(
                f"expected 'apart' or 'together', got {sweeps!r}", value=sweeps, key="sweeps"
            )


def understand(path: str | Path, **options: Any) -> Understood:
    """As :func:`read_data`, with what was understood of the file."""
    path = Path(path)
    asked = _Asked(**options)
    try:
        log = read_log(
            path=path,
            columns=asked.columns,
            field=asked.field,
            plane=asked.plane,
            quantity=asked.quantity,
            direction=asked.direction,
            decimal=asked.decimal,
        )
    except csv.Error as exc:  # a cell of 128 kB
        raise InputError(
            f"{path}: cannot be read as a table ({exc}); look for a quote that is not closed",
            value=str(path),
        ) from exc
    except InputError as exc:
        kind = told(path)
        if not kind or "of.read_data" in kind or "netCDF" in kind:
            raise
        raise InputError(f"{path}: is {kind}; give a table of measured values") from exc
    build = _Builder(
        log=log,
        nan=asked.nan,
        sign=asked.sign,
        apart=asked.sweeps == "apart",
        current=asked.current,
        voltage=asked.voltage,
        notes=[],
    )
    curves = tuple(build.curves())
    strongest = max((float(np.abs(c.fields).max()) for c in curves), default=0.0)
    if strongest > STRONG:
        build.notes.append(
            f"{path}: a field of {strongest:g} T is beyond any magnet; in gauss or oersted? Mend "
            "the unit, as in a heading 'B (G)'"
        )
    return Understood(curves, log, build.notes)


@dataclass
class _Builder:
    """Sorts the rows of a log into curves, and notes what is left out."""

    log: Log
    nan: str
    sign: float
    apart: bool
    current: Any
    voltage: Any
    notes: list[str]

    def curves(self) -> Iterator[Measured]:
        log = self.log
        for channel, rows in zip(log.channels, self._rows(), strict=True):
            labels = log.labels[rows]
            for label in dict.fromkeys(labels.tolist()):
                yield from self._measurement(channel, label, rows[labels == label])

    def _rows(self) -> list[np.ndarray]:
        """Rows of each channel in which nothing is missing."""
        log = self.log
        shared = [log.fields, *(x for x in (log.temperature, log.time) if x is not None)]
        there = np.all(np.isfinite(np.column_stack(shared)), axis=1)
        has = [np.isfinite(channel.values) for channel in log.channels]
        measured = np.any(has, axis=0)
        # an instrument logs comments in rows without field and value
        empty = ~measured & ~np.all(np.isfinite(log.fields), axis=1)
        if np.any(empty) and not np.all(empty):
            self.notes.append(f"{log.path}: {np.sum(empty)} rows without a measurement left out")
        lacking = ~empty & ~(measured & there) & ~(log.elsewhere & ~measured & there)
        whole = []
        for channel, own in zip(log.channels, has, strict=True):
            # channels measured in turn leave each other's cells empty
            good = own & there
            if channel.sigma is not None:
                lacking |= own & ~np.isfinite(channel.sigma)
                good &= np.isfinite(channel.sigma)
            whole.append(np.flatnonzero(good))
        self._missing(np.flatnonzero(lacking), int(np.sum(~empty)))
        if not any(len(rows) for rows in whole):
            raise InputError(f"{log.path}: no row is complete")
        return whole

    def _missing(self, rows: np.ndarray, count: int) -> None:
        if len(rows) and self.nan == "drop":
            self.notes.append(f"{self.log.path}: {len(rows)} rows that lack a value left out")
        elif len(rows):
            first = ", ".join(str(line) for line in self.log.lines[rows[:5]])
            shown = first + (", ..." if len(rows) > 5 else "")
            raise InputError(
                f"{self.log.path}: {len(rows)} of {count} rows lack a value (line {shown}); remove "
                "them, or read with nan='drop' (--nan drop)",
                value=len(rows),
            )

    def _measurement(self, channel: Channel, label: str, rows: np.ndarray) -> Iterator[Measured]:
        log = self.log
        temperature = None if log.temperature is None else log.temperature[rows]
        runs, left_out = split_runs(
            log.fields[rows], temperature, self.apart, log.temperature_column, log.turned
        )
        base = ": ".join(part for part in (label, channel.name) if part)
        if left_out:
            what = f"{log.path}: {base}" if base else str(log.path)
            self.notes.append(
                f"{what}: {left_out} rows of a run in temperature, "
                "or of a wait between sweeps, left out"
            )
        names = _names(base, runs)
        for name, run in zip(names, runs, strict=True):
            if temperature is not None:
                self._drift(name, temperature[run.rows])
            yield self._curve(channel, name, replace(run, rows=rows[run.rows]))

    def _drift(self, name: str, temperature: np.ndarray) -> None:
        """A note where one curve holds more than one temperature, too close to be told apart."""
        third = max(len(temperature) // 3, 1)
        first = float(temperature[:third].mean())
        last = float(temperature[-third:].mean())
        if abs(last - first) > DRIFTS * abs(first):
            what = f"{self.log.path}: {name}" if name else str(self.log.path)
            self.notes.append(
                f"{what}: the temperature goes from {first:.4g} to {last:.4g} K within the curve"
            )

    def _curve(self, channel: Channel, name: str, run: Run) -> Measured:
        log, rows = self.log, run.rows
        values = self.sign * channel.values[rows]
        sigma = None if channel.sigma is None else channel.sigma[rows]
        source = f"{log.path.name}{': ' + name if name else ''}"
        if channel.relative:
            values, sigma = self._relative(log.fields[rows], channel.values[rows], sigma, source)
        return Measured(
            log.fields[rows],
            values,
            channel.kind,
            sigma,
            self.current,
            self.voltage,
            name,
            source,
            time=None if log.time is None else log.time[rows],
            temperature=run.temperature,
        )

    def _relative(
        self, fields: np.ndarray, values: np.ndarray, sigma: np.ndarray | None, source: str
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """(rho - rho_0)/rho_0 with rho_0 at the smallest |B|, and its sigma."""
        zero = _at_zero(fields, values, source)
        change = values - zero
        if np.abs(change).max() > abs(zero):
            self.notes.append(
                f"{source}: changes by {np.abs(change / zero).max():.3g} times its value at the "
                "smallest field; is it a Hall voltage?"
            )
        return change / zero, None if sigma is None else sigma / abs(zero)


def _at_zero(fields: np.ndarray, values: np.ndarray, what: str) -> float:
    """The value at the smallest |B|."""
    size = np.linalg.norm(fields, axis=1)
    zero = float(np.mean(values[size <= size.min() + 1e-3 * size.max()]))
    if zero == 0.0:
        raise InputError(f"{what}: is zero at the smallest field; it has no relative change")
    return zero


def _names(base: str, runs: Sequence[Run]) -> list[str]:
    """The name of each run: the measurement, and in brackets what tells the runs apart."""
    warm = {_warm(run) for run in runs if run.temperature is not None}
    strong = {f"{run.strength:.4g} T" for run in runs if run.strength is not None}
    names: list[str] = []
    for run in runs:
        parts = [_warm(run)] if len(warm) > 1 else []
        if len(strong) > 1 and run.strength is not None:
            parts.append(f"{run.strength:.4g} T")
        parts += [run.way] if run.way else []
        name = f"{base} [{', '.join(parts)}]".strip() if parts else base
        if parts and name in names:
            again = 2 + sum(other.startswith(name[:-1] + ", ") for other in names)
            name = f"{name[:-1]}, {again}]"
        names.append(name)
    return names


def _warm(run: Run) -> str:
    return f"{run.set_to:.4g} K"


def measurement_of(name: str) -> str:
    """The measurement that a curve belongs to: "far [10 K, up]" is of "far"."""
    return re.sub(r"\s*\[[^\]]*\]$", "", name)


@door
def with_pairs(
    curves: Sequence[Measured], pairs: Mapping[str, tuple[Any, Any]]
) -> tuple[Measured, ...]:
    """The curves with the contacts of their measurement filled in.

    Parameters
    ----------
    curves : sequence of Measured
    pairs : {name: (current pair, voltage pair)}
        A single entry serves every curve without a name.

    Returns
    -------
    tuple of Measured

    Raises
    ------
    InputError
        A name that is not among the measurements, or several measurements and no name.
    """
    out = []
    for curve in curves:
        if curve.current is None:
            name = curve.name if curve.name in pairs else measurement_of(curve.name)
            if name not in pairs and not (len(pairs) == 1 and not name):
                first = next(iter(pairs), "NAME")
                raise InputError(
                    f"{curve.label}: belongs to which measurement? {suggest(curve.name, pairs)}; "
                    f"give measurement={first!r} (--measurement {quoted(first)}; in FIT.toml "
                    f"measurement = \"{first}\"), a column 'measurement', or current and voltage",
                    value=curve.name,
                )
            current, voltage = pairs.get(name) or next(iter(pairs.values()))
            curve = replace(curve, current=current, voltage=voltage)
        out.append(curve)
    return tuple(out)
