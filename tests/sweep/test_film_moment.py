"""Moments inside films: closed forms of a plain bar, and what the resistance reads of them."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

import ohmr_fem as of
from ohmr_fem import analytic
from ohmr_fem.solver.film import Faces
from ohmr_fem.units import ELECTRON_MASS, ELEMENTARY_CHARGE

UNIT = 2.0 * ELECTRON_MASS / ELEMENTARY_CHARGE
BETA = np.array([1.0, -0.7, 0.6])
XT = np.array([[1.0, 0.15, 0.1], [0.15, 0.8, -0.05], [0.1, -0.05, 0.5]])
FULL = np.array([[1.0, 0.2, 0.1], [0.2, 0.5, 0.0], [0.1, 0.0, 1.5]])
LENGTH, WIDTH = 6.0, 24.0


def plain_bar(film, alpha=0.2):
    """Wide, so that the middle knows nothing of the side edges; L_m = 2, D = 4."""
    mesh = of.tensor_grid(np.linspace(0, LENGTH, 3), of.graded_lines(-WIDTH / 2, WIDTH / 2, 0.3))
    ends = {"left": lambda p: p[0] < 1e-9, "right": lambda p: p[0] > LENGTH - 1e-9}
    metal = of.Material(
        resistivity=0.5,
        relaxation_time=1.0,
        orbital_hall_angle=alpha,
        inverse_mass=XT,
        diffusion_length=2.0,
    )
    return of.Problem(mesh.with_boundaries(ends), metal, list(ends), order=3, film=film)


def middle(problem):
    p = problem.mesh.mesh.p
    return int(np.argmin(np.abs(p[0] - LENGTH / 2) + np.abs(p[1])))


def test_without_field_it_is_sinh_across_the_film():
    problem = plain_bar(of.Film(3.0))
    found = of.film_moment(problem, current=("left", "right"), amount=0.5, layers=5)
    assert len(repr(found)) < 300 and f"{np.abs(found.top[2]).max():.4g}" in repr(found)
    J = 0.5 / (WIDTH * 3.0)
    expected = -0.2 * J / 4.0 * 2.0 * np.sinh(found.z / 2.0) / np.cosh(3.0 / 4.0)
    density = found.density[:, :, middle(problem)]
    assert_allclose(density[:, 1], expected, rtol=1e-6, atol=1e-12)
    assert_allclose(density[:, 0], 0.0, atol=1e-9)
    assert_allclose(found.top[1], -found.bottom[1], rtol=1e-9)
    # positive at the edge left of the current
    top_edge = problem.mesh.mesh.p[1] > WIDTH / 2 - 1e-9
    assert np.all(found.top[2, top_edge] > 0.0)


@pytest.mark.parametrize(
    "faces", [{}, {"bottom": 1.0, "top": 0.3}, {"bottom": of.Edge(source=0.1)}]
)
def test_in_a_field_the_faces_differ_by_the_tensor(faces):
    film = of.Film(3.0, **faces)
    problem = plain_bar(film)
    found = of.film_moment(problem, BETA * UNIT, current=("left", "right"))
    at = middle(problem)
    # G in D/L_m = 2 m/s, and 1 + kappa/alpha below; the closed form knows equal drives alone
    if "top" in faces or not faces:
        given = {side: G / 2.0 for side, G in faces.items()}
        h = analytic.film_matrix(1.5, analytic.torque_matrix(BETA, XT), **given)
        J = 1.0 / (WIDTH * 3.0)
        apart = found.top[:, at] - found.bottom[:, at]
        assert_allclose(apart, -0.2 * J / 4.0 * 2.0 * 1.5 * h[:, 1], rtol=1e-5, atol=1e-10)
        return
    plain = of.film_moment(plain_bar(of.Film(3.0)), BETA * UNIT, current=("left", "right"))
    assert np.linalg.norm(found.bottom[:, at]) > 1.2 * np.linalg.norm(plain.bottom[:, at])


def test_the_profile_is_what_faces_and_edges_read():
    """Differences between the faces and means over the thickness, by Gauss points."""
    faces = Faces(1.3, FULL, 0.4 * np.eye(3), False, drive=(1.2, 0.7), read=(1.0, 1.0))
    T = analytic.torque_matrix(BETA, XT)
    squared, rates = np.array([-0.5 * np.trace(T @ T)]), np.array([1.0, 7.0])
    read = faces.response(rates, T[None], squared)
    top, bottom = (faces.profile(z, rates, T[None], squared) for z in (0.65, -0.65))
    points, weights = np.polynomial.legendre.leggauss(16)
    several = [faces.profile(0.65 * z, rates, T[None], squared) for z in points]
    mean = np.einsum("z,z...->...", 0.5 * weights, np.array(several))
    for i, value in enumerate(((top - bottom) / 1.3, mean)):
        both = np.concatenate([read[:, :, i, 0], read[:, :, i, 1]], axis=-1)
        assert_allclose(value, both, atol=1e-10)


def test_refusals_and_prisms(tmp_path, refuses):
    import meshio

    problem = plain_bar(of.Film(3.0))
    for wrong, words in (({"layers": 1}, "from 2"), ({"field": np.zeros((2, 3))}, "one field")):
        with refuses(of.InputError, words):
            of.film_moment(problem, current=("left", "right"), **wrong)
    plane = of.Problem(problem.mesh, problem.material, list(problem.contacts))
    with refuses(of.InputError, "Film"):
        of.film_moment(plane, current=("left", "right"))
    found = of.film_moment(problem, BETA * UNIT, current=("left", "right"), layers=4)
    grid = meshio.read(of.export_film(found, tmp_path / "film.vtu"))
    assert grid.cells[0].type == "hexahedron"
    assert len(grid.cells[0].data) == 3 * problem.mesh.n_cells
    n = found.density.shape[2]
    assert_allclose(grid.points[:n, 2], -1.5)
    assert_allclose(grid.points[-n:, 2], 1.5)
    written = grid.point_data["moment_density [C/m^3]"]
    assert_allclose(written[:n], found.bottom.T)
    assert_allclose(written[-n:], found.top.T)
