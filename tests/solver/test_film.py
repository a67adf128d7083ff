"""The kernel through the thickness against closed forms by matrix functions, and by collocation."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

import ohmr_fem as of
from ohmr_fem import analytic
from ohmr_fem.model.film import Film, magnetic_face
from ohmr_fem.model.material import torque_of
from ohmr_fem.solver.film import Divided, Faces, odd_part

BETA = np.array([1.0, -0.7, 0.6])
XT = np.array([[1.0, 0.15, 0.1], [0.15, 0.8, -0.05], [0.1, -0.05, 0.5]])
NONE = np.zeros((3, 3))
FULL = np.array([[1.0, 0.2, 0.0], [0.2, 0.5, 0.1], [0.0, 0.1, 2.0]])
MAGNET = analytic.magnetic_absorption(0.7, 0.3, (1.0, 2.0, -1.0))


def faces_of(thickness, bottom=NONE, top=NONE):
    reflecting = bottom is NONE and top is NONE
    return Faces(thickness, bottom, top, reflecting)


def local(faces, T):
    squared = np.array([-0.5 * np.trace(T @ T)])
    return faces.local(T[None], squared)[0]


CASES = [
    (0.05, NONE, NONE),
    (1.0, NONE, NONE),
    (30.0, NONE, NONE),
    (1.0, 3.0 * np.eye(3), 0.2 * np.eye(3)),
    (1.3, FULL, MAGNET),
    (0.02, MAGNET, NONE),
    (40.0, FULL, FULL),
    (1.0, None, 0.4 * np.eye(3)),
    (1.0, FULL, None),
    (1.0, None, None),
]


@pytest.mark.parametrize("thickness, bottom, top", CASES)
@pytest.mark.parametrize("size", [0.0, 1e-4, 0.1, 1.0, 30.0])
def test_against_matrix_functions(thickness, bottom, top, size):
    T = size * analytic.torque_matrix(BETA, XT)
    given = [np.inf if G is None else G for G in (bottom, top)]
    expected = analytic.film_matrix(thickness, T, *given)
    assert_allclose(local(faces_of(thickness, bottom, top), T), expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("X", [np.diag([1.0, 1.0, 0.0]), np.diag([1.0, 1.0, -0.5])])
def test_no_precession_and_growth(X):
    T = analytic.torque_matrix((0.8, 0.0, 0.0), X)
    for bottom, top in ((NONE, NONE), (FULL, MAGNET)):
        expected = analytic.film_matrix(1.0, T, bottom, top)
        assert_allclose(local(faces_of(1.0, bottom, top), T), expected, rtol=1e-11, atol=1e-13)


def test_weak_fields_keep_their_digits():
    T = 1e-7 * analytic.torque_matrix(BETA, np.eye(3))
    squared = np.array([-0.5 * np.trace(T @ T)])
    found = Divided.of(odd_part(1.0), np.array([1.0, 1e4]), squared)
    # first and second become h' and h''/2
    step = 1e-3
    h = odd_part(1.0)
    slope = (h(1 + step) - h(1 - step)).real / (2 * step)
    assert found.first[0, 0] == pytest.approx(slope, rel=1e-6)
    curvature = (h(1 + step) + h(1 - step) - 2 * h(1)).real / step**2
    assert found.second[0, 0] == pytest.approx(curvature / 2, rel=1e-5)


def through_thickness(thickness, w, T, bottom, top, count=48, drive=(1, 1), read=(1, 1)):
    """Reads of faces and edges for unit drives, [reader][driver], on Chebyshev points; ``drive``
    and ``read`` are the strengths of the bottom and the top face.
    """
    x = np.cos(np.pi * np.arange(count + 1) / count)
    weight = np.array([2.0, *np.ones(count - 1), 2.0]) * (-1.0) ** np.arange(count + 1)
    D = np.outer(weight, 1 / weight) / (x[:, None] - x + np.eye(count + 1))
    D -= np.diag(D.sum(axis=1))
    D *= 2.0 / thickness
    one, here = np.eye(3), np.eye(count + 1)
    A = np.kron(D @ D, one) - np.kron(here, (1 + w) * one + T)
    b = np.zeros((3 * count + 3, 6))
    b[:, 3:] = -np.kron(np.ones((count + 1, 1)), one)
    for G, rows, at, side in ((top, slice(0, 3), 0, 1.0), (bottom, slice(-3, None), -1, -1.0)):
        b[rows] = 0.0
        if G is None:
            A[rows] = np.kron(here[[at]], one)
        else:
            A[rows] = np.kron(D[[at]], one) + side * np.kron(here[[at]], G)
            b[rows, :3] = drive[at + 1 if at else 1] * one
    n = np.linalg.solve(A, b)
    # Clenshaw-Curtis mean over the thickness
    k = np.arange(0, count + 1, 2)
    moments = 1.0 / (1.0 - k**2)
    moments[[0, -1]] /= 2.0
    share = 2.0 / count * np.cos(np.outer(np.arange(count + 1), k) * np.pi / count) @ moments
    share[[0, -1]] /= 2.0
    mean = np.einsum("z,zaj->aj", share, n.reshape(count + 1, 3, 6))
    faces = (read[1] * n[:3] - read[0] * n[-3:]) / thickness
    return faces, mean


@pytest.mark.parametrize("thickness, bottom, top", CASES[:1] + CASES[3:6] + CASES[7:])
def test_edges_and_cross_terms_against_collocation(thickness, bottom, top):
    T = analytic.torque_matrix(BETA, XT)
    squared = np.array([-0.5 * np.trace(T @ T)])
    for w in (0.0, 2.5):
        found = faces_of(thickness, bottom, top).response(np.array([1.0 + w]), T[None], squared)
        faces, mean = through_thickness(thickness, w, T, bottom, top)
        for i, expected in enumerate((faces, mean)):
            both = np.hstack([found[0, 0, i, 0], found[0, 0, i, 1]])
            assert_allclose(both, expected, atol=2e-9)


@pytest.mark.parametrize("bottom, top", [(NONE, NONE), (FULL, 0.2 * np.eye(3)), (None, MAGNET)])
def test_faces_with_sources_of_their_own_against_collocation(bottom, top):
    T = analytic.torque_matrix(BETA, XT)
    squared = np.array([-0.5 * np.trace(T @ T)])
    strengths = {"drive": (1.3, 0.4), "read": (-0.5, 1.7)}
    for w in (0.0, 2.5):
        faces = Faces(1.3, bottom, top, bottom is NONE, **strengths)
        found = faces.response(np.array([1.0 + w]), T[None], squared)
        expected = through_thickness(1.3, w, T, bottom, top, **strengths)
        for i, one in enumerate(expected):
            both = np.hstack([found[0, 0, i, 0], found[0, 0, i, 1]])
            assert_allclose(both, one, atol=2e-9)


def metal(**changes):
    given = {
        "resistivity": "180 uohm cm",
        "diffusion_length": "2 nm",
        "relaxation_time": "2 ps",
        "orbital_hall_angle": 0.1,
        "inverse_mass": XT,
    }
    return of.Material(**(given | changes))


def test_faces_take_their_units_from_the_material():
    sheet = metal().as_sheet(4e-9)
    D = sheet.diffusion_constant
    faces = Faces.of(Film("4 nm", bottom=f"{0.5 * D / 2e-9} m/s", top="absorbing"), sheet)
    assert faces.thickness == pytest.approx(2.0, rel=1e-14)
    assert_allclose(faces.bottom, 0.5 * np.eye(3), rtol=1e-12)
    assert faces.top is None
    face = magnetic_face(mixing_conductance=(4e14, 1e14), magnetisation=(0.0, 2.0, 0.0))
    magnet = Faces.of(Film("4 nm", top=face), sheet).top
    G = 2.0 * 4e14 * 1.8e-6 * 2e-9
    assert_allclose(magnet, analytic.magnetic_absorption(G, G / 4, (0, 1, 0)), rtol=1e-12)


def test_torque_of_one_and_of_several_fields():
    fields = np.array([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]])
    T, squared = torque_of(metal(), fields)
    assert T.shape == (2, 3, 3) and squared.shape == (2,)
    one, _ = torque_of(metal(), fields[:1])
    assert_allclose(one[0], T[0])
