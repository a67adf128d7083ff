"""Who carries a unit of his own, and which: quantities of any library, columns of tables, spans of
time. All are read before numpy drops the unit.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..errors import InputError

#: numpy's units of a span of time, as pint calls them; months and years are of no fixed length.
SPANS = {"m": "minute", "h": "hour", "D": "day", "W": "week"} | {
    f"{prefix}s": f"{prefix}s" for prefix in ("", "m", "u", "n", "p", "f", "a")
}

#: The unit behind the name of a column: "B [mT]", "Field (Oe)".
_HEADING = re.compile(r"[\[(]([^\[\]()]*(?:\([^()]*\))?[^\[\]()]*)[\])]\s*$")


def is_quantity(value: Any) -> bool:
    """Whether a value is a pint quantity, of any registry."""
    return hasattr(value, "magnitude") and hasattr(value, "units")


def is_span(value: Any) -> bool:
    """Whether a value is a span of time, which numpy takes for whole numbers."""
    return isinstance(value, (np.timedelta64, datetime.timedelta))


def with_unit(value: Any) -> tuple[Any, Any] | None:
    """(magnitude, units) of whatever carries one unit, None of what has none."""
    if is_span(value):
        return _of_spans(value)
    if isinstance(value, (float, int, np.number, list, tuple)):
        return None
    if is_quantity(value):
        return value.magnitude, value.units
    if hasattr(value, "unit") and hasattr(value, "to_value"):  # astropy
        return np.asarray(value.value), value.unit
    if hasattr(value, "units") and isinstance(value, np.ndarray):  # unyt
        return value.view(np.ndarray), getattr(value, "units")  # noqa: B009
    if getattr(getattr(value, "dtype", None), "kind", "") == "m":
        return _of_spans(value)
    if hasattr(value, "__array__") and (hasattr(value, "attrs") or hasattr(value, "name")):
        return _of_column(value)
    return None


def row_with_units(value: Any) -> list[str] | None:
    """The entries of a row of a frame whose columns have units of their own, as texts."""
    index = getattr(value, "index", None)
    if not hasattr(value, "attrs") or index is None or hasattr(value, "columns"):
        return None
    units = _named(value)
    if units is None:
        units = {label: unit for label in index if (unit := _heading(label)) is not None}
    if not isinstance(units, Mapping) or getattr(value, "name", None) in units:
        return None
    if not any(label in units for label in index):
        return None
    entries = zip(index, np.asarray(value, dtype=float).tolist(), strict=True)
    return [f"{number!r} {_of_label(units, label)}" for label, number in entries]


def _of_label(
    units: Mapping[Any, Any],
    label: Any,
) -> Any:
    if label not in units:
        raise InputError(
            f"column {label!r} has no unit, but {next(iter(units))!r} beside it has; name all",
            value=label,
        )
    return units[label]


def _named(column: Any) -> Any:
    """What the attributes of a column say of its unit, under any spelling of "units"."""
    attributes = getattr(column, "attrs", None) or {}
    spelled = {str(key).lower(): entry for key, entry in attributes.items()}
    units = spelled.get("units", spelled.get("unit"))
    return None if isinstance(units, Mapping) and not units else units


def _of_column(column: Any) -> tuple[Any, Any] | None:
    """A column of a table: its dtype, its data, its attributes or its name have the unit."""
    if hasattr(column, "columns"):  # a frame, column by column
        return None
    units = getattr(getattr(column, "dtype", None), "units", None)
    if units is not None:  # pint-pandas
        return column.array.quantity.magnitude, units
    data: Any = getattr(column, "data", None)
    if hasattr(data, "magnitude"):  # pint in xarray
        return data.magnitude, data.units
    units, name = _named(column), getattr(column, "name", None)
    if isinstance(units, Mapping):  # of a frame: {column: unit}
        units = _of_label(units, name)
    if units is None:
        units = _heading(name)
    if units is None or str(units).strip() == "":
        return None
    return np.asarray(column), units


def _heading(name: Any) -> str | None:
    """The unit in the name of a column."""
    found = _HEADING.search(name) if isinstance(name, str) else None
    return found[1] if found else None


def all_or_none(frame: Any) -> list[Any]:
    """The columns of a frame; InputError where some of them have a unit and some numbers none."""
    columns = [frame.iloc[:, i] for i in range(len(frame.columns))]
    bare = [c.name for c in columns if c.dtype.kind in "fiu" and with_unit(c) is None]
    if bare and len(bare) < len(columns):
        raise InputError(
            f"column {bare[0]!r} has no unit, but others beside it have; name all", value=bare[0]
        )
    return columns


def _of_spans(value: Any) -> tuple[Any, Any]:
    """Spans of time in the unit in which they are counted; what is no time is NaN."""
    exact = getattr(value, "to_timedelta64", None)  # pandas counts nanoseconds
    spans = np.asarray(np.timedelta64(value) if exact is None and is_span(value) else value)
    if exact is not None:
        spans = np.asarray(exact())
    unit, count = np.datetime_data(spans.dtype)
    numbers = np.where(np.isnat(spans), np.nan, spans.astype(np.int64).astype(float) * count)
    return numbers, SPANS.get(unit, unit)
