"""Films of several materials: one material twice is a uniform film, reciprocity, refusals."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.linalg import expm, sqrtm
from scipy.optimize import brentq

import ohmr_fem as of
from ohmr_fem.errors import InputError, ResolutionWarning
from ohmr_fem.solver import film_solid
from ohmr_fem.solver.resolution import check_resolution, physics_notes
from ohmr_fem.solver.system import system_of
from ohmr_fem.sweep.film import film_measures
from ohmr_fem.sweep.film_regions import regional_curve
from ohmr_fem.units import ELECTRON_MASS, ELEMENTARY_CHARGE

UNIT = 2.0 * ELECTRON_MASS / ELEMENTARY_CHARGE
BETA = np.array([[1.0, -0.7, 0.6]])
XT = np.array([[1.0, 0.15, 0.1], [0.15, 0.8, -0.05], [0.1, -0.05, 0.5]])
OTHER = np.array([[0.7, -0.1, 0.2], [-0.1, 1.2, 0.1], [0.2, 0.1, 0.9]])
PAIR = ("left", "right"), ("t1", "b1")
CONTACTS = ["left", "right", "t1", "t2", "b1", "b2"]


def metal(X=XT, **changes):
    given = {"resistivity": 1.0, "relaxation_time": 1.0, "orbital_hall_angle": 0.3}
    return of.Material(**(given | {"inverse_mass": X, "diffusion_length": 1.0} | changes))


def device(one, two, cells=(10, 6), **options):
    """A bar of 4 x 1.6, of another material in its right part."""
    along, across = cells
    mesh = of.tensor_grid(np.linspace(-2, 2, along + 1), np.linspace(-0.8, 0.8, across + 1))
    names = {"left": lambda p: p[0] < -2 + 1e-9, "right": lambda p: p[0] > 2 - 1e-9}
    for name, side, at in (("t1", 1, -1.0), ("t2", 1, 0.6), ("b1", -1, -1.0), ("b2", -1, 0.6)):
        names[name] = lambda p, side=side, at=at: (
            (side * p[1] > 0.8 - 1e-9) & (abs(p[0] - at) < 0.3)
        )
    mesh = mesh.with_boundaries(names)
    right = mesh.mesh.p[0, mesh.mesh.t].mean(axis=0) > 0.0
    regions = {"one": np.flatnonzero(~right), "two": np.flatnonzero(right)}
    mesh = replace(mesh, regions=regions)
    materials = {"one": one, "two": two}
    return of.Problem(mesh, materials, CONTACTS, **({"film": of.Film(0.9)} | options))


def curve(problem, fields=BETA * UNIT, pair=PAIR):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return of.hanle_curve(problem, fields, current=pair[0], voltage=pair[1])


FEW = 6, 4
UNEQUAL = {"bottom": 2.0, "top": 0.3}
MIXED = {"bottom": [[1.0, 0.2, 0.0], [0.2, 0.5, 0.1], [0.0, 0.1, 2.0]], "top": "absorbing"}


@pytest.mark.parametrize(
    "detection, faces",
    [("printed", {}), ("reciprocal", {}), ("printed", UNEQUAL), ("reciprocal", MIXED)],
)
def test_one_material_twice_is_a_uniform_film(detection, faces):
    film = of.Film(0.9, **faces)
    twice = device(metal(), metal(), FEW if faces else (10, 6), detection=detection, film=film)
    fields = np.vstack([0 * BETA, BETA]) * UNIT
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = regional_curve(twice, fields, PAIR)  # hanle_curve takes it for one material
    uniform = of.Problem(twice.mesh, metal(), CONTACTS, film=film, detection=detection)
    measure = film_measures(uniform, [PAIR], fields=fields, tolerance=1e-8)[0]
    parts = measure.parts(fields)
    assert_allclose(found.parts.edges, parts.edges, rtol=1e-6, atol=1e-12)
    assert_allclose(found.parts.faces, parts.faces, rtol=1e-5, atol=1e-12)
    assert_allclose(found.parts.cross, parts.cross, rtol=1e-6, atol=1e-12)
    assert_allclose(found.hanle, measure.hanle(fields), rtol=1e-5, atol=1e-12)
    assert_allclose(found.delta_R_local, measure.delta_R_local(fields), rtol=1e-9, atol=1e-12)
    assert found.R_ohmic == pytest.approx(measure.R_ohmic, rel=1e-10)
    assert np.all(found.algebraic_error < 1e-5 * np.abs(found.parts.faces).max())


FLAT = np.diag([1.0, 1.0, 0.5])
DIFFERENT = {
    "resistivity": 2.0,
    "relaxation_time": 0.6,
    "orbital_hall_angle": -0.2,
    "diffusion_length": 1.3,
}


@pytest.mark.parametrize(
    "X, other, detection, faces, holds",
    [
        (1.0, 1.0, "printed", {}, True),
        (XT, OTHER, "reciprocal", {}, True),
        (XT, OTHER, "printed", {}, False),
        (FLAT, np.diag([1.0, 1.0, 0.2]), "printed", {}, False),
        (1.0, 1.0, "printed", MIXED, True),
        (XT, OTHER, "reciprocal", UNEQUAL, True),
        (FLAT, FLAT, "printed", UNEQUAL, False),
        (XT, OTHER, "reciprocal", MIXED, False),
    ],
)
def test_reciprocity(X, other, detection, faces, holds, monkeypatch):
    monkeypatch.setattr(film_solid, "DEGREE", 3)  # reciprocity does not ask how many
    monkeypatch.setattr(film_solid, "COARSE", 2)
    film = of.Film(0.9, **faces)
    cells = FEW if faces else (10, 6)
    problem = device(metal(X), metal(other, **DIFFERENT), cells, detection=detection, film=film)
    long = ("left", "right"), ("t1", "t2")
    forth = curve(problem, pair=long).delta_R[0]
    back = curve(problem, -BETA * UNIT, long[::-1]).delta_R[0]
    apart = abs(forth - back) / abs(forth)
    assert (apart < 1e-8) if holds else (apart > 1e-6)
    notes = physics_notes(problem, BETA * UNIT)
    assert any("Onsager" in str(note) for note in notes) != holds


# -- two materials one after the other: every mode of z by matrix exponentials along x

THICKNESS, WIDTH, ENDS, BETWEEN = 0.8, 0.5, 1.5, 0.4
SECOND = {"resistivity": 1 / 3, "relaxation_time": 0.7, "orbital_hall_angle": 0.04}


def row(diffusion, cell, absorption=0.0, contacts="reflecting"):
    """A wire of one cell across; D of the right part, largest cell at the interface."""
    length = float(np.sqrt(0.7 * diffusion))
    sides = metal(orbital_hall_angle=0.1), metal(OTHER, **SECOND, diffusion_length=length)
    left = of.graded_lines(-ENDS, BETWEEN, cell, 1.5, "both", 0.4)
    right = of.graded_lines(BETWEEN, ENDS, cell, 1.5, "both", 0.4)
    mesh = of.tensor_grid(np.concatenate([left, right[1:]]), np.array([-WIDTH / 2, WIDTH / 2]))
    mesh = mesh.with_regions({"one": lambda p: p[0] < BETWEEN, "two": lambda p: p[0] >= BETWEEN})
    face = {"bottom": absorption, "top": absorption} if absorption else {}
    ends = {name: of.Contact(moment=contacts) for name in ("left", "right")}
    film = of.Film(THICKNESS, **face)
    return of.Problem(mesh, dict(zip(("one", "two"), sides, strict=True)), ends, film=film, order=3)


def amplitudes(absorption, count=100):
    """q^2 of the odd modes, and the square of what the faces drive in each."""
    half = 0.5 * THICKNESS
    odd = 2.0 * np.arange(count) + 1.0
    if not absorption:
        return (odd * np.pi / THICKNESS) ** 2, np.full(count, 8.0 / THICKNESS)

    def slope(q):  # of sin(q z) and what the face takes
        return q * np.cos(q * half) + absorption * np.sin(q * half)

    q = np.array([brentq(slope, m * np.pi / THICKNESS, (m + 1) * np.pi / THICKNESS) for m in odd])
    return q**2, 4.0 * np.sin(q * half) ** 2 / (half - np.sin(2.0 * q * half) / (2.0 * q))


def of_mode(problem, square, absorbing):
    """int alpha' D/sigma n^y dx of a mode that is driven by 1, h and D n' continuous."""
    cross = np.array([[0, -0.6, -0.7], [0.6, 0, -1.0], [0.7, 1.0, 0]])  # [beta]_x
    one, zero = np.eye(3), np.zeros((3, 3))
    ends, rights, values, slopes, readers = [], [], [], [], []
    lengths = ENDS + BETWEEN, ENDS - BETWEEN
    for material, length in zip(problem.materials.values(), lengths, strict=True):
        D, X = material.diffusion_constant, np.array(material.inverse_mass)
        ratio = D / material.sheet_conductivity
        A = (1.0 / material.relaxation_time + D * square) * one + cross @ X
        local = np.linalg.solve(A, [0.0, material.orbital_hall_angle, 0.0])
        # n = local + exp(-k s) a + exp(-k (length - s)) b, s from the end
        k = sqrtm(A / D).real
        fall = expm(-k * length)
        ends.append(np.hstack([one, fall] if absorbing else [-k, k @ fall]))
        rights.append(-local if absorbing else np.zeros(3))
        continuous = X / (0.5 * (X[0, 0] + X[1, 1])) * ratio
        values.append((continuous @ np.hstack([fall, one]), continuous @ local))
        slopes.append(D * np.hstack([-k @ fall, k]))
        weight = material.orbital_hall_angle * ratio
        inner = np.linalg.solve(k, one - fall)
        readers.append((weight * np.hstack([inner, inner])[1], weight * length * local[1]))
    (n_1, l_1), (n_2, l_2) = values
    none = np.hstack([zero, zero])
    matrix = np.block([[ends[0], none], [none, ends[1]], [n_1, -n_2], slopes])
    found = np.linalg.solve(matrix, np.concatenate([*rights, l_2 - l_1, np.zeros(3)]))
    return np.concatenate([r for r, _ in readers]) @ found + sum(still for _, still in readers)


@pytest.mark.parametrize(
    "absorption, contacts, largest, accuracy",
    [
        (0.0, "reflecting", 0.06, 5e-6),
        (0.0, "reflecting", 0.3, 2e-4),
        (0.0, "absorbing", 0.06, 5e-6),
        (2.0, "reflecting", 0.06, 3e-5),
    ],
)
def test_where_two_materials_meet(absorption, contacts, largest, accuracy):
    diffusion = 1.0 if absorption else 0.5
    problem = row(diffusion, largest, absorption, contacts)
    squares, driven = amplitudes(absorption)
    terms = [of_mode(problem, square, contacts == "absorbing") for square in squares]
    terms = np.array(terms) * driven / (THICKNESS * WIDTH)
    beyond = terms[-1] * (len(terms) - 1.0)  # they fall as 1/m^2
    found = curve(problem, pair=(("left", "right"), ("left", "right"))).parts.faces[0]
    assert found == pytest.approx(-(terms.sum() + beyond), rel=accuracy)


@pytest.mark.parametrize("relaxation", [1.0, (1.0, 1.0, 1.0 + 1e-8)])
@pytest.mark.parametrize("absorption", [0.0, 2.0])
def test_absorbing_contacts_of_a_uniform_film(absorption, relaxation):
    problem = row(1.0, 0.06, absorption, "absorbing")
    one = problem.materials["one"]
    squares, driven = amplitudes(absorption)
    both = replace(problem, materials={"one": one, "two": one})
    terms = [of_mode(both, square, absorbing=True) for square in squares]
    terms = np.array(terms) * driven / (THICKNESS * WIDTH)
    beyond = terms[-1] * (len(terms) - 1.0)
    given = {"diffusion_constant": 1.0, "relaxation_time": relaxation, "diffusion_length": None}
    uniform = replace(problem, materials=metal(orbital_hall_angle=0.1, **given))
    found = curve(uniform, pair=(("left", "right"), ("left", "right"))).parts.faces[0]
    assert found == pytest.approx(-(terms.sum() + beyond), rel=5e-5)


def test_cells_at_an_interface_are_held_against_the_thickness():
    problem = row(0.5, 0.4)
    (note,) = check_resolution(system_of(problem, plane_of_film=True), np.zeros(3))
    assert isinstance(note, ResolutionWarning)
    assert str(note).startswith("interface layer not resolved: cells of 35")
    thick = replace(problem, film=of.Film(3.0))
    assert not check_resolution(system_of(thick, plane_of_film=True), np.zeros(3))


def test_refusals(refuses):
    two = metal(**DIFFERENT)
    with refuses(InputError, "faces and edges without sources", "differ in", "relaxation_time"):
        curve(device(metal(), two, film=of.Film(0.9, top=of.Edge("reflecting", source=0.1))))
    with refuses(InputError, "no poles"):
        of.hanle_curve(
            device(metal(), two), BETA, current=PAIR[0], voltage=PAIR[1], method="reduced"
        )
    with refuses(InputError, "no measure of this film"):
        of.spectral_measure(device(metal(), two), current=PAIR[0], voltage=PAIR[1])
    with refuses(InputError, "plain numbers"):
        tau = metal(relaxation_time=(1.0, 2.0, 1.0), diffusion_length=None, diffusion_constant=1.0)
        curve(device(metal(), tau))


@pytest.mark.parametrize("tensor", [False, True])
def test_regions_of_equal_values_are_one_film(tensor):
    """Whatever they are called: with the sources that several materials do not take, and poles."""
    rates = {"relaxation_time": (1.0, 2.0, 1.0), "diffusion_constant": 1.0}
    more = (rates | {"diffusion_length": None}) if tensor else {}
    one, other = metal(name="Mn", **more), metal(name="mangan", source="1962", **more)
    film = of.Film(0.9) if tensor else of.Film(0.9, top=of.Edge("reflecting", source=0.1))
    problem = device(one, other, FEW, film=film)
    assert problem.constant and problem.uniform is not tensor
    assert [m.name for m in problem.materials.values()] == ["Mn", "mangan"]
    whole = device(one, one, FEW, film=film)
    assert_allclose(curve(problem).delta_R, curve(whole).delta_R, rtol=1e-12)
    unlike = device(one, metal(X=1.0001 * XT, **more), FEW, film=film)
    assert not unlike.constant
    with pytest.raises(InputError, match="has 2 materials"):
        unlike.material  # noqa: B018


def test_angles_of_a_film_of_regions():
    problem = device(metal(1.0), metal(1.0, **DIFFERENT))
    strength = float(UNIT)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = of.admr(problem, strength, points=3, current=PAIR[0], voltage=PAIR[1])
    assert_allclose(found.delta_R[:, 0], curve(problem, found.fields).delta_R, rtol=1e-12)
