"""A fit over a series: the signals against closed forms, the truth from data made by them, names,
trends, priors, and what is refused.
"""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import constants

import ohmr_fem as of
from ohmr_fem.analytic.film import film_matrix, torque_matrix
from ohmr_fem.fitting.compress import QuickFilm
from ohmr_fem.fitting.data import Measured
from ohmr_fem.fitting.series import read_series
from ohmr_fem.units import ELECTRON_MASS, ELEMENTARY_CHARGE

L, TAU, PRODUCT = 5e-9, 2e-12, 0.01
FIELDS = of.field_sweep(-9.0, 9.0, 21, "x")
THICK = (4e-9, 8e-9, 16e-9, 40e-9)
#: (g e/2 m_e) of g = 1, 1/(T s)
RATE = 0.5 * ELEMENTARY_CHARGE / ELECTRON_MASS


def near(expected, rel):
    """pytest.approx without its absolute 1e-12, which is half a relaxation time."""
    return pytest.approx(expected, rel=rel, abs=0.0)


def closed_form(t, length=L, tau=TAU, product=PRODUCT, fields=FIELDS):
    """-alpha alpha' tanh(z)/z of a film section, written out."""
    phi = RATE * tau * np.linalg.norm(fields[:, [0, 2]], axis=1)
    z = np.sqrt(1.0 + 1j * phi) * t / (2.0 * length)
    return -product * np.real(np.tanh(z) / z)


def material(alpha=0.08, length=6e-9, tau=2.5e-12, **changes):
    given = {
        "relaxation_time": tau,
        "orbital_hall_angle": alpha,
        "inverse_mass": 1.0,
        "diffusion_length": length,
    }
    return of.Material(**(given | changes))


def sample(t, values=None, fields=FIELDS, noise=1e-7, name=None, **options):
    own = {key: options.pop(key) for key in ("alpha", "length", "tau") if key in options}
    problem = of.Problem(of.cross_section(t, "z"), material(**own))
    values = closed_form(t, fields=fields) if values is None else values
    curve = Measured(fields, values, "ratio", noise)
    return of.Sample(problem, curve, name or f"t{round(1e9 * t)}", **options)


def model_of(samples, *args, **options):
    series = read_series(samples, *args, **options)
    return series, series.model(series.compiled())


def quietly(*args, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return of.global_fit(*args, **options)


@pytest.fixture(scope="module")
def clean():
    return quietly([sample(t) for t in THICK])


def test_the_truth_comes_back_from_a_closed_form(clean):
    truth = {"alpha_product": PRODUCT, "diffusion_length": L, "relaxation_time": TAU}
    for name, value in truth.items():
        assert clean.parameters[name].value == near(value, 1e-4)
    assert clean.chi2 < 1e-2
    assert list(clean.samples) == ["t4", "t8", "t16", "t40"]
    assert clean.samples["t8"].parameters["relaxation_time"] == near(TAU, 1e-4)
    assert clean.samples["t8"].material.diffusion_length == near(L, 1e-4)


def test_profiles_and_minima(clean):
    for name, (values, rise) in clean.profiles.items():
        assert np.all(np.diff(values) > 0.0)
        assert rise.min() == 0.0 and rise.max() > 2.0
        assert values[np.argmin(rise)] == pytest.approx(clean.parameters[name].value)
    assert clean.minima[0].chi2 == pytest.approx(clean.chi2, abs=1e-6)


def test_samples_of_one_shape_share_a_measure():
    _, model = model_of([sample(t) for t in THICK], ("alpha", "L_m", "tau"), (), None)
    projections = {id(s.setups[0].measure.projection) for s in model.samples}
    assert len(projections) == 1
    for t, values in zip(THICK, model.signals(model.coordinates(TRUTH)), strict=True):
        exact = closed_form(t)
        assert_allclose(values - values[10], exact - exact[10], atol=1e-9 * PRODUCT)


TRUTH = {"alpha_product": PRODUCT, "diffusion_length": L, "relaxation_time": TAU}


def test_faces_that_absorb_follow_the_matrix_form():
    fields = np.array([[0.0, 0.0, 0.0], [5.0, 0.0, 3.0], [0.0, 0.0, 9.0]])
    curve = sample(8e-9, np.arange(3.0), fields)
    names = ("alpha", "L_m", "tau", "face_absorption")
    _, model = model_of([curve], names, (), None)
    G = 700.0
    found = model.signals(model.coordinates({**TRUTH, "face_absorption": G}))[0]
    D = L**2 / TAU
    exact = []
    for B in fields:
        h = film_matrix(8e-9 / L, torque_matrix(RATE * TAU * B), G * L / D, G * L / D)
        exact.append(-PRODUCT * h[1, 1])
    exact = np.array(exact)
    assert_allclose(found - found[0], exact - exact[0], rtol=1e-6, atol=1e-12)


def test_a_spin_channel_adds_its_own_closed_form():
    names = ("alpha", "L_m", "tau", "spin.alpha", "spin.L_m", "spin.tau")
    _, model = model_of([sample(8e-9)], names, (), None)
    spin = {"spin.hall_product": 0.003, "spin.diffusion_length": 2e-9}
    values = {**TRUTH, **spin, "spin.relaxation_time": 1e-12}
    found = model.signals(model.coordinates(values))[0]
    # g = 2 and the free mass: twice the rate of the orbital moment
    phi = 2.0 * RATE * 1e-12 * np.abs(FIELDS[:, 0])
    z = np.sqrt(1.0 + 1j * phi) * 8e-9 / (2.0 * 2e-9)
    exact = closed_form(8e-9) - 0.003 * np.real(np.tanh(z) / z)
    assert_allclose(found - found[10], exact - exact[10], rtol=1e-6, atol=1e-12)


def test_the_jacobian_is_the_difference_of_residuals():
    samples = [
        sample(
            t, temperature=T, known={"thickness": (t, 0.05 * t)}, background=("offset", "kohler")
        )
        for t, T in ((8e-9, 50.0), (16e-9, 100.0))
    ]
    _, model = model_of(samples, ("alpha", "L_m", "tau"), (), {"tau": "power(temperature)"})
    rng = np.random.default_rng(1)
    u = 0.2 * rng.standard_normal(len(model.parameters))
    J = model.jacobian(u, central=True)
    for i, p in enumerate(model.parameters):
        if p.of_background:  # Kaufman leaves a term out there
            continue
        step = 1e-5 * np.eye(len(u))[i]
        slope = (model.residual(u + step) - model.residual(u - step)) / 2e-5
        assert_allclose(J[:, i], slope, atol=2e-5 * np.abs(slope).max())


def test_names_of_shared_each_trend_and_known():
    samples = [
        sample(t, temperature=T, known={"thickness": (t, 1e-10)})
        for t, T in zip(THICK, (50.0, 80.0, 150.0, 300.0), strict=True)
    ]
    series = read_series(samples, ("alpha", "L_m"), ("theta",), {"tau": "arrhenius(temperature)"})
    assert [p.name for p in series.parameters] == [
        "alpha_product",
        "diffusion_length",
        "relaxation_time",
        "relaxation_time.energy",
        *[f"theta[{s.name}]" for s in samples],
        *[f"thickness[{s.name}]" for s in samples],
    ]
    energy = series.parameters[3]
    assert energy.unit == "J" and energy.scale == near(constants.k * 50.0, 1e-12)


@pytest.mark.parametrize("form, coefficient, value, expected", [
    ("power(temperature)", "exponent", -0.5, lambda T: TAU * (T / 50.0) ** -0.5),
    ("linear(temperature)", "slope", 0.1, lambda T: TAU * (1.0 + 0.1 * (T / 50.0 - 1.0))),
    ("arrhenius(temperature)", "energy", 1e-22, lambda T: TAU * np.exp(7.243 * (1 / T - 1 / 50))),
    ("matthiessen(temperature)", "surface", 4e12, lambda T: 1.0 / (1.0 / TAU + 4e12 / T)),
])  # fmt: skip
def test_trends_are_as_written(form, coefficient, value, expected):
    warm = (50.0, 100.0, 200.0)
    samples = [sample(8e-9, temperature=T, name=f"{T:g} K") for T in warm]
    _, model = model_of(samples, ("alpha", "L_m"), (), {"tau": form})
    u = model.coordinates({**TRUTH, f"relaxation_time.{coefficient}": value})
    for T, values in zip(warm, model.local(u), strict=True):
        assert values["relaxation_time"] == near(expected(T), 1e-5)


@pytest.mark.parametrize("form", ["power", "linear", "arrhenius", "matthiessen"])
def test_a_search_that_goes_too_far_is_led_back(form):
    samples = [sample(8e-9, temperature=T, name=f"{T:g} K") for T in (50.0, 200.0)]
    _, model = model_of(samples, ("alpha", "L_m"), (), {"tau": f"{form}(temperature)"})
    coefficient = [p.name.startswith("relaxation_time.") for p in model.parameters].index(True)
    for far in (-1e4, 1e4, 1e200):
        u = np.zeros(len(model.parameters))
        u[coefficient] = far
        assert np.all(np.isfinite(model.residual(u)))


def test_a_trend_is_found():
    warm = (50.0, 100.0, 200.0, 300.0)
    samples = []
    for t, T in zip(THICK, warm, strict=True):
        values = closed_form(t, tau=TAU * (T / 50.0) ** -0.5)
        samples.append(sample(t, values, temperature=T))
    found = quietly(samples, trend={"tau": "power(temperature)"}, intervals="fisher")
    assert found.parameters["relaxation_time.exponent"].value == pytest.approx(-0.5, abs=1e-3)
    assert found.parameters["relaxation_time"].value == near(TAU, 1e-3)
    assert found.samples["t40"].parameters["relaxation_time"] == near(TAU * 6.0**-0.5, 1e-3)


def test_each_sample_has_its_own():
    times = (1e-12, 2e-12, 3e-12, 2.5e-12)
    samples = [sample(t, closed_form(t, tau=x)) for t, x in zip(THICK, times, strict=True)]
    found = quietly(samples, each=("tau",), intervals="fisher")
    for s, x in zip(samples, times, strict=True):
        assert found.parameters[f"relaxation_time[{s.name}]"].value == near(x, 2e-3)


def test_a_prior_holds_and_a_wrong_one_is_told():
    right = [sample(t, known={"thickness": (t, 1e-12)}) for t in THICK]
    found = quietly(right, intervals="fisher")
    assert found.parameters["thickness[t8]"].value == near(8e-9, 1e-3)
    wrong = [sample(8e-9, known={"relaxation_time": (4e-12, 1e-14)}), *right[2:]]
    with pytest.warns(UserWarning, match="standard errors from the known 4e-12"):
        of.global_fit(wrong, intervals="fisher")


def test_a_prior_is_a_residual_in_standard_errors():
    known = {"relaxation_time": (4e-12, 5e-13)}
    _, model = model_of([sample(8e-9, known=known)], ("alpha", "L_m", "tau"), (), None)
    residual = model.residual(model.coordinates(TRUTH))
    assert residual[-1] == near((4e-12 - TAU) / 5e-13, 1e-9)
    assert model.degrees == len(FIELDS) - 1 - 3 + 1


def test_a_held_value_is_used():
    samples = [sample(t, known={"tau": TAU}) for t in THICK]
    found = quietly(samples, ("alpha", "L_m"), intervals="fisher")
    assert found.parameters["diffusion_length"].value == near(L, 1e-4)
    assert found.samples["t8"].parameters["relaxation_time"] == TAU


def test_noise_is_estimated_and_outliers_weigh_less_with_huber():
    rng = np.random.default_rng(3)
    samples = []
    for t in THICK:
        values = closed_form(t)
        values = values + 0.01 * np.ptp(values) * rng.standard_normal(len(values))
        values[3] += 0.5 * np.ptp(values)
        samples.append(sample(t, values, noise=None))
    plain = quietly(samples, intervals="fisher")
    robust = quietly(samples, intervals="fisher", loss="huber")
    assert plain.noise_estimated
    off = [abs(f.parameters["diffusion_length"].value / L - 1.0) for f in (plain, robust)]
    assert off[1] < 0.05 and off[1] < off[0]


def test_the_bootstrap_agrees_with_the_curvature():
    rng = np.random.default_rng(4)
    samples = []
    for t in THICK:
        values = closed_form(t)
        noise = 0.01 * float(np.ptp(values))
        values = values + noise * rng.standard_normal(len(values))
        samples.append(sample(t, values, noise=noise))
    found = quietly(samples, intervals="fisher")
    low, high = found.bootstrap(count=40)["diffusion_length"]
    e = found.parameters["diffusion_length"]
    assert 0.5 < (high - low) / (e.high - e.low) < 1.6
    assert low < e.value < high
    with pytest.raises(of.InputError, match="is not known"):
        found.bootstrap("all")


def test_the_table_and_the_report(clean, tmp_path):
    text = str(clean)
    assert "4 samples, 4 curves, 84 points" in text and "t16" in text
    assert set(clean["sample"]) == {"t4", "t8", "t16", "t40"}
    assert clean.to_csv(tmp_path / "fit.csv").read_text().startswith("sample,curve,Bx [T]")


def test_identifiability_before_measuring():
    one = of.series_identifiability([sample(8e-9, noise=1e-6)])
    four = of.series_identifiability([sample(t, noise=1e-6) for t in THICK])
    assert np.all(four.errors < one.errors)


def test_which_further_film_adds_most():
    thin = [sample(t, noise=1e-6) for t in (3e-9, 4e-9)]
    further = [sample(t, noise=1e-6, name=f"{t:g}") for t in (3.5e-9, 20e-9)]
    found = of.series_design(thin, further)
    assert [s.name for s, _ in found.ranked] == ["2e-08", "3.5e-09"]
    best = found.ranked[0][1]
    together = of.series_identifiability([*thin, further[1]])
    assert_allclose(best.errors, together.errors, rtol=1e-6)
    assert np.all(best.errors < found.before.errors) and "2e-08" in str(found)
    with pytest.raises(of.InputError, match="give the noise"):
        of.series_design(thin, [sample(20e-9, noise=None)])


@pytest.mark.parametrize("change, complaint", [
    (lambda s: [s[0], s[0]], "two are called 't4'"),
    (lambda s: [], "expected of.Sample"),
    (lambda s: [s[0], replace_quantity(s[1])], "give all curves as one of R, hanle and ratio"),
])  # fmt: skip
def test_samples_that_cannot_be_compared(change, complaint):
    with pytest.raises(of.InputError, match=complaint) as caught:
        of.global_fit(change([sample(t) for t in THICK[:2]]))
    assert "\n" not in str(caught.value) and len(str(caught.value)) <= 300


def replace_quantity(s):
    from ohmr_fem.fitting.sample import replace_of

    return replace_of(s, curves=tuple(replace(c, quantity="R") for c in s.curves))


def test_a_strip_and_a_film_are_not_one_series():
    strip = of.Problem(of.cross_section(8e-9), material())
    other = of.Sample(strip, Measured(FIELDS, closed_form(8e-9), "ratio", 1e-7), "w8")
    with pytest.raises(of.InputError, match="one fit takes one kind"):
        of.global_fit([sample(8e-9), other])


@pytest.mark.parametrize("options, complaint", [
    ({"trend": {"tau": "power(temperature)"}}, "t4 has no temperature"),
    ({"trend": {"tau": "cubic(thickness)"}}, "is no form"),
    ({"trend": {"tau": "power thickness"}}, "expected form"),
    ({"trend": {"tau": "power(colour)"}}, "is no property"),
    ({"trend": {"alpha": "matthiessen(thickness)"}}, "for a length or a time"),
    ({"each": ("tau",), "trend": {"tau": "power(thickness)"}}, "give one"),
    ({"shared": ("alpha", "speed")}, "cannot be fitted"),
    ({"shared": ("alpha", "alpha_product")}, "named twice"),
    ({"shared": ()}, "nothing is fitted"),
    ({"shared": "alpha"}, "expected a list"),
    ({"shared": ("alpha", "sigma")}, "no sample depends on sheet_conductivity"),
    ({"loss": "cubic"}, "is not known"),
])  # fmt: skip
def test_what_cannot_be_fitted(options, complaint):
    with pytest.raises(of.InputError, match=complaint):
        of.global_fit([sample(t) for t in THICK[:2]], **options)


@pytest.mark.parametrize("options, complaint", [
    ({"colour": 3}, "is no property"),
    ({"thickness": "9 nm"}, "leave one out"),
    ({"known": {"thickness": ("8 nm", "1 nm", 3)}}, "expected value or"),
    ({"known": {"speed": 3}}, "cannot be fitted"),
    ({"temperature": "3 m"}, "temperature"),
])  # fmt: skip
def test_what_a_sample_refuses(options, complaint):
    with pytest.raises(of.InputError, match=complaint) as caught:
        sample(8e-9, **options)
    assert "Sample t8" in str(caught.value)


def test_known_and_fitted_needs_an_error():
    with pytest.raises(of.InputError, match="known without an error"):
        of.global_fit([sample(8e-9, known={"tau": TAU}), sample(16e-9)])


def test_a_sample_from_a_device_file(tmp_path):
    device = tmp_path / "t8.toml"
    device.write_text(
        '[cross_section]\nwidth = "8 nm"\nnormal = "z"\n'
        '[material]\nrelaxation_time = "2 ps"\norbital_hall_angle = 0.1\ninverse_mass = 1.0\n'
        'diffusion_length = "5 nm"\n[sweep]\nstart = "-9 T"\nstop = "9 T"\npoints = 3\n'
    )
    data = tmp_path / "t8.csv"
    rows = "\n".join(f"{b},{v}" for b, v in zip(FIELDS[:, 0], closed_form(8e-9), strict=True))
    data.write_text("Bx [T],ratio [1]\n" + rows + "\n")
    found = of.Sample(device, data, "t8")
    assert found.properties["thickness"] == pytest.approx(8e-9)
    assert found.sources == (str(device), str(data))


#: Published valves of single-layer graphene: distance, lifetime (s), diffusion constant (m^2/s).
VALVES = ((2.1e-6, 514.30e-12, 0.018788), (5.5e-6, 451.84e-12, 0.014358))
SHEET, WIDTH, P = 1e-3, 2.2e-6, 0.1


def valve_curve(distance, tau, D, fields):
    """(L/(2 sigma W)) p^2 Re[exp(-sqrt(s) x/L)/sqrt(s)], g = 2 and the free mass."""
    length = np.sqrt(D * tau)
    root = np.sqrt(1.0 + 2j * RATE * tau * fields[:, 2])
    return length / (2.0 * SHEET * WIDTH) * P**2 * np.real(np.exp(-root * distance / length) / root)


def valve(distance, tau, D, p=0.13, **start):
    """A valve on a channel with its curve of the closed form; the problem starts elsewhere."""
    half = 0.5 * distance
    mesh = of.channel("80 um", WIDTH, {"source": -half, "detector": half})
    m = of.Material(
        sheet_conductivity=SHEET,
        orbital_hall_angle=0.0,
        inverse_mass=1.0,
        g_factor=2.0,
        **({"relaxation_time": 400e-12, "diffusion_constant": 0.012} | start),
    )
    polarised = of.Contact(polarisation=(0.0, p, 0.0))
    contacts = {"left": of.Contact(), "right": of.Contact()}
    contacts |= {"source": polarised, "detector": polarised}
    fields = of.field_sweep(-0.1, 0.1, 41, "z")
    values = valve_curve(distance, tau, D, fields)
    pairs = {"current": ("source", "left"), "voltage": ("detector", "right")}
    curve = Measured(fields, values, "hanle", 1e-4 * float(np.ptp(values)), **pairs)
    name = f"{1e6 * distance:g} um"
    return of.Sample(of.Problem(mesh, m, contacts), curve, name, distance=distance)


def test_published_valves_come_back_one_by_one():
    found = quietly(
        [valve(*v) for v in VALVES], (), ("polarisation", "L_m", "tau"), intervals="fisher"
    )
    for (distance, tau, D), s in zip(VALVES, found.samples.values(), strict=True):
        assert s.parameters["relaxation_time"] == near(tau, 2e-3)
        assert s.parameters["diffusion_length"] == near(np.sqrt(D * tau), 2e-3)
        assert s.parameters["polarisation"] == near(P, 2e-3)
        assert s.sample.properties["distance"] == distance


def test_valves_of_one_channel_and_several_distances():
    tau, D = VALVES[0][1:]
    samples = [valve(x, tau, D) for x in (2e-6, 4e-6, 7e-6)]
    found = quietly(samples, ("polarisation", "L_m", "tau"), intervals="fisher")
    assert found.parameters["relaxation_time"].value == near(tau, 1e-3)
    assert found.parameters["polarisation"].value == near(P, 1e-3)


def film_bar(thickness, **start):
    """A coarse film bar with two probes, lengths in units of a few L_m."""
    size = 8e-9
    mesh = of.tensor_grid(np.linspace(-2.5, 2.5, 17) * size, np.linspace(-0.8, 0.8, 6) * size)
    ends = {
        "left": lambda p: p[0] < -2.49 * size,
        "right": lambda p: p[0] > 2.49 * size,
        "t1": lambda p: (p[1] > 0.79 * size) & (abs(p[0] + size) < 0.3 * size),
        "t2": lambda p: (p[1] > 0.79 * size) & (abs(p[0] - size) < 0.3 * size),
    }
    m = material(resistivity=1e-6, **start)
    contacts = list(ends)
    return of.Problem(mesh.with_boundaries(ends), m, contacts, film=of.Film(thickness))


def film_sample(thickness, noise=None, seed=0, **start):
    fields = np.vstack([of.field_sweep(0.0, 9.0, 7, "x"), of.field_sweep(1.0, 9.0, 6, "z")])
    pair = ("left", "right"), ("t1", "t2")
    true = film_bar(thickness, alpha=0.1, length=L, tau=TAU)
    measure = of.spectral_measure(true, current=pair[0], voltage=pair[1])
    values = measure.delta_R(fields)
    size = 1e-4 * float(np.ptp(values))
    curve = Measured(fields, values, "hanle", size, current=pair[0], voltage=pair[1])
    name = f"t{1e9 * thickness:g}"
    return of.Sample(film_bar(thickness, **start), curve, name)


def test_a_thickness_20_percent_off_ends_where_the_resistance_is():
    """Of absolute data R says the thickness; before it is right nothing else may move."""
    true = film_bar(10e-9, alpha=0.1, length=L, tau=TAU)
    pair = {"current": ("left", "right"), "voltage": ("t1", "t2")}
    fields = np.vstack([of.field_sweep(-9.0, 9.0, 13, d) for d in "xz"])
    measure = of.spectral_measure(true, **pair)
    R = measure.R_ohmic + measure.delta_R(fields)
    data = Measured(fields, R, "R", 1e-3 * float(np.ptp(R)), **pair)
    start = film_bar(12e-9, alpha=0.11, length=L, tau=1.8e-12)
    names = ("alpha", "tau", "thickness")
    options = {"background": (), "intervals": "fisher"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        one = of.fit(data, start, names, **options, strip=False)
    found = quietly([of.Sample(start, data, background=())], names, intervals="fisher")
    for fit in (one, found):
        for name in ("alpha_product", "relaxation_time"):
            assert fit.parameters[name].value == near(TRUTH[name], 5e-3)
        assert fit.parameters["thickness"].value == near(10e-9, 1e-4)


def test_film_bars_share_a_measure_of_few_poles():
    start = {"alpha": 0.11, "length": 5.5e-9, "tau": 2.2e-12}
    samples = [film_sample(t, **start) for t in (5e-9, 12e-9)]
    series, model = model_of(samples, ("alpha", "L_m", "tau"), (), None)
    setups = [s.setups[0] for s in model.samples]
    assert setups[0].measure.projection is setups[1].measure.projection
    assert isinstance(setups[0].quick, QuickFilm)
    # a measure of its own for each film, made to a tight bound, against the shared quick one
    for setup, t in zip(setups, (5e-9, 12e-9), strict=True):
        values = {"alpha_product": 0.01, "diffusion_length": L, "relaxation_time": TAU}
        fields = samples[0].curves[0].fields
        found = setup.tuned(values).unchecked(fields)[1]
        own = of.spectral_measure(
            film_bar(t, alpha=0.1, length=L, tau=TAU),
            current=("left", "right"),
            voltage=("t1", "t2"),
        )
        exact = own.response(fields)[1]
        assert_allclose(found, exact, atol=1e-5 * np.abs(exact).max())
    fit = quietly(samples, intervals="fisher")
    for name, value in TRUTH.items():
        assert fit.parameters[name].value == near(value, 2e-3)
    assert series.locals == ["alpha_product", "diffusion_length", "relaxation_time"]
