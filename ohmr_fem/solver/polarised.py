"""Contacts that inject and read moment (docs/theory, section 10).

A current I into a contact of polarisation p brings the moment current p^a I along, with the weight
l of the contact, and a voltage read there is V + (D/sigma) int l p . n (printed detection) or
V + int l p . h (reciprocal, n = (sigma/D) W^-1 h).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..model.contacts import Contact
from ..model.problem import Problem
from . import forms
from .boundary import on_facets, weighted
from .coefficients import Coefficients, Scales, evaluate
from .space import locate, point_rows

#: Weights of the three unknowns of the moments in what is read of n^a, at some points.
Reading = Callable[[Coefficients, int], list[np.ndarray]]


@dataclass(frozen=True, eq=False)
class Polarised:
    """Polarised contacts in the finite-element space.

    Attributes
    ----------
    loads : {name: (N,)} weight l of each contact
    injected : {name: (3N,)} right-hand side of the moment equation for 1 A into the device
    readings : {name: (3N,)} volt per unit of the unknowns
    size : 3N
    """

    loads: Mapping[str, np.ndarray]
    injected: Mapping[str, np.ndarray]
    readings: Mapping[str, np.ndarray]
    size: int

    def source(self, currents: Mapping[str, float]) -> np.ndarray:
        """What currents (A) into the contacts inject, (3N,)."""
        total = np.zeros(self.size)
        for name, amount in currents.items():
            if name in self.injected:
                total += amount * self.injected[name]
        return total

    def reading(self, pair: tuple[str, str]) -> np.ndarray:
        """What the voltage of the first contact against the second reads of the moments, (3N,)."""
        total = np.zeros(self.size)
        for name, sign in zip(pair, (1.0, -1.0), strict=True):
            if name in self.readings:
                total += sign * self.readings[name]
        return total

    def read(
        self,
        name: str,
        n: np.ndarray,
    ) -> float:
        """What a contact reads of the moments n (3N,), V; 0 where it is not polarised."""
        return float(self.readings[name] @ n) if name in self.readings else 0.0


def polarised(
    problem: Problem,
    basis: Any,
    scales: Scales,
    reading: Reading,
) -> Polarised:
    """All polarised contacts; ``reading(c, a)`` weighs the unknowns in what is read of n^a, in
    units of ``scales.moment``.
    """
    loads, injected, readings = {}, {}, {}
    for name, contact in problem.polarised.items():
        assemble, c = _weights(problem, name, contact, basis, scales)
        one = np.ones_like(c.sigma)
        loads[name] = assemble(one)
        if contact.carries_current:
            injected[name] = np.outer(contact.polarisation, loads[name]).ravel()
            injected[name] /= scales.conductance
        read = np.zeros((3, basis.N))
        for a, p in enumerate(contact.polarisation):
            for d, weight in enumerate(reading(c, a)):
                volts = c.diffusion / c.sigma * scales.moment * weight
                read[d] += p * assemble(volts)
        readings[name] = read.ravel()
    return Polarised(loads, injected, readings, 3 * basis.N)


def _weights(
    problem: Problem,
    name: str,
    contact: Contact,
    basis: Any,
    scales: Scales,
) -> tuple[Callable[[np.ndarray], np.ndarray], Coefficients]:
    """What makes the vector (N,) of int l a w of a coefficient a, and the coefficients there."""
    if contact.kind == "point":
        point = np.array(contact.at)[:, None]
        scaled = point / scales.length
        where = locate(basis.mesh, scaled, scales.length, f"contact {name!r}")
        row, _ = point_rows(basis, problem.order, scaled, where)
        values = np.asarray(row.toarray()[0])
        return lambda a: float(a[0, 0]) * values, evaluate(problem, point[:, None, :], where)
    edge, weight = weighted(problem, name, contact, basis, scales)

    def assemble(a: np.ndarray) -> np.ndarray:
        return np.asarray(forms.load.assemble(edge, a=np.ascontiguousarray(weight * a)))

    return assemble, on_facets(problem, edge, scales)
