"""The error bar of a film: its value is that of the measure, and the bar holds what is off."""

from __future__ import annotations

import numpy as np
import pytest

import ohmr_fem as of
from ohmr_fem.errors import InputError

PAIRS = {"current": ("left", "right"), "voltage": ("left", "top")}
FIELD = np.array([1.0, -0.7, 0.6]) * 1.1e-11  # T, phi about 1


def bar(order=1, **film):
    ends = {
        "left": lambda p: p[0] < 1e-9,
        "right": lambda p: p[0] > 2.0 - 1e-9,
        "top": lambda p: (p[1] > 1.0 - 1e-9) & (abs(p[0] - 1.0) < 0.1),
    }
    mesh = of.tensor_grid(np.linspace(0, 2, 4), np.linspace(0, 1, 3)).with_boundaries(ends)
    material = of.Material(
        resistivity=1.0,
        diffusion_length=1.0,
        relaxation_time=1.0,
        orbital_hall_angle=0.1,
        inverse_mass=1.0,
    )
    return of.Problem(mesh, material, list(ends), order=order, film=of.Film(0.7, **film))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("faces", [{}, {"bottom": 2.0, "top": 0.3}])
def test_the_bar_holds_what_is_off(faces):
    found = of.solve_to(bar(**faces), **PAIRS, field=FIELD, tolerance=0.1)
    measure = of.spectral_measure(found.problem, **PAIRS, fields=FIELD[None], tolerance=1e-6)
    assert found.value == pytest.approx(measure.delta_R(FIELD[None])[0], rel=1e-5)
    finer = of.Problem(
        found.mesh,
        found.problem.material,
        list(found.problem.contacts),
        order=4,
        film=found.problem.film,
    )
    exact = of.spectral_measure(finer, **PAIRS, fields=FIELD[None]).delta_R(FIELD[None])[0]
    assert abs(found.value - exact) < found.error
    assert found.error < 0.1 * abs(found.value) and len(found.history) > 1


def test_refusals(refuses):
    driven = bar(top=of.Edge("reflecting", source=0.1))
    with refuses(InputError, "sources"):
        of.solve_to(driven, **PAIRS)
    layers = of.Stack([(driven.material, 0.7)])
    stack = of.Problem(driven.mesh, None, ["left", "right", "top"], film=layers)
    with refuses(InputError, "Stack"):
        of.solve_to(stack, **PAIRS)
