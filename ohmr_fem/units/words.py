"""What a unit that cannot be read was probably meant to be, for the message that refuses it."""

from __future__ import annotations

import difflib
import re

_COMMA = re.compile(r"^\s*([-+]?\d+),(\d+)(.*)$", re.S)
_NUMBER = re.compile(r"^\s*[-+]?[\d.]+(?:[eE][-+]?\d+)?\s*")

#: What one writes, by the unit that is expected; the first is the likeliest for a device.
_USUAL = {
    "m": ("nm", "um", "µm", "mm", "cm", "pm", "m", "angstrom", "micron"),
    "s": ("ps", "ns", "fs", "us", "µs", "ms", "s"),
    "T": ("mT", "T", "uT", "G", "kG", "Oe", "kOe", "gauss", "tesla", "oersted"),
    "A": ("uA", "µA", "mA", "nA", "A", "ampere"),
    "V": ("mV", "uV", "nV", "V", "volt"),
    "S": ("mS", "uS", "S", "siemens"),
    "K": ("K", "mK", "kelvin"),
    "Hz": ("GHz", "MHz", "kHz", "Hz", "THz", "hertz"),
    "eV": ("meV", "eV", "ueV"),
    "ohm*m": ("uohm cm", "ohm m", "ohm cm", "mohm cm"),
    "m**2/s": ("cm^2/s", "m^2/s"),
    "m**2/(V*s)": ("cm^2/(V s)", "m^2/(V s)"),
    "1/m**2": ("1/cm^2", "1/m^2"),
    "m/s": ("m/s", "km/s", "cm/s", "nm/ps"),
}

#: Lengths of a printed page to pint: 1/96 inch is no pixel of an image.
_PRINTED = re.compile(
    r"(?<![A-Za-z])(?:px|css_pixels?|pixels?|dots?|picas?|points?|scaled_points?|didots?|ciceros?"
    r"|big_points?)(?![A-Za-z])"
)

#: An ohm as it is written, with the length that is written behind it: "µΩcm", "Ohm-cm".
_OHM = re.compile(
    r"(?<![A-Za-zµμ])([numkMGµμ]?)(?:[Oo]hms?|Ω|\u2126)(?:\s*[-*·⋅.]?\s*([cmunµμ]?m)\b)?"
)


def read_ohms(text: str) -> str:
    """The text of a unit with its ohms as pint spells them."""
    return _OHM.sub(lambda found: f"{found[1]}ohm" + (f"*{found[2]}" if found[2] else ""), text)


def printed(text: str) -> str:
    """The printer's unit in the text of a unit, or ""."""
    found = _PRINTED.search(text)
    return found[0] if found else ""


def usual(unit: str) -> str:
    """The unit in which such a quantity of a device is most often given."""
    return _USUAL.get(unit, (unit,))[0]


def meant(given: str, unit: str) -> str:
    """What a quantity was probably meant to be, in brackets; or nothing."""
    comma = _COMMA.match(given)
    if comma is not None:
        whole, part, rest = comma.groups()
        thousands = len(part) == 3 and whole.strip("+-0")
        grouped = f" or '{whole}{part}{rest}'" if thousands else ""
        return f" (decimal comma: write '{whole}.{part}{rest}'{grouped})"
    number = _NUMBER.match(given)
    written = given[number.end() :].strip() if number else given.strip()
    near = _nearest(written, _USUAL.get(unit, ()))
    size = number[0].strip() if number else "1"
    return f" (did you mean '{size} {near}'?)" if near else ""


def _nearest(written: str, known: tuple[str, ...]) -> str:
    """The unit of the same letters, in another order or case; or one that is spelled much alike."""
    if written in known:
        return ""
    for alike in (sorted, str.lower):
        same = [one for one in known if alike(one) == alike(written)]  # type: ignore[operator]
        if same:
            return same[0]
    # a prefix is not guessed at
    long = [one for one in known if len(one) > 3 and one[0] == written[:1].lower()]
    return next(iter(difflib.get_close_matches(written, long, n=1, cutoff=0.75)), "")
