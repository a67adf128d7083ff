"""Angle scans: a field of one strength turned in a plane, one or several measurements at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import InputError, complaints_of
from ..errors.doors import door
from ..files import Columns, Table
from ..model.fields import field_turn
from ..model.problem import Problem
from ..solver.resistance import warn_once
from ..units import to_si
from .bound import FLOOR
from .curve import field_columns, no_resistance, vanishes
from .film_regions import is_regional
from .hanle import hanle_curve
from .measure import SpectralMeasure
from .route import refusal
from .spectral import largest_share, spectral_measures

Pair = tuple[str, str]


@dataclass(frozen=True, eq=False, repr=False)
class AngleScan(Table):
    """Resistances against the direction of a field of one strength.

    Attributes
    ----------
    angle : (n,) degrees
        From the first axis of ``plane`` towards the second, 0 and 360 both included.
    fields : (n, 3) T
    R_ohmic : (k,) ohm
        Without orbital Hall effect, for k measurements.
    delta_R : (n, k) ohm
    current, voltage : k pairs of contact names
    plane : str
    strength : float, T
    silent, ohmic_silent : k times whether delta_R or R_ohmic is nothing but round-off
    """

    angle: np.ndarray
    fields: np.ndarray
    R_ohmic: np.ndarray
    delta_R: np.ndarray
    current: tuple[Pair, ...]
    voltage: tuple[Pair, ...]
    plane: str
    strength: float
    silent: tuple[bool, ...] = ()
    ohmic_silent: tuple[bool, ...] = ()

    @property
    def R(self) -> np.ndarray:
        """V/I, (n, k) ohm."""
        return self.R_ohmic + self.delta_R

    @property
    def forms(self) -> dict[str, np.ndarray]:
        """What a film of isotropic X shows, (n,) each: b_y^2 in rho_xx, which rises by 1 - b_y^2
        from rho_xx(0), and b_x b_y and b_z in rho_xy (Velez et al., PRL 116, 016603).
        """
        x, y, z = (self.fields / (self.strength or 1.0)).T
        return {"1 - b_y^2": 1.0 - y**2, "b_y^2": y**2, "b_x b_y": x * y, "b_z": z}

    def columns(self) -> Columns:
        """The table, one row for each angle.

        Returns
        -------
        {name: (unit, values)}
            "angle" in deg, the field in T, "R_1", "delta_R_1" and so on in ohm.
        """
        table: Columns = {"angle": ("deg", self.angle)} | field_columns(self.fields)
        for i in range(len(self.current)):
            table[f"R_{i + 1}"] = "ohm", self.R[:, i]
            table[f"delta_R_{i + 1}"] = "ohm", self.delta_R[:, i]
        return table

    def axes(self) -> dict[str, tuple[int, tuple[str, ...]]]:
        """The dimension of :meth:`to_xarray`.

        Returns
        -------
        {dimension: (length, names of the columns along it)}
            "angle" alone.
        """
        return {"angle": (len(self.angle), ("angle", "B_x", "B_y", "B_z"))}

    def _notes(self) -> Iterable[str]:
        for i, (current, voltage) in enumerate(zip(self.current, self.voltage, strict=True)):
            yield f"R_{i + 1}: current {current}, voltage {voltage}"

    def _summary(self) -> Iterable[str]:
        yield f"{self.strength:g} T in the plane {self.plane}, {len(self.angle)} angles"
        for i, note in enumerate(self._notes()):
            low, high = self.delta_R[:, i].min(), self.delta_R[:, i].max()
            silent = any(self.silent[i : i + 1])
            change = "0, to round-off" if silent else f"{low:.4g} to {high:.4g} ohm"
            ohmic = f"{self.R_ohmic[i]:.6g} ohm"
            if any(self.ohmic_silent[i : i + 1]):
                ohmic = "0, to round-off"
            yield f"{note}, R_ohmic {ohmic}, delta_R {change}"


@door
def admr(
    problem: Problem,
    strength: Any,
    *,
    plane: str = "xy",
    points: int = 73,
    current: Any,
    voltage: Any,
) -> AngleScan:
    """Angle-dependent magnetoresistance: R_xx and R_xy against the direction of a field.

    See docs/theory, section 9.

    Parameters
    ----------
    problem : Problem
        A device with contacts, usually with a film.
    strength : quantity, T
    plane : str
        "xy" (alpha scan), "yz" (beta) or "xz" (gamma): the field turns from the first axis to the
        second.
    points : int
        Angles from 0 to 360 degrees, both included: 73 are 5 degrees apart.
    current, voltage : pairs of contact names, or lists of pairs
        One pair stands for all of the other list.

    Returns
    -------
    AngleScan

    Raises
    ------
    InputError
        Another plane, fewer than 2 points, an unknown contact, lists of unlike length.
    SolveError
        As :func:`hanle_curve`.
    """
    with complaints_of("admr"):
        size = to_si(strength, "T", "strength")
        if isinstance(points, bool) or not isinstance(points, int) or points < 2:
            raise InputError(
                f"expected a whole number from 2, got {points!r}", value=points, key="points"
            )
        fields = field_turn(size, 0.0, 360.0, points, plane)
        pairs = _pairs(current, voltage)
    angle = np.linspace(0.0, 360.0, points)
    ohmic, change, silent = _responses(problem, fields, pairs)
    return AngleScan(
        angle=angle,
        fields=fields,
        R_ohmic=ohmic,
        delta_R=change,
        current=tuple(i for i, _ in pairs),
        voltage=tuple(v for _, v in pairs),
        plane=plane,
        strength=size,
        silent=silent,
        ohmic_silent=tuple(no_resistance(float(R), problem) for R in ohmic),
    )


def _pairs(current: Any, voltage: Any) -> list[tuple[Pair, Pair]]:
    several = [_list_of_pairs(current, "current"), _list_of_pairs(voltage, "voltage")]
    count = max(map(len, several))
    currents, voltages = (given * count if len(given) == 1 else given for given in several)
    if len(currents) != len(voltages):
        raise InputError(
            f"{len(currents)} current pairs for {len(voltages)} voltage pairs", key="voltage"
        )
    return list(zip(currents, voltages, strict=True))


def _list_of_pairs(given: Any, key: str) -> list[Pair]:
    if isinstance(given, str) or not isinstance(given, (list, tuple)) or len(given) == 0:
        raise InputError(f"expected a pair of contacts or a list of pairs, got {given!r}", key=key)
    pairs = [given] if isinstance(given[0], str) else list(given)
    if any(isinstance(p, str) or len(p) != 2 for p in pairs):
        raise InputError(f"expected pairs of contacts, got {given!r}", key=key)
    return [tuple(p) for p in pairs]


def _silent(measure: SpectralMeasure, effect: np.ndarray) -> bool:
    """As of a curve; see HanleCurve."""
    floor = FLOOR * abs(measure.unit) * measure.largest
    return not measure.polarised and vanishes(effect, np.zeros_like(effect), floor, 1.0)


def _responses(
    problem: Problem, fields: np.ndarray, pairs: list[tuple[Pair, Pair]]
) -> tuple[np.ndarray, np.ndarray, tuple[bool, ...]]:
    """R_ohmic (k,), delta_R (n, k) and which are silent: all pairs from one factorisation where a
    measure exists.
    """
    poles = refusal(problem) is None
    if problem.film is not None:  # whose measure says itself what it refuses
        poles = not is_regional(problem)
    if poles:
        measures = spectral_measures(problem, pairs, fields=fields)
        warn_once(problem, fields, largest_share(problem, measures))
        ohmic = np.array([m.R_ohmic for m in measures])
        several = [m.delta_R(fields) for m in measures]
        silent = tuple(map(_silent, measures, several))
        return ohmic, np.column_stack(several), silent
    curves = [hanle_curve(problem, fields, current=i, voltage=v) for i, v in pairs]
    ohmic = np.array([c.R_ohmic for c in curves])
    return ohmic, np.column_stack([c.delta_R for c in curves]), tuple(c.silent for c in curves)
