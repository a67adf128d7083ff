"""Closed forms of valves and of two channels against printed numbers and other routes."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from ohmr_fem import analytic

XT = np.array([[1.0, 0.15, 0.1], [0.15, 0.8, -0.05], [0.1, -0.05, 0.5]])
BETA = np.array([1.0, -0.7, 0.6])
X_AXIS, Y_AXIS, Z_AXIS = np.eye(3)
T = analytic.torque_matrix(BETA, XT)


def test_valve_numbers():
    """docs/theory, section 10, x = 2."""
    turned = analytic.torque_matrix((0.0, 0.0, 1.5))
    assert analytic.valve(2.0, turned, Y_AXIS, Y_AXIS) == pytest.approx(-0.0065115135, abs=1e-10)
    assert analytic.valve(2.0, T, Y_AXIS, Y_AXIS) == pytest.approx(0.0251653590, abs=1e-10)
    assert analytic.valve(2.0, T, Z_AXIS, X_AXIS) == pytest.approx(0.0299683261, abs=1e-10)
    W = XT / XT[2, 2]
    found = [
        analytic.valve(2.0, T, a, b, reading=W) for a, b in ((Y_AXIS, Y_AXIS), (Z_AXIS, X_AXIS))
    ]
    assert_allclose(found, [0.0476513622, 0.0677150933], atol=1e-10)


def test_pads_are_the_mean_over_both():
    points, weights = np.polynomial.legendre.leggauss(12)
    a, x = 1.2, 2.0
    places = 0.5 * a * points
    mean = sum(
        0.25 * u * v * analytic.valve(x + q - p, T, Y_AXIS, Z_AXIS)
        for p, u in zip(places, weights, strict=True)
        for q, v in zip(places, weights, strict=True)
    )
    assert analytic.valve(x, T, Y_AXIS, Z_AXIS, width=a) == pytest.approx(mean, rel=1e-12)


def test_absorbing_contacts():
    phi = np.array([0.0, 0.7, 3.0])
    for p, x in ((0.0, 2.0), (0.8, 1.3)):
        turned = analytic.torque_matrix((0.0, 0.0, p))
        clean = analytic.absorbing_valve(x, p, 0.0)
        assert clean == pytest.approx(analytic.valve(x, turned, Y_AXIS, Y_AXIS), rel=1e-12)
    # two sinks on a line: n'' = q^2 n, jumps n' = -1 + r n at the injector and r n at the reader
    x, r = 1.3, 0.6
    q = np.sqrt(1.0 + 1j * phi)
    found = []
    for k in q:
        # n = a exp(k z) | b exp(k z) + c exp(-k z) | d exp(-k (z - x))
        up, down = np.exp(k * x), np.exp(-k * x)
        matrix = [
            [1.0, -1.0, -1.0, 0.0],
            [-k - r, k, -k, 0.0],
            [0.0, up, down, -1.0],
            [0.0, -k * up, k * down, -k - r],
        ]
        found.append(np.linalg.solve(matrix, [0.0, -1.0, 0.0, 0.0])[3].real)
    assert_allclose(analytic.absorbing_valve(x, phi, r), found, rtol=1e-12)
    assert analytic.absorbing_valve(800.0, 1.0, 1.0) == pytest.approx(0.0, abs=1e-300)


GAMMA = np.array([[1.0, 0.1, 0.0], [0.1, 1.5, 0.0], [0.0, 0.0, 2.5]])
D = np.array([[1.0, 0.1], [0.1, 2.0]])
M = np.array([[1.3, -0.2], [-0.4, 2.0]])
ANGLES, INVERSE = (0.05, 0.02), (0.05, 0.03)
TORQUES = T, 2.0 * analytic.torque_matrix(BETA)


def test_relaxation_tensor():
    found = analytic.strip_relaxation_tensor(5.0, GAMMA, T)
    assert found == pytest.approx(0.2381907049, abs=1e-10)
    scalars = analytic.three_scalars(BETA, XT)
    plain = analytic.three_scalar_response(lambda s: analytic.strip_response(s, 5.0), scalars)
    assert analytic.strip_relaxation_tensor(5.0, np.eye(3), T) == pytest.approx(plain, rel=1e-12)


def test_two_channels_numbers():
    found = analytic.strip_two_channels(4.0, D, M, ANGLES, INVERSE, TORQUES)
    assert found == pytest.approx(0.0012973001068, abs=1e-13)
    still = analytic.strip_two_channels(4.0, D, M, ANGLES, INVERSE, (0 * T, 0 * T))
    assert still == pytest.approx(0.0015378940494, abs=1e-13)


def test_two_channels_from_the_poles_of_the_strip():
    """sum_k g_k alpha'^T D [kappa_k D + M + T]^-1 alpha, g_k = 8/l^2, kappa_k = ((2k+1) pi/l)^2."""
    width, total = 4.0, 0.0
    one = np.eye(3)
    torque = np.zeros((6, 6))
    torque[:3, :3], torque[3:, 3:] = TORQUES
    count = 4000
    for k in range(count):
        kappa = ((2 * k + 1) * np.pi / width) ** 2
        matrix = np.kron(kappa * D + M, one) + torque
        inside = np.linalg.inv(matrix)[2::3, 2::3]
        total += 8.0 / width**2 * (np.array(INVERSE) @ D @ inside @ ANGLES)
    tail = 1.0 - 8.0 / np.pi**2 * np.sum(1.0 / (2 * np.arange(count) + 1.0) ** 2)
    total += tail * np.dot(INVERSE, ANGLES)
    found = analytic.strip_two_channels(width, D, M, ANGLES, INVERSE, TORQUES)
    assert found == pytest.approx(total, rel=1e-9)


def test_fast_conversion_is_one_channel():
    a, b, width = 1.2, 0.8, 3.0
    same = (T, T)
    expected = 0.5 * sum(ANGLES) * sum(INVERSE)
    one = analytic.strip_relaxation_tensor(width, 0.5 * (a + b) * np.eye(3), T)
    errors = []
    for c in (1e3, 1e4):
        found = analytic.strip_two_channels(
            width, np.eye(2), [[a + c, -c], [-c, b + c]], ANGLES, INVERSE, same
        )
        errors.append(abs(found - expected * one))
    # the other channel, of rate 2 c, fades as its tanh(z)/z does
    assert errors[1] < 0.4 * errors[0] < 1e-5


def test_a_line_read_at_the_edges():
    """Residue by residue: the poles of tanh at k = i (2m + 1) pi/w, that of 1/(k^2 + s) at i q."""
    x, w, phi = 0.7, 1.3, 1.5
    s = 1.0 + 1j * phi
    q = np.sqrt(s)
    K = (2 * np.arange(400) + 1) * np.pi / w
    first = np.tan(0.5 * q * w) * np.exp(-q * x) / q
    others = (4.0 / w) * np.exp(-K * x) / (s - K**2)
    expected = np.real(first + others.sum())
    turned = phi * np.array([[0, 0, 0], [0, 0, -1], [0, 1, 0]])  # B along x
    found = analytic.line_to_edges(x, w, turned, Z_AXIS)
    assert found == pytest.approx(expected, rel=1e-8)
    assert analytic.line_to_edges(-x, w, turned, Z_AXIS) == -found
