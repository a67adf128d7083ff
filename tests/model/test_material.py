"""Materials: what enters, the torque of Eq. (2), and what is refused."""

from __future__ import annotations

import itertools

import numpy as np
import pint
import pytest

from ohmr_fem import Material
from ohmr_fem.errors import InputError
from ohmr_fem.model.material import (
    cross_matrix,
    inverse_mass_tensor,
    parameter,
    precession_squared,
    retuned,
)
from ohmr_fem.units import BOHR_MAGNETON, ELECTRON_MASS, ELEMENTARY_CHARGE

X = np.array([[1.0, 0.3, 0.2], [0.3, 0.7, -0.1], [0.2, -0.1, 0.4]])
B = np.array([1.1, -0.6, 0.8])


def material(**changes):
    values = {
        "sheet_conductivity": "1 mS",
        "diffusion_length": "2 nm",
        "relaxation_time": "2 ps",
        "orbital_hall_angle": 0.016,
        "inverse_mass": X,
    }
    return Material(**{**values, **changes})


def levi_civita():
    eps = np.zeros((3, 3, 3))
    for p in itertools.permutations(range(3)):
        eps[p] = np.linalg.det(np.eye(3)[list(p)])
    return eps


# -- what enters


def test_values_become_si():
    m = material()
    assert m.sheet_conductivity == pytest.approx(1e-3) and m.relaxation_time == pytest.approx(2e-12)
    assert m.diffusion_length == pytest.approx(2e-9)
    assert m.diffusion_constant == pytest.approx(4e-18 / 2e-12)  # L_m^2 = D tau
    assert m.inverse_orbital_hall_angle == m.orbital_hall_angle == 0.016
    assert m.g_factor == 1.0 and m.moment_per_carrier == BOHR_MAGNETON
    assert material(
        diffusion_length=None, diffusion_constant="2e-6 m^2/s"
    ).diffusion_length == pytest.approx(2e-9)
    assert material(inverse_orbital_hall_angle=-0.01).inverse_orbital_hall_angle == -0.01
    quantity = pint.UnitRegistry().Quantity(2.0, "ps")
    assert material(relaxation_time=quantity).relaxation_time == pytest.approx(2e-12)


@pytest.mark.parametrize(
    "given, expected",
    [
        (2.0, 2.0 * np.eye(3)),
        ((1.0, 2.0, 3.0), np.diag([1.0, 2.0, 3.0])),
        (X.tolist(), X),
        (0, np.zeros((3, 3))),
        (np.diag([1.0, 1.0, -0.5]), np.diag([1.0, 1.0, -0.5])),
    ],
)
def test_inverse_mass_is_in_units_of_the_electron_mass(given, expected):
    assert np.allclose(inverse_mass_tensor(given), expected / 9.1093837e-31, rtol=1e-7)
    assert np.allclose(material(inverse_mass=given).X, expected / 9.1093837e-31, rtol=1e-7)
    assert np.allclose(material(inverse_mass=given).inverse_mass, expected, rtol=1e-12)


def test_round_off_asymmetry_is_symmetrised():
    tensor = X.copy()
    tensor[0, 1] += 1e-11
    assert np.array_equal(material(inverse_mass=tensor).X, material(inverse_mass=tensor).X.T)


def test_per_component_per_cell_and_callable():
    m = material(
        relaxation_time=("1 ps", 2e-12, "3 ps"), diffusion_length=None, diffusion_constant=1.0
    )
    assert (
        m.relaxation_time == pytest.approx((1e-12, 2e-12, 3e-12))
        and m.diffusion_length is None
        and not m.uniform
    )
    cells = material(sheet_conductivity=[1.0, 2.0])
    assert isinstance(cells.sheet_conductivity, np.ndarray) and not cells.uniform
    assert (
        not material(orbital_hall_angle=lambda x, y: x).uniform
        and not material(inverse_mass=lambda x, y: X).uniform
    )
    assert material().uniform


@pytest.mark.parametrize(
    "changes, fragments",
    [
        (
            {"sheet_conductivity": "1 m"},
            ("sheet_conductivity", "'1 m'", "wrong dimension", "expected S"),
        ),
        ({"sheet_conductivity": -1.0}, ("sheet_conductivity", "positive", "-1.0")),
        ({"sheet_conductivity": 0}, ("sheet_conductivity", "positive")),
        ({"relaxation_time": "-2 ps"}, ("relaxation_time", "positive", "'-2 ps'")),
        ({"relaxation_time": "2 nm"}, ("relaxation_time", "wrong dimension", "expected s")),
        ({"relaxation_time": (1e-12, -1e-12, 1e-12)}, ("relaxation_time[y]", "positive", "-1e-12")),
        ({"relaxation_time": ["1 ps", "2 ps"]}, ("relaxation_time", "'1 ps'")),
        ({"relaxation_time": None}, ("relaxation_time", "None")),
        ({"relaxation_time": float("nan")}, ("relaxation_time", "finite")),
        ({"diffusion_length": -1e-9}, ("diffusion_length", "positive")),
        (
            {"diffusion_length": None, "diffusion_constant": "-1 m^2/s"},
            ("diffusion_constant", "positive", "'-1 m^2/s'"),
        ),
        (
            {"diffusion_length": None, "diffusion_constant": "1 m"},
            ("diffusion_constant", "wrong dimension", "m**2/s"),
        ),
        ({"diffusion_length": None}, ("exactly one", "diffusion_length", "diffusion_constant")),
        ({"diffusion_constant": 1.0}, ("exactly one",)),
        (
            {"relaxation_time": (1e-12, 2e-12, 3e-12)},
            ("diffusion_length", "give diffusion_constant instead"),
        ),
        ({"diffusion_length": lambda x, y: x}, ("give diffusion_constant instead",)),
        ({"orbital_hall_angle": "0.1 m"}, ("orbital_hall_angle", "wrong dimension")),
        ({"orbital_hall_angle": float("inf")}, ("orbital_hall_angle", "finite")),
        ({"inverse_orbital_hall_angle": "x"}, ("inverse_orbital_hall_angle", "'x'")),
        ({"sheet_conductivity": [1.0, -2.0]}, ("sheet_conductivity", "positive", "(2,)", "-2")),
        ({"sheet_conductivity": [[1.0], [2.0]]}, ("sheet_conductivity", "(2, 1)")),
        ({"orbital_hall_angle": [0.1, np.nan]}, ("orbital_hall_angle", "finite")),
        ({"g_factor": "big"}, ("g_factor", "'big'")),
        ({"moment_per_carrier": "1 T"}, ("moment_per_carrier", "wrong dimension", "J/T")),
        (
            {"inverse_mass": [[1, 0.2, 0], [0.1, 1, 0], [0, 0, 1]]},
            ("symmetric", "0.1 /m_e", "(X + X.T)/2"),
        ),
        ({"inverse_mass": np.full((3, 3), np.nan)}, ("inverse_mass", "finite")),
        ({"inverse_mass": (1, 2)}, ("one number, three", "(2,)")),
        ({"inverse_mass": "0.04 m_e"}, ("1/m_e", "0.04 m_e")),
        ({"inverse_mass": None}, ("inverse_mass", "None")),
    ],
)
def test_refuses(changes, fragments, refuses):
    with refuses(InputError, *fragments):
        material(**changes)


# -- Eq. (2)


def test_cross_matrix():
    v = np.array([0.3, -1.0, 2.0])
    assert np.allclose(cross_matrix(B) @ v, np.cross(B, v))
    assert np.allclose(cross_matrix(np.array([B, -B])) @ v, [np.cross(B, v), -np.cross(B, v)])


@pytest.mark.parametrize("g", [1.0, -2.3])
def test_torque_is_equation_2(g):
    expected = (
        0.5 * g * ELEMENTARY_CHARGE * np.einsum("abc,b,cd->ad", levi_civita(), B, X / ELECTRON_MASS)
    )
    m = material(g_factor=g)
    assert np.allclose(m.torque(B), expected, rtol=1e-13, atol=0)
    assert np.allclose(m.torque([B, 2 * B]), [expected, 2 * expected], rtol=1e-13, atol=0)


@pytest.mark.parametrize("tensor", [X, np.diag([1.0, 1.0, -0.6]), np.diag([1.0, 0.0, 0.0])])
def test_precession_squared_is_b_adj_x_b_and_the_eigenvalues(tensor):
    m = material(inverse_mass=tensor, g_factor=1.7)
    cofactors = np.array(
        [
            [
                np.linalg.det(np.delete(np.delete(tensor, i, 0), j, 1)) * (-1) ** (i + j)
                for j in range(3)
            ]
            for i in range(3)
        ]
    )
    unit = (0.5 * 1.7 * ELEMENTARY_CHARGE / ELECTRON_MASS * 2e-12) ** 2
    assert precession_squared(m, B) == pytest.approx(
        unit * B @ cofactors @ B, rel=1e-12, abs=1e-14 * unit
    )
    values = np.linalg.eigvals(m.torque(B) * 2e-12)
    assert np.sort(-(values**2).real)[-1] == pytest.approx(
        max(float(precession_squared(m, B)), 0.0), rel=1e-9, abs=1e-9
    )
    assert precession_squared(m, [B, B]).shape == (2,)


def test_detection_row():
    assert np.array_equal(material().detection_row(2, "printed"), [0, 0, 1])
    assert np.allclose(material().detection_row(2, "reciprocal"), X[2] / 0.4)
    # one divisor for what faces and edges read (theory, section 9)
    assert np.allclose(material().detection_row(1, "reciprocal"), X[1] / 0.85)
    assert np.allclose(material().detection_row(2, "reciprocal", averaged=True), X[2] / 0.85)


def test_field_scale_is_one_radian_per_tau():
    m = material(inverse_mass=(1.0, 0.5, 0.25), g_factor=-2.0)
    assert 0.5 * 2 * ELEMENTARY_CHARGE * m.field_scale / ELECTRON_MASS * 2e-12 == pytest.approx(
        1.0, rel=1e-12
    )
    assert material(inverse_mass=0).field_scale == float("inf") and material(
        g_factor=0
    ).field_scale == float("inf")


# -- parameters


def test_retuned_keeps_the_diffusion_length():
    m = retuned(material(), {"tau": "4 ps"})
    assert m.relaxation_time == pytest.approx(4e-12) and m.diffusion_length == pytest.approx(2e-9)
    assert m.diffusion_constant == pytest.approx(1e-6)
    m = retuned(material(), {"diffusion_constant": 8e-6})
    assert m.diffusion_length == pytest.approx(4e-9)
    assert retuned(material(), {"diffusion_length": "3 nm"}).diffusion_length == pytest.approx(3e-9)
    assert retuned(material(), {"orbital_hall_angle": 0.5}).inverse_orbital_hall_angle == 0.016
    diagonal = material(inverse_mass=(1.0, 2.0, 3.0))
    assert retuned(diagonal, {"theta": 0.25}).inverse_mass[2, 2] == pytest.approx(0.5)
    assert np.allclose(retuned(material(), {}).X, material().X)


def test_parameter():
    diagonal = material(inverse_mass=(1.0, 2.0, 3.0))
    assert parameter(diagonal, "theta") == pytest.approx(1.5) and parameter(
        diagonal, "tau"
    ) == pytest.approx(2e-12)
    assert parameter(diagonal, "g_factor") == 1.0


def test_unknown_parameters(refuses):
    with refuses(InputError, "'taux'", "did you mean 'tau'?"):
        retuned(material(), {"taux": 1.0})
    with refuses(InputError, "theta", "X_zx = X_zy = 0", "inverse_mass"):
        retuned(material(), {"theta": 1.0})
    with refuses(InputError, "'thete'", "did you mean 'theta'?"):
        parameter(material(), "thete")
    with refuses(InputError, "'name'"):
        parameter(material(), "name")
    with refuses(InputError, "theta", "X_yy"):
        parameter(material(inverse_mass=(1.0, 0.0, 1.0)), "theta")


def test_repr_tells_a_physicist():
    text = repr(material(name="Mn"))
    assert "Mn: sigma=1 mS, tau=2 ps, L_m=2 nm" in text and "/m_e" in text and "\n" not in text
    assert "f(x, y)" in repr(
        material(orbital_hall_angle=lambda x, y: x, sheet_conductivity=[1.0, 2.0])
    )
