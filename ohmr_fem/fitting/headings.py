"""What the heading of a column says: its name, its unit, and what is measured in it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..errors import InputError, suggest

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
    "resistivity": {
        "ohm m": 1.0,
        "ohm cm": 1e-2,
        "mohm cm": 1e-5,
        "uohm cm": 1e-8,
        "uohm m": 1e-6,
        "nohm m": 1e-9,
        "ohm/sq": 1.0,
    },
    "relative change": {"1": 1.0, "": 1.0, "%": 1e-2, "ppm": 1e-6, "ppb": 1e-9},
    "voltage": {"V": 1.0, "mV": 1e-3, "uV": 1e-6, "nV": 1e-9},
    "current": {"A": 1.0, "mA": 1e-3, "uA": 1e-6, "nA": 1e-9},
    "angle": {"deg": np.pi / 180, "rad": 1.0, "mrad": 1e-3},
    "temperature": {"K": 1.0, "mK": 1e-3},
    "time": {"s": 1.0, "ms": 1e-3, "min": 60.0, "h": 3600.0, "d": 86400.0},
}
#: What else a row of units may hold.
_OTHER_UNITS = {"degC", "C", "Hz", "kHz", "MHz", "W", "mW", "mbar", "Torr", "m", "mm", "a.u.", "#"}

#: Unit spelled as it is often found: regular expression, what it means. Capital K for kilo is
#: common; capital M stays mega, small m milli.
_SPELLED = (
    (r"[Ωω\u2126]", "ohm"),
    (r"[µμ]", "u"),
    (r"(?i:ohms?)", "ohm"),
    (r"(?i:oersteds?)|\boe\b|\bOE\b", "Oe"),
    (r"(?i:gauss)|Gs\b", "G"),
    (r"(?i:teslas?)", "T"),
    (r"(?i:degrees?|degs?\b\.?)|^°$|^º$", "deg"),
    (r"(?i:radians?)", "rad"),
    (r"(?i:kelvins?)", "K"),
    (r"^[°º]\s*C$|^(?i:deg ?C|celsius)$", "degC"),
    (r"(?i:volts?)", "V"),
    (r"(?i:amperes?|amps?)\b", "A"),
    (r"^(?i:seconds?|secs?)\.?$", "s"),
    (r"^(?i:minutes?|mins?)\.?$", "min"),
    (r"^(?i:hours?|hrs?)\.?$", "h"),
    (r"^K(?=(G|Oe|ohm|A/m)$)", "k"),
    (r"^koe$", "kOe"),
    (r"ohm\s*[-*.·×⋅]?\s*(c?m)$", r"ohm \1"),
    (r"^V/A$", "ohm"),
    (r"ohm/(sq\.?|square|□)$", "ohm/sq"),
)

#: Names of columns, lower case and without blanks, underscores, dots and hyphens.
FIELD = (
    "b",
    "field",
    "magneticfield",
    "mu0h",
    "µ0h",
    "μ0h",
    "h",
    "mf",
    "bfield",
    "hfield",
    "magfield",
    "magnetfield",
    "appliedfield",
    "fieldb",
    "fieldh",
)
_CHANNEL = r"(?:ch(?:annel)?|bridge)\d+"
_NAMED = {
    "R": rf"(?:{_CHANNEL})?(?:r|res|resistance|resistivity|rho)(?:xx|xy|yx|yy)?(?:{_CHANNEL})?"
    r"|rnl|r4t|rlocal|rnonlocal|r\(b\)",
    "hanle": r"hanle|dr|deltar|r\(b\)r\(0\)|rr0|rchange",
    "ratio": r"ratio|mr|dr/r|dr/r0|rhochange|relative|magnetoresistance",
    "V": r"(?:v|voltage)(?:xx|xy|yx|yy|nl)?",
    "I": r"i|current|excitationcurrent|sourcecurrent|isource|biascurrent",
    "temperature": r"temperature|temp|t|sampletemperature|sampletemp|tsample",
    "time": r"time|timestamp|elapsedtime|t",
    "angle": r"angle|theta|phi|position|sampleposition|rotatorposition|azimuth",
    "label": r"measurement|curve|channel",
}
ERROR = ("err", "error", "sigma", "std", "uncertainty", "stddev", "stdev", "sd")
#: What each of these is measured in.
KINDS = {
    "R": "resistance",
    "hanle": "resistance",
    "ratio": "relative change",
    "V": "voltage",
    "I": "current",
    "B": "magnetic field",
    "Bx": "magnetic field",
    "By": "magnetic field",
    "Bz": "magnetic field",
    "angle": "angle",
    "temperature": "temperature",
    "time": "time",
}


@dataclass(frozen=True)
class Heading:
    """One heading: the whole text, the name without the unit, the unit or None."""

    text: str
    name: str
    unit: str | None

    @property
    def plain(self) -> str:
        """The name as it is compared: the contacts in "I(12)" are no part of it."""
        name = re.sub(r"\((?!0\))\d+(?:[-, ]\d+)*\)$", "", self.name.strip())
        return re.sub(r"[\s_.\-]", "", name.lower()).replace("δ", "d").replace("Δ", "d")

    def is_resistivity(self) -> bool:
        """Whether it is called so, whatever its unit."""
        return "resistivity" in self.plain or self.plain.startswith("rho")

    def is_error(self) -> bool:
        """Whether it is a bare "STD", which belongs to the column before it."""
        return self.plain in (*ERROR, "±", "+/", "σ")

    def means(self, key: str) -> bool:
        """Whether the column holds ``key`` by its name, and its unit does not speak against it."""
        if key in ("Bx", "By", "Bz"):
            return self.plain in {f"{name}{key[1]}" for name in FIELD}
        if key == "B":
            return self.plain in FIELD
        if not re.fullmatch(_NAMED[key], self.plain):
            return False
        # "T [K]" is a temperature, "t [s]" a time, and neither without its unit
        unit = spelled(self.unit or "")
        bare = self.plain == "t" or key == "angle"
        if key in ("temperature", "time", "angle"):
            allowed = {*UNITS[KINDS[key]], *({"degC", "C"} if key == "temperature" else ())}
            return unit in allowed if self.unit or bare else True
        return True

    def has(self, kind: str) -> bool:
        """Whether the unit is one of ``kind``."""
        return self.unit is not None and spelled(self.unit) in UNITS[kind]


def split_heading(cell: str) -> Heading:
    """``name [unit]``, ``name (unit)`` or ``name / unit``."""
    text = cell.strip()
    match = re.fullmatch(r"(.*?\S)\s*[\[(]([^\[\]()]*)[\])]", text)
    # R(B) and R(0) are names, not R in units of B, and 12 in I(12) are contacts
    named = match and text.endswith(")") and re.fullmatch(r"B|[\d ,\-]+", match[2])
    if match and not named:
        return Heading(text, match[1], match[2].strip())
    for slash in re.finditer("/", text):
        name, unit = text[: slash.start()].strip(), text[slash.end() :].strip()
        if name and unit and any(spelled(unit) in known for known in UNITS.values()):
            return Heading(text, name, unit)
    name, _, unit = text.rpartition("_")
    if name and _is_unit_of(Heading(text, name, unit)):
        return Heading(text, name, unit)
    return Heading(text, text, None)


def _is_unit_of(heading: Heading) -> bool:
    """Whether a word behind an underscore, as in "H_Oe", is a unit of what stands before it."""
    unit = spelled(heading.unit or "")
    for key in ("B", "R", "V", "I", "temperature"):
        if heading.means(key) and unit in UNITS[KINDS[key]]:
            return True
    return False


def quoted(word: str) -> str:
    """A word as a shell takes it."""
    return repr(word) if re.search(r"[^\w./%+-]", word) else word


def is_unit(cell: str) -> bool:
    """Whether a cell under a heading is a unit."""
    unit = spelled(cell.strip("[]() "))
    return unit in _OTHER_UNITS or any(unit in known for known in UNITS.values())


def spelled(unit: str) -> str:
    """A unit in the spelling of :data:`UNITS`."""
    unit = unit.strip()
    for pattern, meant in _SPELLED:
        unit = re.sub(pattern, meant, unit)
    return unit


def factor(
    place: str,
    heading: Heading,
    unit: str | None,
    kind: str,
    key: str,
) -> float:
    """What the numbers of a column, which hold ``key``, are multiplied by to be in SI.

    Raises
    ------
    InputError
        No unit, or one of another kind.
    """
    known = UNITS[kind]
    if unit is None:
        first = next(iter(known))
        raise InputError(
            f"{place}: column {heading.name!r} has no unit; write it in the header, as in "
            f"'{heading.name} [{first}]', or give columns={{{key!r}: ({heading.text!r}, "
            f"{first!r})}} (--column {key}={quoted(heading.text)} --unit {key}={quoted(first)})",
            value=heading.name,
        )
    if spelled(unit) not in known:
        raise InputError(
            f"{place}: column {heading.name!r}: {unit!r} is not a unit of {kind}; "
            f"{suggest(spelled(unit), known)}",
            value=unit,
        )
    return known[spelled(unit)]
