"""Backgrounds in a fit: which terms there are, what is fitted of each, and what is given.

Every term is an amplitude times a shape.  A fit solves for the amplitudes of each curve exactly,
and varies what the shape depends on along with the parameters of the device.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import constants

from ..errors import InputError, complaints_about, suggest
from .forms import QUANTUM as QUANTUM
from .forms import background as background


@dataclass(frozen=True)
class Shape:
    """A number that the shape of a term depends on: its unit, its start as a function of the
    strongest field in T, and the ends of what is tried, in parts of the start.

    It is fitted unless it is given; one that must be ``asked`` for only if it is given as "fit".
    """

    unit: str
    start: Callable[[float], float]
    reach: tuple[float, float]
    asked: bool = False


#: Amplitude of each term that a fit knows.
AMPLITUDES: Mapping[str, str] = {
    "offset": "a",
    "linear": "a",
    "quadratic": "a",
    "anomalous": "a",
    "kohler": "a",
    "two_band": "a",
    "hln": "weight",
}
SHAPES: Mapping[str, Mapping[str, Shape]] = {
    "kohler": {"n": Shape("1", lambda B: 1.7, (0.1, 5.0))},
    "two_band": {
        "B_s": Shape("T", lambda B: B, (0.01, 100.0)),
        # where the Hall voltage is fitted too
        "mu_e": Shape("m^2/(V s)", lambda B: 1.0 / B, (1e-3, 1e3), asked=True),
        "mu_h": Shape("m^2/(V s)", lambda B: 1.0 / B, (1e-3, 1e3), asked=True),
        "density_ratio": Shape("1", lambda B: 1.0, (1e-3, 1e3), asked=True),
    },
    "hln": {
        # the length at which B_phi is a thirtieth of the strongest field
        "l_phi": Shape("m", lambda B: _length_at(B / 30.0), (0.03, 100.0)),
        "l_so": Shape("m", lambda B: _length_at(B / 3.0), (0.03, 30.0), asked=True),
    },
}
#: Shapes of two bands whose Hall voltage is fitted too.
BANDS = ("mu_e", "mu_h", "density_ratio")
#: What may hold one number for each curve.
PER_CURVE = ("resistivity_ratio", "hall")
#: What a term may be given in a fit, beside the numbers of its shape.
GIVEN: Mapping[str, tuple[str, ...]] = {
    "kohler": ("resistivity_ratio", "smooth"),
    "two_band": ("current", "hall"),
    "hln": ("sheet_conductivity",),
}


def _length_at(characteristic: float) -> float:
    """l of hbar/(4 e l^2), m."""
    return float(np.sqrt(constants.hbar / (4.0 * constants.e * characteristic)))


@dataclass(frozen=True)
class Term:
    """A background in a fit: its name, the values that are given and stay, and its group: curves
    with a term of one group share its amplitudes, with "" each has its own.
    """

    name: str
    given: tuple[tuple[str, Any], ...] = ()
    group: str = ""

    @property
    def held(self) -> dict[str, Any]:
        """The values that are given, without those that are to be fitted."""
        return {key: value for key, value in self.given if not _is_asked(value)}

    @functools.cached_property
    def free(self) -> tuple[str, ...]:
        """Numbers of the shape that are fitted."""
        held = self.held
        if self.smooth is not None:
            return ()
        if self.banded:
            return tuple(key for key in BANDS if key not in held)
        asked = [key for key, value in self.given if _is_asked(value)]
        shapes = SHAPES.get(self.name, {})
        return tuple(k for k, s in shapes.items() if k not in held and (not s.asked or k in asked))

    @property
    def smooth(self) -> Any:
        """Pieces of the smooth function that stands in the place of Kohler's power, or None; where
        curves are known, (pieces, end of the last one).
        """
        return dict(self.given).get("smooth")

    @property
    def banded(self) -> bool:
        """Whether two bands are known by their mobilities: nothing of them is an amplitude."""
        return "hall" in dict(self.given)

    @property
    def counts(self) -> dict[str, int]:
        """Of each value that holds one number for each curve: how many."""
        return {k: len(v) for k, v in self.given if k in PER_CURVE and isinstance(v, tuple)}

    def at(
        self,
        k: int,
        group: str = "",
        end: float = 0.0,
    ) -> Term:
        """The term of curve k; ``end`` is that of the smooth function."""
        given = {key: v[k] if key in self.counts else v for key, v in self.given}
        if self.smooth is not None:
            given["smooth"] = (self.smooth, end)
        return Term(self.name, tuple(given.items()), group)

    def _values(self, shapes: Mapping[str, float]) -> dict[str, Any]:
        return self.held | {key: shapes[f"{self.name}.{key}"] for key in self.free}

    def column(
        self,
        fields: np.ndarray,
        shapes: Mapping[str, float],
        sheet_conductivity: float,
    ) -> np.ndarray:
        """r for an amplitude of 1, (n,)."""
        values = self._values(shapes)
        if self.name == "hln":
            values.setdefault("sheet_conductivity", sheet_conductivity)
        values[AMPLITUDES[self.name]] = 1.0
        return background(self.name, fields, **values)

    def columns(
        self,
        fields: np.ndarray,
        shapes: Mapping[str, float],
        sheet_conductivity: float,
    ) -> np.ndarray:
        """r for an amplitude of 1 each, (n, k)."""
        if self.banded:
            return np.empty((len(fields), 0))
        if self.smooth is None:
            return self.column(fields, shapes, sheet_conductivity)[:, None]
        reduced = np.linalg.norm(fields, axis=1) * self.held["resistivity_ratio"]
        return _pieces(reduced, *self.smooth)

    @property
    def amplitudes(self) -> tuple[str, ...]:
        """Names of the columns."""
        if self.banded:
            return ()
        name = f"{self.name}.{AMPLITUDES[self.name]}"
        if self.smooth is None:
            return (name,)
        return tuple(f"{name}{k}" for k in range(1, self.smooth[0] + 3))

    def bands(
        self,
        fields: np.ndarray,
        shapes: Mapping[str, float],
    ) -> tuple[np.ndarray, np.ndarray]:
        """r, and the part of rho_xy/rho_0 that the contacts show, (n,) each."""
        values = self._values(shapes)
        shown = values.pop("hall")
        current = values.pop("current", "x")
        # only the ratio of the densities counts: rho_0 is known
        values |= {"n_e": 1.0, "n_h": values.pop("density_ratio")}
        even = background("two_band", fields, **values, current=current)
        return even, shown * background("two_band_hall", fields, **values)


def _is_asked(value: Any) -> bool:
    return isinstance(value, str) and value == "fit"


def _pieces(
    x: np.ndarray,
    count: int,
    end: float,
) -> np.ndarray:
    """Cubic B-splines from 0 to ``end`` without the one that is not 0 at 0, (n, count + 2)."""
    from scipy.interpolate import BSpline

    inner = np.linspace(0.0, end, count + 1)
    knots = np.concatenate([[0.0] * 3, inner, [end] * 3])
    whole = BSpline.design_matrix(np.clip(x, 0.0, end), knots, 3)
    return np.asarray(whole.toarray()[:, 1:])


def read_terms(given: Any) -> tuple[Term, ...]:
    """Terms from a list of names, or from {name: {value: number}}; InputError for what a fit does
    not know.
    """
    if isinstance(given, str):
        raise InputError(
            f"expected a list of names such as ['offset'], got {given!r}", key="background"
        )
    out = []
    for entry in given:
        if isinstance(entry, Term):
            out.append(entry)
        else:
            out.append(_read_term(entry, given[entry] if isinstance(given, Mapping) else {}))
    names = [term.name for term in out]
    if len(set(names)) < len(names):
        raise InputError(f"one is named twice in {names}", key="background")
    return tuple(out)


def _read_term(
    name: Any,
    values: Mapping[str, Any],
) -> Term:
    if name not in AMPLITUDES:
        raise InputError(
            f"{name!r} is not known; {suggest(name, AMPLITUDES)}", value=name, key="background"
        )
    known = [*SHAPES.get(name, ()), *GIVEN.get(name, ())]
    for key, value in (values or {}).items():
        if key not in known:
            raise InputError(
                f"{name}: {key!r} is no value of it that can be given; {suggest(key, known)}",
                value=key,
                key="background",
            )
        if _is_asked(value) and key not in SHAPES.get(name, ()):
            raise InputError(f"{name}: {key} cannot be fitted; give a number", key="background")
    with complaints_about("background"):
        given = {key: _numbers(key, value) for key, value in (values or {}).items()}
    term = Term(name, tuple(given.items()))
    _check_term(term)
    # the values are tried once, so that a wrong one is refused at the door
    shapes = {f"{name}.{key}": SHAPES[name][key].start(1.0) for key in term.free}
    with complaints_about("background"):
        for k in range(max(term.counts.values(), default=1)):
            one = term.at(k, end=1.0)
            one.columns(np.eye(3), shapes, 1.0)
            if one.banded:
                one.bands(np.eye(3), shapes)
    return term


def _numbers(
    key: str,
    value: Any,
) -> Any:
    """Numbers of the curves as a tuple of floats; what else is given stays."""
    if key not in PER_CURVE:
        return value
    numbers = np.asarray(value, dtype=float)
    return tuple(numbers.tolist()) if numbers.ndim else float(numbers)


def _check_term(term: Term) -> None:
    """InputError for values that need others."""
    given = dict(term.given)
    if term.smooth is not None:
        if not (isinstance(term.smooth, int) and 1 <= term.smooth <= 50):
            text = f"kohler: smooth is the number of pieces, 1 to 50, got {term.smooth!r}"
            raise InputError(text, value=term.smooth, key="background")
        if "resistivity_ratio" not in term.counts or "n" in given:
            text = (
                "kohler: a smooth function takes the whole of one curve; give resistivity_ratio "
                "one number for each curve, and no n"
            )
            raise InputError(text, key="background")
    bands = [key for key in BANDS if key in given]
    if not term.banded and bands:
        text = (
            f"two_band: {bands[0]} shows only where R_xy is fitted too; give hall, one number for "
            "each curve: 0 of R_xx, 1 or -1 of R_xy"
        )
        raise InputError(text, key="background")
    if term.banded and ("B_s" in given or not np.any(given["hall"]) or "hall" not in term.counts):
        text = (
            f"two_band: hall is one number for each curve, 0 of R_xx, 1 or -1 of R_xy, one of them "
            f"not 0, and no B_s beside it; got {given['hall']!r}"
        )
        raise InputError(text, key="background")


def starts(
    terms: Sequence[Term],
    strongest: float,
) -> dict[str, float]:
    """Start of every number that is fitted, by "term.number"."""
    return {
        f"{term.name}.{key}": SHAPES[term.name][key].start(strongest)
        for term in terms
        for key in term.free
    }


def shape_of(name: str) -> Shape | None:
    """The shape number of the name "term.number"; None for a parameter of the device."""
    term, _, key = name.partition(".")
    return SHAPES.get(term, {}).get(key)
