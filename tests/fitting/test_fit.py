"""Fits on small devices: the truth comes back, what cannot be known is said, bad input is
refused.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import replace

import numpy as np
import pytest

import ohmr_fem as of
from ohmr_fem import analytic
from ohmr_fem.errors import InputError
from ohmr_fem.fitting import search
from ohmr_fem.fitting.curve import Curve
from ohmr_fem.fitting.data import Measured
from ohmr_fem.fitting.design import Candidate, design
from ohmr_fem.fitting.fit import fit, identifiability
from ohmr_fem.fitting.model import Model
from ohmr_fem.fitting.parameters import read_parameters, value_of
from ohmr_fem.sweep.spectral import spectral_measure, spectral_measures
from validation.case import simple_material

pytest.importorskip("lmfit")
PAIRS = {"current": ("left", "right"), "voltage": ("t1", "t2")}
LENGTH = 1.0 / 3.0
TRUE = {"inverse_mass": [1.0, 1.0, 0.25], "diffusion_length": LENGTH}
TILTED = (1.0, 0.0, 1.0)


@pytest.fixture(scope="module")
def device(bar):
    """The bar of the tests, W/L_m = 6 and theta = 0.25, and a start that is off."""
    prob = bar(simple_material(**TRUE), order=3, step=0.125)
    off = simple_material(
        inverse_mass=[1.0, 1.0, 0.4],
        orbital_hall_angle=0.36,
        relaxation_time=0.7,
        diffusion_length=0.8 * LENGTH,
    )
    return prob, replace(prob, materials=off)


def curves(prob, directions=("x", TILTED), noise=1e-3, seed=1, points=41, quantity="R", phi=3.0):
    measure = spectral_measure(prob, **PAIRS)
    rng, out = np.random.default_rng(seed), []
    top = phi * prob.material.field_scale / 0.5
    for d in directions:
        B = of.field_sweep(-top, top, points, d)
        change = measure.hanle(B)
        sigma = noise * np.abs(change).max()
        values = {
            "R": measure.R_ohmic + measure.delta_R(B),
            "hanle": change,
            "ratio": change / measure.R_ohmic,
        }[quantity]
        sigma = sigma / measure.R_ohmic if quantity == "ratio" else sigma
        out.append(
            Measured(B, values + sigma * rng.standard_normal(points), quantity, sigma, **PAIRS)
        )
    return out


def quiet(*args, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return fit(*args, **options)


TRUTH = {"alpha_product": 0.09, "diffusion_length": LENGTH, "relaxation_time": 1.0, "theta": 0.25}


@pytest.mark.parametrize("names", [("alpha", "tau", "thickness"), ("alpha", "L_m", "rho")])
def test_films_are_fitted_with_their_thickness(bar, names):
    """R(B) of a film without noise: thickness or resistivity through R, all else through R(B)."""
    given = {"sheet_conductivity": None, "diffusion_length": LENGTH}
    prob = bar(simple_material(resistivity=1.0, **given), film=of.Film(0.5))
    data = curves(prob, noise=1e-6, points=9)
    given |= {"orbital_hall_angle": 0.36, "resistivity": 1.2 if "rho" in names else 1.0}
    if "tau" in names:
        off = simple_material(**given | {"relaxation_time": 0.8})
    else:
        off = simple_material(**given | {"diffusion_length": 0.28})
    start = replace(prob, materials=off, film=of.Film(0.52 if "thickness" in names else 0.5))
    found = quiet(data, start, names, background=("linear",), intervals="fisher")
    truth = TRUTH | {"thickness": 0.5, "resistivity": 1.0}
    for name, estimate in found.parameters.items():
        assert estimate.value == pytest.approx(truth[name], rel=1e-4), name
    assert found.strip is None


@pytest.mark.parametrize(("noise", "exact"), [(1e-3, False), (1e-9, True)])
def test_films_are_searched_with_few_poles(bar, monkeypatch, noise, exact):
    """What is given comes from all of them, and so does the search where the data could tell."""
    prob = bar(
        simple_material(resistivity=1.0, sheet_conductivity=None, diffusion_length=LENGTH),
        film=of.Film(0.5),
    )
    data = curves(prob, directions=("x",), noise=noise, points=9, quantity="hanle")
    poles, told, minimise = [], [], search.minimise

    def watched(task, model, *more):
        poles.append(len(model.curves[0].measure.projection.rates))
        return minimise(task, model, *more)

    monkeypatch.setattr(search, "minimise", watched)
    found = quiet(data, prob, ["alpha"], progress=lambda *step: told.append(step))
    (measure,) = found.measures
    whole = len(measure.projection.rates)
    assert poles[0] < 0.6 * whole and poles[1:] == [whole] * exact
    alpha = found.parameters["alpha_product"].value
    assert alpha == pytest.approx(TRUTH["alpha_product"], rel=10 * noise)
    change = measure.hanle(data[0].fields) * alpha / TRUTH["alpha_product"]
    (curve,) = found.curves
    assert np.allclose(curve.model - curve.background, change, rtol=1e-12, atol=0.0)
    assert told[:2] == [("measures", 0, 1), ("measures", 1, 1)]
    assert told[-1] == ("profiles", 1, 1)


def test_parameters_of_films_and_planes(device):
    _, start = device
    film = replace(start, film=of.Film(0.5))
    data = [Measured(of.field_sweep(-1, 1, 9, "x"), np.arange(9.0), "R", 1.0, **PAIRS)]
    with pytest.raises(InputError, match="thickness is a parameter of a film"):
        fit(data, start, ("thickness",))
    with pytest.raises(InputError, match="fit resistivity"):
        fit(data, film, ("sigma",))


@pytest.mark.parametrize("quantity", ["R", "hanle", "ratio"])
def test_the_truth_comes_back_without_noise(device, quantity):
    true, start = device
    found = quiet(
        curves(true, quantity=quantity, noise=1e-9), start, intervals="fisher", strip=False
    )
    for name, value in TRUTH.items():
        assert found.parameters[name].value == pytest.approx(value, rel=1e-5), name


def test_intervals_hold_the_truth_and_are_no_wider_than_needed(device):
    true, start = device
    found = quiet(curves(true), start, strip=False)
    for name, value in TRUTH.items():
        e = found.parameters[name]
        assert e.low < value < e.high and e.fixed
        assert (e.high - e.low) / (2 * 1.96) == pytest.approx(e.error, rel=0.25)
    assert 0.5 < found.reduced_chi2 < 1.6
    assert (
        found.degrees == 2 * 41 - 2 - 4 and found.correlation[0, 1] < -0.9
    )  # a shorter L_m asks for a larger product
    assert np.allclose(np.diag(found.correlation), 1.0) and np.all(
        np.linalg.eigvalsh(found.correlation) > 0
    )
    notebook = found._repr_html_()
    assert "<b>Fit</b>" in notebook and f"{found.parameters['theta'].value:.5g}" in notebook
    assert len(notebook) < 5000 and not re.search("(src|href)=|http", notebook)
    told = replace(found, warnings=("<script>",))._repr_html_()
    assert "<script>" not in told and "&lt;script&gt;" in told
    other = quiet(curves(true), start, strip=False, confidence=0.6827).parameters["theta"]
    assert (other.high - other.low) / 2 == pytest.approx(other.error, rel=0.05)


def test_a_start_far_off(device):
    """Six times too long an L_m, four times too short a tau: the range of the measure moves
    along.
    """
    true, _ = device
    far = simple_material(
        inverse_mass=[1.0, 1.0, 2.0], diffusion_length=6.0 * LENGTH, relaxation_time=0.25
    )
    found = quiet(curves(true), replace(true, materials=far), intervals="fisher", strip=False)
    for name, value in TRUTH.items():
        e = found.parameters[name]
        assert abs(e.value - value) < 4.0 * e.error, name
    assert not [w for w in found.warnings if "outside the range" in w]


def test_noise_that_is_not_given_is_estimated(device):
    true, _ = device
    data = curves(true, noise=1e-2, points=12)
    given, guessed = (
        quiet(d, true, ["alpha"], strip=False)
        for d in (data, [replace(c, sigma=None) for c in data])
    )
    for c, d in zip(guessed.curves, data, strict=True):
        rest = c.data.values - c.model
        assert c.noise == pytest.approx(np.sqrt(np.sum(rest**2) / (12 - 1 - 0.5)), rel=1e-2)
        assert 0.4 < c.noise[0] / d.sigma[0] < 1.6
    wide, a = guessed.parameters["alpha_product"], given.parameters["alpha_product"]
    assert guessed.noise_estimated and not given.noise_estimated and guessed.degrees == 21
    assert (wide.high - wide.low) / (2 * wide.error) == pytest.approx(
        2.0796, rel=0.02
    )  # Student, 21 degrees
    assert (a.high - a.low) / (2 * a.error) == pytest.approx(1.96, rel=0.02)


@pytest.mark.parametrize(
    ("changes", "name", "value"),
    [
        ({"inverse_orbital_hall_angle": -0.3}, "alpha_product", -0.09),
        ({"inverse_mass": [1.0, 1.0, -0.002]}, "theta", -0.002),
    ],
)
def test_signs_stay_those_of_the_start(device, changes, name, value):
    """alpha' against alpha, and theta < 0, where growth replaces precession and too strong a field
    has no steady state.
    """
    true, start = (
        replace(p, materials=simple_material(**{**TRUE, **changes, **more}))
        for p, more in zip(
            device, ({}, {"relaxation_time": 0.8, "diffusion_length": 0.9 * LENGTH}), strict=True
        )
    )
    limit = 1.0 / np.sqrt(0.002) if name == "theta" else 5.0
    B = true.material.field_scale * np.linspace(0, 0.9 * limit, 40)[:, None] * [1.0, 0.0, 0.0]
    change = spectral_measure(true, **PAIRS, fields=B).hanle(B)
    found = quiet(
        Measured(B, change, "R", 1e-4 * np.ptp(change), **PAIRS),
        start,
        ["alpha", "L_m", "tau"],
        intervals="fisher",
        strip=False,
    )
    for key, expected in {
        "alpha_product": np.prod(
            [true.material.orbital_hall_angle, true.material.inverse_orbital_hall_angle]
        ),
        "diffusion_length": LENGTH,
        "relaxation_time": 1.0,
    }.items():
        assert found.parameters[key].value == pytest.approx(expected, rel=1e-3), key
    assert value_of(found.material, name) == pytest.approx(value, rel=1e-3)


def test_there_is_no_model_where_there_is_no_steady_state(device):
    """theta = -0.002 along x: growth sqrt(0.002) Omega tau must stay below 1, so a lifetime twice
    as long does not exist.
    """
    true = replace(
        device[0], materials=simple_material(**{**TRUE, "inverse_mass": [1.0, 1.0, -0.002]})
    )
    B = (
        true.material.field_scale
        * np.linspace(0, 0.7 / np.sqrt(0.002), 9)[:, None]
        * [1.0, 0.0, 0.0]
    )
    data = Measured(B, np.linspace(0, 1, 9), "hanle", 1.0, **PAIRS)
    curve = Curve.of(data, spectral_measure(true, **PAIRS, fields=B), ["offset"])
    model = Model(read_parameters(["tau"], true.material), (curve,), (data.values,), (data.sigma,))
    assert np.abs(model.residual(np.array([0.3]))).max() < 1.0 and np.all(
        model.residual(np.array([0.7])) == 1e6
    )


def test_an_interval_reaches_into_the_valley_of_short_diffusion_lengths():
    """For this set of data a valley at L_m -> 0 is as deep as the one at the truth."""
    from validation import fit_recovery

    found = quiet(
        fit_recovery.noisy(fit_recovery.clean(6.0, 3.0, False), 193),
        fit_recovery.measures(),
        strip=False,
    )
    theta, length = found.parameters["theta"], found.parameters["diffusion_length"]
    assert theta.low < 0.25 < theta.high and length.low == 0.0 and length.high > 1e-6 / 6.0


def test_the_profile_is_the_parabola_of_a_linear_problem():
    from ohmr_fem.fitting.profile import Valley, interval

    rng = np.random.default_rng(0)
    A, y = rng.normal(size=(30, 3)), rng.normal(size=30)
    u = np.linalg.lstsq(A, y, rcond=None)[0]
    valley = Valley.at(lambda x: y - A @ x, lambda x, free=slice(None): -A[:, free], u, np.zeros(3))
    for i, error in enumerate(np.sqrt(np.diag(np.linalg.inv(A.T @ A)))):
        low, high, _ = interval(valley, i, 3.84)
        assert (u[i] - low, high - u[i]) == pytest.approx([np.sqrt(3.84) * error] * 2, rel=0.03)


def test_the_interval_spans_all_valleys():
    """chi^2 = 9 (y^2 - 1)^2 + x^2 (3 - 2 y)^2 + 0.01 (y + 1)^2: narrow at y = -1, wide and 0.04
    higher at y = 1.
    """
    from ohmr_fem.fitting.profile import Valley, interval, widest

    def residual(u):
        x, y = u
        return np.array([3 * (y**2 - 1), x * (3 - 2 * y), 0.1 * (y + 1)])

    def jacobian(u, free=slice(None)):
        x, y = u
        return np.array([[0, 6 * y], [3 - 2 * y, -2 * x], [0, 0.1]])[:, free]

    deep = Valley.at(residual, jacobian, np.array([0.0, -1.0]), np.zeros(2))
    other = Valley.at(residual, jacobian, np.array([0.0, 1.0]), np.zeros(2), deep.lowest)
    assert interval(deep, 0, 1.0)[:2] == pytest.approx((-0.2, 0.2), rel=0.03)
    y = np.linspace(-1.5, 1.5, 4001)[None, :]
    x = np.linspace(-1.5, 1.5, 3001)[:, None]
    inside = x[
        np.min(9 * (y**2 - 1) ** 2 + x**2 * (3 - 2 * y) ** 2 + 0.01 * (y + 1) ** 2, axis=1) < 1.0, 0
    ]
    assert widest([deep, other], 0, 1.0, None, [other.bottom])[:2] == pytest.approx(
        (inside[0], inside[-1]), rel=0.03
    )


def test_a_strip_against_the_closed_form():
    """Data from Eq. (7) itself, which shares no code with the fit; one direction along x fixes tau
    sqrt(theta).
    """
    strip = of.Problem(of.cross_section(3.0), simple_material(inverse_mass=[1.0, 1.0, 0.25]))
    scale = strip.material.field_scale
    phi = np.linspace(0, 8, 60)
    B = phi[:, None] * scale * np.array([1.0, 0.0, 0.0])
    rho = analytic.rho(phi, 0.25, 3.0, 0.09)
    data = Measured(B, rho - rho[0], "ratio", 1e-4 * np.ptp(rho))
    start = replace(
        strip,
        materials=simple_material(
            inverse_mass=[1, 1, 0.25],
            relaxation_time=0.5,
            diffusion_length=0.7,
            orbital_hall_angle=0.4,
        ),
    )
    found = quiet(data, start, ["alpha", "L_m", "tau"])
    assert [
        found.parameters[n].value for n in ("alpha_product", "diffusion_length", "relaxation_time")
    ] == pytest.approx([0.09, 1.0, 1.0], rel=1e-3)


def test_one_direction_fixes_only_tau_sqrt_theta(device):
    true, start = device
    data = curves(true, ["x"])
    before = identifiability(data, true)
    found = quiet(data, start, strip=False)
    for known in (before, found.identifiability):
        assert "tau sqrt(theta)" in [c.text for c in known.fixed] and set(known.free) == {
            "relaxation_time",
            "theta",
        }
    tau, theta = (found.parameters[n] for n in ("relaxation_time", "theta"))
    assert not tau.fixed and np.isinf([tau.error, tau.high, theta.high]).all() and tau.low == 0.0
    assert tau.value * theta.value**0.5 == pytest.approx(0.5, rel=0.02)
    assert "open on both sides" in str(found) and "not fixed by the data" in str(found)


def test_a_wide_strip_fixes_the_product_with_the_length():
    """W/L_m = 40: alpha alpha' L_m is known, and the ends of alpha alpha' and L_m that only the
    range explored makes are open.
    """
    true, start = (
        of.Problem(of.cross_section(40.0), simple_material(**m))
        for m in ({}, {"diffusion_length": 1.3})
    )
    B = true.material.field_scale * np.linspace(-6, 6, 81)[:, None] * [1.0, 0.0, 0.0]
    rho = analytic.rho(np.linspace(-6, 6, 81), 1.0, 40.0, 0.09)
    noise = 0.01 * np.ptp(rho)
    found = quiet(
        Measured(B, rho + noise * np.random.default_rng(5).standard_normal(81), "ratio", noise),
        start,
        ["alpha", "L_m", "tau"],
    )
    alpha, length, tau = found.parameters.values()
    assert [c.text for c in found.identifiability.fixed] == ["alpha alpha' L_m", "tau"]
    assert alpha.value * length.value == pytest.approx(0.09, rel=0.05) and tau.low < 1.0 < tau.high
    assert (
        not alpha.fixed
        and alpha.high == np.inf
        and length.low == 0.0
        and 0.0 < alpha.low < 0.09
        and length.high > 1.0
    )


def test_sigma_g_and_the_product_only_appear_together(device):
    found = identifiability(
        curves(device[0]), device[0], ["alpha", "L_m", "tau", "theta", "sigma", "g"]
    )
    assert {"alpha alpha' / sigma", "tau g", "L_m", "theta"} == {c.text for c in found.fixed}


def test_background_terms(device):
    true, start = device
    data = []
    for c in curves(true, noise=1e-6):
        x = c.signed / c.signed.max()
        data.append(replace(c, values=c.values + np.ptp(c.values) * (0.3 * x + 0.05 * x**2) - 7.0))
    found = quiet(
        data, start, background=["offset", "linear", "quadratic"], intervals="fisher", strip=False
    )
    for name, value in TRUTH.items():
        assert found.parameters[name].value == pytest.approx(value, rel=1e-2), name
    assert quiet(data, start, intervals="fisher", strip=False).reduced_chi2 > 100


def test_misfit_is_said(device):
    true, start = device
    data = [
        replace(c, values=c.values + 0.2 * np.ptp(c.values) * np.sin(9 * c.signed / c.signed.max()))
        for c in curves(true)
    ]
    with pytest.warns(UserWarning, match="does not describe the data"):
        fit(data, start, intervals="fisher", strip=False)
    with pytest.warns(UserWarning, match="follow each other"):
        fit([replace(c, sigma=None) for c in data], start, intervals="fisher", strip=False)


def test_measures_made_beforehand_give_the_same(device):
    true, start = device
    data = curves(true)
    made = spectral_measure(start, **PAIRS, tolerance=1e-7, lengths=(0.3, 2.5))
    a, b = quiet(data, start, strip=False), quiet(data, made, strip=False)
    for name in TRUTH:
        assert a.parameters[name].value == pytest.approx(b.parameters[name].value, rel=1e-4)


def test_jacobian_against_differences_of_another_order(device):
    true, _ = device
    data = curves(true)
    model = Model(
        read_parameters(["alpha", "L_m", "tau", "theta"], true.material),
        tuple(
            Curve.of(c, spectral_measure(true, **PAIRS, lengths=(0.9, 1.1)), ["offset"])
            for c in data
        ),
        tuple(c.values for c in data),
        tuple(c.sigma for c in data),
    )
    u, h = np.array([0.05, -0.02, 0.03, 0.1]), 1e-2
    for i, column in enumerate(model.jacobian(u, central=True).T):
        e = h * np.eye(4)[i]
        r = [model.residual(u + k * e) for k in (-2, -1, 1, 2)]
        assert np.allclose(
            column, (r[0] - 8 * r[1] + 8 * r[2] - r[3]) / (12 * h), atol=1e-4 * np.abs(column).max()
        )


def test_strip_formula_beside(device):
    """Data that Eq. (7) itself gives for a strip as wide as the bar: the strip beside the device
    finds its parameters.
    """
    true, start = device
    ohmic = spectral_measure(true, **PAIRS).R_ohmic
    phi = np.linspace(0, 8, 60)
    rho = analytic.rho(phi, 0.25, 2.0 / LENGTH, 0.09)
    B = np.outer(phi * true.material.field_scale, [1, 0, 0])
    data = Measured(B, ohmic * (1 + rho), "R", 1e-4 * ohmic * np.ptp(rho), **PAIRS)
    off = simple_material(
        inverse_mass=[1, 1, 0.25], diffusion_length=0.8 * LENGTH, relaxation_time=0.8
    )
    found = quiet(data, replace(start, materials=off), ["alpha", "L_m", "tau"], intervals="fisher")
    assert [
        found.strip[n] for n in ("alpha_product", "diffusion_length", "relaxation_time")
    ] == pytest.approx([0.09, LENGTH, 1.0], rel=2e-3)
    assert "infinite strip" in str(found) and np.allclose(
        found.curves[0].strip, data.values, atol=1e-3 * np.ptp(data.values)
    )
    assert (
        abs(found.parameters["alpha_product"].value / 0.09 - 1) > 0.1
    )  # the bar itself is not a strip


def test_the_noise_of_a_plan_comes_from_the_scatter(device):
    data = curves(device[0], noise=1e-2, points=101)
    given, guessed = (
        identifiability(d, device[0]).errors for d in (data, [replace(c, sigma=None) for c in data])
    )
    assert guessed == pytest.approx(given, rel=0.3)


def test_design_finds_the_missing_direction(device):
    true, _ = device
    found = design(curves(true, ["x"]), true)
    names = [c.name for c, _ in found.ranked]
    assert "z" in names[0] and found.ranked[0][1].complete and not found.before.complete
    assert all(k.score <= found.before.score + 1e-9 for _, k in found.ranked)
    assert "now" in str(found)


def test_a_device_of_another_size_is_the_device_with_another_length(device):
    """A copy three times larger at L_m is the device itself at L_m/3."""
    true, _ = device
    data = curves(true, ["x"])
    B = data[0].fields
    larger = design(
        data, true, ["alpha", "tau"], candidates=[Candidate("large", B, 1e-4, **PAIRS, size=3.0)]
    )
    mesh = replace(true, mesh=true.mesh.scaled(3.0))
    big = spectral_measures(mesh, [(PAIRS["current"], PAIRS["voltage"])])[0]
    now = identifiability(
        [*data, Measured(B, 0 * B[:, 0], "hanle", 1e-4, **PAIRS)], [big], ["alpha", "tau"]
    )
    small = identifiability(data, true, ["alpha", "tau"])
    fisher = [
        np.linalg.inv(k.eigenvectors.T @ np.diag(k.eigenerrors**2) @ k.eigenvectors)
        for k in (larger.ranked[0][1], small, now, identifiability(data, [big], ["alpha", "tau"]))
    ]
    assert np.allclose(fisher[0] - fisher[1], fisher[2] - fisher[3], rtol=1e-4)


@pytest.mark.parametrize(
    ("change", "fragments"),
    [
        ({"parameters": ["alpha", "taw"]}, ["'taw'", "did you mean 'tau'?"]),
        ({"parameters": ["alpha", "orbital_hall_angle"]}, ["named twice"]),
        ({"parameters": "tau"}, ["list of names"]),
        ({"background": ["ofset"]}, ["did you mean 'offset'?"]),
        ({"background": "offset"}, ["list of names"]),
        ({"confidence": 95}, ["0.95"]),
        ({"intervals": "bayes"}, ["'profile', 'fisher'" if False else "profile"]),
        ({"current": ("left", "right"), "voltage": ("t1", "nowhere")}, ["nowhere"]),
    ],
)
def test_wrong_options(device, refuses, change, fragments):
    data = [replace(c, current=None, voltage=None) for c in curves(device[0], points=5)]
    with refuses(InputError, *fragments):
        fit(data, device[1], **{**PAIRS, **change})


def test_wrong_data(device, refuses, bar):
    true, start = device
    data = curves(true, points=5)
    with refuses(InputError, "between which contacts"):
        fit([replace(data[0], current=None, voltage=None)], start)
    with refuses(InputError, "5 points for 5 numbers"):
        fit(data[0], start)
    with refuses(InputError, "does not apply", "coupling='full'"):
        fit(data, replace(true, coupling="full"))
    with refuses(InputError, "no measure for current"):
        fit([replace(data[0], voltage=("b1", "b2"))], spectral_measure(true, **PAIRS))
    with refuses(InputError, "theta is 0"):
        fit(data, replace(true, materials=simple_material(inverse_mass=[1, 1, 0])))


def test_without_lmfit(device, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "lmfit", None)
    with pytest.raises(of.MissingExtraError, match=r"ohmr-fem\[fit\]"):
        fit(curves(device[0], points=9), device[1])
