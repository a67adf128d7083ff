"""Coefficients at points: numbers, cell arrays and functions agree; anything else is refused by
name.
"""

from __future__ import annotations

import numpy as np
import pytest

import ohmr_fem as of
from ohmr_fem.errors import InputError
from ohmr_fem.mesh.grids import tensor_grid
from ohmr_fem.solver.coefficients import evaluate
from ohmr_fem.units import ELECTRON_MASS, ELEMENTARY_CHARGE
from validation.case import simple_material

GRID = tensor_grid(np.linspace(0, 2, 5), np.linspace(0, 1, 3), cells="triangle").with_regions(
    {"west": lambda x: x[0] < 1, "east": lambda x: x[0] > 1}
)
X = np.array([[1.0, 0.3, 0.2], [0.3, 0.7, -0.1], [0.2, -0.1, 0.4]])


def constant(**changes):
    values = {
        "diffusion_length": None,
        "diffusion_constant": 0.5,
        "inverse_mass": X,
        "g_factor": 1.3,
    }
    return simple_material(**{**values, **changes})


def points(cells=None):
    cells = np.arange(GRID.n_cells) if cells is None else cells
    middle = GRID.mesh.p[:, GRID.mesh.t[:, cells]].mean(axis=1)
    return np.stack([middle, 0.7 * middle + 0.3 * GRID.mesh.p[:, GRID.mesh.t[0, cells]]], axis=2)


def test_numbers_per_region():
    prob = of.Problem(
        GRID,
        {
            "west": constant(relaxation_time=(1.0, 2.0, 4.0)),
            "east": constant(sheet_conductivity=3.0),
        },
    )
    c = evaluate(prob, points())
    west, east = (GRID.regions[n] for n in ("west", "east"))
    assert (
        np.all(c.sigma[west] == 1.0)
        and np.all(c.sigma[east] == 3.0)
        and c.sigma.shape == (GRID.n_cells, 2)
    )
    assert np.all(c.rate[:, west] == np.array([1.0, 0.5, 0.25])[:, None, None]) and np.all(
        c.rate[:, east] == 1.0
    )
    assert np.all(c.diffusion == 0.5) and np.all(c.alpha == 0.3) and np.all(c.alpha_inverse == 0.3)
    expected = 0.5 * 1.3 * ELEMENTARY_CHARGE / ELECTRON_MASS * X
    assert np.allclose(c.half_g_x, expected[:, :, None, None], rtol=1e-13)
    scales = c.scales()
    assert scales.diffusion == pytest.approx(0.5) and scales.conductivity == pytest.approx(2.0)
    assert scales.length == pytest.approx(np.sqrt(0.5 / np.mean([(1 + 0.5 + 0.25) / 3, 1.0])))
    assert scales.moment == pytest.approx(4.0)


def test_functions_and_arrays_stand_at_their_own_cells():
    members = GRID.regions["east"]
    value = 1.0 + GRID.mesh.p[0, GRID.mesh.t[:, members]].mean(axis=0)
    material = constant(
        sheet_conductivity=value,
        orbital_hall_angle=lambda x, y: x - 2 * y,
        inverse_orbital_hall_angle=0.2,
        diffusion_constant=lambda x, y: 1 + y**2,
        inverse_mass=lambda x, y: X[:, :, None, None] * (1 + x),
    )
    prob = of.Problem(GRID, {"west": constant(), "east": material})
    some = members[::-3]  # any order, not all
    p = points(some)
    c = evaluate(prob, p, some)
    assert np.allclose(c.sigma, value[np.searchsorted(members, some)][:, None])
    assert np.allclose(c.alpha, p[0] - 2 * p[1]) and np.allclose(c.alpha_inverse, 0.2)
    assert np.allclose(c.diffusion, 1 + p[1] ** 2)
    unit = 0.5 * 1.3 * ELEMENTARY_CHARGE / ELECTRON_MASS
    assert np.allclose(c.half_g_x / unit, X[:, :, None, None] * (1 + p[0]))


def test_detection_weights():
    prob = of.Problem(GRID, constant())
    c = evaluate(prob, points())
    assert [float(w.flat[0]) for w in c.detection(2, "printed")] == [0.0, 0.0, 1.0]
    assert [float(w.flat[0]) for w in c.detection(2, "reciprocal")] == pytest.approx(
        [0.5, -0.25, 1.0]
    )


def test_detection_of_a_tensor_that_vanishes_somewhere(refuses):
    prob = of.Problem(GRID, constant(inverse_mass=lambda x, y: np.diag([1.0, 1.0, 0.0])))
    with refuses(InputError, "reciprocal", "X_zz"):
        evaluate(prob, points()).detection(2, "reciprocal")


def test_a_turned_tensor_is_symmetric_to_round_off():
    def turned(x, y):
        c, s = np.cos(x), np.sin(x)
        zero = 0.0 * x
        R = np.array([[c, -s, zero], [s, c, zero], [zero, zero, 1 + zero]])
        return (
            np.einsum("ac...,cd,bd...->ab...", R, np.diag([1.0, 2.0, 3.0]), R)
            + np.array([[0, 0, 1e-14], [0, 0, 0], [0, 0, 0]])[:, :, None, None]
        )

    c = evaluate(of.Problem(GRID, constant(inverse_mass=turned)), points())
    assert np.array_equal(c.half_g_x, c.half_g_x.swapaxes(0, 1))


@pytest.mark.parametrize(
    "changes, fragments",
    [
        (
            {"sheet_conductivity": lambda x, y: np.ones(3)},
            ("sheet_conductivity", "'west'", "(3,)", "element by element"),
        ),
        ({"sheet_conductivity": lambda x, y: x[0]}, ("sheet_conductivity", "shape")),
        ({"sheet_conductivity": lambda x, y: -x}, ("sheet_conductivity", "positive", "minimum -")),
        ({"sheet_conductivity": lambda x, y: x * np.nan}, ("sheet_conductivity", "finite")),
        ({"sheet_conductivity": lambda x, y: "a"}, ("sheet_conductivity", "'west'")),
        ({"sheet_conductivity": lambda x, y: None}, ("sheet_conductivity",)),
        (
            {"sheet_conductivity": np.ones(5)},
            ("sheet_conductivity", "'west'", "5 values", "8 cells"),
        ),
        ({"diffusion_constant": lambda x, y: 0.0}, ("diffusion_constant", "positive")),
        ({"relaxation_time": lambda x, y: 0 * x}, ("relaxation_time", "positive")),
        ({"relaxation_time": np.ones(7)}, ("relaxation_time", "7 values", "8 cells")),
        ({"orbital_hall_angle": lambda x, y: np.inf}, ("orbital_hall_angle", "finite")),
        ({"inverse_mass": lambda x, y: np.eye(2)}, ("inverse_mass", "(2, 2)", "(3, 3)")),
        (
            {"inverse_mass": lambda x, y: np.array([[1, 1, 0], [0, 1, 0], [0, 0, 1.0]])},
            ("inverse_mass", "symmetric"),
        ),
        ({"inverse_mass": lambda x, y: np.nan * np.eye(3)}, ("inverse_mass", "finite")),
        ({"inverse_mass": lambda x, y: None}, ("inverse_mass", "'west'")),
    ],
)
def test_refuses(changes, fragments, refuses):
    prob = of.Problem(GRID, {"west": constant(**changes), "east": constant()})
    with refuses(InputError, *fragments):
        evaluate(prob, points())
