"""The curve: resistance against field."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..base.owned import own_arrays
from ..files import Columns, Table, line_picture
from ..model.problem import Problem
from .bound import FLOOR

#: Parts of the largest possible effect, and of what a field changes, below which the effect without
#: field is round-off.
NO_EFFECT, NO_PART = 1e-13, 1e-12
#: Part of what a field changes below which an effect at the floor of round-off is that round-off:
#: an effect of its own is not overtaken by what removes it.
OVERTAKEN = 1e-3


def removed_part(change: Any, zero: Any, largest: float) -> np.ndarray:
    """Eq. (8): the part -change/zero of the effect at B = 0 that a field removes; 0 where the field
    has no effect, NaN where there is nothing to remove but round-off of the ``largest``.
    """
    change, zero = np.asarray(change, dtype=float), np.asarray(zero, dtype=float)
    top = float(np.max(np.abs(change), initial=0.0))
    floor = max(NO_EFFECT * largest, NO_PART * top, min(FLOOR * largest, OVERTAKEN * top))
    there = np.abs(zero) > floor
    part = -change / np.where(there, zero, np.nan)
    return np.where(there & (change == 0.0), 0.0, part)


def vanishes(effect: np.ndarray, change: np.ndarray, floor: float, turned: float) -> bool:
    """Whether nothing but round-off, at most ``floor``, is left of an effect (n,) and its change
    (n,), as between probes opposite each other; ``turned`` is the largest (omega tau)^2: below 1
    the round-off of the change shrinks as its root.
    """
    still = bool(np.max(np.abs(effect), initial=0.0) <= floor)
    moved = np.max(np.abs(change), initial=0.0)
    return still and bool(moved <= floor * min(1.0, turned**0.5))


def no_resistance(base: float, problem: Problem) -> bool:
    """Whether R_ohmic is nothing but round-off of the sheet resistance, as between probes opposite
    each other; only 0 is where the sheet resistance is not one number for each material.
    """
    sheets = [m.sheet_conductivity for m in problem.materials.values()]
    known = all(isinstance(sheet, float) for sheet in sheets)
    largest = max(1.0 / float(sheet) for sheet in sheets) if known else 0.0
    return abs(base) <= FLOOR * largest


@dataclass(frozen=True, eq=False)
class Parts:
    """What delta_R is made of, (n,) ohm each; each complete group sums to it, and what does not
    exist is None.

    Attributes
    ----------
    edges, faces, cross
        Of a film: driven and read at the side edges, at the faces (alone in a stack, where the two
        cannot be told apart), and driven at the one and read at the other (0 where both faces
        reflect).
    p_p, p_alpha, alpha_p, alpha_alpha
        Of polarised contacts: what drives the moment comes first, then what reads it; p is the
        polarisation of contacts, alpha the (inverse) orbital Hall effect.
    orbital_orbital, orbital_spin, spin_orbital, spin_spin
        Of a material with a spin: the moment that is made comes first, then the one that is read;
        on a cross-section parts of rho.  Not of films, the reduced basis and full coupling.
    """

    edges: np.ndarray | None = None
    faces: np.ndarray | None = None
    cross: np.ndarray | None = None
    p_p: np.ndarray | None = None
    p_alpha: np.ndarray | None = None
    alpha_p: np.ndarray | None = None
    alpha_alpha: np.ndarray | None = None
    orbital_orbital: np.ndarray | None = None
    orbital_spin: np.ndarray | None = None
    spin_orbital: np.ndarray | None = None
    spin_spin: np.ndarray | None = None

    def __post_init__(self) -> None:
        own_arrays(self)

    @property
    def given(self) -> dict[str, np.ndarray]:
        """Those that exist, by name."""
        return {name: value for name, value in vars(self).items() if value is not None}


#: Names of the parts of a device with polarised contacts.
PARTS = ("p_p", "p_alpha", "alpha_p", "alpha_alpha")
#: Of orbital and spin moment: what is made, and what is read.
CHANNEL_PARTS = ("orbital_orbital", "orbital_spin", "spin_orbital", "spin_spin")


def field_columns(fields: np.ndarray) -> Columns:
    """The three components (n, 3) T as columns."""
    return {f"B_{axis}": ("T", fields[:, i]) for i, axis in enumerate("xyz")}


def terminals_text(current: tuple[str, str] | None, voltage: tuple[str, str] | None) -> str:
    """Where current flows and voltage is read, for a summary."""
    if current is None:
        return "cross-section"
    return f"current {current}, voltage {voltage}"


@dataclass(frozen=True, eq=False, repr=False)
class HanleCurve(Table):
    """Resistance against field.

    Attributes
    ----------
    fields : (n, 3) T
    delta_R, hanle : (n,) ohm
        The orbital part of R and its change from B = 0, each solved for directly; NaN on a
        cross-section.
    R_ohmic : float, ohm
        Resistance without orbital Hall effect at B = 0; NaN on a cross-section.
    rho : (n,)
        Eq. (7): minus the relative change of the current of a cross-section; delta_R/R_ohmic for a
        device, NaN (an empty column) where R_ohmic is 0 or round-off.
    rho_change : (n,)
        rho(B) - rho(0), solved for directly.
    rho_star : (n,)
        Eq. (8): 1 - f(B)/f(0), the part of the zero-field effect that the field has removed; NaN
        (an empty column of the table) where f(0) is 0 or round-off.
    delta_R_strip : (n,) ohm
        What Eq. (7) would give: R_ohmic times rho of an infinite strip as wide as the first current
        contact; NaN on a cross-section and where the material is not uniform or the strip unstable.
    residual : (n,)
        Largest backward error of the linear systems behind each point.
    algebraic_error : (n,)
        Error of delta_R (ohm) or rho against a direct solve on the same mesh: a rigorous bound on
        the spectral path, an estimate on the reduced path, NaN on the direct path.  It says nothing
        of the mesh.
    current, voltage : pairs of contact names, or None
    method, summary : str
    seconds : float, s
    warnings : tuple of str
    geometric : (n,) ohm
        Change of the ohmic resistance by the ordinary Hall effect; None unless
        Problem(ordinary_hall=True).
    parts : Parts
        With a film, what its edges and faces add to delta_R, (n,) ohm each; with polarised
        contacts, what contacts and the orbital Hall effect drive and read; else None.
    delta_R_local : (n,) ohm
        With a film, delta_R of its local conductivity tensor, for comparison; else None.
    silent : bool
        delta_R and hanle are nothing but round-off at every field, as between probes opposite each
        other; then rho_star is NaN.
    ohmic_silent : bool
        R_ohmic is nothing but round-off, below 1e-11 of the sheet resistance; then rho is NaN.
    """

    fields: np.ndarray
    delta_R: np.ndarray
    hanle: np.ndarray
    R_ohmic: float
    rho: np.ndarray
    rho_change: np.ndarray
    rho_star: np.ndarray
    delta_R_strip: np.ndarray
    residual: np.ndarray
    algebraic_error: np.ndarray
    current: tuple[str, str] | None
    voltage: tuple[str, str] | None
    method: str
    summary: str
    seconds: float
    warnings: tuple[str, ...] = ()
    geometric: np.ndarray | None = None
    parts: Parts | None = None
    delta_R_local: np.ndarray | None = None
    silent: bool = False
    ohmic_silent: bool = False

    @property
    def R(self) -> np.ndarray:
        """V/I at each field, (n,) ohm."""
        return self.R_ohmic + self.delta_R + (0.0 if self.geometric is None else self.geometric)

    @property
    def magnitude(self) -> np.ndarray:
        """Signed |B| along the direction of the strongest field, for plotting, (n,) T."""
        size = np.linalg.norm(self.fields, axis=1)
        direction = self.fields[np.flatnonzero(size >= size.max() * (1 - 1e-12))[-1]]
        return np.asarray(size * np.where(self.fields @ direction < 0, -1.0, 1.0))

    def columns(self) -> Columns:
        """The table, one row for each field.

        Returns
        -------
        {name: (unit, values)}
            Fields in T, resistances in ohm, rho and its kin as ratios.
        """
        table = field_columns(self.fields)
        unit = "1"
        if self.current is not None:
            unit, ohmic = "ohm", np.full(len(self.fields), self.R_ohmic)
            table |= {
                "R": (unit, self.R),
                "R_ohmic": (unit, ohmic),
                "delta_R": (unit, self.delta_R),
                "hanle": (unit, self.hanle),
                "delta_R_strip": (unit, self.delta_R_strip),
            }
        if self.geometric is not None:
            table["geometric"] = (unit, self.geometric)
        if self.parts is not None:
            table |= {f"delta_R_{name}": (unit, v) for name, v in self.parts.given.items()}
        if self.delta_R_local is not None:
            table["delta_R_local"] = (unit, self.delta_R_local)
        return table | {
            "rho": ("1", self.rho),
            "rho_change": ("1", self.rho_change),
            "rho_star": ("1", self.rho_star),
            "residual": ("1", self.residual),
            "algebraic_error": (unit, self.algebraic_error),
        }

    def axes(self) -> dict[str, tuple[int, tuple[str, ...]]]:
        """The dimension of :meth:`to_xarray`.

        Returns
        -------
        {dimension: (length, names of the columns along it)}
            "field" alone.
        """
        return {"field": (len(self.fields), ("B_x", "B_y", "B_z"))}

    def _absent(self) -> dict[str, str]:
        absent: dict[str, str] = {}
        if len(self.rho) and np.all(np.isnan(self.rho)):
            why = "R_ohmic = 0, to round-off" if self.ohmic_silent else "R_ohmic = 0"
            if self.silent:
                why = "delta_R and R_ohmic = 0, to round-off"
            absent |= dict.fromkeys(("rho", "rho_change"), why)
        if len(self.rho) and np.all(np.isnan(self.rho_star)):
            why = "f(0) = 0" if np.all(self.rho == 0.0) else "f(0) = 0, to round-off"
            absent["rho_star"] = "delta_R = 0, to round-off" if self.silent else why
        return absent

    def _picture(self) -> str:
        section = self.current is None
        change = self.rho_change if section else self.hanle
        if self.silent:
            change = np.zeros(len(change))
        turned = np.ptp(self.magnitude) <= 1e-9 * self.magnitude.max(initial=0.0)
        along = np.arange(len(change), dtype=float)
        if not turned:
            along = np.copysign(self.magnitude, self.fields @ self.fields[-1])
        what = "rho(B) - rho(0)" if section else "R(B) - R(0) in ohm"
        low, high = float(np.min(change)), float(np.max(change))
        return line_picture(along, change, f"{what}, {low:.4g} to {high:.4g}")

    def _notes(self) -> Iterable[str]:
        if self.ohmic_silent:
            yield "R_ohmic: nothing but round-off"
        if self.silent:
            yield "delta_R, its parts and hanle: nothing but round-off"

    def _summary(self) -> Iterable[str]:
        sizes = np.linalg.norm(self.fields, axis=1)
        yield terminals_text(self.current, self.voltage)
        yield f"{len(self.fields)} fields, |B| {sizes.min():g} to {sizes.max():g} T"
        name = "delta_R" if np.all(np.isnan(self.rho)) and len(self.rho) else "rho"
        values = getattr(self, name)
        span = f"{values.min():.4g} to {values.max():.4g}" + " ohm" * (name == "delta_R")
        yield f"{name} {'0, to round-off' if self.silent else span}"
        yield self.method
