"""Backgrounds: numbers worked out elsewhere, limits, and fits that find them again."""

from __future__ import annotations

import numpy as np
import pytest

import ohmr_fem as of
from ohmr_fem.errors import InputError
from ohmr_fem.fitting.background import QUANTUM, background, read_terms
from ohmr_fem.fitting.curve import Curve
from ohmr_fem.fitting.data import Measured

BANDS = {"n_e": 2e24, "mu_e": 0.1, "n_h": 1e24, "mu_h": 0.3}
Z = np.array([[0.0, 0.0, 1.0]])


@pytest.mark.parametrize(
    ("name", "field", "values", "expected"),
    [
        ("kohler", (9, 0, 0), {"a": 1e-4, "n": 1.7}, 4.18998304957e-3),
        ("kohler", (0, 9, 0), {"a": 1e-4, "n": 1.7, "resistivity_ratio": 2}, 1.36132950908e-2),
        ("two_band", (0, 0, 3), BANDS, 0.334753971329),
        ("two_band", (5, 0, 3), {"a": 0.0384, "B_s": 50 / 3}, 0.334753971329),
        ("two_band_hall", (0, 0, 3), BANDS, 0.359744285161),
        ("two_band_hall", (0, 0, -3), BANDS, -0.359744285161),
        (
            "hln",
            (7, 0, 1),
            {"weight": -0.5, "l_phi": 100e-9, "sheet_conductivity": 1e-3},
            1.3703920429e-2,
        ),
        (
            "hln",
            (0, 0, -1),
            {"weight": 1, "l_phi": 100e-9, "l_so": 20e-9, "sheet_conductivity": 1e-3},
            1.19310543904e-2,
        ),
        ("quadratic", (0, 3, 4), {"a": 0.1}, 2.5),
        ("anomalous", (0, 0, -4), {"a": 0.1}, -0.1),
    ],
)
def test_numbers(name, field, values, expected):
    assert background(name, field, **values)[0] == pytest.approx(expected, rel=1e-10)


def test_two_bands_from_the_inverse_of_the_conductivity():
    """The 2 x 2 conductivity of both bands, inverted: another route to the same numbers."""
    B = np.linspace(-8.0, 8.0, 9)
    parts = [(BANDS["n_e"], BANDS["mu_e"], -1.0), (BANDS["n_h"], BANDS["mu_h"], 1.0)]
    complex_sigma = sum(n * mu / (1.0 - 1j * sign * mu * B) for n, mu, sign in parts)
    rho = sum(n * mu for n, mu, _ in parts) / complex_sigma
    fields = B[:, None] * Z
    assert np.allclose(background("two_band", fields, **BANDS), rho.real - 1.0, rtol=1e-12)
    assert np.allclose(background("two_band_hall", fields, **BANDS), -rho.imag, rtol=1e-12)


def test_bands_that_compensate_never_saturate():
    even = {"n_e": 1e24, "mu_e": 0.2, "n_h": 1e24, "mu_h": 0.2}
    r = background("two_band", [[0, 0, 1.0], [0, 0, 100.0]], **even)
    assert r[1] / r[0] == pytest.approx(1e4, rel=1e-12)


def test_localisation_has_its_limits():
    """B^2/(24 B_phi^2) in weak fields, a logarithm in strong ones, nothing in the plane."""
    values = {"weight": 1.0, "l_phi": 100e-9, "sheet_conductivity": 1.0}
    phase = 1.0545718176461565e-34 / (4.0 * 1.602176634e-19 * (100e-9) ** 2)
    weak, far, farther = (background("hln", phase * b * Z, **values)[0] for b in (1e-3, 1e6, 1e7))
    assert weak == pytest.approx(-QUANTUM * 1e-6 / 24.0, rel=1e-5)
    assert farther - far == pytest.approx(-QUANTUM * np.log(10.0), rel=1e-5)
    assert background("hln", [[5.0, 3.0, 0.0]], **values)[0] == 0.0
    # the series and the digamma function meet without a step
    near = background("hln", phase / np.array([[29.999], [30.001]]) * Z, **values)
    assert near[0] / near[1] == pytest.approx((30.001 / 29.999) ** 2, rel=1e-6)


def test_strong_spin_orbit_scattering_is_antilocalisation():
    values = {"l_phi": 100e-9, "sheet_conductivity": 1.0}
    strong = background("hln", 0.1 * Z, weight=1.0, l_so=0.1e-9, **values)
    assert strong[0] == pytest.approx(
        background("hln", 0.1 * Z, weight=-0.5, **values)[0], rel=1e-4
    )


@pytest.mark.parametrize(
    ("name", "values", "key"),
    [
        ("kohlr", {}, "name"),
        ("kohler", {"a": 1.0}, "n"),
        ("kohler", {"a": 1.0, "n": -1.0}, "n"),
        ("kohler", {"a": 1.0, "n": 1.0, "B_s": 2.0}, "B_s"),
        ("two_band", {"a": 1.0}, "B_s"),
        ("two_band", {"a": 1.0, **BANDS}, "a"),
        ("two_band", {"n_e": 1.0, "mu_e": 1.0, "n_h": 1.0}, "mu_h"),
        ("hln", {"weight": 1.0, "l_phi": 0.0, "sheet_conductivity": 1.0}, "l_phi"),
    ],
)
def test_what_is_refused_names_its_key(name, values, key):
    with pytest.raises(InputError) as caught:
        background(name, Z, **values)
    assert caught.value.key == key


@pytest.mark.parametrize(
    "given",
    ["offset", ["offset", "offset"], ["cubic"], {"kohler": {"m": 1}}, {"kohler": {"n": -1}}],
)
def test_terms_of_a_fit_that_are_refused(given):
    with pytest.raises(InputError) as caught:
        read_terms(given)
    assert caught.value.key == "background"


@pytest.mark.parametrize("name", ["quadratic", "kohler", "two_band", "hln"])
def test_a_fit_finds_the_background_again(name):
    pytest.importorskip("lmfit")
    from validation.fit_backgrounds import SHAPES, TRUTH, fitted, height

    found = fitted(name, 1)
    truth = {**TRUTH, **{f"{name}.{key}": value for key, value in SHAPES[name].items()}}
    for key, value in truth.items():
        estimate = found.parameters[key]
        assert abs(estimate.value - value) < 3.5 * estimate.error, key
    # the tilted curve, where every background is at work
    curve = found.curves[1]
    _, one = height(name, curve.data.fields, 1.0)
    size = float(np.ptp(curve.model - curve.background))
    key = f"{name}.{'weight' if name == 'hln' else 'a'}"
    value, error = curve.amplitudes[key]
    assert error > 0.0
    assert abs(value - one * size) < 4.0 * error + 0.05 * abs(value)


def test_a_shape_that_is_held_is_no_parameter():
    pytest.importorskip("lmfit")
    from validation.fit_backgrounds import curves, measure

    found = of.fit(
        curves("kohler", 2),
        measure(True),
        ["alpha", "tau", "theta"],
        background={"offset": {}, "kohler": {"n": 1.5}},
        strip=False,
        intervals="fisher",
    )
    assert list(found.parameters) == ["alpha_product", "relaxation_time", "theta"]
    assert found.reduced_chi2 < 1.5


def test_a_background_across_the_plane_spans_nothing_in_the_plane():
    """A column of zeros must not take a direction of the data away."""
    from ohmr_fem.fitting.model import projector

    basis = np.column_stack([np.ones(5), np.zeros(5)])
    assert projector(basis, np.ones(5)).shape == (5, 1)


def test_a_background_that_looks_like_the_effect_is_named():
    """In weak fields the Hanle effect is a parabola, and so is a quadratic background."""
    from validation.fit_backgrounds import measure

    def known(top):
        fields = of.field_sweep(-top, top, 41, "x")
        change = Curve.of(
            Measured(fields, np.arange(41.0), "ratio"), measure(False), ["offset"]
        ).signal({})
        data = Measured(fields, change, "ratio", 1e-3 * np.ptp(change))
        return of.identifiability(
            data, measure(False), ["alpha"], background=["offset", "quadratic"]
        )

    weak, strong = known(0.02), known(2.0)
    assert weak.alike["quadratic"] < 0.1 < strong.alike["quadratic"]
    assert "'quadratic' looks like the Hanle effect" in str(weak)
    assert "looks like" not in str(strong)
