"""Film devices: printed numbers, exact limits, reciprocity, and an honest bound."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

import ohmr_fem as of
from ohmr_fem import analytic
from ohmr_fem.sweep.film import film_measures
from ohmr_fem.units import ELECTRON_MASS, ELEMENTARY_CHARGE

#: Field of beta = 1 for g = 1, tau = 1 s.
UNIT = 2.0 * ELECTRON_MASS / ELEMENTARY_CHARGE
BETA = np.array([[1.0, -0.7, 0.6]])
XT = np.array([[1.0, 0.15, 0.1], [0.15, 0.8, -0.05], [0.1, -0.05, 0.5]])
LONG = ("left", "right"), ("t1", "t2")
ACROSS = ("left", "right"), ("t1", "b1")
FAR = ("t1", "b1"), ("t2", "b2")
CONTACTS = ["left", "right", "t1", "t2", "b1", "b2"]


def material(X=XT, **changes):
    given = {
        "sheet_conductivity": 1.0,
        "relaxation_time": 1.0,
        "orbital_hall_angle": 1.0,
        "inverse_mass": X,
        "diffusion_length": 1.0,
    }
    return of.Material(**(given | changes))


def rectangle_bar(X=XT, film=None, length=4.0, width=1.6, order=3, **options):
    """A bar with probes on its long sides, coarse: for identities that hold on every mesh."""
    mesh = of.tensor_grid(
        np.linspace(-length / 2, length / 2, 11), np.linspace(-width / 2, width / 2, 7)
    )
    names = {
        "left": lambda p: p[0] < -length / 2 + 1e-9,
        "right": lambda p: p[0] > length / 2 - 1e-9,
    }
    for name, side, at in (("t1", 1, -1.0), ("t2", 1, 0.6), ("b1", -1, -1.0), ("b2", -1, 0.6)):
        names[name] = lambda p, side=side, at=at: (
            (side * p[1] > width / 2 - 1e-9) & (abs(p[0] - at) < 0.3)
        )
    mesh = mesh.with_boundaries(names)
    film = of.Film(1.0) if film is None else film
    return of.Problem(mesh, material(X), CONTACTS, order=order, film=film, **options)


def measures(problem, pairs, **options):
    return film_measures(problem, pairs, fields=BETA * UNIT, **options)


@pytest.fixture(scope="module")
def hall_bar():
    """The film Hall bar of section 9 with default settings of mesh and order."""
    geometry = of.geometry.hall_bar(7, 2, arm_width=0.6, arm_length=0.9, arm_positions=(-1, 1))
    mesh = of.mesh_device(geometry, 1.0)
    return of.Problem(mesh, material(), CONTACTS, film=of.Film(1.0))


@pytest.mark.slow
def test_the_film_hall_bar(hall_bar):
    expected = {LONG: (-1.45348, -0.60372), ACROSS: (-0.03351, 0.0), FAR: (0.05163, 0.14113)}
    found = measures(hall_bar, list(expected))
    for measure, (whole, edges) in zip(found, expected.values(), strict=True):
        assert measure.delta_R(BETA * UNIT)[0] == pytest.approx(whole, abs=1.4e-4)
        parts = measure.parts(BETA * UNIT)
        assert parts.edges[0] == pytest.approx(edges, abs=1.4e-4)
        assert parts.cross[0] == 0.0
        total = parts.edges + parts.faces + parts.cross
        assert_allclose(total, measure.delta_R(BETA * UNIT), rtol=1e-13)


def test_a_curve_has_the_parts_and_the_local_form(tmp_path):
    problem = rectangle_bar()
    fields = np.linspace(-1, 1, 5)[:, None] * BETA * UNIT
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        curve = of.hanle_curve(problem, fields, current=LONG[0], voltage=LONG[1])
    measure = measures(problem, [LONG])[0]
    assert_allclose(curve.delta_R, measure.delta_R(fields), rtol=1e-6)
    assert_allclose(curve.parts.edges + curve.parts.faces, curve.delta_R, rtol=1e-13)
    assert_allclose(curve.delta_R_local, measure.delta_R_local(fields), rtol=1e-12)
    assert np.all(np.isnan(curve.delta_R_strip))
    assert {"delta_R_edges", "delta_R_faces", "delta_R_cross", "delta_R_local"} <= set(
        curve.columns()
    )
    again = of.load(of.save(curve, tmp_path / "curve.npz"))
    assert all(
        np.array_equal(again.columns()[k][1], v, equal_nan=True)
        for k, (_, v) in curve.columns().items()
    )
    assert list(again.columns()) == list(curve.columns())
    # R(B) - R(0) comes without subtraction
    assert_allclose(curve.hanle, curve.delta_R - curve.delta_R[2], atol=1e-12)


def test_a_plain_bar_is_its_tensor_and_a_strip():
    """Uniform field: faces are the local tensor, edges tanh(z)/z of the width."""
    width, length = 1.5, 3.0
    mesh = of.tensor_grid(np.linspace(0, length, 4), of.graded_lines(0, width, 0.05))
    ends = {"left": lambda p: p[0] < 1e-9, "right": lambda p: p[0] > length - 1e-9}
    problem = of.Problem(
        mesh.with_boundaries(ends), material(), list(ends), order=4, film=of.Film(0.7)
    )
    measure = measures(problem, [(("left", "right"), ("left", "right"))])[0]
    parts = measure.parts(BETA * UNIT)
    squares = length / width
    tensor = analytic.film_tensor(0.7, BETA[0], XT)
    assert parts.faces[0] == pytest.approx(-squares * tensor[0, 0], rel=1e-12)
    scalars = analytic.three_scalars(BETA[0], XT)
    strip = analytic.three_scalar_response(lambda s: analytic.strip_response(s, width), scalars)
    assert parts.edges[0] == pytest.approx(-squares * strip, rel=1e-7)


FACES = {
    "reflecting": {},
    "equal": {"bottom": 0.7, "top": 0.7},
    "unequal": {"bottom": 2.0, "top": 0.3},
    "full": {"bottom": np.array([[1.0, 0.2, 0.1], [0.2, 0.5, 0.0], [0.1, 0.0, 1.5]])},
    "absorbing": {"top": "absorbing"},
}


@pytest.mark.parametrize("kind", FACES)
def test_reciprocity(kind):
    """R_ij,kl(B) = R_kl,ij(-B): isotropic X with any symmetric faces."""
    for pair in (LONG, ACROSS):
        forth, back = measures(rectangle_bar(1.0, of.Film(1.0, **FACES[kind])), [pair, pair[::-1]])
        there, here = forth.delta_R(BETA * UNIT), back.delta_R(-BETA * UNIT)
        assert abs(there - here)[0] < 1e-10 * abs(there[0])
        # and it is not trivially so
        assert abs(there - back.delta_R(BETA * UNIT))[0] > 1e-4 * abs(there[0])


def test_reciprocity_of_the_reciprocal_detector():
    for film in (of.Film(1.0), of.Film(1.0, bottom=2.0, top=0.3)):
        problem = rectangle_bar(XT, film, detection="reciprocal")
        for pair in (LONG, ACROSS):
            forth, back = measures(problem, [pair, pair[::-1]])
            there, here = forth.delta_R(BETA * UNIT), back.delta_R(-BETA * UNIT)
            assert abs(there - here)[0] < 1e-10 * abs(there[0])
    forth, back = measures(rectangle_bar(XT), [ACROSS, ACROSS[::-1]])
    there, here = forth.delta_R(BETA * UNIT), back.delta_R(-BETA * UNIT)
    assert abs(there - here)[0] > 1e-3 * abs(there[0])


def test_reciprocity_of_a_magnetic_face_reverses_the_magnet():
    face = of.magnetic_face(mixing_conductance=(0.4, 0.2), magnetisation=(1.0, 2.0, -0.5))
    for reflected in (0.0, 0.5):
        films = [of.Film(1.0, bottom=f, top=reflected) for f in (face, face.reversed())]
        forth = measures(rectangle_bar(1.0, films[0]), [ACROSS])[0].delta_R(BETA * UNIT)
        back = [
            measures(rectangle_bar(1.0, film), [ACROSS[::-1]])[0].delta_R(-BETA * UNIT)
            for film in films
        ]
        assert abs(forth - back[1])[0] < 1e-10 * abs(forth[0])
        assert abs(forth - back[0])[0] > 1e-3 * abs(forth[0])


def test_equal_absorbing_faces_shift_the_rates_of_the_edges():
    """Edges under faces of equal G see a sum over even modes, kappa tan(kappa l/2) = G."""
    from scipy.optimize import brentq

    G, thickness = 0.7, 1.0
    plain = measures(rectangle_bar(1.0), [LONG])[0]
    absorbing = measures(rectangle_bar(1.0, of.Film(thickness, bottom=G, top=G)), [LONG])[0]
    total = 0.0
    for m in range(400):
        low, high = 2 * np.pi * m / thickness, (2 * m + 1) * np.pi / thickness
        kappa = brentq(
            lambda k: k * np.sin(k * thickness / 2) - G * np.cos(k * thickness / 2), low, high
        )
        half = kappa * thickness / 2
        size = kappa**2 * thickness * (thickness / 2 + np.sin(2 * half) / (2 * kappa))
        weight = 4.0 * np.sin(half) ** 2 / size
        total += weight * float(np.real(plain.F(1.0 + kappa**2)))
    assert -absorbing.parts(np.zeros(3)).edges[0] == pytest.approx(total, rel=1e-7)
    assert absorbing.parts(np.zeros(3)).cross[0] == pytest.approx(0.0, abs=1e-12)


def test_vanishing_absorption_is_reflection():
    """Two routes through the kernel: closed form per pole, and 6 x 6 systems."""
    for pair in (LONG, ACROSS):
        plain = measures(rectangle_bar(), [pair])[0]
        nearly = measures(rectangle_bar(XT, of.Film(1.0, top=1e-13)), [pair])[0]
        assert not nearly.film.reflecting
        assert_allclose(
            nearly.delta_R(BETA * UNIT), plain.delta_R(BETA * UNIT), rtol=1e-11, atol=1e-13
        )


@pytest.mark.parametrize("thickness", [1.0, 0.01])
def test_equal_faces_by_functions_of_the_rate_and_by_systems(thickness):
    """Two routes through the kernel: faces that differ in the twelfth digit take the other one."""
    for G in (0.05, 30.0):
        for detection in ("printed", "reciprocal"):
            film = of.Film(thickness, G, G)
            equal = measures(rectangle_bar(XT, film, detection=detection), [ACROSS])[0]
            nearly = replace(equal, film=of.Film(thickness, G, G * (1.0 + 1e-12)))
            assert equal.faces.even == pytest.approx(G, rel=1e-12) and nearly.faces.even is None
            for own, other in (
                (equal.response(BETA * UNIT), nearly.response(BETA * UNIT)),
                (equal.ac(0.1, BETA[0] * UNIT), nearly.ac(0.1, BETA[0] * UNIT)),
            ):
                assert_allclose(own, other, rtol=1e-9, atol=1e-12)
            own, other = (m.parts(BETA * UNIT) for m in (equal, nearly))
            for name in ("edges", "faces", "cross"):
                assert_allclose(getattr(own, name), getattr(other, name), rtol=1e-9, atol=1e-10)


def test_which_face_is_which():
    """Exchanging faces and reversing z: the cross terms change sign, the others stay."""
    one = measures(rectangle_bar(1.0, of.Film(1.0, bottom=2.0, top=0.3)), [ACROSS])[0]
    other = measures(rectangle_bar(1.0, of.Film(1.0, bottom=0.3, top=2.0)), [ACROSS])[0]
    here, there = one.parts(BETA * UNIT), other.parts(BETA * UNIT)
    assert_allclose(here.cross, -there.cross, rtol=1e-9)
    assert abs(here.cross[0]) > 5e-5
    assert_allclose(here.faces, there.faces, rtol=1e-10)
    assert_allclose(here.edges, there.edges, rtol=1e-10)


def test_the_bound_holds_and_closes():
    problem = rectangle_bar()
    best = measures(problem, [LONG], tolerance=1e-9)[0]
    exact = best.delta_R(BETA * UNIT)[0]
    for tolerance in (1e-3, 1e-5):
        rough = measures(problem, [LONG], tolerance=tolerance)[0]
        error = abs(rough.delta_R(BETA * UNIT)[0] - exact)
        bound = rough.bound(BETA * UNIT)[0]
        assert error <= bound + best.bound(BETA * UNIT)[0]
        assert bound <= 3.0 * tolerance * rough.size
    assert len(best.rates) > len(rough.rates)


def dense(problem, pair):
    """delta_R with every pole of the pencil: no Krylov space."""
    from scipy.linalg import eigh

    from ohmr_fem.solver.system import system_of
    from ohmr_fem.sweep.film import _starts

    system = system_of(problem, plane_of_film=True)
    K, M, _ = system.pencil
    edges, across, turns, products, _, _ = _starts(problem, system, [pair], of.SuperLU())
    w, V = eigh(K.toarray(), M.toarray())
    c, x, y = np.split(np.hstack([V.T @ edges, V.T @ across]) @ turns[0], 3, axis=1)
    total = 0.0
    T = analytic.torque_matrix(BETA[0], XT)
    film = problem.film
    G = [face.matrix for face in (film.bottom, film.top)]
    here = analytic.film_matrix(1.0, T, *G)
    total = np.sum(here[:2, :2] * products[0])
    for k, rate in enumerate(w):
        grown = np.eye(3) * (1 + rate) + T
        if film.reflecting:
            h = analytic.film_matrix(1.0 * np.sqrt(1 + rate), T / (1 + rate))
            total += c[k, 1] * c[k, 0] * np.linalg.inv(grown)[2, 2]
        a, b = np.array([x[k, 0], y[k, 0]]), np.array([x[k, 1], y[k, 1]])
        total += b @ (h - here)[:2, :2] @ a
    return -total


def test_against_all_poles():
    problem = rectangle_bar(order=2)
    for pair in (LONG, ACROSS, FAR):
        found = measures(problem, [pair], tolerance=1e-9)[0].delta_R(BETA * UNIT)[0]
        assert found == pytest.approx(dense(problem, pair), rel=1e-7)


def test_other_thickness_and_material_from_one_measure():
    thick = of.Film(1.0)
    fields = BETA * UNIT
    measure = of.spectral_measure(
        rectangle_bar(XT, thick), current=ACROSS[0], voltage=ACROSS[1], thicknesses=(0.3, 3.0),
        lengths=(0.5, 1.0),
    )  # fmt: skip
    for thickness, length in ((0.3, 1.0), (3.0, 1.0), (1.0, 0.5)):
        other = rectangle_bar(XT, of.Film(thickness))
        fresh = of.Problem(
            other.mesh,
            material(resistivity=1.0, sheet_conductivity=None, diffusion_length=length),
            CONTACTS,
            order=3,
            film=of.Film(thickness),
        )
        again = measures(fresh, [ACROSS])[0]
        tuned = measure.at(thickness=thickness, diffusion_length=length)
        assert_allclose(tuned.delta_R(fields), again.delta_R(fields), rtol=1e-5)
        assert tuned.R_ohmic == pytest.approx(again.R_ohmic, rel=1e-12)


def test_a_thin_film_under_a_slow_field_is_local():
    measure = measures(rectangle_bar(XT, of.Film(0.02)), [LONG])[0]
    faces = measure.parts(BETA * UNIT).faces
    assert_allclose(measure.delta_R_local(BETA * UNIT), faces, rtol=1e-2)


def test_spin_hall_magnetoresistance():
    sigma, angle = 2.5e6, 0.11
    given = material(
        1.0, sheet_conductivity=None, resistivity=1 / sigma, orbital_hall_angle=angle,
        diffusion_length=1.5e-9,
    )  # fmt: skip
    along, across = (
        of.film_conductivity(
            given,
            of.Film("8 nm", top=of.magnetic_face(mixing_conductance=4e14, magnetisation=m)),
            np.zeros(3),
        )[0, 0, 0]
        for m in ((1, 0, 0), (0, 1, 0))
    )
    assert across - along == pytest.approx(7.2172628869e-4, rel=1e-9)


def test_film_conductivity_is_the_printed_tensor():
    printed = [[0.6850305738, 0.0507428894], [-0.0304990225, 0.7131631901]]
    found = of.film_conductivity(material(), of.Film(1.0, bottom=3.0, top=0.2), BETA * UNIT)
    assert_allclose(found, [printed], atol=1e-9)


def test_refusals(refuses):
    problem = rectangle_bar()
    with refuses(of.InputError, "film", "hanle_curve"):
        of.resistance(problem, (0, 0, 1), current=LONG[0], voltage=LONG[1])
    with refuses(of.InputError, "film", "direct"):
        of.hanle_curve(problem, BETA, current=LONG[0], voltage=LONG[1], method="direct")
    with refuses(of.InputError, "ten times"):
        rectangle_bar(XT, of.Film(17.0))
    with refuses(of.InputError, "resistivity", "Film"):
        of.Problem(problem.mesh, material(sheet_conductivity=None, resistivity=1.0), CONTACTS)
    with refuses(of.InputError, "no conductivity"):
        of.Problem(problem.mesh, material(sheet_conductivity=None), CONTACTS)
    with refuses(of.InputError, "coupling"):
        rectangle_bar(coupling="full")
    measure = measures(problem, [LONG])[0]
    assert repr(measure).startswith("FilmMeasure(1 m thick, current") and len(repr(measure)) < 300
    with refuses(of.InputError, "resistivity"):
        measure.at(sheet_conductivity=2.0)
    with refuses(of.InputError, "thicknesses"):
        measure_of_plane = of.Problem(problem.mesh, material(), CONTACTS)
        of.spectral_measure(measure_of_plane, current=LONG[0], voltage=LONG[1], thicknesses=(1, 2))


SQUARE = np.diag([1.0, 1.0, 0.25])
TILTED = [[1.0, 0.0, 0.3], [0.0, 0.5, 0.0], [0.3, 0.0, 0.8]]


@pytest.mark.parametrize(
    "X, faces, detection, warned",
    [
        (1.0, {"bottom": 2.0, "top": 0.3}, "printed", False),
        (SQUARE, {}, "printed", False),
        (SQUARE, {"bottom": 0.5, "top": 0.5}, "printed", False),
        (SQUARE, {"bottom": 2.0, "top": 0.3}, "printed", True),
        (SQUARE, {"bottom": 2.0, "top": 0.3}, "reciprocal", False),
        (SQUARE, {"bottom": TILTED, "top": TILTED}, "printed", True),
        (SQUARE, {"bottom": TILTED, "top": TILTED}, "reciprocal", True),
        (XT, {}, "printed", True),
        (XT, {}, "reciprocal", False),
        (XT, {"top": (1.0, 2.0, 3.0)}, "reciprocal", True),
    ],
)
def test_where_reciprocity_fails_it_is_said(X, faces, detection, warned):
    """The warning, and the breakage that it speaks of."""
    from ohmr_fem.solver.resolution import physics_notes

    problem = rectangle_bar(X, of.Film(1.0, **faces), detection=detection)
    notes = [str(n) for n in physics_notes(problem, BETA[0] * UNIT) if "Onsager" in str(n)]
    assert bool(notes) == warned
    worst = 0.0
    for pair in (LONG, ACROSS, FAR):
        forth, back = measures(problem, [pair, pair[::-1]])
        there, here = forth.delta_R(BETA * UNIT), back.delta_R(-BETA * UNIT)
        worst = max(worst, abs(there - here)[0] / abs(there[0]))
    assert (worst > 1e-7) if warned else (worst < 1e-10)


def test_alternating_current_of_a_plain_bar():
    """Faces of a uniform current: (F(s + i phi) + F(s - i phi))/2, s = 1 - i w tau."""
    ends = {"left": lambda p: p[0] < 1e-9, "right": lambda p: p[0] > 2 - 1e-9}
    mesh = of.tensor_grid(np.linspace(0, 2, 4), of.graded_lines(0, 1, 0.05))
    problem = of.Problem(
        mesh.with_boundaries(ends), material(1.0), list(ends), order=4, film=of.Film(0.7)
    )
    pair = "left", "right"
    measure = of.spectral_measure(problem, current=pair, voltage=pair, fields=BETA * UNIT)
    phi, nu = 1.5, 0.3
    s = 1 - 2j * np.pi * nu
    faces = np.mean([analytic.strip_response(s + k * phi, 0.7) for k in (1j, -1j)])
    edges = np.mean([analytic.strip_response(s + k * phi, 1.0) for k in (1j, -1j)])
    found = measure.ac(nu, (phi * UNIT, 0.0, 0.0))
    assert found == pytest.approx(-2.0 * (faces + edges), rel=1e-6)

    response = of.ac_response(
        problem, [0.0, nu], (phi * UNIT, 0.0, 0.0), current=pair, voltage=pair
    )
    assert response.delta_R[1] == pytest.approx(found, rel=1e-5)
    still = of.hanle_curve(problem, [(phi * UNIT, 0.0, 0.0)], current=pair, voltage=pair)
    assert response.delta_R[0] == pytest.approx(still.delta_R[0], rel=1e-5)
    with pytest.raises(of.InputError, match="knows the device plane alone"):
        of.transient(problem, times=[0.0, 0.1], current=pair, voltage=pair)


@pytest.mark.parametrize("kind", ["reflecting", "full", "absorbing", "magnet"])
def test_a_saved_measure_is_the_same(tmp_path, kind):
    face = of.magnetic_face(mixing_conductance=(0.4, 0.2), magnetisation=(1.0, 2.0, -0.5))
    faces = {"top": face} if kind == "magnet" else FACES[kind]
    measure = measures(rectangle_bar(XT, of.Film(1.0, **faces)), [ACROSS])[0].at(thickness=0.9)
    again = of.SpectralMeasure.load(measure.save(tmp_path / "film.json"))
    assert isinstance(again, of.FilmMeasure) and again.thickness == 0.9
    assert_allclose(again.delta_R(BETA * UNIT), measure.delta_R(BETA * UNIT), rtol=1e-14)
    assert_allclose(again.bound(BETA * UNIT), measure.bound(BETA * UNIT), rtol=1e-12)


def sourced(kappa, back=None, alpha=(0.3, 0.5), rim=True, **faces):
    """A film bar with one source on all its edges, and on its faces unless told otherwise."""
    law = of.Edge(source=kappa, inverse_source=back)
    given = {"bottom": law, "top": law} | faces
    problem = rectangle_bar(1.0, of.Film(1.0, **given), order=2)
    used = np.concatenate([problem.mesh.boundaries[name] for name in CONTACTS])
    rest = np.setdiff1d(problem.mesh.mesh.boundary_facets(), used)
    mesh = replace(problem.mesh, boundaries={**problem.mesh.boundaries, "rim": rest})
    angles = {"orbital_hall_angle": alpha[0], "inverse_orbital_hall_angle": alpha[1]}
    edges = {"rim": law} if rim else {}
    return replace(problem, mesh=mesh, materials=material(XT, **angles), edges=edges)


def test_one_source_on_all_faces_and_edges_is_a_larger_angle():
    """docs/theory, section 13: alpha -> alpha + kappa, alpha' -> alpha' + kappa'."""
    for kappa, back, alpha in ((0.2, None, (0.5, 0.5 / 0.3 * 0.5)), (0.2, -0.3, (0.5, 0.2))):
        for pair in (LONG, ACROSS):
            found = measures(sourced(kappa, back), [pair])[0].delta_R(BETA * UNIT)
            larger = measures(sourced(0.0, alpha=alpha, rim=False), [pair])[0]
            assert_allclose(found, larger.delta_R(BETA * UNIT), rtol=1e-6)


def test_sources_of_unequal_faces():
    """Faces exchanged: parts of faces and edges stay, the cross terms turn; reciprocity holds."""
    one = measures(sourced(0.0, rim=False, top=of.Edge(source=0.2)), [ACROSS])[0]
    other = measures(sourced(0.0, rim=False, bottom=of.Edge(source=0.2)), [ACROSS])[0]
    here, there = one.parts(BETA * UNIT), other.parts(BETA * UNIT)
    assert_allclose(here.cross, -there.cross, rtol=1e-8)
    assert abs(here.cross[0]) > 1e-6 * abs(here.faces[0])
    assert_allclose(here.faces, there.faces, rtol=1e-9)
    problem = replace(sourced(0.3, top="absorbing"), materials=material(1.0))
    forth, back = measures(problem, [ACROSS, ACROSS[::-1]])
    there, here = forth.delta_R(BETA * UNIT), back.delta_R(-BETA * UNIT)
    assert abs(there - here)[0] < 1e-10 * abs(there[0])
    with pytest.raises(of.InputError, match="kappa/alpha is part of the measure"):
        forth.at(orbital_hall_angle=0.1)


def test_resistance_matrix_of_a_film():
    problem = rectangle_bar(1.0)
    field = np.array([[0.3, 0.2, 0.0]]) * UNIT
    found = of.resistance_matrix(problem, field)
    read = measures(problem, [ACROSS])[0].delta_R(field)
    assert_allclose(found.read(*ACROSS, "delta_R"), read, atol=1e-5)
