"""Faces that absorb or drive, of films of several rates or both moments (docs/theory, 9 and 11)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import ohmr_fem as of
from ohmr_fem.errors import InputError
from ohmr_fem.model.channels import Channels
from ohmr_fem.solver.film_channels import ChannelFaces, Spectra, even_of, odd_of, scaled_rates
from ohmr_fem.solver.resolution import physics_notes
from validation.two_channels import BETA, GAMMA, TESLA, two

FIELDS = TESLA * np.array([BETA, 0.0 * BETA, 3.0 * BETA[::-1]])
SPREAD = np.array([[1.0, 0.1], [0.3, 2.0]])
FULL = np.array([[1.0, 0.2, 0.0], [0.2, 0.5, 0.1], [0.0, 0.1, 2.0]])
MAGNET = of.magnetic_face(mixing_conductance=(0.4, 0.2), magnetisation=(1.0, 2.0, -0.5))
CURRENT, VOLTAGE = ("left", "right"), ("t1", "t2")
pytestmark = pytest.mark.filterwarnings("ignore::ohmr_fem.PhysicsWarning")


def tensor(rate=GAMMA, **changes):
    given = {"relaxation_time": None, "relaxation_rate": rate, "diffusion_length": None}
    return replace(two(SPREAD), spin=None, **given, **changes)


def bulk(material):
    return replace(material, sheet_conductivity=None, resistivity=1.0, diffusion_length=None)


def by_section(material, thickness, lower, upper, detection):
    """-rho of the section, components of both moments at once on finite elements."""
    mesh = of.cross_section(thickness, normal="z", cells=30)
    edges = {"lower": lower, "upper": upper}
    prob = of.Problem(mesh, material, edges=edges, detection=detection)
    return [-of.magnetoresistance(prob, B) for B in FIELDS]


@pytest.mark.parametrize(
    ("material", "lower", "upper"),
    [
        (two(SPREAD), 0.7, (0.3, 0.0, 1.0)),
        (two(SPREAD), {"orbital": 0.4, "spin": 1.3}, "absorbing"),
        (
            two(SPREAD),
            {"orbital": "absorbing", "spin": 0.5},
            {"orbital": (1.0, 2.0, 3.0), "spin": "reflecting"},
        ),
        (tensor(), 0.7, 0.3),
        (
            tensor(),
            of.Edge(0.2, source=0.01),
            of.Edge(source=-0.02, inverse_source=0.03),
        ),
    ],
)
def test_the_section_through_the_thickness(material, lower, upper):
    film = of.Film(1.7, lower, upper)
    for detection in ("printed", "reciprocal"):
        found = of.film_conductivity(bulk(material), film, FIELDS, detection=detection)
        expected = by_section(material, 1.7, lower, upper, detection)
        assert found[:, 0, 0] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    "faces",
    [
        (0.7, "absorbing"),
        (MAGNET, FULL),
        (of.Edge(0.4, source=0.02), of.Edge(source=-0.01, inverse_source=0.02)),
    ],
)
def test_equal_rates_are_the_film_of_three_scalars(bar, faces):
    film, rows = of.Film(1.0, *faces), []
    for rate in (1.3, (1.3, 1.3, 1.3)):
        prob = bar(bulk(tensor(rate)), film=film)
        curve = of.hanle_curve(prob, FIELDS, current=CURRENT, voltage=VOLTAGE, tolerance=1e-7)
        parts = curve.parts.edges, curve.parts.faces, curve.parts.cross, curve.delta_R_local
        rows.append(np.array([curve.delta_R, curve.hanle, *parts]))
    one, same = rows
    assert np.abs(same - one).max() < 1e-8 * np.abs(one).max()
    assert np.abs(one[4]).max() > 1e-6 * np.abs(one[0]).max()


def test_a_source_on_both_faces_adds_to_the_angles():
    kappa, back = 0.03, -0.01
    face = of.Edge(0.4, source=kappa, inverse_source=back)
    driven = of.film_conductivity(bulk(two(SPREAD)), of.Film(1.2, face, face), FIELDS)
    m = two(SPREAD)
    spin = replace(
        m.spin,
        hall_angle=m.spin.hall_angle + kappa,
        inverse_hall_angle=m.spin.inverse_hall_angle + back,
    )
    angles = {
        "orbital_hall_angle": m.orbital_hall_angle + kappa,
        "inverse_orbital_hall_angle": m.inverse_orbital_hall_angle + back,
    }
    more = replace(m, spin=spin, diffusion_length=None, **angles)
    plain = of.film_conductivity(bulk(more), of.Film(1.2, 0.4, 0.4), FIELDS)
    assert np.allclose(driven, plain, rtol=1e-12)


def test_matrices_without_eigenvectors():
    """Functions of the matrix itself, against eigenvectors a little away."""
    faces = ChannelFaces.of(of.Film(1.0, 0.4, "absorbing"), Channels.of(two()), 1.0, 1.0)
    A = scaled_rates(Channels.of(two()), FIELDS, 1.0)[:1]
    by_vectors = Spectra.of(A)
    assert not by_vectors.parallel.any()
    by_matrix = replace(by_vectors, parallel=np.array([True]))
    rates = np.array([0.0, 3.0])
    one, other = (faces._response(rates, s) for s in (by_vectors, by_matrix))
    assert np.allclose(one, other, rtol=1e-11, atol=1e-13)
    chain = np.eye(6) + np.eye(6, k=1)
    assert Spectra.of(chain[None]).parallel.all()
    y = np.array([[1.2]])
    assert odd_of(1.0)(y**2)[0, 0] == pytest.approx(np.tanh(1.2) / 1.2)
    assert even_of(1.0)(y**2)[0, 0] == pytest.approx(1.0 / (1.2 * np.tanh(1.2)))


@pytest.mark.parametrize("faces", [(MAGNET, 0.2), ({"orbital": 0.0, "spin": MAGNET}, 0.7)])
def test_reciprocity_with_magnets(bar, faces):
    spread, losses = np.array([[1.0, 0.2], [0.1, 2.0]]), np.array([[1.3, -0.4], [-0.2, 2.0]])
    own = two(spread, losses, np.eye(3))
    # alpha'^T DD Chi parallel to alpha^T
    back = np.linalg.solve([[1.0, 0.1], [0.1, 1.0]], [0.06, 0.024])
    spin = replace(own.spin, inverse_hall_angle=back[1])
    changes = {"spin": spin, "diffusion_length": None}
    reciprocal = replace(own, inverse_orbital_hall_angle=back[0], **changes)
    film = of.Film(0.9, *faces)
    turned = of.Film(0.9, film.bottom.reversed(), film.top.reversed())
    B = BETA[None] * TESLA

    def read(material, of_film, field, pair):
        prob = bar(bulk(material), film=of_film)
        return of.hanle_curve(prob, field, current=pair[0], voltage=pair[1]).delta_R[0], prob

    for material, holds in ((reciprocal, True), (two(spread, losses), False)):
        here, prob = read(material, film, B, (CURRENT, VOLTAGE))
        there, _ = read(material, turned, -B, (VOLTAGE, CURRENT))
        said = any("in this film" in str(note) for note in physics_notes(prob, B))
        assert said != holds
        assert (abs(here - there) < 1e-11 * abs(here)) == holds


def test_what_a_face_says_of_each_moment(bar, refuses):
    film = of.Film(1.0, {"orbital": 0.4, "spin": MAGNET}, of.Edge({"orbital": 1.0, "spin": 2.0}))
    assert "orbital G = 0.4 0.4 0.4 m/s, spin magnetic" in repr(film)
    assert film.top.spin.matrix[0, 0] == 2.0 and not film.reflecting and film.bottom.magnetic
    assert type(film.bottom).of_plain(film.bottom.plain()).spin.magnet.mixing_conductance[0] == 0.4
    assert not of.Film(1.0, {"orbital": "reflecting", "spin": "absorbing"}).reflecting
    with refuses(InputError, "condition on the spin, the materials none"):
        bar(bulk(tensor()), film=film)
    with refuses(InputError, "cannot inject"):
        of.Film(1.0, {"orbital": 0.4, "spin": {"injected": 1.0}})


def test_alternating_current_between_faces_that_absorb():
    """A cosine in time: the tensor at low frequency is that at rest."""
    matrices = Channels.of(two(SPREAD))
    faces = ChannelFaces.of(of.Film(1.0, 0.4, "absorbing"), matrices, 1.0, 1.0)
    A = scaled_rates(matrices, FIELDS, 1.0)
    late = np.linalg.inv(matrices.spread)
    slow, still = (faces.local(A - 1j * w * late) for w in (1e-3, 0.0))
    assert np.abs(slow - still).max() < 1e-2 * np.abs(still).max()
    assert np.abs(slow.imag).max() > 1e-5 * np.abs(still).max()
    assert np.abs(np.conj(slow) - faces.local(A + 1j * 1e-3 * late)).max() < 1e-14
