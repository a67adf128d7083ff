"""Small devices, and one of each result, for the tests of silent wrong numbers."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from small_devices import MATERIAL

import ohmr_fem as of


def material(**changes: Any) -> of.Material:
    return of.Material(**{**MATERIAL, **changes})


@cache
def section() -> of.Problem:
    return of.Problem(of.cross_section(4e-7, cells=6), material())


@cache
def plane() -> of.Problem:
    lines = np.linspace(-6e-7, 6e-7, 9), np.linspace(-2e-7, 2e-7, 5)
    sides = {
        "left": lambda p: p[0] < -5.9e-7,
        "right": lambda p: p[0] > 5.9e-7,
        "top": lambda p: (p[1] > 1.9e-7) & (abs(p[0]) < 2e-7),
    }
    mesh = of.tensor_grid(*lines).with_boundaries(sides)
    carriers = material(mobility=0.1)
    return of.Problem(mesh, carriers, ["left", "right", "top"], order=2)


PAIR = {"current": ("left", "right"), "voltage": ("left", "top")}
B = [0.3, 0.1, 0.0]


@cache
def measure() -> of.SpectralMeasure:
    return of.spectral_measure(section(), fields=of.field_sweep(0, 2, 3), tolerance=1e-6)


@cache
def solution() -> of.Solution:
    return of.solve(plane(), B, {"left": 1e-6, "right": -1e-6})


@cache
def film_problem() -> of.Problem:
    """A film with one face that absorbs."""
    film = of.Film(2e-7, top=100.0)
    mesh = plane().mesh
    return of.Problem(mesh, material(), ["left", "right", "top"], order=2, film=film)


@cache
def film_measure() -> of.FilmMeasure:
    found = of.spectral_measure(film_problem(), **PAIR, fields=of.field_sweep(0, 2, 3))
    assert isinstance(found, of.FilmMeasure)
    return found
