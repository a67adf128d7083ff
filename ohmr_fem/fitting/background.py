"""What else changes the resistance with the field: the relative change r of the resistivity.

Every term is an amplitude times a shape.  A fit solves for the amplitudes of each curve exactly,
and varies what the shape depends on along with the parameters of the device.

Sources: M. Kohler, Ann. Phys. (Leipzig) 424, 211 (1938), and A. B. Pippard, Magnetoresistance in
Metals (Cambridge, 1989), for Kohler's rule; N. W. Ashcroft and N. D. Mermin, Solid State Physics
(1976), chapter 12, problem 4, for two bands; S. Hikami, A. I. Larkin and Y. Nagaoka, Prog. Theor.
Phys. 63, 707 (1980), Eq. (18), and G. Bergmann, Phys. Rep. 107, 1 (1984), for films.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import constants
from scipy.special import psi

from ..doors import door
from ..errors import InputError, complaints_about, complaints_of, suggest
from ..units import fields_array, to_si

#: e^2/(2 pi^2 hbar) in S: the scale of weak localisation in a film.
QUANTUM = constants.e**2 / (2.0 * np.pi**2 * constants.hbar)
#: Of the values, by the term where they depend on it; others are plain numbers.
UNITS: Mapping[tuple[str, str], str] = {
    ("linear", "a"): "1/T",
    ("quadratic", "a"): "1/T**2",
    ("two_band", "a"): "1/T**2",
    ("", "B_s"): "T",
    ("", "n_e"): "1/m**3",
    ("", "n_h"): "1/m**3",
    ("", "mu_e"): "m**2/(V*s)",
    ("", "mu_h"): "m**2/(V*s)",
    ("", "l_phi"): "m",
    ("", "l_so"): "m",
    ("", "sheet_conductivity"): "S",
}
#: From here on psi(1/2 + x) - ln x comes from its series, which loses no digits.
SERIES_FROM = 30.0


@door
def background(name: str, fields: Any, **values: Any) -> np.ndarray:
    """Relative change r of the resistivity by something other than the Hanle effect.

    Parameters
    ----------
    name : str
        "offset": r = a.  "linear": r = a B, "quadratic": r = a B^2 (a in 1/T, 1/T^2; B signed
        along the fields).  "anomalous": r = a sign(B), an offset odd in B.

        "kohler" (Kohler 1938): r = a (\\|B\\| resistivity_ratio / 1 T)^n, resistivity_ratio =
        rho_ref/rho_0 = 1.

        "two_band" (Ashcroft and Mermin, chapter 12, problem 4): r = a B^2/(1 + B^2/B_s^2) with
        ``a`` in 1/T^2 and ``B_s`` in T, or from ``n_e``, ``n_h`` in 1/m^3 (or 1/m^2) and
        ``mu_e``, ``mu_h`` in m^2/(V s); B is the part normal to the current, which flows along
        ``current`` = "x".

        "two_band_hall": rho_xy/rho_0 of the same two bands, from the same densities and mobilities;
        odd in B_z, positive for holes.

        "hln" (Hikami, Larkin and Nagaoka 1980, Eq. (18); with ``l_so`` as in Bergmann 1984): r =
        -delta sigma/``sheet_conductivity``, delta sigma = ``weight`` e^2/(2 pi^2 hbar)
        f(B_phi/\\|B_z\\|), f(x) = psi(1/2 + x) - ln x, B_phi = hbar/(4 e ``l_phi``^2); weight 1 is
        localisation, -1/2 antilocalisation.  With ``l_so``: f is replaced by (3/2) f((B_phi +
        4 B_so/3)/\\|B_z\\|) - f(B_phi/\\|B_z\\|)/2.  Lengths in m, conductivity in S.
    fields : (n, 3) T

    Returns
    -------
    (n,)

    Raises
    ------
    InputError
        An unknown name, a value that the term does not have, lacks, or cannot take.
    """
    with complaints_of("background"):
        if name not in FORMS:
            raise InputError(
                f"{name!r} is not known; {suggest(name, FORMS)}", value=name, key="name"
            )
        form = FORMS[name]
        known = _values_of(name)
        for key in values:
            if key not in known or key == "fields":
                names = [k for k in known if k != "fields"]
                raise InputError(f"is no value of {name!r}; {suggest(key, names)}", key=key)
        for key, parameter in known.items():
            if parameter.default is inspect.Parameter.empty and key not in {*values, "fields"}:
                raise InputError(f"{name!r} needs it", key=key)
        array = np.atleast_2d(fields_array(fields, "fields"))
        plain = {key: _plain(name, key, value) for key, value in values.items()}
        if _area_or_volume(values):
            raise InputError("both densities are per volume, or both per area", key="n_h")
        return np.asarray(form(array, **plain), dtype=float)


def _plain(name: str, key: str, value: Any) -> Any:
    """A value of a term as a number in SI."""
    if key == "current" or value is None:
        return value
    if key in ("n_e", "n_h") and _per_area(value):
        return to_si(value, "1/m**2", key)
    return to_si(value, UNITS.get((name, key)) or UNITS.get(("", key), "1"), key)


def _per_area(density: Any) -> bool:
    with contextlib.suppress(InputError):
        to_si(density, "1/m**2", "density")
        return True
    return False


def _area_or_volume(values: Mapping[str, Any]) -> bool:
    """Whether one of two densities is per area and the other one per volume."""
    given = [values[key] for key in ("n_e", "n_h") if values.get(key) is not None]
    kinds = {_per_area(n) for n in given if not isinstance(n, (int, float))}
    return len(kinds) > 1


@functools.cache
def _values_of(name: str) -> Mapping[str, inspect.Parameter]:
    """Parameters of a form; asking Python for them costs more than the form itself."""
    return inspect.signature(FORMS[name]).parameters


def _positive(**values: float) -> None:
    for key, value in values.items():
        if not (np.isfinite(value) and value > 0.0):
            raise InputError(f"must be positive, got {value!r}", value=value, key=key)


def _signed(fields: np.ndarray) -> np.ndarray:
    """|B| with the sign of B along the strongest field, whose first component is positive."""
    size = np.linalg.norm(fields, axis=1)
    strongest = fields[int(np.argmax(size))]
    if not np.any(strongest):
        return size
    first = strongest[np.flatnonzero(np.abs(strongest) > 1e-9 * np.abs(strongest).max())[0]]
    return np.asarray(np.copysign(size, np.sign(first) * (fields @ strongest)))


def _offset(fields: np.ndarray, a: float) -> np.ndarray:
    return np.full(len(fields), float(a))


def _linear(fields: np.ndarray, a: float) -> np.ndarray:
    return a * _signed(fields)


def _quadratic(fields: np.ndarray, a: float) -> np.ndarray:
    return np.asarray(a * np.sum(fields**2, axis=1))


def _anomalous(fields: np.ndarray, a: float) -> np.ndarray:
    return np.asarray(a * np.sign(_signed(fields)))


def _kohler(fields: np.ndarray, a: float, n: float, resistivity_ratio: float = 1.0) -> np.ndarray:
    _positive(n=n, resistivity_ratio=resistivity_ratio)
    reduced = np.linalg.norm(fields, axis=1) * resistivity_ratio
    return np.asarray(a * reduced**n)


def _two_band(
    fields: np.ndarray,
    a: float | None = None,
    B_s: float | None = None,
    n_e: float | None = None,
    mu_e: float | None = None,
    n_h: float | None = None,
    mu_h: float | None = None,
    current: Any = "x",
) -> np.ndarray:
    bands = {"n_e": n_e, "mu_e": mu_e, "n_h": n_h, "mu_h": mu_h}
    if any(value is not None for value in bands.values()):
        if a is not None or B_s is not None:
            raise InputError("give a and B_s, or densities and mobilities, not both", key="a")
        a, rate = _from_bands(bands)
    else:
        for key, value in (("a", a), ("B_s", B_s)):
            if value is None:
                raise InputError("'two_band' needs it, or densities and mobilities", key=key)
        assert a is not None and B_s is not None
        _positive(B_s=B_s)
        rate = 1.0 / B_s**2
    squared = _normal_squared(fields, current)
    return np.asarray(a * squared / (1.0 + squared * rate))


def _shares(bands: Mapping[str, float | None]) -> tuple[float, float, float, float]:
    """Shares f_e and f_h of n mu, and both mobilities."""
    for key, value in bands.items():
        if value is None:
            raise InputError("two bands need n_e, mu_e, n_h and mu_h", key=key)
    n_e, mu_e, n_h, mu_h = (float(bands[k] or 0.0) for k in ("n_e", "mu_e", "n_h", "mu_h"))
    _positive(n_e=n_e, mu_e=mu_e, n_h=n_h, mu_h=mu_h)
    whole = n_e * mu_e + n_h * mu_h
    return n_e * mu_e / whole, n_h * mu_h / whole, mu_e, mu_h


def _from_bands(bands: Mapping[str, float | None]) -> tuple[float, float]:
    """a, and 1/B_s^2, which is 0 for bands that compensate each other."""
    f_e, f_h, mu_e, mu_h = _shares(bands)
    return f_e * f_h * (mu_e + mu_h) ** 2, (f_h * mu_e - f_e * mu_h) ** 2


def _two_band_hall(
    fields: np.ndarray, n_e: float, mu_e: float, n_h: float, mu_h: float
) -> np.ndarray:
    f_e, f_h, _, _ = _shares({"n_e": n_e, "mu_e": mu_e, "n_h": n_h, "mu_h": mu_h})
    B = fields[:, 2]
    # the conductivity of both bands in units of sigma_0, turned into a resistivity
    along = f_e / (1.0 + (mu_e * B) ** 2) + f_h / (1.0 + (mu_h * B) ** 2)
    across = f_h * mu_h * B / (1.0 + (mu_h * B) ** 2) - f_e * mu_e * B / (1.0 + (mu_e * B) ** 2)
    return np.asarray(across / (along**2 + across**2))


def _normal_squared(fields: np.ndarray, current: Any) -> np.ndarray:
    """B^2 of the part normal to the current, (n,) T^2."""
    axes = {"x": (1.0, 0.0, 0.0), "y": (0.0, 1.0, 0.0), "z": (0.0, 0.0, 1.0)}
    along = fields_array(axes.get(current, current) if isinstance(current, str) else current)
    if along.shape != (3,) or not np.any(along):
        raise InputError("expected 'x', 'y', 'z' or a vector", value=current, key="current")
    unit = along / np.linalg.norm(along)
    return np.asarray(np.sum(np.cross(fields, unit) ** 2, axis=1))


def _hln(
    fields: np.ndarray,
    weight: float,
    l_phi: float,
    sheet_conductivity: float,
    l_so: float | None = None,
) -> np.ndarray:
    _positive(l_phi=l_phi, sheet_conductivity=sheet_conductivity)
    B = np.abs(fields[:, 2])
    phase = _field_of(l_phi)
    shape = _rise(phase, B)
    if l_so is not None:
        _positive(l_so=l_so)
        triplet = _rise(phase + 4.0 / 3.0 * _field_of(l_so), B)
        shape = 1.5 * triplet - 0.5 * shape
    return np.asarray(-weight * QUANTUM * shape / sheet_conductivity)


def _field_of(length: float) -> float:
    """hbar/(4 e l^2), T."""
    return float(constants.hbar / (4.0 * constants.e * length**2))


def _rise(characteristic: float, B: np.ndarray) -> np.ndarray:
    """psi(1/2 + x) - ln x at x = characteristic/B; 0 at B = 0."""
    out = np.zeros(len(B))
    x = np.full(len(B), np.inf)
    np.divide(characteristic, B, out=x, where=B > 0.0)
    near = x < SERIES_FROM
    out[near] = psi(0.5 + x[near]) - np.log(x[near])
    inverse = 1.0 / x[~near] ** 2
    out[~near] = inverse * (1.0 / 24.0 - inverse * (7.0 / 960.0 - inverse * 31.0 / 8064.0))
    return out


FORMS: Mapping[str, Callable[..., np.ndarray]] = {
    "offset": _offset,
    "linear": _linear,
    "quadratic": _quadratic,
    "anomalous": _anomalous,
    "kohler": _kohler,
    "two_band": _two_band,
    "two_band_hall": _two_band_hall,
    "hln": _hln,
}


# -- in a fit


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

    @property
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

    def at(self, k: int, group: str = "", end: float = 0.0) -> Term:
        """The term of curve k; ``end`` is that of the smooth function."""
        given = {key: v[k] if key in self.counts else v for key, v in self.given}
        if self.smooth is not None:
            given["smooth"] = (self.smooth, end)
        return Term(self.name, tuple(given.items()), group)

    def _values(self, shapes: Mapping[str, float]) -> dict[str, Any]:
        return self.held | {key: shapes[f"{self.name}.{key}"] for key in self.free}

    def column(
        self, fields: np.ndarray, shapes: Mapping[str, float], sheet_conductivity: float
    ) -> np.ndarray:
        """r for an amplitude of 1, (n,)."""
        values = self._values(shapes)
        if self.name == "hln":
            values.setdefault("sheet_conductivity", sheet_conductivity)
        values[AMPLITUDES[self.name]] = 1.0
        return background(self.name, fields, **values)

    def columns(
        self, fields: np.ndarray, shapes: Mapping[str, float], sheet_conductivity: float
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
        self, fields: np.ndarray, shapes: Mapping[str, float]
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


def _pieces(x: np.ndarray, count: int, end: float) -> np.ndarray:
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


def _read_term(name: Any, values: Mapping[str, Any]) -> Term:
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


def _numbers(key: str, value: Any) -> Any:
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


def starts(terms: Sequence[Term], strongest: float) -> dict[str, float]:
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
