"""Contacts and edges: what they do to the current and to the moment."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from ..errors import InputError, complaints_of, suggest
from ..errors.doors import door, door_of
from ..units import array_si, positive, shown

CONTACT_KINDS = ("equipotential", "profile", "probe", "point")


@dataclass(frozen=True)
class Moment:
    """Condition on the moment density at an edge or contact: Q^a . nu = G^a n^a - injected^a, or
    n^a = 0.

    Attributes
    ----------
    absorbing : bool
        n^a = 0 for all three components.
    absorption : (3,) floats, m/s
        G^a >= 0 of a partially absorbing edge; a rate in 1/s over the area of a pad, and
        integrated over the contact, in m^2/s, where a channel has one.
    injected : (3,) floats, A/m
        Moment current that flows into the device.
    spin : Moment or None
        The condition on the spin where it differs; None is the same for both moments.
    unit : str
        That in which the absorption was given; "" for bare numbers, which have that of the place.
    """

    absorbing: bool = False
    absorption: tuple[float, float, float] = (0.0, 0.0, 0.0)
    injected: tuple[float, float, float] = (0.0, 0.0, 0.0)
    unit: str = field(default="", compare=False)
    spin: Moment | None = None

    @property
    def reflecting(self) -> bool:
        own = not self.absorbs and not self.injects
        return own and (self.spin is None or self.spin.reflecting)

    @property
    def of_orbital(self) -> Moment:
        return self if self.spin is None else replace(self, spin=None)

    @property
    def of_spin(self) -> Moment:
        return self if self.spin is None else self.spin

    @property
    def tells_apart(self) -> bool:
        """Whether orbital and spin moment meet different conditions."""
        return self.of_orbital != self.of_spin

    @property
    def absorbs(self) -> bool:
        """Whether moment is lost here, at a finite rate or perfectly."""
        return self.absorbing or self.absorbs_partially

    @property
    def absorbs_partially(self) -> bool:
        """Whether a finite rate G acts on some component."""
        return any(self.absorption)

    @property
    def injects(self) -> bool:
        return any(self.injected)

    @property
    def is_scalar(self) -> bool:
        """One rate for all three components: the law then commutes with the torque."""
        return len(set(self.absorption)) == 1

    def damps(self, metric: np.ndarray) -> bool:
        """Whether absorption can only lower the norm n . metric n, metric (3, 3)."""
        if not self.absorbs_partially:
            return True
        weighted = metric * np.add.outer(self.absorption, self.absorption)
        return bool(np.linalg.eigvalsh(weighted)[0] >= -1e-12 * max(self.absorption))

    @classmethod
    def parse(cls, value: Any, name: str) -> Moment:
        """Read "reflecting", "absorbing", G, (Gx, Gy, Gz) in m/s, {"injected": g or (gx, gy, gz)}
        in A/m, or {"orbital": ..., "spin": ...} with one of these for each moment.
        """
        if isinstance(value, Moment):
            return value
        with complaints_of(name):
            if isinstance(value, Mapping):
                return cls._of_table(value)
            if not isinstance(value, str) or any(c.isdigit() for c in value):
                return cls(**_absorption(value))
            if value in ("reflecting", "absorbing"):
                return cls(absorbing=value == "absorbing")
            raise InputError(
                f"unknown moment condition {value!r}; "
                f"{suggest(value, ('reflecting', 'absorbing'))}, "
                "a velocity G such as '100 m/s', three of them, or {'injected': ...}",
                value=value,
                key="moment",
                named=True,
            )

    @classmethod
    def _of_table(cls, value: Mapping[str, Any]) -> Moment:
        if set(value) == {"orbital", "spin"}:
            orbital, spin = (cls.parse(value[name], "") for name in ("orbital", "spin"))
            return replace(orbital, spin=spin)
        extra = set(value) - {"injected", "absorption"}
        if extra or not value:
            raise InputError(
                "moment accepts the keys 'injected' and 'absorption', or 'orbital' and 'spin', got "
                f"{sorted(value)}",
                key="moment",
                named=True,
            )
        injected = _triple(value.get("injected", 0.0), "A/m", "injected moment current")
        return cls(**_absorption(value.get("absorption", 0.0)), injected=injected)

    def check_place(self, name: str, unit: str, what: str) -> None:
        """InputError unless the absorption fits its place, which asks for ``unit``."""
        if self.spin is not None:
            self.spin.check_place(name, unit, what)
        if self.absorbs_partially and self.unit not in ("", unit):
            raise InputError(
                f"{name}: an absorption {what} is given in {unit}, got one in {self.unit}",
                value=self.absorption,
                key="moment",
                owner="Problem",
                named=True,
            )
        if self.injects and unit != "m/s":
            raise InputError(
                f"{name}: 'injected' is for lines; {what} a contact injects by its polarisation",
                value=self.injected,
                key="moment",
                owner="Problem",
                named=True,
            )


#: Units of an absorption: at a line, over an area, integrated over a contact of a channel.
LINE, AREA, POINT = "m/s", "1/s", "m**2/s"


def _absorption(value: Any) -> dict[str, Any]:
    """{"absorption": (3,), "unit": str}; bare numbers have any unit, that is "" here."""
    found: dict[str, tuple[float, float, float]] = {}
    complaint = None
    for unit in (LINE, AREA, POINT):
        try:
            found[unit] = _triple(value, unit, "absorption G", spread=True)
        except InputError as exc:
            complaint = complaint or exc
    if not found:
        assert complaint is not None
        raise complaint
    unit = next(iter(found))
    if min(found[unit]) < 0:
        raise InputError(
            f"absorption G must be >= 0 m/s, got {value!r}", value=value, key="moment", named=True
        )
    return {"absorption": found[unit], "unit": "" if len(found) > 1 else unit}


def _triple(value: Any, unit: str, name: str, spread: bool = False) -> tuple[float, float, float]:
    """Three components; a single number is all three (``spread``) or the z component."""
    array = array_si(value, unit, name)
    if array.ndim:
        if array.shape != (3,):
            raise InputError(
                f"expected one number or three (x, y, z), got {len(array)}", value=value, key=name
            )
        x, y, z = array.tolist()
        return x, y, z
    number = float(array)
    return (number, number, number) if spread else (0.0, 0.0, number)


def _one_or_three(value: Any, unit: str, name: str) -> float | tuple[float, float, float]:
    array = array_si(value, unit, name)
    return _triple(array, unit, name) if array.ndim else float(array)


def _polarisation(value: Any) -> tuple[float, float, float]:
    with complaints_of("Contact"):
        given = array_si(value, "1", "polarisation")
        if given.shape != (3,):
            raise InputError(
                f"expected three components (px, py, pz), got {shown(value)}",
                value=value,
                key="polarisation",
            )
        size = float(np.linalg.norm(given))
        if size > 1.0 + 1e-12:
            raise InputError(
                f"at most 1 in size, got |p| = {size:.4g} (a percentage? write '30 %')",
                value=value,
                key="polarisation",
            )
    x, y, z = given.tolist()
    return x, y, z


@door_of
@dataclass(frozen=True)
class Contact:
    """Where current enters or a voltage is read.

    Parameters
    ----------
    kind : str
        "equipotential" (current given, voltage given, or floating), "profile" (prescribed
        current-density profile; its voltage is the mean weighted with that profile), "probe" (reads
        the mean potential of a boundary piece without disturbing it), or "point" (reads the
        potential at one point).
    moment : str, number, three numbers or mapping
        Condition on the moment density, see :class:`Moment`; default reflecting.
    profile : "uniform" or callable f(x, y)
        Relative inward current density of a "profile" contact; normalised by the program.
    at : (x, y) quantities, m
        Position of a "point" contact.
    boundary : str, optional
        Name of the boundary, if it differs from the contact's own name.
    region : str, optional
        Name of a region of the mesh in place of a boundary: a pad on top of the flake, as an
        equipotential or with a current density into it; moment passes over its area.
    polarisation : (3,) floats, |p| <= 1
        Moment that a current brings along, p^a I of each component, and that adds (D/sigma) p . n
        to the voltage read here (docs/theory, section 10); with the same weight as current and
        potential.  A "probe" and a "point" only read.  What flows back is the ``moment`` condition.
        Beside a spin it is that of both moments, or {"orbital": p, "spin": p}.
    spin_polarisation : (3,) floats, optional
        That of the spin, where it differs.

    Raises
    ------
    InputError
        An unknown kind or condition, another shape or dimension, |p| above 1, or parts that exclude
        each other: a region and a boundary, a polarisation and n = 0.
    """

    kind: str = "equipotential"
    moment: Any = "reflecting"
    profile: str | Callable[..., Any] = "uniform"
    at: Any = None
    boundary: str | None = None
    polarisation: Any = (0.0, 0.0, 0.0)
    region: str | None = None
    spin_polarisation: Any = None

    def __post_init__(self) -> None:
        if self.kind not in CONTACT_KINDS:
            raise InputError(
                f"unknown kind {self.kind!r}; {suggest(self.kind, CONTACT_KINDS)}",
                value=self.kind,
                owner="Contact",
                key="kind",
                named=True,
            )
        if not (callable(self.profile) or self.profile == "uniform"):
            raise InputError(
                f"profile must be 'uniform' or a function of (x, y), got {self.profile!r}",
                owner="Contact",
                key="profile",
                named=True,
            )
        if (self.at is not None) != (self.kind == "point"):
            raise InputError(
                "'at' belongs to kind 'point' and is required there, got kind "
                f"{self.kind!r} "
                f"with at={self.at!r}",
                owner="Contact",
                key="at",
                named=True,
            )
        if self.at is not None:
            with complaints_of("Contact"):
                place = array_si(self.at, "m", "at")
            if place.shape != (2,):
                raise InputError(
                    f"'at' must be two lengths (x, y), got {shown(self.at)}",
                    value=self.at,
                    owner="Contact",
                    key="at",
                    named=True,
                )
            object.__setattr__(self, "at", tuple(place.tolist()))
        object.__setattr__(self, "moment", Moment.parse(self.moment, "Contact"))
        self._set_polarisation(partial(object.__setattr__, self))
        if self.region is not None and (self.boundary is not None or self.kind == "point"):
            raise InputError(
                "'region' excludes 'boundary' and kind 'point': a contact is a region of the mesh, "
                f"a boundary, or a point; got kind {self.kind!r}, region={self.region!r}, "
                f"boundary={self.boundary!r}",
                owner="Contact",
                key="region",
                named=True,
            )
        if self.polarised and self.moment.absorbing:
            raise InputError(
                "a polarised contact with moment='absorbing' (n = 0) neither injects nor reads "
                "moment; give a finite absorption",
                owner="Contact",
                key="moment",
                named=True,
            )

    def _set_polarisation(self, put: Callable[[str, Any], None]) -> None:
        given, spin = self.polarisation, self.spin_polarisation
        if isinstance(given, Mapping):
            if set(given) != {"orbital", "spin"} or spin is not None:
                raise InputError(
                    "polarisation accepts (px, py, pz) or the keys 'orbital' and 'spin', got "
                    f"{sorted(given)}",
                    owner="Contact",
                    key="polarisation",
                    named=True,
                )
            given, spin = given["orbital"], given["spin"]
        put("polarisation", _polarisation(given))
        put("spin_polarisation", None if spin is None else _polarisation(spin))

    @property
    def polarised(self) -> bool:
        """Whether a polarisation is not zero."""
        return any(self.polarisation) or any(self.spin_polarisation or ())

    @property
    def tells_apart(self) -> bool:
        """Whether orbital and spin moment meet different conditions here."""
        p = self.spin_polarisation
        return self.moment.tells_apart or (p is not None and p != self.polarisation)

    def of_channel(self, spin: bool) -> Contact:
        """The same contact for the orbital or the spin moment alone.

        Parameters
        ----------
        spin : bool
            The spin, or else the orbital moment.

        Returns
        -------
        Contact
        """
        p = self.spin_polarisation if spin and self.spin_polarisation else self.polarisation
        moment = self.moment.of_spin if spin else self.moment.of_orbital
        return replace(self, moment=moment, polarisation=p, spin_polarisation=None)

    @property
    def described(self) -> str:
        """Kind, region and polarisation, for a summary."""
        words = self.kind
        if self.region is not None:
            words += f" over {self.region}"
        if self.polarised:
            words += " p = ({:g}, {:g}, {:g})".format(*self.polarisation)
        return words

    def place(self, name: str) -> str:
        """The boundary or region of the mesh that this contact of a name is.

        Parameters
        ----------
        name : str
            Of the contact.

        Returns
        -------
        str
        """
        return self.region or self.boundary or name

    def reversed(self) -> Contact:
        """The same contact with -p, as after its magnet has been turned over.

        Returns
        -------
        Contact
        """
        spin = self.spin_polarisation
        turned = None if spin is None else _turned(spin)
        return replace(self, polarisation=_turned(self.polarisation), spin_polarisation=turned)

    @property
    def carries_current(self) -> bool:
        """Whether a current can be sent through it."""
        return self.kind in ("equipotential", "profile")


def _turned(p: tuple[float, float, float]) -> tuple[float, float, float]:
    x, y, z = (-value + 0.0 for value in p)
    return x, y, z


@door_of
@dataclass(frozen=True)
class Edge:
    """An insulating edge with a condition on the moment density, and sources that follow the
    current along it (docs/theory, section 13).

    Parameters
    ----------
    moment : see :class:`Moment`
    source : float or (3,) floats
        kappa of Q^a . nu = G^a n^a - kappa^a sigma E_t, t the clockwise tangent; a number is
        kappa^z, and on cross-sections the one of Q . nu = G n + kappa sigma (nu x E).
    inverse_source : float or (3,) floats, optional
        kappa' of the edge current that the moments drive in turn; default kappa alpha'/alpha, or
        kappa where alpha = 0.
    edge_moment : quantity or three, C/V
        chi of a bound moment chi E_t along the edge, which does not diffuse: it adds to the moment
        that is observed (:meth:`Solution.bound_moment`), not to any resistance.  A face normal to
        z has no such tangent and takes none.

    Raises
    ------
    InputError
        An unknown condition, another shape or dimension.
    """

    moment: Any = "reflecting"
    source: Any = 0.0
    inverse_source: Any = None
    edge_moment: Any = 0.0

    def __post_init__(self) -> None:
        put = partial(object.__setattr__, self)  # the way around frozen
        put("moment", Moment.parse(self.moment, "Edge"))
        with complaints_of("Edge"):
            put("source", _one_or_three(self.source, "1", "source"))
            if self.inverse_source is not None:
                put("inverse_source", _one_or_three(self.inverse_source, "1", "inverse_source"))
            put("edge_moment", _triple(self.edge_moment, "C/V", "edge_moment"))

    @property
    def drives(self) -> bool:
        """Whether the current along the edge makes moment, or moment a current along it."""
        given = (self.source, 0.0 if self.inverse_source is None else self.inverse_source)
        return any(np.any(np.asarray(value) != 0.0) for value in given)

    @property
    def by_component(self) -> bool:
        """Whether a source is given by component, which has a meaning in the device plane and on
        strips only.
        """
        return isinstance(self.source, tuple) or isinstance(self.inverse_source, tuple)


@dataclass(frozen=True)
class GaussianProfile:
    """Relative current density exp(-|r - center|^2 / (2 width^2)); lengths in m."""

    center: tuple[float, float]
    width: float

    def __call__(self, x: Any, y: Any) -> Any:
        return np.exp(
            -((x - self.center[0]) ** 2 + (y - self.center[1]) ** 2) / (2.0 * self.width**2)
        )


@door
def gaussian_profile(center: Sequence[Any], width: Any) -> GaussianProfile:
    """A Gaussian current-density profile, for :class:`Contact`.

    Parameters
    ----------
    center : (x, y) quantities, m
    width : quantity, m
        Rms, in each direction.

    Returns
    -------
    GaussianProfile
        A function of (x, y); the program normalises it.

    Raises
    ------
    InputError
        Not two lengths, or a width that is not positive.
    """
    with complaints_of("gaussian_profile"):
        place = array_si(center, "m", "center")
        if place.shape != (2,):
            raise InputError(
                f"expected two lengths (x, y), got {shown(center)}", value=center, key="center"
            )
        x, y = place.tolist()
        return GaussianProfile((x, y), positive(width, "m", "width"))
