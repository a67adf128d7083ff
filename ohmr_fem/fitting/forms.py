"""What else changes the resistance with the field: the relative change r of the resistivity.

Sources: M. Kohler, Ann. Phys. (Leipzig) 424, 211 (1938), and A. B. Pippard, Magnetoresistance in
Metals (Cambridge, 1989), for Kohler's rule; N. W. Ashcroft and N. D. Mermin, Solid State Physics
(1976), chapter 12, problem 4, for two bands; S. Hikami, A. I. Larkin and Y. Nagaoka, Prog. Theor.
Phys. 63, 707 (1980), Eq. (18), and G. Bergmann, Phys. Rep. 107, 1 (1984), for films.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from scipy import constants
from scipy.special import psi

from ..errors import InputError, complaints_of, suggest
from ..errors.doors import door
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
def background(
    name: str,
    fields: Any,
    **values: Any,
) -> np.ndarray:
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
    values : float or str
        The numbers of the term, by the names given above.

    Returns
    -------
    (n,) array
        Without unit.

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


def _plain(
    name: str,
    key: str,
    value: Any,
) -> Any:
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


def _offset(
    fields: np.ndarray,
    a: float,
) -> np.ndarray:
    return np.full(len(fields), float(a))


def _linear(
    fields: np.ndarray,
    a: float,
) -> np.ndarray:
    return a * _signed(fields)


def _quadratic(
    fields: np.ndarray,
    a: float,
) -> np.ndarray:
    return np.asarray(a * np.sum(fields**2, axis=1))


def _anomalous(
    fields: np.ndarray,
    a: float,
) -> np.ndarray:
    return np.asarray(a * np.sign(_signed(fields)))


def _kohler(
    fields: np.ndarray,
    a: float,
    n: float,
    resistivity_ratio: float = 1.0,
) -> np.ndarray:
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
    fields: np.ndarray,
    n_e: float,
    mu_e: float,
    n_h: float,
    mu_h: float,
) -> np.ndarray:
    f_e, f_h, _, _ = _shares({"n_e": n_e, "mu_e": mu_e, "n_h": n_h, "mu_h": mu_h})
    B = fields[:, 2]
    # the conductivity of both bands in units of sigma_0, turned into a resistivity
    along = f_e / (1.0 + (mu_e * B) ** 2) + f_h / (1.0 + (mu_h * B) ** 2)
    across = f_h * mu_h * B / (1.0 + (mu_h * B) ** 2) - f_e * mu_e * B / (1.0 + (mu_e * B) ** 2)
    return np.asarray(across / (along**2 + across**2))


def _normal_squared(
    fields: np.ndarray,
    current: Any,
) -> np.ndarray:
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


def _rise(
    characteristic: float,
    B: np.ndarray,
) -> np.ndarray:
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
