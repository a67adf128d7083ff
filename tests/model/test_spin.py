"""Relaxation as a rate, and the spin channel of a material: what enters and what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import ohmr_fem as of
from ohmr_fem.errors import InputError
from ohmr_fem.model.channels import Channels
from ohmr_fem.model.material import parameter, retuned
from ohmr_fem.units import ELECTRON_MASS, ELEMENTARY_CHARGE

RATE = [[1e12, 1e11, 0.0], [1e11, 2e12, 0.0], [0.0, 0.0, 4e12]]


def material(**changes):
    given = {
        "sheet_conductivity": 1e-3,
        "relaxation_rate": RATE,
        "diffusion_constant": 1e-4,
        "orbital_hall_angle": 0.02,
        "inverse_mass": 1.5,
    }
    return of.Material(**{**given, **changes})


def spin(**changes):
    given = {"diffusion_constant": "2 cm^2/s", "relaxation_time": "1 ps", "hall_angle": 0.01}
    return of.Spin(**{**given, **changes})


def test_a_rate_without_off_diagonals_is_a_time():
    assert material(relaxation_rate="0.5 THz").relaxation_time == pytest.approx(2e-12)
    assert material(relaxation_rate=(1.0, 2.0, 4.0)).relaxation_time == (1.0, 0.5, 0.25)
    diagonal = material(relaxation_rate=np.diag([1.0, 2.0, 4.0]))
    assert diagonal.relaxation_time == (1.0, 0.5, 0.25) and diagonal.relaxation_rate is None
    assert diagonal.diffusion_length is None and not diagonal.uniform and diagonal.constant


def test_a_tensor_stays_one():
    m = material()
    assert m.relaxation_time is None and np.array_equal(m.relaxation_rate, RATE)
    assert m.constant and not m.uniform and not m.isotropic
    assert np.array_equal(m.relaxation, RATE)
    assert m.longest_time == pytest.approx(1.0 / np.linalg.eigvalsh(RATE)[0])
    assert m.mean_time == pytest.approx(3.0 / 7e12)
    assert "Gamma=" in repr(m) and "\n" not in repr(m)
    with pytest.raises(ValueError):
        m.relaxation_rate[0, 0] = 1.0


@pytest.mark.parametrize(
    "changes, fragments",
    [
        ({"relaxation_time": 1e-12}, ("exactly one of relaxation_time and relaxation_rate",)),
        ({"relaxation_rate": None}, ("exactly one of relaxation_time and relaxation_rate",)),
        ({"relaxation_rate": "2 ps"}, ("relaxation_rate", "wrong dimension")),
        ({"relaxation_rate": -1.0}, ("relaxation_rate", "positive definite")),
        ({"relaxation_rate": np.eye(2)}, ("relaxation_rate", "3 x 3", "(2, 2)")),
        ({"relaxation_rate": [[1, 2, 0], [2, 1, 0], [0, 0, 1]]}, ("positive definite", "-1 1/s")),
        ({"relaxation_rate": [[1, 1, 0], [0, 1, 0], [0, 0, 1]]}, ("must be symmetric",)),
        ({"diffusion_constant": None, "diffusion_length": 1e-9}, ("give diffusion_constant",)),
        ({"spin": 3.0}, ("spin must be a Spin", "3.0")),
        ({"spin": spin(cross_diffusion=1.0)}, ("positive eigenvalues", "D_L D_S")),
        ({"spin": spin(), "orbital_hall_angle": lambda x, y: x}, ("plain numbers", "regions")),
    ],
)
def test_refused(changes, fragments, refuses):
    with refuses(InputError, "Material" if "spin" in changes else "", *fragments):
        material(**changes)


@pytest.mark.parametrize(
    "changes, fragments",
    [
        ({"diffusion_constant": -1.0}, ("Spin", "diffusion_constant", "positive")),
        ({"relaxation_time": 0.0}, ("relaxation_time", "positive")),
        ({"hall_angle": "1 m"}, ("hall_angle", "wrong dimension")),
        ({"to_orbital": "1 s"}, ("to_orbital", "wrong dimension")),
        ({"cross_diffusion": (1.0, 2.0, 3.0)}, ("cross_diffusion", "(D_LS, D_SL)")),
    ],
)
def test_a_spin_refused(changes, fragments, refuses):
    with refuses(InputError, *fragments):
        spin(**changes)


def test_defaults_of_a_spin():
    s = spin(hall_angle="5 %")
    assert s.inverse_hall_angle == s.hall_angle == 0.05 and s.g_factor == 2.0
    assert s.diffusion_constant == pytest.approx(2e-4) and not s.converts
    assert spin(cross_diffusion="1 cm^2/s").cross_diffusion == (1e-4, 1e-4)
    assert spin(to_orbital=1.0).converts and "to_orbital=1" in repr(spin(to_orbital=1.0))


def test_matrices_of_the_channels():
    m = material(spin=spin(to_orbital=3e11, from_orbital=5e11, cross_diffusion=(1e-5, 2e-5)))
    c = Channels.of(m)
    assert np.array_equal(c.diffusion, [[1e-4, 1e-5], [2e-5, 2e-4]])
    assert np.array_equal(c.relaxation[:3, 3:], -3e11 * np.eye(3))  # from S into L
    assert np.array_equal(c.relaxation[3:, :3], -5e11 * np.eye(3))
    assert np.array_equal(c.relaxation[:3, :3], RATE)
    assert np.allclose(c.relaxation[3:, 3:], 1e12 * np.eye(3))
    larmor = ELEMENTARY_CHARGE / ELECTRON_MASS
    T = c.torque((0.0, 0.0, 2.0))
    assert T[3, 4] == pytest.approx(-2.0 * larmor) and T[4, 3] == pytest.approx(2.0 * larmor)
    assert np.allclose(T[:3, :3], m.torque((0.0, 0.0, 2.0))) and not np.any(T[:3, 3:])
    expected = np.array([0.02, 0.01]) @ c.diffusion
    assert np.allclose(c.reader(2, "printed", False)[[2, 5]], expected)


def test_parameters_by_name():
    m = material(spin=spin(to_orbital=3e11))
    assert parameter(m, "spin.to_orbital") == 3e11
    assert parameter(m, "relaxation_ratio") == 2.0
    changed = retuned(m, {"spin.to_orbital": 1e11, "relaxation_ratio": 0.5, "g_factor": 2.0})
    assert changed.spin.to_orbital == 1e11 and changed.relaxation_rate[2, 2] == 1e12
    assert changed.diffusion_constant == 1e-4 and changed.g_factor == 2.0
    one = retuned(m, {"tau": "1 ps"})
    assert one.relaxation_time == 1e-12 and one.relaxation_rate is None
    again = retuned(one, {"relaxation_rate": RATE})
    assert again.relaxation_time is None and again.diffusion_constant == 1e-4
    plain = replace(one, spin=None, diffusion_constant=None, diffusion_length=1e-8)
    split = retuned(plain, {"relaxation_ratio": 2.0})
    assert split.relaxation_time == pytest.approx((1e-12, 1e-12, 0.5e-12))
    assert split.diffusion_constant == pytest.approx(1e-4)


def test_problems_with_a_spin(refuses):
    mesh = of.rectangle(2.0, 1.0)
    m = material(spin=spin())
    named = ("left", "right")
    with refuses(InputError, "ordinary Hall effect"):
        moving = replace(m, mobility=1.0)
        of.Problem(mesh, moving, named, ordinary_hall=True)
    two = of.rectangle(2.0, 1.0).with_regions({"a": lambda p: p[0] < 0, "b": lambda p: p[0] > 0})
    with refuses(InputError, "all regions or to none"):
        of.Problem(two, {"a": m, "b": material()}, named)
