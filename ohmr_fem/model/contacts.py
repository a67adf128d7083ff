"""Contacts and edges: what they do to the current and to the moment."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ..doors import door, door_of
from ..errors import InputError, complaints_of, suggest
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
        G^a >= 0 of a partially absorbing edge.
    injected : (3,) floats, A/m
        Moment current that flows into the device.
    """

    absorbing: bool = False
    absorption: tuple[float, float, float] = (0.0, 0.0, 0.0)
    injected: tuple[float, float, float] = (0.0, 0.0, 0.0)

    @property
    def reflecting(self) -> bool:
        return not self.absorbs and not self.injects

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
        """Read "reflecting", "absorbing", G, (Gx, Gy, Gz) in m/s, or {"injected": g or (gx, gy,
        gz)} in A/m.
        """
        if isinstance(value, Moment):
            return value
        with complaints_of(name):
            if isinstance(value, Mapping):
                return cls._of_table(value)
            if not isinstance(value, str) or any(c.isdigit() for c in value):
                return cls(absorption=_velocities(value))
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
        extra = set(value) - {"injected", "absorption"}
        if extra or not value:
            raise InputError(
                f"moment accepts the keys 'injected' and 'absorption', got {sorted(value)}",
                key="moment",
                named=True,
            )
        injected = _triple(value.get("injected", 0.0), "A/m", "injected moment current")
        return cls(absorption=_velocities(value.get("absorption", 0.0)), injected=injected)


def _velocities(value: Any) -> tuple[float, float, float]:
    triple = _triple(value, "m/s", "absorption G", spread=True)
    if min(triple) < 0:
        raise InputError(
            f"absorption G must be >= 0 m/s, got {value!r}", value=value, key="moment", named=True
        )
    return triple


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
    """

    kind: str = "equipotential"
    moment: Any = "reflecting"
    profile: str | Callable[..., Any] = "uniform"
    at: Any = None
    boundary: str | None = None

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

    @property
    def carries_current(self) -> bool:
        return self.kind in ("equipotential", "profile")


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
        that is observed (:meth:`Solution.bound_moment`), not to any resistance.
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
    """A Gaussian current-density profile of rms ``width`` about ``center`` (quantities, m)."""
    with complaints_of("gaussian_profile"):
        place = array_si(center, "m", "center")
        if place.shape != (2,):
            raise InputError(
                f"expected two lengths (x, y), got {shown(center)}", value=center, key="center"
            )
        x, y = place.tolist()
        return GaussianProfile((x, y), positive(width, "m", "width"))
