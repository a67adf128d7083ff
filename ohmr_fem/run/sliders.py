"""Where the sliders of an exploring page begin and end, and what its measures must reach."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..model.film import Film
from ..model.material import Material, retuned
from ..model.problem import Problem
from ..model.stack import Stack

#: How far the page reaches beyond the device file: diffusion lengths, and for a film, which takes
#: more poles, lengths and thicknesses.
LENGTHS, FILM_LENGTHS = 3.0, 2.0
#: The same for rates of relaxation at a fixed diffusion constant.
RATES = 3.0
#: omega tau of the current at the end of its slider.
FREQUENCY = 5.0
#: Steps from the middle of a curve to its end, where a field is quick, where it takes a system for
#: each pole, and where that has six components and more.
QUICK, SLOW, SLOWEST = 100, 20, 12


@dataclass(frozen=True)
class Extra:
    """A slider of what only some devices have; ``path`` is where its value belongs: a coefficient
    "spin.NAME", "layers.NUMBER.NAME", or "rates", a factor.
    """

    path: str
    title: str
    low: float
    high: float
    value: float
    unit: str = ""
    log: bool = False
    #: What turns the number shown into SI.
    factor: float = 1.0


@dataclass(frozen=True)
class Sliders:
    """Where the sliders of a page begin and end.

    ``field`` (T) and ``frequency`` (Hz) are the largest; ``lengths`` and ``thickness`` (m) the
    least and the most, the latter with that of the device between them, None without a film;
    ``length`` is the diffusion length, None where there is no one; ``faces`` of a film that absorb
    have G of the device and the largest, in m/s; ``angles`` is whether the orbital Hall angles are
    free, ``tied`` whether the diffusion constant is fixed, ``one`` whether one material is all.
    """

    field: float
    frequency: float
    length: float | None
    lengths: tuple[float, float] | None
    tied: bool
    thickness: tuple[float, float, float] | None = None
    faces: dict[str, tuple[float, float]] | None = None
    angles: bool = True
    polarisation: float | None = None
    one: bool = True
    steps: int = QUICK
    estimated: bool = False
    extra: tuple[Extra, ...] = ()

    def content(self) -> dict[str, Any]:
        """For the page."""
        return vars(self) | {"faces": self.faces or {}, "extra": [vars(e) for e in self.extra]}


def sliders_of(problem: Problem, largest: float) -> Sliders:
    """For a device, up to a field in T."""
    if isinstance(problem.film, Stack):
        return _of_stack(problem.film, largest)
    material, film = problem.material, problem.film
    crossed = material.spin is not None and any(material.spin.cross_diffusion)
    partial = any(m.absorbs_partially for m in problem.moment_conditions().values())
    length = None if material.diffusion_length is None else float(material.diffusion_length)
    tied = partial or crossed or length is None
    polarised = [float(np.linalg.norm(c.polarisation)) for c in problem.polarised.values()]
    reach = LENGTHS if film is None and material.uniform else FILM_LENGTHS
    sliders = Sliders(
        field=largest,
        frequency=FREQUENCY / (2.0 * np.pi * material.mean_time),
        length=length,
        lengths=None if tied or length is None else (length / reach, reach * length),
        tied=tied,
        polarisation=max(polarised, default=None),
    )
    if not material.uniform:
        sliders = replace(sliders, extra=_of_material(material), steps=SLOW, estimated=True)
    return _of_film(sliders, problem, film) if isinstance(film, Film) else sliders


def _of_material(material: Material) -> tuple[Extra, ...]:
    """Of a relaxation tensor, or of a spin."""
    found = []
    if material.diffusion_length is None or material.spin is None:
        found.append(Extra("rates", "all rates, times", 1.0 / RATES, RATES, 1.0, "", log=True))
    spin = material.spin
    if spin is None:
        return tuple(found)
    most = max(0.3, 2.0 * abs(spin.hall_angle))
    found.append(Extra("spin.hall_angle", "α of the spin", -most, most, spin.hall_angle))
    most = max(0.3, 2.0 * abs(spin.inverse_hall_angle))
    back = Extra("spin.inverse_hall_angle", "α′ of the spin", -most, most, spin.inverse_hall_angle)
    tau = spin.relaxation_time * 1e12
    ends = tau / RATES, RATES * tau, tau
    time = Extra("spin.relaxation_time", "τ of the spin", *ends, "ps", log=True, factor=1e-12)
    found += [back, time]
    for name, title in (("to_orbital", "spin to orbital"), ("from_orbital", "orbital to spin")):
        rate = getattr(spin, name) * 1e-12
        if rate:
            span = (min(0.0, 2.0 * rate), max(0.0, 2.0 * rate), rate)
            found.append(Extra(f"spin.{name}", title, *span, "1/ps", factor=1e12))
    return tuple(found)


def _of_film(sliders: Sliders, problem: Problem, film: Film) -> Sliders:
    """With what a film has besides."""
    thickness = float(film.thickness)
    plain = film.reflecting and not film.drives
    # a page of a film that absorbs takes a system for each pole and field
    steps = sliders.steps if plain else SLOW
    if problem.material.spin is not None:
        steps = SLOWEST
    return replace(
        sliders,
        thickness=(thickness / FILM_LENGTHS, thickness, FILM_LENGTHS * thickness),
        faces=None if plain else _faces(problem.material, film),
        angles=not (film.drives or problem.edge_sources),
        steps=steps,
        estimated=sliders.estimated or not plain,
    )


def _faces(material: Material, film: Film) -> dict[str, tuple[float, float]]:
    """G and the largest one of each face whose G is a number for all that arrives."""
    speed = float(np.sqrt(material.diffusion_constant / material.mean_time))
    found = {}
    for name in ("bottom", "top"):
        face = getattr(film, name)
        G = face.matrix[0, 0]
        plain = not face.absorbing and face.magnet is None and face.spin is None
        if plain and np.all(face.matrix == G * np.eye(3)):
            found[name] = (float(G), float(max(5.0 * speed, 3.0 * G)))
    return found


def _of_stack(stack: Stack, largest: float) -> Sliders:
    """Layers, each with its own."""
    longest = max(m.longest_time for m, _ in stack.layers)
    found: list[Extra] = []
    for number, (name, (material, size)) in enumerate(zip(stack.names, stack.layers, strict=True)):
        found += _of_layer(f"layers.{number}", name, material, size)
    return Sliders(
        field=largest,
        frequency=FREQUENCY / (2.0 * np.pi * longest),
        length=None,
        lengths=None,
        tied=True,
        angles=False,
        one=False,
        estimated=True,  # the local tensor alone, without the side edges
        extra=tuple(found),
    )


def _of_layer(at: str, name: str, material: Material, size: float) -> list[Extra]:
    """Thickness, L_m, tau and the angles of one layer."""
    found = []
    for key, title, value, unit, factor, reach in (
        ("thickness", "thickness", size, "nm", 1e-9, 3.0),
        ("diffusion_length", "L_m", material.diffusion_length, "nm", 1e-9, 3.0),
        ("relaxation_time", "τ", material.relaxation_time, "ps", 1e-12, 10.0),
    ):
        own = float(value) / factor
        ends = own / reach, reach * own, own
        found.append(Extra(f"{at}.{key}", f"{title} of {name}", *ends, unit, True, factor))
    for key, title in (("orbital_hall_angle", "α"), ("inverse_orbital_hall_angle", "α′")):
        angle = float(getattr(material, key))
        most = max(0.3, 2.0 * abs(angle))
        found.append(Extra(f"{at}.{key}", f"{title} of {name}", -most, most, angle))
    return found


def corners(material: Material, sliders: Sliders) -> list[Material]:
    """Materials at the ends of the sliders of a relaxation tensor, or of a spin."""
    changes: list[dict[str, Any]] = [{}]
    if sliders.lengths is not None:
        changes = [{"diffusion_length": length} for length in sliders.lengths]
    if any(e.path == "rates" for e in sliders.extra):
        rates = [{"relaxation_rate": factor * material.relaxation} for factor in (1 / RATES, RATES)]
        constant = {"diffusion_constant": material.diffusion_constant}
        changes = [{**rate, **constant} for rate in rates]
    spin = material.spin
    if spin is not None:
        times = spin.relaxation_time / RATES, RATES * spin.relaxation_time
        changes = [{**c, "spin.relaxation_time": tau} for c in changes for tau in times]
    return [retuned(material, change) for change in changes]
