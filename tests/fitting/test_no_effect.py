"""Data and directions that carry no effect: the fit says so, in words and without numpy's."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import ohmr_fem as of
from ohmr_fem.errors import InputError, PhysicsWarning

B = np.linspace(-9, 9, 21)
NOISE = 1e-6 * np.random.default_rng(1).normal(size=len(B))
SCAN = np.radians(np.arange(0, 361, 45))
GUESS = of.Material(
    relaxation_time="2 ps",
    orbital_hall_angle=0.03,
    inverse_mass=1,
    diffusion_length="4 nm",
    resistivity="150 uohm cm",
)


@pytest.fixture(scope="module")
def section():
    return of.Problem(of.cross_section("12 nm", normal="z"), GUESS)


@pytest.fixture(scope="module")
def measure(section):
    return of.spectral_measure(section)


@pytest.fixture(autouse=True)
def _no_warning_of_numpy():
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        yield


def along(direction, values, sigma=None):
    return of.Measured(of.field_sweep(-9, 9, 21, direction), values, "ratio", sigma)


@pytest.mark.parametrize("value", [0.0, 1e-4])
def test_a_constant_without_sigma_is_refused(section, refuses, value):
    flat = along("x", np.full(21, value))
    with refuses(InputError, f"all 21 values are {value:g}", "give sigma"):
        of.fit(flat, section, ["alpha"])
    with refuses(InputError, "give sigma"):
        of.Sample(section, [along("x", NOISE), flat])


@pytest.mark.parametrize("value", [0.0, 1e-4])
def test_a_constant_with_sigma_bounds_the_effect(section, value):
    found = of.fit(along("x", np.full(21, value), 1e-6), section, ["alpha"])
    alpha = found.parameters["alpha_product"]
    assert abs(alpha.value) < 1e-9 and 0.0 < alpha.high < 1e-4 and not alpha.fixed
    assert "alpha alpha'" in str(found)


def test_calculated_data_without_sigma(section, measure):
    """Their noise is round-off; of the scan that came apart it was zero."""
    fields = 9 * np.column_stack([np.cos(SCAN), np.sin(SCAN), 0 * SCAN])
    for data in (
        of.Measured(fields, measure.rho(fields), "ratio"),
        along("x", measure.rho(of.field_sweep(-9, 9, 21))),
    ):
        found = of.fit(data, section, ["alpha"])
        assert found.parameters["alpha_product"].value == pytest.approx(9e-4, rel=1e-9)


def test_along_y_nothing_happens(section, measure):
    """The moment of the section lies along y, about which that field turns nothing."""
    assert np.ptp(measure.rho(of.field_sweep(-9, 9, 5, "y"))) == 0.0
    for sigma in (1e-6, None):
        with pytest.warns(PhysicsWarning, match="B along y has no effect.*x or z has one"):
            found = of.fit(along("y", NOISE, sigma), section, ["alpha", "tau"])
        assert "B along y has no effect" in str(found)
        assert "Hanle" not in str(found) and not found.identifiability.fixed
        assert np.all(np.isnan(found.correlation))
    with pytest.warns(PhysicsWarning, match="B along y"):
        known = of.identifiability(along("y", NOISE), section, ["alpha"])
    assert "Hanle" not in str(known)


def test_one_curve_along_y_beside_another(section, measure):
    x = along("x", measure.rho(of.field_sweep(-9, 9, 21)) + NOISE, 1e-6)
    with pytest.warns(PhysicsWarning, match="B along y has no effect") as caught:
        found = of.fit([x, along("y", NOISE, 1e-6)], section, ["alpha"])
    said = [str(w.message) for w in caught if "no effect" in str(w.message)]
    assert len(said) == 1 and found.parameters["alpha_product"].fixed


def test_a_negative_product_gets_a_word(section, measure):
    falls = along("x", -measure.rho(of.field_sweep(-9, 9, 21)) + NOISE, 1e-6)
    with pytest.warns(PhysicsWarning, match="is negative: the curve goes the other way"):
        found = of.fit(falls, section, ["alpha"])
    assert found.parameters["alpha_product"].high < 0.0
    # noise alone may have either sign, and a guess of two signs asks for one
    mixed = of.Problem(of.cross_section("12 nm", normal="z"), OPPOSITE)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", ".*is negative", PhysicsWarning)
        noise = NOISE * np.sign(NOISE @ (np.mean(B**2) - B**2))
        of.fit(along("x", noise, 1e-6), section, ["alpha"])
        of.fit(falls, mixed, ["alpha"])


OPPOSITE = of.Material(
    relaxation_time="2 ps",
    orbital_hall_angle=0.03,
    inverse_orbital_hall_angle=-0.03,
    inverse_mass=1,
    diffusion_length="4 nm",
    resistivity="150 uohm cm",
)
