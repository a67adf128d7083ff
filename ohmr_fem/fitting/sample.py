"""A sample of a series: one device, the curves measured on it, and what else is known of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..base.owned import ReadOnly
from ..config.device_file import Device, read_device
from ..errors import InputError, complaints_about, complaints_of, suggest
from ..model.problem import Problem
from ..model.stack import Stack
from ..sweep.measure import SpectralMeasure
from ..units import positive, shown
from .background import Term, read_terms
from .columns import check_counts
from .data import Measured, read_data, with_pairs
from .input import read_curves
from .names import canonical, unit_of

#: What a trend may follow, with its unit.
PROPERTIES = {
    "thickness": "m",
    "temperature": "K",
    "resistivity": "ohm*m",
    "width": "m",
    "distance": "m",
}
#: A property and the value of the device may differ by rounding.
SAME = 1e-6


@dataclass(frozen=True)
class Known:
    """A parameter known beforehand, in SI; ``error`` 0 holds it."""

    value: float
    error: float = 0.0


@dataclass(frozen=True, eq=False, init=False)
class Sample:
    """One device of a series, with its curves.

    Parameters
    ----------
    problem : Problem, device (:func:`read_device`) or path of a device file
        Strip or film section, device plane, film; whatever one spectral measure serves.
    data : Measured, sequence of them, or path of a data file
    name : str
        In the names of its own parameters, "relaxation_time[t8]".
    background : as for :func:`ohmr_fem.fit`
        Amplitudes are of each curve; the numbers of a shape, "kohler.n", are of all samples.
    known : {parameter: value, or (value, standard error)}
        With an error it is fitted along, and the error holds it; without it stays as given.
    properties : thickness, temperature, resistivity, width, distance
        What a trend follows.  The thickness of a film, or the width of a section, is taken from
        the problem where it is not given.

    Attributes
    ----------
    sources : tuple of str
        Paths among ``problem`` and ``data``.

    Raises
    ------
    InputError
        An unknown property or parameter, a value of the wrong sign or dimension, curves without
        contacts, a thickness that is not the film's.
    """

    problem: Problem
    curves: tuple[Measured, ...]
    name: str
    background: tuple[Term, ...]
    known: Mapping[str, Known]
    properties: Mapping[str, float]
    sources: tuple[str, ...] = field(default=())

    def __init__(
        self,
        problem: Any,
        data: Any,
        name: str = "",
        *,
        background: Any = ("offset",),
        known: Mapping[str, Any] | None = None,
        **properties: Any,
    ) -> None:
        put = partial(object.__setattr__, self)  # the way around frozen
        put("name", str(name))
        paths = [str(p) for p in (problem, data) if isinstance(p, (str, Path))]
        put("sources", tuple(paths))
        with complaints_of(f"Sample {name}".strip()):
            put("problem", _problem(problem))
            put("curves", _curves(data, problem, self.problem))
            put("background", read_terms(background))
            check_counts(self.background, self.curves)
            put("known", ReadOnly(_known(known or {})))
            put("properties", ReadOnly(_properties(properties, self.problem)))

    @property
    def kind(self) -> str:
        """What is compared with what: a strip, a film section, a film or a device plane."""
        if self.problem.is_cross_section:
            return "section through " + "".join(self.problem.mesh.axes)
        if isinstance(self.problem.film, Stack):
            return "stack of " + ", ".join(self.problem.film.names)
        return "device plane" if self.problem.film is None else "film"

    @property
    def strongest(self) -> float:
        """The strongest field in T."""
        return max(float(np.max(abs(c.signed))) for c in self.curves)

    def named(self, name: str) -> Sample:
        """The same sample with another name.

        Parameters
        ----------
        name : str
            The new one.

        Returns
        -------
        Sample
        """
        return replace_of(self, name=name)

    def __repr__(self) -> str:
        values = [f"{key}={value:.4g}" for key, value in self.properties.items()]
        what = ", ".join([f"{len(self.curves)} curves", self.kind, *values])
        return f"Sample({self.name}: {what})"


def replace_of(
    sample: Sample,
    **changes: Any,
) -> Sample:
    """A copy with other values, which are taken as they are."""
    out = object.__new__(Sample)
    for key in Sample.__dataclass_fields__:
        object.__setattr__(out, key, changes.get(key, getattr(sample, key)))
    return out


def read_samples(samples: Any) -> tuple[Sample, ...]:
    """The samples with distinct names; InputError where they cannot be compared."""
    if isinstance(samples, Sample):
        samples = [samples]
    several = list(samples)
    if not several or not all(isinstance(s, Sample) for s in several):
        raise InputError(
            f"expected of.Sample(...), or several, got {shown(samples)}", key="samples"
        )
    several = [s if s.name else s.named(f"sample {i + 1}") for i, s in enumerate(several)]
    _distinct([s.name for s in several])
    for other in several[1:]:
        _alike(several[0], other)
    return tuple(several)


def _distinct(names: Sequence[str]) -> None:
    for i, name in enumerate(names):
        if name in names[:i]:
            raise InputError(
                f"two are called {name!r}; give each its own name", value=name, key="samples"
            )


def _alike(
    first: Sample,
    other: Sample,
) -> None:
    """InputError for samples of different geometry or quantity."""
    if first.kind != other.kind:
        raise InputError(
            f"{first.name} is a {first.kind}, {other.name} a {other.kind}; one fit takes one kind",
            key="samples",
        )
    kinds = [{c.quantity for c in s.curves} for s in (first, other)]
    if len(kinds[0] | kinds[1]) > 1:
        shown_kinds = [" and ".join(sorted(k)) for k in kinds]
        raise InputError(
            f"{first.name} holds {shown_kinds[0]}, {other.name} {shown_kinds[1]}; give all curves "
            "as one of R, hanle and ratio",
            key="samples",
        )


def _problem(given: Any) -> Problem:
    if isinstance(given, (str, Path)):
        given = read_device(given)
    problem = getattr(given, "problem", given)
    if not isinstance(problem, Problem):
        what = "a Problem, a device of read_device or the path of a device file"
        hint = "; of a measure give its Problem" if isinstance(given, SpectralMeasure) else ""
        raise InputError(f"expected {what}, got {shown(given)}{hint}", key="problem")
    return problem


def _curves(
    data: Any,
    given: Any,
    problem: Problem,
) -> tuple[Measured, ...]:
    if isinstance(data, (str, Path)):
        data = read_data(data)
    device = read_device(given) if isinstance(given, (str, Path)) else given
    if isinstance(device, Device) and not problem.is_cross_section:
        pairs = {m.name: (m.current, m.voltage) for m in device.measurements}
        data = with_pairs([data] if isinstance(data, Measured) else list(data), pairs)
    return read_curves(data, problem, None, None)


def _known(given: Mapping[str, Any]) -> dict[str, Known]:
    out = {}
    for name, entry in given.items():
        with complaints_about("known"):
            key = canonical(name)
        pair = list(entry) if isinstance(entry, (tuple, list)) else [entry]
        if len(pair) > 2:
            raise InputError(f"known: {name}: expected value or (value, error), got {shown(entry)}")
        numbers = [positive(v, unit_of(key), f"known: {name}") for v in pair]
        out[key] = Known(*numbers)
    return out


def _properties(
    given: Mapping[str, Any],
    problem: Problem,
) -> dict[str, float]:
    out = {}
    for name, value in given.items():
        if name not in PROPERTIES:
            raise InputError(f"{name!r} is no property; {suggest(name, PROPERTIES)}", key=name)
        out[name] = positive(value, PROPERTIES[name], name)
    own = of_problem(problem)
    for name, size in own.items():
        stated = out.setdefault(name, size)
        if abs(stated / size - 1.0) > SAME:
            raise InputError(
                f"{shown(given[name])} was given, the problem has {size:.6g} "
                f"{PROPERTIES[name]}; leave one out",
                value=given[name],
                key=name,
            )
    return out


def of_problem(problem: Problem) -> dict[str, float]:
    """Properties that the problem itself holds."""
    if problem.film is not None:
        return {"thickness": float(problem.film.thickness)}
    if not problem.is_cross_section or problem.mesh.dim != 1:
        return {}
    size = float(problem.mesh.mesh.p.max() - problem.mesh.mesh.p.min())
    return {"thickness" if "z" in problem.mesh.axes else "width": size}


def with_values(
    sample: Sample,
    values: Sequence[Any],
) -> Sample:
    """The sample with other measured values, an array for each curve."""
    curves = [replace(c, values=v) for c, v in zip(sample.curves, values, strict=True)]
    return replace_of(sample, curves=tuple(curves))
