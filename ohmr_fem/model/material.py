"""Materials: what the carriers of one region do (theory, sections 1 to 3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any

import numpy as np

from ..errors import InputError, suggest
from ..errors.doors import door_of
from ..units import (
    BOHR_MAGNETON,
    ELECTRON_MASS,
    ELEMENTARY_CHARGE,
    array_si,
    engineering,
    fields_array,
    is_quantity,
    owned,
    positive,
    shown,
    to_si,
)
from .relaxation import read_rate
from .spin import Spin, check_spin

#: What the parameters of the second channel are called by.
SPIN = "spin."

Coefficient = float | np.ndarray | Callable[..., Any]


def inverse_mass_tensor(value: Any) -> np.ndarray:
    """The tensor X as a symmetric (3, 3) array in 1/kg.

    ``value`` is in **1/m_e**, or a quantity such as "24 /m_e" or "2.6e31 1/kg": one number
    (isotropic), three (diagonal), or (3, 3).

    Raises
    ------
    InputError
        Wrong shape, not finite, or not symmetric to 1e-9 of its largest entry.
    """
    array = array_si(value, "1/m_e", "inverse_mass")
    if array.ndim == 0:
        array = array * np.eye(3)
    elif array.shape == (3,):
        array = np.diag(array)
    if array.shape != (3, 3):
        raise InputError(
            f"expected one number, three, or a 3 x 3 array in 1/m_e, got shape {array.shape}",
            value=value,
            key="inverse_mass",
        )
    scale = float(np.abs(array).max())
    worst = float(np.abs(array - array.T).max())
    if worst > 1e-9 * scale:
        raise InputError(
            f"must be symmetric, but X and its transpose differ by {worst:g} /m_e; "
            "give (X + X.T)/2 if that is what is meant",
            value=value,
            key="inverse_mass",
        )
    return 0.5 * (array + array.T) / ELECTRON_MASS


def cross_matrix(field: Any) -> np.ndarray:
    """[B]_x with [B]_x v = B x v, i.e. entry (a, c) = eps_abc B_b; shape (..., 3, 3)."""
    b = np.asarray(field, dtype=float)
    out = np.zeros((*b.shape[:-1], 3, 3))
    out[..., 0, 1], out[..., 0, 2] = -b[..., 2], b[..., 1]
    out[..., 1, 0], out[..., 1, 2] = b[..., 2], -b[..., 0]
    out[..., 2, 0], out[..., 2, 1] = -b[..., 1], b[..., 0]
    return out


@door_of
@dataclass(frozen=True, eq=False)
class Material:
    """Transport and precession coefficients of one region.

    Parameters
    ----------
    sheet_conductivity : quantity, S
        sigma = e n mu of a device plane; with ``Problem(film=...)``, bulk conductivity times
        thickness.  A cross-section needs none: there the conductivity enters only as a scale.
    relaxation_time : quantity, s
        tau of the orbital magnetic moment; one value, or three for (x, y, z).
    relaxation_rate : quantity, 1/s
        Gamma in place of relaxation_time: one number, three, or a symmetric positive (3, 3) array.
    orbital_hall_angle : float
        alpha, charge current to moment current.
    inverse_orbital_hall_angle : float, optional
        alpha', moment current to charge current; default alpha.
    inverse_mass : array, **1/m_e**
        Effective inverse mass tensor X: one number, three, or symmetric (3, 3).
    diffusion_length, diffusion_constant : quantity, m or m^2/s
        Give exactly one; L_m = sqrt(D tau).  Where components relax at different rates there is
        no one length: give diffusion_constant, and the length along a principal axis of Gamma is
        sqrt(D/Gamma_i).
    g_factor : float
        1 for Eq. (2) of Sun and Vignale as printed, 2 for their printed Omega and for spin.
    moment_per_carrier : quantity, J/T
        m_0, used only to express the moment density as a magnetisation; default one Bohr magneton.
    name, source : str
        Shown in reports.
    mobility : quantity, m^2/(V s), optional
        mu of the drift velocity -mu E of the moments (Eq. (S1)): positive for electrons, negative
        for holes.  Used only by the ordinary Hall effect and by drift, both off by default.
    resistivity : quantity, ohm m, optional
        Of the bulk of a film, in place of the sheet conductivity.
    spin : Spin, optional
        A second channel, of spin moment, beside the orbital one.

    All but resistivity, relaxation_rate, spin, g_factor, moment_per_carrier, name and source may
    also be a callable f(x, y) in SI or an array with one value per cell of the region; x, y in m.
    A callable inverse_mass returns **1/m_e**, as the plain array is: (3, 3) or (3, 3, ...), the
    points last.  It may not be an array by cell.

    Raises
    ------
    InputError
        For values of the wrong sign, dimension or shape.
    """

    sheet_conductivity: Any = None
    relaxation_time: Any = None
    orbital_hall_angle: Any = None
    inverse_mass: Any = None
    diffusion_length: Any = None
    diffusion_constant: Any = None
    inverse_orbital_hall_angle: Any = None
    g_factor: float = 1.0
    moment_per_carrier: Any = BOHR_MAGNETON
    name: str = ""
    source: str = ""
    mobility: Any = None
    resistivity: Any = None
    relaxation_rate: Any = None
    spin: Spin | None = None

    def __post_init__(self) -> None:
        put = partial(object.__setattr__, self)  # the way around frozen
        self._check_given()
        if self.resistivity is not None:
            put("resistivity", positive(self.resistivity, "ohm*m", "resistivity"))
        for name in ("sheet_conductivity", "orbital_hall_angle", "inverse_orbital_hall_angle"):
            given = getattr(self, name)
            if name == "inverse_orbital_hall_angle" and given is None:
                given = self.orbital_hall_angle  # back as forth unless told otherwise
            positive_only = name == "sheet_conductivity"
            if positive_only and given is None:
                continue
            unit = "S" if positive_only else "1"
            put(name, _coefficient(given, unit, name, positive_only))
        given = self.relaxation_time
        if given is not None:
            put("relaxation_time", _relaxation_time(given))
        else:
            # a rate without off-diagonals is kept as a time, a tensor as it is
            time, rate = read_rate(self.relaxation_rate)
            put("relaxation_time", time)
            put("relaxation_rate", rate)
        put("g_factor", to_si(self.g_factor, "1", "g_factor"))
        put("moment_per_carrier", to_si(self.moment_per_carrier, "J/T", "moment_per_carrier"))
        if not callable(self.inverse_mass):
            put("inverse_mass", owned(inverse_mass_tensor(self.inverse_mass) * ELECTRON_MASS))
        if self.mobility is not None:
            put("mobility", _coefficient(self.mobility, "m**2/(V*s)", "mobility", False))
        self._set_diffusion(put, self.relaxation_rate if given is None else given)
        check_spin(self)

    def _check_given(self) -> None:
        """Everything that has no default, and not two values of one thing."""
        for name in ("orbital_hall_angle", "inverse_mass"):
            if getattr(self, name) is None:
                raise InputError(f"give {name}, got None", owner="Material", key=name, named=True)
        if (self.relaxation_time is None) == (self.relaxation_rate is None):
            both = "both" if self.relaxation_rate is not None else "None"
            raise InputError(
                f"give exactly one of relaxation_time and relaxation_rate, got {both}",
                owner="Material",
                key="relaxation_time",
                named=True,
            )
        if self.sheet_conductivity is not None and self.resistivity is not None:
            raise InputError(
                "give sheet_conductivity or resistivity, not both",
                owner="Material",
                key="resistivity",
                named=True,
            )

    def _set_diffusion(
        self,
        put: Callable[[str, Any], None],
        given_time: Any,
    ) -> None:
        if (self.diffusion_length is None) == (self.diffusion_constant is None):
            raise InputError(
                "give exactly one of diffusion_length and diffusion_constant",
                owner="Material",
                key="diffusion_length",
                named=True,
            )
        tau = self.relaxation_time
        if self.diffusion_length is None:
            put(
                "diffusion_constant",
                _coefficient(self.diffusion_constant, "m**2/s", "diffusion_constant", True),
            )
            plain = isinstance(tau, float) and isinstance(self.diffusion_constant, float)
            put(
                "diffusion_length", float(np.sqrt(self.diffusion_constant * tau)) if plain else None
            )
            return
        length = _coefficient(self.diffusion_length, "m", "diffusion_length", True)
        if not (isinstance(length, float) and isinstance(tau, float)):
            raise InputError(
                "with a relaxation_time or length that varies by component or position "
                f"(relaxation_time is {shown(given_time)}), give diffusion_constant instead",
                key="diffusion_length",
            )
        put("diffusion_length", length)
        put("diffusion_constant", length**2 / tau)

    def with_unit_conductivity(self) -> Material:
        """This material at 1 S, where the conductivity is a scale alone.

        Returns
        -------
        Material
        """
        return replace(self, sheet_conductivity=1.0, diffusion_length=None)

    def as_sheet(self, thickness: float | None) -> Material:
        """This material with the sheet conductivity of a film, in place of its resistivity.

        Parameters
        ----------
        thickness : float or None, m

        Returns
        -------
        Material
            The same one where there is no thickness or no resistivity.

        Raises
        ------
        InputError
            A thickness that is not positive.
        """
        if self.resistivity is None or thickness is None:
            return self
        return replace(
            self,
            sheet_conductivity=positive(thickness, "m", "thickness") / self.resistivity,
            resistivity=None,
            diffusion_length=None,
        )

    @property
    def X(self) -> np.ndarray:
        """Effective inverse mass tensor in 1/kg, shape (3, 3)."""
        return np.asarray(self.inverse_mass) / ELECTRON_MASS

    @property
    def uniform(self) -> bool:
        """True if every coefficient is one number (or one tensor) over the region, tau is
        isotropic and there is no second channel: then three scalars are the whole answer.
        """
        return self.constant and isinstance(self.relaxation_time, float) and self.spin is None

    @property
    def constant(self) -> bool:
        """True if every coefficient is one number or one tensor over the region."""
        values = (
            self.sheet_conductivity,
            self.orbital_hall_angle,
            self.inverse_orbital_hall_angle,
            self.diffusion_constant,
        )
        if not all(isinstance(v, float) for v in values) or callable(self.inverse_mass):
            return False
        return self.relaxation_time is None or isinstance(self.relaxation_time, (float, tuple))

    @property
    def isotropic(self) -> bool:
        """Whether the three components relax at one rate."""
        return self.relaxation_time is not None and not isinstance(self.relaxation_time, tuple)

    @property
    def relaxation(self) -> np.ndarray:
        """Gamma (3, 3) in 1/s of a relaxation that does not vary over the region."""
        if self.relaxation_time is None:
            return np.asarray(self.relaxation_rate)
        return np.diag(1.0 / np.broadcast_to(self.relaxation_time, 3))

    @property
    def longest_time(self) -> float:
        """Largest of the relaxation times, s; over cells too."""
        if self.relaxation_time is None:
            return float(1.0 / np.linalg.eigvalsh(self.relaxation_rate)[0])
        return float(np.max(np.asarray(self.relaxation_time)))

    @property
    def shortest_length(self) -> float:
        """Shortest diffusion length of any component and channel, m; over cells too."""
        if self.relaxation_time is None:
            tau: Any = 1.0 / np.linalg.eigvalsh(self.relaxation_rate)[-1]
        else:
            tau = np.asarray(self.relaxation_time)
        own = float(np.sqrt(np.asarray(self.diffusion_constant) * tau).min())
        if self.spin is None:
            return own
        return min(own, (self.spin.diffusion_constant * self.spin.relaxation_time) ** 0.5)

    @property
    def mean_time(self) -> float:
        """One over the mean rate of the three components, s."""
        if isinstance(self.relaxation_time, float):
            return self.relaxation_time
        return float(3.0 / np.trace(self.relaxation))

    def torque(self, field: Any) -> np.ndarray:
        """T(B) = (g e/2) [B]_x X; Eq. (2).

        Parameters
        ----------
        field : (3,) or (n, 3) T

        Returns
        -------
        (3, 3) or (n, 3, 3) array, 1/s

        Raises
        ------
        InputError
            A field of another shape or dimension.
        """
        return self._torque(fields_array(field))

    def _torque(self, field: np.ndarray) -> np.ndarray:
        rate = 0.5 * self.g_factor * ELEMENTARY_CHARGE
        return np.asarray(cross_matrix(field) @ (rate * self.X))

    def detection_row(
        self,
        component: int,
        detection: str,
        averaged: bool | None = None,
    ) -> np.ndarray:
        """Weights with which n enters the inverse effect: n^c as printed, or (X n)_c over one
        number.

        Parameters
        ----------
        component : int
            c: 0, 1, 2 for x, y, z.
        detection : "printed" or "reciprocal"
        averaged : bool, optional
            Whether that number is (X_xx + X_yy)/2, else X_zz; by default so for n^x and n^y.

        Returns
        -------
        (3,) array
        """
        if detection == "printed":
            return np.eye(3)[component]
        X = np.asarray(self.inverse_mass)
        if averaged is None:
            averaged = component != 2
        scale = 0.5 * (X[0, 0] + X[1, 1]) if averaged else X[2, 2]
        return np.asarray(X[component] / scale)

    @property
    def field_scale(self) -> float:
        """B* in tesla at which (g e/2) |X| tau B = 1, |X| the largest principal value."""
        largest = float(np.abs(np.linalg.eigvalsh(self.X)).max())
        rate = 0.5 * abs(self.g_factor) * ELEMENTARY_CHARGE * largest * self.longest_time
        return 1.0 / rate if rate > 0 else float("inf")

    def _conductivity_shown(self) -> str:
        if self.resistivity is not None:
            return f"resistivity={_shown(self.resistivity, 'ohm m')}, "
        if self.sheet_conductivity is None:
            return ""
        return f"sigma={_shown(self.sheet_conductivity, 'S')}, "

    def __repr__(self) -> str:
        name = f"{self.name}: " if self.name else ""
        length = ""
        if self.diffusion_length is not None:
            length = f", L_m={_shown(self.diffusion_length, 'm')}"
        x = "f(x, y)"
        if not callable(self.inverse_mass):
            tensor = np.asarray(self.inverse_mass)
            x = np.array2string(tensor, precision=4, separator=", ").replace("\n", "")
        return (
            f"Material({name}{self._conductivity_shown()}"
            f"{self._relaxation_shown()}{length}, "
            f"D={_shown(self.diffusion_constant, 'm²/s')}, "
            f"alpha={_shown(self.orbital_hall_angle, '')}, "
            f"alpha'={_shown(self.inverse_orbital_hall_angle, '')}, "
            f"X={x} /m_e, g={self.g_factor:g}{'' if self.spin is None else f', {self.spin!r}'})"
        )

    def _relaxation_shown(self) -> str:
        if self.relaxation_time is not None:
            return f"tau={_shown(self.relaxation_time, 's')}"
        rows = np.array2string(self.relaxation_rate, precision=4, separator=", ")
        return "Gamma=" + rows.replace("\n", "") + " 1/s"


def _shown(
    value: Any,
    unit: str,
) -> str:
    """A coefficient of any kind for reading."""
    if isinstance(value, float):
        return engineering(value, unit) if unit else f"{value:g}"
    if callable(value):
        return "f(x, y)"
    if isinstance(value, tuple):  # by component
        return " ".join(map(str, value)) + f" {unit}"
    return f"<{len(value)} values> {unit}"


def torque_of(
    material: Material,
    field: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """tau T(B) and :func:`precession_squared` of one field or several, which are not looked at
    again; tau is the largest of the three relaxation times.
    """
    T = material._torque(field) * material.longest_time
    # the trace of the square needs no square
    return T, np.asarray(-0.5 * np.einsum("...ab,...ba->...", T, T))


def precession_squared(
    material: Material,
    field: Any,
) -> np.ndarray:
    """(omega tau)^2 = (g e tau/2)^2 B.adj(X).B; negative where the torque amplifies instead of
    precessing (theta < 0).

    ``field`` has shape (3,) or (n, 3); the largest of the three relaxation times counts.
    """
    return torque_of(material, fields_array(field))[1]


def parameter(
    material: Material,
    name: str,
) -> float:
    """The value of a parameter that :func:`retuned` can change: a field of Material or Spin that is
    one number, tau, theta or relaxation_ratio.
    """
    if name == "theta":
        X = np.asarray(material.inverse_mass)
        return _ratio(X, "X_zz/X_yy", "theta", "inverse_mass")
    if name == "relaxation_ratio" and material.constant:
        return _ratio(material.relaxation, "Gamma_zz/Gamma_yy", name, "relaxation_rate")
    of_spin = name.startswith(SPIN) and material.spin is not None
    holder = material.spin if of_spin else material
    value = getattr(holder, {"tau": "relaxation_time"}.get(name, name.removeprefix(SPIN)), None)
    if not isinstance(value, float) or (name.startswith(SPIN) and not of_spin):
        numbers = [*_numbers_of(material), *(SPIN + n for n in _numbers_of(material.spin))]
        known = ["tau", "theta", "relaxation_ratio", *numbers]
        raise InputError(f"unknown parameter {name!r}; {suggest(name, known)}", value=name)
    return value


def _numbers_of(holder: Any) -> list[str]:
    if holder is None:
        return []
    return [f.name for f in fields(holder) if isinstance(getattr(holder, f.name), float)]


def _ratio(
    tensor: np.ndarray,
    what: str,
    name: str,
    instead: str,
) -> float:
    """zz over yy of a tensor."""
    if tensor[1, 1] == 0.0:
        raise InputError(f"{what} does not exist for a yy of 0; give {instead}", key=name)
    return float(tensor[2, 2] / tensor[1, 1])


def retuned(
    material: Material,
    changes: dict[str, Any],
) -> Material:
    """A material with other parameters: fields of Material, "spin.hall_angle" and the like of its
    Spin, or tau, theta = X_zz/X_yy (for X_za = 0), relaxation_ratio = Gamma_zz/Gamma_yy (which
    changes Gamma_zz).

    The diffusion length stays as it is unless it, or the diffusion constant, is among the changes;
    the diffusion constant stays where there is no one length.  alpha' follows alpha only if it is
    given too.
    """
    known = [f.name for f in fields(material)]
    new = {{"tau": "relaxation_time"}.get(k, k): v for k, v in changes.items()}
    theta, ratio = new.pop("theta", None), new.pop("relaxation_ratio", None)
    of_spin = {k.removeprefix(SPIN): new.pop(k) for k in list(new) if k.startswith(SPIN)}
    if of_spin:
        new["spin"] = _retuned_spin(material, of_spin)
    for name in new:
        if name not in known:
            raise InputError(
                f"unknown parameter {name!r}; {suggest(name, ['tau', 'theta', *known])}", value=name
            )
    if theta is not None:
        given = new.get("inverse_mass")
        own = given is None or callable(given)
        X = np.array(material.inverse_mass) if own else inverse_mass_tensor(given) * ELECTRON_MASS
        if X.shape != (3, 3) or X[2, 0] != 0.0 or X[2, 1] != 0.0:
            raise InputError(
                "X_zz/X_yy is a parameter only for a (3, 3) tensor with X_zx = X_zy = 0; "
                "give inverse_mass",
                key="theta",
            )
        X[2, 2] = to_si(theta, "1", "theta") * X[1, 1]
        new["inverse_mass"] = X
    given = {"relaxation_time", "relaxation_rate"} & set(new)
    if len(given) == 1:  # one is said in place of the other
        new |= dict.fromkeys({"relaxation_time", "relaxation_rate"} - given)
    if ratio is not None:
        base = replace(material, **_diffusing(material, new))
        rate = np.array(base.relaxation)
        rate[2, 2] = positive(ratio, "1", "relaxation_ratio") * rate[1, 1]
        new |= {"relaxation_time": None, "relaxation_rate": rate, "diffusion_length": None}
        new.setdefault("diffusion_constant", base.diffusion_constant)
    return replace(material, **_diffusing(material, new))


def _diffusing(
    material: Material,
    new: dict[str, Any],
) -> dict[str, Any]:
    """The changes with the one of length and constant that stays."""
    relaxing: list[Any] = [new.get(name) for name in ("relaxation_time", "relaxation_rate")]
    by_component = any(np.size(value) > 1 for value in relaxing if not isinstance(value, str))
    if "diffusion_constant" in new or by_component:
        return {"diffusion_length": None, **new}
    if material.diffusion_length is None and "diffusion_length" not in new:
        return new
    return {"diffusion_length": material.diffusion_length, **new, "diffusion_constant": None}


def _retuned_spin(
    material: Material,
    changes: dict[str, Any],
) -> Spin:
    if material.spin is None:
        name = SPIN + next(iter(changes))
        raise InputError(
            f"{name!r}: the material has no spin; give Material(spin=of.Spin(...))", value=name
        )
    known = [f.name for f in fields(material.spin)]
    for name in changes:
        if name not in known:
            near = suggest(name, known)
            raise InputError(f"unknown parameter {SPIN + name!r}; {near}", value=SPIN + name)
    return replace(material.spin, **changes)


def _coefficient(
    value: Any,
    unit: str,
    name: str,
    must_be_positive: bool,
) -> Coefficient:
    check = positive if must_be_positive else to_si
    if callable(value):
        return value  # type: ignore[no-any-return]
    if isinstance(value, (int, float, str)):  # almost always
        return check(value, unit, name)
    array = array_si(value, unit, name)
    if array.ndim > 0:
        if array.ndim != 1 or (must_be_positive and np.any(array <= 0)):
            raise InputError(
                f"an array must hold one finite{' positive' if must_be_positive else ''} "
                "value per cell, "
                f"got shape {array.shape} with minimum {array.min() if array.size else 'none'}",
                value=value,
                key=name,
            )
        return array
    return check(float(array), unit, name)


def _relaxation_time(value: Any) -> Any:
    if isinstance(value, (list, tuple)) and len(value) == 3:
        return tuple(
            positive(v, "s", f"relaxation_time[{c}]") for c, v in zip("xyz", value, strict=True)
        )
    if is_quantity(value) and np.shape(value.magnitude) == (3,):
        return tuple(float(positive(v, "s", "relaxation_time")) for v in value)
    return _coefficient(value, "s", "relaxation_time", True)
