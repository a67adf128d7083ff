"""Which further measurement would fix what the present ones do not: a direction, a contact pair,
another size of device.

Every candidate adds its derivatives to the Fisher matrix of the data at hand; nothing is measured
or fitted.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from ..errors import InputError
from ..model.fields import field_sweep
from ..model.problem import Problem
from ..sweep.measure import SpectralMeasure
from ..sweep.spectral import spectral_measures
from ..units import fields_array, owned, positive
from .data import Measured
from .fisher import LIMIT, Identifiability, identify, percent
from .input import TOLERANCE, Source, check_options, read_curves
from .model import Curve, Model, Parameter, read_parameters, scatter
from .result import Fit

#: Directions and sizes that are tried when no candidates are given.
DIRECTIONS = {
    "along x": (1, 0, 0),
    "along y": (0, 1, 0),
    "45 deg between x and y": (1, 1, 0),
    "45 deg between x and z": (1, 0, 1),
    "45 deg between y and z": (0, 1, 1),
}
SIZES = (1.0 / 3.0, 3.0)
#: Contacts up to which all four-terminal combinations are tried.
MOST_CONTACTS = 8
#: Lines of the table.
SHOWN = 10


@dataclass(frozen=True, eq=False)
class Candidate:
    """A measurement that could be made.

    Attributes
    ----------
    name : str
    fields : (n, 3) T
    noise : float
        One standard deviation of a point, ohm (of a ratio on a cross-section).
    current, voltage : pairs of contact names, or None on a cross-section
    size : float
        All lengths of the device multiplied by this.
    """

    name: str
    fields: np.ndarray
    noise: float
    current: Any = None
    voltage: Any = None
    size: float = 1.0

    def __post_init__(self) -> None:
        put = partial(object.__setattr__, self)  # the way around frozen
        put("fields", owned(np.atleast_2d(fields_array(self.fields, "fields"))))
        put("noise", positive(self.noise, "1" if self.current is None else "ohm", "noise"))


@dataclass(frozen=True, eq=False)
class Design:
    """Candidates in the order of what they add: what would be fixed with each, on top of what is
    fixed now.
    """

    before: Identifiability
    ranked: tuple[tuple[Candidate, Identifiability], ...]

    def __str__(self) -> str:
        """Relative standard errors with each candidate added, best first; candidates that read the
        same share a line.
        """
        head = f"{'':48}" + "".join(f"{s:>14}" for s in self.before.symbols)
        lines: dict[str, list[str]] = {}
        for c, known in self.ranked:
            lines.setdefault("".join(f"{percent(float(e)):>14}" for e in known.errors), []).append(
                c.name
            )
        now = f"{'now':48}" + "".join(f"{percent(float(e)):>14}" for e in self.before.errors)
        shown = [
            f"{names[0] + (f' (and {len(names) - 1} more)' if len(names) > 1 else ''):48}{errors}"
            for errors, names in list(lines.items())[:SHOWN]
        ]
        return "\n".join([head, now, *shown])


def design(
    data: Any,
    problem: Problem,
    parameters: Sequence[str] = ("alpha", "L_m", "tau", "theta"),
    *,
    candidates: Sequence[Candidate] | None = None,
    current: Any = None,
    voltage: Any = None,
    background: Sequence[str] = ("offset",),
    noise: float | None = None,
    limit: float = LIMIT,
) -> Design:
    """Rank further measurements by what they add.

    Parameters
    ----------
    data : Fit, or as for :func:`fit`
        What has been measured; of a Fit, its curves, noise and fitted values.
    problem : Problem
        The device, with the values of the parameters at which to ask.
    candidates : sequence of Candidate, optional
        By default other directions of the field, every four-terminal combination of the contacts,
        and copies of the device three times smaller and larger, all with the fields and the noise
        of the first curve.
    noise : float, optional
        Of the default candidates, in ohm (ratio on a cross-section); by default that of the first
        curve.
    others : as for :func:`fit`

    Returns
    -------
    Design

    Raises
    ------
    InputError
    """
    if not isinstance(problem, Problem):
        raise InputError(
            f"needs the Problem, to measure other contacts on it, got {problem!r}", key="design"
        )
    if isinstance(data, Fit):
        problem = replace(problem, materials=data.material)
        data = [replace(c.data, sigma=c.noise) for c in data.curves]
    check_options(background, 0.95, "profile")
    curves = read_curves(data, problem, current, voltage)
    source = Source.of(problem, curves)
    chosen = read_parameters(parameters, source.material)
    noises = [
        c.sigma if c.sigma is not None else np.full(len(c.values), scatter(c)) for c in curves
    ]
    wanted = (
        list(candidates)
        if candidates is not None
        else _default(problem, curves[0], float(np.median(noises[0])), noise)
    )
    pairs = list(dict.fromkeys([*source.pairs, *((c.current, c.voltage) for c in wanted)]))
    length = source.material.diffusion_length
    reach = max([1.0, *(max(c.size, 1.0 / c.size) for c in wanted)]) * 1.1
    found = spectral_measures(
        problem, pairs, tolerance=TOLERANCE, lengths=(length / reach, length * reach)
    )
    measures = dict(zip(pairs, found, strict=True))
    now = np.vstack(
        [
            _jacobian(chosen, c, measures[p], s, background)
            for c, p, s in zip(curves, source.pairs, noises, strict=True)
        ]
    )
    names, symbols = [p.name for p in chosen], [p.symbol for p in chosen]
    ranked = []
    for c in wanted:
        measure = _resized(measures[c.current, c.voltage], c.size)
        planned = _planned(c, problem.is_cross_section)
        more = _jacobian(
            chosen, planned, measure, np.full(len(planned.values), c.noise), background
        )
        ranked.append((c, identify(np.vstack([now, more]), names, symbols, limit)))
    ranked.sort(key=lambda pair: pair[1].score)
    return Design(identify(now, names, symbols, limit), tuple(ranked))


def _planned(c: Candidate, section: bool) -> Measured:
    return Measured(
        c.fields,
        np.zeros(len(c.fields)),
        "ratio" if section else "hanle",
        c.noise,
        c.current,
        c.voltage,
        c.name,
    )


def _jacobian(
    chosen: Sequence[Parameter],
    data: Measured,
    measure: SpectralMeasure,
    sigma: np.ndarray,
    background: Sequence[str],
) -> np.ndarray:
    curve = Curve.of(data, measure, background)
    return Model(tuple(chosen), (curve,), (data.values,), (sigma,)).relative_jacobian(
        np.zeros(len(chosen))
    )


def _resized(measure: SpectralMeasure, size: float) -> SpectralMeasure:
    """The measure of a scaled copy: K stays, M grows with the area, so lengths count in units that
    grow with the device.
    """
    if size == 1.0:
        return measure
    if measure.absorbing:
        raise InputError(
            "an edge absorbs at a finite G, which adds a length of its own; give "
            "candidates of size 1",
            key="design",
        )
    return replace(measure, reference_length=measure.reference_length * size)


def _default(
    problem: Problem, first: Measured, own_noise: float, noise: float | None
) -> list[Candidate]:
    """Directions, contact pairs and sizes with the fields of the first curve."""
    unit = "ohm" if first.current is not None else "1"
    level = own_noise if noise is None else positive(noise, unit, "noise")
    top, count = float(np.abs(first.signed).max()), len(first.values)
    section = problem.is_cross_section
    current, voltage = (None, None) if section else (first.current, first.voltage)
    pair = (current, voltage)
    out = [
        Candidate(f"field {name}", field_sweep(-top, top, count, d), level, current, voltage)
        for name, d in DIRECTIONS.items()
        if np.linalg.norm(np.cross(d, first.direction)) > 1e-6
    ]
    out.append(Candidate("the same again", first.fields, level, current, voltage))
    if not any(m.absorbs_partially for m in problem.moment_conditions().values()):
        out += [
            Candidate(
                f"device {size:.3g} times the size", first.fields, level, current, voltage, size
            )
            for size in SIZES
        ]
    if not section:
        out += [
            Candidate(f"current {i[0]}-{i[1]}, voltage {v[0]}-{v[1]}", first.fields, level, i, v)
            for i, v in _combinations(problem)
            if (i, v) != pair
        ]
    return out


def _combinations(problem: Problem) -> list[tuple[tuple[str, str], tuple[str, str]]]:
    """Four-terminal combinations, without those that reciprocity or a sign makes equal."""
    names = list(problem.contacts)[:MOST_CONTACTS]
    carrying = [n for n in names if problem.contacts[n].carries_current]
    out, seen = [], set()
    for i in itertools.combinations(carrying, 2):
        for v in itertools.combinations([n for n in names if n not in i], 2):
            key = frozenset([frozenset(i), frozenset(v)])
            if key not in seen:
                seen.add(key)
                out.append((i, v))
    return out
