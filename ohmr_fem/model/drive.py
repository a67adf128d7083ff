"""What drives a device: currents and voltages at contacts, or a uniform field along a
cross-section.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..base.owned import own_arrays
from ..errors import InputError, suggest
from ..units import array_si, shown, to_si
from .problem import Problem

#: Currents must sum to zero within this fraction of the largest.
CURRENT_BALANCE = 1e-9


@dataclass(frozen=True)
class Drive:
    """Validated drive in SI: currents into the device (A), fixed potentials (V), field along x
    (V/m).
    """

    currents: Mapping[str, float]
    voltages: Mapping[str, float]
    electric_field: float = 0.0

    def __post_init__(self) -> None:
        own_arrays(self)

    @classmethod
    def between(cls, pair: tuple[str, str], amount: float = 1.0) -> Drive:
        """A current (A) into the first contact and out of the second; the others carry none."""
        return cls({pair[0]: amount, pair[1]: -amount}, {})

    @property
    def held(self) -> tuple[str, ...]:
        """Contacts whose potential is given."""
        return tuple(sorted(self.voltages))

    @property
    def sink(self) -> str | None:
        """The contact that takes most current out: the zero of the potential when no voltage is
        given.
        """
        return min(self.currents, key=lambda name: self.currents[name]) if self.currents else None


def _amounts(given: Any, unit: str, what: str) -> dict[str, float]:
    """{contact: amount}; a column of a table is one unit for all its rows."""
    if given is None:
        return {}
    if hasattr(given, "attrs") and hasattr(given, "index"):
        given = dict(zip(given.index, array_si(given, unit, what).tolist(), strict=True))
    if not isinstance(given, Mapping):
        raise InputError(
            f"expected {{contact: {what} in {unit}}}, got {shown(given)}", value=given, key=what
        )
    return {name: to_si(v, unit, f"{what} of contact {name!r}") for name, v in given.items()}


def read_drive(
    problem: Problem,
    currents: Mapping[str, Any] | None,
    voltages: Mapping[str, Any] | None,
    electric_field: Any,
) -> Drive:
    """Check a drive against the problem; InputError with the remedy if it does not fit."""
    currents, voltages = _amounts(currents, "A", "current"), _amounts(voltages, "V", "voltage")
    if problem.is_cross_section:
        if currents or voltages:
            raise InputError(
                "a cross-section is driven by electric_field (uniform, along x), not by contact "
                "currents or "
                "voltages"
            )
        return Drive({}, {}, to_si(electric_field, "V/m", "electric_field"))
    for name in (*currents, *voltages):
        _contact(problem, name)
    for name in currents:
        if not problem.contacts[name].carries_current:
            raise InputError(
                f"contact {name!r} is a {problem.contacts[name].kind}: it reads a voltage and "
                "carries no current; make it 'equipotential' or 'profile'",
                value=name,
            )
        if name in voltages:
            raise InputError(
                f"contact {name!r}: give its current or its voltage, not both", value=name
            )
    for name in voltages:
        if problem.contacts[name].kind != "equipotential":
            raise InputError(
                f"contact {name!r}: only an equipotential contact can have a given voltage",
                value=name,
            )
        if problem.contacts[name].polarised:
            raise InputError(
                f"contact {name!r}: what a polarised contact injects follows its current; give "
                "currents in place of its voltage",
                value=name,
            )
    if not voltages:  # a contact with a voltage takes up whatever is left
        _check_balance(currents)
    return Drive(currents, voltages)


def _check_balance(currents: Mapping[str, float]) -> None:
    total = sum(currents.values())
    largest = max((abs(i) for i in currents.values()), default=0.0)
    if abs(total) > CURRENT_BALANCE * largest:
        raise InputError(
            f"must sum to zero, but {currents} sum to {total:g} A; what enters the device must "
            "leave it, or give one contact a voltage",
            value=total,
            key="currents",
        )


def _contact(problem: Problem, name: str) -> None:
    if name not in problem.contacts:
        raise InputError(f"unknown contact {name!r}; {suggest(name, problem.contacts)}", value=name)


def read_pair(problem: Problem, pair: Any, what: str = "voltage") -> tuple[str, str]:
    """A pair of contact names, checked; ``what`` is "current" or "voltage"."""
    if isinstance(pair, str) or not hasattr(pair, "__len__") or len(pair) != 2:
        raise InputError(
            f"expected a pair of contact names such as ('left', 'right'), got {pair!r}",
            value=pair,
            key=what,
        )
    first, second = pair
    for name in (first, second):
        _contact(problem, name)
        if what == "current" and not problem.contacts[name].carries_current:
            raise InputError(
                f"contact {name!r} is a {problem.contacts[name].kind} and carries no "
                "current; make it "
                "'equipotential' or 'profile'",
                value=name,
                key="current",
            )
    if first == second:
        raise InputError(f"needs two different contacts, got {first!r} twice", value=pair, key=what)
    return first, second
