"""Measured curves: reading them from CSV files with units in the header, and checking them.

A file has one header line with ``name [unit]`` in every column that is used.  Fields: ``B [T]``
with a direction, or the components ``Bx [mT]``, ``By``, ``Bz``; T, mT, G, Oe, kOe, A/m (H is read
as mu_0 H).  Values: ``R [ohm]``, the change ``hanle [ohm]`` = R(B) - R(0), the relative change ``MR
[%]`` = (R(B) - R(0))/R(0), or ``V [uV]`` with ``I [mA]``. A column ``R_err`` (any of the values,
same or own unit) holds one standard deviation; ``measurement`` holds names.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError, suggest
from ..units import array_si, fields_array, owned

#: What a curve holds, its unit, and the columns that mean it (lower case, without spaces and
#: underscores).
QUANTITIES = {"R": "ohm", "hanle": "ohm", "ratio": "1"}
_NAMES = {
    "R": ("r", "resistance", "rxx", "rnl", "r4t", "rlocal", "rnonlocal", "r(b)"),
    "hanle": ("hanle", "dr", "deltar", "r(b)-r(0)", "r-r0", "rchange"),
    "ratio": ("ratio", "mr", "dr/r", "dr/r0", "rhochange", "relative", "magnetoresistance"),
}
_FIELD = ("b", "field", "magneticfield", "mu0h", "µ0h", "μ0h", "h")
_ERROR = ("err", "error", "sigma", "std", "uncertainty")
_LABEL = ("measurement", "curve", "channel")
_MU0 = 4e-7 * np.pi
UNITS: Mapping[str, Mapping[str, float]] = {
    "magnetic field": {
        "T": 1.0,
        "mT": 1e-3,
        "uT": 1e-6,
        "kG": 0.1,
        "G": 1e-4,
        "kOe": 0.1,
        "Oe": 1e-4,
        "A/m": _MU0,
        "kA/m": 1e3 * _MU0,
    },
    "resistance": {"ohm": 1.0, "mohm": 1e-3, "uohm": 1e-6, "nohm": 1e-9, "kohm": 1e3, "Mohm": 1e6},
    "relative change": {"1": 1.0, "": 1.0, "%": 1e-2, "ppm": 1e-6, "ppb": 1e-9},
    "voltage": {"V": 1.0, "mV": 1e-3, "uV": 1e-6, "nV": 1e-9},
    "current": {"A": 1.0, "mA": 1e-3, "uA": 1e-6, "nA": 1e-9},
}
#: More directions than this in one measurement are an angle scan, kept as one curve.
MANY_DIRECTIONS = 4


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
        if np.ptp(self.fields, axis=0).max() <= 1e-12 * np.abs(self.fields).max():
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


def read_data(
    path: str | Path,
    *,
    quantity: str | None = None,
    direction: Any = None,
    current: Any = None,
    voltage: Any = None,
    nan: str = "error",
    sign: float = 1.0,
) -> tuple[Measured, ...]:
    """Read measured curves from a CSV file.

    Parameters
    ----------
    path : str or Path
        Separated by comma, semicolon or tab; lines that start with # are left out.
    quantity : "R", "hanle" or "ratio", optional
        Needed only where the file has several.
    direction : "x", "y", "z" or a vector
        Needed where the file has one column of fields.
    current, voltage : pairs of contact names, optional
        Stored with every curve; files with a column ``measurement`` name the measurements of a
        device file instead.
    nan : "error" or "drop"
        What to do with rows in which a value is missing.
    sign : 1 or -1
        -1 for a voltage pair that was swapped.

    Returns
    -------
    tuple of Measured, one for each measurement and direction of the field (an angle scan is one)

    Raises
    ------
    InputError
        One line that says which file, line and column, and how to mend it.
    """
    path = Path(path)
    if nan not in ("error", "drop"):
        raise InputError(f"expected 'error' or 'drop', got {nan!r}", value=nan, key="nan")
    if sign not in (1, -1):
        raise InputError(f"expected 1 or -1, got {sign!r}", value=sign, key="sign")
    table = _Table.read(path)
    fields = _fields(table, direction)
    kind, values, sigma = _values(table, quantity)
    labels = table.texts(next((c for c in table.columns if _plain(c) in _LABEL), None))
    rows = _whole_rows(
        table, np.column_stack([fields, values] + ([] if sigma is None else [sigma])), nan
    )
    fields, values, labels = fields[rows], sign * values[rows], labels[rows]
    sigma = None if sigma is None else sigma[rows]
    curves = []
    for name in dict.fromkeys(labels.tolist()):
        where = np.flatnonzero(labels == name)
        for group in _by_direction(fields[where]):
            part = where[group]
            curves.append(
                Measured(
                    fields[part],
                    values[part],
                    kind,
                    None if sigma is None else sigma[part],
                    current,
                    voltage,
                    name,
                    f"{path.name}{': ' + name if name else ''}",
                )
            )
    return tuple(curves)


@dataclass(frozen=True)
class _Table:
    """The cells of a file by column, with the unit of each column and the line of each row."""

    path: Path
    columns: Mapping[str, tuple[str | None, list[str]]]
    lines: list[int]
    comma: bool

    @classmethod
    def read(cls, path: Path) -> _Table:
        numbered = _lines(path)
        delimiter = max(",;\t", key=numbered[0][1].count)
        rows = list(csv.reader([line for _, line in numbered], delimiter=delimiter))
        header, rows = rows[0], rows[1:]
        lines = [number for number, _ in numbered[1:]]
        columns: dict[str, tuple[str | None, list[str]]] = {}
        for k, cell in enumerate(header):
            name, unit = _header(cell)
            if name in columns:
                raise InputError(f"{path}: two columns are called {name!r}; rename one", value=name)
            # a short row lacks its last cells
            cells = [row[k].strip() if k < len(row) else "" for row in rows]
            columns[name] = unit, cells
        for line, row in zip(lines, rows, strict=True):
            if len(row) > len(header):
                raise InputError(
                    f"{path}, line {line}: more cells than the header has columns ({len(header)}); "
                    "with decimal commas, separate the columns by semicolons or tabs"
                )
        return cls(path, columns, lines, delimiter != ",")

    def texts(self, column: str | None) -> np.ndarray:
        """Text of a column, or empty strings, (n,)."""
        return np.array([""] * len(self.lines) if column is None else self.columns[column][1])

    def numbers(self, column: str, what: str, unit: str | None = None) -> np.ndarray:
        """A column in SI, (n,); empty cells are NaN."""
        own, cells = self.columns[column]
        factor = self._factor(column, own if own is not None else unit, what)
        out = np.full(len(cells), np.nan)
        for i, cell in enumerate(cells):
            if cell.lower() in ("", "nan", "na", "--", "none"):
                continue
            try:
                out[i] = float(cell.replace(",", ".") if self.comma else cell)
            except ValueError as exc:
                raise InputError(
                    f"{self.path}, line {self.lines[i]}, column {column!r}: {cell!r} is not a "
                    "number",
                    value=cell,
                ) from exc
        return out * factor

    def _factor(self, column: str, unit: str | None, what: str) -> float:
        known = UNITS[what]
        if unit is None:
            raise InputError(
                f"{self.path}: column {column!r} has no unit; write it in the header, as in "
                f"'{column} [{next(iter(known))}]'",
                value=column,
            )
        spelled = re.sub("Ohms?|Ω|Ω|ohms", "ohm", unit.strip()).replace("µ", "u").replace("μ", "u")
        if spelled not in known:
            raise InputError(
                f"{self.path}: column {column!r}: {unit!r} is not a unit of {what}; "
                f"{suggest(spelled, known)}",
                value=unit,
            )
        return known[spelled]


def _lines(path: Path) -> list[tuple[int, str]]:
    """(number, text) of the lines that hold something, the header first."""
    try:
        text = path.read_text(encoding="utf-8-sig")  # spreadsheets put a mark before UTF-8
    except FileNotFoundError as exc:
        raise InputError(f"{path}: no such file", value=str(path)) from exc
    except (OSError, UnicodeDecodeError) as exc:
        raise InputError(
            f"{path}: cannot be read as text in UTF-8 ({exc}); save it as CSV", value=str(path)
        ) from exc
    kept = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.lstrip().startswith("#"):
            kept.append((number, line))
    if len(kept) < 2:
        raise InputError(
            f"{path}: holds {len(kept)} lines; expected a header such as 'B [T],R [ohm]' and "
            "rows below it"
        )
    return kept


def _header(cell: str) -> tuple[str, str | None]:
    """Name and unit of ``name [unit]`` or ``name (unit)``; the unit is None if there is none."""
    match = re.fullmatch(r"\s*(.+?)\s*[\[(]([^\[\]()]*)[\])]\s*", cell)
    # R(B) and R(0) are names, not R in units of B
    if match and not (match[2] in ("B", "0") and cell.rstrip().endswith(")")):
        return match[1], match[2].strip()
    return cell.strip(), None


def _plain(name: str) -> str:
    return re.sub(r"[\s_]", "", name.lower()).replace("Δ".lower(), "d")


def _fields(table: _Table, direction: Any) -> np.ndarray:
    """Fields of every row, (n, 3) T."""
    plain = {_plain(c): c for c in table.columns}
    parts = {axis: plain[b + axis] for axis in "xyz" for b in _FIELD if b + axis in plain}
    if parts:
        out = np.zeros((len(table.lines), 3))
        for axis, column in parts.items():
            out[:, "xyz".index(axis)] = table.numbers(column, "magnetic field")
        return out
    column = next((plain[b] for b in _FIELD if b in plain), "")
    if not column:
        raise InputError(
            f"{table.path}: no field column among {', '.join(table.columns)}; call it 'B [T]', or "
            "'Bx [T]', "
            "'By [T]', 'Bz [T]'"
        )
    if direction is None:
        raise InputError(
            f"{table.path}: column {column!r} needs a direction: give direction='x' (--direction "
            "x; or 'y', 'z', "
            "a vector), or write the components as columns 'Bx', 'By', 'Bz'"
        )
    unit = {"x": (1, 0, 0), "y": (0, 1, 0), "z": (0, 0, 1)}.get(
        direction if isinstance(direction, str) else "", direction
    )
    vector = fields_array(unit, "direction")
    if vector.shape != (3,) or not np.any(vector):
        raise InputError(
            f"expected 'x', 'y', 'z' or a vector of three numbers, got {direction!r}",
            value=direction,
            key="direction",
        )
    return np.outer(table.numbers(column, "magnetic field"), vector / np.linalg.norm(vector))


def _values(table: _Table, quantity: str | None) -> tuple[str, np.ndarray, np.ndarray | None]:
    """Quantity, values and standard deviations (or None), each (n,) in ohm or 1."""
    if quantity is not None and quantity not in QUANTITIES:
        raise InputError(
            f"{quantity!r} is not known; {suggest(quantity, QUANTITIES)}",
            value=quantity,
            key="quantity",
        )
    plain = {_plain(c): c for c in table.columns}
    found = {q: plain[n] for q, names in _NAMES.items() for n in names if n in plain}
    if "v" in plain and "R" not in found and quantity in (None, "R"):
        return "R", _voltage_over_current(table, plain), None
    kind = quantity or _only_one(table, found)
    if kind not in found:
        raise InputError(
            f"{table.path}: has no column for {kind!r}, only {', '.join(table.columns)}", value=kind
        )
    column = found[kind]
    what = "relative change" if kind == "ratio" else "resistance"
    values = table.numbers(column, what)
    unit, _ = table.columns[column]
    for ending in _ERROR:
        error = plain.get(_plain(column) + ending)
        if error is not None:  # an error without a unit is in that of its values
            return kind, values, table.numbers(error, what, unit)
    return kind, values, None


def _voltage_over_current(table: _Table, plain: Mapping[str, str]) -> np.ndarray:
    if "i" not in plain:
        raise InputError(
            f"{table.path}: a voltage needs the current that drives it; add a column 'I [A]', "
            "or give 'R [ohm]'"
        )
    voltage = table.numbers(plain["v"], "voltage")
    return np.asarray(voltage / table.numbers(plain["i"], "current"))


def _only_one(table: _Table, found: Mapping[str, str]) -> str:
    """The quantity of a file that has one; InputError where it must be chosen."""
    if not found:
        raise InputError(
            f"{table.path}: no measured column among {', '.join(table.columns)}; call it "
            "'R [ohm]', 'hanle [ohm]' (R(B) - R(0)), 'MR [%]', or 'V [uV]' with 'I [A]'"
        )
    one = next(iter(found))
    if len(found) > 1:
        raise InputError(
            f"{table.path}: holds {', '.join(found)}; choose with quantity={one!r} "
            f"(--quantity {one})"
        )
    return one


def _whole_rows(table: _Table, cells: np.ndarray, nan: str) -> np.ndarray:
    """Indices of the rows in which nothing is missing."""
    whole = np.all(np.isfinite(cells), axis=1)
    missing = [str(table.lines[i]) for i in np.flatnonzero(~whole)]
    if missing and nan == "error":
        shown = ", ".join(missing[:5]) + (", ..." if len(missing) > 5 else "")
        raise InputError(
            f"{table.path}: {len(missing)} of {len(cells)} rows lack a value (line {shown}); "
            "remove them, or read "
            "with nan='drop' (--nan drop)",
            value=len(missing),
        )
    if not np.any(whole):
        raise InputError(f"{table.path}: no row is complete")
    return np.flatnonzero(whole)


def _by_direction(fields: np.ndarray) -> list[np.ndarray]:
    """Row numbers grouped by the axis of the field; rows at B = 0 stay with the rows around
    them.
    """
    size = np.linalg.norm(fields, axis=1)
    axes: list[np.ndarray] = []
    member = np.full(len(fields), -1)
    for i in np.flatnonzero(size > 1e-9 * size.max(initial=0.0)):
        unit = fields[i] / size[i]
        same = [k for k, axis in enumerate(axes) if np.linalg.norm(np.cross(unit, axis)) < 1e-3]
        if not same:
            axes.append(unit)
        member[i] = same[0] if same else len(axes) - 1
    if len(axes) <= 1 or len(axes) > MANY_DIRECTIONS:
        return [np.arange(len(fields))]
    known = np.flatnonzero(member >= 0)
    before = known[np.maximum(np.searchsorted(known, np.arange(len(fields)), side="right") - 1, 0)]
    member = member[before]
    return [np.flatnonzero(member == k) for k in range(len(axes))]


def with_pairs(
    curves: Sequence[Measured], pairs: Mapping[str, tuple[Any, Any]]
) -> tuple[Measured, ...]:
    """The curves with the contacts of their measurement filled in.

    Parameters
    ----------
    curves : sequence of Measured
    pairs : {name: (current pair, voltage pair)}
        A single entry serves every curve without a name.

    Raises
    ------
    InputError
        A name that is not among the measurements, or several measurements and no name.
    """
    out = []
    for curve in curves:
        if curve.current is None:
            if curve.name not in pairs and not (len(pairs) == 1 and not curve.name):
                raise InputError(
                    f"{curve.label}: belongs to which measurement? {suggest(curve.name, pairs)}; "
                    "name it in a "
                    "column 'measurement', or give current and voltage",
                    value=curve.name,
                )
            current, voltage = pairs.get(curve.name) or next(iter(pairs.values()))
            curve = replace(curve, current=current, voltage=voltage)
        out.append(curve)
    return tuple(out)
