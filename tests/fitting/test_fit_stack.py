"""Fits of stacks, one curve and a series: parameters of a layer by its name."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

import ohmr_fem as of
from ohmr_fem.fitting.layers import base_of, proportional, split

L, TAU, ALPHA = 5e-9, 2e-12, 0.1
PAIR = {"current": ("left", "right"), "voltage": ("b1", "b2")}
FIELDS = np.vstack([of.field_sweep(-9.0, 9.0, 15, "x"), of.field_sweep(-9.0, 9.0, 14, "z")])
UM = 1e-6


def quietly(function, *args, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return function(*args, **options)


def near(value, rel):
    return pytest.approx(value, rel=rel)


@pytest.fixture(scope="module")
def mesh():
    names = {
        "left": lambda p: p[0] < 1e-15,
        "right": lambda p: p[0] > 3 * UM - 1e-15,
        "b1": lambda p: (p[1] < 1e-15) & (abs(p[0] - UM) < 0.26 * UM),
        "b2": lambda p: (p[1] < 1e-15) & (abs(p[0] - 2 * UM) < 0.26 * UM),
    }
    lines = np.linspace(0, 3 * UM, 13), np.linspace(0, UM, 4)
    return of.tensor_grid(*lines).with_boundaries(names)


def stack(thickness, wrong=1.0, pt=0.0):
    """Platinum that makes nothing, or little, under manganese."""
    below = of.Material(
        resistivity="20 uohm cm",
        diffusion_length="2 nm",
        relaxation_time="0.5 ps",
        orbital_hall_angle=pt * wrong,
        inverse_mass=1.0,
        name="Pt",
    )
    above = of.Material(
        resistivity="100 uohm cm",
        diffusion_length=L * wrong,
        relaxation_time=TAU / wrong,
        orbital_hall_angle=-ALPHA * wrong,
        inverse_mass=1.0,
        name="Mn",
    )
    return of.Stack([(below, "3 nm"), (above, thickness)])


def problem(mesh, film):
    return of.Problem(mesh, None, ["left", "right", "b1", "b2"], film=film)


def measured(mesh, film):
    """By finite elements through the thickness; the fit uses the closed form."""
    values = quietly(of.hanle_curve, problem(mesh, film), FIELDS, **PAIR).delta_R
    return of.Measured(FIELDS, values, "hanle", 1e-3 * float(np.ptp(values)), **PAIR)


def test_names_of_layers():
    assert split("Mn.relaxation_time") == ("Mn", "relaxation_time")
    assert split("Pt 5.0.theta") == ("Pt 5.0", "theta")
    for other in ("spin.relaxation_time", "polarisation.thickness", "kohler.n", "thickness"):
        assert split(other) is None
        assert base_of(other) == other
    assert proportional("Mn.alpha_product", stack(8e-9))
    assert not proportional("Mn.alpha_product", stack(8e-9, pt=0.02))


def test_a_stack_with_other_values(mesh):
    own = stack(8e-9, pt=0.02)
    moved = own.at({"Mn.thickness": 9e-9, "Mn.alpha_product": -0.02, "Pt.resistivity": 1e-7})
    mn, size = moved.layers[1]
    assert (size, moved.thickness) == (9e-9, near(12e-9, 1e-12))
    assert moved.value("Mn.resistivity") == near(1e-6, 1e-12)
    assert moved.value("Pt.resistivity") == near(1e-7, 1e-12)
    # alpha keeps its sign and its ratio to alpha', which turns with the product
    assert mn.orbital_hall_angle == near(-(0.02**0.5), 1e-12)
    assert mn.inverse_orbital_hall_angle == near(0.02**0.5, 1e-12)
    measure = of.spectral_measure(problem(mesh, own), **PAIR)
    other = measure.at(**{"Mn.thickness": 9e-9})
    expected = of.spectral_measure(problem(mesh, own.at({"Mn.thickness": 9e-9})), **PAIR)
    assert_allclose(other.delta_R(FIELDS), expected.delta_R(FIELDS), rtol=1e-12)
    assert_allclose(other.closed.delta_R(FIELDS), expected.delta_R(FIELDS), rtol=1e-8)
    assert abs(other.closed.ac(1e9, FIELDS[0]) - expected.ac(1e9, FIELDS[0])) < 1e-13


def test_one_curve(mesh):
    data = measured(mesh, stack(10e-9))
    start = problem(mesh, stack(10e-9, 1.2).at({"Mn.diffusion_length": L}))
    found = quietly(of.fit, data, start, ("Mn.alpha", "Mn.tau"), intervals="fisher")
    assert found.parameters["Mn.alpha_product"].value == near(ALPHA**2, 1e-4)
    estimate = found.parameters["Mn.relaxation_time"]
    assert (estimate.value, estimate.unit, estimate.symbol) == (near(TAU, 1e-4), "s", "tau(Mn)")


def test_a_series_of_stacks(mesh, tmp_path):
    """Both metals make moment: their products are no factor of the signal."""
    samples = []
    for t in (4e-9, 10e-9, 30e-9):
        data = measured(mesh, stack(t, pt=0.05))
        film = stack(t, 1.15, pt=0.05)
        known = {"Pt.tau": "0.5 ps"}
        samples.append(of.Sample(problem(mesh, film), data, f"t{1e9 * t:g}", known=known))
    names = ("Mn.alpha", "Mn.L_m", "Mn.tau", "Pt.alpha")
    found = quietly(of.global_fit, samples, names, intervals="fisher")
    truth = {"Mn.alpha_product": ALPHA**2, "Mn.diffusion_length": L, "Mn.relaxation_time": TAU}
    for name, value in (truth | {"Pt.alpha_product": 0.05**2}).items():
        assert found.parameters[name].value == near(value, 1e-3)
    again = of.load_fit(of.save(found, tmp_path / "fit.json"))
    assert again.parameters == found.parameters
    kept = again.samples["t10"].sample.problem
    assert repr(kept.film) == repr(samples[1].problem.film)


def test_what_a_stack_cannot_be_asked(mesh):
    own = problem(mesh, stack(10e-9))
    data = of.Measured(FIELDS, np.arange(29.0), "hanle", 1.0, **PAIR)
    for names, why in (
        (("alpha", "tau"), "no alpha of its own; name a layer of Pt, Mn"),
        (("Cu.tau",), "no layer is called 'Cu'"),
        (("Pt.alpha",), "Pt.alpha_product is 0"),
        (("Mn.tau", "Mn.relaxation_time"), "named twice"),
    ):
        with pytest.raises(of.InputError, match=why):
            of.fit(data, own, names)
    sample = of.Sample(own, data, "one")
    with pytest.raises(of.InputError, match="no alpha_product of its own"):
        of.global_fit([sample])
    with pytest.raises(of.InputError, match="a verdict takes films"):
        of.compare_models([sample])
    film = replace(own, materials=stack(10e-9).layers[1][0], film=of.Film("10 nm"))
    with pytest.raises(of.InputError, match="one fit takes one kind"):
        of.global_fit([sample, of.Sample(film, data, "two")], ("Mn.tau",))
