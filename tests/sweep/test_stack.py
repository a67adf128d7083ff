"""Stacks: equal layers are a film, unequal ones a collocation, a magnet the printed numbers."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose

import ohmr_fem as of
from ohmr_fem import analytic
from ohmr_fem.errors import InputError
from ohmr_fem.sweep.film import film_measures
from ohmr_fem.units import ELECTRON_MASS, ELEMENTARY_CHARGE

UNIT = 2.0 * ELECTRON_MASS / ELEMENTARY_CHARGE
BETA = np.array([[1.0, -0.7, 0.6]])
XT = np.array([[1.0, 0.15, 0.1], [0.15, 0.8, -0.05], [0.1, -0.05, 0.5]])
FULL = np.array([[1.0, 0.2, 0.1], [0.2, 0.5, 0.0], [0.1, 0.0, 1.5]])
PAIR = ("left", "right"), ("left", "b")


def material(X=XT, **changes):
    given = {
        "resistivity": 1.0,
        "relaxation_time": 1.0,
        "orbital_hall_angle": 1.0,
        "inverse_mass": X,
        "diffusion_length": 1.0,
    }
    return of.Material(**(given | changes))


def bar(given, **options):
    """A bar of 3 x 1 with a probe below."""
    names = {
        "left": lambda p: p[0] < 1e-9,
        "right": lambda p: p[0] > 3 - 1e-9,
        "b": lambda p: (p[1] < 1e-9) & (abs(p[0] - 1.5) < 0.5),
    }
    mesh = of.tensor_grid(np.linspace(0, 3, 7), np.linspace(0, 1, 4)).with_boundaries(names)
    return of.Problem(mesh, given, list(names)[: options.pop("count", 3)], **options)


def quiet(function, *args, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return function(*args, **options)


FACES = {
    "reflecting": {},
    "unequal": {"bottom": 3.0, "top": 0.2},
    "full": {"bottom": FULL, "top": (0.1, 0.2, 0.3)},
    "absorbing": {"bottom": "absorbing", "top": FULL},
}


@pytest.mark.parametrize("detection", ["printed", "reciprocal"])
@pytest.mark.parametrize("kind", FACES)
def test_equal_layers_are_a_film(kind, detection):
    stack = of.Stack([(material(), 0.3), (material(), 0.7)], **FACES[kind])
    fields = np.vstack([0.0 * BETA, BETA, -2.0 * BETA]) * UNIT
    found = of.film_conductivity(None, stack, fields, detection=detection)
    film = of.Film(1.0, **FACES[kind])
    expected = of.film_conductivity(material(), film, fields, detection=detection)
    assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


def test_a_device_reads_the_four_entries():
    """The same plane, film and stack: delta_R of the stack is delta_R_local of the film."""
    stack = of.Stack([(material(), 0.3), (material(), 0.7)], **FACES["unequal"])
    fields = BETA * UNIT
    layered = bar(None, film=stack)
    curve = quiet(of.hanle_curve, layered, fields, current=PAIR[0], voltage=PAIR[1])
    film = film_measures(bar(material(), film=of.Film(1.0, **FACES["unequal"])), [PAIR])[0]
    assert_allclose(curve.delta_R, film.delta_R_local(fields), rtol=1e-9)
    assert curve.R_ohmic == pytest.approx(film.R_ohmic, rel=1e-12)
    assert curve.parts.edges is None
    assert_allclose(curve.parts.faces, curve.delta_R, rtol=0)
    assert {"delta_R_faces", "delta_R_local"} <= set(curve.columns())
    assert "delta_R_edges" not in curve.columns()


def test_a_stack_is_not_its_mean():
    """Layers of their own sigma, D, tau, alpha and X against a collocation."""
    from validation.interfaces import SLABS, B, collocated

    layers = [(of.Material(**_given(s), resistivity=1.0 / s.sigma), s.thickness) for s in SLABS]
    for detection, G in (("printed", (0.7, 0.4)), ("reciprocal", (0.7, 0.4)), ("printed", (0, 0))):
        stack = of.Stack(layers, bottom=float(G[0]), top=float(G[1]))
        expected = collocated(SLABS, "z", detection, G)
        found = of.film_conductivity(None, stack, B / _rate(), detection=detection)
        assert found[0, 0, 0] == pytest.approx(expected, rel=1e-8)


def _given(slab):
    return {
        "diffusion_constant": slab.D,
        "relaxation_time": slab.tau,
        "orbital_hall_angle": slab.alpha,
        "inverse_orbital_hall_angle": slab.back,
        "inverse_mass": slab.X,
    }


def _rate():
    return 0.5 * ELEMENTARY_CHARGE / ELECTRON_MASS


@pytest.mark.parametrize(
    "sigma, angle, length, g, thickness, expected",
    [
        (2.5e6, 0.11, 1.5e-9, 4e14, 8e-9, 7.2172628869e-4),
        (2.5e6, 0.08, 1.1e-9, 7e14, 3e-9, 6.8612250259e-4),
    ],
)
def test_spin_hall_magnetoresistance(sigma, angle, length, g, thickness, expected):
    pt = material(1.0, resistivity=1 / sigma, orbital_hall_angle=angle, diffusion_length=length)

    def longitudinal(m):
        face = of.magnetic_face(mixing_conductance=g, magnetisation=m)
        stack = of.Stack([(pt, thickness / 3), (pt, 2 * thickness / 3)], top=face)
        return of.film_conductivity(None, stack, np.zeros(3))[0, 0, 0]

    assert longitudinal((0, 1, 0)) - longitudinal((1, 0, 0)) == pytest.approx(expected, rel=1e-9)


def test_alternating_current():
    """(F(s + i phi) + F(s - i phi))/2 of both faces, s = 1 - i w tau."""
    stack = of.Stack([(material(1.0), 0.35), (material(1.0), 0.35)])
    ends = ("left", "right")
    measure = of.spectral_measure(bar(None, film=stack, count=2), current=ends, voltage=ends)
    phi, nu = 1.5, 0.3
    s = 1 - 2j * np.pi * nu
    faces = np.mean([analytic.strip_response(s + k * phi, 0.7) for k in (1j, -1j)])
    expected = -3.0 / 0.7 * faces
    assert measure.ac(nu, (phi * UNIT, 0.0, 0.0)) == pytest.approx(expected, rel=1e-9)


def test_what_is_left_out_and_where_onsager_fails_is_said():
    layers = [(material(1.0), 0.5), (material(1.0, orbital_hall_angle=0.1), 0.5)]
    for X, faces, fails in ((1.0, {}, False), (1.0, {"top": FULL}, False), (XT, {}, True)):
        film = of.Stack([(material(X), 0.5), *layers[1:]], **faces)
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            of.hanle_curve(bar(None, film=film), BETA * UNIT, current=PAIR[0], voltage=PAIR[1])
        texts = [str(w.message) for w in said]
        assert any("side edges (about" in t for t in texts)
        assert any("Onsager" in t for t in texts) == fails


def test_another_stack_on_the_same_plane():
    one, two = (of.Stack([(material(), t), (material(1.0), 1.0)]) for t in (0.3, 0.6))
    measure = of.spectral_measure(bar(None, film=one), current=PAIR[0], voltage=PAIR[1])
    fresh = of.spectral_measure(bar(None, film=two), current=PAIR[0], voltage=PAIR[1])
    tuned = measure.at(film=two)
    assert_allclose(tuned.delta_R(BETA * UNIT), fresh.delta_R(BETA * UNIT), rtol=1e-12)
    assert tuned.R_ohmic == pytest.approx(fresh.R_ohmic, rel=1e-12)
    with pytest.raises(InputError, match="a stack has no material of its own"):
        measure.at(tau=2.0)


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: of.Stack([]), "expected a list of"),
        (lambda: of.Stack([(material(), -1.0)]), "must be"),
        (lambda: of.Stack([(material(), "2 s")]), "2 s"),
        (lambda: of.Stack([material()]), "as layer 1"),
        (lambda: of.Stack([(material(resistivity=None), 1.0)]), "no conductivity"),
        (lambda: bar(material(), film=of.Stack([(material(), 1.0)])), "materials=None"),
        (
            lambda: bar(None, film=of.Stack([(material(), 1.0)]), edges={"b": "absorbing"}),
            "is a contact|no side edge",
        ),
        (lambda: of.film_conductivity(material(), of.Stack([(material(), 1.0)]), BETA), "None"),
        (lambda: of.film_conductivity(None, of.Film(1.0), BETA), "needs its Material"),
    ],
)
def test_bad_stacks(make, words):
    with pytest.raises(InputError, match=words) as raised:
        make()
    assert len(str(raised.value)) <= 300 and "\n" not in str(raised.value)
