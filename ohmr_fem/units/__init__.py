"""Physical constants and the one door through which quantities enter.

Inside the package every number is SI.  At the door a value is a plain number
(taken as SI), a text such as ``"2 ps"``, a quantity of any pint registry (of astropy and unyt
too), an array or a list of these, or a pandas or xarray column that names its unit; the only
exception, stated wherever it applies, is the inverse mass tensor, whose plain numbers are in 1/m_e.

A conversion is exact in decimal digits and rounded once, so that ``"60nm"``, ``"60 nm"``,
``60 * ureg.nm`` and ``6e-8`` are the same bits.
"""

from __future__ import annotations

import contextlib
import decimal
import functools
import math
import numbers
import re
import reprlib
from decimal import Decimal
from typing import Any

import numpy as np

from ..base.owned import ReadOnly as ReadOnly
from ..base.owned import own_arrays as own_arrays
from ..base.owned import owned
from ..errors import InputError, PhysicsWarning, warn
from .tagged import all_or_none, row_with_units, with_unit
from .tagged import is_quantity as is_quantity
from .words import meant, printed, read_ohms, usual

# CODATA 2022, written out: those of scipy change with its version, in the ninth digit
ELEMENTARY_CHARGE: float = 1.602176634e-19
ELECTRON_MASS: float = 9.1093837139e-31
HBAR: float = 6.62607015e-34 / (2.0 * math.pi)
BOLTZMANN: float = 1.380649e-23
BOHR_MAGNETON: float = 9.2740100657e-24

_QUANTITY = re.compile(
    r"^\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*([^\d\s].*|1\s*/.*)?$", re.S
)

_SOME_DIGIT = re.compile(r"[^eE]*[1-9]")

#: What a unit may be written with; a comment or an uncertainty is no unit.
_UNIT_TEXT = re.compile(r"^[\w\s*/^()·⋅.%‰°⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺+-]+$")

#: Units that this package defines itself: pint keeps gauss and oersted apart from tesla, and its
#: constants may be of another CODATA year.
_OWN_UNITS = {
    r"(k|m|u|µ|μ|kilo|milli|micro)?(?:G|[Gg]auss|Oe|[Oo]ersted)": "ohmr_gauss",
    r"()(?:m_e|electron_mass)": "ohmr_electron_mass",
    r"()(?:bohr_magneton|mu_B|µ_B|μ_B)": "ohmr_bohr_magneton",
}

#: Units and prefixes that need no pint, which takes longer to load than many a device to solve.
_PLAIN_UNITS = ("m", "s", "A", "V", "S", "T", "K", "Hz", "eV", "m/s", "A/m", "V/m")
_POWERS = {"": 0, "p": -12, "n": -9, "u": -6, "µ": -6, "μ": -6, "m": -3, "k": 3, "M": 6, "G": 9}

#: The exact arithmetic: more digits than any float times any factor needs, and none of what the
#: caller has set for his own decimals.
_EXACT = decimal.Context(
    prec=60, traps=[decimal.InvalidOperation, decimal.DivisionByZero, decimal.Overflow]
)

#: Characters of a quantity, and the product of all exponents of its unit, at most: a unit is
#: evaluated, and ``m**(9**9**9)`` or a word of 1e5 letters would take minutes.
LONGEST_TEXT, HIGHEST_POWER = 200, 1000

_NUMBER = r"[-+]?\d{1,4}(?:\.\d{1,20})?"
_POWER = re.compile(r"(?:\*\*|\^)\s*")
_EXPONENT = re.compile(rf"({_NUMBER})(?![\w.])|\(\s*({_NUMBER})\s*(?:/\s*(\d{{1,4}})\s*)?\)")
_DIGITS_ABOVE = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")
_ABOVE = re.compile(r"[⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺]+")

#: Beyond it, or below its inverse, products of what is given are no numbers.
LARGEST = 1e60

_PLAIN = (float, int, np.floating, np.integer)
_NEEDS_NO_UNIT = ("1", "1/m_e")  #: plain numbers, in a text too
_NO_NUMBERS = (bool, np.timedelta64)  #: that pass for whole numbers

_SHOWN = reprlib.Repr()
_SHOWN.maxlist = _SHOWN.maxtuple = 9
_SHOWN.maxstring = _SHOWN.maxother = _SHOWN.maxlong = 80


@functools.lru_cache(maxsize=1)
def _registry() -> Any:
    import pint

    with decimal.localcontext(_EXACT):
        registry: Any = pint.UnitRegistry(cache_folder=None, non_int_type=Decimal)
        registry.define("ohmr_gauss = 1e-4 * tesla")
        registry.define(f"ohmr_electron_mass = {ELECTRON_MASS!r} * kilogram")
        registry.define(f"ohmr_bohr_magneton = {BOHR_MAGNETON!r} * joule / tesla")
    return registry


def _example(unit: str) -> str:
    return "'5 %'" if unit == "1" else f"'1 {unit}'"


def shown(value: Any) -> str:
    """A value for an error message: one short line, whatever its size."""
    return " ".join(_SHOWN.repr(value).split())


def to_si(
    value: Any,
    unit: str,
    name: str,
) -> float:
    """Convert a number or a quantity to SI.

    Parameters
    ----------
    value : float or str or quantity
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
    if isinstance(value, _PLAIN) and not isinstance(value, _NO_NUMBERS):
        number = _float(value)
    else:
        array = _numbers(value, unit, name)
        if array.ndim:
            raise InputError(
                f"expected one number or quantity such as {_example(unit)}, got {shown(value)}",
                value=value,
                key=name,
            )
        number = float(array)
    if not abs(number) <= LARGEST:
        raise _not_finite(value, name)
    return number


def _not_finite(
    value: Any,
    name: str,
) -> InputError:
    what = f"must be finite, got {shown(value)}"
    if _is_finite(value):
        what = f"is beyond {LARGEST:g} in SI, got {shown(value)}"
    return InputError(what, value=value, key=name)


def _is_finite(value: Any) -> bool:
    """Whether a value that was refused is only too large."""
    numbers = getattr(value, "magnitude", value)
    with contextlib.suppress(TypeError, ValueError, OverflowError):
        return bool(np.all(np.isfinite(np.asarray(numbers, dtype=float))))
    return False


def positive(
    value: Any,
    unit: str,
    name: str,
) -> float:
    """As :func:`to_si`, and greater than zero."""
    number = to_si(value, unit, name)
    if number <= 0.0:
        raise InputError(f"must be positive, got {shown(value)}", value=value, key=name)
    if number < 1.0 / LARGEST:
        raise InputError(
            f"is outside {1.0 / LARGEST:g} to {LARGEST:g} {unit}, got {shown(value)}",
            value=value,
            key=name,
        )
    return number


def whole(
    value: Any,
    least: int,
    name: str,
) -> int:
    """A whole number; True, 2.0 and "2" are none."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise InputError(
            f"expected a whole number of at least {least}, got {shown(value)}",
            value=value,
            key=name,
        )
    return int(value)


def whole_numbers(
    value: Any,
    name: str,
) -> np.ndarray:
    """An array of whole numbers, also where they are written as floats; 0.9 is not 0."""
    array = array_si(value, "1", name)
    if np.any(array != np.round(array)):
        raise InputError(f"expected whole numbers, got {shown(value)}", value=value, key=name)
    return owned(array.astype(int))


def fraction(
    value: Any,
    name: str,
) -> float:
    """A positive part of something, at most 1; "5 %" is 0.05, and 5 is refused."""
    number = positive(value, "1", name)
    if number > 1.0:
        raise InputError(
            f"must be at most 1, got {shown(value)}; write a percentage as '{number:g} %'",
            value=value,
            key=name,
        )
    return number


def array_si(
    value: Any,
    unit: str,
    name: str,
    *,
    finite: bool = True,
) -> np.ndarray:
    """Convert an array, a list or a column of numbers or quantities to SI.

    A single value gives an array without dimensions. The array is a read-only copy.
    With ``finite=False`` the caller looks for NaN and infinity himself.

    Raises
    ------
    InputError
        Not numbers, not finite, ragged, masked, or of the wrong dimension.
    """
    array = _numbers(value, unit, name)
    beyond = ~(np.abs(array) <= LARGEST)
    if np.any(beyond):
        if finite:
            raise _not_finite(value, name)
        array = np.where(beyond & ~np.isnan(array), np.inf, array)
    return owned(array)


def complex_si(
    value: Any,
    unit: str,
    name: str,
) -> np.ndarray:
    """As :func:`array_si`, but a number may be complex."""
    array = _complex(value, unit, name)
    if not np.all(np.abs(array) <= LARGEST):
        raise _not_finite(value, name)
    return array


def _complex(
    value: Any,
    unit: str,
    name: str,
) -> np.ndarray:
    if isinstance(value, (list, tuple)):
        try:
            return np.array([_complex(v, unit, name) for v in value])
        except ValueError as exc:
            if isinstance(exc, InputError):
                raise
            raise InputError(
                f"expected entries of one shape, got {shown(value)}", value=value, key=name
            ) from exc
    tagged = with_unit(value)
    bare = np.asarray(value if tagged is None else tagged[0])
    if bare.dtype.kind != "c":
        return _numbers(value, unit, name)
    if tagged is None:
        return np.array(bare)
    real, imaginary = (_rescaled(part, tagged[1], unit, name, value) for part in _parts(bare))
    return real + 1j * imaginary


def one_ratio(
    value: Any,
    name: str,
) -> Any:
    """One number without dimension, which may be complex."""
    array = complex_si(value, "1", name)
    if array.ndim:
        raise InputError(f"expected one number, got {shown(value)}", value=value, key=name)
    return array[()]


def _parts(array: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.array(array.real), np.array(array.imag)


def fields_array(
    field: Any,
    name: str = "field",
) -> np.ndarray:
    """Magnetic field(s) as a read-only float array of shape (3,) or (n, 3) in tesla."""
    expected = "expected shape (3,) or (n, 3) in tesla"
    try:
        array = array_si(field, "T", name)
    except InputError as exc:
        raise InputError(f"{expected}: {exc.what}", value=exc.value, key=name) from exc
    if array.ndim not in (1, 2) or array.shape[-1] != 3:
        given = f": {shown(field)}" if array.ndim == 0 else ""
        raise InputError(f"{expected}, got shape {array.shape}{given}", value=field, key=name)
    return array


def vector_si(
    value: Any,
    unit: str,
    name: str,
) -> np.ndarray:
    """As :func:`array_si`, of shape (n,) with at least one entry; a single value is one entry."""
    array = np.atleast_1d(array_si(value, unit, name, finite=False))
    if array.ndim != 1 or array.size == 0 or not np.all(np.isfinite(array)):
        raise InputError(
            f"expected finite numbers in {unit}, shape (n,), got {shown(value)}",
            value=value,
            key=name,
        )
    return owned(array)


def entries(value: Any) -> list[Any]:
    """The entries of a list, an array or a column one by one, each with its unit."""
    tagged = with_unit(value)
    if tagged is not None:
        magnitude, units = tagged
        return [f"{number!r} {units}" for number in np.ravel(magnitude).tolist()]
    if hasattr(value, "__array__"):
        return list(np.ravel(value))
    several = hasattr(value, "__iter__") and not isinstance(value, str)
    return list(value) if several else [value]


# --- from anything to numbers ---------------------------------------------------------------------


def _numbers(
    value: Any,
    unit: str,
    name: str,
) -> np.ndarray:
    """A new float array in ``unit``; zero dimensions for a single value."""
    if type(value) is float or (type(value) is np.ndarray and value.dtype == float):
        return np.array(value)  # the common case by far, at once: no type of these has a unit
    if isinstance(value, str):
        _check_length(value, unit, name)
        number = _parse(str(value), unit, name)
        if unit not in _NEEDS_NO_UNIT and number != 0.0:
            _warn_if_bare(value, unit, name)
        return np.array(number)
    row = row_with_units(value)
    if row is not None:
        return _of_list(row, unit, name)
    tagged = with_unit(value)
    if tagged is not None:
        magnitude, units = tagged
        return _rescaled(_bare(magnitude, unit, name, value), units, unit, name, value)
    if hasattr(value, "columns") and hasattr(value, "iloc"):  # a frame: each column has its unit
        return np.stack([_numbers(c, unit, name) for c in all_or_none(value)], axis=-1)
    if isinstance(value, (list, tuple)):
        return _of_list(value, unit, name)
    return _bare(value, unit, name, value)


def _of_list(
    value: Any,
    unit: str,
    name: str,
) -> np.ndarray:
    plain = all(isinstance(v, (float, np.floating)) for v in value)
    entries = value if plain else [_numbers(v, unit, name) for v in value]
    try:
        return np.array(entries, dtype=float)
    except ValueError as exc:
        raise InputError(
            f"expected entries of one shape, got {shown(value)}", value=value, key=name
        ) from exc


def _bare(
    value: Any,
    unit: str,
    name: str,
    given: Any,
) -> np.ndarray:
    """Numbers without a unit of their own, as a float array that nobody else holds."""
    if np.ma.isMaskedArray(value) and np.ma.is_masked(value):
        raise InputError(
            "has masked entries, which are no numbers; drop them first", value=given, key=name
        )
    if isinstance(value, (numbers.Real, Decimal)) and not isinstance(value, bool):
        return np.array(_float(value))
    array = None
    if hasattr(value, "__array__") or isinstance(value, range):
        with contextlib.suppress(TypeError, ValueError):  # a data set has no one array
            array = np.asarray(value)
    if array is not None and array.dtype.kind in "fiu":
        return np.array(array, dtype=float)
    if array is not None and array.dtype.kind in "OU":
        inside = array.tolist()
        if not hasattr(inside, "__array__") or with_unit(inside) is not None:
            return _numbers(inside, unit, name)
    if isinstance(value, (list, tuple)):
        return _of_list(value, unit, name)
    raise InputError(
        f"expected a number or a quantity in {unit}, such as {_example(unit)}, got {shown(given)}",
        value=given,
        key=name,
    )


def _float(value: Any) -> float:
    """A number as a float; infinite where it is too large for one, or a signalling NaN."""
    try:
        return float(value)
    except (OverflowError, ValueError):
        return math.inf


@functools.lru_cache(maxsize=4096)  # a study reads the same few quantities for every point
def _parse(
    text: str,
    unit: str,
    name: str,
) -> float:
    match = _QUANTITY.match(text)
    if match is None:
        raise InputError(
            f"cannot read {shown(text)} in {unit}; "
            f"write a number and a unit such as {_example(unit)}",
            value=text,
            key=name,
        )
    if match[2] is None:
        number = float(match[1])
    else:
        number = _exact(match[1], *_conversion(match[2].strip(), unit, name, text))
    if number == 0.0 and _SOME_DIGIT.match(match[1]):
        raise InputError(f"{shown(text)} is too small for a number", value=text, key=name)
    return number


def _warn_if_bare(
    text: str,
    unit: str,
    name: str,
) -> None:
    """A text that names no unit was perhaps meant in the unit one always uses."""
    match = _QUANTITY.match(text)
    if match is not None and match[2] is None:
        what = f"a text without a unit is read in {unit}, got {shown(text)}"
        warn(PhysicsWarning(f"{name}: {what}; write '{match[1]} {usual(unit)}', say", key=name))


def _rescaled(
    array: np.ndarray,
    units: Any,
    unit: str,
    name: str,
    given: Any,
) -> np.ndarray:
    """An array of magnitudes in ``unit``, number by number as a text would be."""
    own = "1" if str(units) in ("", "dimensionless") else str(units)
    _check_length(own, unit, name)
    theirs = _base_units(units)
    try:
        factor, offset = _conversion(own, unit, name, shown(given))
    except InputError as exc:
        if theirs is None or "unknown unit" not in exc.what:
            raise InputError(exc.what, value=given, key=name) from exc
        factor = offset = Decimal(0)  # a unit that only the caller's registry knows
    if theirs is not None and offset == 0:
        factor = _as_they_mean(factor, *theirs, unit, name, shown(given))
    if factor == 1 and offset == 0:
        return array
    finite = np.isfinite(array)
    out = array.copy()
    out[finite] = [_exact(repr(x), factor, offset) for x in array[finite].tolist()]
    return out


def _base_units(units: Any) -> tuple[Decimal, str] | None:
    """(size, base units) of a pint unit, by its own registry."""
    with contextlib.suppress(Exception):
        base = (1 * units).to_base_units()
        return Decimal(repr(float(base.magnitude))), str(base.units)
    return None


def _as_they_mean(
    ours: Decimal,
    size: Decimal,
    root: str,
    unit: str,
    *about: str,
) -> Decimal:
    """The factor of a unit, or that of its own registry where the caller has redefined it there;
    a registry may hold constants of another year.
    """
    try:
        factor = _EXACT.multiply(size, _conversion(root or "1", unit, *about)[0])
    except InputError:
        if ours == 0:
            raise
        return ours  # gauss and oersted are no teslas to pint
    return ours if abs(factor - ours) <= abs(ours) * Decimal("1e-6") else factor


def _exact(
    number: str,
    factor: Decimal,
    offset: Decimal,
) -> float:
    try:
        with decimal.localcontext(_EXACT):
            return float(Decimal(number) * factor + offset)
    except decimal.DecimalException:  # an exponent beyond all floats
        return math.inf


def _check_length(
    text: str,
    unit: str,
    name: str,
) -> None:
    if len(text) > LONGEST_TEXT:
        raise InputError(
            f"a text of {len(text)} characters is no quantity in {unit} (at most {LONGEST_TEXT}); "
            f"write a number and a unit such as {_example(unit)}, got {shown(text)}",
            value=text,
            key=name,
        )


def _modest(text: str) -> bool:
    """Whether every exponent of a unit is a plain number, and all together are small."""
    raised = _ABOVE.sub(lambda above: "**" + above[0].translate(_DIGITS_ABOVE), text)
    product = 1.0
    for power in _POWER.finditer(raised):
        exponent = _EXPONENT.match(raised, power.end())
        if exponent is None or _POWER.match(raised[exponent.end() :].lstrip()):
            return False  # "9**(2*9)" and "9**9**9"
        product *= max(1.0, abs(float(exponent[1] or exponent[2])))
    return product <= HIGHEST_POWER


@functools.lru_cache(maxsize=1024)
def _conversion(
    text: str,
    unit: str,
    name: str,
    given: str,
) -> tuple[Decimal, Decimal]:
    """(factor, offset) from the units of ``text`` to ``unit``."""
    prefix = text.removesuffix(unit)
    if unit in _PLAIN_UNITS and prefix != text and prefix in _POWERS:
        return Decimal(1).scaleb(_POWERS[prefix]), Decimal(0)
    return _by_pint(text, unit, name, given)


def _by_pint(
    text: str,
    unit: str,
    name: str,
    given: str,
) -> tuple[Decimal, Decimal]:
    page = printed(text)
    if page:
        raise InputError(
            f"a {page} is no length here, got {given!r}; write a length such as '1 um', or for an "
            "image the length of its scale bar (scale_bar=)",
            value=given,
            key=name,
        )
    with decimal.localcontext(_EXACT):
        try:
            source = _unit(text)
        except Exception as exc:  # pint raises several unrelated types
            raise InputError(
                f"unknown unit in {given!r}{meant(given, unit)}; expected a unit of {unit}, such "
                f"as {_example(unit)}",
                value=given,
                key=name,
            ) from exc
        try:
            return _factor_and_offset(source, _registry().Unit(_spelled(unit)), unit)
        except Exception as exc:  # pint's own, and a factor beyond all numbers
            raise InputError(
                f"{given!r} has the wrong dimension{meant(given, unit)}; expected {unit}",
                value=given,
                key=name,
            ) from exc


def _factor_and_offset(
    source: Any,
    target: Any,
    unit: str,
) -> tuple[Decimal, Decimal]:
    """How a number of one unit becomes one of the other; raises if it does not."""
    if _angle(source) != _angle(target) or (unit != "1" and _ratios(source)):
        raise ValueError(unit)
    zero, one, two = (
        Decimal(_registry().Quantity(Decimal(n), source).to(target).magnitude) for n in (0, 1, 2)
    )
    factor = one - zero
    if abs(two - one - factor) > Decimal("1e-9") * abs(factor):  # decibels have no factor
        raise ValueError(unit)
    return factor, zero


def _unit(text: str) -> Any:
    """A unit of our registry; astropy's and instruments' "m2 s-1" is read as well."""
    if not (_UNIT_TEXT.match(text) and _modest(text)):
        raise ValueError(text)
    spelled = _spelled(text)
    try:
        return _registry().Unit(spelled)
    except Exception:
        powers = re.sub(r"(?<=[A-Za-zµμΩ])([-+]?\d+)", r"**\1", spelled)
        if powers == spelled:
            raise
        return _registry().Unit(powers)


def _spelled(text: str) -> str:
    """The text of a unit with our own units in it."""
    text = text.strip()
    if text in ("1", "%", "‰"):
        return {"1": "dimensionless", "%": "percent", "‰": "permille"}[text]
    text = read_ohms(text)
    for pattern, own in _OWN_UNITS.items():
        text = re.sub(rf"(?<!\w){pattern}(?!\w)", rf"\g<1>{own}", text)
    return f"1{text}" if text.startswith("/") else text  # "/m_e"


def _angle(units: Any) -> Any:
    """The power of an angle in a unit: pint takes 1 rad for 1, and 1 rad/s for 1 Hz."""
    root = _registry().Quantity(Decimal(1), units).to_root_units().units
    return dict(root._units).get("radian", 0)


def _ratios(units: Any) -> bool:
    """Whether a bare number such as a percent stands among the units: "60 nm percent"."""
    registry = _registry()
    return any(
        registry.Unit(part).dimensionless and not _angle(registry.Unit(part))
        for part in dict(units._units)
    )


def engineering(
    value: float,
    unit: str,
) -> str:
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
