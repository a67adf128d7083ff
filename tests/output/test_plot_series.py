"""Figures of a fitted series, and what their axes say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import ohmr_fem as of
from ohmr_fem import analytic

pytestmark = pytest.mark.filterwarnings("ignore")
TAU, LENGTH, ALPHA = 2e-12, 3e-9, 1e-4
METAL = of.Material(
    resistivity=1e-6,
    relaxation_time=TAU,
    diffusion_length=LENGTH,
    orbital_hall_angle=ALPHA**0.5,
    inverse_mass=1.0,
)
FIELDS = of.field_sweep(-9, 9, 13, "x")


def effect(thickness, fields):
    """rho(B) of a film by its closed form."""
    omega = np.linalg.norm(np.atleast_2d(fields), axis=1) / METAL.field_scale
    f = [complex(analytic.strip_response(1.0 + 1j * w, thickness / LENGTH)).real for w in omega]
    return -ALPHA * np.array(f)


@pytest.fixture(scope="module")
def fit():
    samples = []
    for thickness in (5e-9, 12e-9, 30e-9):
        problem = of.Problem(of.cross_section(thickness, "z"), METAL)
        values = effect(thickness, FIELDS) - effect(thickness, [0, 0, 0])
        data = of.Measured(FIELDS, values, "ratio", 1e-7)
        samples.append(of.Sample(problem, data, f"{thickness:g}", background=("offset",)))
    return of.global_fit(samples, shared=["alpha", "L_m"], intervals="fisher")


def test_the_fit_is_a_curve_between_the_samples(fit, monkeypatch):
    """Through the dashes at the samples, and along the closed form between them."""
    monkeypatch.setattr("ohmr_fem.output.fitted_line.POINTS", 7)
    ax = of.plot_against(fit)
    ((x, y),) = [line.get_data() for line in ax.get_lines() if len(line.get_xdata()) > 3]
    unit = 1e-6
    exact = [np.ptp(effect(1e-9 * t, FIELDS)) / unit for t in x]
    assert "10^{-6}" in ax.get_ylabel() and (x[0], x[-1]) == pytest.approx((5.0, 30.0))
    assert np.allclose(y, exact, rtol=1e-3)
    labels = [t.get_text() for t in ax.get_legend().get_texts()]
    assert sorted(labels) == ["data", "fit"]


def test_samples_of_unlike_materials_have_no_curve(fit):
    first, *others = fit.samples.items()
    other = replace(METAL, relaxation_time=3e-12, diffusion_constant=None)
    mixed = dict(others) | {first[0]: replace(first[1], material=other)}
    ax = of.plot_against(replace(fit, samples=mixed))
    assert [line for line in ax.get_lines() if len(line.get_xdata()) > 3] == []


def test_profiles_say_what_their_lines_are_in_units_of_a_laboratory(fit):
    length = fit.parameters["diffusion_length"]
    near = length.value * np.array([0.9, 0.95, 1.0, 1.05, 1.1])
    alpha = fit.parameters["alpha_product"]
    open_end = np.array([1e-5, 5e-5, alpha.value, 1e-3, 1e-2])
    profiles = {
        "diffusion_length": (near, np.array([40.0, 10.0, 0.0, 10.0, 40.0])),
        "alpha_product": (open_end, np.array([3.0, 1.0, 0.0, 1.0, 3.0])),
    }
    first = of.plot_profiles(replace(fit, profiles=profiles))
    second = first.figure.axes[1]
    assert first.get_xlabel() == "L_m (nm)"
    low, high = first.get_xlim()
    assert 2.7 < low < 3.0 < high < 3.3  # no farther than the frame is high
    assert first.get_xscale() == "linear" and second.get_xscale() == "log"
    (legend,) = first.figure.legends
    told = [t.get_text() for t in legend.get_texts()]
    assert told[:2] == ["profile", "from the covariance"]


def test_axes_name_the_direction_of_the_field(fit):
    ax = of.plot_series(fit)
    assert "$B_x$ (T)" in [a.get_xlabel() for a in ax.figure.axes]
    tilted = of.Measured(of.field_sweep(0, 9, 5, (1, 0, 1)), np.arange(5.0), "ratio", 1.0)
    assert of.plot_data(tilted).get_xlabel() == "$B$ at 45° from x to z (T)"
    assert of.plot_data([tilted, of.Measured(FIELDS, FIELDS[:, 0], "ratio", 1.0)]).get_xlabel() == (
        "$B$ (T)"
    )
