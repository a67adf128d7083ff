"""The verdict: its parts by closed forms, its word on data made without the package."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import chdtrc

import ohmr_fem as of
from ohmr_fem.fitting.alternatives import ljung_box, with_alternative
from ohmr_fem.fitting.checks import all_checks
from ohmr_fem.fitting.data import Measured
from ohmr_fem.fitting.null import Plane, above, falls
from ohmr_fem.fitting.scan import Cleared, background_alone
from ohmr_fem.fitting.verdict import Comparison, prepare_comparison
from ohmr_fem.units import ELECTRON_MASS, ELEMENTARY_CHARGE

RATE = 0.5 * ELEMENTARY_CHARGE / ELECTRON_MASS
SIZES = (4e-9, 8e-9, 16e-9, 40e-9)
POINTS = 21
QUICK = {"simulations": 199, "alternatives": ("quadratic", "kohler")}


def hanle(t, fields, product=0.01):
    phi = RATE * 2e-12 * np.linalg.norm(fields[:, [0, 2]], axis=1)
    z = np.sqrt(1.0 + 1j * phi) * t / 1e-8
    return -product * np.real(np.tanh(z) / z)


def series(kind="hanle", directions="x", noise=2e-6, seed=1, **options):
    """Films with a Kohler background, and with or without the effect."""
    rng = np.random.default_rng(seed)
    m = of.Material(
        relaxation_time="2 ps",
        orbital_hall_angle=0.1,
        inverse_mass=1.0,
        diffusion_length="5 nm",
    )
    out = []
    for t in SIZES:
        curves = []
        for direction in directions:
            fields = of.field_sweep(-9.0, 9.0, POINTS, direction)
            size = np.linalg.norm(fields, axis=1)
            values = 3e-5 * (size / 9.0) ** 1.6
            if kind == "hanle":
                values = values + hanle(t, fields)
            values = values + noise * rng.standard_normal(POINTS)
            curves.append(Measured(fields, values, "ratio", noise))
        problem = of.Problem(of.cross_section(t, "z"), m)
        out.append(of.Sample(problem, curves, f"t{1e9 * t:g}", **options))
    return out


def compared(samples, *args, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return of.compare_models(samples, *args, **(QUICK | options))


@pytest.fixture(scope="module")
def seen():
    return compared(series(directions="xy"))


def test_an_effect_is_favoured(seen):
    assert seen.verdict == "favoured" and seen.p < 0.01
    assert "favoured" in seen.sentence and f"{seen.p:.2g}" in seen.sentence
    passed = {c.name: c.passed for c in seen.checks}
    assert passed["anisotropy"] and passed["sign"] and passed["thickness law"]
    assert seen.fits["hanle"].alternative == "kohler"


def test_the_table(seen):
    table = seen.table
    names = ["model", "parameters", "chi2", "degrees", "aicc", "bic", "predicted", "ratio", "p"]
    assert list(table) == names
    assert list(table["model"]) == ["background", "hanle"]
    assert table["ratio"][0] == 0.0 and table["ratio"][1] > 100.0
    k, n = table["parameters"], 4 * 2 * POINTS
    assert_allclose(table["degrees"], n - k)
    assert_allclose(table["aicc"], table["chi2"] + 2.0 * k + 2.0 * k * (k + 1.0) / (n - k - 1.0))
    assert_allclose(table["bic"], table["chi2"] + k * np.log(n))
    # a left-out sample is worse described than one that was fitted
    assert np.all(table["predicted"] > table["chi2"])
    assert "hanle" in str(seen)


def test_nothing_is_not_favoured_and_what_was_stated_is_excluded():
    found = compared(series("none"))
    assert found.verdict == "excluded"
    assert found.p_stated < 0.01 and "no bound" in found.sentence


def test_too_much_noise_decides_nothing():
    found = compared(series(noise=3e-3))
    assert found.verdict == "not distinguishable"
    assert found.power < 0.2 and "would decide" in found.sentence


def test_an_effect_where_there_can_be_none_fails_the_check():
    samples = series(directions="xy")
    moved = []
    for s in samples:
        along, across = s.curves
        wrong = across.values + hanle(s.properties["thickness"], along.fields)
        moved.append(of.Sample(s.problem, [along, replaced(across, wrong)], s.name))
    found = compared(moved)
    (check,) = [c for c in found.checks if c.name == "anisotropy"]
    assert check.passed is False and check.value == pytest.approx(1.0, abs=0.1)
    assert found.verdict != "favoured"


def replaced(curve, values):
    return Measured(curve.fields, values, curve.quantity, curve.sigma)


def test_kohler_scaling_is_seen():
    rng = np.random.default_rng(2)
    samples = []
    for s, rho in zip(series("none"), (1e-6, 2e-6, 3e-6, 5e-6), strict=True):
        size = np.abs(s.curves[0].fields[:, 0])
        values = 1e-3 * (size / rho * 1e-6 / 9.0) ** 1.6 + 2e-6 * rng.standard_normal(POINTS)
        curve = replaced(s.curves[0], values)
        samples.append(of.Sample(s.problem, curve, s.name, resistivity=rho))
    found = compared(samples)
    (check,) = [c for c in found.checks if c.name == "Kohler scaling"]
    assert check.passed is False and found.verdict != "favoured"


def test_the_opposite_sign_fails_the_check():
    samples = series()
    comparison = _prepared(samples)
    model = comparison.first.model
    u = np.zeros(len(model.parameters))
    checks = {c.name: c for c in all_checks(model, u, -0.01)}
    assert checks["sign"].passed is False


def _prepared(samples) -> Comparison:
    asked = {"background": (), "hanle": ("alpha", "L_m", "tau")}
    return prepare_comparison(samples, asked, (), None, ("kohler",), 0.01, 100, 0)


def test_a_background_is_cleared_with_its_shape():
    model = _prepared(series("none")).first.model
    cleared = Cleared.at(*background_alone(model))
    fields = np.abs(fields_of(model))
    n = cleared.model.physical(cleared.u)["kohler.n"]
    shape = np.concatenate([(fields / 9.0) ** n] * 4)
    slope = np.concatenate([(fields / 9.0) ** n * np.log(np.maximum(fields, 1e-9) / 9.0)] * 4)
    for values in (shape, np.ones(len(shape))):
        assert np.abs(cleared.rows(values)).max() < 1e-7 * np.abs(values / 2e-6).max()
    # the change with n that all curves share, each at its own amplitude
    amounts = np.repeat([a[1] for a in cleared.model.amplitudes(cleared.u)], POINTS)
    left = cleared.rows(amounts * 9.0**n * slope)
    assert np.abs(left).max() < 1e-3 * np.abs(amounts * 9.0**n * slope / 2e-6).max()


def fields_of(model):
    return model.curves[0].fields[:, 0]


def test_the_fall_against_least_squares_one_by_one():
    prepared = _prepared(series("none")).first
    model, atlas = prepared.model, prepared.atlas
    plane = Plane.of(model, {"hanle": atlas})
    white = np.concatenate(model.values) / 2e-6
    found = falls([plane], white[None, :])
    fields = np.abs(fields_of(model))
    n = plane.cleared.model.physical(plane.cleared.u)["kohler.n"]
    amounts = [float(a[1]) for a in plane.cleared.model.amplitudes(plane.cleared.u)]
    shape = fields**n
    logarithm = np.log(np.where(fields > 0.0, fields, 1.0))
    columns = [np.kron(e, c) for e in np.eye(4) for c in (np.ones(POINTS), shape)]
    tangent = np.concatenate([a * shape * logarithm for a in amounts])
    A = np.array([*columns, tangent]).T
    bare = _left_of(A, white)
    best = min(_with_effect(A, c[0], white) for c in atlas.columns)
    assert found.background[0] == pytest.approx(bare, rel=1e-6)
    assert found.fall["hanle"][0] == pytest.approx(bare - best, rel=1e-3)


def _with_effect(A, column, y):
    """As without it where the effect would have the sign that was not stated."""
    whole = np.column_stack([A, column / np.linalg.norm(column)])
    amount = np.linalg.lstsq(whole / np.linalg.norm(whole, axis=0), y, rcond=None)[0][-1]
    return _left_of(whole, y) if amount > 0.0 else _left_of(A, y)


def _left_of(A, y):
    A = A / np.linalg.norm(A, axis=0)
    return float(np.sum((y - A @ np.linalg.lstsq(A, y, rcond=None)[0]) ** 2))


def test_p_of_simulations():
    assert above(np.arange(99.0), 1e9) == 0.01
    assert above(np.arange(99.0), -1.0) == 1.0


def test_whiteness_against_its_own_definition():
    rng = np.random.default_rng(5)
    p = [chdtrc(10, ljung_box(rng.standard_normal(200), 10)) for _ in range(300)]
    assert 0.4 < np.mean(p) < 0.6
    smooth = np.sin(np.linspace(0.0, 3.0, 200))
    assert chdtrc(10, ljung_box(smooth, 10)) < 1e-6


def test_an_alternative_takes_the_place_of_the_even_background():
    sample = series(background={"offset": {}, "linear": {}, "kohler": {"n": 1.7}})[0]
    names = [t.name for t in with_alternative(sample, "hln").background]
    assert names == ["offset", "linear", "hln"]
    own = with_alternative(sample, "kohler").background[-1]
    assert dict(own.given) == {"n": 1.7}


def test_more_models():
    found = compared(series(), ["hanle", "hanle_absorbing"], simulations=100)
    assert list(found.table["model"]) == ["background", "hanle", "hanle_absorbing"]
    assert found.table["chi2"][2] <= found.table["chi2"][1] + 0.1
    assert found.verdict in ("favoured", "not distinguishable")


@pytest.mark.parametrize("options, complaint", [
    ({"models": ["spin"]}, "is no model"),
    ({"models": ["background"]}, "beside the background"),
    ({"alternatives": ("cubic",)}, "is no even background"),
    ({"alternatives": "kohler"}, "expected names"),
    ({"level": 2.0}, "level"),
    ({"simulations": 20}, "too few"),
    ({"shared": ("L_m", "tau")}, "about the size"),
])  # fmt: skip
def test_what_cannot_be_compared(options, complaint):
    with pytest.raises(of.InputError, match=complaint):
        of.compare_models(series()[:2], **options)
