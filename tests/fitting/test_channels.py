"""Fits of a relaxation tensor, and of orbital and spin moment together."""

from __future__ import annotations

import numpy as np
import pytest

import ohmr_fem as of
from ohmr_fem.errors import InputError

FIELDS = np.concatenate([of.field_sweep(0, 12, 13, d) for d in ("x", "y", "z")])
pytestmark = pytest.mark.filterwarnings("ignore::ohmr_fem.PhysicsWarning")


def material(**changes):
    given = {
        "relaxation_time": "2 ps",
        "orbital_hall_angle": 0.05,
        "inverse_mass": 1.0,
        "diffusion_constant": "2 cm^2/s",
    }
    return of.Material(**{**given, **changes})


def spin(**changes):
    given = {"hall_angle": 0.03, "to_orbital": 3e11, "from_orbital": 1.2e11}
    return of.Spin("5 cm^2/s", "0.3 ps", **{**given, **changes})


def section(given):
    return of.Problem(of.cross_section("60 nm", cells=24), given)


def data(prob):
    values = of.hanle_curve(prob, FIELDS).rho_change
    sigma = np.full(len(values), 1e-3 * np.abs(values).max())
    return of.Measured(FIELDS, values, "ratio", sigma)


def test_a_ratio_of_rates_is_recovered():
    truth = section(material(relaxation_time=None, relaxation_rate=(5e11, 5e11, 9e11)))
    start = section(material(relaxation_time=None, relaxation_rate=(5e11, 5e11, 6e11)))
    found = of.fit(
        data(truth),
        start,
        parameters=["alpha", "relaxation_ratio"],
        background=[],
        intervals="fisher",
    )
    assert found.parameters["relaxation_ratio"].value == pytest.approx(1.8, rel=1e-4)
    assert found.parameters["alpha_product"].value == pytest.approx(0.0025, rel=1e-4)


def test_an_angle_and_a_conversion_are_recovered():
    truth = section(material(spin=spin()))
    start = section(material(spin=spin(hall_angle=0.02, inverse_hall_angle=0.03, to_orbital=2e11)))
    found = of.fit(
        data(truth),
        start,
        parameters=["spin.hall_angle", "spin.to_orbital"],
        background=[],
        intervals="fisher",
    )
    assert found.parameters["spin.hall_angle"].value == pytest.approx(0.03, rel=1e-3)
    assert found.parameters["spin.to_orbital"].value == pytest.approx(3e11, rel=1e-3)


def test_what_the_data_fix_of_two_channels():
    # with one torque and one length the two channels are one: only the sum of products counts
    twin = of.Spin("2 cm^2/s", "2 ps", 0.03, g_factor=1.0)
    same = section(material(spin=twin))
    told = of.identifiability(
        data(same), same, parameters=["alpha", "spin.hall_angle"], background=[]
    )
    assert told.free
    apart = section(material(spin=spin(to_orbital=0.0, from_orbital=0.0)))
    told = of.identifiability(
        data(apart), apart, parameters=["alpha", "spin.hall_angle"], background=[]
    )
    assert not told.free


def test_names_of_the_parameters(refuses):
    plain, both = section(material()), section(material(spin=spin()))
    with refuses(InputError, "'spin.hall_angle' cannot be fitted"):
        of.identifiability(data(plain), plain, parameters=["spin.hall_angle"])
    with refuses(InputError, "'spin.hall' cannot be fitted", "'spin.hall_angle'"):
        of.identifiability(data(plain), both, parameters=["spin.hall"])
    tensor = section(material(relaxation_time=None, relaxation_rate=(5e11, 5e11, 9e11)))
    with refuses(InputError, "'diffusion_length' cannot be fitted"):
        of.identifiability(data(plain), tensor, parameters=["L_m"])
