"""The closed forms of a film against printed numbers, a series, a collocation and each other."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from ohmr_fem import analytic

BETA = np.array([1.0, -0.7, 0.6])
XT = np.array([[1.0, 0.15, 0.1], [0.15, 0.8, -0.05], [0.1, -0.05, 0.5]])

#: docs/theory, section 9: thickness L_m, reflecting faces.
REFLECTING = [
    (XT, [[0.9109344027, 0.0365782363], [-0.0286981406, 0.9322729403]]),
    (np.eye(3), [[0.9158770422, 0.0450110324], [-0.0364079580, 0.9190110193]]),
    (np.diag([1, 1, 0.25]), [[0.9204506616, 0.0421710656], [-0.0400001171, 0.9212415071]]),
]
UNEQUAL = [[0.6850305738, 0.0507428894], [-0.0304990225, 0.7131631901]]


@pytest.mark.parametrize("X, tensor", REFLECTING)
def test_reflecting_faces(X, tensor):
    assert_allclose(analytic.film_tensor(1.0, BETA, X), tensor, atol=1e-10)


def test_unequal_faces():
    found = analytic.film_tensor(1.0, BETA, XT, bottom=3.0, top=0.2)
    assert_allclose(found, UNEQUAL, atol=1e-10)
    exchanged = analytic.film_tensor(1.0, BETA, XT, bottom=0.2, top=3.0)
    assert_allclose(exchanged, UNEQUAL, atol=1e-10)


def collocated(thickness, torque, bottom, top, count=40):
    """(n(top) - n(bottom))/thickness for n' = 1 at both faces, (3, 3), on Chebyshev points."""
    x = np.cos(np.pi * np.arange(count + 1) / count)
    weight = np.array([2.0, *np.ones(count - 1), 2.0]) * (-1.0) ** np.arange(count + 1)
    D = np.outer(weight, 1 / weight) / (x[:, None] - x + np.eye(count + 1))
    D -= np.diag(D.sum(axis=1))
    D *= 2.0 / thickness
    one, here = np.eye(3), np.eye(count + 1)
    A = np.kron(D @ D, one) - np.kron(here, one + torque)
    A[:3] = np.kron(D[:1], one) + np.kron(here[:1], np.broadcast_to(top, (3, 3)))
    A[-3:] = np.kron(D[-1:], one) - np.kron(here[-1:], np.broadcast_to(bottom, (3, 3)))
    b = np.zeros((3 * count + 3, 3))
    b[:3] = b[-3:] = one
    n = np.linalg.solve(A, b)
    return (n[:3] - n[-3:]) / thickness


def test_full_tensor_faces_against_collocation():
    bottom = np.array([[1.0, 0.2, 0.0], [0.2, 0.5, 0.1], [0.0, 0.1, 2.0]])
    top = analytic.magnetic_absorption(0.7, 0.3, (1.0, 2.0, -1.0))
    torque = analytic.torque_matrix(BETA, XT)
    found = analytic.film_matrix(1.3, torque, bottom, top)
    assert_allclose(found, collocated(1.3, torque, bottom, top), atol=1e-10)


def test_absorbing_faces_are_the_limit_of_strong_absorption():
    torque = analytic.torque_matrix(BETA, XT)
    one = analytic.film_matrix(1.0, torque, np.inf, 0.4)
    assert_allclose(analytic.film_matrix(1.0, torque, 1e12, 0.4), one, atol=1e-10)
    assert_allclose(analytic.film_matrix(1.0, torque, np.inf, np.inf), 0.0, atol=1e-15)


def odd_modes(thickness, torque, count=20_000):
    """(8/l^2) sum over odd m of (M + (m pi/l)^2)^-1, with the tail of its two leading terms."""
    M = np.eye(3) + torque
    squares = ((2 * np.arange(count) + 1) * np.pi / thickness) ** 2
    total = sum(np.linalg.inv(M + k * np.eye(3)) for k in squares)
    known = np.sum(1.0 / squares)
    # sum 1/k = l^2/8 and sum 1/k^2 = l^4/96 over all odd m
    tail = (thickness**2 / 8 - known) * np.eye(3)
    tail = tail - (thickness**4 / 96 - np.sum(1.0 / squares**2)) * M
    return 8.0 / thickness**2 * (total + tail)


def test_against_the_sum_over_odd_modes():
    torque = analytic.torque_matrix(BETA, XT)
    for thickness in (0.3, 1.0, 4.0):
        found = analytic.film_matrix(thickness, torque)
        assert_allclose(found, odd_modes(thickness, torque, 2000), atol=1e-11)


@pytest.mark.parametrize("thickness", [1e-3, 0.5, 3.0, 300.0])
def test_the_form_of_velez(thickness):
    for beta in (BETA, 4.0 * BETA, 1e-3 * BETA, np.zeros(3)):
        found = analytic.film_tensor(thickness, beta)
        assert_allclose(found, analytic.film_isotropic(thickness, beta), rtol=1e-11, atol=1e-13)


def test_limits_of_thickness():
    # a thin film has the moment of both faces everywhere: h -> 1; a thick one has two layers
    assert_allclose(analytic.film_tensor(1e-5, BETA, XT), np.eye(2), atol=1e-9)
    thick = analytic.film_tensor(1e4, np.zeros(3))
    assert_allclose(thick, 2e-4 * np.eye(2), rtol=1e-12)


def test_without_precession_and_with_growth():
    # X singular with its null vector along the field: omega = 0 and T^3 = 0, a defective matrix
    X = np.diag([1.0, 1.0, 0.0])
    beta = np.array([0.8, 0.0, 0.0])
    torque = analytic.torque_matrix(beta, X)
    assert np.abs(torque @ torque).max() < 1e-15 < np.abs(torque).max()
    assert_allclose(analytic.film_matrix(1.0, torque), collocated(1.0, torque, 0, 0), atol=1e-10)
    growing = analytic.torque_matrix(beta, np.diag([1.0, 1.0, -0.5]))
    assert_allclose(analytic.film_matrix(1.0, growing), collocated(1.0, growing, 0, 0), atol=1e-10)


def test_film_of_the_older_form():
    older = analytic.film_response(1.0, BETA, XT)
    assert_allclose(analytic.film_tensor(1.0, BETA, XT)[0, 0], older, rtol=1e-12)


@pytest.mark.parametrize(
    "angle, length, mixing, thickness, expected",
    [(0.11, 1.5e-9, 4e14, 8e-9, 7.2172628869e-4), (0.08, 1.1e-9, 7e14, 3e-9, 6.8612250259e-4)],
)
def test_spin_hall_magnetoresistance(angle, length, mixing, thickness, expected):
    sigma = 2.5e6
    closed = analytic.spin_hall_magnetoresistance(thickness, length, sigma, mixing, angle)
    assert closed == pytest.approx(expected, rel=1e-9)
    # the same from the tensor: G L_m/D = 2 g_r L_m/sigma
    G = 2.0 * mixing * length / sigma
    along, across = (
        analytic.film_tensor(
            thickness / length, np.zeros(3), bottom=analytic.magnetic_absorption(G, 0.0, m)
        )[0, 0]
        for m in ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0))
    )
    assert angle**2 * (across - along) == pytest.approx(expected, rel=1e-9)


def test_reciprocity_of_the_local_tensor():
    # Onsager: sigma_ij(B) = sigma_ji(-B), and not with the printed detector on an anisotropic X
    forth, back = (analytic.film_tensor(1.0, b, XT, detection="reciprocal") for b in (BETA, -BETA))
    assert_allclose(forth, back.T, atol=1e-12)
    forth, back = (analytic.film_tensor(1.0, b, XT) for b in (BETA, -BETA))
    assert np.abs(forth - back.T).max() > 1e-4
