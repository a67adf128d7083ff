"""Backgrounds that curves share: Kohler over several resistivities, as a power and as any smooth
function, two bands with their Hall voltage, localisation with spin-orbit scattering.
"""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest

import ohmr_fem as of
from ohmr_fem.errors import InputError
from ohmr_fem.fitting.background import Term, read_terms
from ohmr_fem.fitting.columns import blocks, of_curves
from ohmr_fem.fitting.curve import Curve
from ohmr_fem.fitting.data import Measured
from validation.case import simple_material
from validation.fit_backgrounds import measure

RATIOS = (1.0, 1.6, 2.5)
TILTED = (1.0, 0.0, 1.0)


def quiet(*args, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return of.fit(*args, **options)


def hanle(fields):
    """The relative change of the strip of the validation case."""
    bare = Measured(fields, np.arange(len(fields)), "ratio")
    return Curve.of(bare, measure(False), ["offset"]).signal({})


def series(added, directions=("x",), noise=0.01, seed=1):
    """A curve for each direction and resistivity; ``added(B rho_ref/rho_0, direction)``."""
    rng = np.random.default_rng(seed)
    out = []
    for number, direction in enumerate(directions):
        for ratio in RATIOS:
            fields = of.field_sweep(-2.0, 2.0, 60, direction)
            change = hanle(fields)
            sigma = noise * np.ptp(change)
            x = np.linalg.norm(fields, axis=1) * ratio
            values = change + np.ptp(change) * added(x, number)
            out.append(Measured(fields, values + sigma * rng.standard_normal(60), "ratio", sigma))
    return out


def test_kohler_is_one_for_all_resistivities_and_one_for_each_direction():
    pytest.importorskip("lmfit")
    data = series(lambda x, k: (0.3, 0.1)[k] * x**1.5, ("x", TILTED))
    given = {"offset": {}, "kohler": {"resistivity_ratio": RATIOS * 2}}
    found = quiet(data, measure(True), ["alpha", "tau", "theta"], background=given, strip=False)
    truth = {"alpha_product": 0.01, "relaxation_time": 2e-12, "theta": 0.25, "kohler.n": 1.5}
    for key, value in truth.items():
        assert abs(found.parameters[key].value - value) < 3.5 * found.parameters[key].error, key
    # 6 offsets and 2 amplitudes
    assert found.degrees == 6 * 60 - 8 - 4
    assert 0.75 < found.reduced_chi2 < 1.25
    amounts = [c.amplitudes["kohler.a"] for c in found.curves]
    assert amounts[0] == amounts[1] == amounts[2] != amounts[3] == amounts[4] == amounts[5]
    for number, size in ((0, 0.3), (3, 0.1)):
        true = size * np.ptp(hanle(data[number].fields))
        value, error = amounts[number]
        assert abs(value - true) < 3.5 * error


def test_what_is_shared_is_known_better():
    pytest.importorskip("lmfit")
    data = series(lambda x, k: 0.3 * x**1.5)
    errors = []
    for values in ({"resistivity_ratio": RATIOS}, {}):
        given = {"offset": {}, "kohler": values}
        known = of.identifiability(data, measure(False), ["alpha"], background=given)
        errors.append(float(known.errors[0]))
    assert errors[0] < 0.8 * errors[1]


def test_any_smooth_function_of_the_reduced_field():
    """A background that no power describes, taken out by its scaling alone."""
    pytest.importorskip("lmfit")
    data = series(lambda x, k: 0.4 * x**2 / (1.0 + (x / 1.5) ** 2))
    alpha = {}
    for name, values in (("smooth", {"smooth": 8}), ("power", {})):
        kohler = {"resistivity_ratio": RATIOS, **values}
        given = {"offset": {}, "kohler": kohler}
        found = quiet(data, measure(True), ["alpha"], background=given, strip=False)
        alpha[name] = found.parameters["alpha_product"], found.reduced_chi2
    held = measure(True).material  # tau and theta stay wrong: only the size of what is left counts
    assert held.relaxation_time != 2e-12
    assert alpha["smooth"][1] < alpha["power"][1]
    free = quiet(
        data,
        measure(True),
        ["alpha", "tau", "theta"],
        background={"offset": {}, "kohler": {"resistivity_ratio": RATIOS, "smooth": 8}},
        strip=False,
        intervals="fisher",
    )
    product = free.parameters["alpha_product"]
    assert abs(product.value - 0.01) < 3.5 * product.error
    assert 0.75 < free.reduced_chi2 < 1.25
    assert len(free.curves[0].amplitudes) == 1 + 10


def test_blocks_against_one_large_least_squares_problem():
    """Amplitudes of blocks against all columns of all curves at once."""
    data = series(lambda x, k: 0.3 * x**1.5, ("x", TILTED))
    terms = of_curves(
        read_terms({"offset": {}, "kohler": {"n": 1.5, "resistivity_ratio": RATIOS * 2}}), data
    )
    made = [Curve.of(d, measure(False), t) for d, t in zip(data, terms, strict=True)]
    found = blocks([c.terms for c in made])
    assert [block.curves for block in found] == [(0, 1, 2), (3, 4, 5)]
    assert [block.width for block in found] == [4, 4]
    block = found[0]
    whole = block.join([c.basis for c in made])
    shared = np.concatenate([(2.0 * np.linspace(-1, 1, 60)) for _ in RATIOS])
    expected = (np.abs(shared) * np.repeat(RATIOS, 60)) ** 1.5
    kohler = next(k for k in range(4) if np.count_nonzero(whole[:, k]) > 60)
    assert np.allclose(whole[:, kohler], expected, rtol=1e-12)
    parts = block.split(block.rows([c.fields[:, 0] for c in made]), [c.fields for c in made])
    assert np.array_equal(parts[2], made[2].fields[:, 0])


@pytest.fixture(scope="module")
def hall_bar(bar):
    return bar(simple_material(inverse_mass=[1.0, 1.0, 0.25], diffusion_length=1 / 3), step=0.125)


def test_two_bands_by_their_mobilities_where_the_hall_voltage_is_fitted_too(hall_bar):
    pytest.importorskip("lmfit")
    rng = np.random.default_rng(3)
    top = 6.0 * hall_bar.material.field_scale
    bands = {"n_e": 2.0, "mu_e": 2.7 / top, "n_h": 1.0, "mu_h": 7.5 / top}
    data = []
    ways = {("left", "right", "t1", "t2"): 0.0, ("left", "right", "t1", "b1"): 1.0}
    for pair, shown in ways.items():
        found = of.spectral_measure(hall_bar, current=pair[:2], voltage=pair[2:])
        fields = of.field_sweep(-top, top, 61, TILTED)
        sheet = hall_bar.material.sheet_conductivity
        R = found.R_ohmic + found.hanle(fields)
        R += found.R_ohmic * of.background("two_band", fields, **bands)
        R += shown / sheet * of.background("two_band_hall", fields, **bands)
        sigma = 2e-3 * np.ptp(R)
        noise = sigma * rng.standard_normal(61)
        data.append(Measured(fields, R + noise, "R", sigma, pair[:2], pair[2:]))
    given = {"offset": {}, "two_band": {"hall": list(ways.values())}}
    fitted = quiet(data, hall_bar, ["alpha"], background=given, strip=False, intervals="fisher")
    truth = {"mu_e": bands["mu_e"], "mu_h": bands["mu_h"], "density_ratio": 0.5}
    for key, value in truth.items():
        estimate = fitted.parameters[f"two_band.{key}"]
        assert abs(estimate.value - value) < 3.5 * estimate.error, key
        assert estimate.error < 0.2 * value
    assert 0.6 < fitted.reduced_chi2 < 1.4
    # offsets only: the bands have no amplitude of their own
    assert [list(c.amplitudes) for c in fitted.curves] == [["offset.a"], ["offset.a"]]
    assert "two_band" in fitted.identifiability.alike


def test_localisation_with_spin_orbit_scattering():
    pytest.importorskip("lmfit")
    fields = of.field_sweep(-2.0, 2.0, 201, TILTED)
    rng = np.random.default_rng(5)
    true = {"weight": 1.0, "l_phi": 200e-9, "l_so": 30e-9, "sheet_conductivity": 1e-3}
    change = hanle(fields)
    # as high as the Hanle effect: the sheet is the measure's times a factor
    shape = of.background("hln", fields, **true)
    scale = np.ptp(change) / np.ptp(shape)
    sigma = 3e-3 * np.ptp(change)
    data = Measured(
        fields, change + scale * shape + sigma * rng.standard_normal(201), "ratio", sigma
    )
    given = {"offset": {}, "hln": {"l_so": "fit"}}
    found = quiet(
        data, measure(False), ["alpha"], background=given, strip=False, intervals="fisher"
    )
    for key in ("l_phi", "l_so"):
        estimate = found.parameters[f"hln.{key}"]
        assert estimate.unit == "m"
        assert abs(estimate.value - true[key]) < 3.5 * estimate.error, key
        assert estimate.error < 0.3 * true[key]
    value, error = found.curves[0].amplitudes["hln.weight"]
    assert abs(value - scale) < 3.5 * error


def test_anomalous_is_odd_and_takes_nothing_of_an_even_curve():
    pytest.importorskip("lmfit")
    fields = of.field_sweep(-2.0, 2.0, 60, "x")
    rng = np.random.default_rng(2)
    change = hanle(fields)
    size = np.ptp(change)
    values = change + 0.4 * size * np.sign(fields[:, 0]) + 0.01 * size * rng.standard_normal(60)
    data = Measured(fields, values, "ratio", 0.01 * size)
    given = ["offset", "anomalous"]
    found = quiet(data, measure(False), ["alpha"], background=given, strip=False)
    product = found.parameters["alpha_product"]
    assert product.low < 0.01 < product.high
    value, error = found.curves[0].amplitudes["anomalous.a"]
    assert abs(value - 0.4 * size) < 3.5 * error
    assert found.identifiability.alike["anomalous"] == pytest.approx(1.0, abs=1e-6)
    bare = quiet(data, measure(False), ["alpha"], strip=False)
    assert bare.reduced_chi2 > 100.0


def test_backgrounds_that_are_not_fitted_are_named_too():
    """In weak fields the effect is a parabola, which each of them can make."""

    def known(top):
        fields = of.field_sweep(-top, top, 41, "x")
        change = hanle(fields)
        data = Measured(fields, change, "ratio", 1e-3 * np.ptp(change))
        return of.identifiability(data, measure(False), ["alpha"])

    weak, strong = known(0.02), known(2.0)
    assert set(weak.unfitted) == {"quadratic", "kohler", "two_band", "hln"}
    assert weak.unfitted["quadratic"] < 0.1 < strong.unfitted["quadratic"]
    # these two have no part in the plane, or none along the current
    assert weak.unfitted["hln"] == weak.unfitted["two_band"] == pytest.approx(1.0)
    assert "a background 'quadratic' or 'kohler', which is not fitted" in str(weak)
    assert "'quadratic'" not in str(strong)
    assert weak.looks and str(weak).endswith(weak.looks) and strong.looks == ""


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"kohler": {"smooth": 4}}, "one number for each curve"),
        ({"kohler": {"smooth": 0, "resistivity_ratio": RATIOS}}, "1 to 50"),
        ({"kohler": {"smooth": 4, "n": 2, "resistivity_ratio": RATIOS}}, "no n"),
        ({"kohler": {"resistivity_ratio": (1.0, -1.0)}}, "must be positive"),
        ({"kohler": {"resistivity_ratio": "fit"}}, "cannot be fitted"),
        ({"two_band": {"mu_e": 0.1}}, "only where R_xy is fitted too"),
        ({"two_band": {"hall": [0, 0]}}, "not 0"),
        ({"two_band": {"hall": 1}}, "one number for each curve"),
        ({"two_band": {"hall": [0, 1], "B_s": 2.0}}, "no B_s"),
    ],
)
def test_terms_that_are_refused(given, words):
    with pytest.raises(InputError, match=words) as caught:
        read_terms(given)
    assert caught.value.key == "background"


def test_curves_that_cannot_share_are_refused():
    data = series(lambda x, k: 0.0 * x)
    for given, curves, words in (
        ({"kohler": {"resistivity_ratio": (1.0, 2.0)}}, data, "2 numbers for 3 curves"),
        (
            {"kohler": {"resistivity_ratio": (1.0, 1.0, 1.02), "smooth": 4}},
            data,
            "several resistivities",
        ),
        (
            {"kohler": {"resistivity_ratio": RATIOS}},
            [replace(c, quantity="R", current=("a", "b"), voltage=("a", "b")) for c in data],
            "relative change",
        ),
    ):
        with pytest.raises(InputError, match=words) as caught:
            of.identifiability(curves, measure(False), ["alpha"], background=given)
        assert caught.value.key == "background"
    term = Term("kohler", (("resistivity_ratio", RATIOS),))
    with pytest.raises(InputError, match="give one here"):
        Curve.of(data[0], measure(False), [term])


def section(thickness, wrong=1.0):
    """A film section of Mn; 10% off where ``wrong`` is 1.1."""
    m = of.Material(
        relaxation_time=2e-12 / wrong,
        orbital_hall_angle=0.1 * wrong,
        inverse_mass=1.0,
        diffusion_length=5e-9 * wrong,
    )
    return of.Problem(of.cross_section(thickness, "z"), m)


def test_a_series_of_several_resistivities_shares_a_smooth_function():
    fields, samples = of.field_sweep(-9.0, 9.0, 31, "x"), []
    for t, ratio in ((8e-9, 1.0), (20e-9, 1.6), (12e-9, 2.4)):
        values = of.spectral_measure(section(t)).rho(fields)
        values = values + 3e-5 * (np.abs(fields[:, 0]) * ratio / 9.0) ** 1.7
        kohler = {"resistivity_ratio": [ratio], "smooth": 6}
        given = {"offset": {}, "kohler": kohler}
        data = Measured(fields, values, "ratio", 1e-6)
        samples.append(of.Sample(section(t, 1.1), data, f"{t:g}", background=given))
    found = of.global_fit(samples, intervals="fisher")
    assert found.parameters["relaxation_time"].value == pytest.approx(2e-12, rel=3e-3)
    assert found.parameters["diffusion_length"].value == pytest.approx(5e-9, rel=1e-3)
    with pytest.raises(InputError, match="a tenth apart"):
        of.global_fit(samples[:1])


def test_a_series_of_devices_with_their_hall_voltage(hall_bar):
    """The part of rho_xy that contacts show is of each curve of each device."""
    top = 6.0 * hall_bar.material.field_scale
    bands = {"n_e": 2.0, "mu_e": 2.7 / top, "n_h": 1.0, "mu_h": 7.5 / top}
    ways = (("t1", "t2", 0.0, "z"), ("t1", "b1", 1.0, "z"), ("t1", "t2", 0.0, "y"))
    samples = []
    for sheet in (1.0, 2.0):
        shape = {"inverse_mass": [1.0, 1.0, 0.25], "diffusion_length": 1 / 3}
        own = simple_material(sheet_conductivity=sheet, orbital_hall_angle=0.1, **shape)
        wrong = simple_material(sheet_conductivity=sheet, orbital_hall_angle=0.12, **shape)
        device = replace(hall_bar, materials=own)
        curves = []
        for plus, minus, shown, direction in ways:
            fields = of.field_sweep(-top, top, 13, direction)
            m = of.spectral_measure(device, current=("left", "right"), voltage=(plus, minus))
            even = of.background("two_band", fields, **bands)
            odd = of.background("two_band_hall", fields, **bands)
            values = m.R_ohmic * (1 + even) + shown * odd / sheet + m.delta_R(fields)
            pair = {"current": m.current, "voltage": m.voltage}
            curves.append(Measured(fields, values, "R", 1e-5, **pair))
        given = {"offset": {}, "two_band": {"hall": [0, 1, 0]}}
        start = replace(device, materials=wrong)
        samples.append(of.Sample(start, curves, f"{sheet:g}", background=given))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = of.global_fit(samples, ("alpha",), intervals="fisher")
    assert found.parameters["alpha_product"].value == pytest.approx(0.01, rel=1e-3)
    assert found.parameters["two_band.mu_h"].value == pytest.approx(bands["mu_h"], rel=1e-4)
    given = {"offset": {}, "two_band": {"hall": [0, 1]}}
    with pytest.raises(InputError, match=r"Sample few: .*2 numbers for 3 curves"):
        of.Sample(hall_bar, samples[0].curves, "few", background=given)
