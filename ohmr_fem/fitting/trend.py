"""How a parameter of a series follows a property of its samples.

With p the property, p0 that of the first sample and q0 the canonical parameter,

    power        q = q0 (p/p0)^exponent
    linear       q = q0 [1 + slope (p/p0 - 1)]
    arrhenius    q = q0 exp[energy/k (1/p - 1/p0)]
    matthiessen  1/q = 1/q_bulk + surface/p,   q0 = q_bulk.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import constants

from ..errors import InputError, suggest
from .names import LINEAR, canonical, unit_of
from .sample import PROPERTIES, Sample


@dataclass(frozen=True)
class Form:
    """A law: its coefficient, q from (q0, coefficient, p, p0), and the unit of the coefficient from
    (q0, p0): what one unit of the fit's coordinate is.
    """

    coefficient: str
    law: Callable[[float, float, float, float], float]
    scale: Callable[[float, float], float]
    unit: Callable[[str, str], str]


def _power(
    q: float,
    exponent: float,
    p: float,
    p0: float,
) -> float:
    return float(q * np.power(p / p0, exponent))


def _linear(
    q: float,
    slope: float,
    p: float,
    p0: float,
) -> float:
    return q * (1.0 + slope * (p / p0 - 1.0))


def _arrhenius(
    q: float,
    energy: float,
    p: float,
    p0: float,
) -> float:
    return float(q * np.exp(energy / constants.k * (1.0 / p - 1.0 / p0)))


def _matthiessen(
    q: float,
    surface: float,
    p: float,
    p0: float,
) -> float:
    rate = 1.0 / q + surface / p
    return 1.0 / rate if rate != 0.0 else float("inf")


FORMS: Mapping[str, Form] = {
    "power": Form("exponent", _power, lambda q, p: 1.0, lambda q, p: "1"),
    "linear": Form("slope", _linear, lambda q, p: 1.0, lambda q, p: "1"),
    "arrhenius": Form("energy", _arrhenius, lambda q, p: constants.k * p, lambda q, p: "J"),
    "matthiessen": Form(
        "surface", _matthiessen, lambda q, p: p / q, lambda q, p: "1" if p == q else f"{p}/{q}"
    ),
}


@dataclass(frozen=True)
class Trend:
    """A parameter that follows a property; ``origin`` is the property of the first sample."""

    parameter: str
    kind: str
    follows: str
    origin: float

    @property
    def form(self) -> Form:
        return FORMS[self.kind]

    @property
    def coefficient(self) -> str:
        """Name of the further parameter."""
        return f"{self.parameter}.{self.form.coefficient}"

    @property
    def unit(self) -> str:
        return self.form.unit(unit_of(self.parameter), PROPERTIES[self.follows])

    def value(
        self,
        q: float,
        coefficient: float,
        sample: Sample,
    ) -> float:
        """q of a sample; infinite where a search has gone too far."""
        with np.errstate(over="ignore", invalid="ignore"):
            return self.form.law(q, coefficient, sample.properties[self.follows], self.origin)

    def scale(self, q: float) -> float:
        """What one unit of the coordinate of the coefficient is."""
        return abs(self.form.scale(q, self.origin))


def read_trends(
    given: Mapping[str, Any] | None,
    samples: tuple[Sample, ...],
) -> dict[str, Trend]:
    """{parameter: trend}; InputError for a form, or a sample without the property."""
    out = {}
    for name, text in (given or {}).items():
        parameter = canonical(name)
        found = re.fullmatch(r"\s*(\w+)\s*\(\s*(\w+)\s*\)\s*", str(text))
        if found is None:
            raise InputError(
                f"trend: expected form(property) such as 'power(temperature)', got {text!r}"
            )
        kind, follows = found.groups()
        if kind not in FORMS:
            raise InputError(f"trend: {kind!r} is no form; {suggest(kind, FORMS)}", value=kind)
        if follows not in PROPERTIES:
            raise InputError(f"trend: {follows!r} is no property; {suggest(follows, PROPERTIES)}")
        if kind == "matthiessen" and parameter in LINEAR:
            raise InputError(f"trend: matthiessen is for a length or a time, not {parameter}")
        _check_property(name, follows, samples)
        trend = Trend(parameter, kind, follows, samples[0].properties[follows])
        out[parameter] = trend
    return out


def _check_property(
    name: str,
    follows: str,
    samples: tuple[Sample, ...],
) -> None:
    for sample in samples:
        if follows not in sample.properties:
            raise InputError(
                f"trend of {name}: {sample.name} has no {follows}; give Sample(..., {follows}=...)",
                key="trend",
            )
    values = {s.properties[follows] for s in samples}
    if len(values) < 2:
        raise InputError(f"trend of {name}: {follows} is the same in all samples", key="trend")
