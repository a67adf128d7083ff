"""Fits of nonlocal valves: polarisations of contacts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import ohmr_fem as of
from ohmr_fem.analytic.valve import valve
from validation.case import simple_material

pytestmark = pytest.mark.filterwarnings("ignore::ohmr_fem.errors.PhysicsWarning")

PAIRS = {"current": ("source", "left"), "voltage": ("detector", "right")}
TESLA = 2 * 9.1093837139e-31 / 1.602176634e-19
FIELDS = np.outer(np.linspace(-6.0, 6.0, 81), [0, 0, TESLA])
TRUE = {"p": 0.3, "L_m": 1.2, "tau": 1.3}


def problem(p1=0.2, p2=0.1):
    mesh = of.channel(60.0, 0.5, {"source": -1.0, "detector": 1.0})
    contacts = {
        "left": of.Contact(),
        "right": of.Contact(),
        "source": of.Contact(polarisation=(0, p1, 0)),
        "detector": of.Contact(polarisation=(0, p2, 0)),
    }
    return of.Problem(mesh, simple_material(orbital_hall_angle=0.0), contacts)


@pytest.fixture(scope="module")
def data():
    """The closed form of the strip with p_1 = 0.3 and p_2 = 0.15, and noise."""
    rng = np.random.default_rng(3)
    x = 2.0 / TRUE["L_m"]
    phi = FIELDS[:, 2] / TESLA * TRUE["tau"]
    turning = np.array([[0, -1, 0], [1, 0, 0], [0, 0, 0]])
    unit = TRUE["L_m"] / 0.5
    p = (0, TRUE["p"], 0), (0, TRUE["p"] / 2, 0)
    clean = np.array([unit * valve(x, f * turning, *p) for f in phi])
    noise = 1e-4 * np.abs(clean).max()
    values = clean + noise * rng.normal(size=len(clean))
    return of.Measured(fields=FIELDS, values=values, quantity="R", sigma=noise, **PAIRS)


def test_a_valve_gives_its_polarisation(data):
    found = of.fit(data, problem(), ("polarisation", "L_m", "tau"), background=())
    values = {name: e.value for name, e in found.parameters.items()}
    assert values["polarisation"] == pytest.approx(TRUE["p"], rel=2e-3)
    assert values["diffusion_length"] == pytest.approx(TRUE["L_m"], rel=2e-3)
    assert values["relaxation_time"] == pytest.approx(TRUE["tau"], rel=2e-3)
    assert found.strip is None


def test_one_valve_fixes_a_product_only(data):
    names = ("polarisation.source", "polarisation.detector", "tau")
    known = of.identifiability(data, problem(), names, background=())
    assert len(known.free) == 2
    one = of.fit(data, problem(0.3), ("polarisation.detector", "L_m", "tau"), background=())
    assert one.parameters["polarisation.detector"].value == pytest.approx(0.15, rel=2e-3)
    assert one.parameters["polarisation.detector"].symbol == "p(detector)"


def test_more_than_one_moment_a_carrier_is_said(data):
    strong = replace(data, values=60.0 * data.values, sigma=60.0 * data.sigma)
    with pytest.warns(of.PhysicsWarning, match="above 1"):
        of.fit(strong, problem(), ("polarisation", "L_m", "tau"), background=())


@pytest.mark.parametrize(
    "names, said",
    [
        (["alpha", "tau"], "not as a product"),
        (["polarisation.nobody"], "cannot be fitted"),
    ],
)
def test_what_cannot_be_fitted(data, names, said):
    with pytest.raises(of.InputError, match=said):
        of.fit(data, problem(), names)
    bare = replace(problem(), contacts=["left", "right", "source", "detector"])
    with pytest.raises(of.InputError, match="polarised contacts"):  # nothing drives a bare channel
        of.fit(data, bare, ["polarisation"])
    with pytest.raises(of.InputError, match="polarised contacts"):
        of.design(data, problem(), ["polarisation", "tau"])


def test_sensitivity_and_scaling_by_contact():
    measure = of.spectral_measure(problem(), **PAIRS)
    fields = FIELDS[::20]
    doubled = measure.at(**{"polarisation.source": 0.4}).delta_R(fields)
    assert doubled == pytest.approx(2 * measure.delta_R(fields), rel=1e-12)
    both = measure.at(polarisation={"source": 0.4, "detector": 0.3}).delta_R(fields)
    assert both == pytest.approx(6 * measure.delta_R(fields), rel=1e-12)
    slope = measure.sensitivity("polarisation.detector", fields)
    assert slope == pytest.approx(measure.delta_R(fields) / 0.1, rel=1e-8)
