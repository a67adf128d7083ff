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
from ..errors.doors import door
from ..model.fields import field_sweep
from ..model.problem import Problem
from ..sweep.measure import SpectralMeasure
from ..units import fields_array, owned, positive
from .background import Term, read_terms
from .columns import of_curves
from .curve import Curve, scatter
from .data import Measured
from .fisher import LIMIT, Identifiability, identify, percent
from .input import Source, check_options, measures_of, read_curves
from .model import Model
from .parameters import Parameter, read_parameters
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

    Raises
    ------
    InputError
        A noise or a size that is not positive, fields of another shape or dimension.
    """

    name: str
    fields: np.ndarray
    noise: float
    current: Any = None
    voltage: Any = None
    size: float = 1.0

    def __post_init__(self) -> None:
        put = partial(object.__setattr__, self)  # the way around frozen
        fields = fields_array(self.fields, "fields")
        put("fields", owned(np.atleast_2d(fields)))
        unit = "1" if self.current is None else "ohm"
        put("noise", positive(self.noise, unit, "noise"))
        put("size", positive(self.size, "1", "size"))


@dataclass(frozen=True, eq=False)
class Design:
    """Candidates in the order of what they add: what would be fixed with each, on top of what is
    fixed now.

    Attributes
    ----------
    before : Identifiability
        What is fixed now.
    ranked : tuple of (Candidate, Identifiability)
        The best first, each with what would be fixed.
    """

    before: Identifiability
    ranked: tuple[tuple[Candidate, Identifiability], ...]

    def __str__(self) -> str:
        """Relative standard errors with each candidate added, best first; candidates that read the
        same share a line.
        """
        head = f"{'':48}" + "".join(f"{s:>14}" for s in self.before.symbols)
        now = f"{'now':48}" + _cells(self.before)
        alike: dict[str, list[str]] = {}
        for candidate, known in self.ranked:
            alike.setdefault(_cells(known), []).append(candidate.name)
        lines = [head, now]
        for errors, names in list(alike.items())[:SHOWN]:
            more = f" (and {len(names) - 1} more)" if len(names) > 1 else ""
            lines.append(f"{names[0] + more:48}{errors}")
        return "\n".join(lines)


def _cells(known: Identifiability) -> str:
    """The relative standard errors as cells of the table."""
    return "".join(f"{percent(float(error)):>14}" for error in known.errors)


@door
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
    parameters, current, voltage, background : as for :func:`fit`
    limit : float
        Relative standard error above which a parameter counts as not fixed.

    Returns
    -------
    Design

    Raises
    ------
    InputError
        No Problem, polarised contacts; as :func:`fit`.
    """
    if not isinstance(problem, Problem):
        raise InputError(
            f"needs the Problem, to measure other contacts on it, got {problem!r}", key="design"
        )
    if isinstance(data, Fit):
        problem = replace(problem, materials=data.material)
        data = [replace(c.data, sigma=c.noise) for c in data.curves]
    _, limit = check_options(background, 0.95, "profile", limit)
    curves = read_curves(data, problem, current, voltage)
    source = Source.of(problem, curves)
    problem.refuse_polarised("design")
    chosen = read_parameters(parameters, source.material, source.thickness)
    noises = [_noise(curve) for curve in curves]
    if candidates is not None:
        wanted = list(candidates)
    else:
        wanted = _default(problem, curves[0], float(np.median(noises[0])), noise)
    measures = _measures(problem, source, wanted)
    rows = []
    terms = of_curves(read_terms(background), curves)
    for curve, pair, sigma, own in zip(curves, source.pairs, noises, terms, strict=True):
        rows.append(_jacobian(chosen, curve, measures[pair], sigma, own))
    now = np.vstack(rows)
    names = [p.name for p in chosen]
    symbols = [p.symbol for p in chosen]
    ranked = []
    for c in wanted:
        measure = _resized(measures[c.current, c.voltage], c.size)
        planned = _planned(c, problem.is_cross_section)
        sigma = np.full(len(planned.values), c.noise)
        more = _jacobian(chosen, planned, measure, sigma, terms[0])
        known = identify(np.vstack([now, more]), names, symbols, limit)
        ranked.append((c, known))
    ranked.sort(key=lambda pair: pair[1].score)
    return Design(identify(now, names, symbols, limit), tuple(ranked))


def _noise(curve: Measured) -> np.ndarray:
    """Standard deviation of every point: as given, or from the scatter of the curve."""
    if curve.sigma is not None:
        return curve.sigma
    return np.full(len(curve.values), scatter(curve))


def _measures(
    problem: Problem,
    source: Source,
    wanted: Sequence[Candidate],
) -> dict[Any, SpectralMeasure]:
    """The measure of every pair at hand or wanted, over the lengths that the sizes ask for."""
    new = [(c.current, c.voltage) for c in wanted]
    pairs = list(dict.fromkeys([*source.pairs, *new]))
    length = source.length
    stretches = [max(c.size, 1.0 / c.size) for c in wanted]
    reach = max([1.0, *stretches]) * 1.1
    lengths = (length / reach, length * reach)
    found = measures_of(problem, pairs, lengths)
    return dict(zip(pairs, found, strict=True))


def _planned(
    c: Candidate,
    section: bool,
) -> Measured:
    return Measured(
        fields=c.fields,
        values=np.zeros(len(c.fields)),
        quantity="ratio" if section else "hanle",
        sigma=c.noise,
        current=c.current,
        voltage=c.voltage,
        name=c.name,
    )


def _jacobian(
    chosen: Sequence[Parameter],
    data: Measured,
    measure: SpectralMeasure,
    sigma: np.ndarray,
    background: Sequence[Term],
) -> np.ndarray:
    curve = Curve.of(data, measure, background)
    model = Model(
        parameters=tuple(chosen),
        curves=(curve,),
        values=(data.values,),
        sigma=(sigma,),
    )
    here = np.zeros(len(chosen))
    return model.relative_jacobian(here)


def _resized(
    measure: SpectralMeasure,
    size: float,
) -> SpectralMeasure:
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
    problem: Problem,
    first: Measured,
    own_noise: float,
    noise: float | None,
) -> list[Candidate]:
    """Directions, contact pairs and sizes with the fields of the first curve."""
    unit = "ohm" if first.current is not None else "1"
    level = own_noise if noise is None else positive(noise, unit, "noise")
    top = float(np.abs(first.signed).max())
    count = len(first.values)
    section = problem.is_cross_section
    again = Candidate(
        name="the same again",
        fields=first.fields,
        noise=level,
        current=None if section else first.current,
        voltage=None if section else first.voltage,
    )
    out = []
    for name, direction in DIRECTIONS.items():
        if np.linalg.norm(np.cross(direction, first.direction)) <= 1e-6:
            continue
        fields = field_sweep(-top, top, count, direction)
        out.append(replace(again, name=f"field {name}", fields=fields))
    out.append(again)
    # the finite G of an edge is a length of its own, which a copy does not scale
    laws = problem.moment_conditions().values()
    if not any(law.absorbs_partially for law in laws):
        for size in SIZES:
            name = f"device {size:.3g} times the size"
            out.append(replace(again, name=name, size=size))
    if section:
        return out
    for i, v in _combinations(problem):
        if (i, v) == (again.current, again.voltage):
            continue
        name = f"current {i[0]}-{i[1]}, voltage {v[0]}-{v[1]}"
        out.append(replace(again, name=name, current=i, voltage=v))
    return out


def _combinations(problem: Problem) -> list[tuple[tuple[str, str], tuple[str, str]]]:
    """Four-terminal combinations, without those that reciprocity or a sign makes equal."""
    names = list(problem.contacts)[:MOST_CONTACTS]
    carrying = [n for n in names if problem.contacts[n].carries_current]
    out = []
    seen = set()
    for i in itertools.combinations(carrying, 2):
        others = [n for n in names if n not in i]
        for v in itertools.combinations(others, 2):
            key = frozenset([frozenset(i), frozenset(v)])
            if key not in seen:
                seen.add(key)
                out.append((i, v))
    return out
