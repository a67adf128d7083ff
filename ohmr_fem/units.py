"""Physical constants and the one door through which quantities enter.

Inside the package every number is SI.  At the door a value is a plain number
(taken as SI) or a string such as ``"2 ps"``; the only exception, stated
wherever it applies, is the inverse mass tensor, whose plain numbers are in 1/m_e.
"""

from __future__ import annotations

import functools
import math
import re
from typing import Any

import numpy as np
from scipy import constants as _c

from .errors import InputError

ELEMENTARY_CHARGE: float = _c.e
ELECTRON_MASS: float = _c.m_e
HBAR: float = _c.hbar
BOLTZMANN: float = _c.k
BOHR_MAGNETON: float = _c.physical_constants["Bohr magneton"][0]

_QUANTITY = re.compile(r"^\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*([^\d\s].*)?$")


@functools.lru_cache(maxsize=1)
def _registry() -> Any:
    import pint

    return pint.UnitRegistry(cache_folder=None)


def to_si(value: Any, unit: str, name: str) -> float:
    """Convert a number or a quantity to SI.

    Parameters
    ----------
    value : float or str or pint.Quantity
        A plain number is taken to be in ``unit`` already.
    unit : str
        Coherent SI unit expected, e.g. ``"m"``, ``"S"``, ``"m**2/s"``, ``"1"``.
    name : str
        What the value is, for the error message.

    Returns
    -------
    float

    Raises
    ------
    InputError
        Not a number, not finite, or of the wrong dimension.
    """
    if isinstance(value, bool) or value is None:
        raise InputError(
            f"expected a number or a quantity in {unit}, got {value!r}", value=value, key=name
        )
    if isinstance(value, (int, float, np.integer, np.floating)):
        number = float(value)
    elif isinstance(value, str):
        number = _parse(value, unit, name)
    elif hasattr(value, "to") and hasattr(value, "magnitude"):
        number = _convert(value, unit, name, value)
    else:
        raise InputError(
            f"expected a number or a quantity such as '1 {unit}', got {value!r}",
            value=value,
            key=name,
        )
    if not math.isfinite(number):
        raise InputError(f"must be finite, got {value!r}", value=value, key=name)
    return number


@functools.lru_cache(maxsize=4096)  # a study reads the same few quantities for every point
def _parse(text: str, unit: str, name: str) -> float:
    match = _QUANTITY.match(text)
    if match is None:
        raise InputError(
            f"cannot read {text!r}; write a number and a unit such as '1 {unit}'",
            value=text,
            key=name,
        )
    if match[2] is None:
        return float(match[1])
    try:
        quantity = _registry().Quantity(float(match[1]), match[2].strip())
    except Exception as exc:  # pint raises several unrelated types
        raise InputError(
            f"unknown unit in {text!r}; expected a unit of {unit}", value=text, key=name
        ) from exc
    return _convert(quantity, unit, name, text)


def _convert(quantity: Any, unit: str, name: str, given: Any) -> float:
    import pint

    try:
        return float(quantity.to("dimensionless" if unit == "1" else unit).magnitude)
    except pint.DimensionalityError as exc:
        raise InputError(
            f"{str(given)!r} has the wrong dimension; expected {unit}", value=given, key=name
        ) from exc


def positive(value: Any, unit: str, name: str) -> float:
    """As :func:`to_si`, and greater than zero."""
    number = to_si(value, unit, name)
    if number <= 0.0:
        raise InputError(f"must be positive, got {value!r}", value=value, key=name)
    return number


def fields_array(field: Any, name: str = "field") -> np.ndarray:
    """Magnetic field(s) in tesla as a float array of shape (3,) or (n, 3)."""
    try:
        array = np.asarray(field, dtype=float)
    except (TypeError, ValueError) as exc:
        raise InputError(
            f"expected shape (3,) or (n, 3) in tesla, got {field!r}", value=field, key=name
        ) from exc
    if array.ndim not in (1, 2) or array.shape[-1] != 3:
        raise InputError(
            f"expected shape (3,) or (n, 3) in tesla, got shape {array.shape}",
            value=field,
            key=name,
        )
    if not np.all(np.isfinite(array)):
        raise InputError(f"must be finite, got {field!r}", value=field, key=name)
    return array


def engineering(value: float, unit: str) -> str:
    """A number with an SI prefix, for reprs and figures: ``4e-07, "m"`` -> ``"400 nm"``; areas in
    cm²: 1 mm is not 1e-3 m².
    """
    if unit.startswith("m²"):
        return f"{1e4 * value:.4g} c{unit}"
    if value == 0.0 or not math.isfinite(value):
        return f"{value:g} {unit}"
    prefixes = {-15: "f", -12: "p", -9: "n", -6: "µ", -3: "m", 0: "", 3: "k", 6: "M", 9: "G"}
    power = min(max(3 * math.floor(math.log10(abs(value) * (1 + 1e-12)) / 3), -15), 9)
    return f"{value / 10**power:.4g} {prefixes[power]}{unit}"
