"""Poles of devices of so few unknowns that the Krylov space ends: every one is the device's own."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import eigh

import ohmr_fem as of
from ohmr_fem.solver.system import system_of
from validation.case import simple_material

ENDS = {"current": ("left", "right"), "voltage": ("left", "right")}


@pytest.mark.parametrize("film", [None, of.Film(0.5)])
@pytest.mark.parametrize("count", [3, 4, 5])
def test_no_pole_is_round_off(count, film):
    """Where edges reflect, the uniform moment stays out of the space: also of its round-off."""
    x, y = np.linspace(0, 3, count + 2), np.linspace(0, 2, count)
    problem = of.Problem(
        of.tensor_grid(x, y), simple_material(), ["left", "right"], order=1, film=film
    )
    K, M, _ = system_of(problem, plane_of_film=film is not None).pencil
    exact = eigh(K.toarray(), M.toarray(), eigvals_only=True)
    rates = of.spectral_measure(problem, **ENDS, tolerance=1e-12).projection.rates
    assert len(rates) <= len(exact)
    apart = np.abs(rates[:, None] - exact).min(axis=1)
    assert apart.max() < 1e-9 * exact.max(), rates
