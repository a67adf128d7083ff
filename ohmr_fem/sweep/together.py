"""Several pairs of one device read at once: they share poles and material, and so what a field
costs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..errors import InputError
from ..errors.doors import door
from ..model.material import Material
from ..units import fields_array
from .bound import FLOOR, NEAR, sum_bound
from .lanczos import Projection
from .measure import SpectralMeasure


@dataclass(frozen=True)
class Together:
    """What k measures say at n fields.

    Attributes
    ----------
    f, change, error : (n, k)
        f(B), f(B) - f(0) and the bound on the algebraic error of f.
    accepted : (k,) bool
        Whose error is within what was asked for at every field.
    """

    f: np.ndarray
    change: np.ndarray
    error: np.ndarray
    accepted: np.ndarray


@door
def delta_R_table(measures: Sequence[SpectralMeasure], fields: Any) -> np.ndarray:
    """delta_R of several pairs of one device, as :func:`spectral_measures` made them.

    Parameters
    ----------
    measures : sequence of k SpectralMeasure
    fields : (3,) or (n, 3) T

    Returns
    -------
    (n, k) ohm

    Raises
    ------
    InputError, SolveError
        Measures that do not share poles and material; as :meth:`SpectralMeasure.response`.
    """
    one, several = measures[0], np.atleast_2d(fields_array(fields, "fields"))
    one._needs_terminals()
    if any(q.polarised or not q.plane for q in measures):
        return np.column_stack([q.delta_R(several) for q in measures])
    if not alike(measures):
        raise InputError(
            "delta_R_table: the measures must come from one call of spectral_measures, with one "
            "material"
        )
    found = read_together(measures, several)
    if not np.all(found.accepted):
        measures[int(np.argmin(found.accepted))]._check(several)  # says why
    return one.unit * found.f


def alike(measures: Sequence[SpectralMeasure]) -> bool:
    """Whether measures can be read together: one set of poles, one material, one way to drive."""
    one = measures[0]
    return all(
        q.scalar
        and q.plane
        and q.current is not None
        and not q.polarised
        and q.projection.rates is one.projection.rates
        and len(q.channels) == 1
        and q.channels[0] == one.channels[0]
        and _same(q.material, one.material)
        for q in measures
    )


def read_together(measures: Sequence[SpectralMeasure], fields: np.ndarray) -> Together:
    """What measures that are :func:`alike` say at fields (n, 3) that were looked at before.

    Raises
    ------
    SolveError
        The torque is unstable.
    """
    one = measures[0]
    one._check_stable(fields)
    every, a, b = _joined(measures)
    stretch, link = one.stretch, one.channels[0]
    g = every.weights[:, a] * every.weights[:, b]
    zero, kernel = one._kernel(link, fields)
    change = kernel @ g
    squared, first, second, direct = one._torque_terms(link, fields)

    def bound(s: Any) -> np.ndarray:
        s = np.asarray(s, dtype=complex) / stretch
        return every.bound(a, b, s[..., 0] if s.ndim else s, one.slowest)

    columns = squared[:, None], first[:, None], second[:, None]
    error = sum_bound(bound, *columns, direct, 1.0, NEAR - one.slowest * stretch)
    decays = np.abs(every.rates) * stretch + 1.0
    size = stretch * np.sum(np.abs(g) / decays[:, None], axis=0)
    floor = FLOOR * every.norm(a) * every.norm(b)
    allowed = np.maximum(one.tolerance * size, floor)
    return Together(zero @ g + change, change, error, np.all(error <= 3.0 * allowed, axis=0))


def _joined(measures: Sequence[SpectralMeasure]) -> tuple[Projection, list[int], list[int]]:
    """One projection for all pairs, and the columns of what drives and what reads each."""
    place: dict[Any, int] = {}
    weights, norms, ends = [], [], []
    for q in measures:
        link = q.channels[0]
        for name, i in ((q.current, link.a), (q.voltage, link.b)):
            if name not in place:
                place[name] = len(place)
                weights.append(q.projection.weights[:, i])
                norms.append(q.projection.norm(i))
            ends.append(place[name])
    gram = np.diag(np.square(norms))
    every = replace(measures[0].projection, weights=np.column_stack(weights), gram=gram)
    return every, ends[::2], ends[1::2]


def _same(one: Material, other: Material) -> bool:
    return one is other or all(
        np.array_equal(a, b) for a, b in zip(vars(one).values(), vars(other).values(), strict=True)
    )
